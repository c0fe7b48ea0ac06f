"""Random changes of training pictures: geometry, light, detail and occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

GreyImages = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strength of each change; 0 turns it off.

    Attributes:
        rotation_degrees: maximum rotation in both directions.
        scale: minimum and maximum zoom.
        shift: maximum shift along each axis, as a share of the side.
        whole_pixels: shift by whole pixels, which keeps every pixel value without rotation and zoom.
        flip: probability of mirroring.
        contrast: maximum change of contrast and brightness, as a share.
        gamma: the exponent lies between 1 / (1 + gamma) and 1 + gamma.
        low_resolution: probability of reduced resolution or blur.
        jpeg: probability of strong JPEG compression, as in photographs from the web.
        erase: probability of erasing a rectangle of 2 to 20 % of the area.
    """

    rotation_degrees: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    whole_pixels: bool = False
    flip: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    low_resolution: float = 0.0
    jpeg: float = 0.0
    erase: float = 0.0


def augment(images: GreyImages, settings: Augmentation, rng: np.random.Generator) -> GreyImages:
    """Copies of pictures, shape (n, side, side), uint8, each changed independently. Only `rng` is random."""
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
    if settings.jpeg and rng.random() < settings.jpeg:  # without it, the other random numbers stay the same
        _, data = cv2.imencode(".jpg", varied, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        varied = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
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
    """A lookup table of 256 values: gamma, then contrast, then brightness."""
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
