"""All models in one table, one or two of them chosen, and what is to be said of those."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.assets import METRICS, ModelKind, folder_of, read_metrics
from emomusic.face.model_files import read_spec
from emomusic.results.findings import (
    comparison_verdict,
    describe_comparison,
    describe_in_four,
    describe_model,
    describe_reports,
)
from emomusic.results.predictions import class_metrics_csv, compare, read_class_metrics
from emomusic.results.records import FaceRecord, ModelRecord, MoodRecord, overview_csv, read_records
from emomusic.ui.core import state
from emomusic.ui.core.address import chosen_here, keep, recall
from emomusic.ui.core.files import download_button
from emomusic.ui.core.frame import escape_markdown, shown_errors
from emomusic.ui.models.saved import predictions

_KINDS = {"Face models": ModelKind.FACE, "Mood models": ModelKind.MUSIC}
_CHOSEN = {ModelKind.FACE: state.MODELS_FACES, ModelKind.MUSIC: state.MODELS_SONGS}
_MOST = 2
_PERCENT = "%.1f %%"

_CLASSES_OF_FOUR = "Q1 happy; Q2 angry, disgust, fear and surprise; Q3 sad; N neutral"
FOUR_LEGEND = f"The four classes are the portraits report's, not the quarters of the plane: {_CLASSES_OF_FOUR}."
"""Wherever the four classes are on the screen: "How it works" calls quarters of the plane by the same letters."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one or two models to look at, and all of their kind beside them."""

    kind: ModelKind
    records: tuple[ModelRecord, ...]
    others: tuple[ModelRecord, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the models chosen."""
        return tuple(record.name for record in self.records)

    @property
    def faces(self) -> tuple[FaceRecord, ...]:
        """Those of the models chosen that read faces: all or none."""
        return tuple(record for record in self.records if isinstance(record, FaceRecord))


def choose_models() -> Chosen | None:
    """Show all models in one table; returns those chosen, or None where there is none.

    Raises:
        ModelError: the files of all are damaged. Where it is some, those are left out and named.
    """
    kind = _choose_kind()
    records, problems = read_records(kind)
    if not records and problems:
        raise next(iter(problems.values()))
    if not records:
        st.info("No trained model is here. `make train` makes one.", icon=":material/model_training:")
        return None
    if problems:
        st.warning(
            "Left out: "
            + "; ".join(
                f"**{escape_markdown(name)}** ({escape_markdown(str(error))})" for name, error in problems.items()
            ),
            icon=":material/warning:",
        )
    answer = st.container()
    st.space("small")  # on a phone the buttons of the table are always there, above it
    table, chooser = st.container(), st.container()
    with chooser:
        names = _choose(kind, [record.name for record in records])
    by_name = {record.name: record for record in records}
    chosen = Chosen(kind, tuple(by_name[name] for name in names), tuple(records))
    with table:
        _show_table(chosen)
    with answer, shown_errors(), st.spinner("Comparing the two") if len(names) > 1 else contextlib.nullcontext():
        _say(chosen)
    return chosen


def _choose_kind() -> ModelKind:
    first, *_ = _KINDS
    recall(state.MODELS_KIND, list(_KINDS), first)
    choice = st.segmented_control(
        "Which models",
        list(_KINDS),
        required=True,
        key=state.MODELS_KIND,
        on_change=chosen_here,
        args=(state.MODELS_KIND,),
        label_visibility="collapsed",
    )
    keep(state.MODELS_KIND, choice, first)
    return _KINDS[choice or first]


def _choose(kind: ModelKind, names: list[str]) -> list[str]:
    """A menu beside the table's rows: for the keyboard, for thumbs, and for the address."""
    key, table = _CHOSEN[kind], _table_key(kind)

    def mark_rows() -> None:
        rows = [names.index(name) for name in st.session_state[key]]
        st.session_state[table] = {"selection": {"rows": rows, "columns": [], "cells": []}}

    def take() -> None:
        chosen_here(key)
        mark_rows()

    if recall(key, names, names[0], most=_MOST) and table in st.session_state:
        mark_rows()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Look closer at one, or compare two",
            names,
            max_selections=_MOST,
            key=key,
            on_change=take,
            placeholder=names[0],
            width=440,
        )
        _show_downloads(kind, chosen or names[:1])
    keep(key, chosen, names[0])
    return chosen or names[:1]


def _table_key(kind: ModelKind) -> str:
    return state.models_widget("table", kind)


def keep_last(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """The models chosen when rows were clicked: of more than two, the ones clicked last."""
    kept = [name for name in before if name in now]
    return [*kept, *(name for name in now if name not in before)][-_MOST:]


def _show_table(chosen: Chosen) -> None:
    names = [record.name for record in chosen.others]
    key, table = _CHOSEN[chosen.kind], _table_key(chosen.kind)

    def take_rows() -> None:
        chosen_here(key)
        rows = st.session_state[table].selection.rows
        before = st.session_state.get(key) or []
        st.session_state[key] = keep_last(before, [names[row] for row in rows if row < len(names)])
        kept = [names.index(name) for name in st.session_state[key]]
        st.session_state[table] = {"selection": {"rows": kept, "columns": [], "cells": []}}

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
        column_config=_face_columns() if is_face else _music_columns(),
        on_select=take_rows,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [names.index(name) for name in chosen.names]}},
        placeholder="—",
        alt=f"The {len(names)} trained {chosen.kind} models with their figures",
    )
    if is_face:
        st.caption(
            f"Judged on {_evaluated_on(chosen.others)}, kept apart from training: FER2013 has a part to learn from "
            "(Training), one to choose by (PublicTest) and one to judge by (PrivateTest); the figures on the last were "
            "in view of a few decisions all the same, of which the cards tell, and may flatter a little. Some of these "
            "pictures stand in Training as well, and Figures tells how a model does without those. People agree with "
            "their labels on "
            "about 65 of 100. The range is where the figure would lie on endless such pictures (95 %). "
            "In the wild: photographs through the whole pipeline, where a face that is not found counts as wrong, each "
            "judged after the model was adjusted on others; the photographs also chose how faces are found and cut "
            "out, and had a say in which network is used, which flatters their figures a little."
        )
    else:
        st.caption(
            f"Judged on {_evaluated_on(chosen.others)}, each time on songs that were kept from the model. ± is the "
            "standard deviation over the folds. The reports' splits are not known."
        )


def _evaluated_on(records: Sequence[ModelRecord]) -> str:
    """What the models were judged on, and by name those that were judged on something else."""
    usual = statistics.mode(record.evaluated_on for record in records)
    others = [
        f"{escape_markdown(record.name)} on {record.evaluated_on}" for record in records if record.evaluated_on != usual
    ]
    return f"{usual}, but {', '.join(others)}" if others else usual


def _face_rows(records: Sequence[FaceRecord]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "model": record.name,
                "accuracy": None if record.has_four else 100 * record.accuracy,
                "interval": f"{_range(record)}{' of four' if record.has_four else ''}",
                "report": _reported(record),
                "four": 100 * record.four_class_accuracy,
                "wild": None if record.has_four or not record.wild else 100 * record.wild.accuracy,
                "wild_four": 100 * record.wild.four_class_accuracy if record.wild else None,
                "calibration": record.calibration_error,
                "ms": record.ms_per_item,
                "mb": record.num_bytes / 1e6,
                "parameters": record.parameters / 1e6,
            }
            for record in records
        ]
    ).astype({"accuracy": float, "wild": float, "wild_four": float, "ms": float})


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


def _range(record: FaceRecord) -> str:
    low, high = record.accuracy_interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _reported(record: ModelRecord) -> str:
    if not record.reported:
        return "—"
    return ", ".join(report.percent for report in record.reported)


def _face_columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "model": config.TextColumn("Model", pinned=True),
        "accuracy": config.ProgressColumn("Seven emotions", width=125, format=_PERCENT, min_value=0, max_value=100,
                                         help="How often the answer is right"),
        "interval": config.TextColumn("95 % range", help="Where it would lie on endless such pictures"),
        "report": config.TextColumn("The report's", width=90,
                                    help="What the student report gives for a model of this kind"),
        "four": config.NumberColumn("Four classes", width=95, format=_PERCENT, help=FOUR_LEGEND),
        "wild": config.NumberColumn("In the wild", width=85, format=_PERCENT),
        "wild_four": config.NumberColumn("… four classes", width=105, format=_PERCENT,
                                         help="In the wild, in the four classes"),
        "calibration": config.NumberColumn("Calibration", width=92, format="%.3f",
                                           help="Its error: how far sureness and being right lie apart; 0 is perfect"),
        "ms": config.NumberColumn("ms a face", width=75, format="%.1f",
                                  help="Eight faces in a call, each with its mirror image, in float32 on all "
                                  "processors; a model of your own where it was trained"),
        "mb": config.NumberColumn("MB", width=55, format="%.1f", help="Size of the file"),
        "parameters": config.NumberColumn("Weights, M", width=85, format="%.2f", help="In millions"),
    }  # fmt: skip


def _music_columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "model": config.TextColumn("Model", pinned=True),
        "accuracy": config.ProgressColumn("Right, four moods", format=_PERCENT, min_value=0, max_value=100),
        "spread": config.TextColumn("Over folds", help="Standard deviation of a fold, in percentage points"),
        "report": config.TextColumn("The reports'", help="What the student reports give for a model of this kind"),
        "macro_f1": config.NumberColumn("Mean F1", format=_PERCENT),
        "calibration": config.NumberColumn("Calibration error", format="%.3f",
                                           help="How far sureness and being right lie apart; 0 is perfect"),
        "us": config.NumberColumn("µs a song", format="%.1f", help="Many songs at once"),
        "kb": config.NumberColumn("kB", format="%.0f", help="Size of the file"),
    }  # fmt: skip


def _say(chosen: Chosen) -> None:
    """The answer first."""
    figures = [read_class_metrics(chosen.kind, name) for name in chosen.names]
    if len(chosen.records) == 1:
        st.header(describe_model(chosen.records[0], figures[0]).replace("**", ""), anchor=False)
        if report := _beside_reports(chosen.records[0]):
            st.markdown(report)
        return
    in_four = any(record.has_four for record in chosen.faces)
    with shown_errors():  # what the files say of each is said in any case
        comparison = compare(*(predictions(chosen.kind, name) for name in chosen.names))
        if comparison is None:
            st.header("These two cannot be compared", anchor=False)
            st.markdown("They were not judged on the same examples.")
        else:
            st.header(comparison_verdict(comparison), anchor=False)
            four = f"**{describe_in_four(*chosen.faces)}** " if in_four else ""
            st.markdown(four + describe_comparison(comparison, chosen.kind))
    for record, own in zip(chosen.records, figures, strict=True):
        st.markdown(f"{describe_model(record, own, beside_four=in_four)} {_beside_reports(record)}")


def _beside_reports(record: ModelRecord) -> str:
    """What the reports say of such a model, and what ours had that theirs had not; empty where none does."""
    if isinstance(record, MoodRecord):
        return describe_reports(record)
    folder = folder_of(ModelKind.FACE, record.name)
    return describe_reports(record, read_metrics(folder).get("config") or {}, mirrored=read_spec(folder).mirrored)


def _show_downloads(kind: ModelKind, chosen: Sequence[str]) -> None:
    """Every figure as a file, read when it is asked for."""

    def records() -> list[ModelRecord]:
        return read_records(kind)[0]

    def offer_one(name: str) -> None:
        file = folder_of(kind, name) / METRICS
        download_button(f"{name}: all its figures (JSON)", file.read_bytes, f"{name}-metrics.json", type="tertiary")
        download_button(
            f"{name}: by class (CSV)",
            lambda: class_metrics_csv(read_class_metrics(kind, name)),
            f"{name}-classes.csv",
            type="tertiary",
        )

    with st.popover("Download", icon=":material/download:"):
        download_button("All models (CSV)", lambda: overview_csv(records()), f"{kind}-models.csv", type="tertiary")
        download_button(
            "All models (JSON)",
            lambda: json.dumps([record.as_dict() for record in records()], indent=2),
            f"{kind}-models.json",
            type="tertiary",
        )
        for name in chosen:
            offer_one(name)
