"""Calibration of probabilities: temperature, label smoothing, and logit adjustment for photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emomusic.metrics import FloatArray, IntArray

_ADJUSTMENT_PENALTY = 0.03


def apply_temperature(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Divide the logits behind probabilities by a temperature. Above 1, probabilities become more even.

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        temperature: above 0; 1 changes nothing.

    Returns:
        Shape (n, classes), float64, rows summing to 1. The largest class of a row stays the largest.

    Raises:
        ValueError: the temperature is not finite or not above 0.
    """
    from scipy.special import softmax

    if not 0 < temperature < np.inf:  # also refuses NaN
        raise ValueError(f"temperature must be finite and above 0. Received: {temperature}")
    return np.asarray(softmax(np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0)) / temperature, axis=1))


def invert_label_smoothing(probabilities: FloatArray, smoothing: float) -> FloatArray:
    """Undo the effect of label smoothing on probabilities.

    A network trained on smoothed labels hardly exceeds 1 - smoothing. The inverse of the mixture estimates its answer
    for unsmoothed labels (G. Patrini et al., "Making deep neural networks robust to label noise", CVPR 2017).

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        smoothing: share of each label, from 0 to below 1; 0 changes nothing.

    Returns:
        Shape (n, classes), float64, rows summing to 1. The largest class of a row stays the largest. Every class
        keeps at least about 0.001.
    """
    if not smoothing:
        return probabilities.astype(np.float64)
    inverted = (probabilities.astype(np.float64) - smoothing / probabilities.shape[1]) / (1 - smoothing)
    inverted = np.maximum(inverted, 1e-3)
    return np.asarray(inverted / inverted.sum(axis=1, keepdims=True))


def fit_temperature(y_true: IntArray, probabilities: FloatArray) -> float:
    """The temperature that maximises the likelihood of the true classes."""
    from scipy.optimize import minimize_scalar
    from sklearn.metrics import log_loss

    def loss(log_temperature: float) -> float:
        scaled = apply_temperature(probabilities, float(np.exp(log_temperature)))
        return float(log_loss(y_true, scaled, labels=np.arange(probabilities.shape[1])))

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10.0)), method="bounded")
    return float(np.exp(found.x))


def fit_calibration(y_true: IntArray, probabilities: FloatArray) -> tuple[float, float]:
    """The smoothing to invert, then the temperature, that together maximise the likelihood of the true classes.

    The smoothing is fitted, because teachers' answers smooth labels further than the training configuration.

    Returns:
        The smoothing for `invert_label_smoothing`, from 0 to 0.3, and the temperature for `apply_temperature`, to
        four decimals.
    """
    from scipy.optimize import minimize_scalar
    from sklearn.metrics import log_loss

    def loss(smoothing: float) -> float:
        inverted = invert_label_smoothing(probabilities, smoothing)
        scaled = apply_temperature(inverted, fit_temperature(y_true, inverted))
        return float(log_loss(y_true, scaled, labels=np.arange(probabilities.shape[1])))

    found = minimize_scalar(loss, bounds=(0.0, 0.3), method="bounded", options={"xatol": 1e-3})
    smoothing = round(float(found.x), 4)
    return smoothing, round(fit_temperature(y_true, invert_label_smoothing(probabilities, smoothing)), 4)


def adjust_logits(probabilities: FloatArray, adjustment: Sequence[float]) -> FloatArray:
    """Add a constant for each class to the logits, for data with other class frequencies than the training set.

    Source: A. K. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        adjustment: one number for each class; an empty sequence changes nothing.

    Returns:
        Shape (n, classes), float64, rows summing to 1.
    """
    if not len(adjustment):
        return probabilities.astype(np.float64)
    powers = np.clip(probabilities.astype(np.float64), 1e-12, 1.0) * np.exp(adjustment)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_adjustment(y_true: IntArray, probabilities: FloatArray) -> FloatArray:
    """The adjustment that maximises the weighted likelihood of the true classes.

    A class weighs by the inverse square root of its number of examples. A penalty on the squares keeps classes with
    few examples near 0.

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
