"""The form of the saved results, what `models` tells on a terminal, and what its table for download holds."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from emomusic import assets
from emomusic.affect import EMOTIONS
from emomusic.assets import ModelKind, read_metrics
from emomusic.cli import main
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.records import FaceRecord, read_face_record, write_metrics
from emomusic.results.overview import document, overview_csv, read_records, reports_of
from tests.model_files import place_checkout, place_face_model


@pytest.fixture
def checkout(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setattr(model_files, "DEFAULT_MODEL", "vgg9")  # of these, whichever the app's is
    return tmp_path


@pytest.fixture
def metrics_file(checkout: Path) -> Path:
    """The metrics of the stand-in for vgg9."""
    return checkout / "models" / "face" / "vgg9" / "metrics.json"


def test_the_models_are_told_with_their_spread_and_the_reports_beside_them(
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


def test_the_documents_have_the_keys_of_the_contract(checkout: Path) -> None:
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
        documents = [document(record) for record in read_records(kind)[0]]
        assert [list(each) for each in documents] == len(documents) * [keys]
        assert [each["default"] for each in documents] == [True] + (len(documents) - 1) * [False]
        json.dumps(documents, allow_nan=False)


def test_the_table_has_a_column_for_each_part(checkout: Path) -> None:
    faces = [record for record in read_records(ModelKind.FACE)[0] if isinstance(record, FaceRecord)]
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(overview_csv(faces)))}
    vgg9 = rows["vgg9"]
    assert (vgg9["wild_accuracy_low"], vgg9["wild_accuracy_high"], vgg9["wild_folds"]) == ("0.31", "0.5", "5")
    assert float(vgg9["accuracy_low"]) < float(vgg9["accuracy"]) < float(vgg9["accuracy_high"])
    assert not any("[" in value or "{" in value for value in vgg9.values())
    header = overview_csv([replace(faces[0], wild=None), *faces]).partition("\r\n")[0].split(",")
    assert "wild" not in header
    assert "58 to 63 % (" in rows["cnn_capstone"]["reported"]
    named = csv.DictReader(io.StringIO(overview_csv([replace(faces[0], name="=1+1")])))
    assert [row["name"] for row in named] == ["'=1+1"]  # a spreadsheet runs nothing

    assert [vgg9[f"ferplus_{name}"] for name in ("n", "contempt", "accuracy", "accuracy_low", "accuracy_high")] == [
        "410", "10", "0.8", "0.76", "0.84",
    ]  # fmt: skip
    assert (vgg9["wild_calibration_error"], vgg9["wild_macro_recall"]) == ("0.08", "0.3")
    assert (vgg9["wild_pose_turned away_n"], vgg9["wild_pose_turned away_accuracy"]) == ("28", "0.25")
    assert not any("per_class" in column for column in vgg9)
    assert rows["cnn_capstone"]["ferplus_accuracy"] == rows["cnn_capstone"]["wild_size_large_n"] == ""
    assert "ferplus" not in overview_csv([replace(record, ferplus=None) for record in faces])


def test_reports_are_those_of_the_network_and_not_of_the_folder(checkout: Path) -> None:
    other = place_face_model(checkout, "my_own", skill=1.0)
    write_metrics(ModelKind.FACE, other, read_metrics(other) | {"network": "cnn_capstone"})
    records = {record.name: record for kind in ModelKind for record in read_records(kind)[0]}
    assert next(iter(records)) == "vgg9"
    assert reports_of(records["my_own"]) == reports_of(records["cnn_capstone"])
    assert reports_of(records["my_own"])[0].percent == "58 to 63 %"
    assert reports_of(records["mobilenet_quadrants"])[0].f1 == {"Q1": 0.86, "Q2": 0.77, "Q3": 0.54, "N": 0.61}
    assert [report.figure for report in reports_of(records["mlp"])] == [0.82, 0.8]


def test_contempt_counts_as_wrong_in_seven_emotions_and_in_four_classes(checkout: Path) -> None:
    vgg9, quadrants = (read_face_record(name) for name in ("vgg9", "mobilenet_quadrants"))
    assert vgg9.votes is not None
    assert quadrants.votes is not None
    assert (vgg9.votes.n, vgg9.votes.contempt, vgg9.votes.accuracy) == (410, 10, 0.8)
    assert vgg9.votes.in_four == pytest.approx(0.9 * 400 / 410)
    assert vgg9.votes.without_contempt.classes == EMOTIONS
    assert quadrants.votes.in_four == pytest.approx(0.82 * 400 / 410)
    assert (quadrants.classes, quadrants.has_four) == (("Q1", "Q2", "Q3", "N"), True)
    assert quadrants.test.in_four == quadrants.test.accuracy
    assert read_face_record("emonet").votes is None


def test_one_damaged_model_is_told_and_costs_no_other(metrics_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = json.loads(metrics_file.read_text())
    for key in ("n", "accuracy", "four_class_accuracy"):
        wild = {name: figure for name, figure in metrics["wild"].items() if name != key}
        metrics_file.write_text(json.dumps(metrics | {"wild": wild}))
        with pytest.raises(ModelError, match=rf"vgg9\. Received: .*{key}"):
            read_face_record("vgg9")
    assert main.main(["models", "--json"]) == 2
    out, err = capsys.readouterr()
    names = {record["name"] for record in json.loads(out)}
    assert names >= {"cnn_capstone", "emonet", "mobilenet_quadrants", "ensemble"}
    assert "vgg9" not in names
    assert err.startswith(f"emomusic: expected the results of a face model in {metrics_file.parent}. Received: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (("bytes",), "0.7", "int"),
        (("test", "accuracy"), float("nan"), "accuracy"),
        (("test", "confusion"), [[1, 2], [3]], "confusion"),
        (("test", "confusion", 0, 0), 0.5, "int"),
        (("wild", "per_class", "happy", "recall"), -1, "recall"),
        (("wild", "groups", "pose", 0, "n"), True, "int"),
        (("ferplus", "test", "accuracy_interval"), [0.5], "accuracy_interval"),
        (("ferplus", "test", "seven"), None, "seven or four"),
        (("stages",), [], "stages"),
        (("invented",), 1, "invented"),
    ],
)
def test_what_is_no_result_is_neither_written_nor_read(
    metrics_file: Path, place: tuple[str | int, ...], value: object, problem: str
) -> None:
    metrics = json.loads(metrics_file.read_text())
    *way, last = place
    inner: Any = metrics
    for name in way:
        inner = inner[name]
    inner[last] = value
    with pytest.raises(ModelError, match=f"to write.*{problem}"):
        write_metrics(ModelKind.FACE, metrics_file.parent, metrics)
    metrics_file.write_text(json.dumps(metrics))
    with pytest.raises(ModelError, match=f"vgg9.*{problem}"):
        read_face_record("vgg9")


def test_other_classes_than_the_emotions_or_quadrants_are_refused(metrics_file: Path) -> None:
    metrics = json.loads(metrics_file.read_text())
    scores = metrics["test"]["per_class"]
    metrics["test"]["per_class"] = {f"cat {number}": each for number, each in enumerate(scores.values())}
    with pytest.raises(ModelError, match=r"Received: .*cat 0"):
        write_metrics(ModelKind.FACE, metrics_file.parent, metrics)
