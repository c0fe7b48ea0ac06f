"""The number and the text of tags, whose encoding is often declared wrongly, and tags that FFmpeg does not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from emomusic.media.encodings import bytes_of_western, decode_texts, utf_8
from emomusic.media.formats import id3_number

MOST_TAGS = 5000
"""Tags of one file, for whose number FFmpeg takes time in its square; songs have fewer than a hundred."""

_MAX_CHARS = 300
_VALUES = 100
_COMMENTS = (b"\x03vorbis", b"OpusTags")  # what comes before them

_ID3_CODECS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_ID3V1 = {"title": slice(3, 33), "artist": slice(33, 63), "album": slice(63, 93), "date": slice(93, 97)}
_APE_KEYS = {"title": "Title", "artist": "Artist", "album": "Album", "genre": "Genre", "date": "Year"}


def read_texts(values: Mapping[str, str]) -> dict[str, str]:
    """The texts of tags, without those in an unknown encoding.

    UTF-8 and Asian, Cyrillic and Greek encodings that are declared as Latin-1 are told by all values together.

    Args:
        values: by name; bytes outside UTF-8 are surrogates.
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


def id3_frames(tag: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name, the place and the length with its header of each frame of an ID3 tag."""
    num_chars, header, bits = (3, 6, 8) if tag[3] == 2 else (4, 10, 7 if tag[3] == 4 else 8)
    at, end = 10, min(10 + id3_number(tag[6:10]), len(tag))
    while at + header <= end and tag[at]:
        length = header + id3_number(tag[at + num_chars : at + 2 * num_chars], bits)
        yield tag[at : at + num_chars], at, length
        at += length


def id3_artists(tag: bytes) -> str:
    """The artists of an ID3 tag, separated by null characters. FFmpeg gives the first one only."""
    if len(tag) < 10 or tag[3] not in (3, 4) or tag[5] & 0xC0:  # unsynchronised, or with an extended header
        return ""
    for name, at, length in id3_frames(tag):
        if name == b"TPE1" and tag[at + 9] == 0:
            text = tag[at + 10 : at + length]
            decoded = text[1:].decode(_ID3_CODECS.get(text[0] if text else 0, "latin-1"), "replace")
            return decoded.replace("\ufeff", "").strip("\0")
    return ""


def num_tags(head: bytes) -> int:
    """The number of tags that a file announces, or of those in its first bytes.

    Args:
        head: the first bytes of an MP3, FLAC, Ogg, MP4 or Matroska file, or of one with an ID3 tag.
    """
    counts = [_num_comments(head, head.find(mark) + len(mark)) for mark in _COMMENTS if mark in head]
    if head.startswith(b"ID3") and len(head) > 3:
        counts.append(sum(1 for _ in id3_frames(head)))
    at = head.find(b"fLaC") + 4
    while at > 3 and at + 4 <= len(head) and head[at] & 0x7F != 4 and not head[at] & 0x80:
        at += 4 + int.from_bytes(head[at + 1 : at + 4], "big")
    if at > 3 and at < len(head) and head[at] & 0x7F == 4:
        counts.append(_num_comments(head, at + 4))
    return max([*counts, head.count(b"----mean"), head.count(b"\x67\xc8")])  # MP4's freeform fields, Matroska's tags


def _num_comments(head: bytes, at: int) -> int:
    """The number that Vorbis comments begin with, after the name of the program that wrote them."""
    at += 4 + int.from_bytes(head[at : at + 4], "little")
    return int.from_bytes(head[at : at + 4], "little")


def tags_at_end(file: Any) -> dict[str, str]:
    """The APE and ID3v1 tags at the end of an MP3 file, which FFmpeg does not read or reads without an ID3v2 tag only.

    Args:
        file: with `read`, `seek` and `tell`.
    """
    from mutagen import MutagenError
    from mutagen.apev2 import APEv2

    file.seek(-128, 2)
    last = file.read(128)
    found = {}
    if last.startswith(b"TAG"):
        texts = {name: last[place].split(b"\0")[0].decode("utf-8", "surrogateescape") for name, place in _ID3V1.items()}
        found = {name: text for name, text in texts.items() if text.strip()}
    try:
        ape = APEv2(file)  # type: ignore[no-untyped-call]
        return found | {name: str(ape[key]) for name, key in _APE_KEYS.items() if key in ape}
    except (MutagenError, OSError, ValueError, LookupError):
        return found
