"""From the audio features of a song to the probabilities of the four moods.

scikit-learn and skops load with the first model: together they take longer than drawing a page.
"""

from __future__ import annotations

import json
import logging
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import Mood
from emomusic.errors import ModelError
from emomusic.music.features import FEATURE_NAMES, FEATURES

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

logger = logging.getLogger(__name__)

MOODS: tuple[Mood, ...] = tuple(Mood)

SEED = 20_231_114
"""Of the initial weights, the order of the songs and the folds; any number would do, one is kept."""

MODEL_FILE = "model.skops"
SPEC_FILE = "spec.json"

# What skops must be allowed to build beyond what it knows to be harmless. Anything else in a file is refused.
_TRUSTED_TYPES = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer",)


@dataclass(frozen=True, slots=True)
class MoodModelSpec:
    """A kind of mood model.

    Attributes:
        description: what it is, in one line.
        build: seed -> an unfitted scikit-learn classifier over the nine features.
    """

    description: str
    build: Callable[[int], Pipeline]


def _build_mlp(seed: int) -> Pipeline:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(
        # A song louder or wordier than any song learnt from counts as the most extreme one: no extrapolation.
        MinMaxScaler(clip=True),
        MLPClassifier(
            hidden_layer_sizes=(8,),
            activation="relu",
            solver="adam",
            batch_size=64,
            max_iter=300,
            n_iter_no_change=300,  # all 300 epochs, as in the report: scikit-learn would stop at the first plateau
            random_state=seed,
        ),
    )


MOOD_MODELS: Mapping[str, MoodModelSpec] = MappingProxyType(
    {
        "mlp": MoodModelSpec(
            "The report's network: nine features scaled to 0..1, eight ReLU nodes, softmax; "
            "Adam, batches of 64, 300 epochs",
            _build_mlp,
        ),
    }
)

# A song in the middle of every feature's range. Its probabilities are kept beside the model: a loaded model that says
# otherwise was damaged, or means something else under this scikit-learn.
_PROBE = np.array([[(feature.low + feature.high) / 2 for feature in FEATURES.values()]])
_PROBE_TOLERANCE = 1e-3


class MoodClassifier:
    """Gives songs the probabilities of the four moods. Safe under threads once fitted."""

    def __init__(self, name: str = "mlp", *, seed: int = SEED) -> None:
        """Prepare an unfitted model of the kind `name`, one of `MOOD_MODELS`."""
        if name not in MOOD_MODELS:
            raise ValueError(f"name must be one of {', '.join(MOOD_MODELS)}. Received: {name!r}")
        self.name = name
        self._estimator: Any = MOOD_MODELS[name].build(seed)
        self._fitted = False

    def fit(self, features: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> MoodClassifier:
        """Learn from labelled songs.

        Args:
            features: shape (n, 9), in the order of `features.FEATURES`.
            labels: shape (n,), positions in `Mood`; each mood at least once.

        Returns:
            Itself.
        """
        from sklearn.exceptions import ConvergenceWarning

        _require_features(features)
        if not np.array_equal(np.unique(labels), np.arange(len(MOODS))):
            raise ValueError(f"labels must hold every position 0 to {len(MOODS) - 1}. Received: {np.unique(labels)}")
        with warnings.catch_warnings():
            # scikit-learn warns when it stops because the epochs are used up and not because the loss stands still.
            # Here a fixed number of epochs is the recipe, so that is no news.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # A table of fewer songs than a batch is one batch; scikit-learn does so, and says so each time.
            warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
            self._estimator.fit(features, labels)
        self._fitted = True
        return self

    def predict_probabilities(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Say how probable each mood is.

        Args:
            features: shape (n, 9), in the order of `features.FEATURES`.

        Returns:
            Shape (n, 4), float32, in the order of `Mood`; rows sum to 1.
        """
        _require_features(features)
        if not self._fitted:
            raise ValueError("the classifier must be fitted or loaded before it predicts. Received: an unfitted one")
        if len(features) == 0:
            return np.zeros((0, len(MOODS)), np.float32)
        probabilities: npt.NDArray[np.float32] = self._estimator.predict_proba(features).astype(np.float32)
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
            "features": list(FEATURE_NAMES),
            "moods": [mood.value for mood in MOODS],
            "sklearn_version": sklearn.__version__,
            "data_sha256": data_sha256,
            "probe": {"features": _PROBE[0].tolist(), "probabilities": self._probe().tolist()},
        }
        folder.mkdir(parents=True, exist_ok=True)
        skops.io.dump(self._estimator, folder / MODEL_FILE, compression=zipfile.ZIP_DEFLATED)
        (folder / SPEC_FILE).write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")

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
            spec = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))
            expected = (spec["name"], spec["features"], spec["moods"])
            probe, version = np.array(spec["probe"]["probabilities"], np.float32), spec["sklearn_version"]
            with warnings.catch_warnings():
                # Answered below by what it computes, which says more than a version number.
                warnings.simplefilter("ignore", InconsistentVersionWarning)
                estimator = skops.io.load(folder / MODEL_FILE, trusted=list(_TRUSTED_TYPES))
        except OSError as error:
            raise ModelError(f"expected a mood model. Received: {folder} ({error.strerror}). {retrain}") from error
        except Exception as error:  # a damaged file can fail anywhere inside skops, with errors of many kinds
            raise ModelError(f"expected a whole mood model. Received: {folder} ({error}). {retrain}") from error

        if expected[0] not in MOOD_MODELS or expected[1:] != (list(FEATURE_NAMES), [mood.value for mood in MOODS]):
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
        probabilities: npt.NDArray[np.float32] = self.predict_probabilities(_PROBE)[0]
        return probabilities


def _require_features(features: npt.NDArray[np.float64]) -> None:
    if features.ndim != 2 or features.shape[1] != len(FEATURE_NAMES):
        raise ValueError(f"features must have shape (n, {len(FEATURE_NAMES)}). Received: {features.shape}")
