"""All trained models at a glance, read from the files that training wrote; no model is loaded."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Set
from pathlib import Path
from typing import Any

from emomusic.affect import EMOTIONS
from emomusic.assets import models_dir
from emomusic.errors import ModelError
from emomusic.evaluation import FOUR_CLASS_ORDER
from emomusic.face import reported as face_reports
from emomusic.face import trained
from emomusic.music import mood_models
from emomusic.spreadsheet import disarmed

FOUR = tuple(quadrant.value for quadrant in FOUR_CLASS_ORDER)
_SEVEN = tuple(emotion.value for emotion in EMOTIONS)
_WILD = {"n", "accuracy", "four_class_accuracy"}  # of the figures on photographs, what is shown
_WILD_TOO = {"missed", "folds", "macro_recall", "macro_f1", "accuracy_interval"}  # and what may be there
_COUNTS = {"n", "missed", "folds"}


def models_overview() -> list[dict[str, Any]]:
    """One record a model: face models first, the default one of each kind at the top.

    Figures from 0 to 1, sizes in bytes, times in ms; None where something was not measured. `accuracy` is over the
    model's own `classes`: compare a face model of four with another's `four_class_accuracy`.

    Raises:
        ModelError: a model's files are damaged.
    """
    faces = [face_model_record(name) for name in trained.face_models()]
    return faces + [mood_model_record(name) for name in music_models()]


def music_models() -> list[str]:
    """Names of the trained mood models that are here, the default one first."""
    names = sorted(path.parent.name for path in (models_dir() / "music").glob("*/metrics.json"))
    return sorted(names, key=lambda name: name != mood_models.DEFAULT_MOOD_MODEL)


def overview_csv(records: list[dict[str, Any]]) -> str:
    """Records of one kind as a table, one row a model; what is itself a list or a record gets a column a part."""
    rows = []
    for record in records:
        row: dict[str, Any] = {}
        for name, value in record.items():
            if name == "reported":
                row[name] = "; ".join(f"{percent_of(r)} ({r['title']}; {r['note']})" for r in value)
            elif name == "name":
                row[name] = disarmed(value)  # of a folder, which may be called anything
            elif value is not None or name != "wild":  # a record that is not there has no column of its own
                row |= _columns(name, value)
        rows.append(row)
    columns = dict.fromkeys(column for row in rows for column in row)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, fieldnames=columns)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _columns(name: str, value: Any) -> dict[str, Any]:
    """A field as columns: of an interval its two ends, of a record its parts."""
    if name.endswith("accuracy_interval"):
        low, high = value
        return {f"{name.removesuffix('interval')}{end}": figure for end, figure in (("low", low), ("high", high))}
    if isinstance(value, dict):
        columns: dict[str, Any] = {}
        for part, figure in value.items():
            columns |= _columns(f"{name}_{part}", figure)
        return columns
    return {name: " ".join(value) if isinstance(value, list) else value}


def checked_figure(value: Any) -> float:
    """A number that a file holds, as it stands there.

    Raises:
        ValueError: it is none, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no figure")
    return value


def _share(value: Any) -> float:
    """A figure from 0 to 1."""
    if not 0 <= checked_figure(value) <= 1:
        raise ValueError(f"{value!r} is no share")
    return float(value)


def _count(value: Any) -> int:
    """A whole number from 0 on."""
    if checked_figure(value) < 0 or value != int(value):
        raise ValueError(f"{value!r} is no count")
    return int(value)


def _interval(value: Any) -> list[float]:
    low, high = map(_share, value)
    return [low, high]


def _parts(name: str, figures: dict[str, Any], needed: Set[str], optional: Set[str] = frozenset()) -> dict[str, Any]:
    """Of a record of figures those that are known; some have to be there."""
    if absent := needed - set(figures):
        raise KeyError(f"{name}: {', '.join(sorted(absent))}")
    known = {part: value for part, value in figures.items() if part in needed | optional}
    return {
        part: (_count if part in _COUNTS else _interval if part.endswith("interval") else _share)(value)
        for part, value in known.items()
    }


def percent_of(report: dict[str, Any]) -> str:
    """A report's figure as people write it: "69 %", or "58 to 63 %"."""
    high = f"{100 * report['figure']:.3g} %"
    return high if report["lowest"] is None else f"{100 * report['lowest']:.3g} to {high}"


def face_classes(folder: Path) -> tuple[str, ...]:
    """What a face model tells apart: the seven emotions, or Q1, Q2, Q3 and N.

    Raises:
        ModelError: its `spec.json` is absent or damaged, or names other classes.
    """
    classes = trained.read_spec(folder).classes
    if classes not in (_SEVEN, FOUR):
        raise ModelError(f"expected {', '.join(_SEVEN)} or {', '.join(FOUR)} in {folder}. Received: {classes}")
    return classes


def face_model_record(name: str) -> dict[str, Any]:
    """One record of `models_overview`.

    Raises:
        ModelError: the model's files are damaged.
    """
    folder = trained.model_folder(name)
    classes, metrics = face_classes(folder), trained.read_metrics(folder)
    report = face_reports.REPORTED.get(trained.read_spec(folder).network)
    try:
        test, wild = metrics["test"], metrics.get("wild")
        unseen, ms_per_face = test["not_in_training"], metrics.get("ms_per_face")
        # Where the model had seen all of the pictures there is no share of the others
        parts = {"n"} if unseen["accuracy"] is None else {"n", "accuracy"}
        return {
            "kind": "face",
            "name": name,
            "default": name == trained.DEFAULT_MODEL,
            "classes": list(classes),
            "accuracy": _share(test["accuracy"]),
            "accuracy_interval": _interval(test["accuracy_interval"]),
            "four_class_accuracy": _share(test["accuracy" if classes == FOUR else "four_class_accuracy"]),
            "macro_f1": _share(test["macro_f1"]),
            "calibration_error": _share(test["calibration"]["expected_error"]),
            "not_in_training": {"accuracy": None} | _parts("not_in_training", unseen, parts),
            "wild": None if wild is None else _parts("wild", wild, _WILD, _WILD_TOO),
            "reported": [] if report is None else [report.as_dict()],
            "judged_on": f"FER2013 PrivateTest (n = {_count(test['n'])})",
            "parameters": _count(metrics["parameters"]),
            "bytes": _count(metrics["bytes"]),
            "item": "a face",
            "ms_per_item": None if ms_per_face is None else checked_figure(ms_per_face),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"expected the figures of a face model in {folder}. Received: {error!r}") from error


def mood_model_record(name: str) -> dict[str, Any]:
    """One record of `models_overview`.

    Raises:
        ModelError: the model's files are damaged.
    """
    folder = models_dir() / "music" / name
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        ms_per_song = metrics.get("ms_per_song")
        return {
            "kind": "music",
            "name": name,
            "default": name == mood_models.DEFAULT_MOOD_MODEL,
            "classes": list(metrics["per_class"]),
            "accuracy": _share(metrics["accuracy"]["mean"]),
            "accuracy_std": _share(metrics["accuracy"]["std"]),
            "macro_f1": _share(metrics["macro_f1"]),
            "calibration_error": _share(metrics["calibration_error"]),
            "reported": [
                {
                    "figure": figure.accuracy,
                    "lowest": None,
                    "of": "four moods",
                    "title": mood_models.REPORTED_SOURCE,
                    "note": figure.note,
                    "f1": {},
                }
                for figure in mood_models.REPORTED
                if figure.model == name
            ],
            "judged_on": f"{_count(metrics['folds'])} folds of data_moods.csv (n = {_count(metrics['n'])})",
            "bytes": sum(path.stat().st_size for path in folder.glob("model.*")),
            "item": "a song",
            "ms_per_item": None if ms_per_song is None else checked_figure(ms_per_song),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"expected the figures of a mood model in {folder}. Received: {error!r}") from error
