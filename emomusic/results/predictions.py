"""Saved predictions and training histories of the models. No model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS
from emomusic.assets import CARD, DAMAGED_ARRAYS, HISTORY, PREDICTIONS, ModelKind, folder_of
from emomusic.errors import ModelError
from emomusic.metrics import FOUR, IntArray, McNemar, Scores, in_classes, mcnemar, score
from emomusic.records import Stage, read_face_record, read_record
from emomusic.results.overview import in_words


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
        """True and predicted classes, in the model's own classes, or in Q1, Q2, Q3 and N for face models.

        The class of the most probable emotion is predicted, not the most probable class.
        """
        if not four or self.classes == FOUR:
            return Grouped(tuple(map(in_words, self.classes)), self.y_true, self.y_pred, self.probabilities)
        members = in_classes(np.arange(len(self.classes)), FOUR)
        sums = [self.probabilities[:, members == number].sum(axis=1) for number in range(len(FOUR))]
        classes = tuple(map(in_words, FOUR))
        return Grouped(classes, in_classes(self.y_true, FOUR), in_classes(self.y_pred, FOUR), np.stack(sums, axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """True and predicted labels in one set of classes.

    Attributes:
        classes: class names, in words for people.
        y_true: shape (n,), positions in `classes`.
        y_pred: shape (n,), positions in `classes`.
        probabilities: shape (n, classes).
    """

    classes: tuple[str, ...]
    y_true: IntArray
    y_pred: IntArray
    probabilities: npt.NDArray[np.float32]

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """Shape (n,), probability of the predicted class."""
        return np.take_along_axis(self.probabilities, self.y_pred[:, None], axis=1)[:, 0]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Shape (n,), whether each prediction is correct."""
        return np.asarray(self.y_true == self.y_pred)

    def scores(self) -> Scores:
        """Metrics of these predictions."""
        return score(self.y_true, self.y_pred, self.classes)

    def cell(self, true: str, predicted: str) -> npt.NDArray[np.int64]:
        """Positions of the examples in one cell of the confusion matrix, by falling confidence."""
        row, column = self.classes.index(true), self.classes.index(predicted)
        rows = np.flatnonzero((self.y_true == row) & (self.y_pred == column))
        return rows[np.argsort(-self.confidence[rows], kind="stable")]


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


_ROUNDING = 1e-3  # tolerance for sums of probabilities
_CURVES = ["loss", "accuracy", "val_loss", "val_accuracy"]


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


def compare(first: Predictions, second: Predictions) -> McNemar | None:
    """Test whether two models differ beyond chance; None if their test examples differ.

    A model of seven emotions and one of four classes are compared in four.
    """
    if not np.array_equal(first.truth, second.truth):
        return None
    one, other = (predictions.grouped(four=first.classes != second.classes) for predictions in (first, second))
    return mcnemar(one.right, other.right)


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """What a model finds of one class if it calls an example so from a probability on, for each possible threshold.

    Attributes:
        thresholds: shape (n,), falling probabilities.
        precision: shape (n,), the share of the called examples that are of the class.
        recall: shape (n,), the share of the class that is called.
        false_alarms: shape (n,), the share of the other examples that are called.
        called: shape (n,), number of called examples.
    """

    thresholds: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    false_alarms: npt.NDArray[np.float64]
    called: npt.NDArray[np.int64]

    def at(self, threshold: float) -> int | None:
        """The position of the lowest probability of at least `threshold`; None if no example has one."""
        reached = int((self.thresholds >= threshold).sum())
        return reached - 1 if reached else None


def thresholds_of(group: Grouped, label: str) -> Thresholds:
    """Precision, recall and false alarms of a class at every threshold. Some examples are of it, and not all."""
    number = group.classes.index(label)
    shares = group.probabilities[:, number].astype(np.float64)
    order = np.argsort(-shares, kind="stable")
    is_class = (group.y_true == number)[order]
    ends = np.flatnonzero(np.diff(shares[order], append=-1.0))  # equal probabilities are called together
    hits, called = np.cumsum(is_class)[ends], ends + 1
    others = len(is_class) - int(is_class.sum())
    return Thresholds(shares[order][ends], hits / called, hits / is_class.sum(), (called - hits) / others, called)
