"""`read_image` on hostile bytes returns pixels or raises an `ImageError` of one sentence. More in `generator`."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from emomusic.errors import ImageError
from emomusic.media.images import read_image
from tests.hostile import generator
from tests.hostile.generator import PICTURES, is_one_sentence, jpeg_with_scans, picture, png, tiff


def assert_refused(data: bytes, match: str = "damaged|too large") -> None:
    with pytest.raises(ImageError, match=match) as error:
        read_image(data)
    assert is_one_sentence(str(error.value))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_truncated_at_any_byte_is_refused(name: str) -> None:
    data = picture(name)
    assert read_image(data).shape == (64, 64, 3)
    steps = [*range(2, 100, 7), *range(100, int(0.99 * len(data)) - 22, max(len(data) // 30, 10))]
    for length in steps:
        assert_refused(data[:length], "damaged|not a picture")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(b"just text, renamed to .jpg", "is not", id="text"),
        pytest.param(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(%pipe%echo harm) (w) file\n%%EOF\n",
            "is not",
            id="eps",
        ),
        pytest.param(b"\x00\x00\x00\x18ftypmp42" + bytes(100), "is a film, not", id="mp4"),
        pytest.param(b"ID3\4\0\0", "is an audio file, not", id="mp3"),
        pytest.param(b"7z\xbc\xaf\x27\x1c", "is an archive, not", id="7z"),
        pytest.param(b"\xff", "is not", id="one byte"),
    ],
)
def test_other_files_are_not_pictures(data: bytes, kind: str) -> None:
    assert_refused(data, match=f"{kind} a picture; choose JPEG, PNG")


# Work that is refused before it begins


@pytest.mark.parametrize(("width", "height"), [(8_000, 6_251), (1, 50_000_001), (2**31 - 1, 2**31 - 1)])
def test_a_png_header_with_too_many_pixels_is_refused(width: int, height: int) -> None:
    assert_refused(png(width, height, num_rows=0), match="at most 50 megapixels")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        pytest.param(png(1, 49_999_999, num_rows=0), "too narrow", id="narrow"),
        pytest.param(tiff(64, tile=(16, 2**24)), "damaged", id="tiles larger than the picture"),
        pytest.param(jpeg_with_scans(101), "over 100 scans", id="scans"),
        pytest.param(jpeg_with_scans(101).replace(b"\xff\xda", b"\xff\xff\xff\xda"), "over 100 scans", id="padding"),
    ],
)
def test_work_is_refused_before_decoding(data: bytes, match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    assert_refused(data, match)


def test_a_hundred_scans_are_read() -> None:
    assert read_image(jpeg_with_scans(100, 200)).shape == (200, 200, 3)


def test_decoding_ends_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from emomusic.media import images

    monkeypatch.setattr(images, "WORK_S", 0.01)
    assert_refused(picture("png", 2000), "takes too long")


def test_decoders_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for packing in (5, 8, 7, 50_000, 50_001, 32_773):
        assert_refused(tiff(640, packing=packing))
    assert capfd.readouterr() == ("", "")


def test_a_png_with_a_text_bomb_is_refused() -> None:
    assert_refused(generator.text_bomb(), match="damaged")


def test_broken_exif_leaves_the_pixels_intact() -> None:
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHII", 0x0112, 3, 1, 77) + bytes(4)
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(buffer, "JPEG", exif=exif)
    image = read_image(buffer.getvalue())
    assert image.shape == (10, 20, 3)
    assert image[..., 0].min() > 240
