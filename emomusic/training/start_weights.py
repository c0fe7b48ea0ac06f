"""Initial weights for training: a face recognition network, or one of our trained models.

Layers with the same name take the weights; other layers keep their random initialisation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emomusic.assets import DAMAGED_ARRAYS, models_dir
from emomusic.errors import ModelError
from emomusic.faces.model_files import FACERES, FACERES_PATH, WEIGHTS, model_folder

if TYPE_CHECKING:
    import keras


def apply_start_weights(model: keras.Model, name: str) -> int:
    """Copy weights of `FACERES`, or of a trained model, into the layers of the same names. Return their number.

    Raises:
        ModelError: the file is absent, damaged, or does not fit the network; or the name is unknown.
    """
    path = models_dir() / FACERES_PATH if name == FACERES else model_folder(name) / WEIGHTS
    count = 0
    try:
        known = _shipped(path) if name == FACERES else _trained(path)
        for layer in model.layers:
            if layer.name in known:
                layer.set_weights(known[layer.name])
                count += 1
    except DAMAGED_ARRAYS as error:
        raise ModelError(f"expected start weights for {model.name} in {path}. Received: {error}") from error
    if not count:
        raise ModelError(f"expected layer names of {model.name} in {path}. Received: none")
    return count


def copy_layers(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of the layers that both networks have, in any precision."""
    known = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if layer.name in known:
            layer.set_weights(known[layer.name].get_weights())


_Weights = dict[str, list[npt.NDArray[np.float32]]]


def _shipped(path: Path) -> _Weights:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        layers = {name.split("/")[0] for name in arrays}
        return {
            layer: [arrays[f"{layer}/{part}"].astype(np.float32) for part in ("kernel", "bias")] for layer in layers
        }


def _trained(path: Path) -> _Weights:
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return {layer.name: weights for layer in model.layers if (weights := layer.get_weights())}
