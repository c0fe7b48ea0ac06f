"""The nine audio features Spotify describes a song by: names, ranges, units, and its place on the affect plane.

Meanings follow Spotify's Web API reference, "Get Track's Audio Features" (closed to new apps since November 2024;
the published tables keep its numbers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emomusic.affect import AffectPoint

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Feature:
    """One audio feature of a song.

    Attributes:
        name: our name for it, the column of our tables; a unit ends it.
        source_name: the name Spotify gives it, the column of published tables.
        low: smallest value that can be true.
        high: largest value that can be true.
        unit: "dB", "BPM", or empty for a share from 0 to 1.
        description: what it measures, in plain words.
    """

    name: str
    source_name: str
    low: float
    high: float
    unit: str
    description: str

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.source_name.capitalize()

    @property
    def titled(self) -> str:
        """Its label with the unit: "Tempo (BPM)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def num_digits(self) -> int:
        """How many digits after the point a value is told with."""
        return {"BPM": 0, "dB": 1}.get(self.unit, 2)


# The order is the order of the models' inputs: a saved model repeats it and is refused where the two differ.
_FEATURES = (
    Feature("danceability", "danceability", 0.0, 1.0, "", "how well it suits dancing: steady, strong beat"),
    Feature("energy", "energy", 0.0, 1.0, "", "how intense and active it sounds: fast, loud, noisy"),
    Feature("valence", "valence", 0.0, 1.0, "", "how positive it sounds: sad or angry to cheerful"),
    Feature("acousticness", "acousticness", 0.0, 1.0, "", "how surely it was played without amplifiers"),
    Feature("instrumentalness", "instrumentalness", 0.0, 1.0, "", "how surely there is no singing"),
    Feature("liveness", "liveness", 0.0, 1.0, "", "how surely there was an audience"),
    Feature("speechiness", "speechiness", 0.0, 1.0, "", "how much of it is spoken"),
    # Full scale is 0 dB, but loud masters measure above it (1.3 dB in data_moods.csv, 4.5 dB in larger tables).
    Feature("loudness_db", "loudness", -60.0, 6.0, "dB", "mean loudness relative to full scale"),
    # 0 is what Spotify writes where it found no beat.
    Feature("tempo_bpm", "tempo", 0.0, 300.0, "BPM", "estimated beats a minute"),
)

FEATURES: Mapping[str, Feature] = MappingProxyType({feature.name: feature for feature in _FEATURES})
FEATURE_NAMES: tuple[str, ...] = tuple(FEATURES)
FEATURE_LABELS: tuple[str, ...] = tuple(feature.label for feature in _FEATURES)


def affect_of_track(valence: float, energy: float) -> AffectPoint:
    """Place one song on the affect plane.

    Args:
        valence: 0 to 1, as Spotify gives it.
        energy: 0 to 1; it stands for arousal.
    """
    return AffectPoint(2.0 * valence - 1.0, 2.0 * energy - 1.0)


def affect_plane(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Place every song of a table on the affect plane.

    Args:
        table: with the columns `valence` and `energy`, 0 to 1.

    Returns:
        Shape (n, 2), float32: valence and arousal, each from -1 to 1.
    """
    return (2.0 * table[["valence", "energy"]].to_numpy(np.float64) - 1.0).astype(np.float32)


def feature_matrix(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The nine features of every song, shape (n, 9), in the order of `FEATURES`."""
    return table[list(FEATURE_NAMES)].to_numpy(np.float64)
