"""Train one network under one configuration on FER2013, and write all that the app shows of it.

A run keeps its state in `<out>/checkpoint/` after every epoch; `resume=True` goes on from there after a kill. Chance
(order, augmentation, mixup, dropout) depends on the seed, the epoch and the batch alone, so a resumed run ends where it
would have ended.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from emomusic.assets import CARD, HISTORY, METRICS, PREDICTIONS, prepare_model_folder, sha256_of, write_json
from emomusic.calibration import fit_calibration
from emomusic.face import model_files
from emomusic.face.classifier import EmotionClassifier, calibrate
from emomusic.face.fer2013 import Fer2013, LabelledFaces, Split
from emomusic.face.images import to_network_input
from emomusic.face.runtime import Network
from emomusic.metrics import expected_calibration_error, in_classes
from emomusic.training.batches import augmented_batches, one_hot, steps_per_epoch
from emomusic.training.card import write_card
from emomusic.training.checkpoint import BEST, CHECKPOINT_FILES, MONITOR, STATE, Checkpoint, KeepBest, write_weights
from emomusic.training.evaluate import evaluate_labels, keras_classifier, ms_per_face
from emomusic.training.export_onnx import export_onnx
from emomusic.training.networks import NETWORKS, NetworkSpec, copy_weights
from emomusic.training.presets import PRESETS, TrainingConfig
from emomusic.training.sam import sharpness_aware
from emomusic.training.start_weights import apply_start_weights

log = logging.getLogger(__name__)

_CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What is told after each epoch: its number from 1, of how many, its figures, and the time left."""

    epoch: int
    epochs: int
    figures: dict[str, float]
    seconds: float
    seconds_left: float


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One training: which network, under which configuration, on what, and into which folders.

    Attributes:
        network: a key of `NETWORKS`.
        preset: a key of `PRESETS`.
        config: that preset.
        splits: of the dataset.
        out: the model's folder.
        checkpoint: in it, what the run needs to go on after a kill, and the model's files until they are whole.
    """

    network: str
    preset: str
    config: TrainingConfig
    splits: dict[Split, LabelledFaces]
    out: Path
    checkpoint: Path

    @property
    def spec(self) -> NetworkSpec:
        """Of the network."""
        return NETWORKS[self.network]


class _Reports(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, checkpoint: Checkpoint, epochs: int, on_progress: Callable[[EpochReport], None]) -> None:
        super().__init__()
        self._checkpoint, self._epochs, self._tell = checkpoint, epochs, on_progress
        self._here = 0

    def on_epoch_end(self, epoch: int, _logs: dict[str, float] | None = None) -> None:
        self._here += 1
        rows = self._checkpoint.rows[-self._here :]  # earlier ones may come from another machine
        mean = float(np.mean([row["seconds"] for row in rows]))
        left = mean * (self._epochs - epoch - 1)
        self._tell(EpochReport(epoch + 1, self._epochs, rows[-1], rows[-1]["seconds"], left))


def train(
    network: str,
    dataset: Fer2013,
    out: Path,
    *,
    preset: str | None = None,
    resume: bool = False,
    on_progress: Callable[[EpochReport], None] = lambda _: None,
) -> dict[str, Any]:
    """Train on the train split, choose on validation, report on test, and write the model's folder.

    Args:
        network: a key of `NETWORKS`.
        dataset: all of its three splits.
        out: the model's folder, replaced in the end; its last part is the model's name.
        preset: a key of `PRESETS`; None for the network's own.
        resume: go on from the checkpoint in `out`; begin at the first epoch where there is none.
        on_progress: called after every epoch.

    Returns:
        The metrics, as written to `metrics.json`.

    Raises:
        DatasetError: a split is absent.
        ModelError: the checkpoint belongs to another run, or the folder holds something else or cannot be written; or
            start weights or teachers are absent or do not fit, or Keras's backend does not suit the preset.
        ValueError: an unknown network or preset.
    """
    if network not in NETWORKS or preset not in {None, *PRESETS}:
        raise ValueError(
            f"expected a network of {list(NETWORKS)} and a preset of {list(PRESETS)}. Received: {network}, {preset}"
        )
    preset = preset or NETWORKS[network].preset
    config = PRESETS[preset]
    splits = {split: dataset.split(split).first(config.limit or len(dataset.split(split))) for split in Split}
    out = prepare_model_folder(out, (*model_files.FILES, _CHECKPOINT))
    checkpoint = prepare_model_folder(out / _CHECKPOINT, CHECKPOINT_FILES)
    run = _Run(network, preset, config, splits, out, checkpoint)
    keras.utils.set_random_seed(config.seed)
    model, history = _fit(run, resume=resume, on_progress=on_progress)
    metrics = _write(run, model, history)
    shutil.rmtree(run.checkpoint)
    return metrics


def _fit(
    run: _Run, *, resume: bool, on_progress: Callable[[EpochReport], None]
) -> tuple[keras.Model, list[dict[str, float]]]:
    spec, config, splits = run.spec, run.config, run.splits
    model = spec.build(config.precision)
    if config.start is not None:
        apply_start_weights(model, config.start)
    if config.sam_rho:
        model = sharpness_aware(model, config.sam_rho)
    steps = steps_per_epoch(splits[Split.TRAIN], config)
    model.compile(
        optimizer=_optimizer(config, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA on the CPU trains convolutions at half the speed; GPU backends decide for themselves
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    model.optimizer.build(model.trainable_variables)
    stoppers = _stoppers(config)
    identity = {"network": run.network, "config": asdict(config), "data": _digest(splits)}
    checkpoint = Checkpoint(run.checkpoint, stoppers, identity)
    checkpoint.set_model(model)
    best = KeepBest(run.checkpoint / BEST, checkpoint)
    first_epoch = 0
    has_state = (run.checkpoint / STATE).is_file()
    if resume and has_state:
        first_epoch = checkpoint.restore()
        best.best = checkpoint.best
        log.info("Going on after epoch %d of %d.", first_epoch, config.epochs)
    else:
        if has_state:
            log.info("The checkpoint in %s is dropped.", run.checkpoint)
        elif resume:
            log.info("No checkpoint in %s: beginning at epoch 1 of %d.", run.checkpoint, config.epochs)
        shutil.rmtree(run.checkpoint, ignore_errors=True)
    averaging = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if config.ema_momentum else []
    validation = splits[Split.VALIDATION]
    if first_epoch < config.epochs and not checkpoint.has_stopped_early:
        model.fit(
            augmented_batches(
                splits[Split.TRAIN],
                config,
                side=spec.side,
                classes=spec.classes,
                teacher_probs=_teacher_probs(splits[Split.TRAIN], config),
                first_epoch=first_epoch,
            ),
            steps_per_epoch=steps,
            validation_data=(
                to_network_input(list(validation.images), spec.side).astype(np.float32),
                one_hot(validation.labels, spec.classes),
            ),
            validation_batch_size=256,
            initial_epoch=first_epoch,
            epochs=config.epochs,
            shuffle=False,  # the batches come shuffled
            callbacks=[*stoppers, checkpoint, *averaging, best, _Reports(checkpoint, config.epochs, on_progress)],
            verbose=0,
        )
    plain = spec.build("float32")  # what is kept needs neither bfloat16 nor the optimizer
    model.load_weights(run.checkpoint / BEST)
    copy_weights(model, plain)
    return plain, checkpoint.rows


def _digest(splits: dict[Split, LabelledFaces]) -> str:
    """What tells one dataset from another."""
    sha = hashlib.sha256()
    for faces in splits.values():
        sha.update(faces.images.tobytes() + faces.labels.tobytes())
    return sha.hexdigest()


def _teacher_probs(faces: LabelledFaces, config: TrainingConfig) -> npt.NDArray[np.float32] | None:
    """The mean of what the teachers answer to each face as it is, shape (n, 7); None without teachers."""
    if not config.teachers:
        return None
    answers = []
    for name in config.teachers:
        teacher = EmotionClassifier.load(name)
        teacher.require_emotions()
        answers.append(teacher.probabilities(to_network_input(list(faces.images), teacher.spec.side)))
    mean: npt.NDArray[np.float32] = np.mean(answers, axis=0, dtype=np.float32)
    return mean


def _optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    rate: float | keras.optimizers.schedules.LearningRateSchedule = config.learning_rate
    if config.schedule == "one_cycle":
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


def _stoppers(config: TrainingConfig) -> list[keras.callbacks.Callback]:
    stoppers: list[keras.callbacks.Callback] = []
    if config.schedule == "plateau":
        stoppers.append(
            keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=config.plateau_patience)
        )
    if config.early_stopping is not None:
        stoppers.append(keras.callbacks.EarlyStopping(monitor=MONITOR, mode="max", patience=config.early_stopping))
    return stoppers


def _write(run: _Run, model: keras.Model, history: list[dict[str, float]]) -> dict[str, Any]:
    """Calibrate on validation, judge on test, and move every file into place once all are whole."""
    splits, out = run.splits, run.out
    drafts = run.checkpoint / "drafts"
    drafts.mkdir(parents=True, exist_ok=True)
    write_weights(model, drafts / model_files.WEIGHTS)
    uncalibrated = model_files.ModelSpec(
        name=out.name,
        network=run.network,
        preset=run.preset,
        side=run.spec.side,
        mirrored=True,
        temperature=1.0,
        parameters=model.count_params(),
        sha256=sha256_of(drafts / model_files.WEIGHTS),
        classes=run.spec.classes,
    )
    kept = keras.saving.load_model(drafts / model_files.WEIGHTS, compile=False, safe_mode=True)
    if keras.backend.backend() == "tensorflow":
        export_onnx(kept, drafts / model_files.ONNX)
        uncalibrated = replace(uncalibrated, onnx_sha256=sha256_of(drafts / model_files.ONNX))
        reader = EmotionClassifier(Network(drafts / model_files.ONNX).map_batch, uncalibrated)
    else:
        log.warning("The export needs TensorFlow. Where it is installed, run: emomusic train export %s", out.name)
        reader = keras_classifier(kept, uncalibrated)
    probabilities = {
        split: reader.probabilities(to_network_input(list(splits[split].images), uncalibrated.side))
        for split in (Split.VALIDATION, Split.TEST)
    }
    y_true = in_classes(splits[Split.VALIDATION].labels, uncalibrated.classes)
    smoothing, temperature = fit_calibration(y_true, probabilities[Split.VALIDATION])
    spec = replace(uncalibrated, smoothing=smoothing, temperature=temperature)
    answers = {split: calibrate(rows, spec).astype(np.float32) for split, rows in probabilities.items()}
    metrics: dict[str, Any] = {
        "model": spec.name,
        "network": run.network,
        "preset": run.preset,
        "config": asdict(run.config),
        "parameters": spec.parameters,
        "bytes": (drafts / model_files.WEIGHTS).stat().st_size,
        "epochs": len(history),
        "best_epoch": int(max(history, key=lambda row: row[MONITOR])["epoch"]),
        "ms_per_face": float(np.median(ms_per_face(reader))),
        "training_minutes": sum(row["seconds"] for row in history) / 60,
        **{
            s.value: figures(splits[s], answers[s], spec.classes, before=probabilities[s])
            for s in (Split.VALIDATION, Split.TEST)
        },
    }
    with (drafts / HISTORY).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)
    np.savez_compressed(
        drafts / PREDICTIONS,
        allow_pickle=False,
        **{f"{s}_labels": splits[s].labels for s in answers},
        **{f"{s}_probabilities": answers[s] for s in answers},
    )
    write_json(drafts / METRICS, metrics)
    write_card(spec, metrics, drafts / CARD)
    model_files.write_spec(spec, drafts)
    model_files.read_spec(drafts, verify=[model_files.WEIGHTS, *([model_files.ONNX] if spec.onnx_sha256 else [])])
    for name in model_files.FILES:
        if (drafts / name).exists():
            (drafts / name).replace(out / name)
        else:
            (out / name).unlink(missing_ok=True)
    return metrics


def figures(
    faces: LabelledFaces, probabilities: npt.NDArray[Any], classes: Sequence[str], *, before: npt.NDArray[Any]
) -> dict[str, Any]:
    """All figures of one split, for JSON; `before` are the probabilities before they were calibrated."""
    y_true = in_classes(faces.labels, classes)
    y_pred = probabilities.argmax(axis=1)
    unseen = ~faces.in_training
    return {
        **evaluate_labels(faces.labels.astype(np.int64), y_pred, classes).as_dict(),
        "not_in_training": {
            "n": int(unseen.sum()),
            "accuracy": float((y_true == y_pred)[unseen].mean()) if unseen.any() else None,
        },
        "calibration": {
            "expected_error": expected_calibration_error(y_true, probabilities),
            "expected_error_before": expected_calibration_error(y_true, before),
        },
    }
