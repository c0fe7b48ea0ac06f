"""Stored mood probabilities of the bundled songs, so that recommendations do not load scikit-learn."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emomusic.assets import DAMAGED_ARRAYS, ModelKind, folder_of, sha256_of
from emomusic.errors import AssetError
from emomusic.music.catalogue import catalogue_file, load_catalogue
from emomusic.music.mood import MODEL_FILE, MoodClassifier
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL

log = logging.getLogger(__name__)

STORED_MOODS = "moods.npz"
"""File in the folder of the catalogue."""


def mood_model_file() -> Path:
    """Path of the default mood model."""
    return folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL) / MODEL_FILE


def read_stored_moods(catalogue: Path) -> npt.NDArray[np.float32] | None:
    """Probabilities that match this catalogue and the default mood model.

    Args:
        catalogue: Parquet file.

    Returns:
        Shape (n, 4), in the order of `Mood`; None if the file is absent or damaged, or a checksum differs.
    """
    path = catalogue.with_name(STORED_MOODS)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            checksums = (str(stored["catalogue_sha256"]), str(stored["model_sha256"]))
            probabilities: npt.NDArray[np.float32] = stored["probabilities"]
        if checksums == (sha256_of(catalogue), sha256_of(mood_model_file())):
            return probabilities
        log.info("%s belongs to another catalogue or mood model. Predicting moods", path.name)
    except (*DAMAGED_ARRAYS, AssetError) as error:
        log.info("cannot read %s (%s). Predicting moods", path.name, error)
    return None


def write_stored_moods(catalogue: Path, probabilities: npt.NDArray[np.float32]) -> Path:
    """Write probabilities of the default mood model next to a catalogue.

    Args:
        catalogue: Parquet file.
        probabilities: shape (n, 4), in the order of the rows and of `Mood`.

    Returns:
        Path of the written file.
    """
    path = catalogue.with_name(STORED_MOODS)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            probabilities=probabilities.astype(np.float32),
            catalogue_sha256=np.array(sha256_of(catalogue)),
            model_sha256=np.array(sha256_of(mood_model_file())),
        )
    part.replace(path)
    return path


def store_moods() -> Path:
    """Predict and write the moods of the bundled songs."""
    path = catalogue_file()
    songs = load_catalogue(path)
    classifier = MoodClassifier.load(folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL))
    return write_stored_moods(path, classifier.predict_probabilities(songs.features, duration_s=songs.duration_s))
