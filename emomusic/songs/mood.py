"""Mood classifier: audio features of a song to probabilities of the four moods, and their explanation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emomusic.affect import Mood
from emomusic.assets import SPEC
from emomusic.errors import ModelError
from emomusic.songs.song import FEATURE_NAMES, FEATURES

if TYPE_CHECKING:
    from emomusic.runtime import Network

MOODS: tuple[Mood, ...] = tuple(Mood)

MODEL_FILE = "model.onnx"

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
_MOST_AT_ONCE = 512  # songs of a prediction; more leave the cache of a core

# A song with the middle of each range. Its saved probabilities, of scikit-learn, reveal a damaged or another model.
PROBE = np.array([[*((feature.low + feature.high) / 2 for feature in FEATURES.values()), 240.0]])
_PROBE_TOLERANCE = 1e-3


def inputs_of(name: str) -> tuple[str, ...]:
    """Names of the input columns of a model, in order: the features, and usually the length of a song."""
    return FEATURE_NAMES if name in _WITHOUT_DURATION else (*FEATURE_NAMES, "duration_s")


class MoodClassifier:
    """Classifier of songs into four moods, safe to share between threads. `mood_training` fits and exports it."""

    def __init__(self, name: str, network: Network) -> None:
        """Classify with the network of the model `name` of `MOOD_MODELS`."""
        self.name = name
        self._network = network

    def predict_probabilities(self, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Probabilities of the moods. The median of the training songs replaces an unknown length.

        Args:
            inputs: shape (n, 10): the features in the order of `song.FEATURES`, and lengths in seconds, NaN if
                unknown.

        Returns:
            Shape (n, 4), float32, in the order of `Mood`; rows sum to 1.
        """
        if len(inputs) == 0:
            return np.zeros((0, len(MOODS)), np.float32)
        from emomusic.runtime import map_threads  # loads OpenCV

        columns = np.asarray(inputs[:, : len(inputs_of(self.name))], np.float64)
        parts = [columns[start : start + _MOST_AT_ONCE] for start in range(0, len(columns), _MOST_AT_ONCE)]
        return np.concatenate([probabilities for (probabilities,) in map_threads(self._network, parts)])

    @classmethod
    def load(cls, folder: Path) -> MoodClassifier:
        """Read a saved classifier.

        Raises:
            ModelError: the model is absent or damaged, has other features or moods, or predicts other probabilities
                than when it was saved.
        """
        from emomusic.runtime import Network

        retrain = "Train it again with `python -m emomusic train music --data data_moods.csv`."
        try:
            spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
            name, columns, moods = spec["name"], spec["features"], spec["moods"]
            expected = np.array(spec["probe"]["probabilities"], np.float32)
            classifier = cls(name, Network(folder / MODEL_FILE))
        except OSError as error:
            raise ModelError(f"expected a mood model. Received: {folder} ({error.strerror}). {retrain}") from error
        except (KeyError, TypeError, ValueError, ModelError) as error:
            raise ModelError(f"expected an undamaged mood model. Received: {folder} ({error}). {retrain}") from error
        if name not in MOOD_MODELS or (columns, moods) != (list(inputs_of(name)), list(MOODS)):
            received = f"{name}, {columns} and {moods}"
            raise ModelError(f"{folder}: expected a known model, features and moods. Received: {received}. {retrain}")
        try:
            found = classifier.predict_probabilities(PROBE)[0]
        except Exception as error:  # ONNX Runtime documents no base class of its exceptions
            raise ModelError(f"{folder}: expected a network for moods. Received: {error}. {retrain}") from error
        if expected.shape != found.shape or not np.allclose(expected, found, atol=_PROBE_TOLERANCE):
            raise ModelError(f"{folder}: expected the probabilities {expected}. Received: {found}. {retrain}")
        return classifier


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
