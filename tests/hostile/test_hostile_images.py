"""`read_image` on hostile bytes returns pixels or raises an `ImageError` in bounded time."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from emomusic.errors import ImageError
from emomusic.media import images
from emomusic.media.images import read_image

ROOT = Path(__file__).resolve().parents[2]
REFUSAL = "damaged|too large|not a picture|empty"

FORMATS = {
    "jpeg": ("JPEG", {}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "gif": ("GIF", {}),
    "lzw tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "heic": ("HEIF", {}),
}


def intact(name: str, side: int = 64) -> bytes:
    images._prepare_pillow()
    fmt, options = FORMATS[name]
    noise = np.random.default_rng(0).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((side, side)).save(buffer, fmt, **options)
    return buffer.getvalue()


def assert_refused(data: bytes, match: str = REFUSAL) -> None:
    with pytest.raises(ImageError, match=match) as error:
        read_image(data)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 250


def assert_pixels_or_refused(data: bytes, match: str = REFUSAL) -> None:
    try:
        image = read_image(data)
    except ImageError:
        assert_refused(data, match)
    else:
        assert (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_claiming(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")


# Damaged files


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_truncated_at_any_byte_is_refused(name: str) -> None:
    data = intact(name)
    assert read_image(data).shape == (64, 64, 3)
    steps = [*range(1, 100, 7), *range(100, int(0.99 * len(data)) - 22, max(len(data) // 30, 10))]
    for length in steps:
        assert_refused(data[:length])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=20))
def test_changed_bytes_give_pixels_or_an_error(name: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(intact(name))
    for share, value in changes:
        data[int(share * len(data))] = value
    assert_pixels_or_refused(bytes(data))


@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        b"RIFF\x00\x01\x00\x00WEBPVP8X",
        b"\x00\x00\x00\x18ftypheic",
    ],
)
@settings(max_examples=25)
@given(rest=st.binary(max_size=300))
def test_random_bytes_after_a_valid_signature_are_damaged(start: bytes, rest: bytes) -> None:
    assert_pixels_or_refused(start + rest, match="damaged|too large")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"just text, renamed to .jpg", id="text"),
        pytest.param(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(%pipe%echo harm) (w) file\n%%EOF\n",
            id="eps",
        ),
        pytest.param(b"\x00\x00\x00\x18ftypmp42" + bytes(100), id="mp4"),
        pytest.param(b"\xff", id="one byte"),
    ],
)
def test_other_files_are_not_pictures(data: bytes) -> None:
    assert_refused(data, match="is not a picture")


# Decompression bombs


@pytest.mark.parametrize(("width", "height"), [(8_000, 6_251), (1, 50_000_001), (2**31 - 1, 2**31 - 1)])
def test_a_png_header_with_too_many_pixels_is_refused(width: int, height: int) -> None:
    assert_refused(png_claiming(width, height), match="at most 50 megapixels")


def test_a_png_with_a_text_bomb_is_refused() -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    data = intact("png")
    chunk = png_chunk(b"zTXt", b"comment\x00\x00" + bomb)
    assert_refused(data[:33] + chunk + data[33:], match="damaged")


def test_broken_exif_leaves_the_pixels_intact() -> None:
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHII", 0x0112, 3, 1, 77) + bytes(4)
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(buffer, "JPEG", exif=exif)
    image = read_image(buffer.getvalue())
    assert image.shape == (10, 20, 3)
    assert image[..., 0].min() > 240
