"""Saved predictions and training histories of the models. No model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS
from emomusic.assets import CARD, HISTORY, PREDICTIONS, ModelKind, folder_of, load_once
from emomusic.errors import ModelError
from emomusic.faces.fer2013 import NO_MAJORITY, Split, majority, read_votes
from emomusic.faces.model_files import readable
from emomusic.metrics import (
    FOUR,
    SEVEN,
    FloatArray,
    IntArray,
    McNemar,
    Scores,
    expected_calibration_error,
    in_classes,
    mcnemar,
    score,
)
from emomusic.records import FaceRecord, Record, Stage, read_face_record, read_record
from emomusic.results.overview import Benchmark, Evaluation, evaluation, in_words, label_of


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the limits of its 95 % range."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class Predictions:
    """A model's predictions on labelled test examples."""

    classes: tuple[str, ...]  # the names that people read
    y_true: IntArray  # shape (n,), positions in `classes`
    y_pred: IntArray  # shape (n,), positions in `classes`
    probabilities: npt.NDArray[np.float32]  # shape (n, classes), rows summing to 1
    # shape (n,), of the dataset: `y_true`, or positions in `EMOTIONS`, also for four classes and people's votes
    labels: IntArray
    rows: IntArray  # shape (n,), positions of the examples in the dataset

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """Shape (n,), probability of the predicted class."""
        return np.take_along_axis(self.probabilities, self.y_pred[:, None], axis=1)[:, 0]

    def in_four(self) -> Predictions:
        """The predictions of a face model in four classes: that of the most probable emotion is predicted."""
        if len(self.classes) == len(FOUR):
            return self
        members = in_classes(np.arange(len(self.classes)), FOUR)
        sums = [self.probabilities[:, members == number].sum(axis=1) for number in range(len(FOUR))]
        y_true, y_pred = (in_classes(labels, FOUR) for labels in (self.y_true, self.y_pred))
        return replace(
            self, classes=tuple(map(in_words, FOUR)), y_true=y_true, y_pred=y_pred, probabilities=np.stack(sums, axis=1)
        )

    def by_votes(self, num_rows: int) -> Predictions:
        """The predictions of a face model on pictures of which most people saw one of the seven emotions.

        Raises:
            DatasetError: as of `read_votes`.
            ModelError: these are not `num_rows` pictures, as where the model was evaluated on other ones.
        """
        seen = majority(read_votes(Split.TEST)[1])[: len(self.labels)]
        rows = np.flatnonzero((seen != NO_MAJORITY) & (seen < len(SEVEN)))
        if len(rows) != num_rows:
            raise ModelError(f"expected {num_rows} pictures with a majority of votes. Received: {len(rows)}")
        classes = FOUR if len(self.classes) == len(FOUR) else SEVEN
        return replace(
            self,
            y_true=in_classes(seen[rows], classes),
            y_pred=self.y_pred[rows],
            probabilities=self.probabilities[rows],
            labels=self.labels[rows],
            rows=rows,
        )

    def scores(self) -> Scores:
        """Metrics of these predictions."""
        return score(self.y_true, self.y_pred, self.classes)

    def means(self) -> dict[str, Figure]:
        """Mean recall, calibration error and Brier score, by name.

        The ranges are percentiles over examples drawn again (B. Efron & R. Tibshirani, 1993), the same at every call.
        """
        random, n = np.random.default_rng(0), len(self.y_true)
        drawn = [np.arange(n), *(random.integers(n, size=n) for _ in range(_NUM_DRAWS))]
        truth = np.eye(len(self.classes))[self.y_true]
        squares = ((self.probabilities - truth) ** 2).sum(axis=1)
        is_right = self.y_pred == self.y_true
        found = []
        for rows in drawn:
            classes, counts = self.y_true[rows], np.bincount(self.y_true[rows], minlength=len(self.classes))
            hits = np.bincount(classes, weights=is_right[rows], minlength=len(self.classes))
            error = expected_calibration_error(classes, self.probabilities[rows])
            found.append((float((hits[counts > 0] / counts[counts > 0]).mean()), error, float(squares[rows].mean())))
        low, high = np.quantile(found[1:], [0.025, 0.975], axis=0).tolist()
        names = ("mean recall", "calibration error", "Brier score")
        return {name: Figure(*values) for name, *values in zip(names, found[0], low, high, strict=True)}

    def cell(self, true: str, predicted: str) -> npt.NDArray[np.int64]:
        """Positions of the examples in one cell of the confusion matrix, by falling confidence."""
        row, column = self.classes.index(true), self.classes.index(predicted)
        rows = np.flatnonzero((self.y_true == row) & (self.y_pred == column))
        return rows[np.argsort(-self.confidence[rows], kind="stable")]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Learning curves of a training run."""

    # `loss` and `accuracy` on Training, `val_loss` and `val_accuracy` on PublicTest; a row for each epoch
    curves: pd.DataFrame
    best_epoch: int  # the epoch of the saved weights, from 1
    stages: Mapping[int, Stage]  # the stages that kept their curves, by number from 1

    @property
    def last_epochs(self) -> tuple[int, ...]:
        """The last epoch of each stage."""
        return tuple(accumulate(stage.epochs for stage in self.stages.values()))


_NUM_DRAWS = 200
_ROUNDING = 1e-3  # tolerance for sums of probabilities


def read_predictions(kind: ModelKind, name: str) -> Predictions:
    """Read a model's predictions on PrivateTest, or on held-out songs (the first repeat of the folds).

    Raises:
        ModelError: `predictions.npz` is absent or damaged, as for the functions below.
    """
    folder, is_face = folder_of(kind, name), kind is ModelKind.FACE
    classes, prefix = read_record(kind, name).by_class.classes, "test_" if is_face else ""
    with readable("predictions", folder):
        with np.load(folder / PREDICTIONS, allow_pickle=False) as arrays:
            labels = arrays[f"{prefix}labels"].astype(np.int64)
            probabilities = arrays[f"{prefix}probabilities"]
        if not labels.size or probabilities.shape != (len(labels), len(classes)):
            raise ValueError(f"probabilities of shape {probabilities.shape} of {len(classes)} classes")
        are_labels = np.isin(labels, np.arange(len(EMOTIONS if is_face else classes))).all()
        if not (are_labels and np.all(np.abs(probabilities.sum(axis=1) - 1) < _ROUNDING)):  # also refuses NaN
            raise ValueError("other numbers than labels and probabilities")
    y_true = in_classes(labels, classes) if is_face else labels
    rows = np.arange(len(labels))
    words = tuple(map(in_words, classes))
    return Predictions(words, y_true, probabilities.argmax(axis=1), probabilities, labels, rows)


def read_history(name: str) -> History:
    """Read the learning curves of a face model."""
    folder, record = folder_of(ModelKind.FACE, name), read_face_record(name)
    with readable("the history of a training", folder):
        curves = ["loss", "accuracy", "val_loss", "val_accuracy"]
        table = pd.read_csv(folder / HISTORY, usecols=["stage", *curves], dtype=np.float64)
        kept = set(table.pop("stage"))
        stages = {number: stage for number, stage in enumerate(record.stages, 1) if number in kept}
        history = History(table, record.best_epoch, stages)
        if not stages or not 1 <= history.best_epoch <= len(table) == history.last_epochs[-1]:
            best, ends = history.best_epoch, ", ".join(map(str, history.last_epochs))
            raise ValueError(f"{len(table)} epochs, with the best as {best} and stages that end after {ends}")
    return history


def read_fold_accuracies(kind: ModelKind, name: str) -> npt.NDArray[np.float64]:
    """Read the accuracy of a model of songs in each fold, shape (repeats, folds)."""
    folder = folder_of(kind, name)
    with readable("predictions", folder):
        with np.load(folder / PREDICTIONS, allow_pickle=False) as arrays:
            right = arrays["repeated_probabilities"].argmax(axis=2) == arrays["labels"]
            folds = arrays["repeated_folds"].astype(np.int64)
        if right.shape != folds.shape or not right.size:
            raise ValueError(f"answers of shape {right.shape} in folds of shape {folds.shape}")
        repeats = zip(right, folds, strict=True)
        return np.array([[row[of == fold].mean() for fold in np.unique(of)] for row, of in repeats], np.float64)


def read_card(kind: ModelKind, name: str) -> str:
    """Read the card of a model, in Markdown."""
    folder = folder_of(kind, name)
    with readable("a card", folder):
        return (folder / CARD).read_text(encoding="utf-8")


def compare(first: Predictions, second: Predictions) -> McNemar | None:
    """Test whether two models differ beyond chance; None if their test examples differ.

    A model of seven emotions and one of four classes are compared in four.
    """
    if not np.array_equal(first.labels, second.labels):
        return None
    if first.classes != second.classes:
        first, second = first.in_four(), second.in_four()
    return mcnemar(first.y_pred == first.y_true, second.y_pred == second.y_true)


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Precision and recall of one class at each possible threshold of its probability."""

    thresholds: FloatArray  # shape (n,), falling probabilities
    precision: FloatArray  # shape (n,), the share of the called examples that are of the class
    recall: FloatArray  # shape (n,), the share of the class that is called
    false_alarms: FloatArray  # shape (n,), the share of the other examples that are called
    called: IntArray  # shape (n,), number of called examples

    def at(self, threshold: float) -> int | None:
        """The position of the lowest probability of at least `threshold`; None if no example has one."""
        reached = int((self.thresholds >= threshold).sum())
        return reached - 1 if reached else None


def thresholds_of(found: Predictions, label: str) -> Thresholds:
    """Precision, recall and false alarms of a class at every threshold. Some examples are of it, and not all."""
    number = found.classes.index(label)
    shares = found.probabilities[:, number].astype(np.float64)
    order = np.argsort(-shares, kind="stable")
    is_class = (found.y_true == number)[order]
    ends = np.flatnonzero(np.diff(shares[order], append=-1.0))  # equal probabilities are called together
    hits, called = np.cumsum(is_class)[ends], ends + 1
    others = len(is_class) - int(is_class.sum())
    return Thresholds(shares[order][ends], hits / called, hits / is_class.sum(), (called - hits) / others, called)


_predictions = load_once(read_predictions)  # for all visitors


@dataclass(frozen=True, slots=True)
class Chosen:
    """A benchmark, the one or two chosen models, and all models of their kind."""

    benchmark: Benchmark
    records: tuple[Record, ...]
    others: tuple[Record, ...]

    @property
    def kind(self) -> ModelKind:
        """The kind of the models."""
        return self.benchmark.kind

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chosen models."""
        return tuple(record.name for record in self.records)

    @property
    def evaluations(self) -> tuple[Evaluation | None, ...]:
        """The figures of the chosen models."""
        return tuple(evaluation(record, self.benchmark) for record in self.records)

    @property
    def faces(self) -> tuple[FaceRecord, ...]:
        """The chosen models if they read faces, else empty."""
        return tuple(record for record in self.records if isinstance(record, FaceRecord))

    @property
    def in_four(self) -> bool:
        """Whether their answers are compared in four classes, because one of them has no others."""
        return any(record.classes == FOUR for record in self.faces)

    def own_predictions(self, record: Record) -> Predictions:
        """The predictions of a chosen model on the benchmark, in its own classes.

        Raises:
            EmomusicError: they are absent or damaged, or were not made on the benchmark.
        """
        own = _predictions(self.kind, record.name)
        if self.benchmark is not Benchmark.VOTES:
            return own
        votes = record.votes if isinstance(record, FaceRecord) else None
        if votes is None:
            raise ModelError(f"{label_of(record.name)} was not measured here")
        return own.by_votes(votes.without_contempt.n)

    def predictions(self, record: Record) -> Predictions:
        """These in the classes in which the chosen models are compared."""
        own = self.own_predictions(record)
        return own.in_four() if self.in_four else own
