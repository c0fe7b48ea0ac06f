"""Formats of films, told apart by their first bytes. FFmpeg is not loaded."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from emomusic.media.images import ISO_BRANDS

FILM_ENDINGS = ("mp4", "mov", "m4v", "webm", "mkv", "avi", "gif")
"""Name endings of the films that EmoMusic reads."""

FORMATS_IN_WORDS = "MP4, MOV, WebM, MKV, AVI or animated GIF"

# An allow-list: other demuxers are rarely tested, and playlists open other files.
_DEMUXERS = ((0, b"\x1a\x45\xdf\xa3", "matroska"), (8, b"AVI ", "avi"), (0, b"GIF8", "gif"))
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def demuxer_of(head: bytes) -> str | None:
    """FFmpeg's demuxer for a film with these first 16 bytes; None if they are not those of a film."""
    for at, mark, name in _DEMUXERS:
        if head[at : at + len(mark)] == mark:
            return name
    return "mov" if head[4:8] in _MOV_ATOMS and head[8:12] not in ISO_BRANDS else None


def is_film(source: str | os.PathLike[str] | bytes) -> bool:
    """Whether a file begins like a film. A GIF with a single picture is none; False if the file cannot be read."""
    try:
        head = source[:16] if isinstance(source, bytes) else _head(Path(source))
    except (OSError, ValueError):
        return False
    if head.startswith(b"GIF8"):
        return _is_animated(source)
    return demuxer_of(head) is not None


def _head(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe may block
        return b""
    with path.open("rb") as file:
        return file.read(16)


def _is_animated(source: str | os.PathLike[str] | bytes) -> bool:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=["GIF"]) as picture:
            return bool(getattr(picture, "is_animated", False))
    except Exception:  # decoders raise anything on hostile bytes; `read_image` then explains the problem
        return False
