"""Colours of pictures with an ICC profile, in sRGB."""

from __future__ import annotations

import io
import logging
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

log = logging.getLogger(__name__)

_SMALL_CHANGE = 4  # of 255: that of profiles of sRGB
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
        levels = np.arange(0, 256, 15, dtype=np.uint8)
        colours = np.stack(np.meshgrid(levels, levels, levels[::4]), axis=-1).reshape(1, -1, 3)
        before = Image.fromarray(colours).convert(mode)
        after = ImageCms.applyTransform(before, transform)
        change = np.abs(np.asarray(before.convert("RGB"), np.int16) - np.asarray((after or before).convert("RGB")))
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        log.debug("ignored a colour profile", exc_info=error)
        return None
    return transform if mode == "CMYK" or change.max() > _SMALL_CHANGE else None
