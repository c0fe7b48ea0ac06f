"""Kinds and formats of files, told by their bytes, and the sentence about foreign files. FFmpeg is not loaded.

formats.toml has the endings of their names, and how they begin.
"""

from __future__ import annotations

import io
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from emomusic.errors import EmomusicError
from emomusic.media.guarded import GuardedFile, open_file


def has_mp3_frames(head: bytes) -> bool:
    """Whether several MP3 frames follow one another."""
    from mutagen import MutagenError
    from mutagen.mp3 import MPEGInfo

    try:
        found: Any = MPEGInfo(io.BytesIO(head))
    except MutagenError:
        return False
    return bool(found.layer == 3 and not found.sketchy)


class Kind(StrEnum):
    """What a file holds."""

    PICTURE = "a picture"
    FILM = "a film"
    SONG = "an audio file"
    ARCHIVE = "an archive"
    DOCUMENT = "a document"
    TABLE = "a table"
    TEXT = "a text file"
    PLAYLIST = "a playlist"
    OTHER = "another file"


_TABLES = tomllib.loads(Path(__file__).with_name("formats.toml").read_text(encoding="utf-8"))
_ENDINGS: dict[str, tuple[str, ...]] = {kind: tuple(text.split()) for kind, text in _TABLES["endings"].items()}

RAW_ENDINGS, FILM_ENDINGS, AUDIO_ENDINGS = _ENDINGS["raw_photo"], _ENDINGS["film"], _ENDINGS["song"]
PICTURE_ENDINGS = (*_ENDINGS["picture"], *RAW_ENDINGS)
TABLE_ENDINGS = _ENDINGS["table"]
SONG_UPLOADS = (*AUDIO_ENDINGS, *_ENDINGS["film_or_song"])

CODECS: dict[str, str] = _TABLES["codecs"]
"""Decoders of films and songs, separated by commas."""

FORMATS: dict[Kind, str] = {Kind[kind.upper()]: text for kind, text in _TABLES["formats"].items()}
"""The formats of each kind that EmoMusic reads, for people."""

LONGEST_S = 100 * 3600.0
"""Longest valid duration of a song. Longer ones are errors of the file."""

HEAD_BYTES = 2**16
"""Bytes that tell the format. An MP3 may begin with junk or the rest of a frame."""


def has_ending(name: str, endings: Iterable[str]) -> bool:
    """Whether a file name has one of these endings, in any case."""
    return name.lower().rpartition(".")[2] in endings


def is_song_file(path: str) -> bool:
    """Whether a file has the name of a song, or that of a film and sound only."""
    return has_ending(path, AUDIO_ENDINGS) or (
        has_ending(path, _ENDINGS["film_or_song"]) and kind_of(path) is Kind.SONG
    )


@dataclass(frozen=True, slots=True)
class Format:
    """The format of a file.

    Attributes:
        kind: what it holds. The head of an MP4 or Matroska file does not tell songs from films; `kind_of` does.
        demuxer: FFmpeg's name for a format of films or songs that EmoMusic reads; otherwise None.
    """

    kind: Kind
    demuxer: str | None = None


_FORMATS = [
    (Format(Kind[kind.upper()], demuxer or None), re.compile(start.encode(), re.DOTALL))
    for kind, demuxer, start in _TABLES["bytes"]["starts"]
]
_PLAYLIST = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:#EXTM3U|\[playlist\])|<\?xml[^>]*>\s*<playlist|[^<]*^\s*TRACK \d+ AUDIO", re.I | re.M
)


def format_of(head: bytes, name: str = "") -> Format:
    """The format of a file.

    Args:
        head: the first `HEAD_BYTES` bytes, or all of a smaller file.
        name: the name of the file. Some M4A files begin like films, and only their name tells.
    """
    if is_tga(head):
        return Format(Kind.PICTURE)
    for found, start in _FORMATS:
        if start.match(head):
            if found.kind in (Kind.ARCHIVE, Kind.DOCUMENT) and has_ending(name, _ENDINGS["spreadsheet"]):
                return Format(Kind.TABLE)
            if found.kind is Kind.SONG and has_ending(name, ("wmv", "asf")):  # too short to tell
                return Format(Kind.FILM)
            is_m4a = found.demuxer == "mov" and head[4:8] == b"ftyp" and name.lower().endswith((".m4a", ".m4b"))
            return Format(Kind.SONG, "mov") if is_m4a else found
    if length := tag_length(head):  # usually before MP3
        after = format_of(head[length:])
        return after if after.kind is Kind.SONG else Format(Kind.SONG, "mp3")
    if has_mp3_frames(head):
        return Format(Kind.SONG, "mp3")
    if _PLAYLIST.match(head) or has_ending(name, _ENDINGS["playlist"]):
        return Format(Kind.PLAYLIST)
    if has_ending(name, _ENDINGS["foreign_song"]):
        return Format(Kind.SONG)
    return Format(Kind.TABLE if _is_table(head) else Kind.TEXT if _is_text(head) else Kind.OTHER)


def read_format(file: BinaryIO | GuardedFile, name: str = "") -> Format:
    """The format of a file, as `format_of`, of JPEGs one after the other, and of what follows tags or zeros."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    while head.startswith(_ZEROS) and file.tell() < _MOST_ZEROS:  # recordings may begin with them
        file.seek(file.tell() - len(head.lstrip(b"\0")))
        head = file.read(HEAD_BYTES)
    if length := tag_length(head):
        file.seek(length)
        after = format_of(file.read(HEAD_BYTES))
        if after.kind is Kind.SONG:
            return after
    if head.startswith(b"\xff\xd8\xff") and b"MPF\0" not in head:  # which has a few pictures beside a photo
        head += file.read(_MOST_JPEG_BYTES)
        least = 1 if has_ending(name, ("mjpeg", "mjpg")) else 2
        if len(_NEXT_JPEG.findall(head)) >= least:
            return Format(Kind.FILM, "mjpeg")
    return format_of(head[:HEAD_BYTES], name)


_MOST_JPEG_BYTES = 2**22
_ZEROS, _MOST_ZEROS = bytes(2**12), 2**24
_NEXT_JPEG = re.compile(rb"\xff\xd9[\0\r\n]{0,64}\xff\xd8\xff")


_TGA_DEPTHS = {1: (8,), 2: (16, 24, 32), 3: (8, 16), 9: (8,), 10: (16, 24, 32), 11: (8, 16)}


def is_tga(data: bytes) -> bool:
    """Whether a file is a TGA. It begins without a mark, so its header has to agree with itself."""
    if data[-18:-2] == b"TRUEVISION-XFILE":
        return True
    if len(data) < 18 or data[16] not in _TGA_DEPTHS.get(data[2], ()) or data[1] != (data[2] in (1, 9)):
        return False
    has_no_palette = not any(data[3:8])
    return min(data[12:14], data[14:16]) != b"\0\0" and data[17] & 0xC0 == 0 and (data[1] == 1 or has_no_palette)


_MIME_TYPES = {"mp3": "audio/mpeg", "mov": "audio/mp4", "matroska": "audio/webm"}


def mime_type_of(head: bytes, name: str = "") -> str:
    """The MIME type of a song for browsers, as for `format_of`."""
    demuxer = format_of(head, name).demuxer or "mp3"
    return _MIME_TYPES.get(demuxer, f"audio/{demuxer}")


def tag_length(head: bytes) -> int:
    """Bytes of the ID3 and APE tags at the start of a file; more than those of `head` if they end after it."""
    from mutagen.id3 import BitPaddedInt

    at = 0
    while True:
        if head.startswith(b"ID3", at):
            at += 10 + int(BitPaddedInt(head[at + 6 : at + 10].ljust(4, b"\0")))  # type: ignore[no-untyped-call]
        elif head.startswith(b"APETAGEX", at):
            at += 32 + int.from_bytes(head[at + 12 : at + 16], "little")
        else:
            return at


def _is_table(head: bytes) -> bool:
    """Whether text has the same separator in its first lines."""
    text = head.decode("utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin-1", "ignore")
    lines = [line for line in text.splitlines()[:5] if line.strip()]
    if "\0" in text or not lines:
        return False
    counts = ([line.count(separator) for line in lines] for separator in ",;\t")
    return lines[0].startswith("sep=") or any(len(counted) > 1 and 0 < counted[0] <= min(counted) for counted in counts)


def _is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 without control characters. The last character of a long text may be cut."""
    num_others = len(head) - len(head.decode("utf-8", "ignore").encode())
    return (
        bool(head.strip())
        and num_others <= (3 if len(head) == HEAD_BYTES else 0)
        and not re.search(rb"[\0-\x08\x0e-\x1f\x7f]", head)
    )


# Whole files


def kind_of(source: str | os.PathLike[str] | BinaryIO | bytes, name: str = "") -> Kind:
    """The kind of content in a file, also in formats that EmoMusic does not read. `OTHER` if it cannot be read.

    MP4, MOV, WebM and Matroska files with sound only are songs.

    Args:
        source: path, content, or a binary file with `seek`, which stays open at its start.
        name: the name of content or of a binary file.
    """
    try:
        if not isinstance(source, str | os.PathLike):
            return _kind_of(io.BytesIO(source) if isinstance(source, bytes) else source, name)
        with open_file(source, EmomusicError, "", "") as file:
            return _kind_of(file, Path(source).name)
    except (OSError, EmomusicError):
        return Kind.OTHER


def _kind_of(file: BinaryIO, name: str) -> Kind:
    found = read_format(file, name)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if found.kind is Kind.FILM and found.demuxer in ("mov", "matroska"):
        tracks = _mov_tracks(file) if found.demuxer == "mov" else set(re.findall(rb"\x86[\x81-\xbf]([VA])_", head))
        if tracks in ({b"A"}, {b"soun"}):
            found = Format(Kind.SONG)
    file.seek(0)
    return found.kind


_MOST_INDEX_BYTES = 2**25
_MOST_ATOMS = 100_000  # 13 hours in fragments of a second
_LARGEST_FILE = 2**62  # bytes; a damaged length may exceed what a file can seek


def _mov_tracks(file: BinaryIO) -> set[bytes]:
    """Which of b"vide" and b"soun" an MP4 has."""
    for name, _, length in mov_atoms(file):
        if name == b"moov":
            index = file.read(min(length, _MOST_INDEX_BYTES))
            return set(re.findall(rb"hdlr.{8}(vide|soun)", index, re.DOTALL))
    return set()


def mov_atoms(file: BinaryIO | GuardedFile) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of each box of an MP4, HEIC or AVIF file, up to one that is invalid."""
    at = 0
    for _ in range(_MOST_ATOMS):
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4], "big")
        if length < 8:
            return
        yield head[4:8], at, length
        at += length
        if at > _LARGEST_FILE:
            return


# Other files


def foreign_file(name: str, found: Kind, wanted: Kind) -> str:
    """The sentence about a file of another kind, or of the wanted kind in a format that is not read.

    Args:
        name: the name of the file in quotes, or "This file".
        found: the kind, as from `kind_of`.
        wanted: what is read here.
    """
    choice = f"choose {FORMATS[wanted]}"
    if found is wanted:
        return f"{name} is {found} in a format that is not read, or damaged; {choice}."
    if found is Kind.OTHER:
        return f"{name} is not {wanted}; {choice}."
    if found is Kind.PLAYLIST:
        choice = "read its songs under Your music"
    if found is Kind.TABLE:
        choice += ", or read its songs under Your music"
    if found is Kind.ARCHIVE:
        choice += ", or unpack it"
    if found is Kind.FILM:
        choice += ", or open it on the Film page"
    if found is Kind.PICTURE and wanted is Kind.FILM:
        choice += ", or open it on the Photo page"
    return f"{name} is {found}, not {wanted}; {choice}."


def title_of(path: str) -> str:
    """Title of a song without one in its tags, from the name of its file."""
    stem = os.fsencode(Path(path).stem).decode("utf-8", "replace")
    return " ".join(stem.replace("_", " ").split()) or "Song"
