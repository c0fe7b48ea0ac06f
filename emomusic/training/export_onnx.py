"""Export trained networks to ONNX, which `emomusic.runtime` runs without TensorFlow and Keras."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emomusic.assets import data_dir, written_whole
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.runtime import Float32Array, Network
from emomusic.training.augmentation import augment
from emomusic.training.presets import VARIED

if TYPE_CHECKING:
    import keras

OPSET = 17
"""Version of the ONNX operator set; ONNX Runtime 1.17 and later support it."""

MAX_DIFFERENCE, MAX_DIFFERENCE_IN_EIGHT_BITS = 0.005, 0.15
"""Maximum difference of probabilities between an export and Keras. Half precision causes a tenth of it."""

MAX_DIFFERENCE_OF_MAPS = 0.05
"""Maximum difference between exported maps and those of Keras, whose highest value is 1."""

_MIN_HALVED = 64  # weights; smaller tensors contain thresholds and shapes
_NUM_VARIANTS = 24  # of each sample face, for the ranges of the activations


def export_onnx(model: keras.Model, path: Path, *, eight_bits: bool = False, grad_cam: str = "") -> None:
    """Write a network as ONNX with weights in half precision, and check its outputs.

    Args:
        model: input shape (n, side, side, 1), pixels 0 to 255; output shape (n, classes).
        path: ends in ".onnx".
        eight_bits: compute the convolutions in integers of eight bits, which takes a third of the time. The faces of
            `data/samples` give the ranges of the activations.
        grad_cam: the layer to explain answers by, in a second file `grad_cam.onnx` next to the first; "" for no file.

    Raises:
        ModelError: the outputs differ.
    """
    import tensorflow as tf

    def forward(pixels: Any) -> Any:
        return tf.identity(model(pixels, training=False), name="probabilities")

    side = model.input_shape[1]
    if grad_cam:
        _export_grad_cam(model, grad_cam, path.with_name(model_files.GRAD_CAM))
    signature = [tf.TensorSpec((None, side, side, 1), tf.float32, name="pixels")]
    proto = _converted(tf.function(forward, input_signature=signature), model.name, ["n", model.output_shape[-1]])
    faces = _noise(side)
    limit = MAX_DIFFERENCE
    if eight_bits:
        faces, limit = varied_samples(side).astype(np.float32), MAX_DIFFERENCE_IN_EIGHT_BITS
        proto = _in_eight_bits(proto, faces)
    else:
        halve_weights(proto)
    _require_equal(Network(proto.SerializeToString())(faces)[0], model(faces, training=False).numpy(), limit, model)
    _save(proto, path)


def _export_grad_cam(model: keras.Model, layer: str, path: Path) -> None:
    """Write the network that explains answers by a layer, and check its maps."""
    from emomusic.training.grad_cam import convertible_maps, halve_kernels, keras_maps

    faces, winner = _noise(model.input_shape[1]), np.eye(1, model.output_shape[-1], dtype=np.float32)
    shape = [1, *model.get_layer(layer).output.shape[1:3]]
    proto = _converted(convertible_maps(model, layer), model.name, shape)
    halve_kernels(proto, model)
    network = Network(proto.SerializeToString())
    received = np.concatenate([network(face[None], winner)[0] for face in faces])
    expected = keras_maps(model, layer, faces, winner)
    _require_equal(received / expected.max(), expected / expected.max(), MAX_DIFFERENCE_OF_MAPS, model)
    _save(proto, path)


def _noise(side: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (8, side, side, 1)).astype(np.float32)


def _converted(function: Any, name: str, shape: Sequence[int | str]) -> Any:
    """A TensorFlow function with an input signature in ONNX, in full precision; `shape` is that of its output."""
    import tf2onnx
    from onnx.helper import make_tensor_value_info

    proto, _ = tf2onnx.convert.from_function(function, function.input_signature, opset=OPSET)
    (output,) = proto.graph.output
    proto.graph.name = name
    output.CopyFrom(make_tensor_value_info(output.name, output.type.tensor_type.elem_type, shape))
    return proto


def _require_equal(received: Float32Array, expected: Float32Array, limit: float, model: keras.Model) -> None:
    difference = float(np.abs(expected - received).max())
    if not difference <= limit:  # also catches NaN
        raise ModelError(
            f"expected an export with the outputs of {model.name}. Received: a difference of {difference:.4f}"
        )


def _save(proto: Any, path: Path) -> None:
    """Check a network, write it under a temporary name, and move it."""
    import onnx

    onnx.checker.check_model(proto, full_check=True)
    with written_whole(path) as part:
        onnx.save(proto, part)


def halve_weights(proto: Any, *, kept: Container[str] = ()) -> None:
    """Store weights in half precision, except those named in `kept`. The network converts them when it is loaded."""
    import onnx
    from onnx import numpy_helper

    graph = proto.graph
    for weights in list(graph.initializer):
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < _MIN_HALVED or weights.name in kept:
            continue
        if np.abs(values).max() >= np.finfo(np.float16).max:
            raise ModelError(f"expected weights of {graph.name} below 65,504. Received: larger ones")
        halved = numpy_helper.from_array(values.astype(np.float16), f"{weights.name}_half")
        cast = onnx.helper.make_node("Cast", [halved.name], [weights.name], to=onnx.TensorProto.FLOAT)
        graph.initializer.remove(weights)
        graph.initializer.append(halved)
        graph.node.insert(0, cast)


def _in_eight_bits(proto: Any, faces: npt.NDArray[np.float32]) -> Any:
    """The network with convolutions in integers, one scale per channel of the weights.

    Weights use seven bits, because older x86 processors overflow with eight (ONNX Runtime's `reduce_range`).
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Faces(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter(np.array_split(faces, math.ceil(len(faces) / _NUM_VARIANTS)))

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {proto.graph.input[0].name: batch}

    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, quantized = (f"{folder}/{name}.onnx" for name in ("plain", "prepared", "quantized"))
        onnx.save(proto, plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantized,
            Faces(),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
        )
        return onnx.load(quantized)


def varied_samples(side: int) -> npt.NDArray[np.uint8]:
    """Random variants of the faces in `data/samples`, the same in each call, shape (n, side, side, 1)."""
    from emomusic.faces.detection import MtcnnDetector
    from emomusic.media.images import crop_face, read_image, to_network_input

    detector, crops = MtcnnDetector(), []
    for path in sorted((data_dir() / "samples").glob("*.jpg")):
        image = read_image(path)
        crops += [crop_face(image, face.box) for face in detector.detect(image)]
    if not crops:
        raise ModelError(f"expected pictures with faces in {data_dir() / 'samples'}. Received: none")
    faces, rng = to_network_input(crops, side)[..., 0], np.random.default_rng(0)
    return np.concatenate([augment(faces, VARIED, rng) for _ in range(_NUM_VARIANTS)])[..., None]
