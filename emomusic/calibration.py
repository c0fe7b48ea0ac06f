"""Calibration of probabilities: temperature, label smoothing, and adjustments for photographs and posed faces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emomusic.metrics import FloatArray, IntArray

_SMOOTHING_TOLERANCE = 1e-3
_LEAST = 1e-4  # a probability of 0 has no logarithm
_MIN_AUC = 0.65  # 0.5 is chance
_EQUAL_PENALTY = 0.005
_BALANCE, _MAP_PENALTY, _CONSTANT_PENALTY = 0.25, 0.03, 0.01  # chosen in five folds of 974 photographs


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities for logits, shape (n, classes). SciPy's function takes 0.2 s to load, before the first answer."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


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
    if not 0 < temperature < np.inf:  # also refuses NaN
        raise ValueError(f"temperature must be finite and above 0. Received: {temperature}")
    return softmax(np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0)) / temperature)


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


def fit_calibration(y_true: IntArray, probabilities: FloatArray) -> tuple[float, float, tuple[float, ...]]:
    """The smoothing to invert, then the temperature and constants, that maximise the likelihood of the true classes.

    The smoothing is fitted, because teachers' answers smooth labels further than the training configuration. The
    constants make up for classes that are more frequent here than in the training data (M. Saerens et al., "Adjusting
    the outputs of a classifier to new a priori probabilities", Neural Computation, 2002).

    Returns:
        The smoothing for `invert_label_smoothing`, from 0 to 0.3; the temperature for `apply_temperature`; and what to
        add to the logits of each class then. All have four decimals.
    """
    from scipy.optimize import minimize_scalar
    from sklearn.metrics import log_loss

    def fit_temperature(smoothing: float) -> tuple[float, float]:
        """The temperature for this smoothing, and its loss."""
        inverted = invert_label_smoothing(probabilities, smoothing)

        def loss(log_temperature: float) -> float:
            scaled = apply_temperature(inverted, float(np.exp(log_temperature)))
            return float(log_loss(y_true, scaled, labels=np.arange(probabilities.shape[1])))

        found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10.0)), method="bounded")
        return float(np.exp(found.x)), float(found.fun)

    options = {"xatol": _SMOOTHING_TOLERANCE}
    found = minimize_scalar(
        lambda share: fit_temperature(share)[1], bounds=(0.0, 0.3), method="bounded", options=options
    )
    smoothing = round(float(found.x), 4) if found.x > _SMOOTHING_TOLERANCE else 0.0
    temperature = fit_temperature(smoothing)[0]
    calibrated = apply_temperature(invert_label_smoothing(probabilities, smoothing), temperature)
    factor, constants = _fit_constants(y_true, calibrated, np.full(len(y_true), 1 / len(y_true)))
    return smoothing, round(temperature / factor, 4), tuple(constants.round(4).tolist())


def adjust_logits(probabilities: FloatArray, adjustment: Sequence[Sequence[float]]) -> FloatArray:
    """Map the logarithms of probabilities linearly, for data other than the training set.

    Source: M. Kull et al., "Beyond temperature scaling: obtaining well-calibrated multiclass probabilities with
    Dirichlet calibration", NeurIPS 2019.

    Args:
        probabilities: shape (n, classes), rows summing to 1.
        adjustment: a row for each class: a weight for every class and a constant, as from `fit_adjustment`; an empty
            sequence changes nothing.

    Returns:
        Shape (n, classes), float64, rows summing to 1.
    """
    if not len(adjustment):
        return probabilities.astype(np.float64)
    table = np.asarray(adjustment, np.float64)
    return softmax(log_probabilities(probabilities) @ table[:, :-1].T + table[:, -1])


def fit_equal_classes(y_true: IntArray, probabilities: FloatArray) -> FloatArray:
    """The map for faces of people that a network has not met, as for `adjust_logits`: one factor, and constants.

    Every class weighs the same. The examples must show people that the network has not seen: it knows the
    expressions of others too well.

    Args:
        y_true: shape (n,), true classes.
        probabilities: shape (n, classes).
    """
    num_classes = probabilities.shape[1]
    counts = np.bincount(y_true, minlength=num_classes)
    weights = (1.0 / counts.clip(min=1))[y_true] / (counts > 0).sum()
    factor, constants = _fit_constants(y_true, probabilities, weights)
    return np.column_stack([factor * np.eye(num_classes), constants])


def _fit_constants(y_true: IntArray, probabilities: FloatArray, weights: FloatArray) -> tuple[float, FloatArray]:
    """A factor of the logits, and constants with the mean 0, that maximise the likelihood; `weights` sum to 1."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    logs = log_probabilities(probabilities)

    def loss(flat: FloatArray) -> float:
        log_probs = log_softmax(np.exp(flat[0]) * logs + flat[1:], axis=1)
        spread = flat[1:] - flat[1:].mean()
        return float(-(weights * log_probs[np.arange(len(y_true)), y_true]).sum() + _EQUAL_PENALTY * (spread**2).sum())

    found = minimize(loss, np.zeros(probabilities.shape[1] + 1), method="L-BFGS-B").x
    return float(np.exp(found[0])), found[1:] - found[1:].mean()


def log_probabilities(probabilities: FloatArray) -> FloatArray:
    """Logarithms in float64; those of 0 are bounded."""
    return np.asarray(np.log(np.clip(probabilities.astype(np.float64), _LEAST, 1.0)))


def fit_adjustment(y_true: IntArray, probabilities: FloatArray) -> FloatArray:
    """The map that maximises the likelihood of the true classes, with a temperature, as for `adjust_logits`.

    Classes that the probabilities cannot tell from others keep their own probability: a map would only teach it to
    guess their frequency. Penalties keep the map near a temperature. The final temperature makes the largest
    probability as high as the accuracy.
    """
    from scipy.optimize import minimize_scalar

    num_classes = probabilities.shape[1]
    told = separable_classes(y_true, probabilities)
    table = np.eye(num_classes, num_classes + 1)
    if told:
        used = np.isin(y_true, told)
        fitted = _fit_map(np.searchsorted(told, y_true[used]), log_probabilities(probabilities)[used][:, told])
        table[:, :-1] *= np.diag(fitted).mean()
        table[np.ix_(told, [*told, num_classes])] = fitted

    def loss(log_temperature: float) -> float:
        answers = adjust_logits(probabilities, (table / np.exp(log_temperature)).tolist())
        confidence = answers.max(axis=1).clip(1e-6, 1 - 1e-6)
        return float(-np.log(np.where(answers.argmax(axis=1) == y_true, confidence, 1 - confidence)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.2), np.log(5.0)), method="bounded")
    return np.asarray(table / np.exp(found.x))


def separable_classes(y_true: IntArray, probabilities: FloatArray) -> list[int]:
    """The classes whose probability tells their examples from others better than chance (AUC of at least 0.65)."""
    from sklearn.metrics import roc_auc_score

    return [
        label
        for label in range(probabilities.shape[1])
        if (y_true == label).any()
        and ((y_true == label).all() or roc_auc_score(y_true == label, probabilities[:, label]) >= _MIN_AUC)
    ]


def _fit_map(y_true: IntArray, logs: FloatArray) -> FloatArray:
    """The penalised map of logarithms, shape (classes, classes + 1).

    An example weighs by the inverse of its class's number of examples to the power of `_BALANCE`.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    num_classes = logs.shape[1]
    weights = (1.0 / np.bincount(y_true, minlength=num_classes).clip(min=1) ** _BALANCE)[y_true]
    weights /= weights.sum()
    wanted, diagonal = np.eye(num_classes)[y_true], np.eye(num_classes, num_classes + 1, dtype=bool)
    inputs = np.column_stack([logs, np.ones(len(logs))])
    penalty = np.full(diagonal.shape, _MAP_PENALTY)
    penalty[:, -1] = _CONSTANT_PENALTY

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        table = flat.reshape(diagonal.shape)
        pulled = table - np.where(diagonal, table[diagonal].mean(), 0.0)  # a common factor is a temperature
        log_probs = log_softmax(inputs @ table.T, axis=1)
        gradient = (weights[:, None] * (np.exp(log_probs) - wanted)).T @ inputs + 2 * penalty * pulled
        value = -(weights * log_probs[np.arange(len(y_true)), y_true]).sum() + (penalty * pulled**2).sum()
        return float(value), gradient.ravel()

    start = np.eye(num_classes, num_classes + 1).ravel()
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x).reshape(diagonal.shape)
