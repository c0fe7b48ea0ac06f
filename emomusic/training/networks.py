"""Network architectures: `NETWORKS` maps a name to its specification.

Every network takes raw grey pixels, 0 to 255, shape (batch, side, side, 1), and returns class probabilities. Scaling is
its first layer. `architectures` has the layers, and loads Keras.

For the networks of the student reports, `source` names the parts that the report leaves open and we chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
        source: origin of the architecture.
        preset: its default key in `presets.PRESETS`.
        classes: class names, in the order of its outputs.
        eight_bits: whether its export computes in integers of eight bits (`export_onnx`).
        grad_cam: the layer whose maps Grad-CAM weighs, if an export explains answers (`faces.inspection`). Its side
            is at least a sixth of the input: coarser maps agree less with occlusion (docs/decisions.md).
    """

    name: str
    title: str
    side: int
    source: str
    preset: str = "default"
    classes: tuple[str, ...] = SEVEN
    eight_bits: bool = False
    grad_cam: str = ""

    def build(self, dtype: str) -> keras.Model:
        """The untrained network for a Keras dtype policy such as "float32" or "mixed_bfloat16"."""
        import keras

        from emomusic.training.architectures import GRAPHS

        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(dtype)
        try:
            return keras.Model(*GRAPHS[self.name](), name=self.name)
        finally:
            keras.config.set_dtype_policy(before)


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
            NetworkSpec("tiny", "Three convolutions, for tests", 48, _VGG_SOURCE, grad_cam="block2a_relu"),
            NetworkSpec("vgg9", "Nine convolutions in four blocks", 48, _VGG_SOURCE),
            NetworkSpec("emonet", "Eleven convolutions, starting from vgg9", 48, _EMONET_SOURCE, "emonet"),
            NetworkSpec(
                "emonet_photo",
                "The network emonet, taught what people see in photographs",
                48,
                _EMONET_SOURCE,
                "faces",
                eight_bits=True,
                grad_cam="block3c_relu",
            ),
            NetworkSpec(
                "xception_entry_exit",
                "Xception's entry and exit flow, four residual modules",
                64,
                _XCEPTION_SOURCE,
                "xception",
            ),
            NetworkSpec(
                "cnn_paper",
                "Six convolutions and a wide dense layer",
                48,
                _STUDY_SOURCE.format("its first network, 5,346,759 weights"),
                "paper",
            ),
            NetworkSpec(
                "cnn_improved",
                "Five blocks up to 512 filters, with batch normalisation",
                48,
                _STUDY_SOURCE.format("its improved network"),
                "balanced",
            ),
            NetworkSpec("cnn_capstone", "Four blocks and two dense layers", 48, _CAPSTONE_SOURCE, "capstone"),
            NetworkSpec(
                "mobilenet_quadrants",
                "MobileNet pretrained on faces, four classes",
                48,
                f"the report Matching emotions: portraits and songs, after {_MOBILENET_SOURCE}",
                "quadrants",
                FOUR,
            ),
        )
    }
)
