"""Conditions of faces on photographs that make reading them harder: pose, size and sharpness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.faces.detection import Face
from emomusic.media.images import RgbImage, crop_face

_SHARPNESS_SIDE = 96  # pixels; sharpness depends on the size of the crop


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one face.

    Attributes:
        turn: distance of the nose from the middle of the eyes, along the line of the eyes, as a share of their
            distance; 0 is a face towards the camera.
        tilt: angle of the line of the eyes in degrees, 0 to 180.
        side: longer side of the box in pixels of the photograph.
        sharpness: variance of the Laplacian (J. Pech-Pacheco et al., ICPR 2000) of the face at 96x96 pixels.
    """

    turn: float
    tilt: float
    side: int
    sharpness: float


def conditions_of(image: RgbImage, face: Face) -> Conditions:
    """The conditions of one detected face."""
    assert face.landmarks is not None
    left, right, nose = (np.array(point) for point in face.landmarks[:3])
    eyes = right - left
    crop = cv2.cvtColor(crop_face(image, face.box), cv2.COLOR_RGB2GRAY)
    crop = cv2.resize(crop, (_SHARPNESS_SIDE, _SHARPNESS_SIDE), interpolation=cv2.INTER_AREA)
    return Conditions(
        turn=float(abs((nose - (left + right) / 2) @ eyes) / max(eyes @ eyes, 1.0)),
        tilt=float(abs(np.degrees(np.arctan2(eyes[1], eyes[0])))),
        side=max(face.box.width, face.box.height),
        sharpness=float(cv2.Laplacian(crop, cv2.CV_64F).var()),
    )


# Names of the bins, from easy to hard; a face is in the first that takes it
_BINS: Mapping[str, Mapping[str, Callable[[Conditions], bool]]] = {
    "pose": {
        "towards the camera": lambda face: face.turn < 0.1 and face.tilt < 8,
        "slightly turned": lambda face: face.turn < 0.2 and face.tilt < 15,
        "turned or tilted": lambda _: True,
    },
    "size": {
        "over 300 pixels": lambda face: face.side >= 300,
        "120 to 300 pixels": lambda face: face.side >= 120,
        "under 120 pixels": lambda _: True,
    },
    "sharpness": {
        "sharp": lambda face: face.sharpness >= 150,
        "slightly blurred": lambda face: face.sharpness >= 50,
        "blurred": lambda _: True,
    },
}


def accuracy_by_condition(
    conditions: Sequence[Conditions | None], is_right: npt.NDArray[np.bool_]
) -> dict[str, list[dict[str, Any]]]:
    """The accuracy in bins of each condition, from easy to hard.

    Args:
        conditions: of each face; None for undetected ones, which are in no bin.
        is_right: shape (n,), whether each prediction is correct.

    Returns:
        For "pose", "size" and "sharpness", the bins as `{"name", "n", "accuracy"}`. Empty bins are left out.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    known = [(face, right) for face, right in zip(conditions, is_right.tolist(), strict=True) if face is not None]
    for group, bins in _BINS.items():
        answers: dict[str, list[bool]] = {name: [] for name in bins}
        for face, right in known:
            answers[next(name for name, takes in bins.items() if takes(face))].append(right)
        found[group] = [
            {"name": name, "n": len(each), "accuracy": sum(each) / len(each)} for name, each in answers.items() if each
        ]
    return found
