"""The fused batch normalisation against Keras's own."""

from __future__ import annotations

import numpy as np
import pytest

from emomusic.training.networks import NETWORKS
from emomusic.training.start_weights import copy_layers
from tests.lazy import lazy

keras, tf, batch_norm = lazy("keras"), lazy("tensorflow"), lazy("emomusic.training.batch_norm")

CHANNELS = 5
IMAGES = np.random.default_rng(0).normal(2, 3, (8, 6, 6, CHANNELS)).astype(np.float32)


def trained_once(kind: type[keras.layers.Layer], dtype: str) -> dict[str, np.ndarray]:
    """What one step of training gives and leaves behind, and the answer in judging after it."""
    layer = kind(momentum=0.9, dtype=dtype)
    layer.build(IMAGES.shape)
    layer.gamma.assign(np.arange(1, CHANNELS + 1) / 3)
    layer.beta.assign(np.arange(CHANNELS) / 4)
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        answer = layer(images, training=True)
        cubes = tf.reduce_sum(tf.cast(answer, tf.float32) ** 3)
    gradients = tape.gradient(cubes, [images, layer.gamma, layer.beta])
    found = {
        "answer": answer,
        "gradient of images": gradients[0],
        "gradient of gamma": gradients[1],
        "gradient of beta": gradients[2],
        "moving mean": layer.moving_mean,
        "moving variance": layer.moving_variance,
        "judged": layer(images, training=False),
    }
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


@pytest.mark.parametrize(("dtype", "precision"), [("float32", 1e-4), ("mixed_bfloat16", 1e-2)])
def test_a_step_is_the_same_as_with_keras_own_layer(dtype: str, precision: float) -> None:
    ours, keras_own = (
        trained_once(kind, dtype) for kind in (batch_norm.FusedBatchNormalization, keras.layers.BatchNormalization)
    )
    count = IMAGES.size // CHANNELS
    unbiased = keras_own.pop("moving variance") - 0.9
    np.testing.assert_allclose(ours.pop("moving variance") - 0.9, unbiased * count / (count - 1), rtol=precision)
    for name, expected in keras_own.items():
        allowed = (precision + 1 / count) * np.abs(expected).max()  # judging divides by the moving variance
        np.testing.assert_allclose(ours[name], expected, atol=allowed, err_msg=name)


def test_only_a_network_in_training_has_it_and_its_weights_fit_the_plain_one() -> None:
    fast, plain = NETWORKS["tiny"].build("mixed_bfloat16"), NETWORKS["tiny"].build("float32")
    assert any(isinstance(layer, batch_norm.FusedBatchNormalization) for layer in fast.layers)
    assert not any(isinstance(layer, batch_norm.FusedBatchNormalization) for layer in plain.layers)
    for weight in fast.weights:
        weight.assign(np.random.default_rng(1).uniform(0.5, 1, weight.shape))
    copy_layers(fast, plain)
    pictures = np.random.default_rng(2).integers(0, 256, (4, 48, 48, 1)).astype(np.float32)
    np.testing.assert_allclose(plain(pictures), fast(pictures), atol=0.02)
