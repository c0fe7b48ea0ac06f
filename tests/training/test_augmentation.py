from dataclasses import fields, replace

import numpy as np
import pytest

from emomusic.training.batches import GreyImages, augment
from emomusic.training.presets import Augmentation

STRONG = Augmentation(
    rotation_degrees=30,
    scale=(0.7, 1.4),
    shift=0.3,
    flip=0.5,
    contrast=0.6,
    gamma=0.6,
    low_resolution=0.7,
    jpeg=0.7,
    erase=0.7,
    cut_out=0.7,
)
NONE = Augmentation()
ALONE = {
    field.name: replace(
        NONE, **{field.name: getattr(replace(STRONG, flip=1, low_resolution=1, jpeg=1, erase=1, cut_out=1), field.name)}
    )
    for field in fields(Augmentation)
    if field.name != "whole_pixels"  # says how, not whether
}


def faces(count: int = 6, side: int = 48, seed: int = 0) -> GreyImages:
    """Smooth pictures with an edge, so that every change shows."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(20, 220, side)
    images = ramp[None, :, None] * 0.5 + ramp[None, None, :] * 0.5 + rng.normal(0, 5, (count, side, side))
    images[:, side // 4 : side // 2, side // 4 : side // 3] = 250
    return np.clip(images, 0, 255).astype(np.uint8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("settings", ALONE.values(), ids=list(ALONE))
def test_each_setting_alone_changes_every_picture_and_none_changes_no_picture(settings: Augmentation) -> None:
    images = faces()
    varied = augment(images, settings, rng())
    assert (varied != images).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(augment(images, NONE, rng()), images)


@pytest.mark.parametrize("grey", [0, 255])
def test_black_and_white_do_not_wrap_around(grey: int) -> None:
    images = np.full((50, 48, 48), grey, np.uint8)
    varied = augment(images, replace(NONE, contrast=0.6, gamma=0.6, rotation_degrees=30, shift=0.3), rng())
    assert (np.ptp(varied, axis=(1, 2)) == 0).all()  # what was even stays even, at the borders too
    assert (varied >= 128).all() if grey else (varied <= 127).all()
