"""Explanation of the predicted mood of a song: influences of its features and similar songs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emomusic.affect import Mood
from emomusic.songs.mood import MOODS, MoodClassifier


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
