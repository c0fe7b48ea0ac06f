"""The exported maps against the gradient of Keras."""

import numpy as np

from emomusic.faces import model_files
from emomusic.faces.grad_cam import position_maps
from emomusic.runtime import Network
from emomusic.training.export_onnx import varied_samples
from emomusic.training.networks import NETWORKS


def test_the_bundled_maps_are_near_those_of_keras() -> None:
    import keras
    import tensorflow as tf

    folder = model_files.model_folder(model_files.DEFAULT_MODEL)
    model = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    layer = model.get_layer(NETWORKS[model_files.DEFAULT_MODEL].grad_cam)
    parts = keras.Model(model.input, [model.get_layer("logits").output, layer.output])
    network, faces = Network(folder / model_files.GRAD_CAM), varied_samples(48)
    differences: list[float] = []
    for number, face in enumerate(np.random.default_rng(0).permutation(faces)[:14, ..., 0]):
        pixels = tf.constant(face[None, ..., None], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits, features = parts(pixels, training=False)
            score = logits[0, number % 7]
        expected = np.maximum((tape.gradient(score, features) * features).numpy()[0].sum(axis=-1), 0)
        received = position_maps(network, face, number % 7)
        assert received.shape == expected.shape == (12, 12)
        differences.append(float(np.abs(received - expected).max() / expected.max()))
    assert np.median(differences) < 0.02
    assert max(differences) < 0.25  # a value near 0 can have a gradient or none
