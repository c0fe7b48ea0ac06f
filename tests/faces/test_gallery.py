import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.faces.gallery import Gallery
from emomusic.faces.reading import FaceReading, PictureReading
from tests.fakes import make_face


def reading(*emotions: Emotion, share: float = 0.9) -> PictureReading:
    faces = []
    for number, emotion in enumerate(emotions):
        values = np.full(len(EMOTIONS), (1 - share) / (len(EMOTIONS) - 1), np.float32)
        values[emotion.label] = share
        faces.append(FaceReading(make_face(x=50 * number), EmotionProbabilities(values)))
    return PictureReading(640, 480, tuple(faces), 0.0, 0.0)


def test_faces_have_consecutive_numbers_over_all_pictures() -> None:
    gallery = Gallery.of([reading(Emotion.HAPPY, Emotion.SAD), reading(), reading(Emotion.FEAR)])
    assert [(face.number, face.picture, face.place) for face in gallery.faces] == [(1, 0, 0), (2, 0, 1), (3, 2, 0)]
    assert [face.reading.emotion for face in gallery.faces] == [Emotion.HAPPY, Emotion.SAD, Emotion.FEAR]
    assert [[face.number for face in picture.faces] for picture in gallery.pictures] == [[1, 2], [], [3]]


def test_every_face_has_the_same_weight_in_the_group() -> None:
    gallery = Gallery.of([reading(Emotion.HAPPY, Emotion.HAPPY, share=1.0), reading(Emotion.SAD, share=1.0)])
    group = gallery.group
    assert group is not None
    assert group[Emotion.HAPPY] == pytest.approx(2 / 3, abs=1e-6)
    assert group[Emotion.SAD] == pytest.approx(1 / 3, abs=1e-6)
    assert Gallery.of([reading()]).group is None
