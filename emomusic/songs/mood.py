"""Mood classifier: audio features of a song to probabilities of the four moods, and their explanation.

scikit-learn and skops are imported on first use because they take longer to load than a page.
"""

from __future__ import annotations

import json
import logging
import warnings
import zipfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import Mood
from emomusic.assets import SPEC, write_json
from emomusic.compat import import_skops, leave_warning_filters_alone
from emomusic.errors import ModelError
from emomusic.songs.features import FEATURES
from emomusic.songs.mood_models import DEFAULT_MOOD_MODEL, MOOD_MODELS, build_mood_model

logger = logging.getLogger(__name__)

MOODS: tuple[Mood, ...] = tuple(Mood)

MODEL_FILE = "model.skops"

# Types that skops may create. A file with any other type is refused.
_TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.ensemble._voting.VotingClassifier",
    "sklearn.impute._base.SimpleImputer",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.MinMaxScaler",
    "sklearn.preprocessing._data.QuantileTransformer",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.preprocessing._polynomial.PolynomialFeatures",
    "sklearn.svm._classes.SVC",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.ExtraTreeClassifier",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)

# A song with the middle of each range. Its saved probabilities reveal a damaged model or an incompatible scikit-learn.
_PROBE = np.array([[(feature.low + feature.high) / 2 for feature in FEATURES.values()]])
_PROBE_DURATION_S = np.array([240.0])
_PROBE_TOLERANCE = 1e-3


class MoodClassifier:
    """Classifier of songs into four moods, thread-safe after fitting."""

    def __init__(self, name: str = DEFAULT_MOOD_MODEL) -> None:
        """Create the unfitted model `name` of `MOOD_MODELS`."""
        self.name = name
        self._estimator: Any = build_mood_model(name)

    def fit(
        self,
        features: npt.NDArray[np.float64],
        labels: npt.NDArray[np.int64],
        *,
        duration_s: npt.NDArray[np.float64] | None = None,
    ) -> MoodClassifier:
        """Fit the model to labelled songs, and return it.

        Args:
            features: shape (n, 9), in the order of `features.FEATURES`.
            labels: shape (n,), positions in `Mood`; every mood occurs.
            duration_s: shape (n,), lengths in seconds, NaN if unknown; None if all are unknown.
        """
        from sklearn.exceptions import ConvergenceWarning

        inputs = self._inputs(features, duration_s)
        with warnings.catch_warnings():
            # The number of epochs is fixed, so a warning that the loss still decreases is irrelevant
            warnings.simplefilter("ignore", ConvergenceWarning)
            # scikit-learn warns if the table is smaller than a batch
            warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
            with _single_thread():
                self._estimator.fit(inputs, labels)
        return self

    def predict_probabilities(
        self, features: npt.NDArray[np.float64], *, duration_s: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Probabilities of the moods, from the inputs of `fit`.

        The median of the training songs replaces an unknown length.

        Returns:
            Shape (n, 4), float32, in the order of `Mood`; rows sum to 1.
        """
        inputs = self._inputs(features, duration_s)
        if len(features) == 0:
            return np.zeros((0, len(MOODS)), np.float32)
        leave_warning_filters_alone()
        with _single_thread():
            probabilities: npt.NDArray[np.float32] = self._estimator.predict_proba(inputs).astype(np.float32)
        return probabilities

    def save(self, folder: Path, *, data_sha256: str) -> None:
        """Write `model.skops` (no pickle) and `spec.json`, with the checksum of the training table."""
        import sklearn

        spec = {
            "name": self.name,
            "description": MOOD_MODELS[self.name].description,
            "features": list(MOOD_MODELS[self.name].inputs),
            "moods": [mood.value for mood in MOODS],
            "sklearn_version": sklearn.__version__,
            "data_sha256": data_sha256,
            "probe": {
                "features": _PROBE[0].tolist(),
                "duration_s": _PROBE_DURATION_S[0],
                "probabilities": self._probe().tolist(),
            },
        }
        folder.mkdir(parents=True, exist_ok=True)
        import_skops().dump(self._estimator, folder / MODEL_FILE, compression=zipfile.ZIP_DEFLATED)
        write_json(folder / SPEC, spec)

    @classmethod
    def load(cls, folder: Path) -> MoodClassifier:
        """Read a saved classifier.

        Raises:
            ModelError: the model is absent or damaged, contains untrusted types, has other features or moods, or
                predicts other probabilities than when it was saved.
        """
        import sklearn
        from sklearn.exceptions import InconsistentVersionWarning

        retrain = "Train it again with `python -m emomusic train music --data data_moods.csv`."
        try:
            spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
            expected = (spec["name"], spec["features"], spec["moods"])
            probe, version = np.array(spec["probe"]["probabilities"], np.float32), spec["sklearn_version"]
            # The probe below checks compatibility. A temporary filter would not be thread-safe
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            estimator = import_skops().load(folder / MODEL_FILE, trusted=list(_TRUSTED_TYPES))
        except OSError as error:
            raise ModelError(f"expected a mood model. Received: {folder} ({error.strerror}). {retrain}") from error
        except Exception as error:  # skops raises many types for a damaged file
            raise ModelError(f"expected an undamaged mood model. Received: {folder} ({error}). {retrain}") from error

        known = MOOD_MODELS.get(expected[0])
        if known is None or expected[1:] != (list(known.inputs), [mood.value for mood in MOODS]):
            raise ModelError(f"{folder}: expected a known model, features and moods. Received: {expected}. {retrain}")
        if version != sklearn.__version__:
            logger.info("%s was saved by scikit-learn %s. Installed: %s", folder, version, sklearn.__version__)
        classifier = cls(expected[0])
        classifier._estimator = estimator
        found = classifier._probe()
        if probe.shape != found.shape or not np.allclose(probe, found, atol=_PROBE_TOLERANCE):
            raise ModelError(
                f"{folder}: expected the probabilities {probe} of scikit-learn {version}. "
                f"Received: {found} of scikit-learn {sklearn.__version__}. {retrain}"
            )
        return classifier

    def _probe(self) -> npt.NDArray[np.float32]:
        probabilities: npt.NDArray[np.float32] = self.predict_probabilities(_PROBE, duration_s=_PROBE_DURATION_S)[0]
        return probabilities

    def _inputs(
        self, features: npt.NDArray[np.float64], duration_s: npt.NDArray[np.float64] | None
    ) -> npt.NDArray[np.float64]:
        """Input columns of this model, with NaN for unknown lengths."""
        if duration_s is None:
            duration_s = np.full(len(features), np.nan)
        return np.column_stack([features, duration_s]) if MOOD_MODELS[self.name].uses_duration else features


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class MoodExplanation:
    """Prediction for a song and the influence of each feature.

    Attributes:
        probabilities: shape (4,), in the order of `Mood`.
        start: shape (4,): probabilities of the unchanged song.
        mood: most probable mood.
        influences: shape (9,), percentage points: decrease of the probability of `mood` if one feature is set to its
            reference.
    """

    probabilities: npt.NDArray[np.float32]
    start: npt.NDArray[np.float32]
    mood: Mood
    influences: npt.NDArray[np.float64]


def explain_mood(
    classifier: MoodClassifier,
    features: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    reference: npt.NDArray[np.float64],
    *,
    duration_s: float | None = None,
) -> MoodExplanation:
    """Predict the mood of a song, and the effect of replacing each feature by its reference.

    Args:
        classifier: the model.
        features: shape (9,), in the order of `features.FEATURES`, like `start` (of the unchanged song) and `reference`.
        start: shape (9,).
        reference: shape (9,).
        duration_s: length of the song in seconds, None if unknown.
    """
    replaced = np.tile(features, (len(features), 1))
    np.fill_diagonal(replaced, reference)
    songs = np.vstack([features, start, replaced])
    durations_s = np.full(len(songs), np.nan if duration_s is None else duration_s)
    probabilities = classifier.predict_probabilities(songs, duration_s=durations_s)
    top = int(probabilities[0].argmax())
    influences = 100.0 * (probabilities[0, top] - probabilities[2:, top]).astype(np.float64)
    return MoodExplanation(probabilities[0], probabilities[1], MOODS[top], influences)


def nearest_rows(
    table: npt.NDArray[np.float64], features: npt.NDArray[np.float64], num_songs: int
) -> npt.NDArray[np.int64]:
    """The `num_songs` most similar rows of a table of shape (n, 9), closest first."""
    spread = table.std(axis=0)
    differs = (np.ptp(table, axis=0) > 0) & (spread > 0)  # a constant column of 0.1 has a standard deviation of 1e-17
    # In standard deviations, because 10 BPM and 10 dB are not equal differences
    distances = np.linalg.norm((table - features) / np.where(differs, spread, 1.0), axis=1)
    return np.argsort(distances, kind="stable")[:num_songs]


def _single_thread() -> AbstractContextManager[Any]:
    """Limit the OpenMP loops of scikit-learn to one thread.

    On busy cores, the busy-waiting threads of gradient boosting slow a fit from 0.1 s to over 20 s.
    """
    limited: AbstractContextManager[Any] = _openmp().limit(limits=1)
    return limited


@cache
def _openmp() -> Any:
    """OpenMP libraries of this process, cached because the search takes milliseconds."""
    import sklearn.ensemble  # noqa: F401  # loads OpenMP
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # scikit-learn requires it

    return ThreadpoolController().select(user_api="openmp")
