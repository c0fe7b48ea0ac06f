"""Figures and annotated images show their input data."""

from base64 import b64decode
from xml.etree import ElementTree

import numpy as np

from emomusic.affect import EMOTION_POINTS, EMOTIONS, AffectPoint, Emotion, Mood, affect_of
from emomusic.charts import steps
from emomusic.charts.affect import FacePoint, SongPoint, circumplex
from emomusic.charts.face import expression_uri
from emomusic.colours import EMOTION_COLOURS
from tests.fakes import FakeClassifier


def test_faces_and_songs_are_drawn_at_their_coordinates() -> None:
    faces = [FacePoint("1", AffectPoint(0.5, 0.25), Emotion.HAPPY)]
    songs = [SongPoint(1, "A, B", AffectPoint(-0.3, -0.75), Mood.ENERGETIC)]
    figure = circumplex(faces, songs)
    traces = {trace.name: trace for trace in figure.data}
    assert (traces["faces"].x[0], traces["faces"].y[0]) == (0.5, 0.25)  # a mark alone does not move
    assert (traces["songs"].x[0], traces["songs"].y[0]) == (-0.3, -0.75)
    assert "lines" not in traces["songs"].mode


def test_line_width_follows_probability() -> None:
    values = FakeClassifier(Emotion.SAD, 0.7).probabilities
    point = affect_of(values)
    lines = {shape.name: shape for shape in steps.face_on_plane(values, "1", weights=True).layout.shapes if shape.name}
    assert set(lines) == {emotion.value for emotion in EMOTIONS}
    assert lines["sad"].line.width == max(line.line.width for line in lines.values()) > 3 * lines["happy"].line.width
    for emotion, place in EMOTION_POINTS.items():
        line = lines[emotion.value]
        assert (line.x0, line.y0, line.x1, line.y1) == (point.valence, point.arousal, place.valence, place.arousal)


def test_a_short_loud_tone_is_light_at_its_time_and_pitch() -> None:
    mels = np.zeros((500, 96), np.float32)
    mels[250:260, 40] = 3.0
    figure = steps.heard_song(mels, 8.0)
    z = np.asarray(figure.data[0].z)
    band, column = np.unravel_index(z.argmax(), z.shape)
    assert (band, z.max(), z.min()) == (40, 255, 0)
    assert abs(column * figure.data[0].dx - 4.0) < 0.1
    low, *_, high = figure.layout.yaxis.tickvals
    assert 0 < low < high < 96


def test_each_emotion_has_its_own_drawing_in_its_colour() -> None:
    drawings = {emotion: b64decode(expression_uri(emotion).partition(",")[2]).decode() for emotion in EMOTIONS}
    for emotion, drawing in drawings.items():
        root = ElementTree.fromstring(drawing)
        assert root.get("viewBox") == "0 0 100 100"
        assert root.find("{*}circle").get("fill") == EMOTION_COLOURS[emotion]
    assert len({drawing.partition("<g>")[2] for drawing in drawings.values()}) == len(EMOTIONS)
