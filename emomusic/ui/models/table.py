"""Saved results, the table of all models, the choice of one or two, and a summary of the choice."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec
import pandas as pd
import streamlit as st

from emomusic.affect import QUADRANT_CORNERS
from emomusic.assets import METRICS, ModelKind, folder_of, load_once, read_metrics
from emomusic.face.model_files import read_spec
from emomusic.metrics import FOUR, Scores
from emomusic.results.findings import (
    comparison_verdict,
    describe_comparison,
    describe_in_four,
    describe_model,
    describe_purposes,
    describe_reports,
    of_100,
)
from emomusic.results.predictions import (
    ClassMetrics,
    Predictions,
    class_metrics_csv,
    compare,
    read_class_metrics,
    read_predictions,
)
from emomusic.results.records import FaceRecord, ModelRecord, MoodRecord, overview_csv, read_records
from emomusic.text import join_names
from emomusic.ui.core import state
from emomusic.ui.core.address import choose, choose_one, widget
from emomusic.ui.core.frame import download_button, escape_markdown, shown_errors

_Read = TypeVar("_Read")


def read_each(names: Sequence[str], read: Callable[[str], _Read]) -> dict[str, _Read]:
    """The result of `read` for each model by name; models that cannot be read are reported and left out."""
    found = {}
    for name in names:
        with shown_errors():
            found[name] = read(name)
    return found


@load_once
def predictions(kind: ModelKind, name: str) -> Predictions:
    """A model's predictions on held-out examples; see `emomusic.results.predictions.read_predictions`."""
    return read_predictions(kind, name)


@st.cache_resource(max_entries=32, show_spinner="Computing the figures")
def scores(kind: ModelKind, name: str, *, four: bool) -> Scores:
    """All metrics of the predictions; the first call loads scikit-learn."""
    return predictions(kind, name).grouped(four=four).scores()


def class_metrics(kind: ModelKind, name: str, *, four: bool) -> ClassMetrics:
    """Metrics per class from training; computed from the predictions if four classes replace seven."""
    own = read_class_metrics(kind, name)
    if not four or own.classes == FOUR:
        return own
    found = scores(kind, name, four=True)
    return ClassMetrics(found.per_class, found.confusion)


_KINDS = {"Face models": ModelKind.FACE, "Mood models": ModelKind.MUSIC, "Sound models": ModelKind.SOUND}
_CHOSEN = {
    ModelKind.FACE: state.MODELS_FACES,
    ModelKind.MUSIC: state.MODELS_SONGS,
    ModelKind.SOUND: state.MODELS_SOUNDS,
}
_MOST = 2
_PERCENT = "%.1f %%"

_CLASSES_OF_FOUR = "Q1 happy; Q2 angry, disgust, fear and surprise; Q3 sad; N neutral"
FOUR_LEGEND = f"The four classes come from the student report on portraits: {_CLASSES_OF_FOUR}."
"""Shown wherever the four classes are, because "How it works" uses the same letters for quadrants."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one or two chosen models, and all models of their kind."""

    kind: ModelKind
    records: tuple[ModelRecord, ...]
    others: tuple[ModelRecord, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chosen models."""
        return tuple(record.name for record in self.records)

    @property
    def faces(self) -> tuple[FaceRecord, ...]:
        """The chosen models if they read faces, else empty."""
        return tuple(record for record in self.records if isinstance(record, FaceRecord))


def choose_models() -> Chosen | None:
    """Show all models in one table, and return the chosen ones, or None without a model.

    Raises:
        ModelError: all models are damaged; if only some are, the page names them and leaves them out.
    """
    kind = _KINDS[choose_one("Which models", list(_KINDS), state.MODELS_KIND)]
    records, problems = read_records(kind)
    if not records and problems:
        raise next(iter(problems.values()))
    if not records:
        st.info("There is no trained model. Run `make train`.", icon=":material/model_training:")
        return None
    if problems:
        st.warning(
            "Left out: "
            + "; ".join(
                f"**{escape_markdown(name)}** ({escape_markdown(str(error))})" for name, error in problems.items()
            ),
            icon=":material/warning:",
        )
    answer, purposes = st.container(), st.container()
    st.space("small")  # on a phone the table's toolbar is always visible above it
    table, chooser = st.container(), st.container()
    by_name = {record.name: record for record in records}
    options = list(by_name)
    # A menu for the keyboard, touch screens and the address; it matches the selected rows of the table
    with chooser, st.container(horizontal=True, vertical_alignment="bottom"):
        names = st.multiselect(
            "Choose one model, or compare two",
            options,
            max_selections=_MOST,
            placeholder=options[0],
            width=440,
            **widget(_CHOSEN[kind], options, options[0], most=_MOST),
        )
        names = names or options[:1]
        _show_downloads(kind, names)
    chosen = Chosen(kind, tuple(by_name[name] for name in names), tuple(records))
    if sentence := describe_purposes([record for record in records if isinstance(record, FaceRecord)]):
        purposes.markdown(sentence)
    with table:
        _show_table(chosen)
    with answer, shown_errors(), st.spinner("Comparing the models") if len(names) > 1 else contextlib.nullcontext():
        _show_summary(chosen)
    return chosen


def keep_last(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """The selected models; of more than two, the last two clicked."""
    kept = [name for name in before if name in now]
    return [*kept, *(name for name in now if name not in before)][-_MOST:]


def _show_table(chosen: Chosen) -> None:
    names = [record.name for record in chosen.others]
    key, table = _CHOSEN[chosen.kind], state.models_widget("table", chosen.kind)

    def take_rows() -> None:
        rows = st.session_state[table].selection.rows
        kept = keep_last(st.session_state.get(key) or [], [names[row] for row in rows if row < len(names)])
        choose({key: None if kept == names[:1] else kept})

    marked = sorted(names.index(name) for name in st.session_state[key])
    if table in st.session_state and sorted(st.session_state[table]["selection"]["rows"]) != marked:
        st.session_state[table] = {"selection": {"rows": marked, "columns": [], "cells": []}}
    is_face = chosen.kind is ModelKind.FACE
    rows = (
        _face_rows([record for record in chosen.others if isinstance(record, FaceRecord)])
        if is_face
        else _music_rows([record for record in chosen.others if isinstance(record, MoodRecord)])
    )
    st.dataframe(
        rows,
        key=table,
        hide_index=True,
        height="content",
        column_config=_face_columns() if is_face else _music_columns(chosen.kind),
        on_select=take_rows,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [names.index(name) for name in chosen.names]}},
        placeholder="—",
        alt=f"The {len(names)} trained {chosen.kind} models with their figures",
    )
    if is_face:
        st.caption(
            f"FER2013 labels: evaluated on {_evaluated_on(chosen.others)}. Test pictures were not used in training, "
            "but they informed a few decisions, so the accuracy may be slightly high; some have a copy in Training "
            f"(see Figures). People agree with about 65 of 100 labels. {_describe_votes(chosen.others)}In the wild: "
            "photos through the whole pipeline, in which an undetected face counts as wrong. Those photos also "
            "informed the pipeline and the choice of the model."
        )
    else:
        note = "The splits of the reports are unknown."
        if chosen.kind is ModelKind.SOUND:
            note = (
                f"The published figure is a mean F1. {join_names(f'{q} is {q.description}' for q in QUADRANT_CORNERS)}."
            )
        st.caption(
            f"Evaluated on {_evaluated_on(chosen.others)}, always on held-out songs. ± is the standard deviation over "
            f"the folds. {note}"
        )


def _evaluated_on(records: Sequence[ModelRecord]) -> str:
    """The usual test set of the models, and the names of models with another one."""
    usual = statistics.mode(record.evaluated_on for record in records)
    others = [
        f"{escape_markdown(record.name)} on {record.evaluated_on}" for record in records if record.evaluated_on != usual
    ]
    return f"{usual}, but {', '.join(others)}" if others else usual


def _describe_votes(records: Sequence[ModelRecord]) -> str:
    """How the column of FER+ votes is computed; empty if no model has figures for it."""
    ferplus = [record.ferplus for record in records if isinstance(record, FaceRecord) and record.ferplus]
    if not ferplus:
        return ""
    usual = statistics.mode((figures.n, figures.contempt) for figures in ferplus)
    return (
        "FER+ votes: the same pictures where more than half of ten people agree (n = {}). Contempt ({} of them), which "
        "no model knows, counts as wrong. "
    ).format(*usual)


def _face_rows(records: Sequence[FaceRecord]) -> pd.DataFrame:
    def format_range(record: FaceRecord) -> str:
        low, high = record.accuracy_interval
        return f"{of_100(low)} to {of_100(high)}{' of four' if record.has_four else ''}"

    return pd.DataFrame(
        [
            {
                "model": record.name,
                "accuracy": None if record.has_four else 100 * record.accuracy,
                "ferplus": None if record.has_four or not record.ferplus else 100 * record.ferplus.accuracy,
                "wild": None if record.has_four or not record.wild else 100 * record.wild.accuracy,
                "interval": format_range(record),
                "report": _reported(record),
                "four": 100 * record.four_class_accuracy,
                "ferplus_four": 100 * record.ferplus.four_class_accuracy if record.ferplus else None,
                "wild_four": 100 * record.wild.four_class_accuracy if record.wild else None,
                "calibration": record.calibration_error,
                "ms": record.ms_per_item,
                "mb": record.num_bytes / 1e6,
                "parameters": record.parameters / 1e6,
            }
            for record in records
        ]
    ).astype(dict.fromkeys(("accuracy", "ferplus", "ferplus_four", "wild", "wild_four", "ms"), float))


def _music_rows(records: Sequence[MoodRecord]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "model": record.name,
                "accuracy": 100 * record.accuracy,
                "spread": f"± {100 * record.accuracy_std:.1f}",
                "report": _reported(record),
                "macro_f1": 100 * record.macro_f1,
                "calibration": record.calibration_error,
                "us": None if record.ms_per_item is None else 1000 * record.ms_per_item,
                "kb": record.num_bytes / 1e3,
            }
            for record in records
        ]
    ).astype({"us": float})


def _reported(record: ModelRecord) -> str:
    return ", ".join(report.percent for report in record.reported) or "—"


def _face_columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "model": config.TextColumn("Model", pinned=True),
        "accuracy": config.ProgressColumn("FER2013 labels", width=103, format=_PERCENT, min_value=0, max_value=100,
                                          help="Accuracy over seven emotions, by the labels of FER2013"),
        "ferplus": config.NumberColumn("FER+ votes", width=78, format=_PERCENT,
                                       help="Accuracy over seven emotions, by the votes of ten people on the same "
                                       "pictures"),
        "wild": config.NumberColumn("In the wild", width=85, format=_PERCENT,
                                    help="Accuracy over seven emotions, on photos"),
        "interval": config.TextColumn("FER2013 range", width=125,
                                      help="95 % confidence interval of the accuracy by the labels of FER2013"),
        "report": config.TextColumn("Report", width=85, help="Accuracy of such a model in the student report"),
        "four": config.NumberColumn("Four classes", width=95, format=_PERCENT,
                                    help=f"By the labels of FER2013. {FOUR_LEGEND}"),
        "ferplus_four": config.NumberColumn("… FER+", width=70, format=_PERCENT,
                                            help="Accuracy over four classes, by the votes of ten people"),
        "wild_four": config.NumberColumn("… in the wild", width=95, format=_PERCENT,
                                         help="Accuracy over four classes, on photos"),
        "calibration": config.NumberColumn("Calibration", width=90, format="%.3f",
                                           help="Expected calibration error by the labels of FER2013: 0 is perfect"),
        "ms": config.NumberColumn("ms a face", width=75, format="%.1f",
                                  help="Milliseconds per face, in calls of eight faces with mirror images, on all "
                                  "processors; for your own model, on the machine that trained it"),
        "mb": config.NumberColumn("MB", width=55, format="%.1f", help="Size of the file"),
        "parameters": config.NumberColumn("Weights, M", width=85, format="%.2f", help="Number of weights, in millions"),
    }  # fmt: skip


def _music_columns(kind: ModelKind) -> dict[str, Any]:
    config = st.column_config
    if kind is ModelKind.SOUND:
        accuracy, report = "Accuracy, four quadrants", "Published F1"
        about_report = "Mean F1 that the authors of the dataset publish"
    else:
        accuracy, report = "Accuracy, four moods", "Report"
        about_report = "Accuracy of such a model in the student reports"
    return {
        "model": config.TextColumn("Model", pinned=True),
        "accuracy": config.ProgressColumn(accuracy, format=_PERCENT, min_value=0, max_value=100),
        "spread": config.TextColumn("Over folds", help="Standard deviation between folds, in percentage points"),
        "report": config.TextColumn(report, help=about_report),
        "macro_f1": config.NumberColumn("Mean F1", format=_PERCENT),
        "calibration": config.NumberColumn("Calibration error", format="%.3f",
                                           help="Expected calibration error: 0 is perfect"),
        "us": None if kind is ModelKind.SOUND else config.NumberColumn(
            "µs a song", format="%.1f", help="Microseconds per song in one large batch"),
        "kb": config.NumberColumn("kB", format="%.0f", help="Size of the file"),
    }  # fmt: skip


def _show_summary(chosen: Chosen) -> None:
    """Show the accuracy of one model, or the comparison of two."""
    figures = [read_class_metrics(chosen.kind, name) for name in chosen.names]
    if len(chosen.records) == 1:
        st.header(describe_model(chosen.records[0], figures[0]).replace("**", ""), anchor=False)
        if report := _describe_reports_of(chosen.records[0]):
            st.markdown(report)
        return
    in_four = any(record.has_four for record in chosen.faces)
    with shown_errors():  # an error here leaves the description of each model on the page
        comparison = compare(*(predictions(chosen.kind, name) for name in chosen.names))
        if comparison is None:
            st.header("These models cannot be compared", anchor=False)
            st.markdown("They were evaluated on different examples.")
        else:
            st.header(comparison_verdict(comparison, chosen.kind), anchor=False)
            four = f"**{describe_in_four(*chosen.faces)}** " if in_four else ""
            st.markdown(four + describe_comparison(comparison, chosen.kind))
    for record, own in zip(chosen.records, figures, strict=True):
        st.markdown(f"{describe_model(record, own, beside_four=in_four)} {_describe_reports_of(record)}")


def _describe_reports_of(record: ModelRecord) -> str:
    """The published figures of such a model; empty without a report."""
    if isinstance(record, MoodRecord):
        return describe_reports(record)
    folder = folder_of(ModelKind.FACE, record.name)
    stages = read_metrics(folder).get("stages") or [{}]
    return describe_reports(record, stages[-1].get("config", {}), mirrored=read_spec(folder).mirrored)


def _show_downloads(kind: ModelKind, chosen: Sequence[str]) -> None:
    """Offer all figures as files, which are read on demand."""

    def classes_csv(name: str) -> str:
        return class_metrics_csv(read_class_metrics(kind, name))

    files: dict[str, tuple[Callable[[], str | bytes], str]] = {
        "All models (CSV)": (lambda: overview_csv(read_records(kind)[0]), f"{kind}-models.csv"),
        "All models (JSON)": (
            lambda: json.dumps(msgspec.to_builtins(read_records(kind)[0]), indent=2),
            f"{kind}-models.json",
        ),
    }
    for name in chosen:
        figures = folder_of(kind, name) / METRICS
        files[f"{name}: all figures (JSON)"] = figures.read_bytes, f"{name}-metrics.json"
        files[f"{name}: by class (CSV)"] = partial(classes_csv, name), f"{name}-classes.csv"
    with st.popover("Download", icon=":material/download:"):
        for label, (read, file_name) in files.items():
            download_button(label, read, file_name, type="tertiary")
