import io
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.Image import Transpose

from emomusic.errors import ImageError
from emomusic.media import images
from emomusic.media.images import Box, crop_face, read_image, read_picture_file, shrink, to_network_input
from tests.films import SAMPLES, assert_quarters, colour_quarters, encoded
from tests.hostile.generator import is_one_sentence, png_chunk
from tests.waiting import PATIENCE_S

SAMPLE = SAMPLES / "eileen-collins-1999.jpg"

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


QUARTERS = Image.fromarray(colour_quarters())  # differs in every orientation


STORED = (
    *(None, Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM),
    *(Transpose.TRANSPOSE, Transpose.ROTATE_90, Transpose.TRANSVERSE, Transpose.ROTATE_270),
)
"""How a camera stores the upright picture with each orientation of EXIF, from 1."""
numbers = st.integers(-50, 150)
sides = st.integers(1, 120)
boxes = st.builds(Box, numbers, numbers, sides, sides)


@pytest.mark.parametrize("fmt", ["JPEG", "HEIF"])
@pytest.mark.parametrize(("orientation", "stored"), list(enumerate(STORED, 1)))
def test_orientation_is_applied(fmt: str, orientation: int, stored: Transpose | None) -> None:
    picture = QUARTERS if stored is None else QUARTERS.transpose(stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    # As bytes, because pillow-heif ignores the orientation of an object.
    assert_quarters(read_image(encoded(picture, fmt, exif=exif.tobytes())))


def gradient(depth: int, dtype: type, *, channels: int = 1) -> np.ndarray:
    """A ramp over `depth` values, from left to right."""
    row = np.linspace(0, depth - 1, 256)
    return np.repeat(np.tile(row, (32, 1))[..., None], channels, axis=2).squeeze().astype(dtype)


@pytest.mark.parametrize("used_bits", [10, 12, 16])
@pytest.mark.parametrize("ending", [".png", ".tiff", ".pgm"])
def test_the_used_bits_of_sixteen_fill_the_range_of_greys(used_bits: int, ending: str) -> None:
    stored = cv2.imencode(ending, gradient(2**used_bits, np.uint16))[1].tobytes()
    image = read_image(stored).astype(int)
    np.testing.assert_allclose(image[0, :, 0], np.arange(256), atol=3)
    assert (image == image[..., :1]).all()


def test_colours_in_sixteen_bits_keep_their_order_and_their_transparency() -> None:
    pixels = np.zeros((2, 3, 4), np.uint16)
    pixels[..., 2], pixels[:, 1:, 3], pixels[:, 1, 1] = 65535, 65535, 65535  # BGRA
    image = read_image(cv2.imencode(".png", pixels)[1].tobytes())
    assert image[0].tolist() == [[255, 255, 255], [255, 255, 0], [255, 0, 0]]
    for order in "<>":
        values = np.asarray(QUARTERS).astype(np.uint16) * 257
        assert_quarters(read_image(deep_tiff(values, order=order)))


def deep_tiff(values: np.ndarray, *, order: str = "<", planes: bool = False) -> bytes:
    """A TIFF of three colours; `planes`: one colour after the other."""
    height, width, depth = values.shape
    body = (np.moveaxis(values, 2, 0) if planes else values).astype(values.dtype.newbyteorder(order)).tobytes()
    starts = range(8, 8 + len(body), len(body) // 3 if planes else len(body))
    rows = {256: [width], 257: [height], 258: [8 * values.itemsize] * depth, 259: [1], 262: [2], 273: list(starts)}
    rows |= {277: [depth], 278: [height], 279: [len(body) // len(starts)] * len(starts), 284: [1 + planes]}
    at = 8 + len(body) + 6 + 12 * len(rows)
    directory, rest = struct.pack(f"{order}H", len(rows)), b""
    for tag, numbers in rows.items():
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(packed) > 4:
            rest, packed = rest + packed, struct.pack(f"{order}I", at + len(rest))
        directory += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + packed
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}I", 8 + len(body)) + body + directory + bytes(4) + rest


def hdr_png(transfer: int) -> bytes:
    png = encoded(QUARTERS, "PNG")
    return png[:33] + png_chunk(b"cICP", bytes([9, transfer, 0, 1])) + png[33:]


def hdr_heic(transfer: int) -> bytes:
    pillow_heif.register_heif_opener()
    colours = {"color_primaries": 9, "transfer_characteristics": transfer, "matrix_coefficients": 9}
    pillow_heif.from_pillow(QUARTERS).save(buffer := io.BytesIO(), quality=-1, save_nclx_profile=True, **colours)
    return buffer.getvalue()


DEEP = np.asarray(QUARTERS).astype(np.uint16)
UNREAD = [
    (deep_tiff(DEEP, planes=True), "planes of more than 8 bits"),
    (deep_tiff(DEEP), "colours in few of its 16 bits"),
    (cv2.imencode(".png", DEEP)[1].tobytes(), "colours in few of its 16 bits"),
    (encoded(Image.fromarray(DEEP[..., 0].astype(np.int32)), "TIFF"), "values of more than 16 bits"),
    (encoded(Image.fromarray(DEEP[..., 0].astype(np.float32)), "TIFF"), "values of more than 16 bits"),
    *((write(transfer), "colours in HDR") for write in (hdr_png, hdr_heic) for transfer in (16, 18)),
]


@pytest.mark.parametrize(("data", "reason"), UNREAD)
def test_colours_that_pillow_shows_wrongly_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=rf"{reason}.*save it as JPEG or PNG") as error:
        read_image(data)
    assert is_one_sentence(str(error.value))


def test_planes_of_eight_bits_and_ordinary_colours_also_with_a_gain_map_are_read() -> None:
    assert_quarters(read_image(deep_tiff(np.asarray(QUARTERS), planes=True)))
    for data in (hdr_png(13), hdr_heic(13), hdr_heic(16).replace(b"mif1", b"tmap")):
        assert_quarters(read_image(data))
    with pytest.raises(ImageError, match="not read"):
        read_image(cv2.imencode(".tiff", np.asarray(QUARTERS).astype(np.float32))[1].tobytes())


def test_white_may_be_zero_and_transparent_pixels_and_colours_become_white() -> None:
    image = read_image(encoded(Image.fromarray(gradient(2**16, np.uint16)), "TIFF", tiffinfo={262: 0})).astype(int)
    np.testing.assert_allclose(image[0, :, 0], np.arange(256)[::-1], atol=3)
    for picture, colour in ((Image.new("RGB", (9, 9), RED), RED), (Image.new("L", (9, 9), 7), 7)):
        assert (read_image(encoded(picture, "PNG", transparency=colour)) == 255).all()
    for mode in ("RGBA", "LA", "PA"):
        picture = Image.new("RGBA", (3, 1))
        for x, alpha in enumerate((0, 128, 255)):
            picture.putpixel((x, 0), (0, 0, 0, alpha))
        fmt = "TIFF" if mode == "PA" else "PNG"
        picture = picture.convert(mode)
        image = read_image(encoded(picture, fmt))
        np.testing.assert_array_equal(image[0], [WHITE, (127, 127, 127), (0, 0, 0)])


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "WEBP"])
def test_an_empty_alpha_channel_is_opaque(fmt: str) -> None:
    picture = QUARTERS.copy()
    picture.putalpha(0)
    assert_quarters(read_image(encoded(picture, fmt, **({"lossless": True, "exact": True} if fmt == "WEBP" else {}))))


@pytest.mark.parametrize("num_blank", [0, 2])
@pytest.mark.parametrize("fmt", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_is_its_first_frame_that_is_not_blank_with_a_note(fmt: str, num_blank: int) -> None:
    blank = [Image.new("RGB", QUARTERS.size, (9 * number,) * 3) for number in range(num_blank)]
    first, *others = [*blank, QUARTERS, Image.new("RGB", QUARTERS.size, "yellow")]
    decoded = read_picture_file(encoded(first, fmt, save_all=True, append_images=others, duration=100))
    assert_quarters(decoded.pixels)
    assert f"Picture {num_blank + 1} of {num_blank + 2} was read" in decoded.note


def test_the_largest_page_is_decoded() -> None:
    data = encoded(QUARTERS.resize((16, 12)), "TIFF", save_all=True, append_images=[QUARTERS, QUARTERS.rotate(180)])
    picture = images.read_picture_file(data)
    assert_quarters(picture.pixels)
    assert "2 of 3" in picture.note
    width, height = QUARTERS.size
    for size, is_page in (((width - 1, height), True), ((width // 2, height // 2), False)):  # another scan; a preview
        data = encoded(QUARTERS, "TIFF", save_all=True, append_images=[QUARTERS.resize(size)])
        assert (images.read_picture_file(data).note is not None) is is_page
    assert images.read_picture_file(encoded(QUARTERS, "TIFF")).note is None


def raw_photo(*jpegs: bytes, order: str = "<", orientation: int = 1) -> bytes:
    """A DNG: a directory with a version and an orientation, then JPEGs."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    tags = struct.pack(f"{order}HHII", 274, 4, 1, orientation) + struct.pack(f"{order}HHII", 50706, 4, 1, 1)
    return head + struct.pack(f"{order}IH", 8, 2) + tags + bytes(4) + b"".join(jpegs)


def test_the_largest_jpeg_of_a_raw_photo_is_read_upright_and_a_thumbnail_alone_is_refused() -> None:
    large = QUARTERS.resize((640, 480), Image.Resampling.NEAREST)
    small = encoded(Image.new("RGB", (160, 120), "yellow"), "JPEG")
    turned = encoded(large.transpose(Transpose.ROTATE_90), "JPEG")
    for order in "<>":
        assert_quarters(read_image(raw_photo(small, turned, small, order=order, orientation=6)), 640, 480)
    cr3 = b"\0\0\0\x18ftypcrx " + bytes(90) + b"CMT1" + raw_photo(small, turned, orientation=6)
    assert_quarters(read_image(cr3), 640, 480)
    for start in (b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0", b"IIU\0\x18\0\0\0", b"\0\0\0\x18ftypcrx "):
        assert_quarters(read_image(start + bytes(90) + encoded(large, "JPEG")), 640, 480)
    for jpegs in ((), (encoded(QUARTERS, "JPEG"),)):
        with pytest.raises(ImageError, match="raw photo"):
            read_image(raw_photo(*jpegs))


def test_more_than_20_megabytes_are_refused_and_a_progressive_jpeg_with_previews_is_read(tmp_path: Path) -> None:
    data = SAMPLE.read_bytes()
    padded = data + bytes(images.MAX_BYTES - len(data))
    assert read_image(padded).shape == (512, 512, 3)
    with pytest.raises(ImageError, match=r"20\.1 MB.* 20 MB"):
        read_image(padded + b"\0")
    (tmp_path / "huge.jpg").write_bytes(padded + b"\0")
    with pytest.raises(ImageError, match=r"'huge\.jpg'.* 20 MB"):
        read_image(tmp_path / "huge.jpg")
    preview = encoded(QUARTERS, "JPEG", progressive=True)
    exif = b"Exif\0\0" + preview * 20  # not counted
    progressive = encoded(QUARTERS, "JPEG", progressive=True, exif=exif)
    assert_quarters(read_image(progressive + preview * 20))


@settings(deadline=None)
@given(boxes, sides, sides)
def test_a_clipped_box_is_the_part_inside_the_image(box: Box, width: int, height: int) -> None:
    image = Box(0, 0, width, height)
    if box.shared_pixels(image) == 0:
        with pytest.raises(ValueError, match="must touch the image"):
            box.clipped(width, height)
        return
    clipped = box.clipped(width, height)
    assert clipped.x >= 0
    assert clipped.y >= 0
    assert clipped.right <= width
    assert clipped.bottom <= height
    assert clipped.width * clipped.height == box.shared_pixels(image)
    assert clipped.clipped(width, height) == clipped


def test_a_large_image_is_reduced_to_1280_pixels_and_fast_to_the_size_of_a_plain_one() -> None:
    for height, width in ((3000, 4000), (4000, 3000), (1281, 1), (1, 20_000), (2000, 1001)):
        small, scale = shrink(np.full((height, width, 3), 99, np.uint8))
        assert max(small.shape[:2]) == 1280
        assert scale == 1280 / max(height, width)
        assert small.shape[0] == max(round(height * scale), 1)
        assert small.shape[1] == max(round(width * scale), 1)
        assert (small == 99).all()
    for side in (1, 2, 100, 333, 700, 2000):
        image = read_image(SAMPLE)
        for picture in (image, image[:-1, :-1], image[:1], image[:, :1]):
            plain, fast = shrink(picture, side), shrink(picture, side, fast=True)
            assert (fast[0].shape, fast[1]) == (plain[0].shape, plain[1])
            assert np.abs(fast[0].astype(int) - plain[0]).mean() < 4


@settings(deadline=None)
@example(box=Box(0, 0, 1, 1), margin=-0.25, width=1, height=1)
@given(box=boxes, margin=st.floats(-0.3, 0.5), width=sides, height=sides)
def test_a_crop_is_a_square_around_the_center_of_the_box(box: Box, margin: float, width: int, height: int) -> None:
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows, columns, np.full_like(rows, 7)], axis=-1).astype(np.uint8)
    if box.shared_pixels(Box(0, 0, width, height)) == 0:
        with pytest.raises(ValueError, match="must touch the image"):
            crop_face(image, box, margin=margin)
        return
    side = round(max(box.width, box.height) * (1 + 2 * margin))
    if side < 1:
        with pytest.raises(ValueError, match="margin must leave at least one pixel"):
            crop_face(image, box, margin=margin)
        return
    crop = crop_face(image, box, margin=margin)
    assert crop.shape == (side, side, 3)
    assert crop.dtype == np.uint8
    # Each pixel holds its own row and column. Outside the image the border repeats.
    top, left = box.y + box.height / 2 - side / 2, box.x + box.width / 2 - side / 2
    expected_rows = np.clip(np.floor(top) + np.arange(side), 0, height - 1)
    expected_columns = np.clip(np.floor(left) + np.arange(side), 0, width - 1)
    np.testing.assert_array_equal(crop[..., 0], np.broadcast_to(expected_rows[:, None], (side, side)))
    np.testing.assert_array_equal(crop[..., 1], np.broadcast_to(expected_columns, (side, side)))


def test_network_input_keeps_order_and_size_and_uses_luma_weights() -> None:
    crops = [np.full((side, side, 3), value, np.uint8) for side, value in ((300, 10), (48, 20), (7, 30), (1, 40))]
    crops += [np.full((48, 48, 3), colour, np.uint8) for colour in (RED, GREEN, BLUE)]
    batch = to_network_input(crops, 48)
    assert (batch.shape, batch.dtype) == ((7, 48, 48, 1), np.uint8)
    assert [int(crop.mean()) for crop in batch] == [10, 20, 30, 40, 76, 150, 29]


def test_frames_of_a_camera_do_not_wait_for_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = threading.BoundedSemaphore(1)
    monkeypatch.setattr(images, "_decoding", busy)
    frame, photo = (encoded(Image.new("RGB", size), "JPEG") for size in ((640, 480), (1600, 1200)))
    with busy, ThreadPoolExecutor(2) as threads:
        large = threads.submit(read_image, photo)
        assert threads.submit(read_image, frame).result(PATIENCE_S).shape == (480, 640, 3)
        assert not large.done()
        busy.release()
        assert large.result(PATIENCE_S).shape == (1200, 1600, 3)
        busy.acquire()
