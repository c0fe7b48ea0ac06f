"""One song under the mood model: what it says, what moved it, and which songs are like it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emomusic.affect import Mood
from emomusic.music.mood import MOODS, MoodClassifier


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class MoodExplanation:
    """What the model says of a song, and what moved it.

    Attributes:
        probabilities: shape (4,), in the order of `Mood`.
        start: shape (4,): of the song as it began.
        mood: the most probable one now.
        influences: shape (9,), percentage points: how much of the probability of `mood` would be lost were one
            feature set back to its reference, the others kept.
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
    """Ask a model once for a song, for its start, and for the song with each feature set back.

    Args:
        classifier: the model.
        features: shape (9,), in the order of `features.FEATURES`: the song as it is now.
        start: shape (9,): as it began.
        reference: shape (9,): what each feature is set back to.
        duration_s: length of the song in seconds; None where it is not known.
    """
    set_back = np.tile(features, (len(features), 1))
    np.fill_diagonal(set_back, reference)
    asked = np.vstack([features, start, set_back])
    lengths = np.full(len(asked), np.nan if duration_s is None else duration_s)
    said = classifier.predict_probabilities(asked, duration_s=lengths)
    top = int(said[0].argmax())
    influences = 100.0 * (said[0, top] - said[2:, top]).astype(np.float64)
    return MoodExplanation(said[0], said[1], MOODS[top], influences)


def nearest_rows(
    table: npt.NDArray[np.float64], features: npt.NDArray[np.float64], num_songs: int
) -> npt.NDArray[np.int64]:
    """The songs that sound most like some features, the nearest first.

    Args:
        table: shape (n, 9), of all songs.
        features: shape (9,).
        num_songs: how many.
    """
    spread = table.std(axis=0)
    differs = (np.ptp(table, axis=0) > 0) & (spread > 0)  # 0.1 everywhere has a spread of 1e-17
    # In units of how much songs differ, so that 10 BPM and 10 dB do not count the same
    distances = np.linalg.norm((table - features) / np.where(differs, spread, 1.0), axis=1)
    return np.argsort(distances, kind="stable")[:num_songs]
