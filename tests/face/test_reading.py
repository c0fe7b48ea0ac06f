"""emomusic/face/reading.py with a fake detector and classifier."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Quadrant
from emomusic.face.detection import Face
from emomusic.face.images import RgbImage
from emomusic.face.reading import read_faces
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, make_face

IMAGE = np.full((100, 160, 3), 90, np.uint8)


def test_all_faces_are_classified_in_one_call() -> None:
    classifier = FakeClassifier()
    reading = read_faces(IMAGE, FakeDetector([make_face(x=5), make_face(x=60), make_face(x=110)]), classifier)
    assert classifier.batch_sizes == [3]
    assert [face.face.box.x for face in reading.faces] == [5, 60, 110]


def test_a_happy_face_lies_in_the_first_quadrant() -> None:
    (face,) = read_faces(IMAGE, FakeDetector([make_face()]), FakeClassifier(Emotion.HAPPY, 0.9)).faces
    assert face.emotion is Emotion.HAPPY
    assert face.quadrant is Quadrant.Q1
    assert face.point.valence > 0.6


class ByShade:
    """Classifies by the shade of grey: 0 to 29 is angry, 30 to 59 is disgust, and so on."""

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        return [EmotionProbabilities.certain(EMOTIONS[int(crop.mean() // 30)]) for crop in crops]


def test_each_face_has_its_own_emotion() -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    image[:, 75:] = 100
    reading = read_faces(image, FakeDetector([make_face(x=5), make_face(x=90)]), ByShade())
    assert [face.emotion for face in reading.faces] == [Emotion.ANGRY, Emotion.HAPPY]


def test_detection_and_classification_have_separate_durations(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr("emomusic.face.reading.time", SimpleNamespace(perf_counter=clock))

    class SlowDetector(FakeDetector):
        def detect(self, image: RgbImage) -> list[Face]:
            clock.advance(0.05)
            return super().detect(image)

    class SlowClassifier(FakeClassifier):
        def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
            clock.advance(0.02)
            return super().classify(crops)

    reading = read_faces(IMAGE, SlowDetector([make_face()]), SlowClassifier())
    assert (reading.detect_ms, reading.classify_ms) == pytest.approx((50, 20))
