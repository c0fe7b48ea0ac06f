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
from sklearn.model_selection import StratifiedKFold

from emomusic.assets import CARD, METRICS, PREDICTIONS, SPEC, ModelKind, prepare_model_folder
from emomusic.errors import DatasetError
from emomusic.metrics import Scores, expected_calibration_error, score, score_rows
from emomusic.records import write_metrics

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
        checksums: of the content of each file that they were read from.
    """

    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]
    checksums: tuple[str, ...]


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
        seed: of the first split.

    Raises:
        DatasetError: a class has fewer than ten songs.
    """
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

    accuracies, macro_f1s = ([getattr(each, name) for each in scores] for name in ("accuracy", "macro_f1"))
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
        kind: of the model.
        out: the folder.
        names: of further files that it may have.
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
    for draft in out.glob(f"{_DRAFTS}*"):  # of an interrupted run
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


def fill_card(file: str, metrics: Mapping[str, Any], number_format: str, class_name: str, **values: Any) -> str:
    """The text of a `CARD.md` from a file beside this module.

    Its braces get the `values`, the metrics, and what follows from these: counts, folds, and the tables of scores and
    confusion.
    """
    scores = metrics["per_class"]
    rows = zip(scores, metrics["confusion"], strict=True)
    values |= {
        **metrics,
        "counts": ", ".join(f"{each['support']} {name}" for name, each in scores.items()),
        "num_folds": NUM_FOLDS,
        "runs": metrics["folds"] // NUM_FOLDS,
        "table": f"| {class_name} | precision | recall | F1 | songs |\n| --- | --- | --- | --- | --- |\n"
        + score_rows(scores, number_format),
        "matrix": f"| true {class_name} | {' | '.join(scores)} |\n{'| --- ' * (len(scores) + 1)}|\n"
        + "\n".join(f"| {name} | {' | '.join(map(str, row))} |" for name, row in rows),
    }
    return Path(__file__).with_name(file).read_text(encoding="utf-8").format(**values)
