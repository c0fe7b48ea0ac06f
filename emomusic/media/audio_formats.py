"""Formats of audio files, told apart by their first bytes. FFmpeg is not loaded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

AUDIO_ENDINGS = ("mp3", "flac", "ogg", "oga", "opus", "m4a", "m4b", "wav", "aif", "aiff", "aifc")
"""Name endings of the audio files that EmoMusic reads."""

FORMATS_IN_WORDS = "MP3, FLAC, Ogg, Opus, M4A, WAV or AIFF"

HEAD_BYTES = 4096
"""Bytes that tell the format. An MP3 may begin with zeros."""

_M4A_ENDINGS = (".m4a", ".m4b")
_M4A_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")  # films have other ones, songs sometimes too
_CHUNKS = {
    (b"RIFF", b"WAVE"): "wav",
    (b"RF64", b"WAVE"): "wav",
    (b"BW64", b"WAVE"): "wav",
    (b"FORM", b"AIFF"): "aiff",
    (b"FORM", b"AIFC"): "aiff",
}


def demuxer_of(head: bytes, name: str = "") -> str | None:
    """FFmpeg's demuxer for an audio file; None for other files.

    Args:
        head: the first `HEAD_BYTES` bytes, or all of a smaller file.
        name: of the file. Some M4A files begin like films, and only their name tells.
    """
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"OggS"):
        return None if b"theora" in head[:64] else "ogg"
    if head[4:8] == b"ftyp":
        return "mov" if head[8:12] in _M4A_BRANDS or name.lower().endswith(_M4A_ENDINGS) else None
    if chunk := _CHUNKS.get((head[:4], head[8:12])):
        return chunk
    return "mp3" if head.startswith(b"ID3") or _is_mp3_frame(head.lstrip(b"\0")[:3]) else None


_MIME_TYPES = {"mp3": "audio/mpeg", "mov": "audio/mp4"}


def mime_type_of(head: bytes, name: str = "") -> str:
    """The MIME type of an audio file for browsers, as for `demuxer_of`."""
    kind = demuxer_of(head, name) or "mp3"
    return _MIME_TYPES.get(kind, f"audio/{kind}")


def _is_mp3_frame(header: bytes) -> bool:
    """Whether these are the first three bytes of a frame: sync, layer 3, and a valid version, bit and sample rate."""
    if len(header) < 3 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return False
    return header[1] & 0x18 != 0x08 and header[2] >> 4 not in (0, 15) and header[2] >> 2 & 3 != 3


def is_audio(source: str | os.PathLike[str] | bytes, name: str = "") -> bool:
    """Whether a file begins like one of the audio formats. False if it cannot be read.

    `face.film_formats.is_film` is true for M4A files, too: ask this function first.

    Args:
        source: path, or content.
        name: name of the content.
    """
    if isinstance(source, bytes):
        return demuxer_of(source[:HEAD_BYTES], name) is not None
    path = Path(source)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe may block
            return False
        with path.open("rb") as file:
            return demuxer_of(file.read(HEAD_BYTES), path.name) is not None
    except (OSError, ValueError):  # ValueError: a null byte in the path
        return False


def title_of(path: str) -> str:
    """Title of a song without one in its tags, from the name of its file."""
    stem = os.fsencode(Path(path).stem).decode("utf-8", "replace")
    return " ".join(stem.replace("_", " ").split()) or "Song"
