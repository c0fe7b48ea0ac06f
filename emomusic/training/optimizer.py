"""The optimizer of a training stage."""

from __future__ import annotations

from typing import Any

import keras

from emomusic.training.presets import TrainingConfig


def build_optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a stage with its schedule; `steps` are those of one epoch."""
    total = steps * config.epochs
    warm = max(1, round(total * config.warmup))
    rate = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 25,
        decay_steps=max(1, total - warm),
        alpha=1e-3,
        warmup_target=config.learning_rate,
        warmup_steps=warm,
    )
    common: dict[str, Any] = {"weight_decay": config.weight_decay or None, "clipnorm": config.clip_norm or None}
    if config.ema_momentum:
        common |= {"use_ema": True, "ema_momentum": config.ema_momentum}
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **common)
    else:
        optimizer = keras.optimizers.Adam(rate, **common)
    if config.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def compile_model(model: keras.Model, config: TrainingConfig, steps: int) -> None:
    """Prepare a network for the training of a stage; `steps` are those of one epoch."""
    model.compile(
        optimizer=build_optimizer(config, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile=False,  # XLA halves the speed of convolutions on CPUs
    )
    model.optimizer.build(model.trainable_variables)
