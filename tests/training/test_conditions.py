import cv2
import numpy as np
import pytest

from emomusic.faces.detection import Face, Landmarks
from emomusic.media.images import Box, RgbImage
from emomusic.training.evaluate import Conditions, accuracy_by_condition, conditions_of

EASY = Conditions(turn=0.0, tilt=0.0, side=400, sharpness=900.0)


def face_with(left: tuple[float, float], right: tuple[float, float], nose: tuple[float, float]) -> Face:
    return Face(Box(20, 20, 60, 80), 1.0, Landmarks(left, right, nose, (40.0, 80.0), (60.0, 80.0)))


@pytest.fixture
def image() -> RgbImage:
    return np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)


def test_pose_comes_from_the_landmarks(image: RgbImage) -> None:
    ahead = conditions_of(image, face_with((40, 40), (60, 40), (50, 55)))
    assert (ahead.turn, ahead.tilt, ahead.side) == (0, 0, 80)
    turned = conditions_of(image, face_with((40, 40), (60, 40), (56, 55)))
    assert turned.turn == pytest.approx(0.3)
    # A tilted head is not a turned one
    tilted = conditions_of(image, face_with((40, 40), (60, 60), (40, 60)))
    assert (tilted.turn, tilted.tilt) == (pytest.approx(0), pytest.approx(45))


def test_blur_lowers_the_sharpness_at_any_size(image: RgbImage) -> None:
    face = face_with((40, 40), (60, 40), (50, 55))
    blurred = cv2.GaussianBlur(image, (0, 0), 3)
    assert conditions_of(blurred, face).sharpness < conditions_of(image, face).sharpness / 10


@pytest.mark.parametrize(
    ("group", "hard"),
    [
        ("pose", Conditions(turn=0.5, tilt=0.0, side=400, sharpness=900.0)),
        ("pose", Conditions(turn=0.0, tilt=40.0, side=400, sharpness=900.0)),
        ("size", Conditions(turn=0.0, tilt=0.0, side=30, sharpness=900.0)),
        ("sharpness", Conditions(turn=0.0, tilt=0.0, side=400, sharpness=1.0)),
    ],
    ids=["turned", "tilted", "small", "blurred"],
)
def test_accuracy_is_told_from_easy_to_hard_without_missed_faces(group: str, hard: Conditions) -> None:
    found = accuracy_by_condition([EASY, hard, EASY, None], np.array([True, False, False, False]))
    easy, last = found[group]
    assert (easy["n"], easy["accuracy"], last["n"], last["accuracy"]) == (2, 0.5, 1, 0.0)
    assert [len(bins) for name, bins in found.items() if name != group] == [1, 1]
