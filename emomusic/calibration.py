"""Calibration of probabilities: temperature, label smoothing, and logit adjustment for photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emomusic.metrics import FloatArray, IntArray

_ADJUSTMENT_PENALTY = 0.03


def apply_temperature(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Scale the logits behind probabilities by 1 / temperature: above 1 less sure, below 1 surer.

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        temperature: above 0; 1 changes nothing.

    Returns:
        The same shape, float64, rows summing to 1; the winner of a row stays the winner.

    Raises:
        ValueError: the temperature is none.
    """
    from scipy.special import softmax

    if not 0 < temperature < np.inf:  # also refuses NaN
        raise ValueError(f"temperature must be finite and above 0. Received: {temperature}")
    return np.asarray(softmax(np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0)) / temperature, axis=1))


def invert_label_smoothing(probabilities: FloatArray, smoothing: float) -> FloatArray:
    """Take back label smoothing.

    A network whose training labels gave `smoothing` to all classes alike answers for such labels: it is hardly surer
    than 1 - smoothing, however sure it is. Inverting the mixture gives its answer for the labels themselves.

    G. Patrini et al., "Making deep neural networks robust to label noise", CVPR 2017: the inverse of a known noise,
    which label smoothing is.

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        smoothing: share of each label, from 0 to below 1; 0 changes nothing.

    Returns:
        The same shape, float64, rows summing to 1; the winner of a row stays the winner. A class that got less than
        smoothing gives to all keeps a thousandth: no network rules a class out.
    """
    if not smoothing:
        return probabilities.astype(np.float64)
    answered = (probabilities.astype(np.float64) - smoothing / probabilities.shape[1]) / (1 - smoothing)
    answered = np.maximum(answered, 1e-3)
    return np.asarray(answered / answered.sum(axis=1, keepdims=True))


def fit_temperature(y_true: IntArray, probabilities: FloatArray) -> float:
    """The temperature under which the probabilities give the true classes the highest likelihood."""
    from scipy.optimize import minimize_scalar
    from sklearn.metrics import log_loss

    def loss(log_temperature: float) -> float:
        scaled = apply_temperature(probabilities, float(np.exp(log_temperature)))
        return float(log_loss(y_true, scaled, labels=np.arange(probabilities.shape[1])))

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10.0)), method="bounded")
    return float(np.exp(found.x))


def fit_calibration(y_true: IntArray, probabilities: FloatArray) -> tuple[float, float]:
    """The smoothing to take back, and the temperature after that, which make the true classes likeliest together.

    The smoothing is looked for rather than taken from the training's configuration: labels that teachers give are
    smooth already, by as much as nobody set.

    Returns:
        The smoothing for `invert_label_smoothing`, from 0 to 0.3, and the temperature for `apply_temperature`, to
        four decimals.
    """
    from scipy.optimize import minimize_scalar
    from sklearn.metrics import log_loss

    def loss(smoothing: float) -> float:
        taken_back = invert_label_smoothing(probabilities, smoothing)
        scaled = apply_temperature(taken_back, fit_temperature(y_true, taken_back))
        return float(log_loss(y_true, scaled, labels=np.arange(probabilities.shape[1])))

    found = minimize_scalar(loss, bounds=(0.0, 0.3), method="bounded", options={"xatol": 1e-3})
    smoothing = round(float(found.x), 4)
    return smoothing, round(fit_temperature(y_true, invert_label_smoothing(probabilities, smoothing)), 4)


def adjust_logits(probabilities: FloatArray, adjustment: Sequence[float]) -> FloatArray:
    """Add to the logits behind probabilities: where classes are met more or less often than in training.

    A. K. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        adjustment: one number a class, or none at all to change nothing.

    Returns:
        The same shape, float64, rows summing to 1.
    """
    if not len(adjustment):
        return probabilities.astype(np.float64)
    powers = np.clip(probabilities.astype(np.float64), 1e-12, 1.0) * np.exp(adjustment)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_adjustment(y_true: IntArray, probabilities: FloatArray) -> FloatArray:
    """The adjustment under which the probabilities give the true classes the highest likelihood.

    Classes weigh by the inverse root of how many examples they have, half-way between counting every example and every
    class the same. The sum of squares is held down, so that a few examples of a class move little.

    Args:
        y_true: shape (n,), positions in the classes.
        probabilities: shape (n, classes).

    Returns:
        Shape (classes,), with mean 0.
    """
    from scipy.optimize import minimize
    from sklearn.utils.class_weight import compute_sample_weight

    weights = np.sqrt(compute_sample_weight("balanced", y_true))

    def loss(adjustment: FloatArray) -> float:
        likely = adjust_logits(probabilities, adjustment.tolist())[np.arange(len(y_true)), y_true]
        return float(-np.average(np.log(likely), weights=weights) + _ADJUSTMENT_PENALTY * (adjustment**2).sum())

    found = np.asarray(minimize(loss, np.zeros(probabilities.shape[1])).x)
    return np.asarray(found - found.mean())
