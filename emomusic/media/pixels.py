"""Pixels of an opened picture as 8-bit RGB: any depth and range, colour profiles, transparency, pages, animations."""

from __future__ import annotations

import contextlib
import io
import logging
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, UnidentifiedImageError

from emomusic.media.hdr import to_sdr, transfer_of

log = logging.getLogger(__name__)

_SMALL_CHANGE = 3.0
"""Mean change of greys and colours of skin, of 255, that nobody sees: sRGB has 0, Display P3, of most telephones, 2.5,
Adobe RGB 3.7 and ProPhoto 20. Their conversion takes as long as decoding the photo."""

_SEEN = [(grey, red, blue) for grey in range(60, 200, 10) for red in (0, 20, 45) for blue in (0, 15, 30)]
_MOST_BYTES = 2**22
_MODES = {"RGB": "RGB", "RGBA": "RGBA", "L": "RGB", "CMYK": "RGB"}
"""What a profile can describe, and what it becomes."""


def in_srgb(picture: Image.Image, profile: Any) -> Image.Image:
    """A picture of 8 bits in the colours of ordinary screens, perhaps the same one changed.

    Args:
        picture: a picture with colours, greys or a palette; others stay as they are.
        profile: bytes of its ICC profile; None for none. A damaged one, and one for other colours, is ignored.
    """
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MOST_BYTES:
        return picture
    if picture.mode == "LA":
        grey, alpha = picture.split()
        picture = in_srgb(grey, profile).convert("RGB")
        picture.putalpha(alpha)
        return picture
    if picture.mode == "P":
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.mode not in _MODES or (transform := _transform(profile, picture.mode)) is None:
        return picture
    return ImageCms.applyTransform(picture, transform, inPlace=picture.mode == _MODES[picture.mode]) or picture


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; None if it hardly changes a colour."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, _MODES[mode])
        colours = np.array([[(grey + red, grey, grey - blue) for grey, red, blue in _SEEN]], np.uint8)
        before = Image.fromarray(colours).convert(mode)
        after = ImageCms.applyTransform(before, transform)
        change = np.abs(np.asarray(before.convert("RGB"), np.int16) - np.asarray((after or before).convert("RGB")))
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        log.debug("ignored a colour profile", exc_info=error)
        return None
    return transform if mode == "CMYK" or change.mean() > _SMALL_CHANGE else None


RgbImage: TypeAlias = npt.NDArray[np.uint8]
"""Shape (height, width, 3), uint8, RGB, upright."""


class Orientation(NamedTuple):
    """How a stored image becomes upright: by swapping its axes, then mirroring it."""

    swaps: bool = False  # so width and height change places
    mirrors: bool = False  # left and right
    flips: bool = False  # up and down

    def upright(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The image as it is shown."""
        image = np.asarray(cv2.transpose(image), np.uint8) if self.swaps else image
        if not (self.mirrors or self.flips):
            return image
        return np.asarray(cv2.flip(image, -1 if self.mirrors and self.flips else int(self.mirrors)), np.uint8)


_OF_EXIF = {
    2: Orientation(mirrors=True),
    3: Orientation(mirrors=True, flips=True),
    4: Orientation(flips=True),
    5: Orientation(swaps=True),
    6: Orientation(swaps=True, mirrors=True),
    7: Orientation(swaps=True, mirrors=True, flips=True),
    8: Orientation(swaps=True, flips=True),
}

_PHOTOMETRIC, _SAMPLE_BITS, _SAMPLE_FORMAT, _PLANES, _ORIENTATION = 262, 258, 339, 284, 274  # tags of TIFF
_WHITE_IS_ZERO, _UNSIGNED = 0, 1
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_MOST_FRAMES, _MOST_PIXELS = 50, 10**8  # limits of an animation that may begin with blank frames
_MOST_PAGES = 200
_BLANK_RANGE = 16  # values of 255
_RANGES = (1.0, 255.0, 2.0**16 - 1, 2.0**32 - 1)
"""What a sensor or a program may take for white: in floats, and in 8, 16 and 32 bits."""
_USED_SHARE = 0.25  # share of the range; 14 bits in 16 use less
_PERCENTILES = (0.1, 99.9)  # dead pixels lie outside
_MOST_SAMPLED = 2**20
_CHUNK_ROWS = 64  # bounds memory: a whole picture in float64 takes 400 MB


def choose_page(picture: Image.Image) -> str | None:
    """Move to the largest page of a TIFF, or to the first picture of a HEIC or an animation that is not blank.

    Returns:
        A sentence about the other pages; None without other pages.
    """
    num_frames = getattr(picture, "n_frames", 1)
    if num_frames < 2:
        return None
    if picture.format == "TIFF":
        sizes = []
        for number in range(min(num_frames, _MOST_PAGES)):
            picture.seek(number)
            sizes.append(picture.width * picture.height)
        largest = max(sizes)
        picture.seek(number := sizes.index(largest))
        is_of_several = sorted(sizes)[-2] > largest / 2  # half the sides, a preview, is a quarter
        return f"Page {number + 1} of {num_frames} is read." if is_of_several else None
    if picture.format in (*_ANIMATED, "HEIF"):
        first = picture.tell()
        most = max(min(num_frames, _MOST_FRAMES, _MOST_PIXELS // (picture.width * picture.height)), 1)
        for number in [first, *(other for other in range(most) if other != first)]:
            picture.seek(number)
            if not _is_blank(picture):
                break
        else:
            picture.seek(first)
        note = f"Picture {picture.tell() + 1} of {num_frames} was read."
        return note if picture.format == "HEIF" else f"{note} Animations are not read as films."
    return None


def _is_blank(frame: Image.Image) -> bool:
    """Whether a frame has a single colour."""
    small = frame.convert("RGB").reduce(max(min(frame.size) // 16, 1))
    return all(high - low < _BLANK_RANGE for low, high in np.reshape(small.getextrema(), (3, 2)))


def to_rgb(picture: Image.Image, data: bytes, orientation: int = 1) -> RgbImage:
    """The pixels of a loaded picture, upright, with transparent areas in white.

    Args:
        picture: the picture, on the page or frame that counts.
        data: the bytes of its file.
        orientation: the orientation of EXIF, if the picture has none itself.
    """
    for key in ("xmp", "XML:com.adobe.xmp"):
        picture.info.pop(key, None)  # browsers ignore the orientation in it, which is often an old one
    profile = picture.info.get("icc_profile")
    try:
        own = picture.getexif().get(_ORIENTATION, 1)
        orientation = orientation if own == 1 else own
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises anything on broken metadata, which leaves the pixels intact
        log.debug("ignored broken metadata", exc_info=error)
    transfer = transfer_of(data)
    if transfer is None:
        picture = _in_eight_bits(picture, data)
        picture = in_srgb(picture, profile)
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    is_colour = isinstance(picture.info.get("transparency"), int | tuple)  # that is transparent
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    if alpha is not None and (is_colour or alpha.getextrema() != (0, 0)):  # some programs leave the channel empty
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=alpha)
        picture = white
    pixels = np.array(picture, dtype=np.uint8)
    if transfer is not None:
        for rows in np.array_split(pixels, range(_CHUNK_ROWS, len(pixels), _CHUNK_ROWS)):
            rows[:] = to_sdr(rows.astype(np.uint16) * 257, transfer)
    return _OF_EXIF.get(orientation, Orientation()).upright(pixels)


def _in_eight_bits(picture: Image.Image, data: bytes) -> Image.Image:
    """A picture of more than 8 bits in 8, as stored; other pictures as they are."""
    tags = getattr(picture, "tag_v2", {})
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture)
        if tags.get(_SAMPLE_BITS) == (32,) and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,)) == (_UNSIGNED,):
            values = values.view(np.uint32)  # Pillow reads them as signed
        grey = to_eight_bits(values)
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # Pillow turns 8 bits only
            grey = 255 - grey
        grey[values == picture.info.get("transparency")] = 255  # Pillow drops it for PNG with 16 bits
        return Image.fromarray(grey)
    is_png = picture.format == "PNG" and data[24] == 16  # bits of a sample, in the header
    is_tiff = picture.format == "TIFF" and max(tags.get(_SAMPLE_BITS, (8,))) > 8 and picture.tell() == 0
    if is_tiff and tags.get(_PLANES, 1) != 1:
        raise UnidentifiedImageError("planes of more than 8 bits")  # Pillow and OpenCV mix them up
    if picture.mode in ("RGB", "RGBA") and (is_png or is_tiff):
        with contextlib.suppress(ValueError):  # a cut one, whose pixels Pillow has in 8 bits
            return Image.fromarray(read_deep_colours(data))
    return picture


def read_deep_colours(data: bytes) -> RgbImage:
    """The colours of a TIFF or PNG of more than 8 bits, which Pillow cuts or does not read.

    Returns:
        Shape (height, width, 3) or (height, width, 4), RGB or RGBA, uint8. A PNG is as stored; OpenCV turns a TIFF
        upright.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it prints what its result tells
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim not in (2, 3):
        raise ValueError("OpenCV does not read it")
    values = np.atleast_3d(values)
    colours = to_eight_bits(values[..., 2::-1] if values.shape[2] > 2 else values[..., [0, 0, 0]])
    if values.shape[2] != 4 or values.dtype != np.uint16:
        return colours
    alpha = (values[..., 3:] // 257).astype(np.uint8)
    del values  # bounds memory
    return np.concatenate([colours, alpha], axis=2)


def to_eight_bits(values: npt.NDArray[Any]) -> RgbImage:
    """Values of 16 or 32 bits or floats, scaled to 0 to 255.

    The smallest of the ranges 0 to 1 (floats), 8, 16 and 32 bits that holds all values becomes 0 to 255. If the values
    use less than a quarter of it, as those of sensors with 10, 12 or 14 bits, the percentiles 0.1 and 99.9 do.

    Args:
        values: shape (height, width) or (height, width, channels). Infinity and NaN count as 0.
    """
    rows = np.array_split(values, range(_CHUNK_ROWS, len(values), _CHUNK_ROWS))

    def exact(chunk: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.nan_to_num(chunk.astype(np.float64), posinf=0.0, neginf=0.0)

    ends = np.array([(part.min(), part.max()) for part in map(exact, rows)])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    ranges = _RANGES if values.dtype.kind == "f" else _RANGES[2:] if values.dtype == np.uint16 else _RANGES[1:]
    limit = next((top for top in ranges if high <= top), None)
    if low >= 0 and limit is not None:
        places = np.arange(0, values.size, values.size // _MOST_SAMPLED + 1)
        sample = exact(values[np.unravel_index(places, values.shape)])  # `reshape` may copy all
        low, high = np.percentile(sample, _PERCENTILES)
        if high - low >= _USED_SHARE * limit or high == low:
            low, high = 0.0, limit
    scale = 255.0 / ((high - low) or 1.0)
    scaled = np.empty(values.shape, np.uint8)
    for start, chunk in zip(range(0, len(values), _CHUNK_ROWS), rows, strict=True):
        scaled[start : start + _CHUNK_ROWS] = np.rint((exact(chunk) - low) * scale).clip(0, 255)
    return scaled


def with_alpha(data: bytes) -> bytes:
    """The file of a picture. An animated WebP has an alpha channel, without which margins of frames are black."""
    is_animated_webp = data[8:16] == b"WEBPVP8X" and len(data) > 20 and data[20] & 2
    return data[:20] + bytes([data[20] | 0x10]) + data[21:] if is_animated_webp else data
