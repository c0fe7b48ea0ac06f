import numpy as np
import pytest

from emomusic.songs.explain_mood import explain_mood, nearest_rows
from emomusic.songs.features import FEATURE_NAMES
from emomusic.songs.mood import MOODS

from .tables import FakeClassifier


def test_an_influence_is_the_change_from_replacing_one_feature() -> None:
    start, now = np.full(9, 0.5), np.full(9, 0.5)
    now[FEATURE_NAMES.index("valence")] = 0.9
    answer = explain_mood(FakeClassifier(), now, start, start)
    probabilities = FakeClassifier().predict_probabilities(np.stack([now, start]))
    top = int(probabilities[0].argmax())
    assert answer.mood == MOODS[top]
    assert answer.influences[FEATURE_NAMES.index("valence")] == pytest.approx(
        100 * (probabilities[0, top] - probabilities[1, top]), abs=1e-3
    )
    assert np.delete(answer.influences, FEATURE_NAMES.index("valence")) == pytest.approx(0, abs=1e-4)


def test_the_closest_song_is_the_song_itself() -> None:
    table = np.random.default_rng(0).random((50, 9))
    table[:, 0] = 0.1  # a constant feature has no effect
    features = table[7].copy()
    features[0] = 0.9
    rows = nearest_rows(table, features, 3)
    assert rows[0] == 7
    assert len(rows) == 3
