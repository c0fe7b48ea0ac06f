"""The mood in the fields of an audio file: TMOO or TXXX:MOOD of ID3, MOOD of Vorbis comments, MP4 and APEv2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emomusic.errors import AudioError
from emomusic.media.tags import file_types

_TMOO, _TXXX, _VORBIS, _MP4, _APE = "TMOO", "TXXX:MOOD", "MOOD", "----:com.apple.iTunes:MOOD", "Mood"
_SEPARATOR = "; "  # of several moods of a file


def read_mood(path: Path) -> tuple[str, str | None]:
    """The name of the field that the file has for a mood, and its text; None without one.

    Raises:
        AudioError: the file cannot be read, or has no field for a mood.
    """
    file, field = _opened(path)
    value = None if file.tags is None else file.tags.get(field)
    if value is None:
        return field, None
    parts = value if field == _APE else getattr(value, "text", value)
    return field, _SEPARATOR.join(
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts
    )


def write_mood(path: Path, mood: str | None) -> None:
    """Write a mood, or remove the field, in place, and read it back.

    Raises:
        AudioError: the file cannot be written, or another of its fields would change.
    """
    before = _others(path)
    if "\N{REPLACEMENT CHARACTER}" in str(before):
        raise AudioError(f"{path.name!r} has a field that is no Unicode; correct it in another program.")
    _save(*_opened(path), mood)
    if _others(path) != before:
        raise AudioError(f"{path.name!r} has fields in a rare form, which would change; write its mood yourself.")
    if read_mood(path)[1] != mood:
        raise AudioError(f"{path.name!r} does not keep a mood; write it in another program.")


def _ape_file(path: Path) -> Any:
    """A file of any format that may have a tag of APEv2."""
    from mutagen.apev2 import APEv2File

    class Ape(APEv2File):
        class _Info:
            def __init__(self, _: object) -> None:
                pass

    return Ape(path)  # type: ignore[no-untyped-call]


def _opened(path: Path) -> tuple[Any, str]:
    """The file as mutagen has it, and the field for a mood: the one that has one, or the one of the format."""
    import mutagen
    from mutagen.id3 import ID3
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4

    try:
        file: Any = mutagen.File(path, options=file_types())
        if isinstance(file, MP3) and file.tags is None and (ape := _ape_file(path)).tags is not None:
            return ape, _APE
        if file is not None and file.tags is None:
            file.add_tags()
    except (mutagen.MutagenError, OSError, ValueError) as error:
        raise AudioError(f"{path.name!r} cannot be tagged: {' '.join(str(error).split())[:120]}") from error
    if file is None:
        raise AudioError(f"{path.name!r} has no field for a mood; choose MP3, FLAC, Ogg, Opus, M4A, WAV or AIFF.")
    if not isinstance(file.tags, ID3):
        return file, _MP4 if isinstance(file, MP4) else _VORBIS
    own = [_TXXX, _TMOO] if file.tags.version[:2] == (2, 3) else [_TMOO, _TXXX]  # 2.3 has no field of its own
    known = {name.casefold(): name for name in dict(file.tags)}
    return file, next((known[name.casefold()] for name in own if name.casefold() in known), own[0])


def _others(path: Path) -> dict[str, str]:
    """The other fields, for comparison."""
    file, field = _opened(path)
    names = {} if file.tags is None else dict(file.tags)
    return {str(name): repr(value) for name, value in names.items() if name.casefold() != field.casefold()}


def _save(file: Any, field: str, mood: str | None) -> None:
    import mutagen
    from mutagen.id3 import ID3, TMOO, TXXX

    texts, tags = [] if mood is None else mood.split(_SEPARATOR), file.tags
    try:
        if mood is None:
            if field in tags:
                del tags[field]
        elif not isinstance(tags, ID3):
            tags[field] = [text.encode() for text in texts] if field.startswith("----") else texts
        elif field == _TMOO:
            tags[field] = TMOO(encoding=3, text=texts)  # type: ignore[no-untyped-call]
        else:
            tags[field] = TXXX(encoding=1, desc=field.partition(":")[2], text=texts)  # type: ignore[no-untyped-call]
        if isinstance(tags, ID3) and not tags:
            file.delete()
        elif isinstance(tags, ID3) and tags.version[:2] == (2, 3):
            tags.update_to_v23()  # type: ignore[no-untyped-call]
            file.save(v2_version=3, v23_sep=None)
        else:
            file.save()
    except (mutagen.MutagenError, OSError, ValueError) as error:
        raise AudioError(f"the mood cannot be written: {' '.join(str(error).split())[:120]}") from error
