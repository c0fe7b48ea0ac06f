import dataclasses
import math

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


def test_emotions_stand_in_the_order_of_fer2013s_labels() -> None:
    assert [emotion.value for emotion in affect.EMOTIONS] == [
        "angry",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
        "neutral",
    ]
    assert [emotion.label for emotion in affect.EMOTIONS] == list(range(7))


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        (affect.EMOTION_POINTS, affect.EMOTIONS),
        (affect.FOUR_CLASSES, affect.EMOTIONS),
        (affect.SOOTHING_MOODS, affect.EMOTIONS),
        (affect.QUADRANT_MOODS, tuple(Quadrant)),
        (affect.MOOD_POINTS, tuple(Mood)),
    ],
    ids=["EMOTION_POINTS", "FOUR_CLASSES", "SOOTHING_MOODS", "QUADRANT_MOODS", "MOOD_POINTS"],
)
def test_every_table_covers_all_its_keys_in_their_order_and_cannot_be_changed(table: dict, keys: tuple) -> None:
    assert tuple(table) == keys
    with pytest.raises(TypeError, match="does not support item assignment"):
        table[keys[0]] = None


def test_the_tables_of_both_reports_are_as_printed() -> None:
    four = {name: quadrant.value for name, quadrant in affect.FOUR_CLASSES.items()}
    assert four == {
        "happy": "Q1",
        "angry": "Q2",
        "disgust": "Q2",
        "fear": "Q2",
        "surprise": "Q2",
        "sad": "Q3",
        "neutral": "N",
    }
    lifted = {name: mood.value for name, mood in affect.SOOTHING_MOODS.items()}
    assert lifted == {
        "angry": "calm",
        "disgust": "calm",
        "fear": "calm",
        "happy": "happy",
        "sad": "sad",
        "surprise": "energetic",
        "neutral": "happy",
    }


def test_every_emotion_and_quadrant_has_words_of_its_own() -> None:
    adjectives = {emotion.adjective for emotion in Emotion}
    descriptions = {quadrant.description for quadrant in Quadrant}
    assert (len(adjectives), len(descriptions)) == (7, 5)
    assert "" not in adjectives | descriptions


@given(points)
def test_every_point_of_the_plane_lies_in_exactly_one_quadrant(point: AffectPoint) -> None:
    quadrant = affect.quadrant_of(point)
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


@pytest.mark.parametrize(
    ("valence", "arousal", "expected"),
    [
        (0.0, 0.0, Quadrant.N),
        (affect.NEUTRAL_RADIUS, 0.0, Quadrant.Q1),
        (-affect.NEUTRAL_RADIUS, 0.0, Quadrant.Q2),
        (0.0, -affect.NEUTRAL_RADIUS, Quadrant.Q4),
        (1.0, 1.0, Quadrant.Q1),
        (-1.0, -1.0, Quadrant.Q3),
    ],
)
def test_on_an_axis_the_pleasant_or_the_awake_side_wins(valence: float, arousal: float, expected: Quadrant) -> None:
    assert affect.quadrant_of(AffectPoint(valence, arousal)) is expected


@given(probabilities())
def test_a_face_lies_inside_the_hull_of_the_emotions(face: EmotionProbabilities) -> None:
    point = affect.affect_of(face)
    valences, arousals = zip(*((p.valence, p.arousal) for p in affect.EMOTION_POINTS.values()), strict=True)
    assert min(valences) - 1e-9 <= point.valence <= max(valences) + 1e-9
    assert min(arousals) - 1e-9 <= point.arousal <= max(arousals) + 1e-9


@pytest.mark.parametrize("emotion", Emotion)
def test_a_certain_face_lies_where_its_emotion_does(emotion: Emotion) -> None:
    certain = EmotionProbabilities.certain(emotion)
    assert certain.emotion is emotion
    assert certain[emotion] == 1.0
    assert affect.affect_of(certain) == affect.EMOTION_POINTS[emotion]


def test_half_happy_and_half_sad_lies_halfway_between_them() -> None:
    point = affect.affect_of(of(happy=0.5, sad=0.5))
    assert (point.valence, point.arousal) == pytest.approx(((0.81 - 0.63) / 2, (0.51 - 0.27) / 2))


@given(st.lists(probabilities(), min_size=1, max_size=6))
def test_a_groups_position_is_the_mean_of_its_faces(faces: list[EmotionProbabilities]) -> None:
    group = affect.group_probabilities(faces)
    assert group is not None
    middle = affect.affect_of(group)
    each = [affect.affect_of(face) for face in faces]
    assert group.values.dtype == np.float32
    np.testing.assert_allclose(group.values, np.mean([face.values for face in faces], axis=0), atol=1e-6)
    assert middle.valence == pytest.approx(np.mean([p.valence for p in each]), abs=1e-5)
    assert middle.arousal == pytest.approx(np.mean([p.arousal for p in each]), abs=1e-5)


@given(st.lists(probabilities(), max_size=8))
def test_the_positions_of_many_are_those_of_each(faces: list[EmotionProbabilities]) -> None:
    rows = affect.affect_of_rows(np.array([face.values for face in faces]).reshape(-1, 7))
    assert rows.shape == (len(faces), 2)
    assert rows.dtype == np.float64
    expected = [(point.valence, point.arousal) for point in map(affect.affect_of, faces)]
    np.testing.assert_allclose(rows, np.reshape(expected, (-1, 2)), atol=1e-12)


@pytest.mark.parametrize("factor", [1e-3, 0.5, 4.0, 1000.0])
def test_a_sum_over_faces_lies_where_its_mean_does(factor: float) -> None:
    shares = np.array([of(happy=0.5, sad=0.2).values, of(angry=0.9).values], np.float64)
    np.testing.assert_allclose(affect.affect_of_rows(factor * shares), affect.affect_of_rows(shares), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certain_rows_lie_at_their_emotions(dtype: type) -> None:
    expected = [(point.valence, point.arousal) for point in affect.EMOTION_POINTS.values()]
    np.testing.assert_array_equal(affect.affect_of_rows(np.eye(7, dtype=dtype)), expected)


def test_nobody_has_no_mean() -> None:
    assert affect.group_probabilities([]) is None


@given(probabilities())
def test_as_dict_names_plain_numbers_that_sum_to_one(face: EmotionProbabilities) -> None:
    named = face.as_dict()
    assert list(named) == [emotion.value for emotion in affect.EMOTIONS]
    assert {type(value) for value in named.values()} == {float}
    assert sum(named.values()) == pytest.approx(1, abs=1e-5)
    assert named[face.emotion.value] == max(named.values())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], r"shape \(7,\). Received: \(1,\)"),
        ([[1.0, 0, 0, 0, 0, 0, 0]], r"shape \(7,\). Received: \(1, 7\)"),
        ([0.5, 0, 0, 0, 0, 0, 0], "summing to 1. Received: .*sum 0.5"),
        ([1.5, -0.5, 0, 0, 0, 0, 0], "must be probabilities"),
        ([math.nan, 1, 0, 0, 0, 0, 0], "must be probabilities.*sum nan"),
    ],
)
def test_what_are_no_probabilities_is_refused(values: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmotionProbabilities(np.array(values, np.float32))


@pytest.mark.parametrize("value", [1.01, -1.01, math.inf, math.nan])
def test_a_point_off_the_plane_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=f"valence must be from -1 to 1. Received: {value}"):
        AffectPoint(value, 0)
    with pytest.raises(ValueError, match=f"arousal must be from -1 to 1. Received: {value}"):
        AffectPoint(0, value)


def test_points_and_probabilities_cannot_be_rebound() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="valence"):
        AffectPoint(0, 0).valence = 1  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError, match="values"):
        of().values = np.zeros(7)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("face", "words"),
    [
        (of(happy=0.95), "Clearly happy"),
        (of(happy=0.7, surprise=0.25), "Mostly happy, perhaps surprised"),
        (of(fear=0.8), "Mostly afraid, perhaps neutral"),
        (of(disgust=0.8, sad=0.1), "Mostly disgusted"),
        (of(disgust=0.86, sad=0.1), "Clearly disgusted"),
        (of(neutral=0.4, sad=0.25, angry=0.2, fear=0.15), "Perhaps neutral, perhaps sad"),
        (of(sad=0.5, neutral=0.5), "Between sad and neutral"),
        (of(neutral=0.45, sad=0.4, angry=0.15), "Between neutral and sad"),
    ],
)
def test_probabilities_are_said_in_words(face: EmotionProbabilities, words: str) -> None:
    assert affect.describe(face) == words


def test_the_second_emotion_of_a_group_is_no_guess() -> None:
    assert "perhaps" in affect.describe(of(happy=0.7, sad=0.3))
    assert "perhaps" not in affect.describe(of(happy=0.7, sad=0.3), of_group=True)
    assert affect.describe(of(happy=0.4, sad=0.35, neutral=0.25), of_group=True) == "Between happy and sad"


@given(probabilities())
def test_words_begin_with_the_most_probable_emotion(face: EmotionProbabilities) -> None:
    words = affect.describe(face)
    assert words.split()[1].rstrip(",") == face.emotion.adjective


@pytest.mark.parametrize("mood", [Mood.CALM, Mood.HAPPY, Mood.SAD])
def test_a_mood_chosen_by_hand_lies_in_a_quadrant_that_answers_with_it(mood: Mood) -> None:
    quadrant = affect.quadrant_of(affect.MOOD_POINTS[mood])
    assert affect.QUADRANT_MOODS[quadrant] is mood


def test_energetic_music_is_the_most_awake_and_neither_pleasant_nor_unpleasant() -> None:
    energetic = affect.MOOD_POINTS[Mood.ENERGETIC]
    assert energetic.valence == 0
    assert energetic.arousal == max(point.arousal for point in affect.MOOD_POINTS.values())


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([0.92, 0.05, 0.03], "Clearly happy"),
        ([0.5, 0.3, 0.2], "Mostly happy, perhaps sad"),
        ([0.38, 0.35, 0.27], "Perhaps happy, perhaps sad"),
        ([0.8, 0.1, 0.1], "Mostly happy"),
    ],
)
def test_how_surely_a_thing_is_likely_is_said_in_words(shares: list[float], words: str) -> None:
    assert affect.describe_shares(["happy", "sad", "calm"], shares) == words


def test_a_neutral_face_gets_calm_songs() -> None:  # "How it works" says so
    assert affect.QUADRANT_MOODS[Quadrant.N] is Mood.CALM


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0 %"), (0.0001, "<1 %"), (0.0099, "<1 %"), (0.01, "1 %"), (0.5, "50 %"), (1.0, "100 %")]
)
def test_what_is_less_than_one_percent_is_not_called_none(share: float, words: str) -> None:
    assert affect.share_text(share) == words
    assert affect.list_shares({"sad": share, "happy": 1.0}) == f"sad {words}, happy 100 %"
