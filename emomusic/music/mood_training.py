"""Fit and judge the mood models. What a card, a page or the README says about one is written here."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold

from emomusic.assets import CARD, METRICS, PREDICTIONS, SPEC, prepare_model_folder, write_json
from emomusic.baselines import MUSIC_BASELINES, MUSIC_SOURCE
from emomusic.downloads import DOWNLOADS
from emomusic.errors import DatasetError
from emomusic.metrics import expected_calibration_error, mistakes, score
from emomusic.music.catalogue import MoodTable, read_mood_table
from emomusic.music.mood import MODEL_FILE, MOODS, MoodClassifier
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL, MOOD_MODELS, SEED

logger = logging.getLogger(__name__)

NUM_FOLDS = 10
NUM_REPEATS = 5

_FILES = (MODEL_FILE, SPEC, METRICS, PREDICTIONS, CARD)
_DRAFTS = "drafts-*"  # may be left by a run that was killed


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class MoodEvaluation:
    """How a kind of model does on songs it has not seen.

    Attributes:
        metrics: ready for JSON: `model`, `n` songs, `folds` (all of them, over the repeats), `accuracy` (`mean` and
            `std` over the folds), `macro_f1` (mean) and `macro_f1_std`, `per_class`, `confusion` (rows true, in the
            order of `Mood`), `calibration_error` (`evaluation.expected_calibration_error`). The last three are of the
            first repeat, so that every song counts once.
        labels: shape (n,), positions in `Mood`.
        repeated_probabilities: shape (repeats, n, 4), float32: what a model said that had not seen the song.
        repeated_folds: shape (repeats, n), int8: in which fold the song was kept from the model.
    """

    metrics: dict[str, Any]
    labels: npt.NDArray[np.int64]
    repeated_probabilities: npt.NDArray[np.float32]
    repeated_folds: npt.NDArray[np.int8]

    @property
    def probabilities(self) -> npt.NDArray[np.float32]:
        """Shape (n, 4), float32: those of the first repeat."""
        first: npt.NDArray[np.float32] = self.repeated_probabilities[0]
        return first


def evaluate_mood_model(
    data: Path, *, model: str = DEFAULT_MOOD_MODEL, num_repeats: int = NUM_REPEATS
) -> MoodEvaluation:
    """Judge a kind of mood model by repeated stratified ten-fold cross-validation.

    Args:
        data: `data_moods.csv`.
        model: one of `MOOD_MODELS`.
        num_repeats: how often the songs are dealt into ten folds anew.

    Raises:
        DatasetError: the table cannot be used, or has too few songs of a mood for ten folds.
    """
    return _evaluate(read_mood_table(data), model, num_repeats)


def train_mood_model(
    data: Path, *, model: str = DEFAULT_MOOD_MODEL, out: Path, num_repeats: int = NUM_REPEATS
) -> dict[str, Any]:
    """Judge a kind of mood model, fit it on all songs, and write all that the app shows.

    Args:
        data: `data_moods.csv`.
        model: one of `MOOD_MODELS`.
        out: the folder that will hold `model.skops`, `spec.json`, `metrics.json`, `predictions.npz` (no song data)
            and `CARD.md`; they are replaced when all are written and the model has been read back.
        num_repeats: of the cross-validation.

    Returns:
        What `metrics.json` holds: the evaluation's and `ms_per_song`, the time a song takes on this machine when many
        are judged at once.

    Raises:
        DatasetError: the table cannot be used.
        ModelError: the folder holds something else, or cannot be written.
    """
    table = read_mood_table(data)
    out = prepare_model_folder(out, (*_FILES, _DRAFTS))
    for left in out.glob(_DRAFTS):
        shutil.rmtree(left)
    evaluation = _evaluate(table, model, num_repeats)
    classifier = MoodClassifier(model).fit(table.features, table.labels, duration_s=table.duration_s)
    metrics = evaluation.metrics | {"ms_per_song": _ms_per_song(classifier, table)}

    with tempfile.TemporaryDirectory(dir=out, prefix="drafts-") as folder:
        new = Path(folder)
        classifier.save(new, data_sha256=table.sha256)
        write_json(new / METRICS, metrics)
        np.savez_compressed(
            new / PREDICTIONS,
            labels=evaluation.labels.astype(np.int8),
            probabilities=evaluation.probabilities,
            repeated_probabilities=evaluation.repeated_probabilities,
            repeated_folds=evaluation.repeated_folds,
        )
        (new / CARD).write_text(_card(metrics, table), encoding="utf-8")
        MoodClassifier.load(new)
        for name in _FILES:
            (new / name).replace(out / name)
    logger.info("wrote %s", out)
    return metrics


def _ms_per_song(classifier: MoodClassifier, table: MoodTable, *, num_songs: int = 6000) -> float:
    """The best of five: the others say what else the machine had to do."""
    rows = np.arange(num_songs) % len(table)
    features, duration_s = table.features[rows], table.duration_s[rows]
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        classifier.predict_probabilities(features, duration_s=duration_s)
        seconds.append(time.perf_counter() - started)
    return round(1000.0 * min(seconds) / num_songs, 5)


def _evaluate(table: MoodTable, model: str, num_repeats: int) -> MoodEvaluation:
    if model not in MOOD_MODELS:
        raise ValueError(f"model must be one of {', '.join(MOOD_MODELS)}. Received: {model!r}")
    if num_repeats < 1:
        raise ValueError(f"num_repeats must be at least 1. Received: {num_repeats}")
    features, duration_s, labels = table.features, table.duration_s, table.labels
    counts = np.bincount(labels, minlength=len(MOODS))
    if counts.min() < NUM_FOLDS:
        received = ", ".join(f"{count} {mood}" for mood, count in zip(MOODS, counts, strict=True))
        raise DatasetError(f"expected at least {NUM_FOLDS} songs of each mood. Received: {received}")

    repeated_probabilities = np.zeros((num_repeats, len(labels), len(MOODS)), np.float32)
    repeated_folds = np.zeros((num_repeats, len(labels)), np.int8)
    accuracies: list[float] = []
    macro_f1s: list[float] = []
    for repeat in range(num_repeats):
        folds = StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=SEED + repeat)
        for fold, (train, test) in enumerate(folds.split(features, labels)):
            classifier = MoodClassifier(model).fit(features[train], labels[train], duration_s=duration_s[train])
            probabilities = classifier.predict_probabilities(features[test], duration_s=duration_s[test])
            predicted = probabilities.argmax(axis=1)
            accuracies.append(float(accuracy_score(labels[test], predicted)))
            macro_f1s.append(float(f1_score(labels[test], predicted, average="macro", zero_division=0.0)))
            repeated_probabilities[repeat, test] = probabilities
            repeated_folds[repeat, test] = fold
        logger.info("%s: repeat %d of %d, accuracy so far %.3f", model, repeat + 1, num_repeats, np.mean(accuracies))

    predicted = repeated_probabilities[0].argmax(axis=1)
    once = score(labels, predicted, MOODS).as_dict()
    metrics = {
        "model": model,
        "n": len(labels),
        "folds": len(accuracies),
        "accuracy": {"mean": float(np.mean(accuracies)), "std": float(np.std(accuracies))},
        "macro_f1": float(np.mean(macro_f1s)),
        "macro_f1_std": float(np.std(macro_f1s)),
        "per_class": once["per_class"],
        "confusion": once["confusion"],
        "calibration_error": expected_calibration_error(labels, repeated_probabilities[0]),
    }
    return MoodEvaluation(metrics, labels, repeated_probabilities, repeated_folds)


# Of the only copy of the table that is known; a card must not claim an origin for any other.
_KNOWN_ORIGIN = (
    "it was published as `data/data_moods.csv` at github.com/cristobalvch/Spotify-Machine-Learning, "
    "commit 6d952aa707f67991dc9295c80980ba6311931952"
)

_CARD = """# Mood model `{model}`

{description}. Input: {features}. Output: the probabilities of {moods}.
Made by `python -m emomusic train music --model {model} --data data_moods.csv` with scikit-learn {sklearn_version};
this card was written by that command, with its figures.

## Data

{n} songs with Spotify's audio features, each labelled with one mood: {counts}. The file's sha256 is `{sha256}`;
{origin}.

- **The data has no stated licence.** It is therefore not part of this repository; `predictions.npz` holds labels and
  probabilities, and nothing of the songs themselves.
- **Spotify's developer policy forbids training machine-learning models on its content**, and these features are its
  content. The model is here to reproduce a student report and for study. Do not build a product or a service on it.
- Who set the labels, and how far listeners would agree with them, is not known.

## Figures

Stratified {num_folds}-fold cross-validation, {repeats}: accuracy {accuracy:.3f} ± {accuracy_std:.3f}, macro-F1
{macro_f1:.3f} ± {macro_f1_std:.3f} (mean and standard deviation over {folds} folds of about {fold_size} songs: a single
split can be several points off either way). The shipped model is fitted on all {n} songs.

Of the first repeat, in which every song is judged once by a model that has not seen it:

| mood | precision | recall | F1 | songs |
| --- | --- | --- | --- | --- |
{per_class}

Rows are true, columns predicted:

| true mood | {heads} |
| --- |{rules}
{confusion}

The most frequent error: {worst}. Expected calibration error (15 bins): {calibration_error:.3f}.{reported}

## Limits, and uses to avoid

- Calm songs in the data are mostly acoustic instrumentals. In a catalogue of other music hardly any song wins that
  class: rank songs by its probability.
- It knows how a song sounds, not its words, and nothing of the listener's culture or taste. It is no therapy and no
  measure of anyone's mood: keep it out of health, hiring, teaching and advertising.
- Features outside the range of the songs it learnt from are treated as the nearest ones inside.{duration}
"""


def _card(metrics: dict[str, Any], table: MoodTable) -> str:
    made = mistakes(np.array(metrics["confusion"]), MOODS)
    repeats = metrics["folds"] // NUM_FOLDS
    return _CARD.format(
        model=metrics["model"],
        description=MOOD_MODELS[metrics["model"]].description,
        features=", ".join(MOOD_MODELS[metrics["model"]].inputs),
        moods=", ".join(MOODS),
        sklearn_version=sklearn.__version__,
        n=metrics["n"],
        counts=", ".join(f"{scores['support']} {mood}" for mood, scores in metrics["per_class"].items()),
        sha256=table.sha256,
        origin=_KNOWN_ORIGIN if table.sha256 == DOWNLOADS["moods"].sha256 else "where it comes from is not known here",
        num_folds=NUM_FOLDS,
        repeats="once" if repeats == 1 else f"{repeats} times with songs dealt anew",
        accuracy=metrics["accuracy"]["mean"],
        accuracy_std=metrics["accuracy"]["std"],
        macro_f1=metrics["macro_f1"],
        macro_f1_std=metrics["macro_f1_std"],
        folds=metrics["folds"],
        fold_size=metrics["n"] // NUM_FOLDS,
        per_class="\n".join(
            f"| {mood} | {s['precision']:.3f} | {s['recall']:.3f} | {s['f1']:.3f} | {s['support']} |"
            for mood, s in metrics["per_class"].items()
        ),
        heads=" | ".join(MOODS),
        rules=" --- |" * len(MOODS),
        confusion="\n".join(
            f"| {mood} | {' | '.join(map(str, row))} |" for mood, row in zip(MOODS, metrics["confusion"], strict=True)
        ),
        calibration_error=metrics["calibration_error"],
        duration=(
            "\n- Where the length of a song is not known, it counts as the median of the songs learnt from."
            if MOOD_MODELS[metrics["model"]].uses_duration
            else ""
        ),
        reported=_reported(metrics["model"]),
        worst=f"{made[0].count} {made[0].true} songs called {made[0].predicted}" if made else "none",
    )


def _reported(model: str) -> str:
    figures = [f"{report.figure:.2f} ({report.note})" for report in MUSIC_BASELINES.get(model, ())]
    return f"\n\nFor comparison, {MUSIC_SOURCE} give the accuracies {', '.join(figures)}." if figures else ""
