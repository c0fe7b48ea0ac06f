"""What is known of a trained model: its figures, its answers on examples it had not seen, and both in plain words.

Everything is read from the files that training wrote; no model is loaded. scikit-learn and SciPy load where something
is computed that no file holds.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS
from emomusic.assets import (
    CARD,
    DAMAGED_ARRAYS,
    HISTORY,
    PREDICTIONS,
    ModelKind,
    folder_of,
    read_metrics,
)
from emomusic.errors import ModelError
from emomusic.metrics import (
    FOUR,
    ClassScores,
    IntArray,
    McNemar,
    Mistake,
    Scores,
    in_classes,
    mcnemar,
    mistakes,
    score,
)
from emomusic.results.records import checked_metric, face_classes
from emomusic.text import csv_text


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class ClassMetrics:
    """How a model does class by class.

    Attributes:
        per_class: by the name of the class, in the order of the matrix.
        confusion: shape (classes, classes); rows are the true classes, columns the model's.
    """

    per_class: dict[str, ClassScores]
    confusion: IntArray

    @property
    def classes(self) -> tuple[str, ...]:
        """The names, in the order of the matrix."""
        return tuple(self.per_class)

    @property
    def mistakes(self) -> list[Mistake]:
        """The most frequent one first."""
        return mistakes(self.confusion, self.classes)

    @property
    def worst_mistake(self) -> tuple[str, str] | None:
        """The most frequent mistake: the true class and what it is called; None where there is none."""
        made = self.mistakes
        return (made[0].true, made[0].predicted) if made else None


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model said of labelled examples that it had not seen.

    Attributes:
        name: of the model.
        classes: what it tells apart.
        y_true: shape (n,), positions in `classes`.
        probabilities: shape (n, classes), rows summing to 1.
        emotions: shape (n,), positions in `EMOTIONS`, also where the model knows four classes; None for songs.
    """

    name: str
    classes: tuple[str, ...]
    y_true: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    emotions: npt.NDArray[np.int64] | None

    @property
    def y_pred(self) -> npt.NDArray[np.int64]:
        """Shape (n,): the most probable class of each."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def truth(self) -> npt.NDArray[np.int64]:
        """Shape (n,): the labels of the data, whatever the model's classes are."""
        return self.y_true if self.emotions is None else self.emotions

    def grouped(self, *, four: bool) -> Grouped:
        """True and predicted classes, in the model's own classes or, of a face model, in Q1, Q2, Q3 and N.

        Raises:
            ValueError: `four` of a model of songs.
        """
        if four and self.emotions is None:
            raise ValueError(f"expected the own classes of a model of songs. Received: four, of {self.name}")
        if not four or self.classes == FOUR:
            return Grouped(self.classes, self.y_true, self.y_pred, self.probabilities.max(axis=1))
        y_pred = in_classes(self.y_pred, FOUR)
        is_answered = in_classes(np.arange(len(self.classes)), FOUR) == y_pred[:, None]
        confidence = (self.probabilities * is_answered).sum(axis=1)
        return Grouped(FOUR, in_classes(self.y_true, FOUR), y_pred, confidence)


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Labels of examples: `y_true` and `y_pred`, shape (n,), are positions in `classes`.

    `confidence`, shape (n,), is the probability of the class that was answered.
    """

    classes: tuple[str, ...]
    y_true: IntArray
    y_pred: IntArray
    confidence: npt.NDArray[np.float32]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): where the answer is right."""
        return np.asarray(self.y_true == self.y_pred)

    def scores(self) -> Scores:
        """All figures of these answers."""
        return score(self.y_true, self.y_pred, self.classes)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """How a training went, epoch by epoch, from 1.

    Attributes:
        loss: shape (epochs,); `accuracy`, `val_loss` and `val_accuracy` likewise, the latter two on PublicTest.
        best_epoch: the one whose weights were kept.
        config: the training's settings, as `metrics.json` has them.
    """

    loss: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    val_loss: npt.NDArray[np.float64]
    val_accuracy: npt.NDArray[np.float64]
    best_epoch: int
    config: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.loss)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same examples, in as many classes as both can be judged in."""

    first: str
    second: str
    num_classes: int
    test: McNemar


_ROUNDING = 1e-3  # rows of probabilities sum to 1 but for this
_CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")


def read_class_metrics(kind: ModelKind, name: str) -> ClassMetrics:
    """The figures of a model in its own classes, as training wrote them.

    Raises:
        ModelError: they are absent or damaged.
    """
    folder = folder_of(kind, name)
    metrics = read_metrics(folder)
    try:
        figures = metrics["test"] if kind is ModelKind.FACE else metrics
        per_class = {label: _class_scores(**scores) for label, scores in figures["per_class"].items()}
        confusion = np.array(figures["confusion"], np.int64)
        if not per_class:
            raise ValueError("no class")
        if confusion.shape != (len(per_class), len(per_class)):
            raise ValueError(f"a confusion matrix of shape {confusion.shape} for {len(per_class)} classes")
        return ClassMetrics(per_class, confusion)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"expected the figures of a model in {folder}. Received: {error!r}") from error


def _class_scores(*, support: Any, **scores: Any) -> ClassScores:
    return ClassScores(**{name: checked_metric(value) for name, value in scores.items()}, support=int(support))


def class_metrics_csv(figures: ClassMetrics) -> str:
    """One row a class: its scores, and how many of it were called what."""
    header = ["class", *(field.name for field in fields(ClassScores)), *(f"called {name}" for name in figures.classes)]
    rows = zip(figures.per_class.items(), figures.confusion.tolist(), strict=True)
    return csv_text(header, ([label, *astuple(scores), *counts] for (label, scores), counts in rows))


def read_predictions(kind: ModelKind, name: str) -> Predictions:
    """What a model said of PrivateTest, or of the songs kept from it (each once, in the first repeat).

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
    if kind is ModelKind.MUSIC:
        classes, y_true, emotions = read_class_metrics(kind, name).classes, labels, None
    else:
        classes, emotions = face_classes(folder), labels
        y_true = in_classes(labels, classes)
    if probabilities.shape != (len(labels), len(classes)):
        raise ModelError(
            f"expected probabilities of shape {(len(labels), len(classes))} in {folder}. "
            f"Received: {probabilities.shape}. Restore the file"
        )
    num_labels = len(classes if emotions is None else EMOTIONS)
    are_labels = labels.size and np.isin(labels, np.arange(num_labels)).all()
    if not (are_labels and np.all(np.abs(probabilities.sum(axis=1) - 1) < _ROUNDING)):  # false of NaN too
        raise ModelError(f"expected labels and probabilities in {folder}. Received: other numbers. Restore the file")
    return Predictions(name, classes, y_true, probabilities, emotions)


def read_history(name: str) -> History:
    """How the training of a face model went.

    Raises:
        ModelError: `history.csv` is absent or damaged.
    """
    folder = folder_of(ModelKind.FACE, name)
    try:
        with (folder / HISTORY).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("no epoch")
        curves = {column: np.array([float(row[column]) for row in rows]) for column in _CURVES}
        metrics = read_metrics(folder)
        best_epoch, config = int(metrics["best_epoch"]), dict(metrics["config"])
        if not 1 <= best_epoch <= len(rows):
            raise ValueError(f"epoch {best_epoch} of {len(rows)} as the best")
        return History(**curves, best_epoch=best_epoch, config=config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"expected the history of a training in {folder}. Received: {error!r}") from error


def read_fold_accuracies(name: str) -> npt.NDArray[np.float64]:
    """Accuracy of a mood model in every fold, shape (repeats, folds).

    Raises:
        ModelError: `predictions.npz` is absent or damaged.
    """
    folder = folder_of(ModelKind.MUSIC, name)
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
    """The card of a model, in Markdown.

    Raises:
        ModelError: it is absent.
    """
    path = folder_of(kind, name) / CARD
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"expected a card in {path}. Received: {error}") from error


def compare(first: Predictions, second: Predictions) -> Comparison | None:
    """Test whether two models differ beyond chance; None where they were not judged on the same examples.

    A model of seven emotions and one of four classes are compared in the four.
    """
    if not np.array_equal(first.truth, second.truth):
        return None
    one, other = (predictions.grouped(four=first.classes != second.classes) for predictions in (first, second))
    return Comparison(first.name, second.name, len(one.classes), mcnemar(one.right, other.right))


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The examples of one true class that a model gave one answer.

    Attributes:
        true: their class.
        predicted: the model's answer.
        rows: shape (n,), which examples they are, the surest first.
        num_true: how many examples of the true class there are.
        num_turned: how many of the class `predicted` were called `true`, the other way round.
        num_second: for how many of `rows` the second guess is the true class.
        mean: shape (classes,), the mean of the model's probabilities over `rows`; None where there is none, and where
            the model's classes are not those of the cell.
    """

    true: str
    predicted: str
    rows: npt.NDArray[np.int64]
    num_true: int
    num_turned: int
    num_second: int
    mean: npt.NDArray[np.float64] | None


def confusion_cell(predictions: Predictions, true: str, predicted: str, *, four: bool) -> Cell:
    """Gather what a model did with the examples of one cell of its confusion matrix.

    Args:
        predictions: the model's answers.
        true: the cell's row.
        predicted: its column.
        four: the cell is one of Q1, Q2, Q3 and N.

    Raises:
        ValueError: a class is none of the matrix.
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
