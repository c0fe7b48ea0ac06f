import numpy as np
import pytest

from emomusic.charts.diagnostics import (
    accuracy_by_group,
    confidence_histogram,
    confusion_map,
    reliability_diagram,
)
from emomusic.metrics import reliability
from emomusic.records import FaceBin

CLASSES = ("calm", "happy", "sad")
MATRIX = np.array([[8, 2, 0], [1, 4, 5], [0, 0, 0]])


def test_the_matrix_writes_shares_of_the_row_in_cells_that_can_be_selected() -> None:
    figure = confusion_map(MATRIX, CLASSES, chosen=("happy", "sad"), text_color=None)
    notes, (shades, points), right = figure.layout.annotations, figure.data, np.eye(3, dtype=bool)
    assert [note.text for note in notes][:6] == ["80", "20", "0", "10", "40", "50"]
    assert [(note.y, note.x) for note in notes[:2]] == [("calm", "calm"), ("calm", "happy")]
    z = np.array(shades.z)
    assert (z[right] >= 0).all()
    assert (z[~right] < 0).all()
    assert z[1, 2] == pytest.approx(-1)  # half of a class is the darkest
    assert [(y, x) for y, x in zip(points.y, points.x, strict=True)] == [(a, b) for a in CLASSES for b in CLASSES]
    assert tuple(points.customdata[5]) == ("5 of 10", "50.0")
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 1.5)


def test_the_names_of_groups_never_lie_on_each_other() -> None:
    groups = [FaceBin(f"{number} persons in the studio of a university far away", 100, 0.5) for number in range(8)]
    figure = accuracy_by_group({"": groups})
    low, high = figure.layout.yaxis.range
    row_px = (figure.layout.height - figure.layout.margin.t - figure.layout.margin.b - 44) / abs(high - low)
    lines = max(name.count("<br>") + 1 for name in figure.layout.yaxis.ticktext)
    assert lines == 3
    assert row_px >= 13 * 1.3 * lines


def test_reliability_points_are_the_bins_and_the_line_skips_small_bins() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.6] * 7, 400).astype(np.float32)
    found = reliability(rng.integers(0, 7, 400), probabilities)
    calibrated, line, points = reliability_diagram(found).data
    filled = found.counts > 0
    assert list(calibrated.x) == list(calibrated.y) == [0, 100]
    assert list(points.x) == pytest.approx(100 * found.confidence[filled], abs=0.01)
    assert list(points.y) == pytest.approx(100 * found.accuracy[filled], abs=0.01)
    assert len(line.x) == (found.counts >= 10).sum() < filled.sum()
    right, wrong = confidence_histogram(found).data
    assert np.array(right.y) + np.array(wrong.y) == pytest.approx(found.counts)
    assert np.array(right.y).sum() == pytest.approx((found.accuracy * found.counts)[filled].sum())
