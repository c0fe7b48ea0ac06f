import itertools
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion
from emomusic.faces.fer2013 import LabelledFaces, Split
from emomusic.metrics import FOUR
from emomusic.training import batches
from emomusic.training.batches import Batch, augment, augmented_batches, one_hot, steps_per_epoch
from emomusic.training.presets import PRESETS, Augmentation, TrainingConfig
from tests.tiny_model import Splits

FULL = TrainingConfig(
    epochs=3, learning_rate=0.05, batch_size=32, mixup=0.2, augmentation=PRESETS["smoke"][0].augmentation
)


def take(faces: LabelledFaces, config: TrainingConfig, count: int, *, first_epoch: int = 0) -> list[Batch]:
    return list(itertools.islice(augmented_batches(faces, config, first_epoch=first_epoch), count))


def test_an_epoch_shows_no_picture_twice(dataset: Splits) -> None:
    faces = dataset[Split.TRAIN]
    plain = TrainingConfig(epochs=1, learning_rate=0.1, batch_size=36)
    assert steps_per_epoch(faces, plain) == 7
    batches = take(faces, plain, 7)
    shown = {image.tobytes() for images, _ in batches for image in images.astype(np.uint8)}
    assert shown == {image.tobytes() for image in faces.images}
    for images, labels in batches:
        for image, label in zip(images, labels, strict=True):
            place = np.flatnonzero((faces.images == image[..., 0]).all(axis=(1, 2)))
            assert faces.labels[place].tolist() == [label.argmax()]


@pytest.mark.parametrize(
    ("final_votes", "weights"), [(0.0, (0.8, 0.6, 0.4, 0.2, 0.0)), (0.8, (0.8,) * 5)], ids=["falling", "constant"]
)
@pytest.mark.parametrize("classes", [EMOTIONS, FOUR], ids=["seven", "four"])
def test_votes_soften_the_labels_by_the_share_of_the_epoch(
    dataset: Splits,
    classes: Sequence[str],
    final_votes: float,
    weights: tuple[float, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faces = dataset[Split.TRAIN]
    shares = np.zeros((len(faces), len(EMOTIONS)), np.float32)
    shares[::2] = [0.5, 0.5, 0, 0, 0, 0, 0]  # nobody voted on the others
    monkeypatch.setattr(batches, "vote_shares", lambda images: shares[: len(images)])
    config = replace(FULL, mixup=0.0, votes=0.8, epochs=4, final_votes=final_votes)
    without = replace(config, votes=0.0, final_votes=0.0)
    steps = steps_per_epoch(faces, config)
    stream = list(itertools.islice(augmented_batches(faces, config, classes=classes), 5 * steps))
    plain = list(itertools.islice(augmented_batches(faces, without, classes=classes), 5 * steps))
    voted = np.unique(one_hot(np.array([Emotion.ANGRY.label, Emotion.DISGUST.label], np.uint8), classes), axis=0)
    voted = voted.mean(axis=0)
    for epoch, vote_weight in enumerate(weights):
        soft, hard = (np.concatenate([b[1] for b in s[epoch * steps : (epoch + 1) * steps]]) for s in (stream, plain))
        blended = (1 - vote_weight) * hard + vote_weight * voted
        changed = ~np.isclose(soft, hard).all(axis=1)
        np.testing.assert_allclose(soft[changed], blended[changed], atol=1e-6)
        assert changed.any() == (vote_weight > 0)
        assert not changed.all()


@pytest.mark.parametrize("classes", [EMOTIONS, FOUR], ids=["seven", "four"])
def test_teachers_give_their_share_of_the_label(dataset: Splits, classes: Sequence[str]) -> None:
    faces = dataset[Split.TRAIN]
    config = replace(FULL, mixup=0.0, distillation_weight=0.25)
    teacher_probs = np.tile(np.float32([0, 0, 0, 0.75, 0, 0.25, 0]), (len(faces), 1))
    happy, surprise = one_hot(np.array([Emotion.HAPPY.label, Emotion.SURPRISE.label], np.uint8), classes)
    in_classes = 0.75 * happy + 0.25 * surprise
    soft = next(augmented_batches(faces, config, classes=classes, teacher_probs=teacher_probs))
    hard = next(augmented_batches(faces, config, classes=classes))
    np.testing.assert_allclose(soft[1], 0.75 * hard[1] + 0.25 * in_classes, atol=1e-6)


def test_rare_emotions_are_shown_more_often_and_each_time_otherwise() -> None:
    labels = np.repeat([3, 6, 1], [64, 32, 8]).astype(np.uint8)  # happy, neutral, disgust
    images = np.random.default_rng(0).integers(0, 256, (104, 48, 48)).astype(np.uint8)
    faces = LabelledFaces(images, labels, np.ones(104, np.bool_))
    shown = {}
    for oversampling in (0.0, 0.5, 1.0):
        config = replace(FULL, batch_size=8, mixup=0.0, oversampling=oversampling)
        batches = take(faces, config, steps_per_epoch(faces, config))
        shown[oversampling] = np.concatenate([answers for _, answers in batches]).sum(axis=0)[[3, 6, 1]].tolist()
        pictures = np.concatenate([batch for batch, _ in batches])
        assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) == len(pictures)
    assert shown == {0.0: [64, 32, 8], 0.5: [64, 32, 24], 1.0: [64, 64, 64]}


ALONE = {"rotation_degrees": 30, "scale": (0.7, 1.4), "shift": 0.3, "contrast": 0.6, "gamma": 0.6}
ALONE |= dict.fromkeys(("flip", "low_resolution", "jpeg", "erase", "cut_out"), 1.0)


def test_every_setting_is_known() -> None:
    assert ALONE.keys() | {"whole_pixels"} == {field.name for field in fields(Augmentation)}


@pytest.mark.parametrize("setting", ALONE)
def test_each_setting_alone_changes_every_picture_and_none_changes_no_picture(setting: str) -> None:
    ramp, rng = np.linspace(10, 110, 48), np.random.default_rng(0)
    images = ramp[:, None] + ramp + rng.normal(0, 5, (6, 48, 48))
    images[:, 12:24, 12:16] = 250  # an edge, so that every change shows
    images = images.clip(0, 255).astype(np.uint8)
    assert (augment(images, Augmentation(**{setting: ALONE[setting]}), rng) != images).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(augment(images, Augmentation(), rng), images)
    np.testing.assert_array_equal(augment(images, Augmentation(flip=1.0), rng), images[..., ::-1])
