"""How networks are trained: one frozen configuration, and named ones to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from emomusic.face.augmentation import Augmentation


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
        ema_momentum: judge and keep the moving average of the weights; 0 for the weights themselves.
        label_smoothing: share of the label spread over all classes.
        mixup: alpha of the Beta distribution pictures of a batch are blended by; 0 for none.
        class_weighting: weigh pictures so that every emotion counts the same.
        early_stopping: end after this many epochs without a better validation accuracy; None to run them all.
        precision: a Keras dtype policy; "mixed_bfloat16" is twice as fast on CPUs with AVX512-BF16.
        limit: use only the first pictures of each split; None for all.
        seed: of the weights, the order and the augmentation.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 128
    optimizer: Literal["sgd", "adam"] = "sgd"
    schedule: Literal["one_cycle", "plateau"] = "one_cycle"
    warmup: float = 0.2
    plateau_patience: int = 4
    weight_decay: float = 0.0
    ema_momentum: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    class_weighting: bool = False
    early_stopping: int | None = None
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    limit: int | None = None
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


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

PRESETS: Mapping[str, TrainingConfig] = MappingProxyType(
    {
        # Shows that everything works, and nothing else: `train face --network tiny --preset smoke`.
        "smoke": TrainingConfig(epochs=2, learning_rate=0.05, batch_size=32, limit=256, augmentation=_VARIED),
        # `train face --network vgg9 --fer2013 CSV`: 36 epochs in 83 minutes on two busy cores with AVX512-BF16;
        # PublicTest 67.9 %, PrivateTest 68.9 %.
        "default": TrainingConfig(
            epochs=36,
            learning_rate=0.12,
            weight_decay=5e-3,
            ema_momentum=0.998,
            label_smoothing=0.1,
            mixup=0.1,
            precision="mixed_bfloat16",
            augmentation=_VARIED,
        ),
        # The recipe of a first lesson: no one-cycle, no mixup; the rate falls when validation stands still.
        "plain": TrainingConfig(
            epochs=60,
            learning_rate=1e-3,
            optimizer="adam",
            schedule="plateau",
            early_stopping=10,
            class_weighting=True,
            augmentation=Augmentation(rotation_degrees=10, scale=(0.9, 1.1), shift=0.1, flip=0.5),
        ),
    }
)
