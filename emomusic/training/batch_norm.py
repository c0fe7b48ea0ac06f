"""Batch normalisation for training: one operation of TensorFlow instead of a dozen."""

from __future__ import annotations

from typing import Any

import keras

from emomusic.training.tensorflow_loader import load_tensorflow


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras's `BatchNormalization`, trained through TensorFlow's fused kernel.

    Keras goes through each map in float32 several times, which takes a third of a training step on a CPU in bfloat16.
    The kernel gives the same answer to bfloat16's precision, reads bfloat16 and keeps its sums in float32. Judging,
    and training under another backend, are Keras's own. Meant for a network that is never saved: weights go over
    to the plain layer by `networks.copy_weights`, so that a saved model needs no class of ours.

    The variance that goes into the moving average is the unbiased one, n / (n - 1) of Keras's.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """As Keras's own; the kernel takes images, shape (batch, height, width, channels)."""
        if not training or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = load_tensorflow().compat.v1.nn.fused_batch_norm(
            keras.ops.cast(inputs, self.compute_dtype), self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        for moving, latest in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * moving + (1 - self.momentum) * latest)
        return outputs
