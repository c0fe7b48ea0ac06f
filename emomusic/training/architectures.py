"""The layers of the networks in `presets.NETWORKS`, which names their sources, and their initial weights.

Each function returns the input and the output of a network, in Keras's current dtype policy. Layer names are unique and
always the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import Any

import keras
import numpy as np
from keras import layers

from emomusic.assets import models_dir
from emomusic.faces.model_files import FACERES, FACERES_PATH, WEIGHTS, model_folder, readable
from emomusic.metrics import FOUR, SEVEN

_Graph = tuple[keras.KerasTensor, keras.KerasTensor]


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """`BatchNormalization` that trains with TensorFlow's fused kernel.

    Keras reads each map in float32 several times, which takes a third of a training step in bfloat16 on a CPU. The
    kernel reads bfloat16, accumulates in float32, and returns the same result to the precision of bfloat16. Inference
    uses Keras's implementation. Do not save this layer; copy weights with `copy_layers`.

    The moving average uses the unbiased variance, n / (n - 1) times that of Keras.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise images, shape (batch, height, width, channels)."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow

        outputs, mean, variance = tensorflow.compat.v1.nn.fused_batch_norm(
            keras.ops.cast(inputs, self.compute_dtype), self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        for moving, latest in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * moving + (1 - self.momentum) * latest)
        return outputs


def _pixel_input(side: int = 48) -> _Graph:
    """The input, and each picture scaled to zero mean and unit variance.

    Standardisation removes differences in light and contrast, which vary more in photographs than in FER2013.
    """
    pixels = layers.Input((side, side, 1), name="pixels")
    x = layers.Rescaling(1 / 255, dtype="float32", name="to_unit")(pixels)
    x = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, dtype="float32", name="standardise")(x)
    return pixels, layers.Activation("linear", name="cast")(x)


def _plain_input(side: int) -> _Graph:
    """The input, and pixels scaled to -1 to 1, as in the reports."""
    pixels = layers.Input((side, side, 1), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype="float32", name="to_plus_minus_one")(pixels)
    return pixels, layers.Activation("linear", name="cast")(x)


def _probabilities(features: keras.KerasTensor, num_classes: int = len(SEVEN)) -> keras.KerasTensor:
    """Softmax of the logits, always in float32."""
    logits = layers.Dense(num_classes, name="logits")(features)
    return layers.Activation("softmax", dtype="float32", name="probabilities")(logits)


def _convolution(
    x: keras.KerasTensor,
    filters: int,
    name: str,
    *,
    side: int = 3,
    strides: int = 1,
    relu: bool = True,
    gamma: str = "ones",
) -> keras.KerasTensor:
    """A convolution, batch normalisation with initial factors `gamma`, and optional ReLU."""
    x = layers.Conv2D(
        filters,
        side,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    # Training in bfloat16 uses the fused layer; saved models contain only layers of Keras
    is_fused = keras.config.dtype_policy().name == "mixed_bfloat16"
    norm = FusedBatchNormalization if is_fused else layers.BatchNormalization
    x = norm(momentum=0.9, gamma_initializer=gamma, name=f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x) if relu else x


def _blocks(
    x: keras.KerasTensor, blocks: tuple[tuple[int, ...], ...], dropouts: tuple[float, ...] = ()
) -> keras.KerasTensor:
    """Blocks of 3x3 convolutions, each followed by 2x2 pooling and, if it has one, by its dropout."""
    for number, (filters_of_block, dropout) in enumerate(zip_longest(blocks, dropouts), 1):
        for letter, filters in zip("abcdef", filters_of_block, strict=False):
            x = _convolution(x, filters, f"block{number}{letter}")
        x = layers.MaxPooling2D(2, padding="same", name=f"block{number}_pool")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"block{number}_dropout")(x)
    return x


def _classified(maps: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Probabilities by global average pooling, dropout and a softmax layer."""
    x = layers.GlobalAveragePooling2D(name="mean")(maps)
    return _probabilities(layers.Dropout(dropout, name="dropout")(x))


_VGG9_BLOCKS = ((32,), (64, 64), (128, 128, 128), (256, 256, 256))


def _vgg(blocks: tuple[tuple[int, ...], ...], dropout: float) -> _Graph:
    inputs, x = _pixel_input()
    return inputs, _classified(_blocks(x, blocks), dropout)


def _emonet() -> _Graph:
    """The nine convolutions of `vgg9` and a residual block of two more.

    The block's initial output is zero, so a network that starts from a trained `vgg9` first predicts the same.
    """
    inputs, x = _pixel_input()
    x = shortcut = _blocks(x, _VGG9_BLOCKS)
    x = _convolution(x, 256, "block5a")
    x = _convolution(x, 256, "block5b", relu=False, gamma="zeros")
    x = layers.Add(name="block5_sum")([x, shortcut])
    return inputs, _classified(x, 0.4)


def _xception_entry_exit() -> _Graph:
    """Xception without its middle flow; each module has a strided convolution as its shortcut."""
    inputs, x = _plain_input(64)
    x = _convolution(x, 32, "entry1", strides=2)
    x = _convolution(x, 32, "entry2")
    for number, filters in enumerate((48, 96, 192, 384), 1):
        name = f"module{number}"
        shortcut = _convolution(x, filters, f"{name}_shortcut", side=1, strides=2, relu=False)
        x = _convolution(x, filters, f"{name}a")
        x = _convolution(x, filters, f"{name}b", relu=False)
        x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
        x = layers.Add(name=f"{name}_sum")([x, shortcut])
        x = layers.Activation("relu", name=f"{name}_relu")(x)
    return inputs, _classified(x, 0.4)


def _cnn_paper() -> _Graph:
    """Three blocks of two convolutions and a dense layer of 1,024, with dropout and without batch normalisation."""
    inputs, x = _plain_input(48)
    for number, filters in enumerate((64, 128, 256), 1):
        for letter, padding in (("a", "valid"), ("b", "same")):
            x = layers.Conv2D(
                filters,
                3,
                padding=padding,
                activation="relu",
                kernel_initializer="he_normal",
                name=f"block{number}{letter}",
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
        x = layers.Dropout(0.25, name=f"block{number}_dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(1024, activation="relu", kernel_initializer="he_normal", name="dense1")(x)
    x = layers.Dropout(0.5, name="dense1_dropout")(x)
    return inputs, _probabilities(x)


def _cnn(
    blocks: tuple[tuple[int, ...], ...], dropouts: tuple[float, ...], dense: tuple[tuple[int, float], ...]
) -> _Graph:
    """Blocks with batch normalisation, pooling and dropout; dense layers with their units and dropout."""
    inputs, x = _plain_input(48)
    x = layers.Flatten(name="flatten")(_blocks(x, blocks, dropouts))
    for number, (units, dropout) in enumerate(dense, 1):
        name = f"dense{number}"
        x = layers.Dense(units, use_bias=False, kernel_initializer="he_normal", name=name)(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        x = layers.Activation("relu", name=f"{name}_relu")(x)
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return inputs, _probabilities(x)


# MobileNet: filters of the pointwise convolution of each block, and the blocks with stride 2
_MOBILENET_FILTERS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_MOBILENET_HALVING = frozenset({2, 4, 6, 12})


def _mobilenet(side: int, enlarged: int, num_classes: int) -> _Graph:
    """MobileNet with biases instead of batch normalisation, which is folded into its start weights.

    The network enlarges a picture of `side` pixels to `enlarged`, and rescales the pixels to match the data of its
    start weights. Layers have the names used there (`apply_start_weights`).
    """
    # He initialisation: Keras would count all channels, but a depthwise filter uses one
    start = keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5)
    # Of 16 bits, these layers make a step on a CPU 1.4 times as slow
    depthwise = partial(layers.DepthwiseConv2D, 3, padding="same", depthwise_initializer=start, dtype="float32")
    inputs, x = _pixel_input(side)
    x = layers.Rescaling(64.0, name="to_spread")(x)
    if enlarged != side:
        x = layers.Resizing(enlarged, enlarged, name="enlarge")(x)
    x = layers.Conv2D(32, 3, strides=2, padding="same", name="conv1")(x)
    x = layers.ReLU(6.0, name="conv1_relu")(x)
    for number, filters in enumerate(_MOBILENET_FILTERS, 1):
        strides = 2 if number in _MOBILENET_HALVING else 1
        x = depthwise(strides=strides, name=f"conv_dw_{number}")(x)
        x = layers.ReLU(6.0, name=f"conv_dw_{number}_relu")(x)
        x = layers.Conv2D(filters, 1, kernel_initializer="he_normal", name=f"conv_pw_{number}")(x)
        x = layers.ReLU(6.0, name=f"conv_pw_{number}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    return inputs, _probabilities(x, num_classes)


GRAPHS: dict[str, Callable[[], _Graph]] = {
    "tiny": partial(_vgg, ((8,), (16,), (16,)), 0.1),
    "vgg9": partial(_vgg, _VGG9_BLOCKS, 0.4),
    "emonet": _emonet,
    "emonet_photo": _emonet,
    "xception_entry_exit": _xception_entry_exit,
    "cnn_paper": _cnn_paper,
    "cnn_improved": partial(
        _cnn, ((32,), (64, 64), (128, 128), (256, 256), (512,)), (0.1, 0.1, 0.1, 0.1, 0.4), ((256, 0.5),)
    ),
    "cnn_capstone": partial(_cnn, ((32,), (64,), (128,), (256,)), (0.1, 0.1, 0.1, 0.1), ((256, 0.4), (128, 0.3))),
    "mobilenet_quadrants": partial(_mobilenet, 48, 96, len(FOUR)),
    "mobilenet_photo": partial(_mobilenet, 144, 144, len(SEVEN)),
}


# Initial weights


def apply_start_weights(model: keras.Model, name: str) -> None:
    """Copy weights of `FACERES`, or of a trained model, into the layers of the same names.

    Other layers keep their random initialisation.

    Raises:
        ModelError: the file is absent, damaged, or does not fit the network; or the name is unknown.
    """
    path = models_dir() / FACERES_PATH if name == FACERES else model_folder(name) / WEIGHTS
    with readable(f"start weights for {model.name}", path):
        if name == FACERES:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                for layer in model.layers:
                    if f"{layer.name}/kernel" in arrays:
                        parts = (arrays[f"{layer.name}/{part}"] for part in ("kernel", "bias"))
                        layer.set_weights([part.astype(np.float32) for part in parts])
        else:
            copy_layers(keras.saving.load_model(path, compile=False, safe_mode=True), model)


def copy_layers(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of the layers that both networks have, in any precision."""
    known = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if layer.name in known:
            layer.set_weights(known[layer.name].get_weights())
