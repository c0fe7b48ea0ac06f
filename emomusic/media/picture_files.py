"""The structure of picture files: markers of JPEG, and the JPEGs in raw photos.

Pillow reads the thumbnail of a raw photo without a word; the largest JPEG shows the whole photo.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

from PIL import TiffImagePlugin

_END, _SCAN = 0xD9, 0xDA  # markers of a JPEG: its end, and the start of a scan
_FRAMES = (0xC0, 0xC1, 0xC2)  # those that decoders of photos read
_WITHOUT_LENGTH = (0, 1, *range(0xD0, 0xD9))


def _markers(data: bytes, at: int = 0) -> Iterator[tuple[int, int]]:
    """The markers of the JPEG that starts at a place, up to its end, and their places."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker:
            yield marker, at
        if marker == _END:  # a preview or a film may follow
            return
        at += 2 if marker in _WITHOUT_LENGTH else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


MOST_SCANS = 100
"""Of a progressive JPEG, which has ten. Each visits all pixels."""


def has_many_scans(jpeg: bytes) -> bool:
    """Whether a JPEG has more scans than `MOST_SCANS`."""
    return any(islice((marker for marker, _ in _markers(jpeg) if marker == _SCAN), MOST_SCANS, None))


_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")  # RAF, ORF, RW2
_SUBDIRECTORIES, _PHOTOMETRIC, _DNG_VERSION, _ORIENTATION = 330, 262, 50706, 274
_RAW_COLOURS = (32803, 34892)  # a colour filter array, and linear raw
_TAGS = (_SUBDIRECTORIES, _PHOTOMETRIC, _DNG_VERSION, _ORIENTATION)
_MOST_DIRECTORIES, _MOST_MARKERS, _MOST_JPEGS = 32, 512, 64
_SMALL_BYTES, _SMALL_PIXELS = 2**19, 2**20


def is_raw_photo(data: bytes) -> bool:
    """Whether a file is a raw photo, by its bytes: DNG, NEF, CR2, CR3, ARW, PEF, RAF, ORF or RW2."""
    if data.startswith(_STARTS) or data[4:12] == b"ftypcrx " or data[:10] == b"II*\0\x10\0\0\0CR":
        return True
    return any(_DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _RAW_COLOURS for tags in _tiff_tags(data))


def largest_jpeg(data: bytes) -> tuple[bytes, int] | None:
    """The JPEG with most pixels in a raw photo, and how the camera was held; None without a JPEG.

    Returns:
        The JPEG with all bytes that follow it; the EXIF orientation of the raw photo, 1 to 8.
    """
    found: list[tuple[int, int]] = []
    at = -1
    while len(found) < _MOST_JPEGS and (at := data.find(b"\xff\xd8\xff", at + 1)) >= 0:
        if pixels := _num_pixels(data, at):
            found.append((pixels, -at))
    if not found:
        return None
    start = data.find(b"CMT1") + 4  # where CR3 has its tags
    directories = _tiff_tags(data) or _tiff_tags(data[start : start + 2**16])
    orientation = directories[0].get(_ORIENTATION, 1) if directories else 1
    return data[-max(found)[1] :], orientation


def _num_pixels(data: bytes, at: int) -> int:
    """The number of pixels of the JPEG at a place; 0 if it is none, or lossless."""
    for marker, place in islice(_markers(data, at), _MOST_MARKERS):
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9].ljust(4, b"\0"))
            return int(height * width)
        if marker == _SCAN:
            break
    return 0


def _tiff_tags(data: bytes) -> list[dict[int, Any]]:
    """Some tags of the first directory of a TIFF and of its subdirectories; none of other files."""
    found: list[dict[int, Any]] = []
    with contextlib.suppress(Exception):  # Pillow raises anything on hostile bytes
        file, directory = io.BytesIO(data), TiffImagePlugin.ImageFileDirectory_v2(data[:8])
        places = [directory.next]
        while places and len(found) < _MOST_DIRECTORIES:
            file.seek(places.pop(0))
            directory.load(file)
            found.append({tag: directory[tag] for tag in _TAGS if tag in directory})
            places += found[-1].get(_SUBDIRECTORIES, ())
    return found


def is_small_jpeg(data: bytes) -> bool:
    """Whether a file is a JPEG of at most a megapixel, by its header."""
    is_short = len(data) <= _SMALL_BYTES and data.startswith(b"\xff\xd8")
    return is_short and 0 < _num_pixels(data, 0) <= _SMALL_PIXELS
