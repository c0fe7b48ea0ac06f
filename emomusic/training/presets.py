"""How networks are trained: one frozen configuration, and named ones to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from emomusic.training.augmentation import Augmentation


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that decides a training run, apart from the network and the data.

    Attributes:
        epochs: passes over the training split, at most.
        batch_size: pictures a step.
        optimizer: Nesterov SGD with momentum 0.9, or Adam.
        schedule: "one_cycle" warms up over `warmup` of the steps to `learning_rate` and falls along a cosine to nearly
            nothing; "plateau" divides the rate by 5 after `plateau_patience` epochs without a better validation loss.
        weight_decay: decoupled, multiplied by the current rate; kernels only.
        clip_norm: bound of the length of a step's gradient; 0 for none.
        sam_rho: how far uphill each step looks first (`sharpness`), at half as much time again; 0 for not at
            all. Under TensorFlow alone.
        ema_momentum: judge and keep the moving average of the weights; 0 for the weights themselves.
        label_smoothing: share of the label spread over all classes.
        mixup: alpha of the Beta distribution pictures of a batch are blended by; 0 for none.
        votes: share of the label that the votes of FER+ give at first; it falls to nothing over the epochs, so that in
            the end the network answers as FER2013 is labelled.
        teachers: trained models of the seven emotions; their mean answer is learnt from beside the label (G. Hinton et
            al., "Distilling the knowledge in a neural network", arXiv:1503.02531, 2015).
        distillation_weight: share of the label that the teachers give, or of what the votes leave of it.
        class_weighting: weigh pictures so that every emotion counts the same.
        oversampling: repeats pictures of rare emotions: at 1 until all emotions are about as frequent as the most
            frequent one, at 0 never.
        start: a key of `start_weights.START_WEIGHTS` or a trained model to begin from, or None for chance.
        early_stopping: end after this many epochs without a better validation accuracy; None to run them all.
        precision: a Keras dtype policy; "mixed_bfloat16" is twice as fast on CPUs with AVX512-BF16.
        limit: use only the first pictures of each split; None for all.
        seed: of the weights, the order and the augmentation.
        augmentation: how pictures are varied.
        finetune_epochs: number of final epochs with `finetune_augmentation`. Rotation and scaling blur pictures; test
            pictures are sharp (H. Touvron et al., "Fixing the train-test
            resolution discrepancy", NeurIPS 2019).
        finetune_augmentation: see `finetune_epochs`.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 128
    optimizer: Literal["sgd", "adam"] = "sgd"
    schedule: Literal["one_cycle", "plateau"] = "one_cycle"
    warmup: float = 0.2
    plateau_patience: int = 4
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    sam_rho: float = 0.0
    ema_momentum: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    votes: float = 0.0
    teachers: tuple[str, ...] = ()
    distillation_weight: float = 0.0
    class_weighting: bool = False
    oversampling: float = 0.0
    start: str | None = None
    early_stopping: int | None = None
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    limit: int | None = None
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    finetune_epochs: int = 0
    finetune_augmentation: Augmentation = field(default_factory=Augmentation)


_VARIED = Augmentation(
    rotation_degrees=18,
    scale=(0.82, 1.15),
    shift=0.12,
    flip=0.5,
    contrast=0.3,
    gamma=0.3,
    low_resolution=0.2,
    erase=0.3,
)

# The same, moved by whole pixels alone
_SHARP = replace(_VARIED, rotation_degrees=0.0, scale=(1.0, 1.0), shift=0.08, whole_pixels=True)

# What a lesson would call usual: turned, moved and mirrored a little
_MILD = Augmentation(rotation_degrees=10, scale=(0.9, 1.1), shift=0.08, flip=0.5, contrast=0.2)

# For networks that have trouble enough to learn: mirrored, and hardly moved
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

_STRONG = replace(_ONE_CYCLE, ema_momentum=0.998, mixup=0.1, augmentation=_VARIED)

# From a trained network on, taught by it
_FURTHER = replace(
    _STRONG, warmup=0.05, label_smoothing=0.05, mixup=0.2, votes=0.3, oversampling=0.4, distillation_weight=0.4
)

# From chance on, taught by a better network
_TAUGHT = replace(
    _STRONG,
    learning_rate=0.1,
    warmup=0.1,
    label_smoothing=0.05,
    votes=0.3,
    teachers=("emonet_third",),
    distillation_weight=0.5,
    finetune_epochs=9,
    finetune_augmentation=_SHARP,
)

PRESETS: Mapping[str, TrainingConfig] = MappingProxyType(
    {
        # Shows that everything works, and nothing else: `train face --network tiny --preset smoke`.
        "smoke": TrainingConfig(epochs=2, learning_rate=0.05, batch_size=32, limit=256, augmentation=_VARIED),
        # `train face --network vgg9 --fer2013 CSV`: 36 epochs in 83 minutes on two busy cores with AVX512-BF16;
        # PublicTest 67.9 %, PrivateTest 68.9 %.
        "default": _STRONG,
        # `train face --network emonet --preset emonet_first --fer2013 CSV --out models/face/emonet_first`, from the
        # trained vgg9 on: 50 epochs in 58 minutes on two cores, now and then busy; PublicTest 70.5 %, PrivateTest
        # 70.8 %.
        "emonet_first": replace(
            _STRONG, epochs=50, learning_rate=0.1, warmup=0.1, votes=0.5, oversampling=0.4, start="vgg9"
        ),
        # `train face --network emonet --preset emonet_second --fer2013 CSV --out models/face/emonet_second`, from
        # there: 80 epochs in 115 minutes on two slower cores; PublicTest 71.3 %, PrivateTest 71.4 %.
        "emonet_second": replace(
            _FURTHER,
            epochs=80,
            learning_rate=0.06,
            start="emonet_first",
            teachers=("emonet_first", "vgg9"),
        ),
        # `train face --network emonet --preset emonet_third --fer2013 CSV --out models/face/emonet_third`, from there:
        # 38 epochs in 54 minutes on two cores; PublicTest 72.2 %, PrivateTest 72.6 %.
        "emonet_third": replace(
            _FURTHER,
            epochs=38,
            learning_rate=0.04,
            start="emonet_second",
            teachers=("emonet_second",),
            finetune_epochs=10,
            finetune_augmentation=_SHARP,
        ),
        # `train face --network emonet --fer2013 CSV`, from there: 80 epochs in 105 minutes on two cores, now and then
        # busy; PublicTest 72.4 %, PrivateTest 72.7 %.
        "emonet": replace(
            _FURTHER,
            epochs=80,
            learning_rate=0.06,
            sam_rho=0.1,
            start="emonet_third",
            teachers=("emonet_third",),
            finetune_epochs=14,
            finetune_augmentation=_SHARP,
        ),
        # The networks of the reports, each in the spirit of its report; `train face --network NAME` takes its own.
        # cnn_capstone: 33 minutes on two busy cores; PublicTest 63.6 %, PrivateTest 64.8 %.
        "capstone": replace(_ONE_CYCLE, epochs=24, learning_rate=0.08),
        # cnn_paper: 21 minutes on two busy cores; PublicTest 62.5 %, PrivateTest 63.6 %.
        "paper": replace(
            _ONE_CYCLE,
            epochs=14,
            learning_rate=5e-4,
            batch_size=64,
            optimizer="adam",
            weight_decay=0.0,
            ema_momentum=0.0,
            augmentation=_SLIGHT,
        ),
        # cnn_improved: 62 minutes on two cores, now and then busy; PublicTest 69.3 %, PrivateTest 70.7 %.
        "balanced": replace(_TAUGHT, epochs=70, oversampling=0.4),
        # xception_entry_exit: 46 minutes on two cores; PublicTest 69.6 %, PrivateTest 71.2 %.
        "xception": replace(_TAUGHT, epochs=54),
        # mobilenet_quadrants: 34 minutes on two cores, now and then busy; four classes, PublicTest 74.2 %, PrivateTest
        # 77.2 %.
        "quadrants": TrainingConfig(
            epochs=16,
            learning_rate=4e-4,
            batch_size=64,
            optimizer="adam",
            weight_decay=0.01,
            clip_norm=1.0,
            label_smoothing=0.05,
            teachers=("emonet_third",),
            distillation_weight=0.5,
            early_stopping=8,
            start="faceres",
            augmentation=_MILD,
            finetune_epochs=4,
            finetune_augmentation=replace(_MILD, rotation_degrees=0.0, scale=(1.0, 1.0), shift=0.0),
        ),
    }
)
