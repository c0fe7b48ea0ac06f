from __future__ import annotations

import numpy as np

from emomusic import assets
from emomusic.faces.model_files import FACERES_PATH, WEIGHTS, model_folder
from emomusic.training.presets import NETWORKS
from tests.lazy import lazy

keras, architectures = lazy("keras"), lazy("emomusic.training.architectures")


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
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)).astype(np.float32)
    answers = [keras.ops.convert_to_numpy(network(faces)) for network in (model, source)]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)  # what was added changes nothing yet
