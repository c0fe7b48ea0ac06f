"""The exported Grad-CAM graph against Keras."""

import numpy as np

from emomusic.faces import model_files
from emomusic.runtime import Network
from emomusic.training.presets import NETWORKS
from tests.lazy import lazy

keras, export_onnx = lazy("keras"), lazy("emomusic.training.export_onnx")


def test_the_bundled_maps_equal_those_of_keras_on_35_faces() -> None:
    folder = model_files.model_folder(model_files.DEFAULT_MODEL)
    model = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    graph, faces = Network(folder / model_files.GRAD_CAM), export_onnx.varied_samples(48).astype(np.float32)
    faces = np.random.default_rng(0).permutation(faces)[:35]
    layer = NETWORKS[model_files.DEFAULT_MODEL].grad_cam
    differences: list[float] = []
    for winner, part in enumerate(np.array_split(faces, 7)):
        is_winner = np.eye(7, dtype=np.float32)[[winner]]
        expected = export_onnx.keras_maps(model, layer, part, is_winner)
        received = np.concatenate([graph(face[None], is_winner)[0] for face in part])
        assert expected.shape == (len(part), 12, 12)
        differences += (np.abs(received - expected).max(axis=(1, 2)) / expected.max(axis=(1, 2))).tolist()
    assert np.quantile(differences, 0.9) < 1e-4
    assert max(differences) < 0.05  # a value near 0 can have a gradient or none
