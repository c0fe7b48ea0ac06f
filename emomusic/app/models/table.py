"""The table of all models of a kind, in which the visitor chooses one or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.app.choices import MODELS
from emomusic.records import FaceRecord, Record
from emomusic.results.overview import Evaluation, evaluation, label_of, reports_of
from emomusic.results.predictions import Chosen

_ROW_PX = 35


def show_table(chosen: Chosen) -> None:
    """Show all models with their figures; a tick chooses a model, and a second one compares two."""
    names = [record.name for record in chosen.others]
    choice, table = MODELS[chosen.kind], f"models-table-{chosen.kind}"

    def take_rows() -> None:
        now = [names[row] for row in st.session_state[table].selection.rows if row < len(names)]
        before = [name for name in st.session_state.get(choice.key) or [] if name in now]
        kept = [*before, *(name for name in now if name not in before)][-choice.most :]  # of more, the last two clicked
        choice.set(None if kept == names[:1] else kept)

    marked = sorted(names.index(name) for name in chosen.names)
    if table in st.session_state and sorted(st.session_state[table]["selection"]["rows"]) != marked:
        st.session_state[table] = {"selection": {"rows": marked, "columns": [], "cells": []}}
    rows = pd.DataFrame([_row(record, evaluation(record, chosen.benchmark)) for record in chosen.others])
    rows = rows.dropna(axis="columns", how="all")  # not measured on this test set
    st.dataframe(
        rows,
        key=table,
        hide_index=True,
        height=_ROW_PX * (len(rows) + 1) + 2,  # in pixels, so that Streamlit reserves it before the table has loaded
        column_config=_columns(),
        on_select=take_rows,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": marked, "columns": [], "cells": []}},
        placeholder="—",
        alt=f"The {len(names)} trained {chosen.kind} models with their figures: {chosen.benchmark}",
    )
    st.caption("Tick a model to see where it fails, or two to compare them. Of three, the last two stay.")


_NUMBERS: Mapping[str, tuple[str, str]] = {
    "Mean F1": ("%.1f %%", "The mean over the classes of the harmonic mean of precision and recall"),
    "Calibration error": ("%.3f", "How far the confidence is from the share of right answers: 0 is perfect"),
    "Time a face": ("%.1f ms", "In calls of eight faces with mirror images, on all processors"),
    "Time a song": ("%.1f µs", "In one large batch; a µs is a millionth of a second"),
    "Size": ("%.2f MB", "Size of the file"),
}
"""Format and explanation of the columns of numbers, by title."""


def _row(record: Record, found: Evaluation | None) -> dict[str, Any]:
    """A row of the table by column title; all kinds of models have the same order."""
    row: dict[str, Any] = {
        "Model": label_of(record.name),
        "Right": None if found is None else 100 * found.accuracy,
        "Range": "—" if found is None else found.range,
        "Classes": len(record.by_class.classes),
        "Mean F1": None if found is None or found.macro_f1 is None else 100 * found.macro_f1,
        "Calibration error": None if found is None else found.calibration_error,
        "Published": ", ".join(report.percent for report in reports_of(record)) or "—",
    }
    if isinstance(record, FaceRecord):
        row["Time a face"] = record.ms_per_face
    elif record.ms_per_song is not None:
        row["Time a song"] = 1000 * record.ms_per_song
    return row | {"Size": record.num_bytes / 1e6}


def _columns() -> dict[str, Any]:
    config = st.column_config
    about = {
        "Range": "95 % interval; for songs, the standard deviation between folds, in percentage points",
        "Published": "The figure of such a model in a student report, or by the authors of the songs",
    }
    return {
        "Model": config.TextColumn(pinned=True),
        "Right": config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100, help="Share of right answers"),
        **{title: config.TextColumn(help=text) for title, text in about.items()},
        **{title: config.NumberColumn(format=form, help=text) for title, (form, text) in _NUMBERS.items()},
    }
