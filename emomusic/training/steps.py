"""The steps of training: the optimizer, batch normalisation with TensorFlow's fused kernel, and SAM."""

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


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """`BatchNormalization` that trains with TensorFlow's fused kernel.

    Keras reads each map in float32 several times, which takes a third of a training step in bfloat16 on a CPU. The
    kernel reads bfloat16, accumulates in float32, and returns the same result to the precision of bfloat16. Inference
    uses Keras's implementation. Do not save this layer; copy weights with `architectures.copy_layers`.

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


class SharpnessAware(keras.Model):  # type: ignore[misc]
    """A network trained by sharpness-aware minimisation [1]; it shares layers and weights with the original.

    Each step moves the weights uphill by `radius`, along the gradient of half of the batch, and then applies the
    gradient of the whole batch at that point. The paper uses the whole batch twice; half of it works as well and costs
    half. Batch normalisation updates its averages only before the move. Do not save this model; copy weights with
    `architectures.copy_layers`.

    [1] P. Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR 2021.
    """

    radius = 0.0  # set by `sharpness_aware`

    def train_step(self, data: Any) -> Any:
        """One training step."""
        import tensorflow

        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        half = (tensorflow.shape(x)[0] + 1) // 2
        trained = [variable.value for variable in self.trainable_variables]
        averages = [
            average.value
            for layer in self.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            for average in (layer.moving_mean, layer.moving_variance)
        ]
        gradients, _ = self._gradients(x[:half], y[:half], update_loss=False)
        share = self.radius / (tensorflow.linalg.global_norm(gradients) + 1e-12)
        before = [tensorflow.identity(value) for value in (*trained, *averages)]
        for value, gradient in zip(trained, gradients, strict=True):
            value.assign_add(share * gradient)
        gradients, y_pred = self._gradients(x, y, update_loss=True)
        for value, kept in zip((*trained, *averages), before, strict=True):
            value.assign(kept)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self.compute_metrics(x, y, y_pred)

    def _gradients(self, x: Any, y: Any, *, update_loss: bool) -> tuple[list[Any], Any]:
        """Gradients of the loss at the current weights, and the outputs; `update_loss`: report this loss."""
        import tensorflow

        with tensorflow.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, training=True)
        if update_loss:
            self._loss_tracker.update_state(loss, sample_weight=tensorflow.shape(x)[0])
        return tape.gradient(loss, [variable.value for variable in self.trainable_variables]), y_pred


def sharpness_aware(model: keras.Model, radius: float) -> keras.Model:
    """Wrap a network for sharpness-aware minimisation. `radius` is the norm of the move uphill, over all weights."""
    aware = SharpnessAware(model.inputs, model.outputs, name=model.name)
    aware.radius = radius
    return aware
