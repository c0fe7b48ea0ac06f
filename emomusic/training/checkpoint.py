"""Checkpoints of a training stage: the state to resume from, and the best weights."""

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

MONITOR = "val_accuracy"
STATE = "state.json"
BEST = "best.weights.h5"
_DRAWS_PER_EPOCH = 1 << 20  # more than any network draws, so that epochs never share random numbers


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves the latest weights, the optimizer's state and the history after every epoch.

    It runs before `SwapEMAWeights`, so it saves the weights that training continues with. `keep_best` is for the end of
    an epoch, after its weights were evaluated.

    Attributes:
        folder: of the files.
        best: the file of the best weights.
        rows: figures of each epoch.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        """Start without epochs.

        Args:
            folder: for the files.
            identity: of the run; a checkpoint with another one is refused.
        """
        super().__init__()
        self.folder, self.best = folder, folder / BEST
        self._identity = json.loads(json.dumps(identity))  # lists instead of tuples
        self.rows: list[dict[str, float]] = []
        self._started = 0.0

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
        self.rows.append({"epoch": epoch + 1, **figures, "seconds": time.monotonic() - self._started})
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model.save_weights(self._weights())

    def _weights(self) -> Path:
        return self.folder / f"epoch{len(self.rows)}.weights.h5"

    def keep_best(self, _epoch: int, _logs: dict[str, float] | None = None) -> None:
        """Save the weights if they are the best so far, and make this epoch the one to resume from.

        It runs after `SwapEMAWeights`, so it saves averaged weights.
        """
        *earlier, accuracy = (row[MONITOR] for row in self.rows)
        if accuracy > max(earlier, default=-1.0):
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
    weights = model.get_weights()
    if not all((np.abs(weight) < np.finfo(np.float16).max).all() for weight in weights):
        raise ModelError(f"expected weights of {model.name} below 65,504. Received: larger ones")
    model.set_weights([weight.astype(np.float16).astype(weight.dtype) for weight in weights])
    plain = path.with_name(f"plain-{path.name}")
    model.save(plain)
    with zipfile.ZipFile(plain) as members, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in members.namelist():
            archive.writestr(name, members.read(name))
    plain.unlink()
