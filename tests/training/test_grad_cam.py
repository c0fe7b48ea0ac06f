"""The exported Grad-CAM graph against Keras."""

import keras
import numpy as np
import pytest

from emomusic.assets import find_dataset
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.face.fer2013 import Split, read_split
from emomusic.face.runtime import Network
from emomusic.training.export_onnx import varied_samples
from emomusic.training.grad_cam import append_grad_cam, keras_maps
from emomusic.training.networks import NETWORKS


def hundred_faces() -> np.ndarray:
    """Faces of FER2013 if it is there, else variants of the samples, shape (100, 48, 48, 1)."""
    source = find_dataset("fer2013.csv")
    if source is None:
        return np.random.default_rng(0).permutation(varied_samples(48))[:100]
    return read_split(source, Split.TEST).images[:100, ..., None]


def test_the_bundled_maps_equal_those_of_keras_on_100_faces() -> None:
    folder = model_files.model_folder(model_files.DEFAULT_MODEL)
    model = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    graph, faces = Network(folder / model_files.GRAD_CAM), hundred_faces().astype(np.float32)
    layer = NETWORKS[model_files.DEFAULT_MODEL].grad_cam
    differences: list[float] = []
    for winner, part in enumerate(np.array_split(faces, 7)):
        expected = keras_maps(model, layer, part, winner)
        (received,) = graph(part, np.eye(7, dtype=np.float32)[[winner]])
        assert expected.shape == (len(part), 12, 12)
        differences += (np.abs(received - expected).max(axis=(1, 2)) / expected.max(axis=(1, 2))).tolist()
    assert np.quantile(differences, 0.9) < 1e-4
    assert max(differences) < 0.05  # a value near 0 can have a gradient or none


@pytest.mark.parametrize(("layer", "message"), [("block9_relu", "one layer block9_relu"), ("block1_relu", "gradient")])
def test_a_network_without_a_known_gradient_is_refused(layer: str, message: str) -> None:
    from emomusic.training.export_onnx import _converted

    proto = _converted(NETWORKS["cnn_capstone"].build("float32"))
    with pytest.raises(ModelError, match=message):
        append_grad_cam(proto, layer)
