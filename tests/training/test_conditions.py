import cv2
import numpy as np
import pytest

from emomusic.faces.detection import Face, Landmarks
from emomusic.media.images import Box
from emomusic.training.evaluate import accuracy_by_condition, conditions_of

EASY = {"pose": "towards the camera", "size": "over 300 pixels", "sharpness": "sharp"}


def face_with(left: tuple[float, float], right: tuple[float, float], nose: tuple[float, float]) -> Face:
    return Face(Box(20, 20, 60, 80), 1.0, Landmarks(left, right, nose, (40.0, 80.0), (60.0, 80.0)))


@pytest.mark.parametrize(
    ("right", "nose", "pose"),
    [
        ((60, 40), (50, 55), "towards the camera"),
        ((60, 40), (53, 55), "slightly turned"),
        ((60, 40), (56, 55), "turned or tilted"),
        ((60, 60), (40, 60), "turned or tilted"),
    ],
    ids=["ahead", "slightly", "turned", "tilted"],
)
def test_pose_comes_from_the_landmarks_and_sharpness_from_the_pixels(
    right: tuple[float, float], nose: tuple[float, float], pose: str
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)
    face, expected = face_with((40, 40), right, nose), EASY | {"pose": pose, "size": "under 120 pixels"}
    assert conditions_of(image, face) == expected
    assert conditions_of(cv2.GaussianBlur(image, (0, 0), 3), face) == expected | {"sharpness": "blurred"}


def test_accuracy_is_told_from_easy_to_hard_without_missed_faces() -> None:
    hard = {"pose": "turned or tilted", "size": "under 120 pixels", "sharpness": "blurred"}
    for group, name in hard.items():
        found = accuracy_by_condition([EASY | {group: name}, EASY, EASY, None], np.array([False, True, False, False]))
        easy, last = found[group]
        assert (easy["n"], easy["accuracy"], last["n"], last["accuracy"]) == (2, 0.5, 1, 0.0)
        assert [len(bins) for other, bins in found.items() if other != group] == [1, 1]
