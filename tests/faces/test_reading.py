from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.faces.reading import load_networks, read_faces
from emomusic.media.images import Box, RgbImage, read_image
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.films import OBAMA, SAMPLES


class ByShade:
    """Classifies by the shade of grey: 0 to 29 is angry, 30 to 59 is disgust, and so on."""

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        return [EmotionProbabilities.certain(EMOTIONS[int(crop.mean() // 30)]) for crop in crops]


def test_each_face_has_its_own_emotion() -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    image[:, 75:] = 100
    reading = read_faces(image, FakeDetector([make_face(x=5), make_face(x=90)]), ByShade())
    assert [face.emotion for face in reading.faces] == [Emotion.ANGRY, Emotion.HAPPY]


def test_photographs_and_cameras_share_the_networks() -> None:
    (detector, photographs), (same, cameras) = load_networks(), load_networks(posed=True)
    assert same is detector
    faces = np.random.default_rng(0).integers(0, 256, (2, photographs.spec.side, photographs.spec.side, 1), np.uint8)
    np.testing.assert_array_equal(cameras.probabilities(faces), photographs.probabilities(faces))
    assert cameras.spec.adjustment == photographs.spec.posed_adjustment != photographs.spec.adjustment


@pytest.mark.parametrize(
    ("confidences", "turn"),
    [
        ((0.0, 0.995, 0.999, 0.0), 180),
        ((0.94, 0.96, 0.0, 0.0), 270),
        ((0.96, 0.965, 0.0, 0.0), 0),
        ((0.0, 0.94, 0.0, 0.0), None),
        ((0.99, 1.0, 1.0, 1.0), 0),
    ],
)
def test_the_surest_turn_counts(confidences: Sequence[float], turn: int | None) -> None:
    searches = iter([[replace(make_face(), confidence=each)] if each else [] for each in confidences])
    detector = Mock(detect=lambda _: next(searches))
    faces = read_faces(np.zeros((300, 300, 3), np.uint8), detector, FakeClassifier()).faces
    assert [face.face.turn for face in faces] == ([] if turn is None else [turn])


@pytest.mark.parametrize("num_turns", [0, 1, 2, 3])
def test_faces_on_their_side_or_upside_down_are_read_upright(num_turns: int) -> None:
    image = read_image(SAMPLES / OBAMA)
    turned = np.ascontiguousarray(np.rot90(image, -num_turns))
    (expected,) = read_faces(image, *load_networks()).faces
    (face,) = read_faces(turned, *load_networks()).faces
    assert face.face.turn == (360 - 90 * num_turns) % 360
    assert face.probabilities.emotion is expected.probabilities.emotion
    mask = np.zeros(image.shape[:2], np.uint8)
    box = expected.face.box
    mask[box.y : box.bottom, box.x : box.right] = 1
    rows, columns = np.nonzero(np.rot90(mask, -num_turns))
    place = Box(int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    assert face.face.box.overlap(place) > 0.7
