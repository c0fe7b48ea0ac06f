"""Nine audio features of Spotify: names, ranges and units.

Definitions: Spotify Web API, "Get Track's Audio Features" (closed to new apps since November 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One audio feature of a song.

    Attributes:
        name: column in our tables, with the unit as suffix.
        source_name: Spotify's name, column in published tables.
        low: smallest valid value.
        high: largest valid value.
        unit: "dB", "BPM", or empty for a value from 0 to 1.
        description: plain explanation.
    """

    name: str
    source_name: str
    low: float
    high: float
    unit: str
    description: str

    @property
    def label(self) -> str:
        """Display name."""
        return self.source_name.capitalize()

    @property
    def titled(self) -> str:
        """Display name with the unit: "Tempo (BPM)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def num_digits(self) -> int:
        """Number of displayed decimals."""
        return {"BPM": 0, "dB": 1}.get(self.unit, 2)


# Order of the model inputs; `MoodClassifier.load` refuses a model with another order.
_FEATURES = (
    Feature("danceability", "danceability", 0.0, 1.0, "", "suitability for dancing: steady, strong beat"),
    Feature("energy", "energy", 0.0, 1.0, "", "intensity: fast, loud, noisy"),
    Feature("valence", "valence", 0.0, 1.0, "", "positivity: from sad or angry to cheerful"),
    Feature("acousticness", "acousticness", 0.0, 1.0, "", "probability of acoustic instruments"),
    Feature("instrumentalness", "instrumentalness", 0.0, 1.0, "", "probability of a song without vocals"),
    Feature("liveness", "liveness", 0.0, 1.0, "", "probability of a live recording"),
    Feature("speechiness", "speechiness", 0.0, 1.0, "", "share of spoken words"),
    # Loud masters exceed full scale, 0 dB: up to 1.3 dB in data_moods.csv, 4.5 dB in larger tables
    Feature("loudness_db", "loudness", -60.0, 6.0, "dB", "mean loudness relative to full scale"),
    # Spotify writes 0 if it finds no beat
    Feature("tempo_bpm", "tempo", 0.0, 300.0, "BPM", "estimated beats per minute"),
)

FEATURES: Mapping[str, Feature] = {feature.name: feature for feature in _FEATURES}
FEATURE_NAMES: tuple[str, ...] = tuple(FEATURES)
FEATURE_LABELS: tuple[str, ...] = tuple(feature.label for feature in _FEATURES)
