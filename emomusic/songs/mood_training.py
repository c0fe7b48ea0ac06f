"""Training and cross-validation of the mood models; writes the files that the app shows."""

from __future__ import annotations

import hashlib
import timeit
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sklearn

from emomusic.assets import ModelKind
from emomusic.baselines import baselines_of
from emomusic.downloads import DOWNLOADS
from emomusic.errors import DatasetError
from emomusic.metrics import mistakes
from emomusic.songs.cross_validation import NUM_FOLDS, CrossValidation, Examples, cross_validate, fill_card, train
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MODEL_FILE, MOOD_MODELS, MOODS, SEED, MoodClassifier, inputs_of
from emomusic.songs.tables import read_table
from emomusic.text import join_names


def read_labelled_songs(path: Path) -> Examples:
    """Read `data_moods.csv` or another table with a mood for each song, see `songs.tables`.

    Raises:
        DatasetError: the file is unreadable, a column or a mood is missing, or a row is invalid.
    """
    try:
        data = path.read_bytes()  # once: a pipe cannot be read twice
    except OSError as error:
        raise DatasetError(f"expected a CSV of labelled songs. Received: {path} ({error.strerror})") from error
    reading = read_table(data, name=path.name)
    songs = reading.songs
    if missing := [name for name in ("mood", "duration_s") if name not in songs.table]:
        raise DatasetError(f"{path.name}: expected moods and lengths of songs. Received: no {join_names(missing)}")
    if not songs.has_features:
        expected = f"{path.name}: expected all audio features. Received songs with a mood only."
        raise DatasetError(" ".join([expected, *reading.notes]))
    if (without := np.flatnonzero(songs.table["mood"].isna())).size:
        expected = f"{path.name}: expected a mood of each song: {', '.join(MOODS)}."
        raise DatasetError(f"{expected} Received: none of {songs.song(int(without[0])).full_name}. Remove the song")
    labels = np.array([MOODS.index(mood) for mood in songs.table["mood"]], np.int64)
    return Examples(songs.inputs, labels, (hashlib.sha256(data).hexdigest(),))


def train_mood_model(data: Path, *, model: str = DEFAULT_MOOD_MODEL, out: Path) -> dict[str, Any]:
    """Cross-validate a model, fit it to all songs and write its files.

    Args:
        data: path of `data_moods.csv`.
        model: one of `MOOD_MODELS`.
        out: folder for `model.skops`, `spec.json`, `metrics.json`, `predictions.npz` (without song data) and `CARD.md`.
            Old files are replaced after the new model has been loaded.

    Returns:
        Content of `metrics.json`: metrics of the evaluation, `ms_per_song`, the prediction time in a large batch, and
        `bytes`, the size of the model.

    Raises:
        DatasetError: the table is invalid.
        ModelError: the folder contains other files or is not writable.
    """
    table = read_labelled_songs(data)

    def save(new: Path) -> dict[str, Any]:
        classifier = MoodClassifier(model).fit(table.inputs, table.labels)
        classifier.save(new, data_sha256=table.checksums[0])
        MoodClassifier.load(new)
        many = np.resize(table.inputs, (6000, table.inputs.shape[1]))
        seconds = min(timeit.repeat(partial(classifier.predict_probabilities, many), number=1))  # excludes other load
        return {"ms_per_song": round(1000 * seconds / len(many), 5), "bytes": (new / MODEL_FILE).stat().st_size}

    return train(
        ModelKind.MUSIC,
        out,
        [MODEL_FILE],
        partial(evaluate_mood_model, table, model=model),
        save=save,
        card=partial(mood_card, data_sha256=table.checksums[0]),
    )


def evaluate_mood_model(table: Examples, *, model: str = DEFAULT_MOOD_MODEL) -> CrossValidation:
    """Result of repeated stratified ten-fold cross-validation.

    Raises:
        DatasetError: the table has fewer than ten songs of a mood.
    """
    predictor = MoodClassifier(model)
    return cross_validate(model, table, MOODS, lambda *known: predictor.fit(*known).predict_probabilities, seed=SEED)


_KNOWN_SOURCE = (  # only for a table with the known checksum
    "`data/data_moods.csv` at github.com/cristobalvch/Spotify-Machine-Learning, "
    "commit 6d952aa707f67991dc9295c80980ba6311931952"
)

_UNKNOWN_LENGTH = "\n- The median length of the training songs replaces an unknown length."


def mood_card(metrics: dict[str, Any], data_sha256: str) -> str:
    """Text of `CARD.md` for a content of `metrics.json`."""
    errors = mistakes(np.array(metrics["confusion"]), MOODS)
    inputs = inputs_of(metrics["model"])
    reports = baselines_of(ModelKind.MUSIC, metrics["model"])
    reported = ", ".join(f"{report.figure:.2f} ({report.note})" for report in reports)
    return fill_card(
        "mood_card.md",
        metrics,
        ".3f",
        "mood",
        description=MOOD_MODELS[metrics["model"]],
        features=", ".join(inputs),
        moods=", ".join(MOODS),
        sklearn_version=sklearn.__version__,
        sha256=data_sha256,
        source=_KNOWN_SOURCE if data_sha256 == DOWNLOADS["moods"].sha256 else "unknown",
        fold_size=metrics["n"] // NUM_FOLDS,
        duration=_UNKNOWN_LENGTH if "duration_s" in inputs else "",
        reported=f"\n\nAccuracies in {reports[0].title}: {reported}." if reports else "",
        worst=f"{errors[0].count} {errors[0].true} songs predicted as {errors[0].predicted}" if errors else "none",
    )
