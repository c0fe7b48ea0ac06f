"""Trained models without weights: the files that a page reads, made of random answers."""

import atexit
import shutil
import tempfile
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emomusic.affect import EMOTIONS
from emomusic.assets import write_json
from emomusic.calibration import softmax
from emomusic.faces.model_files import ModelSpec, write_spec
from emomusic.metrics import FOUR, SEVEN, evaluate, expected_calibration_error, in_classes
from emomusic.training.presets import PRESETS

LABELS = np.random.default_rng(0).integers(0, len(EMOTIONS), 420)
"""The same pictures for every model, so that two can be compared."""

FIELDS = ("name", "n", "accuracy")
BINS = {
    "pose": [("towards the camera", 60, 0.5), ("turned away", 28, 0.25)],
    "size": [("large", 44, 0.5), ("small", 44, 0.35)],
    "sharpness": [("sharp", 44, 0.45), ("blurred", 44, 0.4), ("empty", 0, 0.0)],
}
RECALLS = {label: {"precision": 0.3, "recall": i / 10, "f1": 0.25, "support": 10} for i, label in enumerate(SEVEN, 1)}
WILD = {"n": 90, "missed": 2, "accuracy": 0.4, "accuracy_interval": [0.31, 0.5], "macro_recall": 0.3, "macro_f1": 0.25}
WILD |= {"four_class_accuracy": 0.6, "folds": 5, "calibration_error": 0.08, "groups_without": ["disgust"]}
WILD["per_class"] = RECALLS
WILD["groups"] = {group: [dict(zip(FIELDS, each, strict=True)) for each in bins] for group, bins in BINS.items()}
"""Figures of a model of seven emotions on photographs."""


def place_face_model(
    root: Path,
    name: str,
    *,
    skill: float,
    four: bool = False,
    labels: np.ndarray = LABELS,
    wild: bool = False,
    ferplus: bool = False,
) -> None:
    """Write the folder of a face model; its figures are those of its answers."""
    folder, classes = root / "models" / "face" / name, FOUR if four else SEVEN
    folder.mkdir(parents=True)
    y_true = in_classes(labels, classes)
    logits = np.random.default_rng(len(name)).normal(size=(len(y_true), len(classes)))
    logits[np.arange(len(y_true)), y_true] += skill  # favours the true class
    rows = softmax(logits).astype(np.float32)
    scores = evaluate(labels, rows.argmax(axis=1), classes).as_dict()
    test = scores | {
        "not_in_training": {"n": 400, "accuracy": 0.5},
        "calibration": {"expected_error": expected_calibration_error(y_true, rows), "expected_error_before": 0.1},
    }
    epochs = {"epochs": 3, "best_epoch": 2, "training_minutes": 0.25}
    stage = epochs | {"config": asdict(replace(PRESETS["smoke"][0], label_smoothing=0.1)), "val_accuracy": 0.45}
    metrics: dict[str, Any] = epochs | {"model": name, "network": name, "preset": "smoke", "stages": [stage]}
    metrics |= {"parameters": 3807, "bytes": 51_000, "ms_per_face": 0.5, "validation": test, "test": test}
    if wild:
        metrics["wild"] = WILD
    if ferplus:
        inner = scores | {"n": 400, "accuracy": 0.82, "macro_recall": 0.7, "macro_f1": 0.65}
        votes = scores | {"n": 410, "contempt": 10, "accuracy": 0.8, "accuracy_interval": [0.76, 0.84]}
        votes |= {"four": inner} if four else {"seven": inner | {"four_class_accuracy": 0.9}}
        votes["four_class_accuracy"] = 0.8
        metrics["ferplus"] = {"validation": votes, "test": votes}
    write_spec(ModelSpec(name, name, "smoke", 48, False, 1.0, 3807, "0" * 64, classes=classes), folder)
    write_json(folder / "metrics.json", metrics)
    (folder / "CARD.md").write_text(f"# {name}\n\n## How it was made\n\nIn a test.\n")
    np.savez_compressed(folder / "predictions.npz", test_labels=labels.astype(np.uint8), test_probabilities=rows)
    curves = {"stage": [1, 1, 1], "accuracy": [0.3, 0.4, 0.5], "val_accuracy": [0.35, 0.45, 0.4]}
    curves |= {"loss": [1.8, 1.6, 1.4], "val_loss": [1.7, 1.5, 1.6]}
    pd.DataFrame(curves).to_csv(folder / "history.csv", index=False)


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
