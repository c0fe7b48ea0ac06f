"""The networks and the training configurations, as data that loads no Keras.

`NETWORKS` maps a name to the specification of an architecture. Every network takes raw grey pixels, 0 to 255, shape
(batch, side, side, 1), and returns class probabilities. Scaling is its first layer. `architectures` has the layers, and
loads Keras. For the networks of the student reports, `source` names the parts that the report leaves open and we chose.

`PRESETS` maps a name to the stages of a training run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

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
        ema_momentum: of the moving average of the weights, which is evaluated and saved; 0 for no average.
        label_smoothing: share of the label that is spread over all classes.
        mixup: alpha of the Beta distribution for mixup; 0 for none.
        votes: share of the label taken from the FER+ votes in the first epoch. It changes linearly to `final_votes`.
        final_votes: that share after the last epoch; 0 ends with the labels of FER2013.
        validation: labels of PublicTest that choose the epoch and fit the calibration: "fer2013", or "ferplus" for the
            emotion with the most votes (`ferplus.seen_emotions`).
        keeps_last: whether the weights of the last epoch count, not those with the best figure on PublicTest, which has
            few of the emotions that other collections add.
        teachers: trained models of seven emotions, or models of this run. Their mean probabilities are in the label
            of each picture from FER2013, and of each from a collection that the last teacher learnt from
            (G. Hinton et al., "Distilling the knowledge in a neural network", arXiv:1503.02531, 2015).
        distillation_weight: share of the label taken from the teachers, after the votes took theirs.
        posed: how often an epoch shows each face of a collection (`posed.PosedFaces`), those of large collections
            once; 0 for FER2013 alone. The epoch is then chosen by the held-out ones, too.
        without_posed: whether this stage sees none of the collections of people who posed.
        start_share: share of the initial weights in the result, which keeps more of what they knew (M. Wortsman et al.,
            "Robust fine-tuning of zero-shot models", CVPR 2022).
        oversampling: repeats pictures of rare emotions. 1 makes all emotions about equally frequent; 0 repeats none.
        network: the key in `NETWORKS` of another network for this stage; None for the network of the run.
        start: `model_files.FACERES`, a trained model, or a model of this run; None for random weights.
        frozen: names of layers that keep their initial weights.
        precision: a Keras dtype policy; "mixed_bfloat16" is twice as fast on CPUs with AVX512-BF16.
        limit: use only the first pictures of each split; None for all. The first stage decides.
        seed: of the weights, the order and the augmentation.
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


VARIED = Augmentation(
    rotation_degrees=18,
    scale=(0.82, 1.15),
    shift=0.12,
    flip=0.5,
    contrast=0.3,
    gamma=0.3,
    low_resolution=0.2,
    erase=0.3,
)

# Without rotation and scaling, and shifted by whole pixels
_SHARP = replace(VARIED, rotation_degrees=0.0, scale=(1.0, 1.0), shift=0.08, whole_pixels=True)

_MILD = Augmentation(rotation_degrees=10, scale=(0.9, 1.1), shift=0.08, flip=0.5, contrast=0.2)

# For networks that underfit
_SLIGHT = Augmentation(rotation_degrees=5, scale=(0.95, 1.05), shift=0.04, flip=0.5)

_ONE_CYCLE = TrainingConfig(
    epochs=36,
    learning_rate=0.12,
    weight_decay=5e-3,
    ema_momentum=0.995,
    label_smoothing=0.1,
    precision="mixed_bfloat16",
    augmentation=_MILD,
)

_STRONG = replace(_ONE_CYCLE, ema_momentum=0.998, mixup=0.1, augmentation=VARIED)

# Continues from the previous stage, which is also a teacher
_CONTINUED = replace(
    _STRONG,
    warmup=0.05,
    label_smoothing=0.05,
    mixup=0.2,
    votes=0.3,
    oversampling=0.4,
    start=PREVIOUS,
    teachers=(PREVIOUS,),
    distillation_weight=0.4,
)

# Starts from random weights, with a better network as the teacher
_DISTILLED = replace(
    _STRONG,
    learning_rate=0.1,
    warmup=0.1,
    label_smoothing=0.05,
    votes=0.3,
    teachers=("emonet",),
    distillation_weight=0.5,
    finetune_epochs=9,
    finetune_augmentation=_SHARP,
)

_EMONET = (
    replace(_STRONG, epochs=50, learning_rate=0.1, warmup=0.1, votes=0.5, oversampling=0.4, start="vgg9"),
    replace(_CONTINUED, epochs=80, learning_rate=0.06, teachers=(PREVIOUS, "vgg9")),
    replace(_CONTINUED, epochs=38, learning_rate=0.04, finetune_epochs=10, finetune_augmentation=_SHARP),
    replace(
        _CONTINUED,
        epochs=80,
        learning_rate=0.06,
        sam_rho=0.1,
        finetune_epochs=14,
        finetune_augmentation=_SHARP,
    ),
)

_PHOTOGRAPHED = replace(VARIED, low_resolution=0.4, jpeg=0.2)

# Learns what people see, and the defects of photographs
_PHOTO = replace(
    _STRONG,
    epochs=32,
    learning_rate=0.04,
    warmup=0.1,
    label_smoothing=0.02,
    mixup=0.2,
    votes=0.75,
    final_votes=0.75,
    validation="ferplus",
    oversampling=0.3,
    start=PREVIOUS,
    teachers=(PREVIOUS,),
    distillation_weight=0.6,
    augmentation=_PHOTOGRAPHED,
    finetune_epochs=8,
    finetune_augmentation=replace(_SHARP, low_resolution=0.4, jpeg=0.2),
)

# Learns from the collections of people who did not pose, to teach the last stage
_WILD = replace(
    _PHOTO,
    epochs=4,
    learning_rate=0.02,
    label_smoothing=0.03,
    votes=0.6,
    final_votes=0.6,
    distillation_weight=0.75,
    keeps_last=True,
    posed=2,
    without_posed=True,
    augmentation=replace(_PHOTOGRAPHED, cut_out=0.1),
    finetune_epochs=0,
    finetune_augmentation=Augmentation(),
)

# Learns from all collections
_EVERYONE = replace(
    _WILD,
    epochs=7,
    learning_rate=0.025,
    votes=0.75,
    final_votes=0.75,
    start=EARLIER,
    start_share=0.25,
    distillation_weight=0.4,
    without_posed=False,
)

# Starts from weights that know faces of 224 pixels; their first layers stay
_PRETRAINED = replace(
    _WILD,
    epochs=4,
    batch_size=64,
    optimizer="adam",
    learning_rate=6e-4,
    weight_decay=0.02,
    clip_norm=1.0,
    warmup=0.15,
    ema_momentum=0.998,
    label_smoothing=0.02,
    votes=0.85,
    final_votes=0.85,
    oversampling=0.0,
    without_posed=False,
    teachers=(),
    distillation_weight=0.0,
    start="faceres",
    frozen=("conv1", *(f"conv_{kind}_{number}" for number in range(1, 5) for kind in ("dw", "pw"))),
)

_VOTED = (
    replace(_STRONG, network="vgg9"),
    replace(_EMONET[0], start=PREVIOUS),
    replace(_EMONET[1], teachers=(PREVIOUS, FIRST)),
    *_EMONET[2:],
    _PHOTO,
)

PRESETS: Mapping[str, tuple[TrainingConfig, ...]] = {
    # `train face --network tiny --preset smoke` runs every step in seconds, without a useful result.
    "smoke": (TrainingConfig(epochs=2, learning_rate=0.05, batch_size=32, limit=256, augmentation=VARIED),),
    # `train face --network vgg9`: 36 epochs in 83 minutes on two busy cores with AVX512-BF16; PublicTest 67.9 %,
    # PrivateTest 68.9 %.
    "default": (_STRONG,),
    # `train face --network emonet`, from the trained vgg9: 248 epochs in 332 minutes on two cores. PublicTest and
    # PrivateTest after each stage: 70.5 and 70.8 %, 71.3 and 71.4 %, 72.2 and 72.6 %, 72.4 and 72.7 %.
    "emonet": _EMONET,
    # `train face --network emonet_photo --preset photo`: vgg9 and emonet again, then the votes throughout; 316
    # epochs in 8 hours. FER+ in eight classes: PublicTest 88.6 %, PrivateTest 87.4 %.
    "photo": _VOTED,
    # `train face --network emonet_photo --posed-faces DIR`: the same, then the collections of `posed`; the default.
    "everyone": (*_VOTED, _WILD, _EVERYONE),
    # `train face --network mobilenet_photo --posed-faces DIR`: a second network for the default model. None ships yet.
    "pretrained": (_PRETRAINED,),
    # Networks of the reports. The figures are those of the models that ship, whose teacher was emonet after its
    # third stage. cnn_capstone: 33 minutes on two busy cores; PublicTest 63.6 %, PrivateTest 64.8 %.
    "capstone": (replace(_ONE_CYCLE, epochs=24, learning_rate=0.08),),
    # cnn_paper: 21 minutes on two busy cores; PublicTest 62.5 %, PrivateTest 63.6 %.
    "paper": (
        replace(
            _ONE_CYCLE,
            epochs=14,
            learning_rate=5e-4,
            batch_size=64,
            optimizer="adam",
            weight_decay=0.0,
            ema_momentum=0.0,
            augmentation=_SLIGHT,
        ),
    ),
    # cnn_improved: 62 minutes on two cores; PublicTest 69.3 %, PrivateTest 70.7 %.
    "balanced": (replace(_DISTILLED, epochs=70, oversampling=0.4),),
    # xception_entry_exit: 46 minutes on two cores; PublicTest 69.6 %, PrivateTest 71.2 %.
    "xception": (replace(_DISTILLED, epochs=54),),
    # mobilenet_quadrants: 34 minutes on two cores; four classes, PublicTest 74.2 %, PrivateTest 77.2 %.
    "quadrants": (
        TrainingConfig(
            epochs=16,
            learning_rate=4e-4,
            batch_size=64,
            optimizer="adam",
            weight_decay=0.01,
            clip_norm=1.0,
            label_smoothing=0.05,
            teachers=("emonet",),
            distillation_weight=0.5,
            start="faceres",
            augmentation=_MILD,
            finetune_epochs=4,
            finetune_augmentation=replace(_MILD, rotation_degrees=0.0, scale=(1.0, 1.0), shift=0.0),
        ),
    ),
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


NETWORKS: Mapping[str, NetworkSpec] = {
    name: msgspec.convert({"name": name, **values}, NetworkSpec)
    for name, values in tomllib.loads(Path(__file__).with_name("networks.toml").read_text(encoding="utf-8")).items()
}
