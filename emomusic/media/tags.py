"""Tags of audio files, as mutagen reads them, and their field for a mood. Their encoding is often declared wrongly."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from emomusic.errors import AudioError
from emomusic.media.encodings import bytes_of_western, decode_texts, utf_8

log = logging.getLogger(__name__)

MOST_TAGS = 5000
"""Tags of one file, for whose number FFmpeg takes time in its square; songs have fewer than a hundred."""

_MAX_CHARS = 300
_VALUES = 100
_COMMENTS = (b"\x03vorbis", b"OpusTags")  # the marks before comments

FIELDS = {
    "title": ("tit2", "\xa9nam"),
    "artist": ("tpe1", "\xa9art"),
    "artists": ("txxx:artists", "----:com.apple.itunes:artists"),  # Picard's: one artist in each
    "album_artist": ("tpe2", "aart", "albumartist", "album artist"),
    "composer": ("tcom", "\xa9wrt"),
    "album": ("talb", "\xa9alb"),
    "genre": ("tcon", "\xa9gen", "txxx:genre", "----:com.apple.itunes:genre"),
    "date": ("tdrc", "\xa9day", "year"),
    "track": ("trck", "trkn", "tracknumber"),
    "disc": ("tpos", "disk", "discnumber"),
    "itunesadvisory": ("rtng", "txxx:itunesadvisory", "----:com.apple.itunes:itunesadvisory"),
}
"""The names of tags, and their keys in ID3, MP4, Vorbis comments and APEv2 besides, in lower case."""

_NAMES = {key: name for name, keys in FIELDS.items() for key in (name, *keys)}
_SLASHED = ("artist", "artists", "genre")  # ID3v2.3 separates values by slashes, which names have too: AC/DC
_SHORTEST = 3  # letters of an artist between slashes


def read_texts(values: Mapping[str, str]) -> dict[str, str]:
    """The texts of tags, without those in an unknown encoding.

    Some files declare UTF-8, Asian, Cyrillic or Greek text as Latin-1. All values together reveal its encoding.

    Args:
        values: the values by name; bytes outside UTF-8 are surrogates.
    """
    known = {name: _bytes_of(value) for name, value in list(values.items())[:_VALUES]}
    decoded, _ = decode_texts([content for content in known.values() if content is not None])
    legacy = iter(decoded)
    texts = {name: values[name] if content is None else next(legacy) for name, content in known.items()}
    texts = {name: " ".join(text.replace("\0", ";").split())[:_MAX_CHARS] for name, text in texts.items()}
    return {name: text for name, text in texts.items() if text and "\ufffd" not in text}


def _bytes_of(value: str) -> bytes | None:
    """The bytes of a tag that is not UTF-8, or may have been read as Western; None for others."""
    content = value.encode("utf-8", "surrogateescape")
    return content if utf_8(content) is None else bytes_of_western(value)


def num_tags(head: bytes) -> int:
    """The number of tags that a file announces, or of those in its first bytes.

    Args:
        head: the first bytes of an MP3, FLAC, Ogg, MP4 or Matroska file, or of one with an ID3 tag.
    """
    counts = [_num_comments(head, head.find(mark) + len(mark)) for mark in _COMMENTS if mark in head]
    if head.startswith(b"ID3") and len(head) > 3:
        counts.append(_num_frames(head))
    at = head.find(b"fLaC") + 4
    while at > 3 and at + 4 <= len(head) and head[at] & 0x7F != 4 and not head[at] & 0x80:
        at += 4 + int.from_bytes(head[at + 1 : at + 4], "big")
    if at > 3 and at < len(head) and head[at] & 0x7F == 4:
        counts.append(_num_comments(head, at + 4))
    return max([*counts, head.count(b"----mean"), head.count(b"\x67\xc8")])  # MP4's freeform fields, Matroska's tags


def _num_frames(tag: bytes) -> int:
    """The number of frames in an ID3 tag."""
    from mutagen.id3 import BitPaddedInt

    size: Any = BitPaddedInt
    num_chars, header, bits = (3, 6, 8) if tag[3] == 2 else (4, 10, 7 if tag[3] == 4 else 8)
    at, end, number = 10, min(10 + size(tag[6:10]), len(tag)), 0
    while at + header <= end and tag[at]:
        at += header + size(tag[at + num_chars : at + 2 * num_chars], bits=bits)
        number += 1
    return number


def _num_comments(head: bytes, at: int) -> int:
    """The number that Vorbis comments begin with, after the name of the program that wrote them."""
    at += 4 + int.from_bytes(head[at : at + 4], "little")
    return int.from_bytes(head[at : at + 4], "little")


def tags_of(file: Any, demuxer: str) -> dict[str, str]:
    """The tags of a song that mutagen reads, by the names of `FIELDS`; values are separated by null characters.

    Args:
        file: a file with `read`, `seek` and `tell`.
        demuxer: the name as in `Format.demuxer`.
    """
    values: dict[str, str] = {}
    for tags in _blocks(file, demuxer):
        try:
            named = [(_name(key), key) for key in tags.keys()]  # noqa: SIM118
            found = {name: [_text(part) for part in _listed(tags[key])] for name, key in named if name}
            if getattr(tags, "version", (2, 4))[:2] in ((2, 2), (2, 3)):
                found |= {name: _unslashed(found[name]) for name in _SLASHED if name in found}
        except Exception:  # parsers raise anything on hostile bytes
            continue
        values = {name: "\0".join(parts) for name, parts in found.items() if any(map(str.strip, parts))} | values
    return values


def _blocks(file: Any, demuxer: str) -> Iterator[Any]:
    """The blocks of tags of a file, the best one first."""
    import mutagen
    from mutagen.apev2 import APEv2
    from mutagen.id3 import ID3

    def opened(*kinds: Any) -> Iterator[Any]:
        for kind in kinds:
            file.seek(0)
            with contextlib.suppress(Exception):  # as above
                yield kind(file)

    if demuxer == "mp3":
        yield from opened(partial(ID3, load_v1=False), APEv2, ID3)  # ID3v1 cuts its texts
    else:
        found = [*opened(mutagen.File)]
        yield from (file.tags for file in found if file is not None and file.tags is not None)


def _name(key: Any) -> str | None:
    return _NAMES.get(str(key).casefold())


def _listed(value: Any) -> list[Any]:
    """The values of a field: of ID3 its texts, with the names of numbered genres."""
    texts = getattr(value, "genres", None) or getattr(value, "text", None) or value
    return [texts] if isinstance(texts, str | bytes) else list(texts)


def _text(value: Any) -> str:
    if isinstance(value, tuple):  # MP4 has a number and how many there are
        return str(value[0])
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _unslashed(values: list[str]) -> list[str]:
    """The values of an ID3v2.3 field, also of those with slashes between names, if none of them is very short."""
    parts = [value.split("/") for value in values]
    return [
        name.strip()
        for value, names in zip(values, parts, strict=True)
        for name in (names if min(len(name.strip()) for name in names) >= _SHORTEST else [value])
    ]


# The mood: TMOO or TXXX:MOOD of ID3, MOOD of Vorbis comments, MP4 and APEv2

_TMOO, _TXXX, _VORBIS, _MP4, _APE = "TMOO", "TXXX:MOOD", "MOOD", "----:com.apple.iTunes:MOOD", "Mood"
_SEPARATOR = "; "  # between several moods of a file
_SORTED_BY = ("TSOA", "TSOP", "TSOT", "TMOO")  # fields of ID3v2.4 that programs write into ID3v2.3 too
_ID3V1_BYTES = 128


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


def write_mood(path: Path, mood: str) -> None:
    """Write a mood in place, and read it back.

    Raises:
        AudioError: the file cannot be written, or another of its fields would change.
    """
    before = _others(path)
    if "\N{REPLACEMENT CHARACTER}" in str(before):
        raise AudioError(f"{path.name!r} has a field that is no Unicode; correct it in another program.")
    file, field = _opened(path)
    if getattr(file.tags, "version", (2, 4))[:2] == (2, 2) and file.tags.unknown_frames:
        raise AudioError(f"{path.name!r} has old fields, which would vanish; write its mood in another program.")
    with _kept_id3v1(path):
        _save(file, field, mood, path.name)
    if _others(path) != before:
        raise AudioError(f"{path.name!r} has fields in a rare form, which would change; write its mood yourself.")
    if read_mood(path)[1] != mood:
        raise AudioError(f"{path.name!r} does not keep a mood; write it in another program.")


@contextlib.contextmanager
def _kept_id3v1(path: Path) -> Iterator[None]:
    """Keep the last 128 bytes of an MP3 if they are ID3v1, in any encoding; mutagen writes or drops it."""
    with path.open("rb") as opened:
        opened.seek(max(path.stat().st_size - _ID3V1_BYTES, 0))
        old = opened.read()
    yield
    if path.suffix.lower() == ".mp3" and old.startswith(b"TAG") and len(old) == _ID3V1_BYTES:
        with path.open("r+b") as opened:
            opened.seek(-_ID3V1_BYTES, os.SEEK_END)
            opened.seek(0 if opened.read(3) != b"TAG" else -_ID3V1_BYTES, os.SEEK_END)
            opened.write(old)


def _opened(path: Path) -> tuple[Any, str]:
    """The file as mutagen has it, and the field for a mood: the one that has one, or the one of the format."""
    import mutagen
    from mutagen.apev2 import APENoHeaderError, APEv2
    from mutagen.id3 import ID3
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4

    try:
        file: Any = mutagen.File(path)
        if isinstance(file, MP3) and getattr(file.tags, "version", (0,)) < (2,):  # none, or ID3v1
            with contextlib.suppress(APENoHeaderError):
                ape = APEv2(path)  # type: ignore[no-untyped-call]
                return SimpleNamespace(tags=ape, save=ape.save), _APE
        if file is not None and file.tags is None:
            file.add_tags()
    except (mutagen.MutagenError, OSError, ValueError) as error:
        raise _untagged(path.name, error) from error
    if file is None:
        raise AudioError(f"{path.name!r} has no field for a mood; choose MP3, FLAC, Ogg, Opus, M4A, WAV or AIFF.")
    if not isinstance(file.tags, ID3):
        return file, _MP4 if isinstance(file, MP4) else _VORBIS
    own = [_TXXX, _TMOO] if file.tags.version[:2] == (2, 3) else [_TMOO, _TXXX]  # ID3v2.3 has no mood field
    known = {name.casefold(): name for name in dict(file.tags)}
    return file, next((known[name.casefold()] for name in own if name.casefold() in known), own[0])


def _others(path: Path) -> dict[str, str]:
    """The other fields, for comparison."""
    file, field = _opened(path)
    names = {} if file.tags is None else dict(file.tags)
    return {str(name): repr(value) for name, value in names.items() if name.casefold() != field.casefold()}


def _untagged(name: str, error: Exception) -> AudioError:
    """The error of a file whose tags cannot be read or written, without the library's own words."""
    log.debug("a file cannot be tagged", exc_info=error)
    reason = getattr(error, "strerror", None) or "its sound or its tags are damaged"
    return AudioError(f"{name!r} cannot be tagged: {reason}. Save it again with another program.")


def _save(file: Any, field: str, mood: str, name: str) -> None:
    import mutagen
    from mutagen.id3 import ID3, TMOO, TXXX

    tags = file.tags
    try:
        if not isinstance(tags, ID3):
            tags[field] = [mood.encode() if field == _MP4 else mood]
        elif field == _TMOO:
            tags[field] = TMOO(encoding=3, text=[mood])  # type: ignore[no-untyped-call]
        else:
            tags[field] = TXXX(encoding=1, desc=field.partition(":")[2], text=[mood])  # type: ignore[no-untyped-call]
        if isinstance(tags, ID3) and tags.version[:2] == (2, 3):
            kept = {name: tags[name] for name in _SORTED_BY if name in tags}
            tags.update_to_v23()  # type: ignore[no-untyped-call]
            tags.update(kept)  # type: ignore[no-untyped-call]
            file.save(v2_version=3, v23_sep=None)
        else:
            file.save()
    except (mutagen.MutagenError, OSError, ValueError) as error:
        raise _untagged(name, error) from error
