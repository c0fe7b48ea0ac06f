"""A small layer on the features that a network has of a face, stored in a file of the network's model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emomusic.faces import model_files
from emomusic.metrics import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A linear layer.

    Attributes:
        weights: shape (features, outputs).
        constants: shape (outputs,).
    """

    weights: FloatArray
    constants: FloatArray

    @classmethod
    def load(cls, path: Path, outputs: int) -> Layer | None:
        """The layer in a file, which must have this number of outputs; None if there is no file.

        Raises:
            ModelError: the file is damaged.
        """
        if not path.is_file():
            return None
        with model_files.readable("a layer of a model", path):
            with np.load(path, allow_pickle=False) as arrays:
                layer = cls(arrays["weights"], arrays["constants"])
            if layer.weights.ndim != 2 or not layer.weights.shape[1:] == layer.constants.shape == (outputs,):
                raise ValueError(f"weights of shape {layer.weights.shape}")
        return layer

    def save(self, path: Path) -> None:
        """Write the layer."""
        np.savez_compressed(
            path,
            allow_pickle=False,
            weights=self.weights.astype(np.float32),
            constants=self.constants.astype(np.float32),
        )

    def scores(self, features: FloatArray) -> FloatArray:
        """Logits, shape (n, outputs); `features` has shape (n, features)."""
        return np.asarray(features @ self.weights + self.constants)
