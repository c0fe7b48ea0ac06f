"""Fitting of mood models with scikit-learn. `mood.MoodClassifier` runs their export without it."""

from __future__ import annotations

import json
import warnings
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, QuantileTransformer, StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from emomusic.assets import SPEC, write_json
from emomusic.errors import ModelError
from emomusic.songs.mood import MODEL_FILE, MOOD_MODELS, MOODS, PROBE, SEED, MoodClassifier, inputs_of
from emomusic.songs.mood_export import to_onnx

FITTED_FILE = "model.skops"
"""The fitted model of scikit-learn, which only training and tests read."""

MAX_DIFFERENCE = 1e-5
"""Maximum difference of probabilities between an export and scikit-learn."""

# Private types that skops may create too. A file with any other type is refused.
_TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)


def build_mood_model(name: str) -> Pipeline:
    """Unfitted classifier of the columns `inputs_of(name)`."""
    scaler = MinMaxScaler(clip=True)  # clips values outside the training range: no extrapolation
    mlp = MLPClassifier(
        hidden_layer_sizes=(8,),
        activation="relu",
        solver="adam",
        batch_size=64,
        max_iter=300,
        n_iter_no_change=300,  # all 300 epochs, as in the report
        random_state=SEED,
    )
    logistic = [
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=0.05, max_iter=2000),
    ]
    svm = [
        QuantileTransformer(n_quantiles=100, output_distribution="normal"),
        CalibratedClassifierCV(SVC(C=1.0, gamma=0.05), ensemble=False),
    ]
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=60, max_depth=3, min_samples_leaf=10, l2_regularization=1.0, random_state=SEED
    )
    members = [
        ("logistic", make_pipeline(*logistic)),
        ("svm", make_pipeline(*svm)),
        ("gradient_boosting", boosting),
        ("extra_trees", ExtraTreesClassifier(60, min_samples_leaf=2, random_state=SEED)),
    ]
    steps: dict[str, list[Any]] = {
        "mlp": [mlp],
        "logistic": logistic,
        "random_forest": [RandomForestClassifier(100, min_samples_leaf=3, random_state=SEED)],
        "gradient_boosting": [boosting],
        "svm": svm,
        "ensemble": [VotingClassifier(members, voting="soft")],
    }
    if "duration_s" not in inputs_of(name):
        return make_pipeline(scaler, *steps[name])
    # The median replaces an unknown length
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), scaler, *steps[name])


class MoodEstimator:
    """A mood model in scikit-learn."""

    def __init__(self, name: str) -> None:
        """Create the unfitted model `name` of `MOOD_MODELS`."""
        self.name = name
        self._pipeline = build_mood_model(name)

    def fit(self, inputs: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> MoodEstimator:
        """Fit the model to labelled songs, and return it.

        Args:
            inputs: shape (n, 10), as for `MoodClassifier.predict_probabilities`.
            labels: shape (n,), positions in `Mood`; every mood occurs.
        """
        with warnings.catch_warnings():
            # The number of epochs is fixed, so a warning that the loss still decreases is irrelevant
            warnings.simplefilter("ignore", ConvergenceWarning)
            # scikit-learn warns if the table is smaller than a batch
            warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
            with _single_thread():
                self._pipeline.fit(inputs[:, : len(inputs_of(self.name))], labels)
        return self

    def predict_probabilities(self, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Probabilities as of `MoodClassifier`, computed by scikit-learn."""
        with _single_thread():
            probabilities = self._pipeline.predict_proba(inputs[:, : len(inputs_of(self.name))])
        return np.asarray(probabilities, np.float32)

    def save(self, folder: Path, *, data_sha256: str) -> None:
        """Write `model.skops` (no pickle) and `spec.json`, with the checksum of the training table."""
        spec = {
            "name": self.name,
            "description": MOOD_MODELS[self.name],
            "features": list(inputs_of(self.name)),
            "moods": [mood.value for mood in MOODS],
            "sklearn_version": sklearn.__version__,
            "data_sha256": data_sha256,
            "probe": {
                "features": PROBE[0, :-1].tolist(),
                "duration_s": PROBE[0, -1],
                "probabilities": self.predict_probabilities(PROBE)[0].tolist(),
            },
        }
        folder.mkdir(parents=True, exist_ok=True)
        skops.io.dump(self._pipeline, folder / FITTED_FILE, compression=zipfile.ZIP_DEFLATED)
        write_json(folder / SPEC, spec)

    @classmethod
    def load(cls, folder: Path) -> MoodEstimator:
        """Read a saved model.

        Raises:
            OSError: a file is absent.
            skops.io.exceptions.UntrustedTypesFoundException: it has other types than mood models.
        """
        estimator = cls(json.loads((folder / SPEC).read_text(encoding="utf-8"))["name"])
        estimator._pipeline = skops.io.load(folder / FITTED_FILE, trusted=list(_TRUSTED_TYPES))
        return estimator

    def export(self, folder: Path, inputs: npt.NDArray[np.float64]) -> MoodClassifier:
        """Write `model.onnx`, and check its probabilities for some songs.

        Args:
            folder: a folder written by `save`.
            inputs: shape (n, 10), the songs.

        Returns:
            The classifier in the file.

        Raises:
            ModelError: its probabilities differ from those of scikit-learn.
        """
        content = to_onnx(self._pipeline, len(inputs_of(self.name))).SerializeToString()
        (folder / MODEL_FILE).write_bytes(content)
        classifier = MoodClassifier.load(folder)
        differences = classifier.predict_probabilities(inputs) - self.predict_probabilities(inputs)
        if not np.abs(differences).max() <= MAX_DIFFERENCE:
            received = f"a difference of {np.abs(differences).max():.6f}"
            raise ModelError(f"expected an export with the probabilities of {self.name}. Received: {received}")
        return classifier


def _single_thread() -> AbstractContextManager[Any]:
    """Limit the OpenMP loops of scikit-learn to one thread.

    On busy cores, the busy-waiting threads of gradient boosting slow a fit from 0.1 s to over 20 s.
    """
    limited: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="openmp")
    return limited
