import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from hypothesis import given
from hypothesis import strategies as st

from emomusic.affect import AffectPoint, Emotion, Mood
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.colours import EMOTION_COLOURS
from emomusic.faces.who import Who
from emomusic.songs.song import Pick, Player, Song

Floats = npt.NDArray[np.float64]

WIDTH, MAX_SHIFT = 0.17, 1.5 * 0.17  # diameter of a mark among few faces; largest distance from its true position
ON_PLANE = st.floats(-1, 1, allow_subnormal=False)


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


def test_a_way_leads_from_the_listener_to_the_target() -> None:
    listener, target = AffectPoint(-0.5, -0.4), AffectPoint(0.6, 0.3)
    figure = circumplex([FacePoint(Who.face(1), listener, Emotion.SAD)], target=target)
    np.testing.assert_allclose(shown(figure, "way"), [(-0.5, -0.4), (0.6, 0.3)], atol=1e-6)
