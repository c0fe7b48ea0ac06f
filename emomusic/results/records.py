"""All trained models at a glance, read from the files that training wrote; no model is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from emomusic.assets import METRICS, ModelKind, folder_of, models_dir, read_metrics
from emomusic.baselines import FACE_BASELINES, MUSIC_BASELINES, Baseline
from emomusic.errors import ModelError
from emomusic.face import model_files
from emomusic.metrics import FOUR, SEVEN
from emomusic.music import mood_models
from emomusic.text import csv_text, escape_formula


@dataclass(frozen=True, slots=True, kw_only=True)
class WildFigures:
    """How a face model does on photographs through the whole pipeline; what an older version did not write is None.

    Attributes:
        n: number of faces.
        missed: of those, how many were not found; each counts as wrong.
        accuracy: from 0 to 1, over the model's own classes.
        accuracy_interval: 95 %.
        four_class_accuracy: over Q1, Q2, Q3 and N.
        folds: in how many parts they were dealt to judge the model's adjustment to photographs.
    """

    n: int
    missed: int | None = None
    accuracy: float
    accuracy_interval: tuple[float, float] | None = None
    macro_recall: float | None = None
    macro_f1: float | None = None
    four_class_accuracy: float
    folds: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; those that are known."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRecord:
    """What is known of a trained face model.

    Attributes:
        name: of its folder.
        is_default: whether it is the one that is used unless another is named.
        classes: what it tells apart: compare the accuracy of one of four classes with another's `four_class_accuracy`.
        accuracy: from 0 to 1, like the figures below; over its own classes.
        accuracy_interval: 95 %.
        unseen_accuracy: on those pictures that do not also stand in Training; None where there is none.
        num_unseen: how many those are.
        wild: on photographs; None where that was not measured.
        reported: what the student reports say of such a model.
        judged_on: in words.
        parameters: number of weights.
        num_bytes: of its weights on disk.
        ms_per_item: how long a face takes; None where that was not measured.
    """

    kind: ClassVar[ModelKind] = ModelKind.FACE
    item: ClassVar[str] = "a face"

    name: str
    is_default: bool
    classes: tuple[str, ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    four_class_accuracy: float
    macro_f1: float
    calibration_error: float
    unseen_accuracy: float | None
    num_unseen: int
    wild: WildFigures | None
    reported: tuple[Baseline, ...]
    evaluated_on: str
    parameters: int
    num_bytes: int
    ms_per_item: float | None

    @property
    def has_four(self) -> bool:
        """Whether it tells four classes apart instead of seven emotions."""
        return self.classes == FOUR

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what `models --json` tells."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "default": self.is_default,
            "classes": list(self.classes),
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "four_class_accuracy": self.four_class_accuracy,
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
            "not_in_training": {"accuracy": self.unseen_accuracy, "n": self.num_unseen},
            "wild": None if self.wild is None else self.wild.as_dict(),
            "reported": [report.as_dict() for report in self.reported],
            "evaluated_on": self.evaluated_on,
            "parameters": self.parameters,
            "bytes": self.num_bytes,
            "item": self.item,
            "ms_per_item": self.ms_per_item,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodRecord:
    """What is known of a trained mood model; what is not told here is told of `FaceRecord`.

    Attributes:
        accuracy: from 0 to 1, the mean over the folds.
        accuracy_std: its standard deviation over them.
        calibration_error: of the first repeat of the folds.
        ms_per_item: how long a song takes, of many at once.
    """

    kind: ClassVar[ModelKind] = ModelKind.MUSIC
    item: ClassVar[str] = "a song"

    name: str
    is_default: bool
    classes: tuple[str, ...]
    accuracy: float
    accuracy_std: float
    macro_f1: float
    calibration_error: float
    reported: tuple[Baseline, ...]
    evaluated_on: str
    num_bytes: int
    ms_per_item: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what `models --json` tells."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "default": self.is_default,
            "classes": list(self.classes),
            "accuracy": self.accuracy,
            "accuracy_std": self.accuracy_std,
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
            "reported": [report.as_dict() for report in self.reported],
            "evaluated_on": self.evaluated_on,
            "bytes": self.num_bytes,
            "item": self.item,
            "ms_per_item": self.ms_per_item,
        }


ModelRecord = FaceRecord | MoodRecord


def read_records(kind: ModelKind) -> tuple[list[ModelRecord], dict[str, ModelError]]:
    """A record of each model of a kind, the default one first, and by name what is wrong with the damaged ones."""
    names: list[str]
    read: Callable[[str], ModelRecord]
    if kind is ModelKind.FACE:
        names, read = model_files.face_models(), face_model_record
    else:
        names, read = music_models(), mood_model_record
    records, problems = [], {}
    for name in names:
        try:
            records.append(read(name))
        except ModelError as error:
            problems[name] = error
    return records, problems


def music_models() -> list[str]:
    """Names of the trained mood models that are here, the default one first."""
    names = sorted(path.parent.name for path in (models_dir() / ModelKind.MUSIC).glob(f"*/{METRICS}"))
    return sorted(names, key=lambda name: name != mood_models.DEFAULT_MOOD_MODEL)


def overview_csv(records: Sequence[ModelRecord]) -> str:
    """Records of one kind as a table, one row a model; what is itself a list or a record gets a column a part."""
    rows = []
    for record in records:
        row: dict[str, Any] = {}
        for name, value in record.as_dict().items():
            if name == "reported":
                row[name] = "; ".join(f"{r.percent} ({r.title}; {r.note})" for r in record.reported)
            elif name == "name":
                row[name] = escape_formula(value)  # of a folder, which may be called anything
            elif value is not None or name != "wild":  # a record that is not there has no column of its own
                row |= _columns(name, value)
        rows.append(row)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_text(columns, ([row.get(column, "") for column in columns] for row in rows))


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


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def checked_metric(value: Any) -> float:
    """A number that a file holds, as it stands there.

    Raises:
        ValueError: it is none, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no figure")
    return value


def _share(value: Any) -> float:
    """A figure from 0 to 1."""
    if not 0 <= checked_metric(value) <= 1:
        raise ValueError(f"{value!r} is no share")
    return float(value)


def _count(value: Any) -> int:
    """A whole number from 0 on."""
    if checked_metric(value) < 0 or value != int(value):
        raise ValueError(f"{value!r} is no count")
    return int(value)


def _interval(value: Any) -> tuple[float, float]:
    low, high = map(_share, value)
    return low, high


def _time(value: Any) -> float | None:
    return None if value is None else checked_metric(value)


def _wild(figures: Mapping[str, Any]) -> WildFigures:
    """The figures on photographs; more than is known here is left out."""
    optional: dict[str, Callable[[Any], Any]] = {
        "missed": _count,
        "accuracy_interval": _interval,
        "macro_recall": _share,
        "macro_f1": _share,
        "folds": _count,
    }
    return WildFigures(
        n=_count(figures["n"]),
        accuracy=_share(figures["accuracy"]),
        four_class_accuracy=_share(figures["four_class_accuracy"]),
        **{name: read(figures[name]) for name, read in optional.items() if name in figures},
    )


def face_classes(folder: Path) -> tuple[str, ...]:
    """What a face model tells apart: the seven emotions, or Q1, Q2, Q3 and N.

    Raises:
        ModelError: its `spec.json` is absent or damaged, or names other classes.
    """
    classes = model_files.read_spec(folder).classes
    if classes not in (SEVEN, FOUR):
        raise ModelError(f"expected {', '.join(SEVEN)} or {', '.join(FOUR)} in {folder}. Received: {classes}")
    return classes


def face_model_record(name: str) -> FaceRecord:
    """What is known of one face model.

    Raises:
        ModelError: the model's files are damaged.
    """
    folder = model_files.model_folder(name)
    classes, metrics = face_classes(folder), read_metrics(folder)
    report = FACE_BASELINES.get(model_files.read_spec(folder).network)
    try:
        test, wild = metrics["test"], metrics.get("wild")
        unseen = test["not_in_training"]
        return FaceRecord(
            name=name,
            is_default=name == model_files.DEFAULT_MODEL,
            classes=classes,
            accuracy=_share(test["accuracy"]),
            accuracy_interval=_interval(test["accuracy_interval"]),
            four_class_accuracy=_share(test["accuracy" if classes == FOUR else "four_class_accuracy"]),
            macro_f1=_share(test["macro_f1"]),
            calibration_error=_share(test["calibration"]["expected_error"]),
            # Where the model had seen all of the pictures there is no share of the others
            unseen_accuracy=None if unseen["accuracy"] is None else _share(unseen["accuracy"]),
            num_unseen=_count(unseen["n"]),
            wild=None if wild is None else _wild(wild),
            reported=() if report is None else (report,),
            evaluated_on=f"FER2013 PrivateTest (n = {_count(test['n'])})",
            parameters=_count(metrics["parameters"]),
            num_bytes=_count(metrics["bytes"]),
            ms_per_item=_time(metrics.get("ms_per_face")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"expected the figures of a face model in {folder}. Received: {error!r}") from error


def mood_model_record(name: str) -> MoodRecord:
    """What is known of one mood model.

    Raises:
        ModelError: the model's files are damaged.
    """
    folder = folder_of(ModelKind.MUSIC, name)
    metrics = read_metrics(folder)
    try:
        return MoodRecord(
            name=name,
            is_default=name == mood_models.DEFAULT_MOOD_MODEL,
            classes=tuple(metrics["per_class"]),
            accuracy=_share(metrics["accuracy"]["mean"]),
            accuracy_std=_share(metrics["accuracy"]["std"]),
            macro_f1=_share(metrics["macro_f1"]),
            calibration_error=_share(metrics["calibration_error"]),
            reported=MUSIC_BASELINES.get(name, ()),
            evaluated_on=f"{_count(metrics['folds'])} folds of data_moods.csv (n = {_count(metrics['n'])})",
            num_bytes=sum(path.stat().st_size for path in folder.glob("model.*")),
            ms_per_item=_time(metrics.get("ms_per_song")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"expected the figures of a mood model in {folder}. Received: {error!r}") from error


def version_of(kind: ModelKind, name: str) -> tuple[Path, float]:
    """What a cache keeps a model under: its folder, and when its figures were written; 0.0 where there are none."""
    folder = folder_of(kind, name)
    path = folder / METRICS
    return folder, path.stat().st_mtime if path.exists() else 0.0
