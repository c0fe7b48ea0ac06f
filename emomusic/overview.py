"""All trained models at a glance, read from the files that training wrote; no model is loaded."""

from __future__ import annotations

import json
from typing import Any

from emomusic.assets import models_dir
from emomusic.errors import ModelError
from emomusic.face import trained
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL


def models_overview() -> list[dict[str, Any]]:
    """One record a model: face models first, the default one of each kind at the top.

    Raises:
        ModelError: a model's files are damaged.
    """
    music = sorted(path.parent.name for path in (models_dir() / "music").glob("*/metrics.json"))
    music.sort(key=lambda name: name != DEFAULT_MOOD_MODEL)
    return [_face_record(name) for name in trained.face_models()] + [_music_record(name) for name in music]


def _face_record(name: str) -> dict[str, Any]:
    folder = trained.model_folder(name)
    spec, metrics = trained.read_spec(folder), trained.read_metrics(folder)
    test = metrics["test"]
    return {
        "kind": "face",
        "name": name,
        "default": name == trained.DEFAULT_MODEL,
        "accuracy": test["accuracy"],
        "accuracy_interval": test["accuracy_interval"],
        "four_class_accuracy": test["four_class_accuracy"],
        "macro_f1": test["macro_f1"],
        "judged_on": f"FER2013 PrivateTest (n = {test['n']})",
        "parameters": spec.parameters,
        "bytes": metrics["bytes"],
        "item": "a face",
        "ms_per_item": metrics.get("ms_per_face"),
    }


def _music_record(name: str) -> dict[str, Any]:
    folder = models_dir() / "music" / name
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        return {
            "kind": "music",
            "name": name,
            "default": name == DEFAULT_MOOD_MODEL,
            "accuracy": metrics["accuracy"]["mean"],
            "accuracy_std": metrics["accuracy"]["std"],
            "macro_f1": metrics["macro_f1"],
            "judged_on": f"{metrics['folds']} folds of data_moods.csv (n = {metrics['n']})",
            "bytes": sum(path.stat().st_size for path in folder.glob("model.*")),
            "item": "a song",
            "ms_per_item": metrics.get("ms_per_song"),
        }
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"expected the figures of a mood model in {folder}. Received: {error!r}") from error
