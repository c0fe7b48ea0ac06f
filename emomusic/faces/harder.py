"""Faces made harder to read, to show which conditions change a model's answer."""

from __future__ import annotations

import cv2
import numpy as np

from emomusic.media.images import RgbImage

_SMALL = 16  # pixels


def harder(crop: RgbImage) -> dict[str, RgbImage]:
    """Copies of a square face crop by their defect: small, blurred, dark, tilted, covered.

    A person still sees the same expression in most of them.
    """
    side = len(crop)
    small = cv2.resize(crop, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), 30, 1.0)
    covered = crop.copy()
    covered[round(0.62 * side) :] = 40  # the mouth
    copies = {
        "small": cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR),
        "blurred": cv2.GaussianBlur(crop, (0, 0), side / 24),
        "dark": (crop * 0.2).astype(np.uint8),
        "tilted": cv2.warpAffine(crop, turn, (side, side), borderMode=cv2.BORDER_REPLICATE),
        "mouth covered": covered,
    }
    return {defect: np.asarray(copy, np.uint8) for defect, copy in copies.items()}
