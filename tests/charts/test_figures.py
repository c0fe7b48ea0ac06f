"""Figures and annotated images show their input data."""

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Mood
from emomusic.charts.affect import FacePoint, SongPoint, circumplex
from emomusic.charts.colours import EMOTION_COLOURS
from emomusic.charts.face import probability_bars
from emomusic.faces.reading import read_faces
from emomusic.marks.picture import annotated_picture, annotated_preview, face_label, framed_face, reframed_face
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


def test_only_the_chosen_face_has_a_label() -> None:
    picture = np.zeros((900, 900, 3), np.uint8)
    boxes = [make_face(100 + 260 * number, 400, 160, 200) for number in range(3)]
    reading = read_faces(picture, FakeDetector(boxes), FakeClassifier())

    def columns_with_tags(**chosen: int) -> list[bool]:
        """Whether anything is drawn above the frame of each face."""
        drawn = annotated_preview(picture, reading, 900, 900, **chosen).any(axis=2)
        return [bool(drawn[:390, box.box.x : box.box.right].any()) for box in boxes]

    assert columns_with_tags() == [True, True, True]
    assert columns_with_tags(only=2) == [False, True, False]


def test_a_face_is_framed_in_its_colour() -> None:
    picture = np.full((1000, 1000, 3), 90, np.uint8)
    (reading,) = read_faces(picture, FakeDetector([make_face(40, 40, 900, 900)]), FakeClassifier()).faces
    framed = framed_face(picture, reading, 192)
    assert framed.shape == (192, 192, 3)
    assert framed.dtype == np.uint8
    colour = [int(EMOTION_COLOURS[Emotion.HAPPY][start : start + 2], 16) for start in (1, 3, 5)]
    for corner in ((0, 0), (5, 100), (191, 191)):
        assert framed[corner].tolist() == colour
    assert framed[6:186, 6:186].min() == framed[6:186, 6:186].max() == 90
    again = reframed_face(framed, Emotion.SAD)
    assert again[0, 0].tolist() != colour
    np.testing.assert_array_equal(again[6:186, 6:186], framed[6:186, 6:186])
    np.testing.assert_array_equal(reframed_face(again, Emotion.HAPPY), framed)
