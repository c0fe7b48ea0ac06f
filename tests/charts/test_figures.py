import numpy as np
import pytest

from emomusic.affect import Mood
from emomusic.charts import steps
from emomusic.charts.diagnostics import (
    confidence_histogram,
    confusion_map,
    reliability_diagram,
)
from emomusic.charts.music import correlations, feature_ridges, standings
from emomusic.faces.inspection import Occlusion
from emomusic.metrics import reliability
from emomusic.songs.mood import MOODS
from emomusic.songs.song import FEATURE_NAMES, FEATURES

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


@pytest.fixture
def features() -> np.ndarray:
    """Two hundred songs with a mood that depends on energy only."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, (200, len(FEATURES)))
    values[:, FEATURE_NAMES.index("energy")] = np.repeat([0.1, 0.6, 0.9, 0.3], 50) + rng.normal(0, 0.01, 200)
    return values


FOUR = np.repeat(np.arange(4), 50)


def test_the_feature_that_follows_the_mood_comes_first(features: np.ndarray) -> None:
    first, *others = standings(features, FOUR)
    assert first.feature.name == "energy"
    assert first.share > 0.95
    assert (first.lowest, first.highest) == (Mood.CALM, Mood.ENERGETIC)
    assert all(standing.share < 0.1 for standing in others)


def test_a_constant_feature_separates_no_moods(features: np.ndarray) -> None:
    for num_songs in range(60, 201, 20):
        few, moods = features[-num_songs:], FOUR[-num_songs:]
        few[:, 0] = 0.1  # the mean of many equal values can differ by 1e-17
        last = standings(few, moods)[-1]
        assert (last.feature.name, last.share) == ("danceability", 0.0)
        assert np.isnan(correlations(few)[0]).all()


def test_ridges_have_equal_heights_and_correct_medians(features: np.ndarray) -> None:
    figure = feature_ridges(features, FOUR, FEATURES["energy"])
    hills, medians = figure.data[::2], figure.data[1::2]
    assert len(hills) == len(medians) == 4
    for level, (hill, median, mood) in enumerate(zip(hills, medians, reversed(MOODS), strict=True)):
        assert max(hill.y) == pytest.approx(level + 0.88)
        own = features[MOODS.index(mood) == FOUR, FEATURE_NAMES.index("energy")]
        assert median.x[0] == pytest.approx(np.median(own))
        assert abs(hill.x[int(np.argmax(hill.y))] - np.median(own)) < 0.05
    assert list(figure.layout.yaxis.ticktext) == ["sad", "energetic", "happy", "calm"]


def test_the_heat_of_occlusion_is_in_points_where_the_square_was() -> None:
    drops = np.zeros((3, 3), np.float32)
    drops[1, 2], drops[1, 0] = 0.25, 0.002
    occlusion = Occlusion(drops, (0, 16, 32), 16, 0.75)
    _, points = steps.heats(np.full((48, 48), 120, np.uint8), np.zeros((48, 48), np.float32), occlusion).data
    assert (points.x[2], points.y[1], points.z[1][2]) == (40, 24, 25)
    # Each second position has its number, the lowest one too
    assert [list(row) for row in points.text] == [[""] * 3, ["0", "", "-25"], [""] * 3]
