"""The exported Grad-CAM graph against Keras."""

import keras
import numpy as np
import pytest

from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.runtime import Network
from emomusic.training.export_onnx import _converted, varied_samples
from emomusic.training.grad_cam import append_grad_cam, keras_maps
from emomusic.training.networks import NETWORKS


def test_the_bundled_maps_equal_those_of_keras_on_35_faces() -> None:
    folder = model_files.model_folder(model_files.DEFAULT_MODEL)
    model = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    graph, faces = Network(folder / model_files.GRAD_CAM), varied_samples(48).astype(np.float32)
    faces = np.random.default_rng(0).permutation(faces)[:35]
    layer = NETWORKS[model_files.DEFAULT_MODEL].grad_cam
    differences: list[float] = []
    for winner, part in enumerate(np.array_split(faces, 7)):
        expected = keras_maps(model, layer, part, winner)
        (received,) = graph(part, np.eye(7, dtype=np.float32)[[winner]])
        assert expected.shape == (len(part), 12, 12)
        differences += (np.abs(received - expected).max(axis=(1, 2)) / expected.max(axis=(1, 2))).tolist()
    assert np.quantile(differences, 0.9) < 1e-4
    assert max(differences) < 0.05  # a value near 0 can have a gradient or none


def test_a_network_without_a_known_gradient_is_refused() -> None:
    proto = _converted(NETWORKS["cnn_capstone"].build("float32"))
    for layer, message in (("block9_relu", "one layer block9_relu"), ("block1_relu", "gradient")):
        with pytest.raises(ModelError, match=message):
            append_grad_cam(proto, layer)
