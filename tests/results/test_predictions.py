"""What is read of trained models agrees with itself, for those that ship and for ones of our own."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from emomusic import assets
from emomusic.affect import EMOTIONS
from emomusic.assets import ModelKind, folder_of
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.model_files import face_models
from emomusic.metrics import ClassMetrics, ClassScores, expected_calibration_error, top_k_accuracy
from emomusic.records import MoodRecord, SoundRecord, read_face_record
from emomusic.results.overview import read_records
from emomusic.results.predictions import (
    class_metrics_csv,
    compare,
    confusion_cell,
    read_card,
    read_fold_accuracies,
    read_history,
    read_predictions,
)
from tests.model_files import LABELS, place_checkout, place_face_model


@pytest.fixture
def checkout(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setattr(model_files, "DEFAULT_MODEL", "vgg9")  # of these, whichever the app's is
    return tmp_path


def test_the_figures_that_ship_are_those_of_the_answers_that_ship() -> None:
    assert face_models()
    for name in face_models():
        own, record = read_predictions(ModelKind.FACE, name), read_face_record(name)
        found = own.grouped(four=False).scores()
        assert found.accuracy == pytest.approx(record.test.accuracy)
        assert found.accuracy_interval == pytest.approx(record.test.accuracy_interval)
        assert found.macro_f1 == pytest.approx(record.test.macro_f1)
        np.testing.assert_array_equal(found.confusion, record.by_class.confusion)
        error = expected_calibration_error(own.y_true, own.probabilities)
        assert error == pytest.approx(record.test.calibration.expected_error, abs=1e-6)
        assert top_k_accuracy(own.y_true, own.probabilities) > found.accuracy
        assert len(read_history(name)) == sum(stage.epochs for stage in record.stages if not stage.made_by)
        assert read_card(ModelKind.FACE, name).startswith("#")


@pytest.mark.parametrize(("kind", "number"), [(ModelKind.MUSIC, 6), (ModelKind.SOUND, 1)])
def test_the_figures_of_the_models_of_songs_are_those_of_their_answers(kind: ModelKind, number: int) -> None:
    records, problems = read_records(kind)
    assert (len(records), problems) == (number, {})
    for record in records:
        assert isinstance(record, MoodRecord | SoundRecord)
        accuracies, own = read_fold_accuracies(kind, record.name), read_predictions(kind, record.name)
        assert accuracies.shape == (5, 10)
        assert (accuracies.mean(), accuracies.std()) == pytest.approx((record.mean_accuracy, record.spread))
        assert sorted(own.classes) == ["calm", "energetic", "happy", "sad"]
        assert own.classes == record.by_class.classes
        np.testing.assert_array_equal(own.grouped(four=False).scores().confusion, record.confusion)
        error = expected_calibration_error(own.y_true, own.probabilities)
        assert error == pytest.approx(record.calibration_error)
        if isinstance(record, MoodRecord):
            with np.load(folder_of(kind, record.name) / "predictions.npz") as file:
                labels, probabilities, folds = (
                    file[key] for key in ("labels", "repeated_probabilities", "repeated_folds")
                )
            parts = [(repeat, folds[repeat] == fold) for repeat in range(5) for fold in range(10)]
            predicted = probabilities.argmax(axis=2)
            macro_f1s = [f1_score(labels[part], predicted[repeat][part], average="macro") for repeat, part in parts]
            assert (record.macro_f1, record.macro_f1_std) == pytest.approx((np.mean(macro_f1s), np.std(macro_f1s)))


def test_models_of_seven_and_of_four_classes_are_compared_in_four(checkout: Path) -> None:
    vgg9, quadrants = (read_predictions(ModelKind.FACE, name) for name in ("vgg9", "mobilenet_quadrants"))
    assert quadrants.classes == ("Q1", "Q2", "Q3", "N")
    found = compare(vgg9, quadrants)
    assert found is not None
    assert found.num_classes == 4
    grouped = vgg9.grouped(four=True)
    assert found.test.only_first == (grouped.right & (quadrants.y_pred != quadrants.y_true)).sum()
    alike = compare(vgg9, read_predictions(ModelKind.FACE, "cnn_capstone"))
    assert alike is not None
    assert alike.num_classes == 7
    assert alike.test.is_beyond_chance
    place_face_model(checkout, "elsewhere", skill=2.0, labels=LABELS[::-1].copy())
    assert compare(vgg9, read_predictions(ModelKind.FACE, "elsewhere")) is None


@pytest.mark.parametrize("four", [False, True])
def test_a_cell_holds_the_examples_that_the_matrix_counts(checkout: Path, four: bool) -> None:
    own = read_predictions(ModelKind.FACE, "cnn_capstone")
    group = own.grouped(four=four)
    matrix = group.scores().confusion
    for i, true in enumerate(group.classes):
        for j, predicted in enumerate(group.classes):
            cell = confusion_cell(own, true, predicted, four=four)
            assert len(cell.rows) == matrix[i, j]
            assert cell.num_turned == matrix[j, i]
            assert cell.num_true == matrix[i].sum()
            assert (np.diff(group.confidence[cell.rows]) <= 0).all()
            assert (cell.mean is None) == (four or not len(cell.rows))
            assert cell.num_second <= len(cell.rows) * (i != j)


def test_four_classes_are_as_sure_as_their_emotions_together(checkout: Path) -> None:
    own = read_predictions(ModelKind.FACE, "cnn_capstone")
    np.testing.assert_array_equal(own.grouped(four=False).confidence, own.probabilities.max(axis=1))
    group = own.grouped(four=True)
    angry, disgust, fear, happy, sad, surprise, neutral = own.probabilities.T
    summed = np.stack([happy, angry + disgust + fear + surprise, sad, neutral], axis=1)
    np.testing.assert_allclose(group.confidence, summed[np.arange(len(summed)), group.y_pred], atol=1e-6)
    narrow = read_predictions(ModelKind.FACE, "mobilenet_quadrants")
    np.testing.assert_array_equal(narrow.grouped(four=True).confidence, narrow.probabilities.max(axis=1))


def test_the_worst_mistake_is_never_a_right_answer() -> None:
    scores = {name: ClassScores(0.5, 0.5, 0.5, 10) for name in "abc"}
    figures = ClassMetrics(per_class=scores, confusion=np.array([[90, 1, 2], [3, 50, 0], [7, 0, 70]]))
    assert figures.worst_mistake == ("c", "a")
    assert ClassMetrics(per_class=scores, confusion=np.diag([1, 2, 3])).worst_mistake is None
    rows = list(csv.DictReader(io.StringIO(class_metrics_csv(figures))))
    assert rows[2] == {"class": "c", "precision": "0.5", "recall": "0.5", "f1": "0.5", "support": "10",
                       "called a": "7", "called b": "0", "called c": "70"}  # fmt: skip


READERS: list[tuple[str, Callable[[], object]]] = [
    ("predictions.npz", lambda: read_predictions(ModelKind.FACE, "vgg9")),
    ("history.csv", lambda: read_history("vgg9")),
    ("metrics.json", lambda: read_face_record("vgg9")),
    ("CARD.md", lambda: read_card(ModelKind.FACE, "vgg9")),
]


@pytest.mark.parametrize(
    ("file", "read", "damage"),
    [(file, read, damage) for file, read in READERS for damage in (b"\xff\xfe damaged", None)],
)
def test_a_damaged_file_is_told_with_its_folder(
    checkout: Path, file: str, read: Callable[[], object], damage: bytes | None
) -> None:
    path = checkout / "models" / "face" / "vgg9" / file
    path.unlink() if damage is None else path.write_bytes(damage)
    with pytest.raises(ModelError, match=r"vgg9.*Received: "):
        read()


@pytest.mark.parametrize("best", [0, 4])
def test_the_best_epoch_is_in_the_history(checkout: Path, best: int) -> None:
    path = checkout / "models" / "face" / "vgg9" / "metrics.json"
    metrics = json.loads(path.read_text())
    history = read_history("vgg9")
    assert (history.best_epoch, history.last_epochs) == (2, (3,))
    assert history.stages[0].config["label_smoothing"] == 0.1
    path.write_text(json.dumps(metrics | {"best_epoch": best}))
    with pytest.raises(ModelError, match=f"vgg9.*3 epochs, with the best as {best}"):
        read_history("vgg9")


def test_answers_that_do_not_fit_the_classes_are_refused(checkout: Path) -> None:
    faces = checkout / "models" / "face"
    quadrants = (faces / "mobilenet_quadrants" / "metrics.json").read_bytes()
    (faces / "vgg9" / "metrics.json").write_bytes(quadrants)
    with pytest.raises(ModelError, match=r"expected probabilities of shape \(420, 4\)"):
        read_predictions(ModelKind.FACE, "vgg9")


@pytest.mark.parametrize("damage", ["labels", "nan", "sums", "empty"])
def test_answers_that_cannot_be_are_refused(checkout: Path, damage: str) -> None:
    path = checkout / "models" / "face" / "vgg9" / "predictions.npz"
    with np.load(path) as arrays:
        labels, rows = arrays["test_labels"].copy(), arrays["test_probabilities"].copy()
    if damage == "labels":
        labels[7] = len(EMOTIONS)
    elif damage == "nan":
        rows[7, 2] = np.nan
    elif damage == "sums":
        rows *= 10
    else:
        labels, rows = labels[:0], rows[:0]
    np.savez_compressed(path, test_labels=labels, test_probabilities=rows)
    with pytest.raises(ModelError, match=r"vgg9.*Restore the file"):
        read_predictions(ModelKind.FACE, "vgg9")
