"""Colours of pictures with an ICC profile, in sRGB."""

from __future__ import annotations

import io
import logging
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

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
        picture: with colours, greys or a palette; others stay as they are.
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
        colours = np.array([[(each + red, each, each - blue) for each, red, blue in _SEEN]], np.uint8)
        before = Image.fromarray(colours).convert(mode)
        after = ImageCms.applyTransform(before, transform)
        change = np.abs(np.asarray(before.convert("RGB"), np.int16) - np.asarray((after or before).convert("RGB")))
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        log.debug("ignored a colour profile", exc_info=error)
        return None
    return transform if mode == "CMYK" or change.mean() > _SMALL_CHANGE else None
