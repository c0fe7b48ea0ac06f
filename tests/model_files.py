"""Trained models without weights: the files that a page reads, made of random answers."""

import atexit
import csv
import json
import shutil
import tempfile
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from emomusic.affect import EMOTIONS
from emomusic.metrics import FOUR, SEVEN, evaluate, expected_calibration_error, in_classes
from emomusic.training.presets import PRESETS

LABELS = np.random.default_rng(0).integers(0, len(EMOTIONS), 420)
"""The same pictures for every model, so that two can be compared."""

BIN = ("name", "n", "accuracy")
BINS = {
    "pose": [("towards the camera", 60, 0.5), ("turned away", 28, 0.25)],
    "size": [("large", 44, 0.5), ("small", 44, 0.35)],
    "sharpness": [("sharp", 44, 0.45), ("blurred", 44, 0.4), ("empty", 0, 0.0)],
}
"""Accuracy on photographs by a property of the face."""


def probabilities_of(y_true: np.ndarray, num_classes: int, *, skill: float, seed: int) -> np.ndarray:
    """Rows that favour the true class, the more so the greater the skill."""
    logits = np.random.default_rng(seed).normal(size=(len(y_true), num_classes))
    logits[np.arange(len(y_true)), y_true] += skill
    rows = np.exp(logits)
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


def place_face_model(
    root: Path,
    name: str,
    *,
    skill: float,
    four: bool = False,
    labels: np.ndarray = LABELS,
    wild: bool = False,
    ferplus: bool = False,
) -> Path:
    """Write the folder of a face model; its figures are those of its answers."""
    folder = root / "models" / "face" / name
    folder.mkdir(parents=True)
    y_true = in_classes(labels, FOUR if four else SEVEN)
    rows = probabilities_of(y_true, 4 if four else 7, skill=skill, seed=len(name))
    y_pred = rows.argmax(axis=1)
    scores = evaluate(labels, y_pred, FOUR if four else SEVEN)
    test: dict[str, Any] = scores.as_dict() | {
        "not_in_training": {"n": 400, "accuracy": 0.5},
        "calibration": {"expected_error": expected_calibration_error(y_true, rows), "expected_error_before": 0.1},
    }
    spec = {"name": name, "network": name, "preset": "smoke", "side": 48, "mirrored": False, "temperature": 1.0}
    spec |= {"parameters": 3807, "sha256": "0" * 64} | ({"classes": FOUR} if four else {})
    stage = {"config": asdict(replace(PRESETS["smoke"][0], label_smoothing=0.1))}
    stage |= {"epochs": 3, "best_epoch": 2, "training_minutes": 0.25, "val_accuracy": 0.45}
    metrics = {"model": name, "network": name, "preset": "smoke", "stages": [stage], "parameters": 3807}
    metrics |= {"bytes": 51_000, "epochs": 3, "best_epoch": 2, "ms_per_face": 0.5, "training_minutes": 0.25}
    metrics |= {"validation": test, "test": test}
    if wild:
        metrics["wild"] = {"n": 90, "missed": 2, "accuracy": 0.4, "accuracy_interval": [0.31, 0.5]}
        metrics["wild"] |= {"macro_recall": 0.3, "macro_f1": 0.25, "four_class_accuracy": 0.6, "folds": 5}
        recalls = {label: number / 10 for number, label in enumerate(FOUR if four else SEVEN, 1)}
        metrics["wild"] |= {
            "calibration_error": 0.08,
            "per_class": {
                label: {"precision": 0.3, "recall": recall, "f1": 0.25, "support": 10}
                for label, recall in recalls.items()
            },
            "groups": {group: [dict(zip(BIN, each, strict=True)) for each in bins] for group, bins in BINS.items()},
            "groups_without": [] if four else ["disgust"],
        }
    if ferplus:
        inner = scores.as_dict() | {"n": 400, "accuracy": 0.82, "macro_recall": 0.7, "macro_f1": 0.65}
        votes = scores.as_dict() | {"n": 410, "contempt": 10, "accuracy": 0.8, "accuracy_interval": [0.76, 0.84]}
        votes |= {"four": inner} if four else {"seven": inner | {"four_class_accuracy": 0.9}}
        metrics["ferplus"] = {"validation": votes, "test": votes}
    (folder / "spec.json").write_text(json.dumps(spec))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "CARD.md").write_text(f"# {name}\n\n## How it was made\n\nIn a test.\n")
    np.savez_compressed(folder / "predictions.npz", test_labels=labels.astype(np.uint8), test_probabilities=rows)
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate", "seconds"])
        writer.writerows(
            [[1, 0.3, 1.8, 0.35, 1.7, 0.1, 5], [2, 0.4, 1.6, 0.45, 1.5, 0.1, 5], [3, 0.5, 1.4, 0.4, 1.6, 0.1, 5]]
        )
    return folder


def place_checkout(root: Path, to: Path) -> Path:
    """A checkout with the shipped data and models of songs, and four synthetic face models."""
    shutil.copytree(_synthetic_models(), to, dirs_exist_ok=True)
    for kind in ("music", "sound"):
        (to / "models" / kind).symlink_to(root / "models" / kind)
    (to / "data").symlink_to(root / "data")
    return to


@cache
def _synthetic_models() -> Path:
    """A folder with the face models, written once for each process."""
    to = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, to)
    place_face_model(to, "vgg9", skill=3.0, wild=True, ferplus=True)
    place_face_model(to, "cnn_capstone", skill=1.0)
    place_face_model(to, "emonet", skill=2.9)
    place_face_model(to, "mobilenet_quadrants", skill=2.0, four=True, ferplus=True)
    return to
