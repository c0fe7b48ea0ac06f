"""Training of the models of songs, with repeated cross-validation; writes the files that the app shows.

There are mood models, of audio features, and the head of the network that hears mood.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import timeit
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.assets import (
    CARD,
    DOWNLOADS,
    METRICS,
    PREDICTIONS,
    SPEC,
    ModelKind,
    folder_of,
    models_dir,
    prepare_model_folder,
    write_json,
)
from emomusic.errors import DatasetError
from emomusic.media.audio_file import read_song
from emomusic.media.formats import AUDIO_ENDINGS, has_ending
from emomusic.media.sound import LEVEL_DB
from emomusic.metrics import Scores, expected_calibration_error, mistakes, score, score_rows
from emomusic.records import baselines_of, filled_card, write_metrics
from emomusic.runtime import num_cores
from emomusic.songs.catalogue import split_artists
from emomusic.songs.hearing import (
    HEAD,
    MODEL,
    NETWORK,
    QUADRANTS,
    SoundHead,
    directions,
    hear_windows,
    kernel,
    summary_of,
)
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MODEL_FILE, MOOD_MODELS, MOODS, SEED, inputs_of
from emomusic.songs.tables import read_table
from emomusic.text import join_names

logger = logging.getLogger(__name__)

NUM_FOLDS = 10
NUM_REPEATS = 5

_DRAFTS = "drafts-"
Predict = Callable[[npt.NDArray[Any]], npt.NDArray[np.floating]]


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class Examples:
    """Songs labelled with their class.

    Attributes:
        inputs: shape (n, f): of the model, as for `MoodClassifier.fit` or from `hearing.summary_of`.
        labels: shape (n,): positions in the classes.
        checksums: those of the content of each file that they were read from.
        artists: the first artist of each song; empty for clips.
    """

    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]
    checksums: tuple[str, ...]
    artists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Cross-validation of a model.

    Attributes:
        metrics: JSON values: `model`, `n` songs, `folds` of all repeats, `accuracy` (`mean` and `std` over the folds),
            `macro_f1` (mean), `macro_f1_std`, `per_class`, `confusion` (rows are true, in the order of the classes) and
            `calibration_error`. The last three use the first repeat only, so that each song counts once.
        labels: shape (n,), positions in the classes.
        repeated_probabilities: shape (repeats, n, classes), float32: predictions for the test songs of each fold.
        repeated_folds: shape (repeats, n), int8: test fold of each song.
    """

    metrics: dict[str, Any]
    labels: npt.NDArray[np.int64]
    repeated_probabilities: npt.NDArray[np.float32]
    repeated_folds: npt.NDArray[np.int8]


def cross_validate(
    model: str,
    examples: Examples,
    classes: Sequence[str],
    fit: Callable[[npt.NDArray[Any], npt.NDArray[np.int64]], Predict],
    *,
    seed: int,
) -> CrossValidation:
    """Result of repeated stratified ten-fold cross-validation.

    Args:
        model: its name.
        examples: the songs.
        classes: names of the classes.
        fit: fits a model to inputs and labels, and returns what predicts the probabilities for inputs.
        seed: decides the first split.

    Raises:
        DatasetError: a class has fewer than ten songs.
    """
    from sklearn.model_selection import StratifiedKFold

    inputs, labels = examples.inputs, examples.labels
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < NUM_FOLDS:
        received = ", ".join(f"{count} {name}" for name, count in zip(classes, counts, strict=True))
        raise DatasetError(f"expected at least {NUM_FOLDS} songs of each mood. Received: {received}")

    repeated_probabilities = np.zeros((NUM_REPEATS, len(labels), len(classes)), np.float32)
    repeated_folds = np.zeros((NUM_REPEATS, len(labels)), np.int8)
    scores: list[Scores] = []
    for repeat in range(NUM_REPEATS):
        folds = StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=seed + repeat)
        for fold, (rest, test) in enumerate(folds.split(labels, labels)):
            repeated_probabilities[repeat, test] = probabilities = fit(inputs[rest], labels[rest])(inputs[test])
            repeated_folds[repeat, test] = fold
            scores.append(score(labels[test], probabilities.argmax(axis=1), classes))
        logger.info("%s: repeat %d of %d, accuracy %.3f", model, repeat + 1, NUM_REPEATS, scores[-1].accuracy)

    accuracies, macro_f1s = ([getattr(fold, name) for fold in scores] for name in ("accuracy", "macro_f1"))
    first_repeat = score(labels, repeated_probabilities[0].argmax(axis=1), classes).as_dict()
    metrics = {
        "model": model,
        "n": len(labels),
        "folds": len(scores),
        "accuracy": {"mean": float(np.mean(accuracies)), "std": float(np.std(accuracies))},
        "macro_f1": float(np.mean(macro_f1s)),
        "macro_f1_std": float(np.std(macro_f1s)),
        "per_class": first_repeat["per_class"],
        "confusion": first_repeat["confusion"],
        "calibration_error": expected_calibration_error(labels, repeated_probabilities[0]),
    }
    return CrossValidation(metrics, labels, repeated_probabilities, repeated_folds)


def train(
    kind: ModelKind,
    out: Path,
    names: Sequence[str],
    evaluate: Callable[[], CrossValidation],
    *,
    save: Callable[[Path], Mapping[str, Any]],
    card: Callable[[dict[str, Any]], str],
) -> dict[str, Any]:
    """Evaluate a model and write its files into a folder. A failure leaves the old ones.

    Args:
        kind: the kind of the model.
        out: the folder.
        names: further files that it may have.
        evaluate: the cross-validation.
        save: fits the model, writes its weights and `spec.json` into a folder, and returns further metrics.
        card: makes the text of `CARD.md` from the metrics.

    Returns:
        Content of `metrics.json`.

    Raises:
        AssetError: the folder is not writable.
        ModelError: it has other files.
    """
    out = prepare_model_folder(out, (*names, SPEC, METRICS, PREDICTIONS, CARD, f"{_DRAFTS}*"))
    for draft in out.glob(f"{_DRAFTS}*"):  # left by an interrupted run
        shutil.rmtree(draft)
    found = evaluate()
    with tempfile.TemporaryDirectory(dir=out, prefix=_DRAFTS) as folder:
        new = Path(folder)
        metrics = {**found.metrics, **save(new)}
        write_metrics(kind, new, metrics)
        np.savez_compressed(  # without data of the songs
            new / PREDICTIONS,
            labels=found.labels.astype(np.int8),
            probabilities=found.repeated_probabilities[0],
            repeated_probabilities=found.repeated_probabilities,
            repeated_folds=found.repeated_folds,
        )
        (new / CARD).write_text(card(metrics), encoding="utf-8")
        for path in list(new.iterdir()):
            path.replace(out / path.name)
    logger.info("wrote %s", out)
    return metrics


# Mood models


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
    missing = [name for name in ("mood", "duration_s") if name not in songs.table]
    if missing:
        raise DatasetError(f"{path.name}: expected moods and lengths of songs. Received: no {join_names(missing)}")
    if not songs.has_features:
        expected = f"{path.name}: expected all audio features of all songs. Received: songs without some."
        raise DatasetError(" ".join([expected, *reading.notes]))
    without = np.flatnonzero(songs.table["mood"].isna())
    if without.size:
        expected = f"{path.name}: expected a mood of each song: {', '.join(MOODS)}."
        raise DatasetError(f"{expected} Received: none of {songs.song(int(without[0])).full_name}. Remove the song")
    labels = np.array([MOODS.index(mood) for mood in songs.table["mood"]], np.int64)
    artists = tuple(split_artists(cell)[0] for cell in songs.table["artists"])
    return Examples(songs.inputs, labels, (hashlib.sha256(data).hexdigest(),), artists)


def train_mood_model(data: Path, *, model: str = DEFAULT_MOOD_MODEL, out: Path) -> dict[str, Any]:
    """Cross-validate a model, fit it to all songs and write its files.

    Args:
        data: path of `data_moods.csv`.
        model: one of `MOOD_MODELS`.
        out: folder for `model.onnx`, `model.skops`, `spec.json`, `metrics.json`, `predictions.npz` (without song data)
            and `CARD.md`. Old files are replaced after the new model has been loaded.

    Returns:
        Content of `metrics.json`: metrics of the evaluation, `ms_per_song`, the prediction time in a large batch, and
        `bytes`, the size of the network.

    Raises:
        DatasetError: the table is invalid.
        ModelError: the folder contains other files or is not writable.
    """
    from emomusic.songs.mood_training import FITTED_FILE, MoodEstimator

    table = read_labelled_songs(data)

    def save(new: Path) -> dict[str, Any]:
        estimator = MoodEstimator(model).fit(table.inputs, table.labels)
        estimator.save(new, data_sha256=table.checksums[0])
        classifier = estimator.export(new, table.inputs)
        many = np.resize(table.inputs, (6000, table.inputs.shape[1]))
        seconds = min(timeit.repeat(partial(classifier.predict_probabilities, many), number=1))  # excludes other load
        return {"ms_per_song": round(1000 * seconds / len(many), 5), "bytes": (new / MODEL_FILE).stat().st_size}

    evaluate = partial(evaluate_mood_model, table, model=model)
    card = partial(mood_card, data_sha256=table.checksums[0])
    return train(ModelKind.MUSIC, out, [MODEL_FILE, FITTED_FILE], evaluate, save=save, card=card)


def evaluate_mood_model(table: Examples, *, model: str = DEFAULT_MOOD_MODEL) -> CrossValidation:
    """Result of repeated stratified ten-fold cross-validation.

    Raises:
        DatasetError: the table has fewer than ten songs of a mood.
    """
    from emomusic.songs.mood_training import MoodEstimator

    estimator = MoodEstimator(model)
    return cross_validate(model, table, MOODS, lambda *known: estimator.fit(*known).predict_probabilities, seed=SEED)


_KNOWN_SOURCE = (  # only for a table with the known checksum
    "`data/data_moods.csv` at github.com/cristobalvch/Spotify-Machine-Learning, "
    "commit 6d952aa707f67991dc9295c80980ba6311931952"
)


def mood_card(metrics: dict[str, Any], data_sha256: str) -> str:
    """Text of `CARD.md` for a content of `metrics.json`."""
    import sklearn

    return filled_card(
        Path(__file__).with_name("mood_card.md.j2"),
        metrics=metrics,
        description=MOOD_MODELS[metrics["model"]],
        inputs=inputs_of(metrics["model"]),
        sklearn_version=sklearn.__version__,
        sha256=data_sha256,
        source=_KNOWN_SOURCE if data_sha256 == DOWNLOADS["moods"].sha256 else "unknown",
        num_folds=NUM_FOLDS,
        rows=score_rows(metrics["per_class"], ".3f"),
        reports=baselines_of(ModelKind.MUSIC, metrics["model"]),
        errors=mistakes(np.array(metrics["confusion"]), MOODS),
    )


# The head that hears mood

_HEAD_SEED = 0
_C = 0.003  # the best in ten folds, see docs/experiments.md, as the next two
_RIDGE = 0.1
_SHARPNESS = 5.0  # the kernel's scores, which are shares of a quadrant
_MIN_SCALE = 1e-3  # a feature that hardly changes has it
_KEPT = (NETWORK.name, "LICENSE")  # which the training does not write


def read_clips(folder: Path, on_progress: Callable[[int, int], None]) -> Examples:
    """Hear all audio files in `folder`/Q1 to `folder`/Q4.

    Args:
        folder: holds one folder for each quadrant.
        on_progress: takes the numbers of heard files and of all.

    Raises:
        DatasetError: a quadrant has no audio file.
        AudioError: a file cannot be decoded.
    """
    files = [
        (path, label)
        for label, quadrant in enumerate(QUADRANTS)
        for path in sorted((folder / quadrant).glob("*"))
        if has_ending(path.name, AUDIO_ENDINGS)
    ]
    labels = np.array([label for _, label in files], np.int64)
    if len(set(labels.tolist())) < len(QUADRANTS):
        raise DatasetError(f"expected audio files in {folder}/Q1 to Q4. Received: {len(files)} files")

    def hear(path: Path) -> tuple[npt.NDArray[np.float32], str]:
        features = hear_windows(read_song(path).windows)[2]
        return summary_of(features), hashlib.sha256(path.read_bytes()).hexdigest()[:16]

    heard = []
    with ThreadPoolExecutor(num_cores(), thread_name_prefix="clips") as threads:
        for clip in threads.map(hear, [path for path, _ in files]):
            heard.append(clip)
            on_progress(len(heard), len(files))
    summaries, checksums = zip(*heard, strict=True)
    return Examples(np.stack(summaries), labels, checksums)


def fit_head(summaries: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> SoundHead:
    """Fit standardization, logistic regression and kernel ridge regression, and average the logits of both.

    Args:
        summaries: shape (n, f).
        labels: shape (n,): positions in `QUADRANTS`.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = summaries.mean(axis=0), np.maximum(summaries.std(axis=0), _MIN_SCALE)
    standardized = (summaries - mean) / scale
    linear = LogisticRegression(C=_C, max_iter=1000).fit(standardized, labels)
    clips = directions(standardized)
    similarities = kernel(clips, clips)
    targets = np.eye(len(QUADRANTS))[labels] - 1 / len(QUADRANTS)
    scores = np.linalg.solve(similarities + _RIDGE * np.eye(len(clips)), targets)
    weights = (linear.coef_.T / 2, linear.intercept_ / 2, scores * _SHARPNESS / 2)
    linear_weights, bias, kernel_weights = (table.astype(np.float32) for table in weights)
    return SoundHead(mean, scale, linear_weights, bias, clips, kernel_weights)


def cross_validate_head(clips: Examples) -> CrossValidation:
    """Result of repeated ten-fold cross-validation. `macro_f1` and `accuracy` are means over the repeats.

    Raises:
        DatasetError: a quadrant has fewer than ten clips.
    """
    found = cross_validate(MODEL, clips, QUADRANTS, lambda *known: fit_head(*known).probabilities, seed=_HEAD_SEED)
    f1s = [score(clips.labels, repeat.argmax(axis=1), QUADRANTS).macro_f1 for repeat in found.repeated_probabilities]
    mean, std = found.metrics["accuracy"].values()
    found.metrics.update(accuracy=mean, accuracy_std=std, macro_f1=float(np.mean(f1s)), macro_f1_std=float(np.std(f1s)))
    return found


def evaluate_sound(clips: Examples) -> dict[str, Any]:
    """Metrics on clips: of ten folds if the bundled head was fitted to some of them, otherwise of the bundled head.

    Returns:
        `model`, `n`, `folds` (0 for the bundled head), `accuracy`, `macro_f1`, `per_class`, `confusion` (rows are true)
        and `calibration_error`.
    """
    folder = folder_of(ModelKind.SOUND, MODEL)
    spec = json.loads((folder / SPEC).read_text(encoding="utf-8")) if (folder / SPEC).is_file() else {}
    if not spec or set(spec["clips"]) & set(clips.checksums):
        return cross_validate_head(clips).metrics
    probabilities = SoundHead.load(folder / HEAD).probabilities(clips.inputs)
    figures = score(clips.labels, probabilities.argmax(axis=1), QUADRANTS).as_dict()
    error = expected_calibration_error(clips.labels, probabilities)
    return {"model": MODEL, "n": len(clips.labels), "folds": 0, **figures, "calibration_error": error}


def train_sound(clips: Examples, out: Path) -> dict[str, Any]:
    """Cross-validate the head, fit it to all clips and write its files.

    Args:
        clips: what `read_clips` gives.
        out: folder for `head.npz`, `spec.json`, `metrics.json`, `predictions.npz` and `CARD.md`.

    Returns:
        Content of `metrics.json`.

    Raises:
        DatasetError: a quadrant has fewer than ten clips.
        ModelError: the folder contains other files or is not writable.
    """

    def save(new: Path) -> dict[str, Any]:
        fit_head(clips.inputs, clips.labels).save(new / HEAD)
        write_json(new / SPEC, {"name": MODEL, "classes": list(QUADRANTS), "clips": sorted(clips.checksums)})
        return {"bytes": sum(path.stat().st_size for path in (models_dir() / NETWORK, new / HEAD))}

    def card(metrics: dict[str, Any]) -> str:
        return filled_card(
            Path(__file__).with_name("sound_card.md.j2"),
            metrics=metrics,
            level_db=LEVEL_DB,
            num_folds=NUM_FOLDS,
            rows=score_rows(metrics["per_class"], ".1%"),
            published=baselines_of(ModelKind.SOUND, MODEL)[0].figure,
            errors=mistakes(np.array(metrics["confusion"]), QUADRANTS),
        )

    return train(ModelKind.SOUND, out, [HEAD, *_KEPT], partial(cross_validate_head, clips), save=save, card=card)
