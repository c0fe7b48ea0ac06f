"""What a training stage runs: optimizer, SAM, and checkpoints with the best weights and the state to resume from."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from emomusic.assets import write_json
from emomusic.errors import ModelError
from emomusic.training.presets import TrainingConfig

MONITOR = "val_accuracy"
STATE = "state.json"
BEST = "best.weights.h5"
_DRAWS_PER_EPOCH = 1 << 20  # more than any network draws, so that epochs never share random numbers


def compile_model(model: keras.Model, config: TrainingConfig, steps: int) -> None:
    """Prepare a network for a stage, with the optimizer and its schedule; `steps` are those of one epoch."""
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
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile=False,  # XLA halves the speed of convolutions on CPUs
    )
    model.optimizer.build(model.trainable_variables)


class SharpnessAware(keras.Model):  # type: ignore[misc]
    """A network trained by sharpness-aware minimisation [1]; it shares layers and weights with the original.

    Each step moves the weights uphill by `radius`, along the gradient of half of the batch, and then applies the
    gradient of the whole batch at that point. The paper uses the whole batch twice; half of it works as well and costs
    half. Batch normalisation updates its averages only before the move. Do not save this model; copy weights with
    `architectures.copy_layers`.

    [1] P. Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR 2021.
    """

    def __init__(self, model: keras.Model, radius: float) -> None:
        """Wrap a network. `radius` is the norm of the move uphill, over all weights."""
        super().__init__(model.inputs, model.outputs, name=model.name)
        self.radius = radius

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


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves the latest weights, the optimizer's state and the history after every epoch.

    It runs before `SwapEMAWeights`, so it saves the weights that training continues with. `keep_best` is for the end of
    an epoch, after its weights were evaluated.

    Attributes:
        folder: the folder of the files.
        best: the file of the best weights.
        rows: figures of each epoch, for `history.csv`.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], num_before: int, *, keeps_last: bool = False) -> None:
        """Start without epochs.

        Args:
            folder: the folder for the files.
            identity: identifies the run and its `stage`; a checkpoint with another one is refused.
            num_before: epochs of earlier stages, which the rows count, too.
            keeps_last: whether the last weights count as the best ones.
        """
        super().__init__()
        self.folder, self.best = folder, folder / BEST
        self._identity = json.loads(json.dumps(identity))  # lists instead of tuples
        self.rows: list[dict[str, float]] = []
        self._num_before, self._keeps_last, self._started = num_before, keeps_last, 0.0

    def restore(self) -> int:
        """Load the state of an interrupted run, and return the number of finished epochs.

        Raises:
            ModelError: the checkpoint belongs to another run, or is damaged.
        """
        try:
            state = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
            if state["identity"] != self._identity:
                raise ModelError(
                    f"expected a checkpoint of this network, configuration and data in {self.folder}. "
                    "Received: another. Start again without --resume"
                )
            self.model.load_weights(self.best)  # fail now, not after the last epoch
            self.model.load_weights(self.folder / f"epoch{state['epoch']}.weights.h5")
            self.rows = state["history"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"expected a complete checkpoint in {self.folder}. Received: {error}. Start again without --resume"
            ) from error
        return len(self.rows)

    def on_epoch_begin(self, epoch: int, _logs: dict[str, float] | None = None) -> None:
        """Set the random state of dropout for this epoch, because weights files do not contain it."""
        self._started = time.monotonic()
        for variable in self.model.variables:
            if variable.name == "seed_generator_state":
                seed, _ = variable.numpy()
                variable.assign([seed, epoch * _DRAWS_PER_EPOCH])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save the current weights and add the epoch to the history."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        figures["learning_rate"] = float(self.model.optimizer.learning_rate)
        counted = {"stage": self._identity["stage"], "epoch": self._num_before + epoch + 1}
        self.rows.append({**counted, **figures, "seconds": time.monotonic() - self._started})
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model.save_weights(self._weights())

    def _weights(self) -> Path:
        return self.folder / f"epoch{len(self.rows)}.weights.h5"

    def keep_best(self, _epoch: int, _logs: dict[str, float] | None = None) -> None:
        """Save the weights if they are the best so far, and make this epoch the one to resume from.

        It runs after `SwapEMAWeights`, so it saves averaged weights.
        """
        *earlier, accuracy = (row[MONITOR] for row in self.rows)
        if self._keeps_last or accuracy > max(earlier, default=-1.0):
            temporary = self.folder / "part.weights.h5"  # Keras requires this ending
            self.model.save_weights(temporary)
            temporary.replace(self.best)
        state = {"identity": self._identity, "epoch": len(self.rows), "history": self.rows}
        write_json(self.folder / STATE, state)
        for older in self.folder.glob("epoch*.weights.h5"):
            if older != self._weights():
                older.unlink()


def write_weights(model: keras.Model, path: Path) -> None:
    """Write a Keras file with weights rounded to half precision and compressed, which is 60 % of the size.

    Rounding changes a weight by about 0.05 %, and no metric. The given model is rounded too, so that its predictions
    equal those of the file.

    Args:
        model: its weights must be finite and below 65,504.
        path: ends in ".keras".
    """
    model.set_weights([weight.astype(np.float16).astype(weight.dtype) for weight in model.get_weights()])
    plain = path.with_name(f"plain-{path.name}")
    model.save(plain)
    with zipfile.ZipFile(plain) as members, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in members.namelist():
            archive.writestr(name, members.read(name))
    plain.unlink()
