import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion
from emomusic.assets import CARD, read_metrics
from emomusic.calibration import softmax
from emomusic.cli.main import main
from emomusic.errors import DatasetError, ModelError
from emomusic.faces import fer2013 as ferplus
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.detection import Face, Landmarks, MtcnnDetector
from emomusic.faces.fer2013 import LabelledFaces, Split
from emomusic.faces.model_files import ModelSpec, face_models, model_folder, read_spec, write_spec
from emomusic.media.images import Box
from emomusic.metrics import evaluate
from emomusic.records import read_face_record
from emomusic.training.beside import evaluate_beside
from emomusic.training.card import write_card
from emomusic.training.evaluate import (
    FOLDS,
    accuracy_by_condition,
    conditions_of,
    evaluate_pictures,
    fit_to_pictures,
    record_collection,
    record_photographs,
    share_turned,
)
from emomusic.training.labelled import labelled_pictures
from tests.fakes import FakeDetector, make_face
from tests.films import BIDEN, COLLINS, FOUR_PEOPLE, HOPPER, MORISOT, OBAMA, OBAMA_SPEAKING, SAMPLES
from tests.tiny_model import COPIED, Splits, write_fer2013

PLAIN = ModelSpec("known", "known", "none", 48, False, 1.0, 0, "")
WHOLE_PICTURE = FakeDetector([make_face(0, 0, 60, 60)])
EASY = {"pose": "towards the camera", "size": "over 300 pixels", "sharpness": "sharp"}


def leaning(spec: ModelSpec) -> EmotionClassifier:
    """A classifier that knows each emotion by its shade of grey, and leans towards anger."""

    def forward(pixels: np.ndarray) -> np.ndarray:
        logits = -np.abs(pixels.mean(axis=(1, 2, 3))[:, None] / 30 - 1 - np.arange(7))
        logits[:, Emotion.ANGRY.label] += 3.0
        return softmax(logits).astype(np.float32)

    return EmotionClassifier(forward, spec)


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for emotion in EMOTIONS:
        folder = tmp_path / "shades" / emotion.value
        folder.mkdir(parents=True)
        for number in range(7):
            grey = np.full((60, 60), 30 * (emotion.label + 1) + rng.integers(-6, 7), np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), grey)
    (tmp_path / "shades" / "happy" / "letter.png").write_text("Dear reader")
    return tmp_path / "shades"


def test_an_adjustment_undoes_a_leaning_and_is_judged_on_others_if_enough(copied_model: Path, shades: Path) -> None:
    pictures = labelled_pictures(shades).pictures
    plain = leaning(PLAIN)
    before, *_ = evaluate_pictures(pictures, plain, WHOLE_PICTURE)
    record, adjustment = fit_to_pictures(pictures, plain, WHOLE_PICTURE)
    assert before.accuracy < 0.8
    assert record["accuracy"] > before.accuracy + 0.1
    assert (record["n"], record["missed"]) == (len(pictures), 1)
    constants = [row[-1] for row in adjustment]
    assert constants[Emotion.ANGRY.label] == min(constants) < 0
    assert record["groups_without"] == []
    bins = record["groups"]["size"]
    assert sum(one["n"] for one in bins) == len(pictures) - 1
    mean = sum(one["n"] * one["accuracy"] for one in bins) / len(pictures)
    assert mean == pytest.approx(record["accuracy"])
    adjusted = leaning(replace(plain.spec, adjustment=adjustment))
    assert evaluate_pictures(pictures, adjusted, WHOLE_PICTURE)[0].accuracy > before.accuracy + 0.1
    again = fit_to_pictures(pictures, adjusted, WHOLE_PICTURE)  # an adjustment it has does not count
    assert (again[0]["accuracy"], again[1]) == (record["accuracy"], adjustment)

    old_spec, old_metrics = read_spec(copied_model), read_metrics(copied_model)
    record_photographs(COPIED, record | {"groups_without": ["disgust"]}, adjustment)
    assert read_spec(copied_model) == replace(old_spec, adjustment=adjustment)
    metrics, wild = read_metrics(copied_model), read_metrics(copied_model)["wild"]
    assert (wild["accuracy"], wild["folds"]) == (record["accuracy"], FOLDS)
    assert metrics | {"wild": old_metrics["wild"]} == old_metrics
    card = (copied_model / CARD).read_text(encoding="utf-8")
    assert f"On {len(pictures)} labelled photographs" in card
    assert "without disgust" in card
    pictures = [(path, emotion) for path, emotion in labelled_pictures(shades).pictures if emotion != "fear"]
    with pytest.raises(DatasetError, match=r"expected 5 faces of each class.*fear 0"):
        fit_to_pictures(pictures, leaning(PLAIN), WHOLE_PICTURE)


def test_two_persons_beside_each_other_are_composed_and_counted(
    detector: MtcnnDetector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "happy").mkdir()
    for name in (OBAMA, BIDEN, COLLINS, HOPPER, MORISOT, OBAMA_SPEAKING, FOUR_PEOPLE):
        shutil.copy(SAMPLES / name, tmp_path / "happy")
    source = ["evaluate", "face", "--images", str(tmp_path), "--beside"]
    assert main([*source, "--turned", "90"]) == 2
    capsys.readouterr()
    assert main([*source, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["pairs"], found["more_faces_than_people"]) == (7, 3, 1 / 7)
    assert (found["both_found"], found["turned_found"], found["pairs_with_a_face_that_is_none"]) == (1, 1, 0)
    paths = [path for path, _ in labelled_pictures(tmp_path).pictures]
    upright = evaluate_beside(paths, detector)
    assert (upright["upright_found"], upright["turned_found"], upright["both_found"]) == (1, 0, 0)
    elsewhere = evaluate_beside(paths, FakeDetector([make_face(0, 0, 60, 60)]))
    assert (elsewhere["both_found"], elsewhere["pairs_with_a_face_that_is_none"]) == (0, 1)
    with pytest.raises(DatasetError, match="Received: 1"):
        evaluate_beside(paths[:1], detector)


def test_pose_and_sharpness_are_told_and_accuracy_from_easy_to_hard_without_missed_faces() -> None:
    for right, nose, pose in (
        ((60, 40), (50, 55), "towards the camera"),
        ((60, 40), (53, 55), "slightly turned"),
        ((60, 40), (56, 55), "turned or tilted"),
        ((60, 60), (40, 60), "turned or tilted"),
    ):
        image = np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)
        face = Face(Box(20, 20, 60, 80), 1.0, Landmarks((40, 40), right, nose, (40.0, 80.0), (60.0, 80.0)))
        expected = EASY | {"pose": pose, "size": "under 120 pixels"}
        assert conditions_of(image, face) == expected
        assert conditions_of(cv2.GaussianBlur(image, (0, 0), 3), face) == expected | {"sharpness": "blurred"}
    hard = {"pose": "turned or tilted", "size": "under 120 pixels", "sharpness": "blurred"}
    for group, name in hard.items():
        found = accuracy_by_condition([EASY | {group: name}, EASY, EASY, None], np.array([False, True, False, False]))
        easy, last = found[group]
        assert (easy["n"], easy["accuracy"], last["n"], last["accuracy"]) == (2, 0.5, 1, 0.0)
        assert [len(bins) for other, bins in found.items() if other != group] == [1, 1]


@pytest.fixture
def faces(dataset: Splits, tmp_path: Path, write_votes: Callable[..., None]) -> LabelledFaces:
    """Eight faces, on which people saw each emotion once, and contempt: in a CSV as validation and test."""
    faces = dataset[Split.TEST].first(8)
    write_fer2013(tmp_path / "fer2013.csv", dict.fromkeys(("PublicTest", "PrivateTest"), faces))
    write_votes(faces.images, 9 * np.eye(8))
    return faces


@pytest.mark.usefixtures("copied_model")
def test_evaluation_counts_the_votes(faces: LabelledFaces, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ["--fer2013", str(tmp_path / "fer2013.csv"), "--split", "test"]
    assert main(["evaluate", "face", "--model", COPIED, *source, "--ferplus", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    answers = EmotionClassifier.load(COPIED).read(list(faces.images))[0].argmax(axis=1)
    assert (record["n"], record["contempt"]) == (8, 1)
    assert record["accuracy"] == (answers == np.arange(8)).mean()
    assert record["seven"]["accuracy"] == (answers == np.arange(8))[:7].mean()
    with np.load(ferplus.VOTES) as arrays:
        others = {name: array ^ 1 if name.endswith("pictures") else array for name, array in arrays.items()}
    np.savez(ferplus.VOTES, **others)
    assert main(["evaluate", "face", "--model", COPIED, *source, "--ferplus"]) == 2
    assert "Received: other pictures" in capsys.readouterr().err


def test_few_pictures_are_a_row_of_for_whom_and_change_no_adjustment(
    copied_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for emotion, count in ((Emotion.HAPPY, 4), (Emotion.SAD, 2)):
        folder = tmp_path / "mine" / emotion.value
        folder.mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(folder / f"{number}.png"), np.full((60, 60), 40 * number + 20, np.uint8))
    monkeypatch.setattr("emomusic.faces.reading.load_detector", lambda **_: WHOLE_PICTURE)
    before = read_spec(copied_model).adjustment
    command = ["evaluate", "face", "--model", COPIED, "--images", str(tmp_path / "mine"), "--record", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["smallest_group"] == {"class": "sad", "n": 2}
    record = read_face_record(COPIED)
    row = record.collections["mine"]
    assert (row.n, row.accuracy, list(row.accuracy_interval)) == (6, found["accuracy"], found["accuracy_interval"])
    assert read_spec(copied_model).adjustment == before


def test_four_fifths_of_publictest_are_clear(
    faces: LabelledFaces, dataset: Splits, copied_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = dataset[Split.VALIDATION].first(40)
    source = ["--fer2013", str(write_fer2013(tmp_path / "both.csv", {"PublicTest": public, "PrivateTest": faces}))]
    command = ["evaluate", "face", "--model", COPIED, *source, "--record", "--json"]
    assert main([*command, "--split", "test"]) == 2
    capsys.readouterr()
    assert main([*command, "--split", "validation"]) == 0
    threshold, classifier = json.loads(capsys.readouterr().out)["threshold"], EmotionClassifier.load(COPIED)
    assert classifier.threshold == threshold
    is_clear = classifier.adjusted_probabilities(list(public.images)).max(axis=1) >= threshold
    assert is_clear.mean() == pytest.approx(0.8, abs=0.03)
    record = read_face_record(COPIED)
    assert record.ferplus is not None
    assert {name: curve[-1].coverage for name, curve in record.coverage.items()} == {"labels": 1, "votes": 1}
    answers = classifier.read(list(faces.images))[0].argmax(axis=1)
    assert record.coverage["votes"][-1].accuracy == (answers == np.arange(8))[:7].mean()


@pytest.mark.usefixtures("faces")
def test_posed_figures_have_collections(copied_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="adjustment for posed faces"):
        EmotionClassifier.load(COPIED).posed()
    write_spec(
        replace(read_spec(copied_model), posed_adjustment=tuple(map(tuple, np.eye(7, 8).tolist()))), copied_model
    )
    source = ["--fer2013", str(tmp_path / "fer2013.csv"), "--split", "validation"]
    for votes in ([], ["--ferplus"]):
        assert main(["evaluate", "face", "--model", COPIED, *source, *votes, "--posed", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["n"] == 8
    assert main(["evaluate", "face", "--model", COPIED, *source, "--ferplus", "--posed", "--record"]) == 2
    pictures = [(tmp_path / f"someone/fear/{person}_1.jpg", Emotion.FEAR) for person in (1, 2)]
    scores, turns = evaluate(np.array([2, 2]), np.array([2, 0])), Counter({0: 3, 90: 1})
    record_collection(COPIED, tmp_path / "someone", pictures, scores, turns)
    kept = read_metrics(copied_model)["collections"]["someone"]
    assert kept["wrongly_turned"] == 0.25
    assert (share_turned(turns, 90), share_turned(Counter())) == (0.75, None)
    assert (kept["persons"], kept["accuracy"], kept["is_trained"]) == (2, 0.5, False)
    assert "| someone |" in (copied_model / CARD).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", face_models())
def test_the_card_of_every_shipped_model_is_current(name: str, tmp_path: Path) -> None:
    folder = model_folder(name)
    write_card(read_spec(folder), read_metrics(folder), tmp_path / CARD)
    assert (folder / CARD).read_text(encoding="utf-8") == (tmp_path / CARD).read_text(encoding="utf-8")
