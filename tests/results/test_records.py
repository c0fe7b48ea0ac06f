"""What `models` tells on a terminal, and what its table for download holds."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emomusic import assets
from emomusic.cli import main
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.results.records import FaceRecord, ModelRecord, face_model_record, overview_csv, read_records
from tests.model_files import place_checkout


def test_the_models_are_told_with_their_spread_and_the_reports_beside_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setattr(model_files, "DEFAULT_MODEL", "vgg9")  # of these, whichever the app's is
    assert main.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (vgg9,) = [line for line in lines if line.startswith("face/vgg9")]
    assert "40.0% in the wild" in vgg9
    assert "over 7 classes" in vgg9
    assert "51 kB, 0.5 ms a face" in vgg9
    (quadrants,) = [number for number, line in enumerate(lines) if line.startswith("face/mobilenet_quadrants")]
    assert "over 4 classes" in lines[quadrants]
    assert "over Q1 Q2 Q3 N" not in lines[quadrants]
    assert lines[quadrants + 1].startswith("  reported: 72 % (four classes, Matching emotions")
    assert any(line.startswith("music/ensemble: accuracy 83.9% ± 3.7 over 4 classes") for line in lines)


def test_the_table_has_a_column_for_each_part(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = face_model_record(model_files.DEFAULT_MODEL).wild
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    faces = [record for record in read_records(assets.ModelKind.FACE)[0] if isinstance(record, FaceRecord)]
    (vgg9,) = [row for row in csv.DictReader(io.StringIO(overview_csv(faces))) if row["name"] == "vgg9"]
    assert (vgg9["wild_accuracy_low"], vgg9["wild_accuracy_high"], vgg9["wild_folds"]) == ("0.31", "0.5", "5")
    assert float(vgg9["accuracy_low"]) < float(vgg9["accuracy"]) < float(vgg9["accuracy_high"])
    assert not any("[" in value or "{" in value for value in vgg9.values())
    ours = next(record for record in faces if record.name == "vgg9").wild
    header = overview_csv([replace(faces[0], wild=None), *faces]).partition("\r\n")[0].split(",")
    assert "wild" not in header
    (capstone,) = [row for row in csv.DictReader(io.StringIO(overview_csv(faces))) if row["name"] == "cnn_capstone"]
    assert "58 to 63 % (" in capstone["reported"]
    assert next(record for record in faces if record.name == "cnn_capstone").reported[0].note
    named = csv.DictReader(io.StringIO(overview_csv([replace(faces[0], name="=1+1")])))
    assert [row["name"] for row in named] == ["'=1+1"]  # a spreadsheet runs nothing
    assert ours is not None
    assert shipped is not None
    assert set(shipped.as_dict()) <= set(
        ours.as_dict()
    )  # what stands in for a model in the tests has what `evaluate --record` keeps


def test_the_table_has_the_votes_and_the_bins_of_photographs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    records, _ = read_records(assets.ModelKind.FACE)
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(overview_csv(records)))}
    vgg9 = rows["vgg9"]
    assert [vgg9[f"ferplus_{name}"] for name in ("n", "contempt", "accuracy", "accuracy_low", "accuracy_high")] == [
        "410", "10", "0.8", "0.76", "0.84",
    ]  # fmt: skip
    assert (vgg9["wild_calibration_error"], vgg9["wild_macro_recall"]) == ("0.08", "0.3")
    assert (vgg9["wild_pose_turned away_n"], vgg9["wild_pose_turned away_accuracy"]) == ("28", "0.25")
    assert not any("per_class" in column for column in vgg9)
    assert rows["cnn_capstone"]["ferplus_accuracy"] == rows["cnn_capstone"]["wild_size_large_n"] == ""
    assert "ferplus" not in overview_csv([replace(record, ferplus=None) for record in faces_of(records)])


def faces_of(records: Sequence[ModelRecord]) -> list[FaceRecord]:
    return [record for record in records if isinstance(record, FaceRecord)]


def test_contempt_counts_as_wrong_in_seven_emotions_and_in_four_classes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    vgg9, quadrants = (face_model_record(name).ferplus for name in ("vgg9", "mobilenet_quadrants"))
    assert vgg9 is not None
    assert quadrants is not None
    assert (vgg9.n, vgg9.contempt, vgg9.accuracy, vgg9.accuracy_interval) == (410, 10, 0.8, (0.76, 0.84))
    assert vgg9.four_class_accuracy == pytest.approx(0.9 * 400 / 410)
    assert (vgg9.macro_recall, vgg9.macro_f1) == (0.7, 0.65)
    assert quadrants.four_class_accuracy == pytest.approx(quadrants.accuracy)
    assert face_model_record("emonet").ferplus is None
    assert face_model_record("vgg9").as_dict()["ferplus"]["accuracy_interval"] == [0.76, 0.84]


def test_one_damaged_model_is_told_and_costs_no_other(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    path = tmp_path / "models" / "face" / "vgg9" / "metrics.json"
    metrics = json.loads(path.read_text())
    for key in ("n", "accuracy", "four_class_accuracy"):
        wild = {name: figure for name, figure in metrics["wild"].items() if name != key}
        path.write_text(json.dumps(metrics | {"wild": wild}))
        with pytest.raises(ModelError, match=rf"vgg9\. Received: .*{key}"):
            face_model_record("vgg9")
    assert main.main(["models", "--json"]) == 2
    out, err = capsys.readouterr()
    names = {record["name"] for record in json.loads(out)}
    assert names >= {"cnn_capstone", "emonet", "mobilenet_quadrants", "ensemble"}
    assert "vgg9" not in names
    assert err.startswith(f"emomusic: expected the figures of a face model in {path.parent}. Received: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("value", [None, "0.7", [], float("nan"), True, -1])
@pytest.mark.parametrize(
    "place",
    [
        ("parameters",),
        ("bytes",),
        ("test", "n"),
        ("test", "accuracy"),
        ("test", "four_class_accuracy"),
        ("wild", "accuracy"),
        ("wild", "four_class_accuracy"),
        ("wild", "per_class", "happy", "recall"),
        ("wild", "groups", "pose", 0, "n"),
        ("wild", "groups", "pose", 0, "accuracy"),
        ("ferplus", "test", "n"),
        ("ferplus", "test", "contempt"),
        ("ferplus", "test", "accuracy"),
        ("ferplus", "test", "accuracy_interval"),
        ("ferplus", "test", "seven", "macro_recall"),
        ("ferplus", "test", "seven", "four_class_accuracy"),
    ],
)
def test_what_is_no_figure_is_told_with_the_model(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[str | int, ...], value: object
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    path = tmp_path / "models" / "face" / "vgg9" / "metrics.json"
    metrics = json.loads(path.read_text())
    *way, last = place
    inner = metrics
    for name in way:
        inner = inner[name]
    assert last in inner
    inner[last] = value
    path.write_text(json.dumps(metrics))
    with pytest.raises(ModelError, match="vgg9"):
        face_model_record("vgg9")


@pytest.mark.parametrize(
    ("section", "changes", "words"),
    [
        ("ferplus", {"four": {"n": 400, "accuracy": 0.8, "macro_recall": 0.7, "macro_f1": 0.6}}, "seven"),
        ("ferplus", {"contempt": 11}, "11"),
        ("wild", {"per_class": {"calm": {"precision": 0.3, "recall": 0.3, "f1": 0.3, "support": 9}}}, "calm"),
    ],
)
def test_figures_of_other_classes_are_told_with_the_model(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, changes: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    path = tmp_path / "models" / "face" / "vgg9" / "metrics.json"
    metrics = json.loads(path.read_text())
    figures = metrics["wild"] if section == "wild" else metrics["ferplus"]["test"]
    if "four" in changes:
        del figures["seven"]
    figures |= changes
    path.write_text(json.dumps(metrics))
    with pytest.raises(ModelError, match=rf"vgg9\. Received: .*{words}"):
        face_model_record("vgg9")


def test_what_is_no_share_is_told_and_what_is_not_known_is_left_out(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    path = tmp_path / "models" / "face" / "vgg9" / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps(metrics | {"wild": metrics["wild"] | {"luck": float("nan")}}))
    wild = face_model_record("vgg9").wild
    assert wild is not None
    assert wild.as_dict() == metrics["wild"]
    path.write_text(json.dumps(metrics | {"test": metrics["test"] | {"accuracy": 71}}))
    with pytest.raises(ModelError, match=r"test\.accuracy"):
        face_model_record("vgg9")
