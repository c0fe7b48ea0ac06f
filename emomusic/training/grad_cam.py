"""Grad-CAM as an ONNX graph, which `emomusic.faces.inspection` runs without TensorFlow.

Grad-CAM [1] weighs feature maps by the gradient of a class's logit, here at each position, as HiResCAM [2] does. The
graph is the network and TensorFlow's gradient of its second part.

[1] R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization", ICCV
2017.
[2] R. L. Draelos & L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", arXiv:2011.08891, 2020.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from emomusic.errors import ModelError
from emomusic.runtime import Float32Array


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


def convertible_maps(model: keras.Model, layer: str) -> Any:
    """The function of `keras_maps` for one face, which tf2onnx can convert, with its inputs `pixels` and `winner`.

    tf2onnx has no gradients of ReLU and of max pooling, so products with masks replace both.

    Raises:
        ModelError: the network has no such layer.
    """
    features, rest = _parts(model, layer)
    rest = keras.models.clone_model(rest, clone_function=_with_plain_gradient)

    def maps(pixels: Any, winner: Any) -> Any:
        return tf.identity(_maps(features, rest, pixels, winner), name="maps")

    shapes = {"pixels": (1, *model.input_shape[1:]), "winner": (1, model.output_shape[-1])}
    signature = [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()]
    return tf.function(maps, input_signature=signature)


def _parts(model: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """The network up to its feature maps, and from there to its logits."""
    names = [each.name for each in model.layers]
    if layer not in names:
        raise ModelError(f"expected a layer {layer} in the network {model.name}. Received: {', '.join(names)}")
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
    from onnx import TensorProto, helper, numpy_helper

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
