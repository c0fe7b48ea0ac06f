import shutil
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.cli import main
from emomusic.evaluation import FOUR_CLASS_ORDER
from emomusic.face.judging import evaluation_record, judge, record_photographs
from emomusic.face.trained import CARD, read_metrics

from .conftest import Run


def test_figures_on_photographs_are_kept_with_the_others_and_told_by_the_card(
    tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models" / "face" / "tiny"
    shutil.copytree(tiny_run.folder, folder)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    record = {
        "model": "tiny",
        "n": 4,
        "missed": 1,
        "accuracy": 0.5,
        "accuracy_interval": [0.15, 0.85],
        "macro_recall": 0.25,
        "macro_f1": 0.3,
        "four_class_accuracy": 0.75,
        "confusion": [[0]],
    }
    record_photographs("tiny", record)
    metrics = read_metrics(folder)
    assert metrics["wild"] == {key: value for key, value in record.items() if key not in {"model", "confusion"}}
    assert {key: value for key, value in metrics.items() if key != "wild"} == read_metrics(tiny_run.folder)
    card = (folder / CARD).read_text(encoding="utf-8")
    assert "on 4 labelled photographs of faces in the wild, it is right on 50.0%" in card
    assert "in 1 of them no face was found" in card


@pytest.mark.parametrize("source", [("--fer2013", "x.csv", "--split", "test"), ("--images", "x", "--aligned")])
def test_only_figures_of_the_whole_pipeline_are_kept(
    source: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "face", *source, "--record"]) == 2
    assert "expected --record with --images and without --aligned" in capsys.readouterr().err


def test_a_model_of_four_classes_is_judged_in_them() -> None:
    emotions = np.array([3, 0, 4, 6])  # happy, angry, sad, neutral: one of each class
    scores = judge(emotions, np.array([0, 1, 2, 0]), FOUR_CLASS_ORDER)
    assert scores.accuracy == 0.75
    record = evaluation_record("quarters", scores)
    assert (record["four_class_accuracy"], list(record["per_class"])) == (0.75, ["Q1", "Q2", "Q3", "N"])
