"""The bundled catalogue with stored mood probabilities, so that recommendations do not run the mood model."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.assets import ModelKind, data_dir, folder_of, load_once, require_intact, sha256_of, written_whole
from emomusic.errors import DatasetError
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MODEL_FILE, MOODS, MoodClassifier
from emomusic.songs.song import FEATURE_NAMES
from emomusic.text import join_names

log = logging.getLogger(__name__)

CATALOGUE_FILE = "songs.parquet"
"""The bundled catalogue, in `data/catalogue/`."""

_MODEL_SHA256 = "mood_model_sha256"  # in the attributes of the table, which Parquet stores
_DIGITS = 4
_NEARNESS = 4.0  # how much more probable a nearer mood is, of a song with valence and energy only


def catalogue_file() -> Path:
    """Path of the bundled catalogue."""
    return data_dir() / "catalogue" / CATALOGUE_FILE


def mood_model_file() -> Path:
    """Path of the default mood model."""
    return folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL) / MODEL_FILE


def load_songs_and_moods(path: Path | None = None) -> tuple[Catalogue, npt.NDArray[np.float32]]:
    """The songs of a catalogue and their mood probabilities.

    Args:
        path: Parquet file, by default the bundled one. Stored probabilities of another mood model are ignored, and the
            probabilities are predicted.

    Returns:
        The catalogue, and an array of shape (n, 4), in the order of `Mood`.

    Raises:
        AssetError: the bundled catalogue is absent or damaged.
        DatasetError: another one is.
        ModelError: no valid probabilities are stored, and the mood model is absent or damaged.
    """
    from pyarrow.parquet import ParquetFile

    if path is None:
        path = catalogue_file()
        require_intact(path)
    try:
        with path.open("rb") as file:  # the error of pyarrow would have no reason
            # `pd.read_parquet` would load another 5 MB of libraries
            table: pd.DataFrame = ParquetFile(file).read().to_pandas()
    except (OSError, ValueError) as error:  # base classes of pyarrow's errors
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"expected a Parquet table of songs. Received: {path} ({reason}). Restore the file from the repository"
        ) from error
    catalogue = Catalogue(table, name=path.name)
    stored = table.attrs.get(_MODEL_SHA256)
    if stored is not None and mood_model_file().is_file() and stored == sha256_of(mood_model_file()):
        probabilities: npt.NDArray[np.float32] = table[[mood.value for mood in MOODS]].to_numpy(np.float32)
        return catalogue, probabilities
    log.info("%s has moods of another mood model. Predicting moods", path.name)
    return catalogue, predict_moods(catalogue)


@load_once
def mood_classifier() -> MoodClassifier:
    """The default mood model, loaded once. Threads may share it.

    Raises:
        ModelError: it is absent or damaged.
    """
    return MoodClassifier.load(folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL))


def predict_moods(catalogue: Catalogue, rows: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float32]:
    """Probabilities in the order of `Mood`: of the default mood model; without all features, 1 for the song's mood.

    A song with neither has them from the distances of its valence and energy to the moods.

    Args:
        catalogue: songs with all features, a mood, or valence and energy.
        rows: shape (n,), which songs are wanted; by default all.

    Returns:
        Shape (number of wanted songs, 4).

    Raises:
        DatasetError: a song has none of them.
        ModelError: the mood model is absent or damaged.
    """
    table, inputs = catalogue.table, catalogue.inputs
    if rows is not None:
        table, inputs = table[rows], inputs[rows]
    has_features = ~np.isnan(inputs[:, : len(FEATURE_NAMES)]).any(axis=1)
    own = table["mood"].to_numpy(object) if "mood" in table else np.full(len(table), None)
    has_place = ~has_features & pd.isna(own) & table[["valence", "energy"]].notna().all(axis="columns").to_numpy(bool)
    if pd.isna(own[~has_features & ~has_place]).any():
        absent = [name for name in FEATURE_NAMES if table[name].isna().any()]
        raise DatasetError(
            f"{catalogue.name}: expected valence and energy, or a mood, of each song. Received: songs without "
            f"{join_names(absent)} and without a mood. Fill in these columns or the moods."
        )
    probabilities = np.column_stack([own == mood.value for mood in MOODS]).astype(np.float32)
    if has_place.any():
        points = np.array([(mood.point.valence, mood.point.arousal) for mood in MOODS])
        distances = np.linalg.norm(catalogue.measured[table.index[has_place]][:, None] - points, axis=2)
        weights = np.exp(-_NEARNESS * distances)
        probabilities[has_place] = weights / weights.sum(axis=1, keepdims=True)
    if has_features.any():
        probabilities[has_features] = mood_classifier().predict_probabilities(inputs[has_features])
    return probabilities


def write_catalogue(path: Path, catalogue: Catalogue, probabilities: npt.NDArray[np.float32]) -> None:
    """Write songs and the probabilities of the default mood model to a Parquet file, with four decimals."""
    moods = pd.DataFrame(probabilities.round(_DIGITS), columns=[mood.value for mood in MOODS])
    table = pd.concat([catalogue.table, moods], axis="columns")
    table.attrs[_MODEL_SHA256] = sha256_of(mood_model_file())
    with written_whole(path) as part:
        table.to_parquet(part, index=False, compression="zstd", compression_level=19)


def store_moods() -> Path:
    """Predict and write the moods of the bundled songs. Returns the path of the catalogue."""
    path = catalogue_file()
    write_catalogue(path, *load_songs_and_moods(path))
    return path
