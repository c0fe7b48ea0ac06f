"""Mood classifier: audio features of a song to probabilities of the four moods, and their explanation.

scikit-learn and skops are imported on first use because they take longer to load than a page.
"""

from __future__ import annotations

import json
import logging
import warnings
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import Mood
from emomusic.assets import SPEC, write_json
from emomusic.compat import import_skops, leave_warning_filters_alone
from emomusic.errors import ModelError
from emomusic.songs.song import FEATURE_NAMES, FEATURES

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

logger = logging.getLogger(__name__)

MOODS: tuple[Mood, ...] = tuple(Mood)

MODEL_FILE = "model.skops"

MOOD_MODELS: Mapping[str, str] = {
    "mlp": "Network of the report: nine features scaled to 0..1, eight ReLU units, softmax; "
    "Adam, batches of 64, 300 epochs",
    "logistic": "Logistic regression on features, their squares and products; strong regularization (C = 0.05)",
    "random_forest": "Random forest of 100 trees with at least 3 songs per leaf",
    "gradient_boosting": "Histogram gradient boosting: 60 rounds of trees of depth 3, learning rate 0.1",
    "svm": "Support vector machine with a Gaussian kernel on features transformed to a normal distribution; "
    "sigmoid calibration of the scores",
    "ensemble": "Mean probabilities of logistic regression with products, support vector machine, gradient "
    "boosting and 60 extremely randomized trees (selected on other folds of the same songs)",
}
"""Descriptions of the models. Hyper-parameters are fixed and not selected on the folds; see docs/experiments.md."""

DEFAULT_MOOD_MODEL = "ensemble"
"""Most accurate bundled model."""

SEED = 20_231_114
"""Seed of initial weights, order of songs, and folds."""

_WITHOUT_DURATION = ("mlp",)
_MOST_AT_ONCE = 8192  # songs of a prediction, which needs 3 kB for each

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
_PROBE = np.array([[*((feature.low + feature.high) / 2 for feature in FEATURES.values()), 240.0]])
_PROBE_TOLERANCE = 1e-3


def inputs_of(name: str) -> tuple[str, ...]:
    """Names of the input columns of a model, in order: the features, and usually the length of a song."""
    return FEATURE_NAMES if name in _WITHOUT_DURATION else (*FEATURE_NAMES, "duration_s")


def build_mood_model(name: str) -> Pipeline:
    """Unfitted classifier of the columns `inputs_of(name)`."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
        VotingClassifier,
    )
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, QuantileTransformer, StandardScaler
    from sklearn.svm import SVC

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
    if name in _WITHOUT_DURATION:
        return make_pipeline(scaler, *steps[name])
    # The median replaces an unknown length
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), scaler, *steps[name])


class MoodClassifier:
    """Classifier of songs into four moods, thread-safe after fitting."""

    def __init__(self, name: str = DEFAULT_MOOD_MODEL) -> None:
        """Create the unfitted model `name` of `MOOD_MODELS`."""
        self.name = name
        self._estimator: Any = build_mood_model(name)

    def fit(self, inputs: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> MoodClassifier:
        """Fit the model to labelled songs, and return it.

        Args:
            inputs: shape (n, 10): the features in the order of `song.FEATURES`, and lengths in seconds, NaN if
                unknown.
            labels: shape (n,), positions in `Mood`; every mood occurs.
        """
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            # The number of epochs is fixed, so a warning that the loss still decreases is irrelevant
            warnings.simplefilter("ignore", ConvergenceWarning)
            # scikit-learn warns if the table is smaller than a batch
            warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
            with _single_thread():
                self._estimator.fit(inputs[:, : len(inputs_of(self.name))], labels)
        return self

    def predict_probabilities(self, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Probabilities of the moods, from the inputs of `fit`.

        The median of the training songs replaces an unknown length.

        Returns:
            Shape (n, 4), float32, in the order of `Mood`; rows sum to 1.
        """
        if len(inputs) == 0:
            return np.zeros((0, len(MOODS)), np.float32)
        from emomusic.runtime import num_cores  # loads OpenCV

        leave_warning_filters_alone()

        def predict(start: int) -> npt.NDArray[np.float64]:
            part = inputs[start : start + _MOST_AT_ONCE, : len(inputs_of(self.name))]
            with _single_thread():  # for OpenMP, in this thread
                return np.asarray(self._estimator.predict_proba(part))

        starts = range(0, len(inputs), _MOST_AT_ONCE)
        with ThreadPoolExecutor(min(len(starts), num_cores())) as threads:
            return np.concatenate(list(threads.map(predict, starts)), dtype=np.float32)

    def save(self, folder: Path, *, data_sha256: str) -> None:
        """Write `model.skops` (no pickle) and `spec.json`, with the checksum of the training table."""
        import sklearn

        spec = {
            "name": self.name,
            "description": MOOD_MODELS[self.name],
            "features": list(inputs_of(self.name)),
            "moods": [mood.value for mood in MOODS],
            "sklearn_version": sklearn.__version__,
            "data_sha256": data_sha256,
            "probe": {
                "features": _PROBE[0, :-1].tolist(),
                "duration_s": _PROBE[0, -1],
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

        name = expected[0]
        if name not in MOOD_MODELS or expected[1:] != (list(inputs_of(name)), list(MOODS)):
            raise ModelError(f"{folder}: expected a known model, features and moods. Received: {expected}. {retrain}")
        if version != sklearn.__version__:
            logger.info("%s was saved by scikit-learn %s. Installed: %s", folder, version, sklearn.__version__)
        classifier = cls(name)
        classifier._estimator = estimator
        found = classifier._probe()
        if probe.shape != found.shape or not np.allclose(probe, found, atol=_PROBE_TOLERANCE):
            raise ModelError(
                f"{folder}: expected the probabilities {probe} of scikit-learn {version}. "
                f"Received: {found} of scikit-learn {sklearn.__version__}. {retrain}"
            )
        return classifier

    def _probe(self) -> npt.NDArray[np.float32]:
        probabilities: npt.NDArray[np.float32] = self.predict_probabilities(_PROBE)[0]
        return probabilities


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
    predict: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float32]],
    features: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    reference: npt.NDArray[np.float64],
    *,
    duration_s: float | None = None,
) -> MoodExplanation:
    """Predict the mood of a song, and the effect of replacing each feature by its reference.

    Args:
        predict: gives the probabilities of the moods for the inputs of `MoodClassifier.fit`.
        features: shape (9,), in the order of `song.FEATURES`, like `start` (of the unchanged song) and `reference`.
        start: shape (9,).
        reference: shape (9,).
        duration_s: length of the song in seconds, None if unknown.
    """
    replaced = np.tile(features, (len(features), 1))
    np.fill_diagonal(replaced, reference)
    songs = np.vstack([features, start, replaced])
    durations_s = np.full(len(songs), np.nan if duration_s is None else duration_s)
    probabilities = predict(np.column_stack([songs, durations_s]))
    top = int(probabilities[0].argmax())
    influences = 100.0 * (probabilities[0, top] - probabilities[2:, top]).astype(np.float64)
    return MoodExplanation(probabilities[0], probabilities[1], MOODS[top], influences)


_SCARCE = 0.1  # share of all songs; a quarter would be even


def scarce_moods(counts: Mapping[Mood, int]) -> list[Mood]:
    """The moods that a collection of songs has few of, the rarest first."""
    most = _SCARCE * sum(counts.values())
    return sorted((mood for mood, number in counts.items() if number < most), key=counts.__getitem__)


def distances_of_rows(table: npt.NDArray[np.float64], features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shape (n,): the distance of each row of a table of shape (n, 9) in standard deviations, per feature."""
    spread = table.std(axis=0)
    differs = (np.ptp(table, axis=0) > 0) & (spread > 0)  # a constant column of 0.1 has a standard deviation of 1e-17
    # In standard deviations, because 10 BPM and 10 dB are not equal differences
    distances = np.linalg.norm((table - features) / np.where(differs, spread, 1.0), axis=1)
    return np.asarray(distances / np.sqrt(len(features)))


def _single_thread() -> AbstractContextManager[Any]:
    """Limit the OpenMP loops of scikit-learn to one thread.

    On busy cores, the busy-waiting threads of gradient boosting slow a fit from 0.1 s to over 20 s.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn requires it

    limited: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="openmp")
    return limited
