"""The mood in the fields of an audio file: TMOO of ID3, MOOD of Vorbis comments, MP4 and APEv2.

Nothing else in the file changes. ID3v2.3 and 2.4 are edited byte by byte, as mutagen would write all frames again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emomusic.errors import AudioError
from emomusic.media.formats import id3_number
from emomusic.media.tags import id3_frames

_TMOO, _VORBIS, _MP4, _APE = "TMOO", "MOOD", "----:com.apple.iTunes:MOOD", "Mood"
_PADDING = 1024  # after a tag that grows
_HEADER = 10  # bytes, of an ID3 tag and of a frame


def read_mood(path: Path) -> tuple[str, str | None]:
    """The name of the field that the file has for a mood, and its text; None without one.

    Raises:
        AudioError: the file cannot be read, or has no field for a mood.
    """
    file, field = _opened(path)
    value = None if file.tags is None else file.tags.get(field)
    if value is None:
        return field, None
    if field == _TMOO:
        return field, "; ".join(map(str, value.text))
    parts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in value]
    return field, str(value) if field == _APE else "; ".join(parts)


def write_mood(path: Path, mood: str | None) -> None:
    """Write a mood, or remove the field, in place.

    Raises:
        AudioError: the file cannot be written, or another of its fields would change.
    """
    before = _others(path)
    if "\N{REPLACEMENT CHARACTER}" in str(before):
        raise AudioError(f"{path.name!r} has a field that is no Unicode; correct it in another program.")
    file, field = _opened(path)
    content = path.read_bytes() if field == _TMOO else b""
    if field == _TMOO and (tag := _spliced(content, mood)) is not None:
        path.write_bytes(tag)
    else:
        _save(file, field, mood)
    if _others(path) != before:
        raise AudioError(f"{path.name!r} has fields in a rare form, which would change; write its mood yourself.")


def _ape_file(path: Path) -> Any:
    """A file of any format that may have a tag of APEv2."""
    from mutagen.apev2 import APEv2File

    class Ape(APEv2File):
        class _Info:
            def __init__(self, _: object) -> None:
                pass

    return Ape(path)  # type: ignore[no-untyped-call]


def _opened(path: Path) -> tuple[Any, str]:
    """The file as mutagen has it, and the field for a mood."""
    import mutagen
    from mutagen.aiff import AIFF
    from mutagen.flac import FLAC
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggspeex import OggSpeex
    from mutagen.oggvorbis import OggVorbis
    from mutagen.wave import WAVE

    try:
        kinds = [MP3, FLAC, OggVorbis, OggOpus, OggFLAC, OggSpeex, MP4, WAVE, AIFF]
        file: Any = mutagen.File(path, options=kinds)
        if isinstance(file, MP3) and file.tags is None and (ape := _ape_file(path)).tags is not None:
            return ape, _APE
    except (mutagen.MutagenError, OSError, ValueError) as error:
        raise AudioError(f"{path.name!r} cannot be tagged: {' '.join(str(error).split())[:120]}") from error
    if file is None:
        raise AudioError(f"{path.name!r} has no field for a mood; choose MP3, FLAC, Ogg, Opus, M4A, WAV or AIFF.")
    if isinstance(file, MP4):
        return file, _MP4
    return file, _TMOO if isinstance(file, MP3 | WAVE | AIFF) else _VORBIS


def _others(path: Path) -> dict[str, str]:
    """The other fields, for comparison."""
    file, field = _opened(path)
    names = {} if file.tags is None else dict(file.tags)
    return {str(name): repr(value) for name, value in names.items() if name.casefold() != field.casefold()}


def _save(file: Any, field: str, mood: str | None) -> None:
    import mutagen
    from mutagen.id3 import TMOO

    try:
        if file.tags is None:
            file.add_tags()
        if mood is None:
            file.tags.pop(field, None)
        elif field == _TMOO:
            file.tags.setall(field, [TMOO(encoding=3, text=[mood])])  # type: ignore[no-untyped-call]
        else:
            file.tags[field] = [mood.encode()] if field == _MP4 else mood
        if field == _TMOO and file.tags.version[:2] == (2, 3):
            file.tags.update_to_v23()
            file.save(v2_version=3, v23_sep=None)
        else:
            file.save()
    except (mutagen.MutagenError, OSError, ValueError) as error:
        raise AudioError(f"the mood cannot be written: {' '.join(str(error).split())[:120]}") from error


def _spliced(content: bytes, mood: str | None) -> bytes | None:
    """An MP3 with another TMOO frame in its ID3 tag, or with a new tag; None if its tag has a rarer form."""
    if not content.startswith(b"ID3"):
        is_mp3 = len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0
        frame = _frame(mood, 4)
        return b"ID3\x04\0\0" + _sized(len(frame), 7) + frame + content if is_mp3 else None
    major, flags, end, kept = content[3], content[5], _HEADER + id3_number(content[6:_HEADER]), bytearray()
    if major not in (3, 4) or flags:
        return None
    for name, at, length in id3_frames(content):
        if at + length > end:
            return None
        if name != b"TMOO":
            kept += content[at : at + length]
    kept += _frame(mood, major)
    padding = end - _HEADER - len(kept)
    padding = padding if padding >= 0 else _PADDING
    return content[:6] + _sized(len(kept) + padding, 7) + kept + bytes(padding) + content[end:]


def _sized(number: int, bits: int) -> bytes:
    return bytes(number >> bits * place & (1 << bits) - 1 for place in (3, 2, 1, 0))


def _frame(mood: str | None, major: int) -> bytes:
    """The TMOO frame of a version of ID3; empty without a mood."""
    if mood is None:
        return b""
    text = b"\0" + mood.encode() if mood.isascii() else b"\x01" + mood.encode("utf-16")
    return b"TMOO" + _sized(len(text), 7 if major == 4 else 8) + bytes(2) + text
