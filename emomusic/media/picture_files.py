"""The structure of picture files: markers of JPEG, and the JPEGs in raw photos.

Pillow reads the thumbnail of a raw photo without a word; the largest JPEG shows the whole photo.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import islice

from PIL import Image

END, SCAN = 0xD9, 0xDA
"""Markers of a JPEG: its end, and the start of a scan."""

FRAMES = (0xC0, 0xC1, 0xC2)
"""Markers of frames that decoders of photos read."""

_WITHOUT_LENGTH = (0, 1, *range(0xD0, 0xD9))


def markers(data: bytes, at: int = 0) -> Iterator[tuple[int, int]]:
    """The markers of the JPEG that starts at a place, up to its end, and their places."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker:
            yield marker, at
        if marker == END:  # a preview or a film may follow
            return
        at += 2 if marker in _WITHOUT_LENGTH else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


MOST_SCANS = 100
"""Of a progressive JPEG, which has ten. Each visits all pixels."""


def has_many_scans(jpeg: bytes, most: int = MOST_SCANS) -> bool:
    """Whether a JPEG has more scans than this. The first one of several shows the whole picture."""
    return any(islice((marker for marker, _ in markers(jpeg) if marker == SCAN), most, None))


_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")  # RAF, ORF, RW2
_SMALL, _BIG = ("I", "H", "HHI4s"), ("Q", "Q", "HHQ8s")  # TIFF and BigTIFF: a place, the number of tags, a tag
_TIFF = {b"II*\0": ("<", _SMALL), b"MM\0*": (">", _SMALL), b"II+\0": ("<", _BIG), b"MM\0+": (">", _BIG)}
_SUBDIRECTORIES, _PHOTOMETRIC, _DNG_VERSION, _ORIENTATION = 330, 262, 50706, 274
_RAW_COLOURS = (32803, 34892)  # a colour filter array, and linear raw
_INTEGERS = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 13: (4, "I"), 16: (8, "Q")}  # bytes and code by type
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
    """Tags with whole numbers of each directory of a TIFF or BigTIFF file and of their subdirectories."""
    if data[:4] not in _TIFF:
        return
    order, forms = _TIFF[data[:4]]
    place, num_tags, entry = (struct.Struct(order + form) for form in forms)
    seen: set[int] = set()
    places = list(place.unpack_from(data[:16].ljust(16, b"\0"), place.size))
    while places and len(seen) < _MOST_DIRECTORIES:
        at = places.pop(0)
        if at in seen or not 8 <= at <= len(data) - num_tags.size:
            continue
        seen.add(at)
        (number,) = num_tags.unpack_from(data, at)
        tags: Tags = {}
        at += num_tags.size
        entries = data[at : at + entry.size * min(number, _MOST_TAGS)]
        for tag, kind, count, value in entry.iter_unpack(entries[: len(entries) // entry.size * entry.size]):
            size, code = _INTEGERS.get(kind, (0, ""))
            length = size * min(count, _MOST_DIRECTORIES)
            if length > place.size:
                (start,) = place.unpack(value)
                value = data[start : start + length]
            if 0 < length <= len(value):
                tags[tag] = list(struct.unpack(f"{order}{length // size}{code}", value[:length]))
        yield tags
        at += entry.size * number
        following = data[at : at + place.size].ljust(place.size, b"\0")
        places += tags.get(_SUBDIRECTORIES, []) + list(place.unpack(following))


_SMALL_BYTES, _SMALL_PIXELS = 2**19, 2**20


def is_small_jpeg(data: bytes) -> bool:
    """Whether a file is a JPEG of at most a megapixel, by its header."""
    if len(data) > _SMALL_BYTES or not data.startswith(b"\xff\xd8"):
        return False
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as opened:
            return opened.width * opened.height <= _SMALL_PIXELS
    except (OSError, SyntaxError):  # damaged: the decoder tells
        return False
