"""Saved predictions and training histories of the models. No model is loaded."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS
from emomusic.assets import CARD, DAMAGED_ARRAYS, HISTORY, PREDICTIONS, ModelKind, folder_of
from emomusic.errors import ModelError
from emomusic.metrics import FOUR, ClassMetrics, ClassScores, IntArray, McNemar, Scores, in_classes, mcnemar, score
from emomusic.records import Stage, read_face_record, read_record
from emomusic.text import csv_text


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
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
        stages: of the training.
    """

    loss: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    val_loss: npt.NDArray[np.float64]
    val_accuracy: npt.NDArray[np.float64]
    best_epoch: int
    stages: tuple[Stage, ...]

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def last_epochs(self) -> tuple[int, ...]:
        """The last epoch of each stage."""
        return tuple(accumulate(stage.epochs for stage in self.stages))


@dataclass(frozen=True, slots=True)
class Comparison:
    """McNemar's test of two models on the same examples, in classes that both have."""

    first: str
    second: str
    num_classes: int
    test: McNemar


_ROUNDING = 1e-3  # tolerance for sums of probabilities
_CURVES = ["loss", "accuracy", "val_loss", "val_accuracy"]


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
    classes = read_record(kind, name).by_class.classes
    emotions = labels if kind is ModelKind.FACE else None
    y_true = labels if emotions is None else in_classes(labels, classes)
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
    folder, record = folder_of(ModelKind.FACE, name), read_face_record(name)
    try:
        table = pd.read_csv(folder / HISTORY, usecols=_CURVES, dtype=np.float64)
        curves = {column: table[column].to_numpy() for column in _CURVES}
        stages = tuple(stage for stage in record.stages if not stage.made_by)  # others kept no curves
        best_epoch = min(record.best_epoch, len(table)) if stages != record.stages else record.best_epoch
        history = History(**curves, best_epoch=best_epoch, stages=stages)
        if not 1 <= history.best_epoch <= len(history) == history.last_epochs[-1]:
            raise ValueError(
                f"{len(history)} epochs, with the best as {best_epoch} and stages that end after "
                f"{', '.join(map(str, history.last_epochs))}"
            )
    except (OSError, ValueError) as error:
        raise ModelError(f"expected the history of a training in {folder}. Received: {error!r}") from error
    return history


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
