"""Conditions of faces on photographs that make reading them harder: pose, size and sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.faces.detection import Face
from emomusic.media.images import RgbImage, crop_face

_SHARPNESS_SIDE = 96  # pixels; sharpness depends on the size of the crop

# Upper limits of the bins, from easy to hard, with their names
_TURNS = ((0.1, 8.0, "towards the camera"), (0.2, 15.0, "slightly turned"), (np.inf, np.inf, "turned or tilted"))
_SIDES = ((300, "over 300 pixels"), (120, "120 to 300 pixels"), (0, "under 120 pixels"))
_SHARPNESSES = ((150.0, "sharp"), (50.0, "slightly blurred"), (0.0, "blurred"))


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
    left, right, nose = (np.array(point) for point in face.landmarks.points[:3])
    eyes = right - left
    crop = cv2.cvtColor(crop_face(image, face.box), cv2.COLOR_RGB2GRAY)
    crop = cv2.resize(crop, (_SHARPNESS_SIDE, _SHARPNESS_SIDE), interpolation=cv2.INTER_AREA)
    return Conditions(
        turn=float(abs((nose - (left + right) / 2) @ eyes) / max(eyes @ eyes, 1.0)),
        tilt=float(abs(np.degrees(np.arctan2(eyes[1], eyes[0])))),
        side=max(face.box.width, face.box.height),
        sharpness=float(cv2.Laplacian(crop, cv2.CV_64F).var()),
    )


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
    groups: dict[str, dict[str, list[bool]]] = {
        "pose": {name: [] for *_, name in _TURNS},
        "size": {name: [] for _, name in _SIDES},
        "sharpness": {name: [] for _, name in _SHARPNESSES},
    }
    for one, right in zip(conditions, is_right.tolist(), strict=True):
        if one is None:
            continue
        pose = next(name for turn, tilt, name in _TURNS if one.turn < turn and one.tilt < tilt)
        groups["pose"][pose].append(right)
        groups["size"][next(name for side, name in _SIDES if one.side >= side)].append(right)
        groups["sharpness"][next(name for least, name in _SHARPNESSES if one.sharpness >= least)].append(right)
    return {
        group: [
            {"name": name, "n": len(answers), "accuracy": sum(answers) / len(answers)}
            for name, answers in bins.items()
            if answers
        ]
        for group, bins in groups.items()
    }
