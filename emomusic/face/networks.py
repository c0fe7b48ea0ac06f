"""The architectures: `NETWORKS` maps a name to its spec and builder.

Every network takes raw grey pixels 0 to 255, shape (batch, side, side, 1), and gives seven probabilities; scaling is
its first layer, so a saved model needs nothing beside it. Only backend-neutral Keras 3 layers are used: a network
trains under TensorFlow, JAX or PyTorch and serves from the same file. Keras loads with the first build.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from emomusic.affect import EMOTIONS

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One architecture.

    Attributes:
        name: its key in `NETWORKS`.
        title: one line for people.
        side: pixels along each side of its square input.
        build: makes it, untrained; the argument is a Keras dtype policy such as "float32" or "mixed_bfloat16".
        source: where the idea comes from.
    """

    name: str
    title: str
    side: int
    build: Callable[[str], keras.Model]
    source: str


def _pixel_input(side: int, dtype: str) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input and its scaled form: each picture to zero mean and unit variance.

    Standardising each picture takes out light and contrast, in which photographs differ more than FER2013 does.
    """
    from keras import layers

    pixels = keras_input = layers.Input((side, side, 1), name="pixels")
    pixels = layers.Rescaling(1 / 255, dtype="float32", name="to_unit")(pixels)
    pixels = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, dtype="float32", name="standardise")(
        pixels
    )
    return keras_input, layers.Activation("linear", dtype=dtype, name="cast")(pixels)


def _probabilities(features: keras.KerasTensor, dtype: str) -> keras.KerasTensor:
    """Logits and their softmax; the softmax in float32 whatever the rest computes in."""
    from keras import layers

    logits = layers.Dense(len(EMOTIONS), dtype=dtype, name="logits")(features)
    return layers.Activation("softmax", dtype="float32", name="probabilities")(logits)


def _convolution(x: keras.KerasTensor, filters: int, name: str, dtype: str) -> keras.KerasTensor:
    from keras import layers

    x = layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", dtype=dtype, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=0.9, dtype=dtype, name=f"{name}_norm")(x)
    return layers.Activation("relu", dtype=dtype, name=f"{name}_relu")(x)


def _vgg(name: str, blocks: tuple[tuple[int, ...], ...], *, side: int, dropout: float, dtype: str) -> keras.Model:
    """Blocks of 3x3 convolutions, each block ended by pooling to half the side; then the mean over what is left."""
    import keras
    from keras import layers

    inputs, x = _pixel_input(side, dtype)
    for number, filters_of_block in enumerate(blocks, 1):
        for letter, filters in zip("abcdef", filters_of_block, strict=False):
            x = _convolution(x, filters, f"block{number}{letter}", dtype)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{number}_pool")(x)
    x = layers.GlobalAveragePooling2D(dtype=dtype, name="mean")(x)
    x = layers.Dropout(dropout, dtype=dtype, name="dropout")(x)
    return keras.Model(inputs, _probabilities(x, dtype), name=name)


def _tiny(dtype: str) -> keras.Model:
    return _vgg("tiny", ((8,), (16,), (16,)), side=48, dropout=0.1, dtype=dtype)


def _vgg9(dtype: str) -> keras.Model:
    blocks = ((32,), (64, 64), (128, 128, 128), (256, 256, 256))
    return _vgg("vgg9", blocks, side=48, dropout=0.4, dtype=dtype)


_VGG_SOURCE = "K. Simonyan & A. Zisserman, Very deep convolutional networks, ICLR 2015 (the shape; the widths are ours)"

NETWORKS: Mapping[str, NetworkSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            NetworkSpec("tiny", "Three convolutions, for tests", 48, _tiny, _VGG_SOURCE),
            NetworkSpec("vgg9", "Nine convolutions in four blocks", 48, _vgg9, _VGG_SOURCE),
        )
    }
)
