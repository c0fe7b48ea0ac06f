"""The Models page: the answer about a model on one benchmark, the table of all models, and the comparison of two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.app import state
from emomusic.app.address import choose, choose_one, offered, widget
from emomusic.app.address import chosen as chosen_choice
from emomusic.app.charts import roomy_columns, show_chart
from emomusic.app.frame import download_button, escape_markdown, shown_errors
from emomusic.app.models.details import Chosen, show_details, tabs_of
from emomusic.app.models.pictures import predictions
from emomusic.app.state import page_state
from emomusic.assets import METRICS, ModelKind, folder_of, load_once
from emomusic.charts.diagnostics import FIRST_PX, accuracy_by_group, fold_spread, recall_bars
from emomusic.records import FaceRecord, Record
from emomusic.results import overview
from emomusic.results.overview import (
    FOUR_LEGEND,
    Benchmark,
    Evaluation,
    document,
    evaluation,
    label_of,
    read_records,
    reports_of,
    title_of,
)
from emomusic.results.predictions import compare, read_fold_accuracies
from emomusic.text import join_names

_CHOSEN = {ModelKind.FACE: state.MODELS_FACES, ModelKind.MUSIC: state.MODELS_SONGS, ModelKind.SOUND: state.MODELS_SONGS}
_MOST = 2
_fold_accuracies = load_once(read_fold_accuracies)
_ROW_PX = 35

# Texts have more lines until the browser has the font, widgets another height until their code has loaded, and one
# model or two have other texts. These rooms, in pixels, keep the parts below in place; on a phone they grow
_ROOMS = {"models-switch": 40, "models-answer": 84, "models-weakest": 44, "models-choice": 84, "models-compared": 150}
_STYLE = (
    "<style>"
    + "".join(
        f":has(> .st-key-{key}), .st-key-{key} {{ height: auto !important; min-height: {height}px; "
        "flex: none !important; overflow: visible; }\n"
        for key, height in _ROOMS.items()
    )
    + "</style>"
)

_ABOUT = {
    Benchmark.PHOTOGRAPHS: "974 labelled photographs of faces in the wild, through the whole pipeline. A face that is "
    "not found counts as wrong. They also informed the choice of the default model; the adjustment for photographs was "
    "fitted on other folds than those it was evaluated on.",
    Benchmark.VOTES: "The test pictures of FER2013 where more than half of ten people agree (FER+). Contempt, which no "
    "model knows, counts as wrong. Calibration was not measured here.",
    Benchmark.LABELS: "The test pictures of FER2013 (PrivateTest) by its labels. People agree with about 65 of 100 of "
    "these labels. The pictures were not used in training, but some have a copy there.",
    Benchmark.POSED: "Collections of faces that persons pulled for a camera, each emotion read as equally "
    "likely. The accuracy is over all faces, a recall is the mean over the collections. Calibration was not measured.",
    Benchmark.FEATURES: "686 songs with 11 features, in five divisions of ten folds: each model is judged on songs "
    "that it has not met. Accuracy and mean F1 are means over all folds.",
    Benchmark.SOUND: "692 clips of the 4Q audio emotion dataset, in folds: the model is judged on clips that it has "
    "not met. The published figure is a mean F1.",
}


@dataclass
class ModelsState:
    """The models that a third choice has just removed."""

    left_out: list[str] = field(default_factory=list)


def show_models() -> None:
    """Show the answer, all models in one table, and details of the chosen ones.

    Raises:
        ModelError: all models are damaged; if only some are, the page names them and leaves them out.
    """
    st.html(_STYLE)
    with _room("models-switch"):
        benchmark = _choose_benchmark()
    kind = benchmark.kind
    records, problems = read_records(kind)
    if not records and problems:
        raise next(iter(problems.values()))
    if not records:
        st.info("This copy of EmoMusic has no such model.", icon=":material/model_training:")
        return
    by_name = {record.name: record for record in records}
    names = offered(_CHOSEN[kind], list(by_name), most=_MOST) or [records[0].name]
    chosen = Chosen(benchmark, tuple(by_name[name] for name in names), tuple(records))
    _show_answer(chosen)
    if problems:
        named = [f"**{escape_markdown(name)}** ({escape_markdown(str(error))})" for name, error in problems.items()]
        st.warning(f"Left out: {'; '.join(named)}", icon=":material/warning:")
    _show_table(chosen)
    _show_choice(chosen)
    with _room("models-compared"), shown_errors():
        _show_comparison(chosen) if len(names) > 1 else _show_reports(chosen.records[0])
    show_details(chosen)


def _choose_benchmark() -> Benchmark:
    """Let the user choose the test set. Choices that it does not offer go in the same step of the history."""
    faces, _ = read_records(ModelKind.FACE)
    has_collections = any(isinstance(record, FaceRecord) and record.collections for record in faces)
    options, key = [one for one in Benchmark if has_collections or one is not Benchmark.POSED], state.MODELS_BENCHMARK

    def change() -> None:
        benchmark = Benchmark(st.session_state[key])
        is_offered = chosen_choice(state.MODELS_TAB) in tabs_of(benchmark)
        gone = {} if is_offered else {state.MODELS_TAB: None}
        first = None if benchmark is options[0] else benchmark
        choose({key: first, state.MODELS_CELL: None, state.MODELS_CLASS: None, **gone})

    return Benchmark(choose_one("Test set", options, key, on_change=change))


def _room(key: str) -> Any:
    return st.container(height=_ROOMS[key], border=False, gap="xsmall", key=key)


def _show_answer(chosen: Chosen) -> None:
    """Show which classes the first chosen model finds, and for whom it works."""
    record, found = chosen.records[0], chosen.evaluations[0]
    with _room("models-answer"):
        if found is None:
            st.header(f"{label_of(record.name)} was not measured here", anchor=False)
            return
        st.header(overview.answer(record, found, chosen.benchmark), anchor=False)
    recall, groups = roomy_columns([1, 1], key="models-first", gap="large")
    with recall:
        finds = ", ".join(f"{label} {recall:.0%}" for label, recall in found.recall.items())
        st.markdown(f"**How many of each {'emotion' if chosen.faces else 'mood'} it finds**")
        figure = recall_bars(found.recall, found.per_class)
        _first_chart(figure, "recall", alt=f"Recall of {label_of(record.name)}: {finds}")
    with groups:
        if not isinstance(record, FaceRecord):
            folds = {name: _fold_accuracies(chosen.kind, name) for name in chosen.names}
            st.markdown("**How often it is right** in each fold of songs")
            alt = ", ".join(f"{name} {values.min():.0%} to {values.max():.0%}" for name, values in folds.items())
            figure = fold_spread({label_of(name): values for name, values in folds.items()})
            _first_chart(figure, "folds", alt=f"Accuracy in every fold: {alt}")
        elif bins := overview.groups_of(record):
            st.markdown("**For whom it works**, with 95 % ranges and the number of faces")
            alt = ", ".join(f"{one.name} {one.accuracy:.0%} of {one.n:,}" for one in bins)
            _first_chart(accuracy_by_group({"": bins}, height=FIRST_PX), "groups", alt=f"Right answers: {alt}")
        else:
            st.markdown("For whom this model works was not measured.")
    with _room("models-weakest"):
        if isinstance(record, FaceRecord) and (weakest := overview.describe_weakest(record)):
            st.markdown(weakest)


def _first_chart(figure: Any, name: str, *, alt: str) -> None:
    show_chart(figure, key=f"models-{name}", alt=alt, height=FIRST_PX)


def _show_table(chosen: Chosen) -> None:
    names = [record.name for record in chosen.others]
    key, table = _CHOSEN[chosen.kind], f"models-table-{chosen.kind}"

    def take_rows() -> None:
        now = [names[row] for row in st.session_state[table].selection.rows if row < len(names)]
        before = [name for name in st.session_state.get(key) or [] if name in now]
        kept = [*before, *(name for name in now if name not in before)][-_MOST:]  # of more, the last two clicked
        page_state(ModelsState).left_out = [name for name in now if name not in kept]
        choose({key: None if kept == names[:1] else kept})

    marked = sorted(names.index(name) for name in chosen.names)
    if table in st.session_state and sorted(st.session_state[table]["selection"]["rows"]) != marked:
        st.session_state[table] = {"selection": {"rows": marked, "columns": [], "cells": []}}
    rows = pd.DataFrame([_row(record, evaluation(record, chosen.benchmark)) for record in chosen.others])
    rows = rows.dropna(axis="columns", how="all")  # not measured on this test set
    st.dataframe(
        rows.astype(dict.fromkeys(rows.columns.intersection(list(_NUMBERS)), float)),
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
    page = page_state(ModelsState)
    if page.left_out:
        dropped = join_names(map(label_of, page.left_out))
        st.caption(f":material/info: Two models fit here, so {dropped} is no longer chosen.")
        page.left_out = []
    else:
        st.caption("Tick a model to see where it fails, or two to compare them.")


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
        "Model": title_of(record),
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


def _show_choice(chosen: Chosen) -> None:
    """A menu for the keyboard, touch screens and the address, like the table's rows; downloads and explanations."""
    options = [record.name for record in chosen.others]
    with _room("models-choice"), st.container(horizontal=True, vertical_alignment="bottom"):
        st.multiselect(
            "Choose one model, or compare two",
            options,
            max_selections=_MOST,
            placeholder=label_of(options[0]),
            format_func=label_of,
            width=600,
            **widget(_CHOSEN[chosen.kind], options, options[0], most=_MOST),
        )
        _show_downloads(chosen)
        with st.popover("About the figures", icon=":material/help:"):
            four = f"\n\n**Four classes:** {FOUR_LEGEND}" if chosen.kind is ModelKind.FACE else ""
            st.markdown(f"{_ABOUT[chosen.benchmark]}{four}\n\nAll figures come from saved evaluation files.")


def _show_downloads(chosen: Chosen) -> None:
    """Offer all figures as files, which are read on demand. The table has its own download as CSV."""
    page = page_state(ModelsState)

    def all_models(_: ModelsState) -> str:
        return json.dumps([document(record) for record in chosen.others], indent=2)

    def metrics_of(name: str, _: ModelsState) -> bytes:
        return (folder_of(chosen.kind, name) / METRICS).read_bytes()

    with st.popover("Download", icon=":material/download:"):
        download_button("All models (JSON)", page, all_models, f"{chosen.kind}-models.json", type="tertiary")
        for name in chosen.names:
            label, read = f"{label_of(name)} (JSON)", partial(metrics_of, name)
            download_button(label, page, read, f"{name}-metrics.json", type="tertiary")


def _show_reports(record: Record) -> None:
    """Show what the reports about such a model said, what ours got and why they differ."""
    st.header(label_of(record.name), anchor=False)
    if caveat := overview.describe_choice(record):
        st.markdown(caveat)
    if rows := overview.list_reports(record):
        st.table(pd.DataFrame(rows).set_index("Report"), border="horizontal")
    else:
        st.markdown("No report published a figure of such a model.")


def _show_comparison(chosen: Chosen) -> None:
    """Show which of two models is better on the benchmark."""
    (first, second), (found, other) = chosen.records, chosen.evaluations
    shares = (
        overview.describe_figures(first, found, second, other)
        if found and other
        else "One of them was not measured here."
    )
    if not chosen.benchmark.has_predictions:
        st.header(f"{label_of(first.name)} and {label_of(second.name)}", anchor=False)
        st.markdown(f"{shares} Which of the faces each has right was not saved, so no test compares them.")
        return
    comparison = compare(*(predictions(chosen.kind, name) for name in chosen.names))
    if comparison is None:
        st.header("These models cannot be compared", anchor=False)
        st.markdown(f"{shares} Their test examples differ.")
        return
    verdict, test = overview.describe_comparison(first, second, comparison)
    st.header(verdict, anchor=False)
    st.markdown(f"{shares} {test}")
