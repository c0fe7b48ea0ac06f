"""The table of all models of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.records import FaceRecord, Record
from emomusic.results.overview import Evaluation, evaluation, label_of, reports_of
from emomusic.results.predictions import Chosen

_ROW_PX, _HEAD_PX = 35, 46  # the head as on a projector


def show_table(chosen: Chosen) -> None:
    """Show all models with their figures."""
    rows = pd.DataFrame([_row(record, evaluation(record, chosen.benchmark)) for record in chosen.others])
    rows = rows.dropna(axis="columns", how="all")  # not measured on this test set
    st.dataframe(
        rows,
        key=f"models-table-{chosen.kind}",
        hide_index=True,
        row_height=_ROW_PX,
        height=_ROW_PX * len(rows) + _HEAD_PX,  # in pixels, so that Streamlit reserves it before the table has loaded
        column_config=_columns(),
        placeholder="—",
        alt=f"The {len(rows)} trained {chosen.kind} models with their figures: {chosen.benchmark}",
    )


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
        "Model": config.TextColumn(pinned=True, width=170),
        "Right": config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100, help="Share of right answers"),
        **{title: config.TextColumn(help=text) for title, text in about.items()},
        **{title: config.NumberColumn(format=form, help=text) for title, (form, text) in _NUMBERS.items()},
    }
