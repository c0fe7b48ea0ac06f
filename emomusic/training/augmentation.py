"""Training pictures, varied: the same face turned, moved, lit, blurred and partly covered in other ways.

Plain NumPy and OpenCV on the CPU, so that every Keras backend sees the same pictures for the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

GreyImages = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far pictures are varied; zeros leave them as they are.

    Attributes:
        rotation_degrees: turned by up to this, either way.
        scale: smallest and largest zoom.
        shift: moved by up to this share of the side, along each axis.
        whole_pixels: moved by whole pixels: with no turn and no zoom, every pixel keeps its value.
        flip: mirrored with this probability.
        contrast: contrast and brightness vary by up to this share.
        gamma: exponent drawn between 1 / (1 + gamma) and 1 + gamma.
        low_resolution: probability of losing detail, as a small or blurred face in a photograph has.
        erase: probability that a rectangle of 2 to 20 % of the area is painted over.
    """

    rotation_degrees: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    whole_pixels: bool = False
    flip: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    low_resolution: float = 0.0
    erase: float = 0.0


def augment(images: GreyImages, settings: Augmentation, rng: np.random.Generator) -> GreyImages:
    """Vary each picture on its own.

    Args:
        images: shape (n, side, side), uint8.
        settings: how far.
        rng: the only source of chance.

    Returns:
        The same shape, uint8; the argument is left as it was.
    """
    return np.stack([_augment_one(image, settings, rng) for image in images])


def _augment_one(image: GreyImages, settings: Augmentation, rng: np.random.Generator) -> GreyImages:
    side = image.shape[0]
    angle = rng.uniform(-settings.rotation_degrees, settings.rotation_degrees)
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle, rng.uniform(*settings.scale))
    move = rng.uniform(-settings.shift, settings.shift, 2) * side
    matrix[:, 2] += move.round() if settings.whole_pixels else move
    if rng.random() < settings.flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += side - 1
    varied = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < settings.low_resolution:
        varied = _lose_detail(varied, rng)
    varied = cv2.LUT(varied, _tone_curve(settings, rng))
    if rng.random() < settings.erase:
        _erase(varied, rng)
    return np.asarray(varied, np.uint8)


def _lose_detail(image: GreyImages, rng: np.random.Generator) -> GreyImages:
    side = image.shape[0]
    if rng.random() < 0.5:
        small = int(rng.integers(side // 3, side))
        reduced = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(reduced, (side, side), interpolation=cv2.INTER_LINEAR))
    return np.asarray(cv2.GaussianBlur(image, (5, 5), rng.uniform(0.4, 1.4)))


def _tone_curve(settings: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One table of 256 values: gamma, then contrast about the middle, then brightness."""
    tones = np.arange(256) / 255
    limit = np.log1p(settings.gamma)
    tones = tones ** np.exp(rng.uniform(-limit, limit))
    gain, offset = rng.uniform(-settings.contrast, settings.contrast, 2)
    tones = (tones - 0.5) * (1 + gain) + 0.5 + offset / 2
    return np.asarray(np.clip(tones * 255, 0, 255).round(), np.uint8)


def _erase(image: GreyImages, rng: np.random.Generator) -> None:
    side = image.shape[0]
    area, aspect = rng.uniform(0.02, 0.2) * side * side, np.exp(rng.uniform(np.log(0.4), np.log(2.5)))
    height, width = min(side, round(np.sqrt(area * aspect))), min(side, round(np.sqrt(area / aspect)))
    top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
    image[top : top + height, left : left + width] = rng.integers(0, 256)
