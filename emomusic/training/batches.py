"""Batches of training pictures with random changes of geometry, light, detail and occlusion."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS
from emomusic.faces.fer2013 import SIDE, LabelledFaces, vote_shares
from emomusic.media.images import to_network_input
from emomusic.metrics import in_classes
from emomusic.training.posed import PosedFaces
from emomusic.training.presets import Augmentation, TrainingConfig

GreyImages = npt.NDArray[np.uint8]
Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def steps_per_epoch(faces: LabelledFaces, config: TrainingConfig, posed: PosedFaces | None = None) -> int:
    """Number of full batches in one epoch."""
    return max(1, len(_repeated(faces, config, posed)) // config.batch_size)


def one_hot(labels: npt.NDArray[np.uint8], classes: Sequence[str]) -> npt.NDArray[np.float32]:
    """One-hot labels, positions in `EMOTIONS`, in the classes of a network: shape (n, classes)."""
    return np.eye(len(classes), dtype=np.float32)[in_classes(labels, classes)]


def augmented_batches(
    faces: LabelledFaces,
    config: TrainingConfig,
    *,
    side: int = SIDE,
    classes: Sequence[str] = EMOTIONS,
    teacher_probs: npt.NDArray[np.float32] | None = None,
    posed: PosedFaces | None = None,
    first_epoch: int = 0,
) -> Iterator[Batch]:
    """Endless batches of training pictures, in a new order each epoch.

    A generator with no shared counter, because Keras reads ahead.

    Args:
        faces: the faces of the train split.
        config: augmentation and label mixing.
        side: side of the network's input, in pixels.
        classes: classes of the network.
        teacher_probs: mean probabilities of the teachers for the faces and then the posed ones, shape (n, 7), with
            rows of zeros where they do not answer; None without teachers.
        posed: faces that are shown `config.posed` times an epoch with their own shares; None for none.
        first_epoch: first epoch of the stream, from 0.

    Yields:
        Images, shape (batch, side, side, 1), float32, 0 to 255; labels, shape (batch, classes), rows summing to 1.
    """
    of_emotions = one_hot(np.arange(len(EMOTIONS), dtype=np.uint8), classes)  # maps emotions to classes
    labels = voted = one_hot(faces.labels, classes)
    if config.votes or config.final_votes:
        shares = vote_shares(faces.images) @ of_emotions
        voted = np.where(shares.any(axis=1, keepdims=True), shares, labels)  # the label of pictures without votes
    repeated, pictures = _repeated(faces, config, posed), _pictures(faces, posed)
    if posed is not None:
        labels = np.concatenate([labels, posed.shares @ of_emotions])
    if teacher_probs is not None:
        weights = np.float32(config.distillation_weight) * teacher_probs.any(axis=1, keepdims=True)
        labels = (1 - weights) * labels + weights * (teacher_probs @ of_emotions)
    for epoch in itertools.count(first_epoch):
        done = min(1.0, epoch / config.epochs)
        vote_weight = np.float32(config.votes * (1 - done) + config.final_votes * done)
        targets = labels.copy()
        targets[: len(faces)] = (1 - vote_weight) * labels[: len(faces)] + vote_weight * voted
        augmentation = (
            config.augmentation if epoch < config.epochs - config.finetune_epochs else config.finetune_augmentation
        )
        order = np.random.default_rng((config.seed, epoch)).permutation(repeated)
        for index in range(steps_per_epoch(faces, config, posed)):
            rng = np.random.default_rng((config.seed, epoch, index))
            chosen = order[index * config.batch_size : (index + 1) * config.batch_size]
            varied = augment(pictures[chosen], augmentation, rng)
            images = to_network_input(list(varied), side).astype(np.float32)
            shares = targets[chosen]
            if config.mixup > 0:  # with the batch in another order (H. Zhang et al., "mixup", ICLR 2018)
                share, partner = np.float32(rng.beta(config.mixup, config.mixup)), rng.permutation(len(images))
                images = share * images + (1 - share) * images[partner]
                shares = share * shares + (1 - share) * shares[partner]
            yield images, shares


def _pictures(faces: LabelledFaces, posed: PosedFaces | None) -> GreyImages:
    """The pictures of both, at the size of the posed ones."""
    if posed is None:
        return faces.images
    side = posed.images.shape[1]
    own = faces.images if side == SIDE else to_network_input(list(faces.images), side)[..., 0]
    return np.concatenate([own, posed.images])


def _repeated(faces: LabelledFaces, config: TrainingConfig, posed: PosedFaces | None) -> npt.NDArray[np.intp]:
    """Positions of the pictures of one epoch; pictures of rare emotions are repeated, and posed faces follow."""
    counts = np.bincount(faces.labels, minlength=len(EMOTIONS))
    times = np.round((counts.max() / np.maximum(counts, 1)) ** config.oversampling).astype(np.intp)
    own = np.repeat(np.arange(len(faces)), times[faces.labels])
    if posed is None:
        return own
    times = np.where(posed.are_large, 1, config.posed)
    return np.concatenate([own, np.repeat(len(faces) + np.arange(len(posed)), times)])


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
    if settings.cut_out and rng.random() < settings.cut_out:
        _cut_out(varied, rng)
    return np.asarray(varied, np.uint8)


def _lose_detail(image: GreyImages, rng: np.random.Generator) -> GreyImages:
    side = image.shape[0]
    if rng.random() < 0.5:
        small = int(rng.integers(side // 3, side))
        reduced = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(reduced, (side, side), interpolation=cv2.INTER_LINEAR))
    scale = side / SIDE
    width = 2 * round(2 * scale) + 1
    return np.asarray(cv2.GaussianBlur(image, (width, width), scale * rng.uniform(0.4, 1.4)))


def _tone_curve(settings: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A lookup table of 256 values: gamma, then contrast, then brightness."""
    tones = np.arange(256) / 255
    limit = np.log1p(settings.gamma)
    tones = tones ** np.exp(rng.uniform(-limit, limit))
    gain, offset = rng.uniform(-settings.contrast, settings.contrast, 2)
    tones = (tones - 0.5) * (1 + gain) + 0.5 + offset / 2
    return np.asarray(np.clip(tones * 255, 0, 255).round(), np.uint8)


def _cut_out(image: GreyImages, rng: np.random.Generator) -> None:
    side = image.shape[0]
    centre = tuple((side * rng.uniform(0.45, 0.55, 2)).astype(int).tolist())
    axes = tuple((side * rng.uniform((0.36, 0.42), (0.46, 0.52))).astype(int).tolist())
    inside = cv2.ellipse(np.zeros_like(image), centre, axes, rng.uniform(-15, 15), 0, 360, 1, -1)
    image[inside == 0] = 0 if rng.random() < 0.5 else rng.integers(0, 256)


def _erase(image: GreyImages, rng: np.random.Generator) -> None:
    side = image.shape[0]
    area, aspect = rng.uniform(0.02, 0.2) * side * side, np.exp(rng.uniform(np.log(0.4), np.log(2.5)))
    height, width = min(side, round(np.sqrt(area * aspect))), min(side, round(np.sqrt(area / aspect)))
    top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
    image[top : top + height, left : left + width] = rng.integers(0, 256)
