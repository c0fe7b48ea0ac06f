"""The trained models of a kind, and their results for a list, a table and other programs. No model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from emomusic.assets import SPEC, ModelKind, models_dir
from emomusic.baselines import FACE_BASELINES, MUSIC_BASELINES, SOUND_BASELINE, Baseline
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.records import FaceRecord, MoodRecord, Record, VoteScores, read_record
from emomusic.songs.mood_models import DEFAULT_MOOD_MODEL
from emomusic.text import csv_text


def is_default(kind: ModelKind, name: str) -> bool:
    """Whether the app and the commands use this model unless told otherwise."""
    return kind is ModelKind.SOUND or name in (model_files.DEFAULT_MODEL, DEFAULT_MOOD_MODEL)


def read_records(kind: ModelKind) -> tuple[list[Record], dict[str, ModelError]]:
    """The results of all models of a kind, the default first, and the errors of damaged ones by name."""
    names = sorted(path.parent.name for path in (models_dir() / kind).glob(f"*/{SPEC}"))
    records, problems = [], {}
    for name in sorted(names, key=lambda name: not is_default(kind, name)):
        try:
            records.append(read_record(kind, name))
        except ModelError as error:
            problems[name] = error
    return records, problems


def reports_of(record: Record) -> tuple[Baseline, ...]:
    """The published accuracies of such a model."""
    if isinstance(record, FaceRecord):
        report = FACE_BASELINES.get(record.network)
        return () if report is None else (report,)
    return MUSIC_BASELINES.get(record.name, ()) if isinstance(record, MoodRecord) else (SOUND_BASELINE,)


def document(record: Record) -> dict[str, Any]:
    """The results of a model as one JSON document of `models --json`. All shares are from 0 to 1."""
    if isinstance(record, FaceRecord):
        test, votes = record.test, record.votes
        figures: dict[str, Any] = {
            "accuracy": test.accuracy,
            "accuracy_interval": list(test.accuracy_interval),
            "four_class_accuracy": test.in_four,
            "macro_f1": test.macro_f1,
            "calibration_error": test.calibration.expected_error,
            "not_in_training": msgspec.to_builtins(test.not_in_training),
            "ferplus": None if votes is None else _by_votes(votes),
            "wild": None if record.wild is None else msgspec.to_builtins(record.wild),
        }
        size, item, ms_per_item = {"parameters": record.parameters}, "a face", record.ms_per_face
    else:
        figures = {
            "accuracy": record.mean_accuracy,
            "accuracy_std": record.spread,
            "macro_f1": record.macro_f1,
            "calibration_error": record.calibration_error,
        }
        size, item, ms_per_item = {}, "a song", record.ms_per_song
    return {
        "kind": record.kind.value,
        "name": record.name,
        "default": is_default(record.kind, record.name),
        "classes": list(record.classes),
        **figures,
        "reported": msgspec.to_builtins(reports_of(record)),
        "evaluated_on": record.evaluated_on,
        **size,
        "bytes": record.num_bytes,
        "item": item,
        "ms_per_item": ms_per_item,
    }


def _by_votes(votes: VoteScores) -> dict[str, Any]:
    """The figures against people's votes, those by class without contempt."""
    inner = votes.without_contempt
    return {
        "n": votes.n,
        "contempt": votes.contempt,
        "accuracy": votes.accuracy,
        "accuracy_interval": list(votes.accuracy_interval),
        "four_class_accuracy": votes.in_four,
        "macro_recall": inner.macro_recall,
        "macro_f1": inner.macro_f1,
    }


def overview_csv(records: Sequence[Record]) -> str:
    """Results of one kind as a table with one row for each model. Nested values become several columns.

    Scores by class are left out. `class_metrics_csv` has them for one model.
    """
    rows = []
    for record in records:
        values = document(record)
        values["reported"] = "; ".join(f"{r.percent} ({r.title}; {r.note})" for r in reports_of(record))
        rows.append(dict(_columns(values)))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_text(columns, ([row.get(column, "") for column in columns] for row in rows))


def _columns(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The columns of a document: two for an interval, one for each part of a dict and of a bin of faces."""
    for name, value in values.items():
        if name == "accuracy_interval":
            yield from zip((f"{prefix}accuracy_low", f"{prefix}accuracy_high"), value, strict=True)
        elif name == "groups":
            for group, bins in value.items():
                for faces in bins:
                    yield from _columns(faces, f"{prefix}{group}_{faces.pop('name')}_")
        elif isinstance(value, dict):
            if name != "per_class":
                yield from _columns(value, f"{prefix}{name}_")
        elif name not in ("ferplus", "wild"):  # not measured
            yield f"{prefix}{name}", " ".join(value) if isinstance(value, list | tuple) else value
