"""What a network sees while it trains: batches in a new order every epoch, varied, blended and weighted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS
from emomusic.face.augmentation import augment
from emomusic.face.fer2013 import LabelledFaces
from emomusic.face.presets import TrainingConfig

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]


def steps_per_epoch(faces: LabelledFaces, config: TrainingConfig) -> int:
    """Number of whole batches in one pass."""
    return max(1, len(faces) // config.batch_size)


def augmented_batches(faces: LabelledFaces, config: TrainingConfig, *, first_epoch: int = 0) -> Iterator[Batch]:
    """Training pictures without end: in a new order every epoch, varied and blended.

    A plain generator, because Keras reads ahead: what it reads next must not depend on a counter that it resets.

    Yields:
        Images, shape (batch, side, side, 1), float32, 0 to 255; labels, shape (batch, 7), rows summing to 1; weights,
        shape (batch,).
    """
    weights = class_weights(faces.labels) if config.class_weighting else np.ones(len(EMOTIONS))
    for epoch in itertools.count(first_epoch):
        order = np.random.default_rng((config.seed, epoch)).permutation(len(faces))
        for index in range(steps_per_epoch(faces, config)):
            rng = np.random.default_rng((config.seed, epoch, index))
            chosen = order[index * config.batch_size : (index + 1) * config.batch_size]
            images = augment(faces.images[chosen], config.augmentation, rng).astype(np.float32)[..., None]
            labels = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels[chosen]]
            if config.mixup > 0:
                share = np.float32(rng.beta(config.mixup, config.mixup))
                partner = rng.permutation(len(chosen))
                images = share * images + (1 - share) * images[partner]
                labels = share * labels + (1 - share) * labels[partner]
            yield images, labels, (labels @ weights).astype(np.float32)


def class_weights(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Weights under which every emotion that occurs counts the same, 1 on average over the pictures."""
    counts = np.bincount(labels, minlength=len(EMOTIONS))
    return np.where(counts > 0, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 0.0)
