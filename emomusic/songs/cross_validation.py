"""What the training of models of songs shares: repeated cross-validation, and the files of a model."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold

from emomusic.assets import CARD, METRICS, PREDICTIONS, SPEC, ModelKind, prepare_model_folder
from emomusic.errors import DatasetError
from emomusic.metrics import IntArray, expected_calibration_error, score, score_rows
from emomusic.records import write_metrics

logger = logging.getLogger(__name__)

NUM_FOLDS = 10
NUM_REPEATS = 5

_DRAFTS = "drafts-"


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
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

    def save(self, path: Path) -> None:
        """Write labels, predictions and folds, without data of the songs."""
        np.savez_compressed(
            path,
            labels=self.labels.astype(np.int8),
            probabilities=self.repeated_probabilities[0],
            repeated_probabilities=self.repeated_probabilities,
            repeated_folds=self.repeated_folds,
        )


def cross_validate(
    model: str,
    labels: npt.NDArray[np.int64],
    classes: Sequence[str],
    predict: Callable[[IntArray, IntArray], npt.NDArray[np.floating]],
    *,
    num_repeats: int = NUM_REPEATS,
    seed: int,
) -> CrossValidation:
    """Result of repeated stratified ten-fold cross-validation.

    Args:
        model: its name.
        labels: shape (n,), positions in `classes`.
        classes: names of the classes.
        predict: fits a model to the songs at some positions, and predicts the probabilities of those at others.
        num_repeats: number of random splits into ten folds.
        seed: of the first split.

    Raises:
        DatasetError: a class has fewer than ten songs.
    """
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < NUM_FOLDS:
        received = ", ".join(f"{count} {name}" for name, count in zip(classes, counts, strict=True))
        raise DatasetError(f"expected at least {NUM_FOLDS} songs of each mood. Received: {received}")

    repeated_probabilities = np.zeros((num_repeats, len(labels), len(classes)), np.float32)
    repeated_folds = np.zeros((num_repeats, len(labels)), np.int8)
    accuracies: list[float] = []
    macro_f1s: list[float] = []
    for repeat in range(num_repeats):
        folds = StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=seed + repeat)
        for fold, (train, test) in enumerate(folds.split(labels, labels)):
            probabilities = predict(train, test)
            predicted = probabilities.argmax(axis=1)
            accuracies.append(float(accuracy_score(labels[test], predicted)))
            macro_f1s.append(float(f1_score(labels[test], predicted, average="macro", zero_division=0.0)))
            repeated_probabilities[repeat, test] = probabilities
            repeated_folds[repeat, test] = fold
        logger.info("%s: repeat %d of %d, mean accuracy %.3f", model, repeat + 1, num_repeats, np.mean(accuracies))

    predicted = repeated_probabilities[0].argmax(axis=1)
    first_repeat = score(labels, predicted, classes).as_dict()
    metrics = {
        "model": model,
        "n": len(labels),
        "folds": len(accuracies),
        "accuracy": {"mean": float(np.mean(accuracies)), "std": float(np.std(accuracies))},
        "macro_f1": float(np.mean(macro_f1s)),
        "macro_f1_std": float(np.std(macro_f1s)),
        "per_class": first_repeat["per_class"],
        "confusion": first_repeat["confusion"],
        "calibration_error": expected_calibration_error(labels, repeated_probabilities[0]),
    }
    return CrossValidation(metrics, labels, repeated_probabilities, repeated_folds)


def prepare_folder(out: Path, *names: str) -> Path:
    """Make and check the folder of a model, and remove what an interrupted run left.

    Args:
        out: the folder.
        names: files that it may have, beside those of `write_model`.

    Raises:
        AssetError: the folder is not writable.
        ModelError: it has other files.
    """
    out = prepare_model_folder(out, (*names, SPEC, METRICS, PREDICTIONS, CARD, f"{_DRAFTS}*"))
    for draft in out.glob(f"{_DRAFTS}*"):
        shutil.rmtree(draft)
    return out


def write_model(
    kind: ModelKind,
    out: Path,
    found: CrossValidation,
    *,
    save: Callable[[Path], Mapping[str, Any]],
    card: Callable[[dict[str, Any]], str],
) -> dict[str, Any]:
    """Write the files of a model into the folder of `prepare_folder`. A failure leaves the old ones.

    Args:
        kind: of the model.
        out: the folder.
        found: the evaluation.
        save: writes the weights and `spec.json` into a folder, checks them, and returns further metrics.
        card: makes the text of `CARD.md` from the metrics.

    Returns:
        Content of `metrics.json`.
    """
    with tempfile.TemporaryDirectory(dir=out, prefix=_DRAFTS) as folder:
        new = Path(folder)
        metrics = {**found.metrics, **save(new)}
        write_metrics(kind, new, metrics)
        found.save(new / PREDICTIONS)
        (new / CARD).write_text(card(metrics), encoding="utf-8")
        for path in list(new.iterdir()):
            path.replace(out / path.name)
    logger.info("wrote %s", out)
    return metrics


def card_values(metrics: Mapping[str, Any], number_format: str) -> dict[str, Any]:
    """What both cards say of the metrics: counts, folds, and the rows of the tables of scores and confusion."""
    scores = metrics["per_class"]
    rows = zip(scores, metrics["confusion"], strict=True)
    return {
        **metrics,
        "counts": ", ".join(f"{each['support']} {name}" for name, each in scores.items()),
        "num_folds": NUM_FOLDS,
        "repeats": metrics["folds"] // NUM_FOLDS,
        "table": score_rows(scores, number_format),
        "matrix": "\n".join(f"| {name} | {' | '.join(map(str, row))} |" for name, row in rows),
    }
