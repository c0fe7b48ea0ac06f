"""From the audio features of a song to the probabilities of the four moods.

scikit-learn and skops load with the first model: together they take longer than drawing a page.
"""

from __future__ import annotations

import json
import logging
import warnings
import zipfile
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import Mood
from emomusic.assets import SPEC, write_json
from emomusic.compat import HookError, leave_warning_filters_alone
from emomusic.errors import ModelError
from emomusic.music.features import FEATURE_NAMES, FEATURES
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL, MOOD_MODELS, SEED

logger = logging.getLogger(__name__)

MOODS: tuple[Mood, ...] = tuple(Mood)

MODEL_FILE = "model.skops"

# What skops must be allowed to build beyond what it knows to be harmless. Anything else in a file is refused.
_TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)

# A song in the middle of every feature's range. Its probabilities are kept beside the model: a loaded model that says
# otherwise was damaged, or means something else under this scikit-learn.
_PROBE = np.array([[(feature.low + feature.high) / 2 for feature in FEATURES.values()]])
_PROBE_DURATION_S = np.array([240.0])
_PROBE_TOLERANCE = 1e-3


class MoodClassifier:
    """Gives songs the probabilities of the four moods. Safe under threads once fitted."""

    def __init__(self, name: str = DEFAULT_MOOD_MODEL, *, seed: int = SEED) -> None:
        """Prepare an unfitted model of the kind `name`, one of `MOOD_MODELS`."""
        if name not in MOOD_MODELS:
            raise ValueError(f"name must be one of {', '.join(MOOD_MODELS)}. Received: {name!r}")
        self.name = name
        self._estimator: Any = MOOD_MODELS[name].build(seed)
        self._fitted = False

    def fit(
        self,
        features: npt.NDArray[np.float64],
        labels: npt.NDArray[np.int64],
        *,
        duration_s: npt.NDArray[np.float64] | None = None,
    ) -> MoodClassifier:
        """Learn from labelled songs.

        Args:
            features: shape (n, 9), in the order of `features.FEATURES`.
            labels: shape (n,), positions in `Mood`.
            duration_s: shape (n,), lengths in seconds, NaN where unknown; None where all are.

        Returns:
            Itself.

        Raises:
            ValueError: a mood is absent from the labels, or shapes do not fit.
        """
        from sklearn.exceptions import ConvergenceWarning

        inputs = self._inputs(features, duration_s)
        if not np.array_equal(np.unique(labels), np.arange(len(MOODS))):
            raise ValueError(f"labels must hold every position 0 to {len(MOODS) - 1}. Received: {np.unique(labels)}")
        with warnings.catch_warnings():
            # scikit-learn warns when it stops because the epochs are used up and not because the loss stands still.
            # Here a fixed number of epochs is the recipe, so that is no news.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # A table of fewer songs than a batch is one batch; scikit-learn does so, and says so each time.
            warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
            with _single_thread():
                self._estimator.fit(inputs, labels)
        self._fitted = True
        return self

    def predict_probabilities(
        self, features: npt.NDArray[np.float64], *, duration_s: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Say how probable each mood is.

        Args:
            features: shape (n, 9), in the order of `features.FEATURES`.
            duration_s: shape (n,), lengths in seconds, NaN where unknown; None where all are. An unknown length
                counts as the median of the songs learnt from.

        Returns:
            Shape (n, 4), float32, in the order of `Mood`; rows sum to 1.
        """
        inputs = self._inputs(features, duration_s)
        if not self._fitted:
            raise ValueError("the classifier must be fitted or loaded before it predicts. Received: an unfitted one")
        if len(features) == 0:
            return np.zeros((0, len(MOODS)), np.float32)
        _leave_warnings_alone()
        with _single_thread():
            probabilities: npt.NDArray[np.float32] = self._estimator.predict_proba(inputs).astype(np.float32)
        return probabilities

    def save(self, folder: Path, *, data_sha256: str) -> None:
        """Write `model.skops` (no pickle) and `spec.json` into a folder.

        Args:
            folder: made where it is absent.
            data_sha256: of the table it was fitted on.
        """
        import sklearn
        import skops.io

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
        skops.io.dump(self._estimator, folder / MODEL_FILE, compression=zipfile.ZIP_DEFLATED)
        write_json(folder / SPEC, spec)

    @classmethod
    def load(cls, folder: Path) -> MoodClassifier:
        """Read a saved classifier.

        Raises:
            ModelError: it is absent or damaged, holds types that are not trusted, has other features or moods, or
                does not give the probabilities it gave when it was saved.
        """
        import sklearn
        import skops.io
        from sklearn.exceptions import InconsistentVersionWarning

        retrain = "Train it again with `python -m emomusic train music --data data_moods.csv`."
        try:
            spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
            expected = (spec["name"], spec["features"], spec["moods"])
            probe, version = np.array(spec["probe"]["probabilities"], np.float32), spec["sklearn_version"]
            # Answered below by what it computes, which says more than a version number. Filters belong to the whole
            # process: setting this one for a while is not safe with threads.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            estimator = skops.io.load(folder / MODEL_FILE, trusted=list(_TRUSTED_TYPES))
        except OSError as error:
            raise ModelError(f"expected a mood model. Received: {folder} ({error.strerror}). {retrain}") from error
        except Exception as error:  # a damaged file can fail anywhere inside skops, with errors of many kinds
            raise ModelError(f"expected a whole mood model. Received: {folder} ({error}). {retrain}") from error

        known = MOOD_MODELS.get(expected[0])
        if known is None or expected[1:] != (list(known.inputs), [mood.value for mood in MOODS]):
            raise ModelError(
                f"{folder}: expected a known kind, today's features and moods. Received: {expected}. {retrain}"
            )
        if version != sklearn.__version__:
            logger.info("%s was saved by scikit-learn %s and runs under %s", folder, version, sklearn.__version__)
        classifier = cls(expected[0])
        classifier._estimator = estimator
        classifier._fitted = True
        found = classifier._probe()
        if probe.shape != found.shape or not np.allclose(probe, found, atol=_PROBE_TOLERANCE):
            raise ModelError(
                f"{folder}: expected the probabilities {probe} it gave under scikit-learn {version}. "
                f"Received: {found} under {sklearn.__version__}. {retrain}"
            )
        return classifier

    def _probe(self) -> npt.NDArray[np.float32]:
        probabilities: npt.NDArray[np.float32] = self.predict_probabilities(_PROBE, duration_s=_PROBE_DURATION_S)[0]
        return probabilities

    def _inputs(
        self, features: npt.NDArray[np.float64], duration_s: npt.NDArray[np.float64] | None
    ) -> npt.NDArray[np.float64]:
        """The columns this model takes, checked; a length that is not known is NaN."""
        _require_features(features)
        if duration_s is None:
            duration_s = np.full(len(features), np.nan)
        if duration_s.shape != (len(features),):
            raise ValueError(f"duration_s must have shape ({len(features)},). Received: {duration_s.shape}")
        return np.column_stack([features, duration_s]) if MOOD_MODELS[self.name].uses_duration else features


def _single_thread() -> AbstractContextManager[Any]:
    """Keep scikit-learn's OpenMP loops to this thread.

    Boosting's threads wait for each other by spinning: where the cores are busy (a face network beside it), a fit of
    0.1 s took over 20 s. Tables of songs are too small to gain from more threads.
    """
    limited: AbstractContextManager[Any] = _openmp().limit(limits=1)
    return limited


@cache
def _leave_warnings_alone() -> None:
    """Set the hook once, and say so where it cannot be."""
    try:
        leave_warning_filters_alone()
    except HookError:
        logger.warning("predicting moods on several threads may change Python's warning filters", exc_info=True)


@cache
def _openmp() -> Any:
    """The OpenMP libraries of this process; finding them takes milliseconds."""
    import sklearn.ensemble  # noqa: F401  # loads OpenMP, which is not found otherwise
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # scikit-learn requires it

    return ThreadpoolController().select(user_api="openmp")


def _require_features(features: npt.NDArray[np.float64]) -> None:
    if features.ndim != 2 or features.shape[1] != len(FEATURE_NAMES):
        raise ValueError(f"features must have shape (n, {len(FEATURE_NAMES)}). Received: {features.shape}")
