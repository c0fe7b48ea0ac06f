"""Metrics of a classifier from true labels and predicted probabilities. scikit-learn is not loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from emomusic.affect import EMOTIONS, FOUR_CLASSES, Quadrant

SEVEN: tuple[str, ...] = tuple(emotion.value for emotion in EMOTIONS)
FOUR: tuple[str, ...] = tuple(quadrant.value for quadrant in (Quadrant.Q1, Quadrant.Q2, Quadrant.Q3, Quadrant.N))
"""The classes of face models: `SEVEN` emotions, or the `FOUR` of `affect.FOUR_CLASSES`."""
_TO_FOUR = np.array([FOUR.index(FOUR_CLASSES[emotion].value) for emotion in EMOTIONS])
MISSED = -1
"""The prediction for a picture without a detected face. It counts as wrong."""
_NUM_BINS = 15

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores of one class, each from 0 to 1."""

    precision: Share
    recall: Share
    f1: Share
    support: Count


class ClassMetrics(msgspec.Struct, frozen=True, eq=False, kw_only=True):  # arrays have no single truth value
    """Metrics of a model by class.

    Attributes:
        per_class: scores by class name, in the order of the matrix.
        confusion: shape (classes, classes); rows are true, columns predicted classes. Missed examples are in no column.
    """

    per_class: dict[str, ClassScores]
    confusion: IntArray

    def __post_init__(self) -> None:
        if not self.per_class or self.confusion.shape != 2 * (len(self.per_class),):
            raise ValueError(f"a confusion matrix of shape {self.confusion.shape} for {len(self.per_class)} classes")

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the matrix."""
        return tuple(self.per_class)


class Scores(ClassMetrics, frozen=True, eq=False, kw_only=True, omit_defaults=True):
    """Metrics of predicted against true classes.

    Attributes:
        n: number of examples, including missed ones.
        missed: number of examples without a prediction. They count as wrong.
        accuracy: share of correct predictions.
        accuracy_interval: Wilson's 95 % interval.
        macro_precision: mean over the classes that occur, as are `macro_recall` and `macro_f1`.
        four_class_accuracy: accuracy of seven emotions over Q1, Q2, Q3 and N (`affect.FOUR_CLASSES`); else None.
        four_class_confusion: shape (4, 4), in the order of `FOUR`; None as above.
    """

    n: Annotated[int, msgspec.Meta(ge=1)]
    missed: Count
    accuracy: Share
    accuracy_interval: tuple[Share, Share]
    macro_precision: Share
    macro_recall: Share
    macro_f1: Share
    four_class_accuracy: Share | None = None
    four_class_confusion: IntArray | None = None

    @property
    def in_four(self) -> float:
        """The accuracy of a face model over four classes, whether it has these or seven emotions."""
        return self.accuracy if self.four_class_accuracy is None else self.four_class_accuracy

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = msgspec.to_builtins(self, enc_hook=np.ndarray.tolist)
        return values | {"accuracy_interval": list(self.accuracy_interval)}


def score(y_true: IntArray, y_pred: IntArray, classes: Sequence[str]) -> Scores:
    """Compare predicted with true classes.

    Args:
        y_true: shape (n,), positions in `classes`.
        y_pred: shape (n,), positions in `classes`, or `MISSED`.
        classes: class names.

    Raises:
        ValueError: the shapes differ, are empty, or hold other labels.
    """
    if y_true.shape != y_pred.shape or y_true.ndim != 1 or not len(y_true):
        raise ValueError(f"expected two equal lengths above 0. Received: {y_true.shape} and {y_pred.shape}")
    y_true, y_pred = y_true.astype(np.int64), y_pred.astype(np.int64)
    last = len(classes) - 1
    for name, values, first in (("true", y_true, 0), ("predicted", y_pred, MISSED)):
        if values.min() < first or values.max() > last:
            raise ValueError(
                f"expected {name} labels from {first} to {last}. Received: {values.min()} to {values.max()}"
            )
    counts = np.zeros((len(classes), len(classes) + 1), np.int64)
    np.add.at(counts, (y_true, y_pred), 1)  # the last column counts missed examples
    matrix, support = counts[:, :-1], counts.sum(axis=1)
    hits, called, present = matrix.diagonal(), matrix.sum(axis=0), support > 0
    precision, recall, f1 = (
        _share(count, of) for count, of in ((hits, called), (hits, support), (2 * hits, called + support))
    )
    right = int(hits.sum())
    return Scores(
        n=len(y_true),
        missed=int((y_pred == MISSED).sum()),
        accuracy=right / len(y_true),
        accuracy_interval=accuracy_interval(right, len(y_true)),
        macro_precision=float(precision[present].mean()),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        per_class={
            name: ClassScores(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(classes)
        },
        confusion=matrix,
    )


def _share(counts: IntArray, of: IntArray) -> npt.NDArray[np.float64]:
    """Counts as shares of others; 0 of 0."""
    return np.divide(counts, of, out=np.zeros(len(of)), where=of > 0)


@dataclass(frozen=True, slots=True)
class Mistake:
    """The number of examples of one class that were predicted as another."""

    true: str
    predicted: str
    count: int


def mistakes(confusion: IntArray, classes: Sequence[str]) -> list[Mistake]:
    """All mistakes, the most frequent first; ties in the order of the matrix.

    Args:
        confusion: shape (classes, classes); rows are true, columns predicted classes.
        classes: class names.
    """
    made = [
        Mistake(true, predicted, int(count))
        for true, row in zip(classes, confusion, strict=True)
        for predicted, count in zip(classes, row, strict=True)
        if count and true != predicted
    ]
    return sorted(made, key=lambda mistake: -mistake.count)


def evaluate(y_true: IntArray, y_pred: IntArray, classes: Sequence[str] = SEVEN) -> Scores:
    """Compare predictions of a face model with true emotions; of a model of seven emotions also in four classes.

    Args:
        y_true: shape (n,), positions in `EMOTIONS`.
        y_pred: shape (n,), positions in the classes of the model, or `MISSED`.
        classes: `SEVEN` or `FOUR`.

    Raises:
        ValueError: the shapes differ, are empty, or hold other labels; or there are other classes.
    """
    scores = score(in_classes(y_true, classes), y_pred, classes)
    if tuple(classes) == FOUR:
        return scores
    four = score(in_classes(y_true, FOUR), in_classes(y_pred, FOUR), FOUR)
    return replace(scores, four_class_accuracy=four.accuracy, four_class_confusion=four.confusion)


def in_classes(emotions: IntArray, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Convert positions in `EMOTIONS` to positions in a face model's classes. `MISSED` stays.

    Raises:
        ValueError: the classes are neither `SEVEN` nor `FOUR`.
    """
    labels = emotions.astype(np.int64)
    if tuple(classes) == SEVEN:
        return labels
    if tuple(classes) == FOUR:
        return np.where(labels == MISSED, MISSED, _TO_FOUR[labels])
    raise ValueError(f"expected the seven emotions or {FOUR}. Received: {tuple(classes)}")


def accuracy_interval(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of an accuracy."""
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Accuracy against confidence, in bins of confidence.

    Attributes:
        counts: shape (bins,), predictions in each bin.
        accuracy: shape (bins,), share of correct predictions; NaN in empty bins.
        confidence: shape (bins,), mean probability of the predicted class; NaN in empty bins.
    """

    counts: IntArray
    accuracy: FloatArray
    confidence: FloatArray


def reliability(y_true: IntArray, probabilities: FloatArray) -> Reliability:
    """Group predictions into 15 bins of equal width by their confidence.

    scikit-learn's `calibration_curve` returns no counts, which the expected calibration error needs.

    Args:
        y_true: shape (n,), positions of the classes.
        probabilities: shape (n, classes), rows summing to 1.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == y_true
    bins = np.minimum((confidence * _NUM_BINS).astype(np.int64), _NUM_BINS - 1)
    counts = np.bincount(bins, minlength=_NUM_BINS)
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        return Reliability(
            counts=counts,
            accuracy=np.bincount(bins, weights=right, minlength=_NUM_BINS) / counts,
            confidence=np.bincount(bins, weights=confidence, minlength=_NUM_BINS) / counts,
        )


def expected_calibration_error(y_true: IntArray, probabilities: FloatArray) -> float:
    """Mean gap between confidence and accuracy over bins of confidence; 0 is perfect."""
    bins = reliability(y_true, probabilities)
    gaps = np.nan_to_num(np.abs(bins.accuracy - bins.confidence))
    return float((gaps * bins.counts).sum() / bins.counts.sum())


def coverage_curve(right: npt.NDArray[np.bool_], confidence: FloatArray) -> list[dict[str, Any]]:
    """The accuracy on the most confident 5, 10 to 100 % of the examples, for JSON (`records.CoveragePoint`).

    Source: Y. Geifman & R. El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017.

    Args:
        right: shape (n,), whether each prediction is right.
        confidence: shape (n,), its probability; that of an example without a prediction is 0.
    """
    order, points = np.argsort(-confidence, kind="stable"), []
    for percents in range(5, 101, 5):
        answered = order[: max(round(len(order) * percents / 100), 1)]
        count = int(right[answered].sum())
        points.append(
            {
                "coverage": percents / 100,
                "accuracy": count / len(answered),
                "accuracy_interval": list(accuracy_interval(count, len(answered))),
                "threshold": float(confidence[answered[-1]]),
            }
        )
    return points


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test of two models on the same examples.

    Attributes:
        n: number of examples.
        only_first: examples that only the first model has right.
        only_second: examples that only the second model has right.
        p_value: probability of a split at least as uneven if both are equally good (exact, two-sided).
    """

    n: int
    only_first: int
    only_second: int
    p_value: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the difference is significant at 5 %."""
        return self.p_value < 0.05


def mcnemar(first_right: npt.NDArray[np.bool_], second_right: npt.NDArray[np.bool_]) -> McNemar:
    """Test whether two models differ, by the examples that only one of them has right.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12(2), 1947; the exact form is a binomial test.

    Args:
        first_right: shape (n,), whether the first model has each example right.
        second_right: the same for the second model.

    Raises:
        ValueError: the lengths differ or are 0.
    """
    from scipy.stats import binomtest

    if first_right.shape != second_right.shape or first_right.ndim != 1 or not len(first_right):
        raise ValueError(f"expected two equal lengths above 0. Received: {first_right.shape}, {second_right.shape}")
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing, 0.5).pvalue) if differing else 1.0
    return McNemar(len(first_right), only_first, only_second, p_value)


def score_rows(per_class: Mapping[str, Mapping[str, Any]], form: str) -> str:
    """Rows of a Markdown table with precision, recall, F1 and number of each class, formatted as `form`."""
    return "\n".join(
        f"| {name} | {scores['precision']:{form}} | {scores['recall']:{form}} | {scores['f1']:{form}} "
        f"| {scores['support']} |"
        for name, scores in per_class.items()
    )
