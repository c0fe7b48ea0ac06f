"""Train a network on FER2013 and write the model's folder.

A run has one or more stages; each continues from the best weights of the previous one. The state of stage N is in
`<out>/checkpoint/stageN/` after every epoch, and `resume=True` continues there. Random numbers (order, augmentation,
mixup, dropout) depend only on the seed, the epoch and the batch, so a resumed run ends with the same result.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS
from emomusic.assets import CARD, HISTORY, PREDICTIONS, ModelKind, locked, prepare_model_folder, sha256_of
from emomusic.calibration import fit_calibration
from emomusic.errors import DatasetError, ModelError
from emomusic.faces import model_files
from emomusic.faces.classifier import EmotionClassifier, forward_of
from emomusic.faces.fer2013 import LabelledFaces, Split, seen_emotions
from emomusic.media.images import to_network_input
from emomusic.metrics import in_classes
from emomusic.records import write_metrics
from emomusic.runtime import Network
from emomusic.training.architectures import apply_start_weights, copy_layers
from emomusic.training.batches import Batch, augmented_batches, one_hot, steps_per_epoch
from emomusic.training.card import write_card
from emomusic.training.evaluate import evaluate_splits, keras_classifier, ms_per_face
from emomusic.training.export_onnx import export_onnx
from emomusic.training.layers import write_layers
from emomusic.training.people import Strangers, fit_anyone, fit_people, judge_strangers
from emomusic.training.posed import PosedFaces, digest_of
from emomusic.training.presets import EARLIER, FIRST, NETWORKS, PRESETS, PREVIOUS, NetworkSpec, TrainingConfig
from emomusic.training.steps import MONITOR, STATE, Checkpoint, SharpnessAware, compile_model, write_weights

log = logging.getLogger(__name__)

_CHECKPOINT = "checkpoint"
_DRAFTS = "drafts"
_IN_RUN = {PREVIOUS: -1, EARLIER: -2, FIRST: 0}


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A training run: keys of `NETWORKS` and `PRESETS`, the preset's stages, and the model's folder."""

    network: str
    preset: str
    stages: tuple[TrainingConfig, ...]
    splits: Mapping[Split, LabelledFaces]
    out: Path
    posed: PosedFaces | None = None

    @property
    def checkpoint(self) -> Path:
        """The folder for everything a resumed run needs, and for the model's files until all are written."""
        return self.out / _CHECKPOINT

    @property
    def without_posed(self) -> TrainingConfig | None:
        """The last stage again, without posed collections, if it is judged on people it has not met."""
        if self.posed is None or not self.stages[-1].is_judged:
            return None
        known = np.unique(self.posed.collections[self.posed.are_posed])
        return replace(self.stages[-1], without_posed=True) if len(known) > 1 else None


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """A trained stage: its best weights, in float32, and the rows of its epochs in `history.csv`."""

    config: TrainingConfig
    network: str
    model: keras.Model
    history: list[dict[str, float]]

    @property
    def best_epoch(self) -> int:
        """The epoch of the weights, counted over all stages."""
        last = self.history[-1]
        return int((last if self.config.keeps_last else max(self.history, key=lambda row: row[MONITOR]))["epoch"])

    def as_dict(self) -> dict[str, Any]:
        """The configuration and what came of it, for `metrics.json`."""
        return {
            "config": asdict(self.config),
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            MONITOR: max(row[MONITOR] for row in self.history),
            "training_minutes": sum(row["seconds"] for row in self.history) / 60,
        }


def train(
    network: str,
    splits: Mapping[Split, LabelledFaces],
    out: Path,
    *,
    preset: str,
    posed: PosedFaces | None = None,
    resume: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Train on the train split, choose weights on validation, evaluate on test, and write the model's folder.

    Args:
        network: a key of `NETWORKS`.
        splits: all three of FER2013.
        out: the model's folder, which is replaced at the end. Its name is the model's name.
        preset: a key of `PRESETS`.
        posed: faces for the stages that need them.
        resume: continue from the checkpoint in `out`, if there is one.
        on_progress: takes the number of finished epochs of all stages.

    Returns:
        The content of `metrics.json`.

    Raises:
        DatasetError: the posed faces that a stage needs are absent.
        ModelError: the checkpoint belongs to another run; the folder holds other files or is not writable; or start
            weights, teachers or the partner are absent or do not fit.
    """
    stages = PRESETS[preset]
    _load_partner(NETWORKS[network])  # before hours of training
    if posed is None and any(stage.posed for stage in stages):
        raise DatasetError(f"expected posed faces for the preset {preset}. Received: none. Give --posed-faces DIR")
    limit = stages[0].limit
    splits = {split: faces.first(limit or len(faces)) for split, faces in splits.items()}
    out = prepare_model_folder(out, (*model_files.FILES, _CHECKPOINT))
    run = _Run(network, preset, stages, splits, out, posed)
    with locked(out.with_name(f".{out.name}.lock"), out, ModelError):
        prepare_model_folder(run.checkpoint, (_DRAFTS, "stage*"))
        has_state = any(run.checkpoint.glob(f"stage*/{STATE}"))
        if has_state != resume:
            text = "Discarded the checkpoint in %s." if has_state else "No checkpoint in %s: starting at epoch 1."
            log.info(text, run.checkpoint)
        if not resume:
            shutil.rmtree(run.checkpoint)
        trained: list[_Stage] = []
        for config in stages:
            trained.append(_fit(run, config, trained, on_progress))
        strangers = None
        judging = run.without_posed
        if run.posed is not None and judging is not None:
            strangers = Strangers.by(_classifier_of(run, _fit(run, judging, trained[:-1])), run.posed)
        metrics = _write(run, trained, strangers)
        shutil.rmtree(run.checkpoint)
        return metrics


def _fit(
    run: _Run, config: TrainingConfig, earlier: Sequence[_Stage], on_progress: Callable[[int], None] | None = None
) -> _Stage:
    """Train one stage, from its checkpoint if there is one. A finished stage is read from its checkpoint."""
    network, train_faces = config.network or run.network, run.splits[Split.TRAIN]
    spec, number = NETWORKS[network], len(earlier) + 1
    posed, judged = _posed_faces(run, config)
    model = _initial_model(spec, config, earlier)
    initial = {layer.name: layer.get_weights() for layer in model.layers}
    if config.sam_rho:
        model = SharpnessAware(model, config.sam_rho)
    steps = steps_per_epoch(train_faces, config, posed)
    compile_model(model, config, steps)
    identity = {
        "network": network,
        "stage": number,
        "config": asdict(config),
        "data": digest_of(run.splits.values(), posed),
    }
    num_before = sum(len(stage.history) for stage in earlier)
    folder = run.checkpoint / (f"stage{number}-judged" if config == run.without_posed else f"stage{number}")
    checkpoint = Checkpoint(folder, identity, num_before, keeps_last=config.keeps_last)
    checkpoint.set_model(model)
    first_epoch = checkpoint.restore() if (checkpoint.folder / STATE).is_file() else 0
    if first_epoch < config.epochs:
        averaging = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if config.ema_momentum else []
        keep_best = keras.callbacks.LambdaCallback(on_epoch_end=checkpoint.keep_best)
        report = [] if on_progress is None else [_reporting(run, checkpoint, on_progress)]
        model.fit(
            augmented_batches(
                train_faces,
                config,
                side=spec.side,
                classes=spec.classes,
                teacher_probs=_teacher_probs(run, config, earlier, posed),
                posed=posed,
                first_epoch=first_epoch,
            ),
            steps_per_epoch=steps,
            validation_data=_validation_data(run, config, judged),
            validation_batch_size=256,
            initial_epoch=first_epoch,
            epochs=config.epochs,
            shuffle=False,  # the batches are shuffled already
            callbacks=[checkpoint, *averaging, keep_best, *report],
            verbose=0,
        )
    trained = spec.build("float32")  # without bfloat16 and the optimizer
    model.load_weights(checkpoint.best)
    copy_layers(model, trained)
    if share := config.start_share:
        for layer in trained.layers:
            pairs = zip(layer.get_weights(), initial[layer.name], strict=True)
            layer.set_weights([(1 - share) * now + share * before for now, before in pairs])
    return _Stage(config, network, trained, checkpoint.rows)


def _initial_model(spec: NetworkSpec, config: TrainingConfig, earlier: Sequence[_Stage]) -> keras.Model:
    """The network of a stage with its initial weights, of which the frozen ones stay."""
    keras.utils.set_random_seed(config.seed)
    model = spec.build(config.precision)
    if config.start in _IN_RUN:
        copy_layers(earlier[_IN_RUN[config.start]].model, model)
    elif config.start is not None:
        apply_start_weights(model, config.start)
    for name in config.frozen:
        model.get_layer(name).trainable = False
    return model


def _reporting(run: _Run, checkpoint: Checkpoint, on_progress: Callable[[int], None]) -> keras.callbacks.Callback:
    """A callback that logs each epoch, with the time left at the mean speed of this run."""
    first, planned = len(checkpoint.rows), sum(stage.epochs for stage in run.stages)

    def report(*_: Any) -> None:
        row = checkpoint.rows[-1]
        figures = row["epoch"], planned, row["loss"], 100 * row[MONITOR], row["seconds"]
        left_s = (planned - row["epoch"]) * float(np.mean([done["seconds"] for done in checkpoint.rows[first:]]))
        text = "epoch %d of %d: loss %.3f, accuracy on validation %.1f %%, %.0f s; about %.0f min left"
        log.info(text, *figures, left_s / 60)
        on_progress(int(row["epoch"]))

    return keras.callbacks.LambdaCallback(on_epoch_end=report)


def _validation_data(run: _Run, config: TrainingConfig, judged: PosedFaces | None) -> Batch:
    """The inputs and labels that choose the epoch: PublicTest, and the posed faces of the persons held out."""
    spec = NETWORKS[config.network or run.network]
    images, labels = list(run.splits[Split.VALIDATION].images), _validation_labels(run, config)
    if judged is not None:
        images, labels = [*images, *judged.images], np.concatenate([labels, judged.labels])
    return to_network_input(images, spec.side).astype(np.float32), one_hot(labels, spec.classes)


def _validation_labels(run: _Run, config: TrainingConfig) -> npt.NDArray[np.uint8]:
    """The labels of validation that a stage chooses its epoch and its calibration by."""
    faces = run.splits[Split.VALIDATION]
    return seen_emotions(faces, Split.VALIDATION) if config.validation == "ferplus" else faces.labels


def _posed_faces(run: _Run, config: TrainingConfig) -> tuple[PosedFaces | None, PosedFaces | None]:
    """The posed faces that a stage learns from, and those of the persons held out."""
    if run.posed is None or not config.posed:
        return None, None
    return run.posed.where(_sees(config, run.posed)).split()


def _sees(config: TrainingConfig, posed: PosedFaces) -> npt.NDArray[np.bool_]:
    """Whether a stage learns from the collection of each face."""
    return np.full(len(posed), config.posed > 0) & ~(config.without_posed & posed.are_posed)


def _teacher_probs(
    run: _Run, config: TrainingConfig, earlier: Sequence[_Stage], posed: PosedFaces | None
) -> npt.NDArray[np.float32] | None:
    """Mean probabilities of the teachers for `augmented_batches`; None without teachers."""
    if not config.teachers:
        return None
    stages = {name: earlier[_IN_RUN[name]] for name in config.teachers if name in _IN_RUN}
    teachers = [
        # without constants for the frequencies of FER2013, which other collections do not have
        _classifier_of(run, stages[name], constants=()) if name in stages else EmotionClassifier.load(name)
        for name in config.teachers
    ]
    images = list(run.splits[Split.TRAIN].images)
    known = np.ones(len(images) + (0 if posed is None else len(posed)), np.bool_)
    if posed is not None:
        for name in config.teachers:
            known[len(images) :] &= name in stages and _sees(stages[name].config, posed)
        images += list(posed.images[known[len(images) :]])
    probabilities = np.zeros((len(known), len(EMOTIONS)), np.float32)
    for teacher in teachers:
        teacher.require_emotions()
        probabilities[known] += teacher.read(images)[0] / len(teachers)
    return probabilities


def _classifier_of(run: _Run, stage: _Stage, **changes: Any) -> EmotionClassifier:
    """The calibrated classifier of a stage, with changes of its spec."""
    spec, _ = _calibrated(run, stage, keras_classifier(stage.model, _model_spec(run, stage)))
    return keras_classifier(stage.model, replace(spec, **changes))


def _model_spec(run: _Run, stage: _Stage) -> model_files.ModelSpec:
    """The spec of a stage's model without calibration and without files."""
    network = NETWORKS[stage.network]
    return model_files.ModelSpec(
        name=run.out.name,
        network=stage.network,
        preset=run.preset,
        side=network.side,
        mirrored=True,
        temperature=1.0,
        parameters=stage.model.count_params(),
        sha256="",
        classes=network.classes,
        partner=network.partner,
        partner_share=network.partner_share,
    )


def _calibrated(
    run: _Run, stage: _Stage, classifier: EmotionClassifier
) -> tuple[model_files.ModelSpec, npt.NDArray[np.float32]]:
    """The spec of an uncalibrated classifier with its calibration, and its probabilities on validation without it."""
    faces, spec = run.splits[Split.VALIDATION], classifier.spec
    probabilities, _ = classifier.read(list(faces.images))
    labels = in_classes(_validation_labels(run, stage.config), spec.classes)
    smoothing, temperature, constants = fit_calibration(labels, probabilities)
    return replace(spec, smoothing=smoothing, temperature=temperature, constants=constants), probabilities


def _load_partner(network: NetworkSpec) -> EmotionClassifier | None:
    """The trained model that reads the faces as well. Raises a `ModelError` if it is absent."""
    return EmotionClassifier.load(network.partner) if network.partner else None


def _write(run: _Run, stages: Sequence[_Stage], strangers: Strangers | None) -> dict[str, Any]:
    """Calibrate the last stage on validation, evaluate it on test, and write the model's files together."""
    splits, out, model = run.splits, run.out, stages[-1].model
    drafts = run.checkpoint / _DRAFTS
    drafts.mkdir(parents=True, exist_ok=True)
    write_weights(model, drafts / model_files.WEIGHTS)
    saved = keras.saving.load_model(drafts / model_files.WEIGHTS, compile=False, safe_mode=True)
    exported, network = drafts / model_files.ONNX, NETWORKS[run.network]
    export_onnx(saved, exported, eight_bits=network.eight_bits, grad_cam=network.grad_cam)
    spec = replace(
        _model_spec(run, stages[-1]),
        sha256=sha256_of(drafts / model_files.WEIGHTS),
        onnx_sha256=sha256_of(exported),
    )
    alone = EmotionClassifier(forward_of(Network(exported)), spec)
    spec, on_validation = _calibrated(run, stages[-1], alone)
    if strangers:
        table = fit_anyone([*strangers.posed.values(), *strangers.wild]).round(3)
        spec = replace(spec, posed_adjustment=tuple(tuple(row) for row in table.tolist()))
        people = asdict(fit_people(list(strangers.posed.values())))
        np.savez_compressed(drafts / model_files.PEOPLE, allow_pickle=False, **people)
    before = {Split.VALIDATION: on_validation, Split.TEST: alone.read(list(splits[Split.TEST].images))[0]}
    classifier = EmotionClassifier(forward_of(Network(exported)), spec, partner=_load_partner(network))
    after = {split: classifier.read(list(splits[split].images))[0] for split in before}
    history = [row for stage in stages for row in stage.history]
    metrics: dict[str, Any] = {
        "model": spec.name,
        "network": run.network,
        "preset": run.preset,
        "stages": [stage.as_dict() for stage in stages],
        "parameters": spec.parameters,
        "bytes": (drafts / model_files.WEIGHTS).stat().st_size,
        "epochs": len(history),
        "best_epoch": stages[-1].best_epoch,
        "ms_per_face": float(np.median(ms_per_face(classifier))),
        "training_minutes": sum(row["seconds"] for row in history) / 60,
        **evaluate_splits(splits, before, after, spec.classes),
    }
    if strangers and run.posed is not None:
        metrics |= judge_strangers(strangers)
        metrics |= write_layers(classifier, run.posed, splits[Split.TRAIN], drafts)
    pd.DataFrame(history).to_csv(drafts / HISTORY, index=False)
    np.savez_compressed(
        drafts / PREDICTIONS,
        allow_pickle=False,
        **{f"{s}_labels": splits[s].labels for s in after},
        **{f"{s}_probabilities": after[s] for s in after},
    )
    write_metrics(ModelKind.FACE, drafts, metrics)
    write_card(spec, metrics, drafts / CARD)
    model_files.write_spec(spec, drafts)
    for name in model_files.FILES:
        if (drafts / name).exists():
            (drafts / name).replace(out / name)
        else:
            (out / name).unlink(missing_ok=True)
    return metrics
