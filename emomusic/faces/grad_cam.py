"""Grad-CAM: maps of the parts of a face that raise the winning class.

Grad-CAM [1] weighs feature maps by the gradient of a class's logit, here at each position, as HiResCAM [2] does. The
exported network takes a factor for each position of the maps, so the gradient is the rise of the logit with the factor.

[1] R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization", ICCV
2017.
[2] R. L. Draelos & L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891, 2020.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.inspection import FloatMap
from emomusic.runtime import Network, map_threads

_RISE = np.float32(1e-3)  # of a factor: a larger one leaves the linear part of the network, a smaller one is noise


def grad_cam(spec: model_files.ModelSpec, face: npt.NDArray[np.uint8], winner: int) -> FloatMap:
    """The Grad-CAM map of one face, in about a second.

    Args:
        spec: of a trained model.
        face: shape (side, side), grey, as the input of the network.
        winner: index of the class.

    Returns:
        The same shape, 0 to 1; all 0 if no part raises the class.

    Raises:
        ModelError: the model has no network for these maps, or a damaged one.
    """
    path = model_files.model_folder(spec.name) / model_files.GRAD_CAM
    if not path.exists():
        advice = f"Choose {model_files.DEFAULT_MODEL}"
        raise ModelError(f"expected a model with {path.name}. Received: {spec.name}. {advice}")
    network = Network(path)
    images = [face, face[:, ::-1]] if spec.mirrored else [face]
    large = [
        cv2.resize(heat, face.shape[::-1], interpolation=cv2.INTER_LINEAR)
        for heat in map_threads(lambda image: position_maps(network, image, winner), images)
    ]
    if len(large) == 2:
        large[1] = large[1][:, ::-1]
    mean: FloatMap = np.mean(large, axis=0, dtype=np.float32)
    return mean / max(float(mean.max()), 1e-12)


def position_maps(network: Network, face: npt.NDArray[np.uint8], winner: int) -> FloatMap:
    """How much each position of the feature maps raises the logit of a class, not negative."""
    _, _, rows, columns = network.input_shapes[1]
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    size = rows * columns
    gains = 1 + _RISE * np.eye(size + 1, size, dtype=np.float32)  # the last row raises nothing
    pixels = face.astype(np.float32)[None, ..., None]
    (logits,) = network(pixels, gains.reshape(-1, 1, rows, columns))
    rises = (logits[:-1, winner] - logits[-1, winner]) / _RISE
    return np.asarray(np.maximum(rises, 0).reshape(rows, columns))
