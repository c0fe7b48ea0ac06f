"""Export trained networks to ONNX, which `face.runtime` runs without TensorFlow and Keras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emomusic.assets import sha256_of
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.training.tensorflow_loader import load_tensorflow

if TYPE_CHECKING:
    import keras

OPSET = 17
"""Version of the ONNX operator set; ONNX Runtime 1.17 and later support it."""

MAX_DIFFERENCE = 0.005
"""Maximum difference of probabilities between an export and Keras. Half precision causes a tenth of it."""

_MIN_HALVED = 64  # weights; smaller tensors contain thresholds and shapes


def export_onnx(model: keras.Model, path: Path) -> None:
    """Write a network as ONNX with weights in half precision, and check its outputs.

    Args:
        model: input shape (n, side, side, 1), pixels 0 to 255; output shape (n, classes).
        path: ends in ".onnx".

    Raises:
        ModelError: the outputs differ.
    """
    import onnx
    import tf2onnx
    from onnx import numpy_helper

    from emomusic.face.runtime import Network

    tf = load_tensorflow()
    side = model.input_shape[1]
    signature = [tf.TensorSpec((None, side, side, 1), tf.float32, name="pixels")]

    def forward(pixels: Any) -> Any:
        return tf.identity(model(pixels, training=False), name="probabilities")

    proto, _ = tf2onnx.convert.from_function(tf.function(forward), signature, opset=OPSET)
    graph = proto.graph
    graph.name = model.name
    del graph.output[0].type.tensor_type.shape.dim[:]
    for size in ("n", model.output_shape[-1]):
        dimension = graph.output[0].type.tensor_type.shape.dim.add()
        setattr(dimension, "dim_param" if isinstance(size, str) else "dim_value", size)
    for weights in list(graph.initializer):
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < _MIN_HALVED:
            continue
        if np.abs(values).max() >= np.finfo(np.float16).max:
            raise ModelError(f"expected weights of {model.name} below 65,504. Received: larger ones")
        halved = numpy_helper.from_array(values.astype(np.float16), f"{weights.name}_half")
        cast = onnx.helper.make_node("Cast", [halved.name], [weights.name], to=onnx.TensorProto.FLOAT)
        graph.initializer.remove(weights)
        graph.initializer.append(halved)
        graph.node.insert(0, cast)
    onnx.checker.check_model(proto, full_check=True)
    faces = np.random.default_rng(0).integers(0, 256, (8, side, side, 1)).astype(np.float32)
    expected, received = model(faces, training=False).numpy(), Network(proto.SerializeToString())(faces)[0]
    difference = float(np.abs(expected - received).max())
    if not difference <= MAX_DIFFERENCE:  # also catches NaN
        raise ModelError(
            f"expected an export with the outputs of {model.name}. Received: a difference of {difference:.4f}"
        )
    temporary = path.with_name(f"{path.name}.part")
    onnx.save(proto, temporary)
    temporary.replace(path)


def export_model(name: str) -> Path:
    """Export a model in `models/face/` and save the checksum in its spec.

    Returns:
        The path of the export.

    Raises:
        ModelError: the model does not exist, its weights are damaged, or the outputs differ.
    """
    folder = model_files.model_folder(name)
    spec = model_files.read_spec(folder, verify=[model_files.WEIGHTS])
    load_tensorflow()
    import keras

    model = keras.saving.load_model(folder / model_files.WEIGHTS, compile=False, safe_mode=True)
    path = folder / model_files.ONNX
    export_onnx(model, path)
    model_files.write_spec(replace(spec, onnx_sha256=sha256_of(path)), folder)
    return path
