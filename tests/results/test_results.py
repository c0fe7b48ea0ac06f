"""The saved results of trained models: their form, what pages and commands say of them, and damaged files."""

import json
import re
from functools import reduce
from operator import getitem
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from sklearn.metrics import f1_score, precision_recall_curve, roc_curve

from emomusic import assets
from emomusic.assets import ModelKind, folder_of
from emomusic.cli import main
from emomusic.errors import ModelError
from emomusic.faces.model_files import face_models
from emomusic.metrics import McNemar, expected_calibration_error
from emomusic.records import FaceRecord, read_face_record, read_record, write_metrics
from emomusic.results import overview, predictions
from emomusic.results.overview import Benchmark, evaluation, read_records
from emomusic.results.predictions import read_predictions
from tests.model_files import LABELS, place_checkout, place_face_model

SCORES = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 60}


def numbers_in(sentence: str) -> list[float]:
    """All numbers of a sentence that are words of their own, in order."""
    return [float(found.replace(",", "")) for found in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])", sentence)]


@pytest.fixture
def checkout(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setitem(overview.DEFAULTS, ModelKind.FACE, "vgg9")  # of these, whichever the app's is
    return tmp_path


@pytest.fixture
def metrics_file(checkout: Path) -> Path:
    """The metrics of the stand-in for vgg9."""
    return checkout / "models" / "face" / "vgg9" / "metrics.json"


@pytest.fixture
def face(checkout: Path) -> FaceRecord:
    """The results of a synthetic model: 0.4 on photographs, 0.8 by people's votes."""
    return read_face_record("vgg9")


def test_the_figures_that_ship_are_those_of_the_answers_that_ship() -> None:
    assert face_models()
    for name in face_models():
        own, record = read_predictions(ModelKind.FACE, name), read_face_record(name)
        found = own.scores()
        assert found.accuracy == pytest.approx(record.test.accuracy)
        assert found.accuracy_interval == pytest.approx(record.test.accuracy_interval)
        assert found.macro_f1 == pytest.approx(record.test.macro_f1)
        np.testing.assert_array_equal(found.confusion, record.by_class.confusion)
        error = expected_calibration_error(own.y_true, own.probabilities)
        assert error == pytest.approx(record.test.calibration.expected_error, abs=1e-6)
        assert predictions.read_history(name).curves["val_accuracy"].between(0.1, 1).all()
        assert predictions.read_card(ModelKind.FACE, name).startswith("#")


@pytest.mark.parametrize(("kind", "number"), [(ModelKind.MUSIC, 6), (ModelKind.SOUND, 1)])
def test_the_figures_of_the_models_of_songs_are_those_of_their_answers(kind: ModelKind, number: int) -> None:
    records, problems = read_records(kind)
    assert (len(records), problems) == (number, {})
    for record in records:
        accuracies, own = predictions.read_fold_accuracies(kind, record.name), read_predictions(kind, record.name)
        assert accuracies.shape == (5, 10)
        assert (accuracies.mean(), accuracies.std()) == pytest.approx((record.accuracy, record.accuracy_std))
        assert sorted(own.classes) == ["calm", "energetic", "happy", "sad"]
        assert own.classes == record.by_class.classes
        np.testing.assert_array_equal(own.scores().confusion, record.confusion)
        error = expected_calibration_error(own.y_true, own.probabilities)
        assert error == pytest.approx(record.calibration_error)
        if record.name == "ensemble":
            with np.load(folder_of(kind, record.name) / "predictions.npz") as file:
                labels, folds, rows = file["labels"], file["repeated_folds"], file["repeated_probabilities"]
            repeats = list(zip(rows.argmax(axis=2), folds, strict=True))
            parts = [(predicted, of == fold) for predicted, of in repeats for fold in range(10)]
            macro_f1s = [f1_score(labels[part], predicted[part], average="macro") for predicted, part in parts]
            assert (record.macro_f1, record.macro_f1_std) == pytest.approx((np.mean(macro_f1s), np.std(macro_f1s)))


def test_models_are_told_with_spread_reports_and_the_contract(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (vgg9,) = [line for line in lines if line.startswith("face/vgg9")]
    assert "40.0% in the wild" in vgg9
    assert "51 kB, 0.5 ms a face" in vgg9
    (quadrants,) = [number for number, line in enumerate(lines) if line.startswith("face/mobilenet_quadrants")]
    assert lines[quadrants + 1].startswith("  reported: 72 % (four classes, Matching emotions")
    assert any(line.startswith("music/ensemble: accuracy 83.9% ± 3.7 over 4 classes") for line in lines)
    start, end = ["kind", "name", "default", "classes", "accuracy"], ["bytes", "item", "ms_per_item"]
    common = ["macro_f1", "calibration_error"]
    expected = {
        ModelKind.FACE: [
            *start, "accuracy_interval", "four_class_accuracy", *common, "not_in_training", "ferplus", "wild",
            "reported", "evaluated_on", "parameters", *end,
        ],
        ModelKind.MUSIC: [*start, "accuracy_std", *common, "reported", "evaluated_on", *end],
        ModelKind.SOUND: [*start, "accuracy_std", *common, "reported", "evaluated_on", *end],
    }  # fmt: skip
    for kind, keys in expected.items():
        documents = [overview.document(record) for record in read_records(kind)[0]]
        assert [list(each) for each in documents] == len(documents) * [keys]
        assert [each["default"] for each in documents] == [True] + (len(documents) - 1) * [False]
        json.dumps(documents, allow_nan=False)


def test_models_of_seven_and_of_four_classes_are_compared_in_four(checkout: Path) -> None:
    vgg9, quadrants = (read_predictions(ModelKind.FACE, name) for name in ("vgg9", "mobilenet_quadrants"))
    assert quadrants.classes == ("happy", "tense", "sad", "neutral")
    found = predictions.compare(vgg9, quadrants)
    grouped = vgg9.in_four()
    right = grouped.y_pred == grouped.y_true
    assert found.only_first == (right & (quadrants.y_pred != quadrants.y_true)).sum()
    alike = predictions.compare(vgg9, read_predictions(ModelKind.FACE, "cnn_capstone"))
    assert alike.is_beyond_chance
    place_face_model(checkout, "elsewhere", skill=2.0, labels=LABELS[::-1].copy())
    assert predictions.compare(vgg9, read_predictions(ModelKind.FACE, "elsewhere")) is None


def test_the_figures_are_those_of_the_benchmark(face: FaceRecord) -> None:
    found = {benchmark: evaluation(face, benchmark) for benchmark in Benchmark if benchmark.kind is ModelKind.FACE}
    measured = [own for own in found.values() if own]
    assert list(found.values()) == [*measured, None]  # nothing on posed faces
    assert [own.accuracy for own in measured] == [0.8, 0.4, face.test.accuracy]
    assert [own.calibration_error for own in measured] == [None, 0.08, face.test.calibration.expected_error]
    assert evaluation(replace(face, wild=None), Benchmark.PHOTOGRAPHS) is None
    photographs = found[Benchmark.PHOTOGRAPHS]
    words = overview.answer(face, photographs, Benchmark.PHOTOGRAPHS)
    # All of a recall below 50 %, with the counts of small classes; the best is 70 %
    assert numbers_in(words) == [40.0, 31.0, 50.0, 70.0, 10.0, 1, 10, 20.0, 2, 10, 30.0, 3, 10, 40.0, 4, 10]
    places = [words.index(name) for name in ("neutral", "angry", "disgust", "fear", "happy")]
    assert places == sorted(places)
    narrow = evaluation(read_face_record("mobilenet_quadrants"), Benchmark.LABELS)
    assert list(narrow.per_class) == ["happy", "tense", "sad", "neutral"]
    record = read_record(ModelKind.SOUND, "musicnn")
    heard = evaluation(record, Benchmark.SOUND)
    assert numbers_in(overview.answer(record, heard, Benchmark.SOUND))[:2] == [76.7, 4.3]


def test_reports_stand_beside_our_figures_with_the_reason(face: FaceRecord) -> None:
    assert overview.list_reports(replace(face, collections=None)) == []
    (row,) = overview.list_reports(read_face_record("mobilenet_quadrants"))
    _, said, got, why = row.values()
    assert said.startswith("72 %")
    assert got == f"{100 * read_face_record('mobilenet_quadrants').test.accuracy:.1f}\N{NO-BREAK SPACE}%"
    assert "3,591" in why
    assert "FER+" not in why
    learnt = replace(face.stages[0], config={"votes": 0.5, "teachers": ["vgg9"], "distillation_weight": 0.5})
    (row,) = overview.list_reports(replace(face, network="cnn_capstone", stages=(learnt,)))
    assert "FER+" in row["Why they differ"]
    other = replace(face, name="my_own", network="cnn_capstone")  # the network counts, and not the folder
    assert [report.percent for report in overview.reports_of(other)] == ["58 to 63 %"]


def test_a_comparison_names_the_better_model_only_beyond_chance_and_its_exception(face: FaceRecord) -> None:
    for test, words in (
        (McNemar(3589, 300, 200, 0.00001), "a is better than b"),
        (McNemar(3589, 200, 250, 0.02), "b is better than a"),
        (McNemar(3589, 103, 83, 0.16), "Chance can explain"),
    ):
        a, b, narrow = replace(face, name="a"), replace(face, name="b"), read_face_record("mobilenet_quadrants")
        verdict, counts = overview.describe_comparison(a, b, test)
        assert words in verdict
        assert numbers_in(counts)[:3] == [3589, test.only_first, test.only_second]
        assert "four" not in counts
        assert "four" in overview.describe_comparison(a, narrow, test)[1]
    a, b = replace(face, name="a"), replace(face, name="b")
    strong = overview.Evaluation(100, 0.87, "", {"happy": 0.9, "fear": 0.65, "sad": 0.7})
    weak = overview.Evaluation(100, 0.7, "", {"happy": 0.8, "fear": 0.84, "sad": 0.75})
    worst = overview.Evaluation(100, 0.1, "", dict.fromkeys(strong.recall, 0.1))
    for models in ((a, strong, b, weak), (b, weak, a, strong)):
        text = overview.describe_exception(*models)
        assert re.search(r"b finds more fear: 84\.0.* 65\.0", text)
    assert overview.describe_exception(a, strong, b, worst) == ""


def test_the_examples_of_a_cell_come_the_surest_first_and_thresholds_are_those_of_scikit_learn(checkout: Path) -> None:
    own = read_predictions(ModelKind.FACE, "cnn_capstone")
    rows = own.cell("happy", "sad")
    assert len(rows) == own.scores().confusion[3, 4] > 1
    assert (own.y_true[rows] == 3).all()
    assert (own.y_pred[rows] == 4).all()
    assert (np.diff(own.confidence[rows]) <= 0).all()
    found = predictions.thresholds_of(own, "happy")
    is_happy, shares = own.y_true == 3, own.probabilities[:, 3]
    precision, recall, thresholds = precision_recall_curve(is_happy, shares)
    np.testing.assert_allclose(found.precision, precision[:-1][::-1])
    np.testing.assert_allclose(found.recall, recall[:-1][::-1])
    np.testing.assert_allclose(found.thresholds, thresholds[::-1])
    np.testing.assert_allclose(found.false_alarms, roc_curve(is_happy, shares, drop_intermediate=False)[0][1:])
    for threshold in (0.0, 0.5, float(thresholds[9])):
        at = found.at(threshold)
        assert found.called[at] == (shares >= threshold).sum()
    assert found.at(1.1) is None


def test_one_damaged_model_is_told_and_costs_no_other(metrics_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics_file.write_text(json.dumps(json.loads(metrics_file.read_text()) | {"wild": {"n": 90}}))
    assert main.main(["models", "--json"]) == 2
    out, err = capsys.readouterr()
    names = {record["name"] for record in json.loads(out)}
    assert names >= {"cnn_capstone", "emonet", "mobilenet_quadrants", "ensemble"}
    assert "vgg9" not in names
    assert err.startswith(f"emomusic: expected the results of a face model in {metrics_file.parent}. Received: ")
    assert err.count("\n") == 1


def test_no_wrong_result_is_kept(metrics_file: Path) -> None:
    before = metrics_file.read_text()
    for (*way, last), value, problem in (
        (("bytes",), "0.7", "int"),
        (("test", "confusion"), [[1, 2], [3]], "confusion"),
        (("wild", "per_class", "happy", "recall"), -1, "recall"),
        (("ferplus", "test", "seven"), None, "seven or four"),
        (("stages",), [], "stages"),
        (("invented",), 1, "invented"),
        (("test", "per_class"), {f"cat {number}": SCORES for number in range(7)}, "cat 0"),
    ):
        metrics = json.loads(before)
        reduce(getitem, way, metrics)[last] = value
        with pytest.raises(ModelError, match=f"to write.*{problem}"):
            write_metrics(ModelKind.FACE, metrics_file.parent, metrics)
        metrics_file.write_text(json.dumps(metrics))
        with pytest.raises(ModelError, match=f"vgg9.*{problem}"):
            read_face_record("vgg9")


READERS = {
    "predictions.npz": lambda: read_predictions(ModelKind.FACE, "vgg9"),
    "history.csv": lambda: predictions.read_history("vgg9"),
    "metrics.json": lambda: read_face_record("vgg9"),
    "CARD.md": lambda: predictions.read_card(ModelKind.FACE, "vgg9"),
}


@pytest.mark.parametrize("damage", [b"\xff\xfe damaged", None])
@pytest.mark.parametrize("file", READERS)
def test_a_damaged_file_is_told_with_its_folder(metrics_file: Path, file: str, damage: bytes | None) -> None:
    path = metrics_file.with_name(file)
    path.unlink() if damage is None else path.write_bytes(damage)
    with pytest.raises(ModelError, match=r"vgg9.*Received: "):
        READERS[file]()


def test_a_history_leaves_out_the_stages_that_kept_no_curves(metrics_file: Path) -> None:
    metrics = json.loads(metrics_file.read_text())
    (stage,) = metrics["stages"]
    by_hand = stage | {"made_by": "by hand"}
    metrics["stages"] = [stage, by_hand | {"epochs": 9}, by_hand | {"epochs": 1}]
    metrics_file.write_text(json.dumps(metrics))
    path = metrics_file.with_name("history.csv")
    table = pd.read_csv(path)
    pd.concat([table, table.tail(1).assign(stage=3)]).to_csv(path, index=False)
    history = predictions.read_history("vgg9")
    assert (list(history.stages), history.last_epochs) == ([1, 3], (3, 4))


def test_histories_of_other_epochs_and_answers_that_cannot_be_are_refused(metrics_file: Path) -> None:
    path = metrics_file.with_name("history.csv")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(ModelError, match=r"vgg9.*2 epochs"):
        predictions.read_history("vgg9")
    for labels, rows in (
        (LABELS + 1, np.eye(7)[LABELS]),
        (LABELS, np.eye(7)[LABELS] * 10),
        (LABELS, np.eye(4)[LABELS % 4]),
    ):
        np.savez(metrics_file.with_name("predictions.npz"), test_labels=labels, test_probabilities=rows)
        with pytest.raises(ModelError, match=r"vgg9.*Restore the file"):
            read_predictions(ModelKind.FACE, "vgg9")
