"""Export trained networks to ONNX, which `emomusic.runtime` runs without TensorFlow and Keras.

A second graph explains answers by Grad-CAM, for `emomusic.faces.inspection`. Grad-CAM [1] weighs feature maps by the
gradient of a class's logit, here at each position, as HiResCAM [2] does. The graph is the network and TensorFlow's
gradient of its second part.

[1] R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization", ICCV
2017.
[2] R. L. Draelos & L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891, 2020.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
import tensorflow as tf
import tf2onnx
from onnx import TensorProto, helper, numpy_helper

from emomusic.assets import data_dir, written_whole
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.runtime import Float32Array, Network
from emomusic.training.batches import augment
from emomusic.training.presets import VARIED

OPSET = 17
"""Version of the ONNX operator set; ONNX Runtime 1.17 and later support it."""

MAX_DIFFERENCE, MAX_DIFFERENCE_IN_EIGHT_BITS = 0.005, 0.15
"""Maximum difference of probabilities between an export and Keras. Half precision causes a tenth of it."""

MAX_DIFFERENCE_OF_MAPS = 0.05
"""Maximum difference between exported maps and those of Keras, whose highest value is 1."""

_MIN_HALVED = 64  # weights; smaller tensors contain thresholds and shapes
_NUM_VARIANTS = 24  # variants of each sample face, for the ranges of the activations


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

    def forward(pixels: Any) -> Any:
        return tf.identity(model(pixels, training=False), name="probabilities")

    side = model.input_shape[1]
    if grad_cam:
        _export_grad_cam(model, grad_cam, path.with_name(model_files.GRAD_CAM))
    proto = _converted(forward, {"pixels": (None, side, side, 1)}, model.name, ["n", model.output_shape[-1]])
    faces = _noise(side)
    limit = MAX_DIFFERENCE
    if eight_bits:
        faces, limit = varied_samples(side).astype(np.float32), MAX_DIFFERENCE_IN_EIGHT_BITS
        proto = in_eight_bits(proto, np.array_split(faces, math.ceil(len(faces) / _NUM_VARIANTS)))
    else:
        halve_weights(proto)
    add_features(proto)
    received = Network(proto.SerializeToString())(faces)[0]
    _save(proto, path, received, model(faces, training=False).numpy(), limit, model)


def _export_grad_cam(model: keras.Model, layer: str, path: Path) -> None:
    """Write the network that explains the answer for one face by a layer, and check its maps.

    tf2onnx has no gradients of ReLU and of max pooling, so products with masks replace both.
    """
    features, rest = _parts(model, layer)
    rest = keras.models.clone_model(rest, clone_function=_with_plain_gradient)

    def maps(pixels: Any, winner: Any) -> Any:
        return tf.identity(_maps(features, rest, pixels, winner), name="maps")

    faces, winner = _noise(model.input_shape[1]), np.eye(1, model.output_shape[-1], dtype=np.float32)
    inputs = {"pixels": (1, *model.input_shape[1:]), "winner": winner.shape}
    proto = _converted(maps, inputs, model.name, [1, *features.output_shape[1:3]])
    halve_kernels(proto, model)
    network = Network(proto.SerializeToString())
    received = np.concatenate([network(face[None], winner)[0] for face in faces])
    expected = keras_maps(model, layer, faces, winner)
    _save(proto, path, received / expected.max(), expected / expected.max(), MAX_DIFFERENCE_OF_MAPS, model)


def _noise(side: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (8, side, side, 1)).astype(np.float32)


def _converted(
    function: Callable[..., Any], inputs: Mapping[str, tuple[int | None, ...]], name: str, shape: Sequence[int | str]
) -> Any:
    """A TensorFlow function in ONNX, in full precision: the shapes of its inputs by name, and that of its output."""
    signature = [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in inputs.items()]
    proto, _ = tf2onnx.convert.from_function(tf.function(function, input_signature=signature), signature, opset=OPSET)
    (output,) = proto.graph.output
    proto.graph.name = name
    output.CopyFrom(helper.make_tensor_value_info(output.name, output.type.tensor_type.elem_type, shape))
    return proto


def _save(
    proto: Any, path: Path, received: Float32Array, expected: Float32Array, limit: float, model: keras.Model
) -> None:
    """Check a network and its outputs, write it under a temporary name, and move it."""
    difference = float(np.abs(expected - received).max())
    if not difference <= limit:  # also catches NaN
        raise ModelError(
            f"expected an export with the outputs of {model.name}. Received: a difference of {difference:.4f}"
        )
    onnx.checker.check_model(proto, full_check=True)
    with written_whole(path) as part:
        onnx.save(proto, part)


def halve_weights(proto: Any) -> None:
    """Store weights in half precision. The network converts them when it is loaded."""
    graph = proto.graph
    for weights in list(graph.initializer):
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < _MIN_HALVED:
            continue
        halved = numpy_helper.from_array(values.astype(np.float16), f"{weights.name}_half")
        cast = helper.make_node("Cast", [halved.name], [weights.name], to=TensorProto.FLOAT)
        graph.initializer.remove(weights)
        graph.initializer.append(halved)
        graph.node.insert(0, cast)


def add_features(proto: Any) -> None:
    """Make the input of the last layer the second output of a network, for profiles of one face."""
    *_, logits = (node for node in proto.graph.node if node.op_type in {"MatMul", "Gemm"})
    proto.graph.output.append(helper.make_tensor_value_info(logits.input[0], TensorProto.FLOAT, ["n", "features"]))


def in_eight_bits(proto: Any, batches: Sequence[Float32Array]) -> Any:
    """The network with convolutions in integers, one scale per channel of the weights.

    Weights use seven bits, because older x86 processors overflow with eight (ONNX Runtime's `reduce_range`).

    Args:
        proto: the network, with one input.
        batches: inputs that give the ranges of the activations.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    feeds = iter([{proto.graph.input[0].name: batch} for batch in batches])

    class Inputs(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Float32Array] | None:
            return next(feeds, None)

    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, quantized = (f"{folder}/{name}.onnx" for name in ("plain", "prepared", "quantized"))
        onnx.save(proto, plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantized,
            Inputs(),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Clip"],  # a clip becomes the range of the convolution before it
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
    faces, rng = to_network_input(crops, side)[..., 0], np.random.default_rng(0)
    return np.concatenate([augment(faces, VARIED, rng) for _ in range(_NUM_VARIANTS)])[..., None]


# Grad-CAM


def keras_maps(model: keras.Model, layer: str, faces: Float32Array, winner: Float32Array) -> Float32Array:
    """The maps as Keras computes them, for comparison with the graph.

    Args:
        model: a network whose logits are the outputs of the layer "logits".
        layer: the layer with the feature maps.
        faces: shape (n, side, side, 1), pixels 0 to 255.
        winner: shape (1, classes), 1 for the class to explain and 0 for the others.

    Returns:
        Shape (n, rows, columns), not negative.
    """
    return np.asarray(_maps(*_parts(model, layer), tf.constant(faces), winner))


def _parts(model: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """The network up to its feature maps, and from there to its logits."""
    maps = model.get_layer(layer).output
    return keras.Model(model.input, maps), keras.Model(maps, model.get_layer("logits").output)


def _maps(features: keras.Model, rest: keras.Model, pixels: Any, winner: Any) -> Any:
    found = features(pixels, training=False)
    with tf.GradientTape() as tape:
        tape.watch(found)
        score = tf.reduce_sum(rest(found, training=False) * winner)
    return tf.nn.relu(tf.reduce_sum(tape.gradient(score, found) * found, axis=-1))


def _with_plain_gradient(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The same layer, or one with the same outputs and gradients."""
    if isinstance(layer, keras.layers.MaxPooling2D):
        return keras.layers.Lambda(_highest_of_four, name=layer.name)
    if isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.relu:
        return keras.layers.Activation(lambda x: x * _mask(x > 0), name=layer.name)
    return layer


def _highest_of_four(x: Any) -> Any:
    _, rows, columns, channels = x.shape
    cells = tf.reshape(x, (-1, rows // 2, 2, columns // 2, 2, channels))
    is_highest = cells == tf.reduce_max(cells, axis=(2, 4), keepdims=True)
    return tf.reduce_sum(cells * _mask(is_highest), axis=(2, 4))


def _mask(condition: Any) -> Any:
    return tf.stop_gradient(tf.cast(condition, tf.float32))


def halve_kernels(proto: Any, model: keras.Model) -> None:
    """Store the kernels of convolutions in half precision, as the Keras file does, without a change of the maps.

    The graph has kernels multiplied by the factors of the batch normalisation. Rounding these products would move
    maxima, and with them the gradient. The gradient has the kernels themselves.
    """
    graph = proto.graph
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        kernel, half, whole = layer.get_weights()[0].transpose(3, 2, 0, 1), f"{layer.name}/half", f"{layer.name}/whole"
        for weights in list(graph.initializer):
            product = numpy_helper.to_array(weights)
            if product.shape != kernel.shape:
                continue
            factors = (product * kernel).sum(axis=(1, 2, 3), keepdims=True) / (kernel**2).sum((1, 2, 3), keepdims=True)
            if not np.allclose(kernel * factors, product, rtol=1e-4, atol=1e-6):
                continue  # the kernel of another layer
            factor = f"{weights.name}/factor"
            graph.node.insert(0, helper.make_node("Mul", [whole, factor], [weights.name]))
            graph.initializer.remove(weights)
            graph.initializer.append(numpy_helper.from_array(factors.astype(np.float32), factor))
        graph.node.insert(0, helper.make_node("Cast", [half], [whole], to=TensorProto.FLOAT))
        graph.initializer.append(numpy_helper.from_array(kernel.astype(np.float16), half))
