"""What a training run keeps after every epoch: its state, to go on from after a kill, and its best weights."""

from __future__ import annotations

import io
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
CHECKPOINT_FILES = (f"{STATE}*", "*.weights.h5", "drafts")  # all that may stand in a checkpoint's folder
_DRAWS_PER_EPOCH = 1 << 20  # more than any network draws, so that no two epochs share a draw
_STOPPERS = {"ReduceLROnPlateau": ("best", "wait", "cooldown_counter"), "EarlyStopping": ("best", "wait", "best_epoch")}


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the latest weights with the optimizer's state, and the figures so far, after every epoch.

    Stands before `SwapEMAWeights`, so that what it saves are the weights that training goes on with. An epoch counts
    as done when it is committed, which is after its weights were judged and, where they are the best, kept.
    """

    def __init__(self, folder: Path, stoppers: list[keras.callbacks.Callback], identity: dict[str, Any]) -> None:
        super().__init__()
        self._folder, self._stoppers = folder, stoppers
        self._identity = json.loads(json.dumps(identity))  # as it reads back: lists for tuples
        self._stopper_states: dict[str, dict[str, float]] = {}
        self.rows: list[dict[str, float]] = []
        self.best = -np.inf
        self._started = 0.0

    def restore(self) -> int:
        """Load the state of a killed run; returns the number of epochs it had done.

        Raises:
            ModelError: the checkpoint is of another run, or damaged.
        """
        try:
            state = json.loads((self._folder / STATE).read_text(encoding="utf-8"))
            if state["identity"] != self._identity:
                raise ModelError(
                    f"expected a checkpoint of this network, configuration and data in {self._folder}. "
                    "Received: another. Begin anew, without --resume"
                )
            self.model.load_weights(self._folder / BEST)  # asked for when all epochs are done: too late to begin anew
            self.model.load_weights(self._folder / f"epoch{state['epoch']}.weights.h5")
            self.rows, self._stopper_states = state["history"], state["stoppers"]
            self.best = max(row[MONITOR] for row in self.rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"expected a whole checkpoint in {self._folder}. Received: {error}. Begin anew, without --resume"
            ) from error
        return len(self.rows)

    @property
    def has_stopped_early(self) -> bool:
        """Whether the run that was restored had ended by early stopping, and was killed while it was judged."""
        waited = self._stopper_states.get("EarlyStopping", {}).get("wait", 0)
        return any(isinstance(s, keras.callbacks.EarlyStopping) and waited >= s.patience for s in self._stoppers)

    def on_train_begin(self, _logs: dict[str, float] | None = None) -> None:
        """Give early stopping and the plateau back what they knew: they stand before this one and have just begun."""
        for stopper in self._stoppers:
            for name, value in self._stopper_states.get(type(stopper).__name__, {}).items():
                setattr(stopper, name, value)

    def on_epoch_begin(self, epoch: int, _logs: dict[str, float] | None = None) -> None:
        """Let dropout draw what it would have drawn in this epoch: a weights file does not hold its state."""
        self._started = time.monotonic()
        for variable in self.model.variables:
            if variable.name == "seed_generator_state":
                seed, _ = variable.numpy()
                variable.assign([seed, epoch * _DRAWS_PER_EPOCH])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save the weights that training goes on with, and the epoch's figures."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        figures["learning_rate"] = float(self.model.optimizer.learning_rate)
        self.rows.append({"epoch": epoch + 1, **figures, "seconds": time.monotonic() - self._started})
        self._folder.mkdir(parents=True, exist_ok=True)
        self.model.save_weights(self._weights())

    def _weights(self) -> Path:
        return self._folder / f"epoch{len(self.rows)}.weights.h5"

    def commit(self) -> None:
        """From here on, the epoch that just ended is the one to resume from."""
        state = {
            "identity": self._identity,
            "epoch": len(self.rows),
            "history": self.rows,
            "stoppers": {
                type(s).__name__: {
                    name: float(getattr(s, name)) for name in _STOPPERS[type(s).__name__] if hasattr(s, name)
                }
                for s in self._stoppers
            },
        }
        write_json(self._folder / STATE, state)
        for older in self._folder.glob("epoch*.weights.h5"):
            if older != self._weights():
                older.unlink()


class KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the weights of the best epoch on validation, then commits the epoch.

    Stands after `SwapEMAWeights`, so it sees the averaged ones.
    """

    def __init__(self, path: Path, checkpoint: Checkpoint) -> None:
        super().__init__()
        self._path, self._checkpoint = path, checkpoint
        self.best = -np.inf

    def on_epoch_end(self, _epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the weights if they are the best so far, then commit."""
        value = float((logs or {})[MONITOR])
        if value > self.best:
            self.best = value
            temporary = self._path.with_name("part.weights.h5")  # Keras insists on the ending
            self.model.save_weights(temporary)
            temporary.replace(self._path)
        self._checkpoint.commit()


_STORE = "model.weights.h5"  # of a Keras file, which is an archive


def write_weights(model: keras.Model, path: Path) -> None:
    """Round the network's weights to half precision, and write it as a Keras file of half the size.

    Any Keras reads it, and computes in the precision of the network's layers; what is lost, about 0.05 % of a weight,
    changes no figure. The model given is rounded too, so that it answers as the one that is read back.

    Args:
        model: its weights must be finite and below 65,504.
        path: where to; ends in ".keras".
    """
    import h5py
    import numpy as np

    weights = model.get_weights()
    if not all((np.abs(weight) < np.finfo(np.float16).max).all() for weight in weights):
        raise ModelError(f"expected weights of {model.name} below 65,504. Received: larger ones")
    model.set_weights([weight.astype(np.float16).astype(weight.dtype) for weight in weights])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    halved = io.BytesIO()
    with h5py.File(io.BytesIO(members[_STORE]), "r") as store, h5py.File(halved, "w") as half:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                kind = np.float16 if item.dtype.kind == "f" else item.dtype
                half.create_dataset(name, data=item[()].astype(kind))
            else:
                half.require_group(name)

        store.visititems(copy)
    members[_STORE] = halved.getvalue()
    temporary = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    temporary.replace(path)
