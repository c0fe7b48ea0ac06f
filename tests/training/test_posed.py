from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion
from emomusic.calibration import softmax
from emomusic.errors import DatasetError
from emomusic.faces.fer2013 import Split
from emomusic.media.images import encode_png
from emomusic.training.batches import augmented_batches, steps_per_epoch
from emomusic.training.people import Described, Strangers, fit_people, judge_strangers
from emomusic.training.posed import read_posed_faces
from emomusic.training.presets import PRESETS, PREVIOUS, TrainingConfig
from tests.fakes import FakeDetector, make_face
from tests.lazy import lazy
from tests.tiny_model import Run, Splits

pytestmark = pytest.mark.slow  # trains

train_module = lazy("emomusic.training.train")


def put(folder: Path, name: str, grey: int = 100) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.full((60, 60, 3), grey, np.uint8)))


@pytest.fixture
def collections(tmp_path: Path) -> Path:
    root = tmp_path / "posed"
    for person in range(16):
        for emotion in EMOTIONS:
            put(root, f"taiwan/{emotion.value}/{person:02}_a.png", 40 + 10 * emotion.label)
    put(root, "cfee/happily_surprised/1_1.png")
    put(root, "cfee/hatred/1_2.png")
    put(root, "cfee/neutral/1_3.png")
    put(root, "cfee/neutral/nobody.png")  # no person
    (root / "taiwan" / "votes.csv").write_text("picture,happy,sad,angry,disgust,fear,surprise\na,0.5,0.5,0,0,0,0\n")
    return root


class FakeNetwork:
    """Describes each face by seven even probabilities and no features."""

    def describe(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        return np.log(np.full((len(crops), 7), 1 / 7))


OneFace = partial(FakeDetector, [make_face(5, 5, 48, 48)])


def test_mixtures_are_two_halves_raters_have_half_a_say_and_persons_are_on_one_side(collections: Path) -> None:
    faces = read_posed_faces(collections, OneFace())
    assert len(faces) == 16 * 7 + 3
    (shares,) = faces.shares[faces.is_mixture & (faces.labels == Emotion.HAPPY.label)]
    assert shares[[Emotion.HAPPY.label, Emotion.SURPRISE.label]].tolist() == [0.5, 0.5]
    afraid = faces.shares[(faces.collections == "taiwan") & (faces.labels == Emotion.FEAR.label)]
    assert afraid[0, [Emotion.FEAR.label, Emotion.HAPPY.label, Emotion.SAD.label]].tolist() == [0.5, 0.25, 0.25]
    calm = faces.shares[(faces.collections == "taiwan") & (faces.labels == Emotion.NEUTRAL.label)]
    assert calm[0, Emotion.NEUTRAL.label] == 1
    train, judged = faces.split()  # a person is on one side only
    assert set(train.persons) & set(judged.persons) == set()
    assert set(judged.persons) == {"taiwan/04", "taiwan/12"}


def test_a_folder_without_such_pictures_is_told(tmp_path: Path) -> None:
    put(tmp_path, "x/happy/1.png")
    with pytest.raises(DatasetError, match="<emotion>/<person>_<picture>"):
        read_posed_faces(tmp_path, OneFace())


def test_damaged_votes_are_told(collections: Path) -> None:
    (collections / "taiwan" / "votes.csv").write_text("picture,happy\na,none\n")
    with pytest.raises(DatasetError, match=r"votes\.csv"):
        read_posed_faces(collections, OneFace())


def test_pictures_for_evaluation_stay_out_and_faces_on_black_get_other_surroundings(tmp_path: Path) -> None:
    face = np.zeros((200, 200, 3), np.uint8)
    cv2.ellipse(face, (100, 100), (80, 95), 0, 0, 360, (150, 150, 150), -1)
    for number in range(8):
        for kind in ("train", "test"):
            path = tmp_path / "affectnet" / "happy" / f"{kind}_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(face))
    images = read_posed_faces(tmp_path, FakeDetector([])).images
    assert len(images) == 8
    assert [int(image[0, 0]) for image in images[:2]] == pytest.approx([150, 150], abs=6)
    assert [bool(image[0, 0]) for image in images[2:4]] == [True, False]
    assert (images[:, 24, 24] == 150).all()


def test_a_sixteenth_of_a_large_collection_is_held_out_whatever_else_there_is(collections: Path) -> None:
    for number in range(64):
        put(collections, f"affectnet/{EMOTIONS[number % 7].value}/train_{number}.png", 40 + number)
    faces = read_posed_faces(collections, OneFace())
    train, judged = faces.split()
    assert [np.sum(each.collections == "affectnet") for each in (train, judged)] == [60, 4]
    _, alone = faces.where(faces.are_large).split()
    np.testing.assert_array_equal(judged.of("affectnet").images, alone.images)
    strangers = Strangers.by(FakeNetwork(), faces)
    assert set(strangers.posed) == {"cfee", "taiwan"}
    assert [len(each.labels) for each in strangers.wild] == [4]


def test_an_epoch_shows_each_posed_face_as_often_as_asked(collections: Path, dataset: Splits) -> None:
    posed, faces = read_posed_faces(collections, OneFace()).of("taiwan"), dataset[Split.TRAIN]
    config = TrainingConfig(epochs=1, learning_rate=0.1, batch_size=len(faces) + 2 * len(posed), posed=2)
    assert steps_per_epoch(faces, config, posed) == 1
    images, labels = next(augmented_batches(faces, config, posed=posed))
    shown = [image.tobytes() for image in images.astype(np.uint8)[..., 0]]
    assert shown.count(posed.images[0].tobytes()) == 2 * sum(
        image.tobytes() == posed.images[0].tobytes() for image in posed.images
    )
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)


def test_a_preset_with_posed_faces_needs_them(dataset: Splits, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--posed-faces"):
        train_module.train("tiny", dataset, tmp_path / "model", preset="everyone")


def test_training_with_posed_faces_judges_strangers(
    collections: Path, dataset: Splits, tmp_path: Path, tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emomusic.training.train.export_onnx", tiny_run.export)
    shutil.copytree(collections / "taiwan", collections / "cfee", dirs_exist_ok=True)
    posed = read_posed_faces(collections, OneFace())
    stage = TrainingConfig(epochs=1, learning_rate=0.05, batch_size=64, posed=1, start_share=0.5)
    monkeypatch.setitem(PRESETS, "test", (stage,))
    metrics = train_module.train("tiny", dataset, tmp_path / "tiny", preset="test", posed=posed)
    assert metrics["collections"].keys() == metrics["profiles"].keys() == {"cfee", "taiwan"}
    assert metrics["collections"]["taiwan"]["persons"] == 16
    assert (tmp_path / "tiny" / "people.npz").is_file()


def test_a_teacher_answers_for_the_collections_that_it_learnt_from(
    collections: Path, dataset: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(collections / "taiwan", collections / "stock")
    posed, faces = read_posed_faces(collections, OneFace()), dataset[Split.TRAIN]
    teacher = TrainingConfig(epochs=1, learning_rate=0.05, batch_size=64, posed=1, without_posed=True)
    taught = replace(teacher, without_posed=False, teachers=(PREVIOUS,), distillation_weight=0.5)
    monkeypatch.setitem(PRESETS, "test", (teacher, taught))
    batches, given = train_module.augmented_batches, list[Any]()

    def watched(*args: Any, **options: Any) -> Any:
        given.append((options["posed"].collections, options["teacher_probs"]))
        return batches(*args, **options)

    monkeypatch.setattr("emomusic.training.train.augmented_batches", watched)
    monkeypatch.setattr("emomusic.training.train._write", lambda *_: {})
    train_module.train("tiny", dataset, tmp_path / "tiny", preset="test", posed=posed)
    (seen, none), (names, answers) = given[0], given[1]
    assert (set(seen), none) == ({"stock"}, None)
    known = np.append(np.full(len(faces), True), names == "stock")
    assert set(names) == {"cfee", "stock", "taiwan"}
    np.testing.assert_allclose(answers.sum(axis=1), known, atol=1e-5)


def persons(seed: int, *, num_persons: int = 12, pictures: int = 3) -> Described:
    """Persons whose faces differ from each other more than their emotions do, of whose emotions a network sees some."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(num_persons, 1, 1, 14)) * 2
    features = own + 1.5 * np.eye(7, 14)[None, :, None] + rng.normal(size=(num_persons, 7, pictures, 14)) * 0.3
    faces = np.concatenate([np.log(softmax(features[..., :7].reshape(-1, 7))), features.reshape(-1, 14)], axis=1)
    labels = np.broadcast_to(np.arange(7)[None, :, None], features.shape[:3]).ravel()
    names = np.repeat(np.arange(num_persons), 7 * pictures).astype(str)
    return Described(faces, labels.astype(np.int64), names)


def test_persons_are_judged_with_the_numbers_of_others_and_shots_help() -> None:
    figures = judge_strangers(Strangers({"taiwan": persons(0, num_persons=5), "other": persons(1, num_persons=5)}))
    for known in figures["profiles"].values():
        assert known["nothing"] + 0.05 < known["a neutral shot"] <= known["all seven shots"]
        assert (known["faces"], known["persons"]) == (5 * 7 * 2, 5)
    collections = figures["collections"]
    assert (collections["taiwan"]["n"], collections["taiwan"]["persons"]) == (105, 5)
    assert collections["taiwan"]["people"]
    assert not collections["other"]["people"]


def test_numbers_of_people_are_of_real_persons() -> None:
    people = fit_people([persons(0, num_persons=400)])
    assert people.scale == pytest.approx(0.3, rel=0.1)
    assert np.diag(people.between).min() > 10 * np.diag(people.ways).max()
