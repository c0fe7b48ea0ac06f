"""How good a classifier is: numbers from true labels and predicted probabilities.

The arithmetic is scikit-learn's wherever it has it. It loads with the first evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emomusic.affect import EMOTIONS, FOUR_CLASSES, Quadrant

FOUR_CLASS_ORDER: tuple[Quadrant, ...] = (Quadrant.Q1, Quadrant.Q2, Quadrant.Q3, Quadrant.N)
_TO_FOUR = np.array([FOUR_CLASS_ORDER.index(FOUR_CLASSES[emotion]) for emotion in EMOTIONS])
MISSED = -1
"""Stands for the prediction where no face was found: it counts as wrong."""

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores of one class, each from 0 to 1."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Figures of one model on one set of labelled faces.

    Attributes:
        n: number of labelled faces, missed ones included.
        missed: in how many no face was found; they count as wrong.
        accuracy: share of right answers; `accuracy_interval` is Wilson's 95 % interval.
        macro_recall: mean recall over the classes that occur; `macro_f1` likewise.
        four_class_accuracy: the same faces judged in the classes Q1, Q2, Q3 and N (`affect.FOUR_CLASSES`).
        confusion: shape (7, 7); rows are the true classes, columns the predicted ones; missed ones in no column.
        four_class_confusion: shape (4, 4), in the order of `FOUR_CLASS_ORDER`.
    """

    n: int
    missed: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_recall: float
    macro_f1: float
    four_class_accuracy: float
    per_class: dict[str, ClassScores]
    confusion: IntArray
    four_class_confusion: IntArray

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "n": self.n,
            "missed": self.missed,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "four_class_accuracy": self.four_class_accuracy,
            "per_class": {
                name: {"precision": s.precision, "recall": s.recall, "f1": s.f1, "support": s.support}
                for name, s in self.per_class.items()
            },
            "confusion": self.confusion.tolist(),
            "four_class_confusion": self.four_class_confusion.tolist(),
        }


def evaluate(y_true: IntArray, y_pred: IntArray) -> Evaluation:
    """Compare predicted with true emotions.

    Args:
        y_true: shape (n,), positions in `EMOTIONS`.
        y_pred: shape (n,), the same, or `MISSED` where no face was found.

    Raises:
        ValueError: the shapes differ, there is nothing to compare, or a label is none of these.
    """
    from sklearn import metrics

    if y_true.shape != y_pred.shape or y_true.ndim != 1 or not len(y_true):
        raise ValueError(f"expected two equal lengths above 0. Received: {y_true.shape} and {y_pred.shape}")
    y_true, y_pred = y_true.astype(np.int64), y_pred.astype(np.int64)
    last = len(EMOTIONS) - 1
    for name, values, first in (("true", y_true, 0), ("predicted", y_pred, MISSED)):
        if values.min() < first or values.max() > last:
            raise ValueError(
                f"expected {name} labels from {first} to {last}. Received: {values.min()} to {values.max()}"
            )
    labels = np.arange(len(EMOTIONS))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=labels, zero_division=0.0
    )
    present = support > 0
    four_true, four_pred = _TO_FOUR[y_true], np.where(y_pred == MISSED, MISSED, _TO_FOUR[y_pred])
    right = int((y_true == y_pred).sum())
    return Evaluation(
        n=len(y_true),
        missed=int((y_pred == MISSED).sum()),
        accuracy=right / len(y_true),
        accuracy_interval=accuracy_interval(right, len(y_true)),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        four_class_accuracy=float(metrics.accuracy_score(four_true, four_pred)),
        per_class={
            emotion.value: ClassScores(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, emotion in enumerate(EMOTIONS)
        },
        confusion=_confusion(y_true, y_pred, len(EMOTIONS)),
        four_class_confusion=_confusion(four_true, four_pred, len(FOUR_CLASS_ORDER)),
    )


def _confusion(y_true: IntArray, y_pred: IntArray, num_classes: int) -> IntArray:
    """Rows true, columns predicted; `MISSED` has a column in scikit-learn's matrix that is cut off here."""
    from sklearn.metrics import confusion_matrix

    matrix = confusion_matrix(y_true, y_pred, labels=[*range(num_classes), MISSED])
    return np.asarray(matrix[:num_classes, :num_classes])


def accuracy_interval(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share: where the accuracy on endless such data would lie."""
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def expected_calibration_error(y_true: IntArray, probabilities: FloatArray, *, num_bins: int = 15) -> float:
    """How far confidence and accuracy lie apart, on average over bins of confidence; 0 is perfect.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y_true
    bins = np.minimum((confidence * num_bins).astype(np.int64), num_bins - 1)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(np.sum(gaps))


def soften(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Scale the logits behind probabilities by 1 / temperature: above 1 less sure, below 1 surer.

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        temperature: above 0; 1 changes nothing.

    Returns:
        The same shape, float64, rows summing to 1; the winner of a row stays the winner.

    Raises:
        ValueError: the temperature is none.
    """
    if not 0 < temperature < np.inf:  # also refuses NaN
        raise ValueError(f"temperature must be finite and above 0. Received: {temperature}")
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    scaled = np.exp(logits)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def fit_temperature(y_true: IntArray, probabilities: FloatArray) -> float:
    """The temperature under which the probabilities give the true classes the highest likelihood."""
    from scipy.optimize import minimize_scalar
    from sklearn.metrics import log_loss

    def loss(log_temperature: float) -> float:
        scaled = soften(probabilities, float(np.exp(log_temperature)))
        return float(log_loss(y_true, scaled, labels=np.arange(probabilities.shape[1])))

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10.0)), method="bounded")
    return float(np.exp(found.x))
