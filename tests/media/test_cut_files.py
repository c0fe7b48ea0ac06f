"""Pictures that end too early, that are large, or whose files have much besides the pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from emomusic.errors import ImageError
from emomusic.media.images import read_image, read_picture_file
from emomusic.media.picture_files import is_emptied
from tests.films import SAMPLES, encoded
from tests.hostile.generator import png, png_chunk

PHOTO = Image.open(SAMPLES / "eileen-collins-1999.jpg").convert("RGB").resize((256, 256))
TRANSPARENT = PHOTO.copy()
TRANSPARENT.putalpha(Image.fromarray(np.repeat(np.array([[255], [0]], np.uint8), [248, 8], 0).repeat(256, 1)))
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps, of the passes of an interlaced PNG."""


def is_like_the_photo(image: np.ndarray, rows: slice) -> bool:
    return bool(np.abs(image[rows].astype(int) - np.asarray(PHOTO)[rows]).mean() < 12)


CUTS = {
    "jpeg": ("JPEG", {}),
    "large.jpeg": ("JPEG", {"quality": 98, "subsampling": 0}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "tiff": ("TIFF", {}),
    "ppm": ("PPM", {}),
    "jp2": ("JPEG2000", {"quality_layers": [80, 60, 40, 30, 20, 15, 10, 5], "irreversible": True}),
    "tiles.j2k": ("JPEG2000", {"tile_size": (64, 64), "no_jp2": True}),
    "gif": ("GIF", {"interlace": 0}),
    "interlaced.gif": ("GIF", {}),
    "heic": ("HEIF", {}),
    "avif": ("AVIF", {}),
    "lzw.tiff": ("TIFF", {"compression": "tiff_lzw", "strip_size": 8192}),
    "jpeg.tiff": ("TIFF", {"compression": "jpeg", "strip_size": 8192}),
    "transparent.heic": ("HEIF", {}),
    "transparent.avif": ("AVIF", {}),
    "webp with exif": ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
}


def with_directory_first(tiff: bytes) -> bytes:
    """A TIFF as programs for photos write it. Pillow writes the directory at the end, where a cut takes it."""
    tags = Image.open(io.BytesIO(tiff)).tag_v2
    strips = [tiff[at : at + size] for at, size in zip(tags[273], tags[279], strict=True)]
    single = {256: tags[256], 257: tags[257], 259: tags[259], 262: tags[262], 277: 3, 278: tags[278], 317: 1}
    codes = tags.get(347, b"")  # that the strips of JPEG share
    arrays = 8 + 2 + 12 * (len(single) + 4) + 4  # after the directory: bits, offsets, sizes and codes
    start = arrays + 12 + 8 * len(strips) + len(codes)
    offsets = [start + sum(map(len, strips[:number])) for number in range(len(strips))]
    entries = [(tag, 4, 1, value) for tag, value in single.items()] + [
        (258, 4, 3, arrays), (273, 4, len(strips), arrays + 12), (279, 4, len(strips), arrays + 12 + 4 * len(strips)),
        (347, 7, len(codes), start - len(codes)),
    ]  # fmt: skip
    directory = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    values = struct.pack(f"<{3 + 2 * len(strips)}I", 8, 8, 8, *offsets, *map(len, strips))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + values + codes + b"".join(strips)


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("share", [0.6, 0.95])
def test_of_a_cut_file_the_rest_is_read_with_a_note(name: str, share: float) -> None:
    fmt, options = CUTS[name]
    whole = encoded(TRANSPARENT if name.startswith("transparent") else PHOTO, fmt, **options)
    if "compression" in options:
        whole = with_directory_first(whole)
    found = read_picture_file(whole[: int(share * len(whole))])
    assert found.pixels.shape == (256, 256, 3)
    rows = slice(100 if share < 0.9 else 200)
    assert np.abs(found.pixels[rows].astype(int) - read_image(whole)[rows]).mean() < 4
    assert share > 0.9 or fmt not in ("HEIF", "AVIF") or (found.pixels[-8:] == 128).mean() > 0.9
    assert "absent" in found.note


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_of_a_cut_interlaced_png_absent_pixels_are_as_those_beside(mode: str) -> None:
    pixels = np.asarray(PHOTO.convert(mode))
    passes = (pixels[y::down, x::across] for x, y, across, down in ADAM7)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for part in passes for row in part))
    plain = encoded(PHOTO.convert(mode), "PNG")
    start = plain.index(b"IDAT") - 4
    whole = plain[:28] + b"\1" + struct.pack(">I", zlib.crc32(plain[12:28] + b"\1")) + plain[33:start]
    whole += png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    assert (read_image(whole) == read_image(plain)).all()
    found = read_picture_file(whole[: start + len(packed) * 2 // 5])
    assert found.note
    small, expected = (np.asarray(Image.fromarray(part).reduce(4), int) for part in (found.pixels, read_image(plain)))
    assert np.abs(small - expected).mean() < 20


def test_of_a_cut_progressive_jpeg_the_whole_picture_is_shown_with_less_detail() -> None:
    whole = encoded(PHOTO, "JPEG", progressive=True)
    for share in (0.4, 0.7, 0.95):
        found = read_picture_file(whole[: int(share * len(whole))])
        assert found.note
        assert np.abs(found.pixels.astype(int) - np.asarray(PHOTO)).mean() < 16


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
@pytest.mark.parametrize("end", ["zeros", "zeros and a mark", "more pixels"])
def test_zeros_in_a_file_are_absent_pixels(fmt: str, end: str) -> None:
    whole = encoded(PHOTO, fmt)
    at = int(0.7 * len(whole))
    rest = {"zeros": b"", "zeros and a mark": b"\xff\xd9", "more pixels": whole[at + 1024 :]}[end]
    found = read_picture_file(whole[:at] + bytes(1024 if rest else len(whole) - at) + rest)
    assert found.note
    assert is_like_the_photo(found.pixels, slice(130))


def test_an_absent_end_marker_zeros_of_a_jpeg_and_much_metadata_are_no_damage() -> None:
    for options in ({}, {"progressive": True}, {"optimize": True}, {"tile_size": (200, 90)}):
        whole = encoded(PHOTO, "JPEG2000" if "tile_size" in options else "JPEG", **options)
        found = read_picture_file(whole[:-2])
        assert found.note is None
        assert (found.pixels == read_image(whole)).all()
    blank = encoded(Image.new("RGB", (2000, 2000), "white"), "JPEG", optimize=True)
    assert bytes(512) in blank
    for data in (blank, blank + bytes(4096), encoded(PHOTO, "JPEG") + bytes(4096)):
        assert not is_emptied(data)
        assert read_picture_file(data).note is None
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "x" * 2_000_000)
    text.add_text("workflow", "y" * 3_000_000, zip=True)
    read = read_picture_file(encoded(PHOTO, "PNG", pnginfo=text, icc_profile=bytes(2_000_000)))
    assert (read.pixels == np.asarray(PHOTO)).all()
    assert read.note is None


def test_a_file_without_pixels_stays_damaged_and_of_a_cut_heic_whole_tiles_are_read() -> None:
    cuts = [(encoded(PHOTO, fmt)[:50], "damaged") for fmt in ("JPEG", "PNG", "WEBP")]
    lzw = encoded(PHOTO, "TIFF", compression="tiff_lzw")[:-900]  # the directory is at the end
    for data, reason in (*cuts, (encoded(PHOTO, "AVIF")[:200], "ends too early"), (lzw, "ends too early")):
        with pytest.raises(ImageError, match=reason) as error:
            read_image(data)
        assert type(error.value) is ImageError  # which commands look up
    whole = encoded(PHOTO, "HEIF", tile_size=64)  # as telephones write it
    assert is_like_the_photo(read_image(whole), slice(None))
    found = read_picture_file(whole[: int(0.6 * len(whole))])
    assert is_like_the_photo(found.pixels, slice(64))
    assert (found.pixels[-64:] == 128).all()
    assert "absent" in found.note


def test_a_panorama_is_read_at_half_its_size() -> None:
    picture = PHOTO.resize((12_000, 4_300), Image.Resampling.NEAREST)
    two = encoded(picture, "MPO", save_all=True, append_images=[PHOTO])  # with a gain map
    for data in (png(12_000, 4_300), two, encoded(picture, "JPEG")):
        found = read_picture_file(data)
        assert found.pixels.shape == (2150, 6000, 3)
        assert "half" in found.note
    small = np.asarray(Image.fromarray(found.pixels).resize((256, 256)))
    assert is_like_the_photo(small, slice(None))


def linear_profile() -> bytes:
    """An ICC profile of version 2 with the primaries of sRGB, whose values are proportional to light."""
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", srgb, 128)[0]
    for number in range(count):
        name, at, _ = struct.unpack_from(">4sII", srgb, 132 + 12 * number)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            srgb[at : at + 12] = b"curv" + bytes(8)  # no values: the identity
            struct.pack_into(">I", srgb, 132 + 12 * number + 8, 12)
    return bytes(srgb)


def test_a_colour_profile_is_applied_unless_it_is_damaged_foreign_or_that_of_srgb() -> None:
    values = np.asarray(PHOTO) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    picture = Image.fromarray(np.rint(255 * light).astype(np.uint8))
    for fmt in ("JPEG", "PNG", "TIFF"):
        assert not is_like_the_photo(read_image(encoded(picture, fmt)), slice(None))
        assert is_like_the_photo(read_image(encoded(picture, fmt, icc_profile=linear_profile())), slice(None))
    grey, srgb = PHOTO.convert("L"), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (b"no profile", srgb):
        assert (read_image(encoded(PHOTO, "PNG", icc_profile=profile)) == np.asarray(PHOTO)).all()
    assert (read_image(encoded(grey, "PNG", icc_profile=linear_profile()))[..., 0] == np.asarray(grey)).all()
