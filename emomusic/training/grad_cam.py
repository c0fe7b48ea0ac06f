"""Grad-CAM as an ONNX graph, which `emomusic.faces.inspection` runs without TensorFlow.

Grad-CAM [1] weighs feature maps by the gradient of a class's logit, here at each position, as HiResCAM [2] does. The
graph is the network, followed by the gradient of its second part, which shares the weights of the first.

[1] R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization", ICCV
2017.
[2] R. L. Draelos & L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891, 2020.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from emomusic.errors import ModelError
from emomusic.runtime import FloatArray

if TYPE_CHECKING:
    import keras


def keras_maps(model: keras.Model, layer: str, faces: FloatArray, winner: int) -> FloatArray:
    """The maps as Keras computes them, for comparison with the graph.

    Args:
        model: a network whose logits are the outputs of the layer "logits".
        layer: the layer with the feature maps.
        faces: shape (n, side, side, 1), pixels 0 to 255.
        winner: index of the class.

    Returns:
        Shape (n, rows, columns), not negative.
    """
    import keras
    import tensorflow as tf

    network = keras.Model(model.input, [model.get_layer("logits").output, model.get_layer(layer).output])
    pixels = tf.constant(faces)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, features = network(pixels, training=False)
        score = tf.reduce_sum(logits[:, winner])
    return np.asarray(tf.nn.relu(tf.reduce_sum(tape.gradient(score, features) * features, axis=-1)))


def append_grad_cam(proto: Any, layer: str) -> None:
    """Turn an exported network into one that returns maps.

    The graph gets a second input, "winner": shape (1, classes), 1 for the class to explain and 0 for the others. Its
    only output, "maps", has the shape (n, rows, columns).

    Args:
        proto: a network that ends in a softmax; changed in place.
        layer: the ReLU layer with the feature maps.

    Raises:
        ModelError: the network has no such layer, or an operation whose gradient is unknown.
    """
    import onnx
    from onnx import TensorProto, helper

    proto.CopyFrom(onnx.shape_inference.infer_shapes(proto))
    graph = proto.graph
    features = [node.output[0] for node in graph.node if node.op_type == "Relu" and f"/{layer}" in node.output[0]]
    if len(features) != 1:
        raise ModelError(f"expected one layer {layer} in the network. Received: {len(features)}")
    num_classes = graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    softmax = graph.node.pop()
    gradient = _Gradient(graph)
    gradient.add(softmax.input[0], "winner")
    for node in reversed(list(graph.node)):
        if node.output[0] == features[0]:
            break
        gradient.pass_through(node)
    gradient.node("Mul", gradient.of[features[0]], features[0], output="weighted")
    gradient.node("ReduceSum", "weighted", gradient.constant("channels", [1]), output="support", keepdims=0)
    gradient.node("Relu", "support", output="maps")
    graph.input.append(helper.make_tensor_value_info("winner", TensorProto.FLOAT, (1, num_classes)))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("maps", TensorProto.FLOAT, ("n", None, None)))


def halve_kernels(proto: Any, model: keras.Model) -> None:
    """Store the kernels of convolutions in half precision, as the Keras file does, without a change of the maps.

    The graph has kernels multiplied by the factors of the batch normalisation. Rounding these products would move
    maxima, and with them the gradient.
    """
    import keras
    from onnx import TensorProto, helper, numpy_helper

    graph = proto.graph
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        kernel = layer.get_weights()[0].transpose(3, 2, 0, 1)
        for weights in list(graph.initializer):
            product = numpy_helper.to_array(weights)
            if product.shape != kernel.shape:
                continue
            factors = (product * kernel).sum(axis=(1, 2, 3), keepdims=True) / (kernel**2).sum((1, 2, 3), keepdims=True)
            if not np.allclose(kernel * factors, product, rtol=1e-4, atol=1e-6):
                continue  # the kernel of another layer
            half, whole, factor = (f"{weights.name}/{part}" for part in ("half", "whole", "factor"))
            graph.node.insert(0, helper.make_node("Mul", [whole, factor], [weights.name]))
            graph.node.insert(0, helper.make_node("Cast", [half], [whole], to=TensorProto.FLOAT))
            graph.initializer.remove(weights)
            graph.initializer.append(numpy_helper.from_array(kernel.astype(np.float16), half))
            graph.initializer.append(numpy_helper.from_array(factors.astype(np.float32), factor))


class _Gradient:
    """Nodes that compute the gradient of a class's logit, from the last operation of a graph to the first.

    Attributes:
        of: the name of the gradient of each tensor.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._sides = {
            value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim[2:]]
            for value in graph.value_info
        }
        self._weights = {tensor.name for tensor in graph.initializer}
        self.of: dict[str, str] = {}

    def constant(self, name: str, values: list[int] | list[float]) -> str:
        """Add a constant, and return its name."""
        from onnx import numpy_helper

        array = np.array(values, np.float32 if isinstance(values[0], float) else np.int64)
        self._graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, output: str, **attributes: Any) -> str:
        """Add an operation, and return the name of its output."""
        from onnx import helper

        self._graph.node.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def add(self, tensor: str, gradient: str) -> None:
        """Add a part of the gradient of a tensor. The two branches of a residual block each give one."""
        known = self.of.get(tensor)
        self.of[tensor] = self.node("Add", known, gradient, output=f"{gradient}/sum") if known else gradient

    def pass_through(self, node: Any) -> None:
        """Add the gradients of the inputs of an operation.

        Raises:
            ModelError: the operation is unknown.
        """
        from onnx import helper

        source, output = node.input[0], node.output[0]
        given, name = self.of[output], f"gradient/{output}"
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        match node.op_type:
            case "Add":
                for number, tensor in enumerate(node.input):
                    if tensor not in self._weights:
                        self.add(tensor, self.node("Identity", given, output=f"{name}/{number}"))
            case "MatMul":
                turned = self.node("Transpose", node.input[1], output=f"{name}/turned", perm=[1, 0])
                self.add(source, self.node("MatMul", given, turned, output=name))
            case "Squeeze":
                self.add(source, self.node("Unsqueeze", given, node.input[1], output=name))
            case "GlobalAveragePool":
                size = self.node("Shape", source, output=f"{name}/size")
                share = self.constant(f"{name}/share", [1 / math.prod(self._sides[source])])
                even = self.node("Expand", given, size, output=f"{name}/even")
                self.add(source, self.node("Mul", even, share, output=name))
            case "Relu":
                positive = self.node("Greater", output, self.constant(f"{name}/zero", [0.0]), output=f"{name}/positive")
                mask = self.node("Cast", positive, output=f"{name}/mask", to=1)
                self.add(source, self.node("Mul", given, mask, output=name))
            case "MaxPool" if attributes["kernel_shape"] == attributes["strides"]:
                scales = self.constant(f"{name}/scales", [1.0, 1.0, *map(float, attributes["strides"])])
                larger = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
                highest = self.node("Resize", output, "", scales, output=f"{name}/highest", **larger)
                is_highest = self.node("Equal", source, highest, output=f"{name}/is_highest")
                mask = self.node("Cast", is_highest, output=f"{name}/mask", to=1)
                spread = self.node("Resize", given, "", scales, output=f"{name}/spread", **larger)
                self.add(source, self.node("Mul", spread, mask, output=name))
            case "Conv" if attributes["strides"] == [1, 1] and attributes["group"] == 1:
                kept = {key: attributes[key] for key in ("pads", "kernel_shape")}
                self.add(source, self.node("ConvTranspose", given, node.input[1], output=name, **kept))
            case _:
                raise ModelError(f"expected an operation with a known gradient. Received: {node.op_type}")
