"""Pictures whose files are cut, that are large, or whose files have much besides the pixels."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from emomusic.errors import ImageError
from emomusic.media.images import read_image, read_picture_file
from tests.films import SAMPLES, encoded
from tests.hostile.generator import png

PHOTO = Image.open(SAMPLES / "eileen-collins-1999.jpg").convert("RGB").resize((256, 256))
TRANSPARENT = PHOTO.copy()
TRANSPARENT.putalpha(Image.fromarray(np.repeat(np.array([[255], [0]], np.uint8), [248, 8], 0).repeat(256, 1)))


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
    "tiles.heic": ("HEIF", {"tile_size": 64}),  # as telephones write it
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
def test_a_cut_file_is_refused(name: str, share: float) -> None:
    fmt, options = CUTS[name]
    whole = encoded(TRANSPARENT if name.startswith("transparent") else PHOTO, fmt, **options)
    if "compression" in options:
        whole = with_directory_first(whole)
    assert is_like_the_photo(read_image(whole), slice(200))
    with pytest.raises(ImageError, match="damaged or incomplete; copy it again") as error:
        read_image(whole[: int(share * len(whole))])
    assert type(error.value) is ImageError  # which commands look up


def test_zeros_of_a_jpeg_and_much_metadata_are_no_damage() -> None:
    blank = encoded(Image.new("RGB", (2000, 2000), "white"), "JPEG", optimize=True)
    assert bytes(512) in blank
    for data in (blank, blank + bytes(4096), encoded(PHOTO, "JPEG") + bytes(4096)):
        assert read_picture_file(data).note is None
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "x" * 2_000_000)
    text.add_text("workflow", "y" * 3_000_000, zip=True)
    read = read_picture_file(encoded(PHOTO, "PNG", pnginfo=text, icc_profile=bytes(2_000_000)))
    assert (read.pixels == np.asarray(PHOTO)).all()
    assert read.note is None


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
