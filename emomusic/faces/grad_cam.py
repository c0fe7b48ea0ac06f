"""Grad-CAM: maps of the parts of a face that raise the winning class.

`training.grad_cam` exports the graph and names the method.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.inspection import FloatMap
from emomusic.runtime import Network


def grad_cam(spec: model_files.ModelSpec, face: npt.NDArray[np.uint8], winner: int) -> FloatMap:
    """The Grad-CAM map of one face, in about a tenth of a second.

    Args:
        spec: of a trained model.
        face: shape (side, side), grey, as the input of the network.
        winner: index of the class.

    Returns:
        The same shape, 0 to 1; all 0 if no part raises the class.

    Raises:
        ModelError: the model has no graph for these maps, or a damaged one.
    """
    path = model_files.model_folder(spec.name) / model_files.GRAD_CAM
    if not path.exists():
        advice = f"Choose {model_files.DEFAULT_MODEL}"
        raise ModelError(f"expected a model with {path.name}. Received: {spec.name}. {advice}")
    images = np.stack([face, face[:, ::-1]] if spec.mirrored else [face]).astype(np.float32)[..., None]
    is_winner = np.zeros((1, len(spec.classes)), np.float32)
    is_winner[0, winner] = 1
    (maps,) = Network(path)(images, is_winner)
    large = [cv2.resize(heat, face.shape[::-1], interpolation=cv2.INTER_LINEAR) for heat in maps]
    if len(large) == 2:
        large[1] = large[1][:, ::-1]
    mean: FloatMap = np.mean(large, axis=0, dtype=np.float32)
    return mean / max(float(mean.max()), 1e-12)
