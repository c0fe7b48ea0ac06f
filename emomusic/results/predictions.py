"""Saved metrics, predictions and training histories of the models. No model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS, QUADRANT_MOODS, Quadrant
from emomusic.assets import CARD, DAMAGED_ARRAYS, HISTORY, PREDICTIONS, ModelKind, folder_of, read_metrics
from emomusic.errors import ModelError
from emomusic.metrics import (
    FOUR,
    ClassScores,
    Count,
    IntArray,
    McNemar,
    Mistake,
    Scores,
    in_classes,
    mcnemar,
    mistakes,
    score,
)
from emomusic.results.records import face_classes
from emomusic.text import csv_text


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class ClassMetrics:
    """Metrics of a model by class.

    Attributes:
        per_class: scores by class name, in the order of the matrix.
        confusion: shape (classes, classes); rows are true, columns predicted classes.
    """

    per_class: dict[str, ClassScores]
    confusion: IntArray

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the matrix."""
        return tuple(self.per_class)

    @property
    def mistakes(self) -> list[Mistake]:
        """All mistakes, the most frequent first."""
        return mistakes(self.confusion, self.classes)

    @property
    def worst_mistake(self) -> tuple[str, str] | None:
        """The true and the predicted class of the most frequent mistake; None without mistakes."""
        made = self.mistakes
        return (made[0].true, made[0].predicted) if made else None


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A model's predictions on labelled test examples.

    Attributes:
        name: the model's name.
        classes: the model's classes.
        y_true: shape (n,), positions in `classes`.
        probabilities: shape (n, classes), rows summing to 1.
        emotions: shape (n,), positions in `EMOTIONS`, also for models of four classes; None for songs.
    """

    name: str
    classes: tuple[str, ...]
    y_true: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    emotions: npt.NDArray[np.int64] | None

    @property
    def y_pred(self) -> npt.NDArray[np.int64]:
        """Shape (n,), the most probable classes."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def truth(self) -> npt.NDArray[np.int64]:
        """Shape (n,), the labels of the dataset, independent of the model's classes."""
        return self.y_true if self.emotions is None else self.emotions

    def grouped(self, *, four: bool) -> Grouped:
        """True and predicted classes, in the model's own classes, or in Q1, Q2, Q3 and N for face models."""
        if not four or self.classes == FOUR:
            return Grouped(self.classes, self.y_true, self.y_pred, self.probabilities.max(axis=1))
        y_pred = in_classes(self.y_pred, FOUR)
        in_answer = in_classes(np.arange(len(self.classes)), FOUR) == y_pred[:, None]
        confidence = (self.probabilities * in_answer).sum(axis=1)
        return Grouped(FOUR, in_classes(self.y_true, FOUR), y_pred, confidence)


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """True and predicted labels in one set of classes.

    Attributes:
        classes: class names.
        y_true: shape (n,), positions in `classes`.
        y_pred: shape (n,), positions in `classes`.
        confidence: shape (n,), probability of the predicted class.
    """

    classes: tuple[str, ...]
    y_true: IntArray
    y_pred: IntArray
    confidence: npt.NDArray[np.float32]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Shape (n,), whether each prediction is correct."""
        return np.asarray(self.y_true == self.y_pred)

    def scores(self) -> Scores:
        """Metrics of these predictions."""
        return score(self.y_true, self.y_pred, self.classes)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Learning curves of a training run.

    Attributes:
        loss: shape (epochs,), on Training.
        accuracy: shape (epochs,), on Training.
        val_loss: shape (epochs,), on PublicTest.
        val_accuracy: shape (epochs,), on PublicTest.
        best_epoch: the epoch of the saved weights, from 1.
        stages: the configuration of each training stage, in `metrics.json`.
        last_epochs: the last epoch of each stage.
    """

    loss: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    val_loss: npt.NDArray[np.float64]
    val_accuracy: npt.NDArray[np.float64]
    best_epoch: int
    stages: tuple[Mapping[str, Any], ...]
    last_epochs: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.loss)


@dataclass(frozen=True, slots=True)
class Comparison:
    """McNemar's test of two models on the same examples, in classes that both have."""

    first: str
    second: str
    num_classes: int
    test: McNemar


class _SavedMetrics(msgspec.Struct):
    """The parts of `metrics.json` that `ClassMetrics` needs."""

    per_class: dict[str, ClassScores]
    confusion: list[list[Count]]


class _Stage(msgspec.Struct):
    epochs: int
    config: dict[str, Any]


class _Training(msgspec.Struct):
    """The parts of `metrics.json` that `History` needs."""

    best_epoch: int
    stages: list[_Stage]


_ROUNDING = 1e-3  # tolerance for sums of probabilities
_CURVES = ["loss", "accuracy", "val_loss", "val_accuracy"]


def read_class_metrics(kind: ModelKind, name: str) -> ClassMetrics:
    """Read a model's metrics in its own classes; those of a sound model by the moods of its quadrants.

    Raises:
        ModelError: they are absent or damaged.
    """
    folder = folder_of(kind, name)
    return _class_metrics(folder, ("test",) if kind is ModelKind.FACE else (), songs=kind is ModelKind.SOUND)


def read_vote_metrics(name: str) -> ClassMetrics:
    """Read the metrics of a model of seven emotions by the majority of people's votes (FER+), without contempt.

    Raises:
        ModelError: they are absent or damaged.
    """
    return _class_metrics(folder_of(ModelKind.FACE, name), ("ferplus", "test", "seven"))


def _class_metrics(folder: Path, keys: Sequence[str], *, songs: bool = False) -> ClassMetrics:
    """The metrics under these keys of `metrics.json`. `songs` names quadrants by their moods."""
    metrics = read_metrics(folder)
    try:
        for key in keys:
            metrics = metrics[key]
        saved = msgspec.convert(metrics, _SavedMetrics)
        confusion = np.array(saved.confusion, np.int64)
        if not saved.per_class or confusion.shape != 2 * (len(saved.per_class),):
            raise ValueError(f"a confusion matrix of shape {confusion.shape} for {len(saved.per_class)} classes")
        per_class = saved.per_class
        if songs:
            per_class = {QUADRANT_MOODS[Quadrant(name)].value: scores for name, scores in per_class.items()}
        return ClassMetrics(per_class, confusion)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"expected the figures of a model in {folder}. Received: {error}") from error


def class_metrics_csv(figures: ClassMetrics) -> str:
    """One row for each class: its scores and its row of the confusion matrix."""
    header = ["class", *(field.name for field in fields(ClassScores)), *(f"called {name}" for name in figures.classes)]
    rows = zip(figures.per_class.items(), figures.confusion.tolist(), strict=True)
    return csv_text(header, ([label, *astuple(scores), *counts] for (label, scores), counts in rows))


def read_predictions(kind: ModelKind, name: str) -> Predictions:
    """Read a model's predictions on PrivateTest, or on held-out songs (the first repeat of the folds).

    Raises:
        ModelError: `predictions.npz` is absent or damaged.
    """
    folder = folder_of(kind, name)
    prefix = "test_" if kind is ModelKind.FACE else ""
    try:
        with np.load(folder / PREDICTIONS, allow_pickle=False) as arrays:
            labels = arrays[f"{prefix}labels"].astype(np.int64)
            probabilities = arrays[f"{prefix}probabilities"]
    except DAMAGED_ARRAYS as error:
        raise ModelError(f"expected predictions in {folder}. Received: {error!r}. Restore the file") from error
    if kind is ModelKind.FACE:
        classes, emotions = face_classes(folder), labels
        y_true = in_classes(labels, classes)
    else:
        classes, y_true, emotions = read_class_metrics(kind, name).classes, labels, None
    if probabilities.shape != (len(labels), len(classes)):
        raise ModelError(
            f"expected probabilities of shape {(len(labels), len(classes))} in {folder}. "
            f"Received: {probabilities.shape}. Restore the file"
        )
    num_labels = len(classes if emotions is None else EMOTIONS)
    are_valid = labels.size and np.isin(labels, np.arange(num_labels)).all()
    if not (are_valid and np.all(np.abs(probabilities.sum(axis=1) - 1) < _ROUNDING)):  # also refuses NaN
        raise ModelError(f"expected labels and probabilities in {folder}. Received: other numbers. Restore the file")
    return Predictions(name, classes, y_true, probabilities, emotions)


def read_history(name: str) -> History:
    """Read the learning curves of a face model. Raise a `ModelError` if they are absent or damaged."""
    folder = folder_of(ModelKind.FACE, name)
    try:
        table = pd.read_csv(folder / HISTORY, usecols=_CURVES, dtype=np.float64)
        saved = msgspec.convert(read_metrics(folder), _Training)
        if not 1 <= saved.best_epoch <= len(table):
            raise ValueError(f"epoch {saved.best_epoch} of {len(table)} as the best")
        last_epochs = tuple(np.cumsum([stage.epochs for stage in saved.stages]).tolist())
        if last_epochs[-1:] != (len(table),):
            raise ValueError(f"stages that end after epochs {last_epochs} of {len(table)}")
        curves = {column: table[column].to_numpy() for column in _CURVES}
        stages = tuple(stage.config for stage in saved.stages)
        return History(**curves, best_epoch=saved.best_epoch, stages=stages, last_epochs=last_epochs)
    except (OSError, ValueError) as error:
        raise ModelError(f"expected the history of a training in {folder}. Received: {error!r}") from error


def read_fold_accuracies(kind: ModelKind, name: str) -> npt.NDArray[np.float64]:
    """Read the accuracy of a model of songs in each fold, shape (repeats, folds).

    Raises:
        ModelError: `predictions.npz` is absent or damaged.
    """
    folder = folder_of(kind, name)
    try:
        with np.load(folder / PREDICTIONS, allow_pickle=False) as arrays:
            right = arrays["repeated_probabilities"].argmax(axis=2) == arrays["labels"]
            folds = arrays["repeated_folds"].astype(np.int64)
        if right.shape != folds.shape or not right.size:
            raise ValueError(f"answers of shape {right.shape} in folds of shape {folds.shape}")
        repeats = zip(right, folds, strict=True)
        return np.array([[row[of == fold].mean() for fold in np.unique(of)] for row, of in repeats], np.float64)
    except (*DAMAGED_ARRAYS, IndexError) as error:
        raise ModelError(f"expected predictions in {folder}. Received: {error!r}. Restore the file") from error


def read_card(kind: ModelKind, name: str) -> str:
    """Read the card of a model, in Markdown. Raise a `ModelError` if it is absent."""
    path = folder_of(kind, name) / CARD
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"expected a card in {path}. Received: {error}") from error


def compare(first: Predictions, second: Predictions) -> Comparison | None:
    """Test whether two models differ beyond chance; None if their test examples differ.

    A model of seven emotions and one of four classes are compared in four.
    """
    if not np.array_equal(first.truth, second.truth):
        return None
    one, other = (predictions.grouped(four=first.classes != second.classes) for predictions in (first, second))
    return Comparison(first.name, second.name, len(one.classes), mcnemar(one.right, other.right))


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The examples in one cell of a confusion matrix.

    Attributes:
        true: the class of its row.
        predicted: the class of its column.
        rows: shape (n,), positions of the examples by falling confidence.
        num_true: number of examples of the true class.
        num_turned: number of examples of class `predicted` that were predicted as `true`.
        num_second: number of `rows` whose second most probable class is the true one.
        mean: shape (classes,), mean probabilities over `rows`; None without rows, or if the cell is not in the model's
            classes.
    """

    true: str
    predicted: str
    rows: npt.NDArray[np.int64]
    num_true: int
    num_turned: int
    num_second: int
    mean: npt.NDArray[np.float64] | None


def confusion_cell(predictions: Predictions, true: str, predicted: str, *, four: bool) -> Cell:
    """Select the examples of one cell of a confusion matrix, as in `Predictions.grouped`.

    Raises:
        ValueError: the matrix has no such class.
    """
    group = predictions.grouped(four=four)
    row, column = group.classes.index(true), group.classes.index(predicted)
    rows = np.flatnonzero((group.y_true == row) & (group.y_pred == column))
    rows = rows[np.argsort(-group.confidence[rows], kind="stable")]
    is_own = group.classes == predictions.classes
    second = np.argsort(-predictions.probabilities[rows], axis=1, kind="stable")[:, 1]
    return Cell(
        true,
        predicted,
        rows,
        num_true=int((group.y_true == row).sum()),
        num_turned=int(((group.y_true == column) & (group.y_pred == row)).sum()),
        num_second=int((second == row).sum()) if is_own else 0,
        mean=predictions.probabilities[rows].mean(axis=0).astype(np.float64) if is_own and rows.size else None,
    )
