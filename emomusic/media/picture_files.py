"""The structure of picture files: markers of JPEG, the JPEGs in raw photos, and files that end too early.

Pillow reads the thumbnail of a raw photo without a word; the largest JPEG shows the whole photo. Files that end too
early are completed, so that decoders give what is there.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

from PIL import Image

from emomusic.media.formats import mov_atoms

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


_EMPTY_BYTES = 512  # zeros in the pixels of a damaged file: a sector of a disk
_END_OF_JPEG = b"\xff\xd9"
_MOST_MARKERS = 4096  # before the pixels
_USUAL_CODES = bytes.fromhex("0002010303020403050504040000017d")
"""Codes of most JPEGs for brightness, in which pixels never give many zeros."""

_NOISE = bytes(range(255))  # without the start of a marker
_ENDS = (bytes(255), _NOISE, b"\xff" * 255, b"\x55" * 255)
_MOST_ABSENT_BYTES = 2**25
_JPEG_2000, _TILE_PART = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), b"\xff\x90\0\n"
_METADATA = 0b1100  # flags of a WebP


def is_emptied(data: bytes) -> bool:
    """Whether zeros replace a part of a JPEG or PNG, as on a recovered card. Decoders take them for pixels."""
    if data.startswith(b"\x89PNG"):
        try:
            if bytes(_EMPTY_BYTES) in data:
                Image.open(io.BytesIO(data), formats=["PNG"]).verify()
        except Exception:  # anything, on hostile bytes
            return True
        return False
    return data.startswith(b"\xff\xd8") and _end_of_pixels(data) < len(data)


def completed(data: bytes) -> Iterator[bytes]:
    """A file with other ends in the place of one that is absent, so that a comparison shows what is absent.

    Decoders refuse some ends of AVIF, so it has more of them. There are none for files without pixels.
    """
    data = _without_damaged_metadata(data) if data.startswith(b"\x89PNG") else data
    for filler in _ENDS if data[4:8] == b"ftyp" else _ENDS[:2]:
        whole: bytes | None = None
        if data.startswith(b"\xff\xd8"):
            kept = data[: _end_of_pixels(data)]
            whole = kept + (_repeated(filler, len(kept) + 2**16) if filler is _NOISE else b"") + _END_OF_JPEG
        elif data[8:12] == b"WEBP":
            whole = _completed_webp(data, filler)
        elif data.startswith(_JPEG_2000):
            whole = _completed_jpeg_2000(data, filler)
        elif data[4:8] != b"ftyp" and not ends_early(data):
            kept = data.split(bytes(_EMPTY_BYTES), 1)[0] if is_emptied(data) else data
            most = 2**10 if data.startswith(b"GIF8") else _MOST_ABSENT_BYTES  # Pillow looks at each zero of a GIF
            whole = kept + _repeated(filler, min(4 * len(kept), most))
        elif 0 < (num_absent := _end_of_boxes(data) - len(data)) <= _MOST_ABSENT_BYTES:
            head, mark, rest = data.partition(b"mdat")
            whole = head.replace(b"auxl", b"thmb") + mark + rest + _repeated(filler, num_absent)  # opaque
        if whole is not None:
            yield whole


def _repeated(filler: bytes, length: int) -> bytes:
    return (filler * (length // len(filler) + 1))[:length]


def ends_early(data: bytes) -> bool:
    """Whether a HEIC or AVIF is shorter than it says, or the list of pixels at the end of a TIFF is absent."""
    if data[4:8] == b"ftyp":
        return _end_of_boxes(data) > len(data)
    return len(data) > 8 and data[:4] in _TIFF and next(tiff_directories(data), None) is None


def _end_of_boxes(data: bytes) -> int:
    """Where the last box of a HEIC or AVIF should end."""
    return max((at + length for _, at, length in mov_atoms(io.BytesIO(data))), default=0)


def _without_damaged_metadata(png: bytes) -> bytes:
    """A PNG without the parts that no pixel needs and whose checksum is wrong. Pillow refuses them, browsers do not."""
    kept, at = [png[:8]], 8
    while at + 8 < len(png):
        part = png[at : at + 12 + int.from_bytes(png[at : at + 4], "big")]
        at += len(part)
        if part[4:5].isupper() or zlib.crc32(part[4:-4]) == int.from_bytes(part[-4:], "big"):
            kept.append(part)
    return b"".join(kept) + png[at:]


def _completed_webp(data: bytes, filler: bytes) -> bytes | None:
    at = 12
    while at + 8 <= len(data):  # its chunks
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    num_absent = max(at - len(data), 0)
    if at == 12 or num_absent > len(data) + 2**20:
        return None
    whole = bytearray(data[:at] + _repeated(filler, num_absent))
    whole[4:8] = (len(whole) - 8).to_bytes(4, "little")
    if whole[12:16] == b"VP8X":
        whole[20] &= ~_METADATA  # follow the pixels
    return bytes(whole)


def _completed_jpeg_2000(data: bytes, filler: bytes) -> bytes | None:
    """With zeros in the last part of a tile, which add no detail; for each filler if only the end marker is absent."""
    end = data.find(_TILE_PART)
    while len(data) - 12 >= end >= 0 and data.startswith(_TILE_PART, end):
        end += max(int.from_bytes(data[end + 6 : end + 10], "big"), 12)
    is_whole = data[end:] in (b"", b"\xff") and end <= len(data)
    if end < 0 or end - len(data) > _MOST_ABSENT_BYTES or (filler is _NOISE and not is_whole):
        return None
    return data[:end] + bytes(max(end - len(data), 0)) + _END_OF_JPEG


def _end_of_pixels(jpeg: bytes) -> int:
    """Where zeros begin that are damage; the end of the file without such."""
    start = next((at for marker, at in islice(markers(jpeg), _MOST_MARKERS) if marker == SCAN), None)
    if start is None:
        return len(jpeg)
    end = jpeg.find(_END_OF_JPEG, start)
    if _USUAL_CODES in jpeg[:start]:
        zeros = jpeg.find(bytes(_EMPTY_BYTES), start, len(jpeg) if end < 0 else end)
        return len(jpeg) if zeros < 0 else zeros
    kept = len(jpeg.rstrip(b"\0"))
    return kept if end < 0 and len(jpeg) - kept >= _EMPTY_BYTES else len(jpeg)


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
