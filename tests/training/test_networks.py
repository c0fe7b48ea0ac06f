from __future__ import annotations

import numpy as np
import pytest

from emomusic import assets
from emomusic.faces.model_files import DEFAULT_MODEL, FACERES_PATH, GRAD_CAM, WEIGHTS, model_folder
from emomusic.runtime import Network
from emomusic.training.presets import NETWORKS
from tests.lazy import lazy

pytestmark = pytest.mark.slow  # builds and trains networks

keras, architectures = lazy("keras"), lazy("emomusic.training.architectures")
export_onnx = lazy("emomusic.training.export_onnx")


def pictures(name: str, count: int = 3) -> np.ndarray:
    """Raw pixels, 0 to 255, as they come from a picture."""
    side = NETWORKS[name].side
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 1)).astype(np.float32)


def answer(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(pixels, training=False))


def test_layers_of_the_same_name_take_their_weights_and_no_other_does() -> None:
    model = NETWORKS["mobilenet_quadrants"].build("float32")
    logits = model.get_layer("logits").get_weights()[0].copy()
    architectures.apply_start_weights(model, "faceres")
    with np.load(assets.models_dir() / FACERES_PATH) as arrays:
        for layer in ("conv1", "conv_dw_7", "conv_pw_13"):
            kernel, bias = model.get_layer(layer).get_weights()
            np.testing.assert_array_equal(kernel, arrays[f"{layer}/kernel"].astype(np.float32))
            np.testing.assert_array_equal(bias, arrays[f"{layer}/bias"].astype(np.float32))
    np.testing.assert_array_equal(model.get_layer("logits").get_weights()[0], logits)


def test_a_network_begins_as_the_trained_model_it_grows_out_of() -> None:
    model = NETWORKS["emonet"].build("float32")
    architectures.apply_start_weights(model, "vgg9")
    source = keras.saving.load_model(model_folder("vgg9") / WEIGHTS, compile=False, safe_mode=True)
    answers = [answer(network, pictures("emonet")) for network in (model, source)]
    np.testing.assert_allclose(*answers, atol=1e-6)  # what was added changes nothing yet


def test_the_bundled_maps_equal_those_of_keras_on_35_faces() -> None:
    folder = model_folder(DEFAULT_MODEL)
    model = keras.saving.load_model(folder / WEIGHTS, compile=False, safe_mode=True)
    graph, faces = Network(folder / GRAD_CAM), export_onnx.varied_samples(48).astype(np.float32)
    faces = np.random.default_rng(0).permutation(faces)[:35]
    layer = NETWORKS[DEFAULT_MODEL].grad_cam
    differences: list[float] = []
    for winner, part in enumerate(np.array_split(faces, 7)):
        is_winner = np.eye(7, dtype=np.float32)[[winner]]
        expected = export_onnx.keras_maps(model, layer, part, is_winner)
        received = np.concatenate([graph(face[None], is_winner)[0] for face in part])
        assert expected.shape == (len(part), 12, 12)
        differences += (np.abs(received - expected).max(axis=(1, 2)) / expected.max(axis=(1, 2))).tolist()
    assert np.quantile(differences, 0.9) < 1e-4
    assert max(differences) < 0.05  # a value near 0 can have a gradient or none


# Sharpness-aware steps against the same by hand, the fused batch normalisation against that of Keras, optimizers


steps = lazy("emomusic.training.steps")

RADIUS, RATE = 0.3, 0.1
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype(np.float32)
Y = RNG.normal(size=(8, 1)).astype(np.float32)


def linear() -> keras.Model:
    inputs = keras.layers.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))


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
