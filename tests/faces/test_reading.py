from collections.abc import Sequence

import numpy as np

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.faces.reading import load_networks
from emomusic.media.images import RgbImage
from tests.fakes import FakeDetector, make_face, read_pixels


class ByShade:
    """Classifies by the shade of grey: 0 to 29 is angry, 30 to 59 is disgust, and so on."""

    threshold = 0.0

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        return [EmotionProbabilities.certain(EMOTIONS[int(crop.mean() // 30)]) for crop in crops]


def test_each_face_has_its_own_emotion() -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    image[:, 75:] = 100
    reading = read_pixels(image, (FakeDetector([make_face(x=5), make_face(x=90)]), ByShade()))
    assert [face.emotion for face in reading.faces] == [Emotion.ANGRY, Emotion.HAPPY]


def test_photographs_and_cameras_share_the_networks() -> None:
    (detector, photographs), (same, cameras) = load_networks(), load_networks(posed=True)
    assert same is detector
    faces = np.random.default_rng(0).integers(0, 256, (2, photographs.spec.side, photographs.spec.side, 1), np.uint8)
    np.testing.assert_array_equal(cameras.probabilities(faces), photographs.probabilities(faces))
    assert cameras.spec.adjustment == photographs.spec.posed_adjustment != photographs.spec.adjustment
