"""The tags of songs as text, whatever the encoding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_MAX_CHARS = 300
_CODECS = {0: "cp1252", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}  # of ID3
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}


@dataclass(frozen=True, slots=True)
class Tags:
    """The description of a song in its file. The title may be empty; the others are those of `audio_file.AudioSong`."""

    title: str
    artists: tuple[str, ...]
    album: str | None
    genres: tuple[str, ...]
    year: int | None


def tags_of(metadata: Iterable[Mapping[str, str]], id3: bytes) -> Tags:
    """The tags of a file.

    Args:
        metadata: from PyAV, with bytes outside UTF-8 as surrogates. Later ones go first.
        id3: the ID3 tag; empty if there is none.
    """
    tags = {
        key.lower(): text
        for each in metadata
        for key, value in each.items()
        if (text := " ".join(_decoded(value).replace("\0", ";").split())[:_MAX_CHARS])
    }
    artists = _id3_artists(id3) or tags.get("artist") or tags.get("album_artist") or tags.get("composer") or ""
    year = re.search(r"\b(?:18[6-9]|19\d|20\d)\d(?!\d)", tags.get("date") or tags.get("year") or "", re.ASCII)
    genres = _names(tags.get("genre", "").lower().replace(",", ";"))
    return Tags(tags.get("title", ""), _names(artists), tags.get("album"), genres, int(year[0]) if year else None)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(";") if (name := part.strip()))


def _decoded(value: str) -> str:
    """The text of a tag: UTF-8, otherwise Windows-1252, which is often declared as Latin-1."""
    content = value.encode("utf-8", "surrogateescape")
    try:
        return content.decode().translate(_WINDOWS)
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _id3_artists(tag: bytes) -> str:
    """The artists of an ID3 tag, separated by semicolons. FFmpeg gives the first one only."""
    if len(tag) < 10 or tag[3] not in (3, 4) or tag[5] & 0xC0:  # unsynchronised, or with an extended header
        return ""
    at = 10
    while (head := tag[at : at + 10])[:4].isalnum() and len(head) == 10:
        bits = 7 if tag[3] == 4 else 8
        size = sum(byte << bits * (3 - place) for place, byte in enumerate(head[4:8]))
        if head[:4] == b"TPE1" and head[9] == 0:
            text = tag[at + 10 : at + 10 + size]
            decoded = text[1:].decode(_CODECS.get(text[0] if text else 0, "latin-1"), "replace")
            names = (" ".join(name.replace("\ufeff", "").split()) for name in decoded.split("\0"))
            return ";".join(filter(None, names))[:_MAX_CHARS]
        at += 10 + size
    return ""
