import math
import re
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emomusic import affect
from emomusic.affect import AffectPoint, Emotion, EmotionProbabilities, Mood, Quadrant
from emomusic.colours import EMOTION_COLOURS, MOOD_COLOURS, TRAIL

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
    for share, word in ((0.5, "Mostly"), (0.49, "Between")):
        mixed = of(happy=share, sad=0.3)
        assert affect.describe(mixed, of_group=True).startswith(word)


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


# Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009,
# at full severity, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
# OKLab of Björn Ottosson, 2020: equal distances look about equally large
TO_CONES = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]])
TO_LAB = np.array([[0.2105, 0.7936, -0.0041], [1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])
PAGES = {"light": "#FBF8F4", "dark": "#151115"}
OPAQUE, AREA = 1.0, 0.85  # of bars, and of the stacked areas of a session and a film


def channels(colour: str) -> np.ndarray:
    return np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255


def light_of(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def linear(colour: str) -> np.ndarray:
    return light_of(channels(colour))


def lab(rgb: np.ndarray) -> np.ndarray:
    """OKLab of linear RGB."""
    return TO_LAB @ np.cbrt(TO_CONES @ rgb.clip(0, 1))


def test_every_colour_has_enough_contrast_to_the_page_and_moods_have_no_hue() -> None:
    for pair in product([*EMOTION_COLOURS.values(), TRAIL], PAGES.values()):
        low, high = sorted(float(LUMINANCE @ linear(colour)) for colour in pair)
        assert (high + 0.05) / (low + 0.05) >= 3.0, pair
    for colour in (*MOOD_COLOURS.values(), TRAIL):
        assert np.hypot(*lab(linear(colour))[1:]) < 0.02, colour


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("table", "opacity"),
    [
        (EMOTION_COLOURS, OPAQUE),
        (EMOTION_COLOURS, AREA),
        (MOOD_COLOURS | {"": EMOTION_COLOURS[Emotion.NEUTRAL]}, OPAQUE),
    ],
    ids=["emotion", "area", "mood and neutral"],
)
def test_neighbours_differ_in_every_vision(table: dict[str, str], opacity: float, page: str, sight: str) -> None:
    drawn = {name: opacity * channels(colour) + (1 - opacity) * channels(PAGES[page]) for name, colour in table.items()}
    seen = {name: lab(SIGHT[sight] @ light_of(colour)) for name, colour in drawn.items()}
    apart = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(seen, 2)}
    assert min(apart.values()) >= 0.05, min(apart, key=lambda pair: apart[pair])
