"""The networks and the training configurations, as data that loads no Keras.

`NETWORKS` maps a name to the specification of an architecture. Every network takes raw grey pixels, 0 to 255, shape
(batch, side, side, 1), and returns class probabilities. Scaling is its first layer. `architectures` has the layers, and
loads Keras. For the networks of the student reports, `source` names the parts that the report leaves open and we chose.

`PRESETS` maps a name to the stages of a training run, which presets.toml describes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from emomusic.metrics import SEVEN

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strength of each change; 0 turns it off.

    Attributes:
        rotation_degrees: maximum rotation in both directions.
        scale: minimum and maximum zoom.
        shift: maximum shift along each axis, as a share of the side.
        whole_pixels: shift by whole pixels, which keeps every pixel value without rotation and zoom.
        flip: probability of mirroring.
        contrast: maximum change of contrast and brightness, as a share.
        gamma: the exponent lies between 1 / (1 + gamma) and 1 + gamma.
        low_resolution: probability of reduced resolution or blur.
        jpeg: probability of strong JPEG compression, as in photographs from the web.
        erase: probability of erasing a rectangle of 2 to 20 % of the area.
        cut_out: probability of a plain surface around an ellipse, as around the faces of some collections.
    """

    rotation_degrees: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    whole_pixels: bool = False
    flip: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    low_resolution: float = 0.0
    jpeg: float = 0.0
    erase: float = 0.0
    cut_out: float = 0.0


PREVIOUS, EARLIER, FIRST = "previous stage", "stage before the previous", "first stage"
"""Models of the same run in `TrainingConfig.start` and `TrainingConfig.teachers`."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The configuration of one training stage, apart from the network and the data.

    Attributes:
        epochs: maximum number of passes over the training split.
        batch_size: pictures in a step.
        optimizer: SGD with Nesterov momentum 0.9, or Adam.
        learning_rate: the highest rate. One cycle warms up to it in the first `warmup` of the steps and then decays
            along a cosine.
        weight_decay: decoupled, multiplied by the current rate; kernels only.
        clip_norm: bound of the gradient's norm; 0 for none.
        sam_rho: radius of sharpness-aware minimisation (`steps`), which makes a step 1.5 times as slow; 0 for none.
        ema_momentum: the momentum of the moving average of the weights, which is evaluated and saved; 0 for no average.
        label_smoothing: share of the label that is spread over all classes.
        mixup: alpha of the Beta distribution for mixup; 0 for none.
        votes: share of the label taken from the FER+ votes in the first epoch. It changes linearly to `final_votes`.
        final_votes: the same share after the last epoch; 0 ends with the labels of FER2013.
        validation: labels of PublicTest that choose the epoch and fit the calibration: "fer2013", or "ferplus" for the
            emotion with the most votes (`fer2013.seen_emotions`).
        keeps_last: whether the weights of the last epoch count, not those with the best figure on PublicTest, which has
            few of the emotions that other collections add.
        teachers: trained models of seven emotions, or models of this run. Their mean probabilities are in the label
            of each picture from FER2013, and of each from a collection that the last teacher learnt from
            (G. Hinton et al., "Distilling the knowledge in a neural network", arXiv:1503.02531, 2015).
        distillation_weight: share of the label taken from the teachers, after the votes took theirs.
        posed: how often an epoch shows each face of a collection (`posed.PosedFaces`), those of large collections
            once; 0 for FER2013 alone. The epoch is then chosen by the held-out ones, too.
        without_posed: whether this stage sees none of the collections of people who posed.
        is_judged: whether the last stage is trained again without these collections, to judge it on people it has
            not met, and the model gets the layers and the numbers of people that photos and profiles are read with.
        start_share: share of the initial weights in the result, to keep more of their knowledge (M. Wortsman et al.,
            "Robust fine-tuning of zero-shot models", CVPR 2022).
        oversampling: repeats pictures of rare emotions. 1 makes all emotions about equally frequent; 0 repeats none.
        network: the key in `NETWORKS` of another network for this stage; None for the network of the run.
        start: `model_files.FACERES`, a trained model, or a model of this run; None for random weights.
        frozen: names of layers that keep their initial weights.
        precision: a Keras dtype policy; "mixed_bfloat16" is twice as fast on CPUs with AVX512-BF16.
        limit: use only the first pictures of each split; None for all. The first stage decides.
        seed: the seed of the weights, the order and the augmentation.
        augmentation: random changes of the pictures.
        finetune_epochs: number of final epochs with `finetune_augmentation`. Rotation and scaling blur pictures, but
            test pictures are sharp (H. Touvron et al., "Fixing the train-test resolution discrepancy", NeurIPS 2019).
        finetune_augmentation: see `finetune_epochs`.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 128
    optimizer: Literal["sgd", "adam"] = "sgd"
    warmup: float = 0.2
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    sam_rho: float = 0.0
    ema_momentum: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    votes: float = 0.0
    final_votes: float = 0.0
    validation: Literal["fer2013", "ferplus"] = "fer2013"
    keeps_last: bool = False
    teachers: tuple[str, ...] = ()
    distillation_weight: float = 0.0
    oversampling: float = 0.0
    posed: int = 0
    without_posed: bool = False
    is_judged: bool = False
    start_share: float = 0.0
    network: str | None = None
    start: str | None = None
    frozen: tuple[str, ...] = ()
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    limit: int | None = None
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    finetune_epochs: int = 0
    finetune_augmentation: Augmentation = field(default_factory=Augmentation)


def _whole(table: str | Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A table of presets.toml, or the one of this name, with what it takes from others."""
    table = _TABLES[kind][table] if isinstance(table, str) else table
    known = _whole(table["like"], kind) if "like" in table else {}
    return known | {key: value for key, value in table.items() if key != "like"}


def _stage(table: str | Mapping[str, Any]) -> TrainingConfig:
    values = _whole(table, "stages")
    changes = {name: _whole(values[name], "augmentations") for name in _AUGMENTATIONS if name in values}
    return msgspec.convert(values | changes, TrainingConfig)


_AUGMENTATIONS = ("augmentation", "finetune_augmentation")
_TABLES: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("presets.toml").read_text(encoding="utf-8"))

VARIED = msgspec.convert(_whole("varied", "augmentations"), Augmentation)
"""Strong changes, also for the samples that measure the ranges of an export."""

PRESETS: Mapping[str, tuple[TrainingConfig, ...]] = {
    name: tuple(map(_stage, stages)) for name, stages in _TABLES["presets"].items()
}


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
        partner: name of a trained model that reads the faces as well (`ModelSpec`), or none.
        partner_share: as in `ModelSpec`.
    """

    name: str
    title: str
    side: int
    source: str
    preset: str = "default"
    classes: tuple[str, ...] = SEVEN
    eight_bits: bool = False
    grad_cam: str = ""
    partner: str = ""
    partner_share: float = 0.0

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


NETWORKS: Mapping[str, NetworkSpec] = {
    name: msgspec.convert({"name": name, **values}, NetworkSpec)
    for name, values in tomllib.loads(Path(__file__).with_name("networks.toml").read_text(encoding="utf-8")).items()
}
