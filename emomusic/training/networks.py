"""Network architectures: `NETWORKS` maps a name to its specification.

Every network takes raw grey pixels, 0 to 255, shape (batch, side, side, 1), and returns class probabilities. Scaling is
its first layer. `import keras` happens in the first build.

For the networks of the student reports, `source` names the parts that the report leaves open and we chose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from emomusic.metrics import FOUR, SEVEN

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One architecture.

    Attributes:
        name: its key in `NETWORKS`.
        title: a short description for people.
        side: side of its square input, in pixels.
        build: returns the untrained network for a Keras dtype policy such as "float32" or "mixed_bfloat16". Layer names
            are unique and always the same.
        source: origin of the architecture.
        preset: its default key in `presets.PRESETS`.
        classes: class names, in the order of its outputs.
        eight_bits: whether its export computes in integers of eight bits (`export_onnx`).
        grad_cam: the layer whose maps Grad-CAM weighs, if an export explains answers (`faces.grad_cam`). Its side
            is at least a sixth of the input: coarser maps agree less with occlusion (docs/decisions.md).
    """

    name: str
    title: str
    side: int
    build: Callable[[str], keras.Model]
    source: str
    preset: str = "default"
    classes: tuple[str, ...] = SEVEN
    eight_bits: bool = False
    grad_cam: str = ""


def _pixel_input(side: int, dtype: str) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input, and each picture scaled to zero mean and unit variance.

    Standardisation removes differences in light and contrast, which vary more in photographs than in FER2013.
    """
    from keras import layers

    pixels = layers.Input((side, side, 1), name="pixels")
    x = layers.Rescaling(1 / 255, dtype="float32", name="to_unit")(pixels)
    x = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, dtype="float32", name="standardise")(x)
    return pixels, layers.Activation("linear", dtype=dtype, name="cast")(x)


def _plain_input(side: int, dtype: str) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input, and pixels scaled to -1 to 1, as in the reports."""
    from keras import layers

    pixels = layers.Input((side, side, 1), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype="float32", name="to_plus_minus_one")(pixels)
    return pixels, layers.Activation("linear", dtype=dtype, name="cast")(x)


def _probabilities(features: keras.KerasTensor, dtype: str, num_classes: int = len(SEVEN)) -> keras.KerasTensor:
    """Softmax of the logits, always in float32."""
    from keras import layers

    logits = layers.Dense(num_classes, dtype=dtype, name="logits")(features)
    return layers.Activation("softmax", dtype="float32", name="probabilities")(logits)


def _convolution(
    x: keras.KerasTensor,
    filters: int,
    name: str,
    dtype: str,
    *,
    side: int = 3,
    strides: int = 1,
    relu: bool = True,
    gamma: str = "ones",
) -> keras.KerasTensor:
    """A convolution, batch normalisation with initial factors `gamma`, and optional ReLU."""
    from keras import layers

    from emomusic.training.batch_norm import FusedBatchNormalization

    x = layers.Conv2D(
        filters,
        side,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        dtype=dtype,
        name=f"{name}_conv",
    )(x)
    # Training in bfloat16 uses the fused layer; saved models contain only layers of Keras
    norm = FusedBatchNormalization if dtype == "mixed_bfloat16" else layers.BatchNormalization
    x = norm(momentum=0.9, gamma_initializer=gamma, dtype=dtype, name=f"{name}_norm")(x)
    return layers.Activation("relu", dtype=dtype, name=f"{name}_relu")(x) if relu else x


def _blocks(x: keras.KerasTensor, blocks: tuple[tuple[int, ...], ...], dtype: str) -> keras.KerasTensor:
    """Blocks of 3x3 convolutions, each followed by 2x2 pooling."""
    from keras import layers

    for number, filters_of_block in enumerate(blocks, 1):
        for letter, filters in zip("abcdef", filters_of_block, strict=False):
            x = _convolution(x, filters, f"block{number}{letter}", dtype)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{number}_pool")(x)
    return x


def _classified(
    name: str, inputs: keras.KerasTensor, maps: keras.KerasTensor, *, dropout: float, dtype: str
) -> keras.Model:
    """A network with global average pooling, dropout and a softmax layer."""
    import keras
    from keras import layers

    x = layers.GlobalAveragePooling2D(dtype=dtype, name="mean")(maps)
    x = layers.Dropout(dropout, dtype=dtype, name="dropout")(x)
    return keras.Model(inputs, _probabilities(x, dtype), name=name)


def _tiny(dtype: str) -> keras.Model:
    inputs, x = _pixel_input(48, dtype)
    return _classified("tiny", inputs, _blocks(x, ((8,), (16,), (16,)), dtype), dropout=0.1, dtype=dtype)


_VGG9_BLOCKS = ((32,), (64, 64), (128, 128, 128), (256, 256, 256))


def _vgg9(dtype: str) -> keras.Model:
    inputs, x = _pixel_input(48, dtype)
    return _classified("vgg9", inputs, _blocks(x, _VGG9_BLOCKS, dtype), dropout=0.4, dtype=dtype)


def _emonet(dtype: str, name: str = "emonet") -> keras.Model:
    """The nine convolutions of `vgg9` and a residual block of two more.

    The block's initial output is zero, so a network that starts from a trained `vgg9` first predicts the same.
    """
    from keras import layers

    inputs, x = _pixel_input(48, dtype)
    x = shortcut = _blocks(x, _VGG9_BLOCKS, dtype)
    x = _convolution(x, 256, "block5a", dtype)
    x = _convolution(x, 256, "block5b", dtype, relu=False, gamma="zeros")
    x = layers.Add(dtype=dtype, name="block5_sum")([x, shortcut])
    return _classified(name, inputs, x, dropout=0.4, dtype=dtype)


def _xception_entry_exit(dtype: str) -> keras.Model:
    """Xception without its middle flow; each module has a strided convolution as its shortcut."""
    from keras import layers

    inputs, x = _plain_input(64, dtype)
    x = _convolution(x, 32, "entry1", dtype, strides=2)
    x = _convolution(x, 32, "entry2", dtype)
    for number, filters in enumerate((48, 96, 192, 384), 1):
        name = f"module{number}"
        shortcut = _convolution(x, filters, f"{name}_shortcut", dtype, side=1, strides=2, relu=False)
        x = _convolution(x, filters, f"{name}a", dtype)
        x = _convolution(x, filters, f"{name}b", dtype, relu=False)
        x = layers.MaxPooling2D(3, strides=2, padding="same", dtype=dtype, name=f"{name}_pool")(x)
        x = layers.Add(dtype=dtype, name=f"{name}_sum")([x, shortcut])
        x = layers.Activation("relu", dtype=dtype, name=f"{name}_relu")(x)
    return _classified("xception_entry_exit", inputs, x, dropout=0.4, dtype=dtype)


def _cnn_paper(dtype: str) -> keras.Model:
    """Three blocks of two convolutions and a dense layer of 1,024, with dropout and without batch normalisation."""
    import keras
    from keras import layers

    inputs, x = _plain_input(48, dtype)
    for number, filters in enumerate((64, 128, 256), 1):
        for letter, padding in (("a", "valid"), ("b", "same")):
            x = layers.Conv2D(
                filters,
                3,
                padding=padding,
                activation="relu",
                kernel_initializer="he_normal",
                dtype=dtype,
                name=f"block{number}{letter}",
            )(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{number}_pool")(x)
        x = layers.Dropout(0.25, dtype=dtype, name=f"block{number}_dropout")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = layers.Dense(1024, activation="relu", kernel_initializer="he_normal", dtype=dtype, name="dense1")(x)
    x = layers.Dropout(0.5, dtype=dtype, name="dense1_dropout")(x)
    return keras.Model(inputs, _probabilities(x, dtype), name="cnn_paper")


def _cnn_improved(dtype: str) -> keras.Model:
    """Five blocks up to 512 filters, each with batch normalisation, pooling and dropout; one dense layer."""
    import keras
    from keras import layers

    inputs, x = _plain_input(48, dtype)
    blocks = (((32,), 0.1), ((64, 64), 0.1), ((128, 128), 0.1), ((256, 256), 0.1), ((512,), 0.4))
    for number, (filters_of_block, dropout) in enumerate(blocks, 1):
        for letter, filters in zip("ab", filters_of_block, strict=False):
            x = _convolution(x, filters, f"block{number}{letter}", dtype)
        x = layers.MaxPooling2D(2, padding="same", dtype=dtype, name=f"block{number}_pool")(x)
        x = layers.Dropout(dropout, dtype=dtype, name=f"block{number}_dropout")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = _dense(x, 256, 0.5, "dense1", dtype)
    return keras.Model(inputs, _probabilities(x, dtype), name="cnn_improved")


def _dense(x: keras.KerasTensor, units: int, dropout: float, name: str, dtype: str) -> keras.KerasTensor:
    from keras import layers

    x = layers.Dense(units, use_bias=False, kernel_initializer="he_normal", dtype=dtype, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, dtype=dtype, name=f"{name}_norm")(x)
    x = layers.Activation("relu", dtype=dtype, name=f"{name}_relu")(x)
    return layers.Dropout(dropout, dtype=dtype, name=f"{name}_dropout")(x)


def _cnn_capstone(dtype: str) -> keras.Model:
    """Four blocks of convolution, batch normalisation, activation, pooling and dropout; two dense layers."""
    import keras
    from keras import layers

    inputs, x = _plain_input(48, dtype)
    for number, filters in enumerate((32, 64, 128, 256), 1):
        x = _convolution(x, filters, f"block{number}", dtype)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{number}_pool")(x)
        x = layers.Dropout(0.1, dtype=dtype, name=f"block{number}_dropout")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = _dense(x, 256, 0.4, "dense1", dtype)
    x = _dense(x, 128, 0.3, "dense2", dtype)
    return keras.Model(inputs, _probabilities(x, dtype), name="cnn_capstone")


# MobileNet: filters of the pointwise convolution of each block, and the blocks with stride 2
_MOBILENET_FILTERS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_MOBILENET_HALVING = frozenset({2, 4, 6, 12})
_MOBILENET_SIDE = 96  # pixels; the network enlarges its input


def _mobilenet_quadrants(dtype: str) -> keras.Model:
    """MobileNet with biases instead of batch normalisation, which is folded into its start weights.

    The network enlarges the picture and rescales the pixels to match the data of its start weights. Layers have the
    names used there (`start_weights`).
    """
    import keras
    from keras import layers

    # He initialisation: Keras would count all channels, but a depthwise filter uses one
    depthwise = keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5)
    inputs, x = _pixel_input(48, dtype)
    x = layers.Rescaling(64.0, dtype=dtype, name="to_spread")(x)
    x = layers.Resizing(_MOBILENET_SIDE, _MOBILENET_SIDE, dtype=dtype, name="enlarge")(x)
    x = layers.Conv2D(32, 3, strides=2, padding="same", dtype=dtype, name="conv1")(x)
    x = layers.ReLU(6.0, dtype=dtype, name="conv1_relu")(x)
    for number, filters in enumerate(_MOBILENET_FILTERS, 1):
        strides = 2 if number in _MOBILENET_HALVING else 1
        x = layers.DepthwiseConv2D(
            3, strides=strides, padding="same", depthwise_initializer=depthwise, dtype=dtype, name=f"conv_dw_{number}"
        )(x)
        x = layers.ReLU(6.0, dtype=dtype, name=f"conv_dw_{number}_relu")(x)
        x = layers.Conv2D(filters, 1, kernel_initializer="he_normal", dtype=dtype, name=f"conv_pw_{number}")(x)
        x = layers.ReLU(6.0, dtype=dtype, name=f"conv_pw_{number}_relu")(x)
    x = layers.GlobalAveragePooling2D(dtype=dtype, name="mean")(x)
    x = layers.Dropout(0.3, dtype=dtype, name="dropout")(x)
    return keras.Model(inputs, _probabilities(x, dtype, len(FOUR)), name="mobilenet_quadrants")


_VGG_SOURCE = "K. Simonyan & A. Zisserman, Very deep convolutional networks, ICLR 2015 (we chose the widths)"
_EMONET_SOURCE = f"{_VGG_SOURCE}; K. He et al., Deep residual learning, CVPR 2016 (the last block)"
_XCEPTION_SOURCE = (
    "the Music Mood Lifter report after F. Chollet, Xception, CVPR 2017, without its middle flow and with plain "
    "convolutions (the numbers of filters are ours)"
)
_STUDY_SOURCE = "a CNN study of FER2013: {} (we chose what the study leaves open)"
_CAPSTONE_SOURCE = "the network of a capstone report, four blocks and two dense layers (we chose the widths)"
_MOBILENET_SOURCE = "A. Howard et al., MobileNets, arXiv:1704.04861, 2017"

NETWORKS: Mapping[str, NetworkSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            NetworkSpec("tiny", "Three convolutions, for tests", 48, _tiny, _VGG_SOURCE, grad_cam="block2a_relu"),
            NetworkSpec("vgg9", "Nine convolutions in four blocks", 48, _vgg9, _VGG_SOURCE),
            NetworkSpec("emonet", "Eleven convolutions, starting from vgg9", 48, _emonet, _EMONET_SOURCE, "emonet"),
            NetworkSpec(
                "emonet_photo",
                "The network emonet, taught what people see in photographs",
                48,
                partial(_emonet, name="emonet_photo"),
                _EMONET_SOURCE,
                "faces",
                eight_bits=True,
                grad_cam="block3c_relu",
            ),
            NetworkSpec(
                "xception_entry_exit",
                "Xception's entry and exit flow, four residual modules",
                64,
                _xception_entry_exit,
                _XCEPTION_SOURCE,
                "xception",
            ),
            NetworkSpec(
                "cnn_paper",
                "Six convolutions and a wide dense layer",
                48,
                _cnn_paper,
                _STUDY_SOURCE.format("its first network, 5,346,759 weights"),
                "paper",
            ),
            NetworkSpec(
                "cnn_improved",
                "Five blocks up to 512 filters, with batch normalisation",
                48,
                _cnn_improved,
                _STUDY_SOURCE.format("its improved network"),
                "balanced",
            ),
            NetworkSpec(
                "cnn_capstone", "Four blocks and two dense layers", 48, _cnn_capstone, _CAPSTONE_SOURCE, "capstone"
            ),
            NetworkSpec(
                "mobilenet_quadrants",
                "MobileNet pretrained on faces, four classes",
                48,
                _mobilenet_quadrants,
                f"the report Matching emotions: portraits and songs, after {_MOBILENET_SOURCE}",
                "quadrants",
                FOUR,
            ),
        )
    }
)
