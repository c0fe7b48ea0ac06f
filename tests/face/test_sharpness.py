"""Sharpness-aware steps against the same by hand."""

import keras
import numpy as np
import pytest

from emomusic.errors import ModelError
from emomusic.face.sharpness import SharpnessAware, sharpness_aware

RADIUS, RATE = 0.3, 0.1
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype(np.float32)
Y = RNG.normal(size=(8, 1)).astype(np.float32)
IMPORTANCE = RNG.uniform(0.5, 2, 8).astype(np.float32)


def linear() -> keras.Model:
    inputs = keras.layers.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))


def normalised() -> keras.Model:
    inputs = keras.layers.Input((3,))
    x = keras.layers.BatchNormalization(momentum=0.5)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(x))


def after_a_step(model: keras.Model, **importance: np.ndarray) -> float:
    """Take one step; the loss that is told of it."""
    aware = sharpness_aware(model, RADIUS)
    aware.compile(optimizer=keras.optimizers.SGD(RATE), loss="mse", jit_compile=False)
    return float(aware.train_on_batch(X, Y, **importance))


def slope(x: np.ndarray, y: np.ndarray, w: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The gradient of the weighted mean squared error of x @ w."""
    return 2 * (x * weights[:, None]).T @ (x @ w - y) / len(x)


@pytest.mark.parametrize("weights", [None, IMPORTANCE])
def test_a_step_goes_uphill_by_half_a_batch_and_learns_there_from_all(weights: np.ndarray | None) -> None:
    model = linear()
    before = model.get_weights()[0]
    loss = after_a_step(model, **({} if weights is None else {"sample_weight": weights}))
    each = np.ones(8, np.float32) if weights is None else weights
    uphill = slope(X[:4], Y[:4], before, each[:4])
    there = before + RADIUS * uphill / np.linalg.norm(uphill)
    np.testing.assert_allclose(model.get_weights()[0], before - RATE * slope(X, Y, there, each), rtol=1e-4)
    assert loss == pytest.approx(float(np.mean(each[:, None] * (X @ there - Y) ** 2)), rel=1e-4)


def test_averages_of_batch_normalisation_know_nothing_of_the_step_uphill() -> None:
    model = normalised()
    after_a_step(model)
    norm = model.layers[1]
    np.testing.assert_allclose(norm.moving_mean, X[:4].mean(axis=0) / 2, rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance, 0.5 + X[:4].var(axis=0) / 2, rtol=1e-4)


def test_layers_and_weights_are_those_of_the_network() -> None:
    model = linear()
    aware = sharpness_aware(model, RADIUS)
    assert isinstance(aware, SharpnessAware)
    assert aware.layers == model.layers
    assert aware.name == model.name


def test_another_backend_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ModelError, match=r"Received: jax\. Unset KERAS_BACKEND, or choose another preset"):
        sharpness_aware(linear(), RADIUS)
