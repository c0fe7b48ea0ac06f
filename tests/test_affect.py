import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emomusic import affect
from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, Quadrant

coordinates = st.floats(-1, 1)
points = st.builds(AffectPoint, coordinates, coordinates)


@st.composite
def probabilities(draw: st.DrawFn) -> EmotionProbabilities:
    weights = draw(hnp.arrays(np.float64, 7, elements=st.floats(0, 1)).filter(lambda w: w.sum() > 1e-3))
    return EmotionProbabilities((weights / weights.sum()).astype(np.float32))


def of(**shares: float) -> EmotionProbabilities:
    """Named shares; what they leave goes to neutral."""
    values = np.zeros(7, np.float32)
    for name, share in shares.items():
        values[Emotion(name).label] = share
    values[Emotion.NEUTRAL.label] += 1 - values.sum()
    return EmotionProbabilities(values)


def test_the_tables_are_those_of_the_sources_and_words_tell_shares_and_certainty() -> None:
    fer2013 = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert [emotion.value for emotion in affect.EMOTIONS] == fer2013
    assert [emotion.label for emotion in affect.EMOTIONS] == list(range(7))
    assert list(affect.FOUR_CLASSES.values()) == ["Q2", "Q2", "Q2", "Q1", "Q3", "Q2", "N"]
    for share, words in ((0.0, "0 %"), (0.0099, "<1 %"), (0.01, "1 %")):  # less than one percent is not called none
        assert affect.share_text(share) == words
        assert affect.list_shares({"sad": share, "happy": 1.0}) == f"sad {words}, happy 100 %"
    assert list(affect.REPORT_MOODS.values()) == ["calm", "calm", "calm", "happy", "sad", "energetic", "happy"]
    for table in (affect.EMOTION_POINTS, affect.FOUR_CLASSES, affect.REPORT_MOODS):
        assert tuple(table) == affect.EMOTIONS
    assert [quadrant.mood for quadrant in Quadrant] == ["happy", "energetic", "sad", "calm", "calm"]
    assert {mood: point.quadrant.mood for mood, point in affect.MOOD_POINTS.items()} == {mood: mood for mood in Mood}
    for face, named in (
        (of(happy=0.95), ["Clearly", "happy"]),
        (of(disgust=0.8, sad=0.1), ["Probably", "disgusted"]),
        (of(happy=0.7, surprise=0.25), ["Probably", "happy", "surprised"]),
        (of(neutral=0.4, sad=0.25, angry=0.2, fear=0.15), ["Unclear", "neutral", "sad"]),
    ):
        words, of_group = re.findall("[A-Za-z]+", affect.describe(face)), affect.describe(face, of_group=True)
        assert [word for word in words if word != "or"] == named
        assert affect.describe(face, is_clear=False).startswith("Unclear")
        assert " or " not in of_group  # all of its emotions are there


@given(points)
def test_every_point_of_the_plane_lies_in_exactly_one_quadrant(point: AffectPoint) -> None:
    quadrant = point.quadrant
    signs = {
        Quadrant.Q1: (point.valence >= 0, point.arousal >= 0),
        Quadrant.Q2: (point.valence < 0, point.arousal >= 0),
        Quadrant.Q3: (point.valence < 0, point.arousal < 0),
        Quadrant.Q4: (point.valence >= 0, point.arousal < 0),
    }
    near = math.hypot(point.valence, point.arousal) < affect.NEUTRAL_RADIUS
    assert [q for q, inside in signs.items() if all(inside)] == [affect.quadrant_of(point, neutral_radius=0)]
    assert (quadrant is Quadrant.N) == near
    assert near or quadrant is affect.quadrant_of(point, neutral_radius=0)


@given(st.lists(probabilities(), min_size=1, max_size=6))
def test_a_groups_position_is_the_mean_of_its_faces(faces: list[EmotionProbabilities]) -> None:
    assert EmotionProbabilities.mean(np.zeros((0, 7))) is None
    group = EmotionProbabilities.mean(np.stack([face.values for face in faces]))
    middle = group.point
    each = [face.point for face in faces]
    assert group.values.dtype == np.float32
    np.testing.assert_allclose(group.values, np.mean([face.values for face in faces], axis=0), atol=1e-6)
    assert middle.valence == pytest.approx(np.mean([p.valence for p in each]), abs=1e-5)
    assert middle.arousal == pytest.approx(np.mean([p.arousal for p in each]), abs=1e-5)


def test_what_are_no_probabilities_and_points_off_the_plane_are_refused() -> None:
    for values, message in (
        ([1.0], r"shape \(7,\). Received: \(1,\)"),
        ([0.5, 0, 0, 0, 0, 0, 0], "summing to 1. Received: .*sum 0.5"),
        ([1.5, -0.5, 0, 0, 0, 0, 0], "must be probabilities"),
        ([math.nan, 1, 0, 0, 0, 0, 0], "must be probabilities.*sum nan"),
    ):
        with pytest.raises(ValueError, match=message):
            EmotionProbabilities(np.array(values, np.float32))
    for value in (1.01, -1.01, math.nan):
        for name in ("valence", "arousal"):
            with pytest.raises(ValueError, match=f"{name} must be from -1 to 1. Received: {value}"):
                AffectPoint(**{"valence": 0, "arousal": 0, name: value})
