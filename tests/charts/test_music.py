import numpy as np
import pytest

from emomusic.affect import Mood
from emomusic.charts.music import correlations, feature_ridges, standings, waveform
from emomusic.colours import MOOD_COLOURS
from emomusic.songs.mood import MOODS
from emomusic.songs.song import FEATURE_NAMES, FEATURES


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


def test_a_waveform_has_the_greys_and_the_names_of_its_moods() -> None:
    path = [(0.0, 0.7, 0.6), (3.0, 0.7, 0.6), (6.0, -0.7, -0.5)]
    levels = [0.2, 0.4, 1.0, 0.5, 0.1, 0.3]
    (bars,) = waveform(levels, path).data
    assert list(bars.y) == pytest.approx([2 * level for level in levels])
    assert list(bars.base) == pytest.approx([-level for level in levels])
    assert list(bars.x) == pytest.approx([0, 1.5, 3, 4.5, 6, 7.5], abs=0.01)
    assert list(bars.marker.color) == [MOOD_COLOURS[Mood.HAPPY]] * 4 + [MOOD_COLOURS[Mood.SAD]] * 2
    notes = waveform(levels, path).layout.annotations
    assert [(note.text, note.x) for note in notes] == [("happy", 0), ("sad", pytest.approx(6))]
    assert len(waveform([0.5] * 8, path[:1]).data[0].x) == 8
