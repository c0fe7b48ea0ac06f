"""A small layer on the features that a network has of a face, stored in a file of the network's model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emomusic.calibration import softmax
from emomusic.faces import model_files
from emomusic.metrics import FloatArray

_CONSTANT = 10.0  # the feature of the constants in `fit`


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

    @classmethod
    def fit(
        cls, features: FloatArray, wanted: FloatArray, *, scale: float, ridge: float, offset: FloatArray | float = 0.0
    ) -> Layer:
        """Logistic regression of few examples with many features, in the directions that the examples have.

        Args:
            features: shape (n, features).
            wanted: shape (n, outputs), 1 for the class of an example and 0 for all others.
            scale: deviation of a feature.
            ridge: the penalty.
            offset: scores of the examples without the layer, shape (n, outputs).
        """
        from scipy.optimize import minimize

        mean = features.mean(axis=0)
        further = np.full((len(features), 1), _CONSTANT)
        u, s, directions = np.linalg.svd(np.hstack([(features - mean) / scale, further]), full_matrices=False)
        examples = u * s

        def loss(flat: FloatArray) -> tuple[float, FloatArray]:
            weights = flat.reshape(len(s), -1)
            answers = softmax(offset + examples @ weights)
            value = ridge * (weights**2).sum() - np.log(answers[wanted > 0].clip(1e-300)).sum()
            return float(value), (examples.T @ (answers - wanted) + 2 * ridge * weights).ravel()

        found = minimize(loss, np.zeros(len(s) * wanted.shape[1]), jac=True, method="L-BFGS-B").x
        weights = directions.T @ found.reshape(len(s), -1)
        slopes = weights[:-1] / scale
        return cls(slopes, _CONSTANT * weights[-1] - mean @ slopes)

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
