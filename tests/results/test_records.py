"""What `models` tells on a terminal, and what its table for download holds."""

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from emomusic import assets
from emomusic.cli import main
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.results.records import FaceRecord, face_model_record, overview_csv, read_records
from tests.model_files import place_checkout


@pytest.fixture
def metrics_file(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The metrics of the stand-in for vgg9."""
    monkeypatch.setattr(assets, "ROOT", place_checkout(root, tmp_path))
    monkeypatch.setattr(model_files, "DEFAULT_MODEL", "vgg9")  # of these, whichever the app's is
    return tmp_path / "models" / "face" / "vgg9" / "metrics.json"


def test_the_models_are_told_with_their_spread_and_the_reports_beside_them(
    metrics_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (vgg9,) = [line for line in lines if line.startswith("face/vgg9")]
    assert "40.0% in the wild" in vgg9
    assert "51 kB, 0.5 ms a face" in vgg9
    (quadrants,) = [number for number, line in enumerate(lines) if line.startswith("face/mobilenet_quadrants")]
    assert lines[quadrants + 1].startswith("  reported: 72 % (four classes, Matching emotions")
    assert any(line.startswith("music/ensemble: accuracy 83.9% ± 3.7 over 4 classes") for line in lines)


def test_the_table_has_a_column_for_each_part(metrics_file: Path) -> None:
    faces = [record for record in read_records(assets.ModelKind.FACE)[0] if isinstance(record, FaceRecord)]
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


def test_contempt_counts_as_wrong_in_seven_emotions_and_in_four_classes(metrics_file: Path) -> None:
    vgg9, quadrants = (face_model_record(name).ferplus for name in ("vgg9", "mobilenet_quadrants"))
    assert vgg9 is not None
    assert quadrants is not None
    assert (vgg9.n, vgg9.contempt, vgg9.accuracy, vgg9.accuracy_interval) == (410, 10, 0.8, (0.76, 0.84))
    assert vgg9.four_class_accuracy == pytest.approx(0.9 * 400 / 410)
    assert (vgg9.macro_recall, vgg9.macro_f1) == (0.7, 0.65)
    assert quadrants.four_class_accuracy == pytest.approx(quadrants.accuracy)
    assert face_model_record("emonet").ferplus is None
    assert msgspec.to_builtins(face_model_record("vgg9").ferplus)["accuracy_interval"] == (0.76, 0.84)


def test_one_damaged_model_is_told_and_costs_no_other(metrics_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = json.loads(metrics_file.read_text())
    for key in ("n", "accuracy", "four_class_accuracy"):
        wild = {name: figure for name, figure in metrics["wild"].items() if name != key}
        metrics_file.write_text(json.dumps(metrics | {"wild": wild}))
        with pytest.raises(ModelError, match=rf"vgg9\. Received: .*{key}"):
            face_model_record("vgg9")
    assert main.main(["models", "--json"]) == 2
    out, err = capsys.readouterr()
    names = {record["name"] for record in json.loads(out)}
    assert names >= {"cnn_capstone", "emonet", "mobilenet_quadrants", "ensemble"}
    assert "vgg9" not in names
    assert err.startswith(f"emomusic: expected the figures of a face model in {metrics_file.parent}. Received: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("bytes",), "0.7"),
        (("test", "accuracy"), float("nan")),
        (("wild", "per_class", "happy", "recall"), -1),
        (("wild", "groups", "pose", 0, "n"), True),
        (("ferplus", "test", "accuracy_interval"), [0.5]),
    ],
)
def test_what_is_no_figure_is_told_with_the_model(
    metrics_file: Path, place: tuple[str | int, ...], value: object
) -> None:
    metrics = json.loads(metrics_file.read_text())
    *way, last = place
    inner = metrics
    for name in way:
        inner = inner[name]
    assert last in inner
    inner[last] = value
    metrics_file.write_text(json.dumps(metrics))
    with pytest.raises(ModelError, match="vgg9"):
        face_model_record("vgg9")
