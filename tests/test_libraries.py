"""scripts/libraries/compare.py: metrics of other libraries' answers."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emomusic.affect import EMOTIONS
from emomusic.metrics import SEVEN
from scripts.libraries.compare import GREY, evaluate, field


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Six faces of each emotion with a bias towards "happy"; one sad face was not found."""
    table = tmp_path / "some.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("picture", *SEVEN))
        for emotion in EMOTIONS:
            for number in range(6):
                shares = 0.02 + np.zeros(7)
                shares[emotion.label] = 0.4
                shares[SEVEN.index("happy")] = 0.5
                cells = [""] * 7 if (emotion, number) == ("sad", 0) else (shares / shares.sum()).tolist()
                rows.writerow((f"{emotion}/{number}.jpg", *cells))
    return table


def test_the_adjustment_removes_a_bias_towards_one_answer(answers: Path) -> None:
    figures = evaluate(answers)
    assert (figures["n"], figures["missed"]) == (42, 1)
    assert figures["as_it_answers"]["accuracy"] == pytest.approx(1 / 7)
    assert figures["as_it_answers"]["macro_recall"] == pytest.approx(1 / 7)
    assert figures["adjusted_in_folds"]["accuracy"] == pytest.approx(41 / 42)
    low, high = figures["adjusted_in_folds"]["accuracy_interval"]
    assert low < 41 / 42 < high


def test_too_few_faces_give_no_adjusted_metrics(answers: Path) -> None:
    rows = answers.read_text(encoding="utf-8").splitlines()
    answers.write_text("\n".join([*rows[:-3], *(f"{row.partition(',')[0]},,,,,,," for row in rows[-3:])]))
    figures = evaluate(answers)
    assert (figures["missed"], figures["adjusted_in_folds"]) == (4, None)
    assert figures["as_it_answers"]["accuracy"] == pytest.approx(6 / 42)


def test_field_keeps_the_pixels_in_the_centre(tmp_path: Path) -> None:
    (tmp_path / "wild" / "happy").mkdir(parents=True)
    Image.new("RGB", (30, 20), "red").save(tmp_path / "wild" / "happy" / "a.jpg", quality=100, subsampling=0)
    field(tmp_path / "wild", tmp_path / "field")
    canvas = np.asarray(Image.open(tmp_path / "field" / "happy" / "a.png"))
    assert canvas.shape == (40, 60, 3)
    assert (canvas[10:30, 15:45, 0] > 250).all()
    assert (canvas == GREY).all(axis=-1).sum() == 40 * 60 - 20 * 30
