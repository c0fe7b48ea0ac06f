"""Sharpness-aware minimisation: training that prefers flat minima.

P. Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR 2021.
"""

from __future__ import annotations

from typing import Any

import keras


class SharpnessAware(keras.Model):  # type: ignore[misc]
    """A network trained by sharpness-aware minimisation; it shares layers and weights with the original.

    Each step moves the weights uphill by `radius`, along the gradient of half of the batch, and then applies the
    gradient of the whole batch at that point. The paper uses the whole batch twice; half of it works as well and costs
    half. Batch normalisation updates its averages only before the move. Do not save this model; copy weights with
    `start_weights.copy_layers`.
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
