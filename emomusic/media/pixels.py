"""Pixels of an opened picture as 8-bit RGB: greys of any range, colour profiles, transparency, and pages."""

from __future__ import annotations

import io
import logging
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from emomusic.media.hdr import TRANSFERS

log = logging.getLogger(__name__)

_SMALL_CHANGE = 3.0
"""Invisible mean change of greys and colours of skin, of 255: sRGB has 0, Display P3, of most telephones, 2.5,
Adobe RGB 3.7 and ProPhoto 20. Their conversion takes as long as decoding the photo."""

_SEEN = [(grey, red, blue) for grey in range(60, 200, 10) for red in (0, 20, 45) for blue in (0, 15, 30)]
_MOST_BYTES = 2**22
_MODES = {"RGB": "RGB", "RGBA": "RGBA", "L": "RGB", "CMYK": "RGB"}
"""The modes that a profile can describe, and the modes after the conversion."""


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
    transform = _transform(profile, picture.mode) if picture.mode in _MODES else None
    if transform is None:
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
    """The operations that turn a stored image upright: swap its axes, then mirror it."""

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

_PHOTOMETRIC, _SAMPLE_BITS, _PLANES, _ORIENTATION = 262, 258, 284, 274  # tags of TIFF
_WHITE_IS_ZERO = 0
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_MOST_FRAMES, _MOST_PIXELS = 50, 10**8  # limits of an animation that may begin with blank frames
_MOST_PAGES = 200
_BLANK_RANGE, _DARK = 16, 64  # values of 255
_PERCENTILES = (0.1, 99.9)  # dead pixels lie outside
_MOST_SAMPLED = 1024  # pixels of the longer side
_HEAD = 2**20  # bytes of a file that have its properties


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
        number = sizes.index(largest)
        picture.seek(number)
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


def unread_colours(picture: Image.Image, data: bytes) -> str | None:
    """The colours of a picture that Pillow shows wrongly, for a sentence; None if it shows them right."""
    tags = getattr(picture, "tag_v2", {})
    bits = data[24] if picture.format == "PNG" else max(tags.get(_SAMPLE_BITS, (8,)))
    if _is_hdr(data):
        return "colours in HDR (PQ or HLG)"
    if bits > 16 or picture.mode == "F":
        return "values of more than 16 bits"
    if bits > 8 and tags.get(_PLANES, 1) != 1:
        return "planes of more than 8 bits"
    if bits > 8 and picture.mode in ("RGB", "RGBA"):
        brightest = np.max(picture.getextrema()[:3])
        return "colours in few of its 16 bits" if brightest < _DARK else None
    return None


def _is_hdr(data: bytes) -> bool:
    """Whether a PNG, HEIC or AVIF file names the transfer function PQ or HLG (Recommendation ITU-T H.273).

    A file with a gain map ("tmap") names that of its brighter copy, and Pillow shows the ordinary one.
    """
    head, transfer = data[:_HEAD], b""
    if data.startswith(b"\x89PNG"):
        transfer = head.partition(b"IDAT")[0].partition(b"cICP")[2][1:2]
    elif data[4:8] == b"ftyp" and b"tmap" not in head:
        transfer = head.partition(b"colrnclx")[2][2:4]
    return int.from_bytes(transfer) in TRANSFERS


def to_rgb(picture: Image.Image, orientation: int = 1) -> RgbImage:
    """The pixels of a loaded picture, upright, with transparent areas in white.

    Args:
        picture: the picture, on the page or frame that counts.
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
    picture = in_srgb(_in_eight_bits(picture), profile)
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    is_colour = isinstance(picture.info.get("transparency"), int | tuple)  # that is transparent
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    if alpha is not None and (is_colour or alpha.getextrema() != (0, 0)):  # some programs leave the channel empty
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=alpha)
        picture = white
    return _OF_EXIF.get(orientation, Orientation()).upright(np.array(picture, dtype=np.uint8))


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """A grey picture of more than 8 bits in 8, stretched as sensors use few bits; other pictures as they are."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.nan_to_num(np.asarray(picture, np.float32), posinf=0.0, neginf=0.0)
    step = max(max(picture.size) // _MOST_SAMPLED, 1)
    low, high = np.percentile(values[::step, ::step], _PERCENTILES)
    values -= low
    values *= 255.0 / ((high - low) or 1.0)
    grey = np.rint(values, out=values).clip(0, 255, out=values).astype(np.uint8)
    if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # Pillow turns 8 bits only
        grey = 255 - grey
    return Image.fromarray(grey)


def with_alpha(data: bytes) -> bytes:
    """The file of a picture. An animated WebP has an alpha channel, without which margins of frames are black."""
    is_animated_webp = data[8:16] == b"WEBPVP8X" and len(data) > 20 and data[20] & 2
    return data[:20] + bytes([data[20] | 0x10]) + data[21:] if is_animated_webp else data
