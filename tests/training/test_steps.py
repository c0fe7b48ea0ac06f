"""Sharpness-aware steps against the same by hand, the fused batch normalisation against that of Keras, optimizers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lazy import lazy

pytestmark = pytest.mark.slow  # trains

keras, steps = lazy("keras"), lazy("emomusic.training.steps")
architectures = lazy("emomusic.training.architectures")

RADIUS, RATE = 0.3, 0.1
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype(np.float32)
Y = RNG.normal(size=(8, 1)).astype(np.float32)


def linear() -> keras.Model:
    inputs = keras.layers.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))


def normalised(norm: type[keras.layers.BatchNormalization]) -> keras.Model:
    """The three numbers are the channels of a picture of one pixel."""
    inputs = keras.layers.Input((3,))
    x = norm(momentum=0.5)(keras.layers.Reshape((1, 1, 3))(inputs))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(x)))


def after_a_step(model: keras.Model) -> float:
    """Take one step; the loss that is told of it."""
    aware = steps.SharpnessAware(model, RADIUS)
    aware.compile(optimizer=keras.optimizers.SGD(RATE), loss="mse", jit_compile=False)
    return float(aware.train_on_batch(X, Y))


def slope(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The gradient of the mean squared error of x @ w."""
    return 2 * x.T @ (x @ w - y) / len(x)


def test_a_step_goes_uphill_by_half_a_batch_and_learns_there_from_all() -> None:
    model = linear()
    before = model.get_weights()[0]
    loss = after_a_step(model)
    uphill = slope(X[:4], Y[:4], before)
    there = before + RADIUS * uphill / np.linalg.norm(uphill)
    np.testing.assert_allclose(model.get_weights()[0], before - RATE * slope(X, Y, there), rtol=1e-4)
    assert loss == pytest.approx(float(np.mean((X @ there - Y) ** 2)), rel=1e-4)


# TensorFlow's kernel averages the variance without bias, Keras's own layer that of the sample
@pytest.mark.parametrize("ddof", [0, 1])
def test_averages_of_batch_normalisation_know_nothing_of_the_step_uphill(ddof: int) -> None:
    norm = architectures.FusedBatchNormalization if ddof else keras.layers.BatchNormalization
    model = normalised(norm)
    after_a_step(model)
    layer = next(layer for layer in model.layers if isinstance(layer, norm))
    np.testing.assert_allclose(layer.moving_mean, X[:4].mean(axis=0) / 2, rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, 0.5 + X[:4].var(axis=0, ddof=ddof) / 2, rtol=1e-4)
