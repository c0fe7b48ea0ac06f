"""Figures and annotated images show their input data."""

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Mood
from emomusic.charts.affect import FacePoint, SongPoint, circumplex
from emomusic.charts.colours import EMOTION_COLOURS
from emomusic.charts.face import probability_bars
from emomusic.faces.reading import read_faces
from emomusic.marks.picture import annotated_picture, face_label
from tests.fakes import FakeClassifier, FakeDetector, make_face


def test_the_bars_are_the_probabilities_in_the_order_of_the_emotions() -> None:
    values = np.array([0.05, 0.0, 0.004, 0.8, 0.1, 0.026, 0.02], np.float32)
    (bars,) = probability_bars(EmotionProbabilities(values)).data
    assert list(bars.y) == [emotion.value for emotion in EMOTIONS]
    assert list(bars.x) == pytest.approx(100 * values)
    assert list(bars.text) == ["5 %", "0 %", "<1 %", "80 %", "10 %", "3 %", "2 %"]
    assert list(bars.marker.color) == list(EMOTION_COLOURS.values())


def test_faces_and_songs_are_drawn_at_their_coordinates() -> None:
    faces = [FacePoint("1", AffectPoint(0.5, 0.25), Emotion.HAPPY)]
    songs = [SongPoint(1, "A, B", AffectPoint(-0.5, 0.75), Mood.ENERGETIC)]
    figure = circumplex(faces, songs)
    traces = {trace.name: trace for trace in figure.data}
    assert (traces["faces"].x[0], traces["faces"].y[0]) == (0.5, 0.25)
    assert (traces["songs"].x[0], traces["songs"].y[0]) == (-0.5, 0.75)
    assert "lines" not in traces["songs"].mode


def test_an_annotated_image_is_marked_at_the_face() -> None:
    image = np.full((200, 300, 3), 90, np.uint8)
    reading = read_faces(image, FakeDetector([make_face(x=100, y=60, width=80, height=90)]), FakeClassifier())
    marked = annotated_picture(image, reading)
    changed = np.argwhere((marked != image).any(axis=2))
    assert marked.shape == image.shape
    assert changed[:, 0].max() >= 145
    assert changed[:, 1].min() >= 60
    assert (marked[100:120, 120:150] == image[100:120, 120:150]).all()
    assert face_label(reading.faces[0]) == "1 happy 80 %"
