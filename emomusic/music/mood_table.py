"""Songs labelled with their mood: the training data of the mood models."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import Mood
from emomusic.errors import DatasetError
from emomusic.music.catalogue import (
    LONGEST_S,
    MOOD_RULE,
    check_numbers,
    check_songs,
    require_columns,
    require_valid,
)
from emomusic.music.features import FEATURES, feature_matrix

MOOD_TABLE_COLUMNS: tuple[str, ...] = (
    *("name", "album", "artist", "id", "release_date", "popularity", "length"),
    *("danceability", "acousticness", "energy", "instrumentalness", "liveness", "valence", "loudness", "speechiness"),
    *("tempo", "key", "time_signature", "mood"),
)
"""Columns of `data_moods.csv`."""

_MOOD_TABLE_RENAMES = {"name": "title", "artist": "artists"} | {f.source_name: f.name for f in FEATURES.values()}


@dataclass(frozen=True, slots=True, eq=False)  # tables have no single truth value
class MoodTable:
    """Songs labelled with their mood.

    Attributes:
        table: one row per song: `id`, `title`, `artists`, `album`, `popularity`, `release_date`, `duration_s`, `key`,
            `time_signature`, the nine features and `mood` (the value of a `Mood`).
        sha256: checksum of the file.
    """

    table: pd.DataFrame
    sha256: str

    def __len__(self) -> int:
        return len(self.table)

    @property
    def features(self) -> npt.NDArray[np.float64]:
        """Shape (n, 9), in the order of `features.FEATURES`."""
        return feature_matrix(self.table)

    @property
    def duration_s(self) -> npt.NDArray[np.float64]:
        """Shape (n,): lengths in seconds."""
        return self.table["duration_s"].to_numpy(np.float64)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Shape (n,): positions in `Mood`."""
        positions = {mood.value: position for position, mood in enumerate(Mood)}
        return np.array([positions[mood] for mood in self.table["mood"]], np.int64)


def read_mood_table(path: Path) -> MoodTable:
    """Read `data_moods.csv` or a table with its columns, in any order; other columns are ignored.

    Raises:
        DatasetError: the file is unreadable, a column is missing, or a row is invalid.
    """
    try:
        data = path.read_bytes()  # once: a pipe cannot be read twice
        # As text: pandas would read the title "1999" as a number and "None" as a missing cell
        table = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: base class of parser and decoding errors
        raise DatasetError(f"expected a CSV of labelled songs. Received: {path} ({error})") from error
    require_columns(table, MOOD_TABLE_COLUMNS, name=path.name)
    table = table[list(MOOD_TABLE_COLUMNS)].rename(columns=_MOOD_TABLE_RENAMES)
    table = table.mask(table == "")
    if table.empty:
        raise DatasetError(f"{path.name}: expected songs. Received: a table without rows")
    check_numbers(table, "length", low=0.0, high=1000.0 * LONGEST_S, name=path.name)
    check_numbers(table, "key", low=-1.0, high=11.0, name=path.name)  # -1: unknown
    check_numbers(table, "time_signature", low=0.0, high=7.0, name=path.name)
    require_valid(table["mood"].isna(), table["mood"], MOOD_RULE, name=path.name)
    table["duration_s"] = table.pop("length") / 1000.0
    return MoodTable(check_songs(table, name=path.name), hashlib.sha256(data).hexdigest())
