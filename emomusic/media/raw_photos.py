"""Raw photos: the largest JPEG that a camera put into one. The raw pixels themselves are not developed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from emomusic.media.jpeg import FRAMES, SCAN, markers

_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")  # RAF, ORF, RW2
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_SUBDIRECTORIES, _PHOTOMETRIC, _DNG_VERSION, _ORIENTATION = 330, 262, 50706, 274
_RAW_COLOURS = (32803, 34892)  # a colour filter array, and linear raw
_INTEGERS = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 13: (4, "I")}  # by type in TIFF: bytes and code of `struct`
_MOST_DIRECTORIES, _MOST_TAGS = 32, 512
_MOST_JPEGS = 64

Tags = dict[int, list[int]]


def is_raw_photo(data: bytes) -> bool:
    """Whether a file is a raw photo, by its bytes: DNG, NEF, CR2, CR3, ARW, PEF, RAF, ORF or RW2."""
    if data.startswith(_STARTS) or data[4:12] == b"ftypcrx ":
        return True
    if data[:4] in _TIFF and data[8:10] == b"CR":
        return True
    return any(
        _DNG_VERSION in tags or tags.get(_PHOTOMETRIC, [0])[0] in _RAW_COLOURS for tags in tiff_directories(data)
    )


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
    first = next(tiff_directories(data), {})
    if not first and (at := data.find(b"CMT1")) >= 0:  # where CR3 has it
        first = next(tiff_directories(data[at + 4 : at + 2**16]), {})
    return data[-max(found)[1] :], first.get(_ORIENTATION, [1])[0]


def _num_pixels(data: bytes, at: int) -> int:
    """The number of pixels of the JPEG at a place; 0 if it is none, or lossless."""
    for marker, place in islice(markers(data, at), _MOST_TAGS):
        if marker in FRAMES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9].ljust(4, b"\0"))
            return int(height * width)
        if marker == SCAN:
            break
    return 0


def tiff_directories(data: bytes) -> Iterator[Tags]:
    """Tags with whole numbers of each directory of a TIFF file and of their subdirectories."""
    order = _TIFF.get(data[:4])
    if order is None:
        return
    seen: set[int] = set()
    places = list(struct.unpack(f"{order}I", data[4:8].ljust(4, b"\0")))
    while places and len(seen) < _MOST_DIRECTORIES:
        at = places.pop(0)
        if at in seen or not 8 <= at < len(data) - 2:
            continue
        seen.add(at)
        (number,) = struct.unpack(f"{order}H", data[at : at + 2])
        tags: Tags = {}
        entries = data[at + 2 : at + 2 + 12 * min(number, _MOST_TAGS)]
        for tag, kind, count, value in struct.iter_unpack(f"{order}HHI4s", entries[: len(entries) // 12 * 12]):
            size, code = _INTEGERS.get(kind, (0, ""))
            length = size * min(count, _MOST_DIRECTORIES)
            if length > 4:
                (start,) = struct.unpack(f"{order}I", value)
                value = data[start : start + length]
            if 0 < length <= len(value):
                tags[tag] = list(struct.unpack(f"{order}{length // size}{code}", value[:length]))
        yield tags
        following = data[at + 2 + 12 * number : at + 6 + 12 * number]
        places += tags.get(_SUBDIRECTORIES, []) + list(struct.unpack(f"{order}I", following.ljust(4, b"\0")))
