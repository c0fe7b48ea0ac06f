import itertools
import re

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, Mood
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.colours import EMOTION_COLOURS
from emomusic.faces.who import Who
from emomusic.songs.song import Pick, Player, Song

Floats = npt.NDArray[np.float64]

WIDTH, MAX_SHIFT = 0.17, 1.5 * 0.17  # diameter of a mark among few faces; largest distance from its true position
PLANES = (245, 374)  # plane sizes in pixels, on a phone and next to an image
ON_PLANE = st.floats(-1, 1, allow_subnormal=False)


def crowd(centre: tuple[float, float], num: int, spread: float, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(centre, spread, (num, 2)).clip(-1, 1)


def plane(places: npt.ArrayLike, emotion: Emotion = Emotion.HAPPY) -> go.Figure:
    points = np.reshape(places, (-1, 2)).tolist()
    return circumplex([FacePoint(Who.face(n), AffectPoint(x, y), emotion) for n, (x, y) in enumerate(points, 1)])


def song_at(number: int, place: AffectPoint) -> Pick:
    song = Song(str(number), "A", ("B",), Player.SPOTIFY)
    return Pick(song, Mood.HAPPY, 1.0, "", Mood.HAPPY, number, point=place)


def trace(figure: go.Figure, name: str) -> go.Scatter:
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def shown(figure: go.Figure, name: str = "faces") -> Floats:
    marks = trace(figure, name)
    return np.column_stack([marks.x, marks.y]).astype(np.float64)


def smallest_distance(at: Floats) -> float:
    """Distance between the two nearest marks."""
    return min((float(np.linalg.norm(a - b)) for a, b in itertools.combinations(at, 2)), default=np.inf)


def name_boxes(figure: go.Figure, plane_px: float) -> dict[str, Floats]:
    """Left, bottom, right and top of each emotion name, in pixels from the centre of the plane."""
    names, boxes = trace(figure, "names"), {}
    for x, y, text, place, gap in zip(names.x, names.y, names.text, names.textposition, names.marker.size, strict=True):
        word = re.sub("<[^>]*>", "", text)
        size = np.array([6.0 * len(word), 11.0])
        level, side = place.split()
        away = np.array([{"left": -1, "center": 0, "right": 1}[side], {"bottom": -1, "middle": 0, "top": 1}[level]])
        centre = np.array([x, y]) * plane_px / 2.24 + away * (gap / 1.6 + 1 + size / 2)  # the offset of plotly.js
        boxes[word] = np.concatenate([centre - size / 2, centre + size / 2])
    return boxes


def covered(box: Floats, other: Floats) -> float:
    """Overlap of two boxes, in square pixels."""
    across = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    return float(across.clip(0).prod())


def test_a_mark_alone_is_drawn_at_its_coordinates() -> None:
    songs = [song_at(1, AffectPoint(-0.3, -0.75))]
    figure = circumplex([FacePoint(Who.face(1), AffectPoint(0.5, 0.25), Emotion.HAPPY)], songs)
    assert shown(figure).tolist() == [[0.5, 0.25]]
    assert shown(figure, "songs").tolist() == [[-0.3, -0.75]]
    assert "lines" not in trace(figure, "songs").mode


def test_the_circle_of_an_unclear_face_is_hollow() -> None:
    point, colour = AffectPoint(0.5, 0.25), EMOTION_COLOURS[Emotion.HAPPY]
    faces = [FacePoint(Who.face(1), point, Emotion.HAPPY), FacePoint(Who.face(2), point, Emotion.HAPPY, is_sure=False)]
    marker = trace(circumplex(faces), "faces").marker
    (clear, unclear), (rim, other) = marker.color, marker.line.color
    assert clear == other == colour
    assert colour not in (unclear, rim)


@given(st.lists(st.tuples(ON_PLANE, ON_PLANE), min_size=1, max_size=15))
def test_any_mark_stays_near_its_position_in_its_quadrant_and_on_the_plane(places: list[tuple[float, float]]) -> None:
    at = shown(plane(places))
    assert np.linalg.norm(at - places, axis=1).max() <= MAX_SHIFT + 1e-9
    assert np.abs(at).max() <= 1
    wanted = np.array(places)
    assert (np.sign(at) == np.sign(wanted))[wanted != 0].all()


@pytest.mark.parametrize(
    "places",
    [crowd((0.5, 0.5), 7, 0.0), crowd((-0.5, -0.5), 15, 0.25), np.random.default_rng(0).uniform(-1, 1, (20, 2))],
)
def test_marks_do_not_overlap_if_there_is_room(places: Floats) -> None:
    figure = plane(places)
    width = WIDTH * trace(figure, "faces").marker.size[0] / 22
    assert smallest_distance(shown(figure)) > 0.95 * width


@pytest.mark.parametrize("plane_px", PLANES)
@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("intensity", [1.0, 0.8])
def test_a_face_does_not_hide_the_name_of_its_emotion(emotion: Emotion, intensity: float, plane_px: float) -> None:
    point = emotion.point
    figure = plane([(intensity * point.valence, intensity * point.arousal)], emotion)
    mark = np.repeat(shown(figure) * plane_px / 2.24, 2, axis=0).ravel() + np.array([-11, -11, 11, 11])
    boxes = name_boxes(figure, plane_px)
    for name, box in boxes.items():
        assert covered(box, mark) < 0.15 * 6 * len(name) * 11
        assert np.abs(box).max() <= plane_px / 2
    assert max(covered(*pair) for pair in itertools.combinations(boxes.values(), 2)) == 0


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_the_squares_of_songs_cover_no_word(emotion: Emotion) -> None:
    """The names of the quadrants are outside of the plane."""
    box = name_boxes(circumplex([]), 374)[emotion] * 2.24 / 374
    word = (box[:2] + box[2:]) / 2
    places = [AffectPoint(*(word + shift).clip(-1, 1)) for shift in ((0, 0), (0.05, 0), (0, 0.05))]
    corners = [AffectPoint(x, y) for x in (-1, 1) for y in (-1, 1)]
    songs = [song_at(number, place) for number, place in enumerate([*places, *corners], 1)]
    squares = shown(circumplex([], songs), "songs")
    away = np.abs(squares - word)
    assert not ((away[:, 0] < 0.12) & (away[:, 1] < 0.09)).any(), squares
    assert np.abs(squares).max() <= 0.97


def test_a_way_leads_from_the_listener_to_the_target() -> None:
    listener, target = AffectPoint(-0.5, -0.4), AffectPoint(0.6, 0.3)
    figure = circumplex([FacePoint(Who.face(1), listener, Emotion.SAD)], target=target)
    np.testing.assert_allclose(shown(figure, "way"), [(-0.5, -0.4), (0.6, 0.3)], atol=1e-6)
