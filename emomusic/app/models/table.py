"""The table of all models, the choice of one or two, and a summary of the choice."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import QUADRANT_CORNERS, QUADRANT_MOODS
from emomusic.app import state
from emomusic.app.address import choose, choose_one, offered, widget
from emomusic.app.charts import roomy_columns
from emomusic.app.frame import download_button, escape_markdown, shown_errors
from emomusic.app.models.saved import Chosen, predictions
from emomusic.app.state import page_state
from emomusic.assets import METRICS, ModelKind, folder_of
from emomusic.records import FaceRecord, Record, read_record
from emomusic.results.findings import (
    FOUR_LEGEND,
    answer_of,
    comparison_verdict,
    describe_comparison,
    describe_in_four,
    describe_model,
    describe_people,
    describe_photographs,
    describe_reports,
    label_of,
    of_100,
    photographs_verdict,
)
from emomusic.results.overview import document, overview_csv, read_records, reports_of
from emomusic.results.predictions import class_metrics_csv, compare
from emomusic.text import join_names

_KINDS = {"Face models": ModelKind.FACE, "Mood models": ModelKind.MUSIC, "Sound models": ModelKind.SOUND}
_CHOSEN = {
    ModelKind.FACE: state.MODELS_FACES,
    ModelKind.MUSIC: state.MODELS_SONGS,
    ModelKind.SOUND: state.MODELS_SOUNDS,
}
_MOST = 2
_ROW_PX = 35

# One or two models take the same place, so that the tabs below keep their position. The answer has more lines until the
# browser has the font, and on a phone, where it grows
_ANSWER_PX = 172
_SWITCH_PX = 40  # as Streamlit reserves until the switch has loaded
_STYLE = f"""<style>
.st-key-models-summary {{ min-height: 12rem; }}
:has(> .st-key-models-default), .st-key-models-default {{
  height: auto !important; min-height: {_ANSWER_PX}px; flex: none !important; overflow: visible;
}}
</style>"""


@dataclass
class ModelsState:
    """The models that a third choice has just removed."""

    left_out: list[str] = field(default_factory=list)


def choose_models() -> Chosen | None:
    """Show the answer and all models in one table, and return the chosen ones, or None without a model.

    Raises:
        ModelError: all models are damaged; if only some are, the page names them and leaves them out.
    """
    st.html(_STYLE)
    # Each part is drawn in its order on the screen: Streamlit reserves no place for an empty container
    kind = _KINDS[next(iter(offered(state.MODELS_KIND, list(_KINDS))), next(iter(_KINDS)))]
    records, problems = read_records(kind)
    with st.container(height=_ANSWER_PX, border=False, gap="xsmall", key="models-default"):
        if records:
            st.header(answer_of(records[0]), anchor=False)
            if isinstance(records[0], FaceRecord) and (people := describe_people(records[0])):
                st.markdown(people)
    with st.container(height=_SWITCH_PX, border=False):
        choose_one("Which models", list(_KINDS), state.MODELS_KIND)
    if not records and problems:
        raise next(iter(problems.values()))
    if not records:
        st.info("This copy of EmoMusic has no such model.", icon=":material/model_training:")
        return None
    if problems:
        st.warning(
            "Left out: "
            + "; ".join(
                f"**{escape_markdown(name)}** ({escape_markdown(str(error))})" for name, error in problems.items()
            ),
            icon=":material/warning:",
        )
    by_name = {record.name: record for record in records}
    options = list(by_name)
    look = widget(_CHOSEN[kind], options, options[0], most=_MOST)
    names = st.session_state[_CHOSEN[kind]] or options[:1]
    chosen = Chosen(kind, tuple(by_name[name] for name in names), tuple(records))
    _show_table(chosen)
    # A menu for the keyboard, touch screens and the address; it matches the selected rows of the table
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.multiselect(
            "Choose one model, or compare two",
            options,
            max_selections=_MOST,
            placeholder=label_of(options[0]),
            format_func=label_of,
            width=600,
            **look,
        )
        _show_downloads(kind, names)
        with st.popover("About the figures", icon=":material/help:"):
            st.markdown(_about(kind, records))
    with st.container(key="models-summary"), shown_errors():
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
        now = [names[row] for row in st.session_state[table].selection.rows if row < len(names)]
        kept = keep_last(st.session_state.get(key) or [], now)
        page_state(ModelsState).left_out = [name for name in now if name not in kept]
        choose({key: None if kept == names[:1] else kept})

    marked = sorted(names.index(name) for name in st.session_state[key])
    if table in st.session_state and sorted(st.session_state[table]["selection"]["rows"]) != marked:
        st.session_state[table] = {"selection": {"rows": marked, "columns": [], "cells": []}}
    rows = pd.DataFrame([_row(record) for record in chosen.others])
    st.dataframe(
        rows.astype(dict.fromkeys(rows.columns.intersection(list(_NUMBERS)), float)),
        key=table,
        hide_index=True,
        height=_ROW_PX * (len(rows) + 1) + 2,  # in pixels, so that Streamlit reserves it before the table has loaded
        column_config=_columns(),
        on_select=take_rows,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [names.index(name) for name in chosen.names]}},
        placeholder="—",
        alt=f"The {len(names)} trained {chosen.kind} models with their figures",
    )
    page = page_state(ModelsState)
    if page.left_out:
        dropped = join_names(map(label_of, page.left_out))
        st.caption(f":material/info: Two models fit here, so {dropped} is no longer chosen.")
        page.left_out = []
    else:
        st.caption(
            "Tick a model to see where it fails, or two to compare them. Calibration error: how far its confidence "
            "is from the truth; 0 is perfect."
        )


def _about(kind: ModelKind, records: Sequence[Record]) -> str:
    """What the figures of the table measure, and on which data."""
    if kind is ModelKind.FACE:
        return (
            "**On photographs:** labelled photos through the whole pipeline; a face that is not found counts as wrong. "
            "They also informed the choice of the default model.\n\n"
            f"{_describe_votes(records)}**FER2013's labels:** {_evaluated_on(records)}. People agree with about 65 of "
            "100 of these labels. The test pictures were not used in training, but they informed a few decisions, and "
            "some have a copy in Training (see Figures).\n\n"
            f"**Four classes:** {FOUR_LEGEND}\n\n"
            "**Time:** in calls of eight faces with mirror images, on all processors. All figures come from saved "
            "evaluation files."
        )
    note = "The divisions of the songs in the reports are unknown."
    if kind is ModelKind.SOUND:
        note = "The published figure is a mean F1. " + _QUADRANTS_IN_WORDS
    return (
        f"Evaluated on {_evaluated_on(records)}, always on songs that were held out. ± is the standard deviation over "
        f"the folds. {note} All figures come from saved evaluation files."
    )


def _evaluated_on(records: Sequence[Record]) -> str:
    """The usual test set of the models, and the names of models with another one."""
    usual = statistics.mode(record.evaluated_on for record in records)
    others = [
        f"{escape_markdown(label_of(record.name))} on {record.evaluated_on}"
        for record in records
        if record.evaluated_on != usual
    ]
    return f"{usual}, but {', '.join(others)}" if others else usual


def _describe_votes(records: Sequence[Record]) -> str:
    """How the column of FER+ votes is computed; empty if no model has figures for it."""
    ferplus = [record.votes for record in records if isinstance(record, FaceRecord) and record.votes]
    if not ferplus:
        return ""
    usual = statistics.mode((figures.n, figures.contempt) for figures in ferplus)
    return (
        "**People's votes:** the same pictures where more than half of ten people agree (FER+, n = {}). Contempt ({} "
        "of them), which no model knows, counts as wrong.\n\n"
    ).format(*usual)


_QUADRANTS_IN_WORDS = (
    join_names(f"{QUADRANT_MOODS[quadrant]} is {quadrant.description}" for quadrant in QUADRANT_CORNERS) + "."
)

_MAIN = {
    ModelKind.FACE: "On photographs",
    ModelKind.MUSIC: "Right moods",
    ModelKind.SOUND: "Right moods",
}

_NUMBERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "By people's votes": ("%.1f %%", "Right by the votes of ten people (FER+) on FER2013's test pictures"),
        "By FER2013's labels": ("%.1f %%", "Right by the labels of FER2013, of which people share about 65 in 100"),
        "In four classes": ("%.1f %%", FOUR_LEGEND),
        "Mean F1": ("%.1f %%", "The mean over the moods of the harmonic mean of precision and recall"),
        "Calibration error": ("%.3f", "How far the confidence is from the share of right answers: 0 is perfect"),
        "Time a face": ("%.1f ms", "In calls of eight faces with mirror images, on all processors"),
        "Time a song": ("%.1f µs", "In one large batch; a µs is a millionth of a second"),
        "Size": ("%.2f MB", "Size of the file"),
    }
)
"""Format and explanation of the columns of numbers, by title."""


def _row(record: Record) -> dict[str, Any]:
    """A row of the table by column title; all kinds of models have the same order."""
    reported = ", ".join(report.percent for report in reports_of(record)) or "—"
    row: dict[str, Any] = {"Model": label_of(record.name)}
    if isinstance(record, FaceRecord):
        wild, votes = record.wild, None if record.has_four else record.votes
        interval = None if wild is None or record.has_four else wild.accuracy_interval
        row |= {
            _MAIN[record.kind]: None if wild is None or record.has_four else 100 * wild.accuracy,
            "95 % interval": "—" if interval is None else f"{of_100(interval[0])} to {of_100(interval[1])}",
            "By people's votes": 100 * votes.accuracy if votes else None,
            "By FER2013's labels": None if record.has_four else 100 * record.test.accuracy,
            "In four classes": None if wild is None else 100 * wild.four_class_accuracy,
        }
    else:
        row |= {
            _MAIN[record.kind]: 100 * record.mean_accuracy,
            "Over divisions": f"± {of_100(record.spread)}",
            "Mean F1": 100 * record.macro_f1,
        }
    found = record.wild if isinstance(record, FaceRecord) else record
    row |= {"Published": reported, "Calibration error": None if found is None else found.calibration_error}
    if isinstance(record, FaceRecord):
        row["Time a face"] = record.ms_per_face
    elif record.ms_per_song is not None:
        row["Time a song"] = 1000 * record.ms_per_song
    return row | {"Size": record.num_bytes / 1e6}


def _columns() -> dict[str, Any]:
    config = st.column_config
    about = {
        "95 % interval": "If all photographs were drawn again, the share would probably lie in this range",
        "Over divisions": "Standard deviation over divisions of the songs, in percentage points",
        "Published": "The figure of such a model in a student report, or by the authors of the songs",
    }
    return {
        "Model": config.TextColumn(pinned=True),
        **{
            title: config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100, help="Share of right answers")
            for title in set(_MAIN.values())
        },
        **{title: config.TextColumn(help=text) for title, text in about.items()},
        **{title: config.NumberColumn(format=form, help=text) for title, (form, text) in _NUMBERS.items()},
    }


def _show_summary(chosen: Chosen) -> None:
    """Show the accuracy of one model in two columns, or the comparison of two with one column each."""
    if len(chosen.records) == 1:
        (record,) = chosen.records
        st.header(label_of(record.name), anchor=False)
        texts = [describe_model(record), describe_reports(record)]
        if isinstance(record, FaceRecord) and record.wild is not None:
            texts = [describe_photographs(record, record.wild), " ".join(texts)]
    else:
        in_four = any(record.has_four for record in chosen.faces)
        with shown_errors():  # an error here leaves the description of each model on the page
            _show_comparison(chosen, in_four=in_four)
        texts = [
            f"{describe_model(record, beside_four=in_four)} {describe_reports(record)}" for record in chosen.records
        ]
    texts = [text for text in texts if text]
    for column, text in zip(roomy_columns([1] * len(texts), key="models-texts", gap="medium"), texts, strict=True):
        column.markdown(text)


def _show_comparison(chosen: Chosen, *, in_four: bool) -> None:
    comparison = compare(*(predictions(chosen.kind, name) for name in chosen.names))
    shares, chance = photographs_verdict(*chosen.faces) if chosen.faces else ("", "")
    if comparison is None:
        st.header(shares or "These models cannot be compared", anchor=False)
        st.markdown(f"{chance} Their test examples differ.")
        return
    verdict = comparison_verdict(comparison, chosen.kind)
    st.header(shares or verdict, anchor=False)
    parts = [chance, f"**{verdict}.**" if shares else "", describe_in_four(*chosen.faces) if in_four else ""]
    st.markdown(" ".join([*filter(None, parts), describe_comparison(comparison, chosen.kind)]))


def _show_downloads(kind: ModelKind, chosen: Sequence[str]) -> None:
    """Offer all figures as files, which are read on demand."""

    def classes_csv(name: str) -> str:
        return class_metrics_csv(read_record(kind, name).by_class)

    files: dict[str, tuple[Callable[[], str | bytes], str]] = {
        "All models (CSV)": (lambda: overview_csv(read_records(kind)[0]), f"{kind}-models.csv"),
        "All models (JSON)": (
            lambda: json.dumps([document(record) for record in read_records(kind)[0]], indent=2),
            f"{kind}-models.json",
        ),
    }
    for name in chosen:
        figures = folder_of(kind, name) / METRICS
        files[f"{label_of(name)}: all figures (JSON)"] = figures.read_bytes, f"{name}-metrics.json"
        files[f"{label_of(name)}: by class (CSV)"] = partial(classes_csv, name), f"{name}-classes.csv"
    with st.popover("Download", icon=":material/download:"):
        for label, (read, file_name) in files.items():
            download_button(label, read, file_name, type="tertiary")
