"""Pictures whose files end too early, completed, so that decoders give what is there."""

from __future__ import annotations

import struct
import zlib
from itertools import islice

from emomusic.media.jpeg import SCAN, markers

_EMPTY_BYTES = 512  # zeros in the pixels of a JPEG: a sector of a disk
_END_OF_JPEG = b"\xff\xd9"
_MOST_MARKERS = 4096  # before the pixels
_USUAL_CODES = bytes.fromhex("0002010303020403050504040000017d")
"""Codes of most JPEGs for brightness, in which pixels never give many zeros."""

_NOISE = bytes(range(255))  # without the start of a marker
_METADATA = 0b1100  # flags of a WebP
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the type of colours of a PNG
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced PNG: first column and row, and the steps to the next ones."""
_MAX_UNPACKED, _STEP = 2**28, 2**16  # bytes of a PNG


def is_emptied(data: bytes) -> bool:
    """Whether zeros replace a part of a JPEG, as on a recovered card. Decoders take them for pixels."""
    return data.startswith(b"\xff\xd8") and _end_of_pixels(data) < len(data)


def completed(data: bytes, *, is_noisy: bool) -> bytes | None:
    """A file with an end in the place of one that is absent; None for other formats and files without pixels.

    Args:
        data: of a JPEG, PNG or WebP.
        is_noisy: whether the end is noise instead of nothing, so that a comparison shows what is absent.
    """
    if data.startswith(b"\xff\xd8"):
        kept = data[: _end_of_pixels(data)]
        return kept + (_NOISE * (len(kept) // len(_NOISE) + 2**8) if is_noisy else b"") + _END_OF_JPEG
    if data.startswith(b"\x89PNG"):
        return _completed_png(data, is_noisy=is_noisy)
    return _completed_webp(data, _NOISE if is_noisy else bytes(255)) if data[8:12] == b"WEBP" else None


def _completed_webp(data: bytes, filler: bytes) -> bytes | None:
    at = 12
    while at + 8 <= len(data):  # its chunks
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    num_absent = max(at - len(data), 0)
    if at == 12 or num_absent > len(data) + 2**20:
        return None
    whole = bytearray(data[:at] + (filler * (num_absent // len(filler) + 1))[:num_absent])
    whole[4:8] = (len(whole) - 8).to_bytes(4, "little")
    if whole[12:16] == b"VP8X":
        whole[20] &= ~_METADATA  # follow the pixels
    return bytes(whole)


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


def _completed_png(data: bytes, *, is_noisy: bool) -> bytes | None:
    if len(data) < 33:
        return None
    kept, pixels, at = [data[:33]], list[bytes](), 33
    while at + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        if name == b"IDAT":
            pixels.append(data[at + 8 : at + 8 + length])
        elif name != b"IEND" and at + 12 + length <= len(data):
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    size = _unpacked_bytes(data)
    if not pixels or not 0 < size <= _MAX_UNPACKED:
        return None
    packed, inflate, found = b"".join(pixels), zlib.decompressobj(), bytearray()
    try:
        for start in range(0, len(packed), _STEP):
            found += inflate.decompress(packed[start : start + _STEP], size - len(found) + 1)
            if len(found) > size:
                return None
    except zlib.error:
        pass
    found += bytes([is_noisy]) * (size - len(found))
    return b"".join([*kept, _chunk(b"IDAT", zlib.compress(found, 1)), _chunk(b"IEND", b"")])


def _unpacked_bytes(png: bytes) -> int:
    """Bytes of the rows of a PNG, each with the number of its filter; 0 for an unknown type of colours."""
    width, height, depth, colours, *_, is_interlaced = struct.unpack(">IIBBBBB", png[16:29])
    bits, size = depth * _CHANNELS.get(colours, 0), 0
    for left, top, across, down in _PASSES if is_interlaced else ((0, 0, 1, 1),):
        columns, rows = -((left - width) // across), -((top - height) // down)
        size += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return size if bits else 0


def _chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
