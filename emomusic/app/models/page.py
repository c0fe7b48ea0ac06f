"""The Models page: the test set, the chosen models, the answer about them, and the tabs with all figures."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app.choices import BENCHMARK, MODELS, MODELS_CELL, MODELS_CLASS, Choice, choose
from emomusic.app.frame import download_button, escape_markdown, shown_errors
from emomusic.app.models.details import show_details
from emomusic.app.state import Visit, page_state
from emomusic.assets import METRICS, ModelKind, folder_of
from emomusic.records import FaceRecord
from emomusic.results import overview
from emomusic.results.overview import FOUR_LEGEND, Benchmark, document, label_of, read_records
from emomusic.results.predictions import Chosen, compare


def show_models(head: DeltaGenerator, title: DeltaGenerator) -> None:
    """Show the answer about the chosen models, and the tabs.

    Args:
        head: the row of the title, in which the models are chosen.
        title: the place of the page's title, which has that of face models.

    Raises:
        ModelError: all models are damaged; if only some are, the page names them and leaves them out.
    """
    benchmark = _draw_benchmark()
    kind = benchmark.kind
    if kind is not ModelKind.FACE:
        title.title("Which moods can it hear?", anchor=False, width="content")
    records, problems = read_records(kind)
    if not records and problems:
        raise next(iter(problems.values()))
    if not records:
        st.info("This copy of EmoMusic has no such model.", icon=":material/model_training:")
        return
    by_name = {record.name: record for record in records}
    names = MODELS.among(list(by_name)) or [records[0].name]
    chosen = Chosen(benchmark, tuple(by_name[name] for name in names), tuple(records))
    with head:
        _show_choice(chosen)
    with st.container(key="models-answer", gap="xsmall"), shown_errors():
        _show_answer(chosen)
    if problems:
        named = [f"**{escape_markdown(name)}** ({escape_markdown(str(error))})" for name, error in problems.items()]
        st.warning(f"Left out: {'; '.join(named)}", icon=":material/warning:")
    show_details(chosen)


def _draw_benchmark() -> Benchmark:
    """Let the user choose the test set. Choices that it does not offer go in the same step of the history."""
    faces, _ = read_records(ModelKind.FACE)
    has_collections = any(isinstance(record, FaceRecord) and record.collections for record in faces)
    options = [one for one in Benchmark if has_collections or one is not Benchmark.POSED]

    def change() -> None:
        benchmark = Benchmark(st.session_state[BENCHMARK.key])
        is_other = benchmark.kind is not Benchmark(BENCHMARK.value or options[0]).kind
        gone: dict[Choice, None] = {MODELS: None} if is_other else {}
        first = None if benchmark is options[0] else benchmark
        choose({BENCHMARK: first, MODELS_CELL: None, MODELS_CLASS: None, **gone})

    return Benchmark(BENCHMARK.draw(st.selectbox, "Judged by", options, on_change=change, width=260))


def _show_choice(chosen: Chosen) -> None:
    """Menus for the model and for one to compare with it; explanations and downloads."""
    names = [record.name for record in chosen.others]
    keys = [f"models-{place}-{chosen.kind}" for place in ("first", "second")]
    st.session_state.update(itertools.zip_longest(keys, chosen.names))

    def take() -> None:
        first, second = (st.session_state[key] for key in keys)
        taken = list(dict.fromkeys(filter(None, (first, second))))
        MODELS.set(None if taken == names[:1] else taken)

    measured = {one.name for one in chosen.others if overview.evaluation(one, chosen.benchmark)} | {*chosen.names}
    others = [name for name in names if name in measured and name != chosen.names[0]]
    options: dict[str, Any] = {"format_func": label_of, "on_change": take, "label_visibility": "collapsed"}
    options |= {"placeholder": "Compare with …", "width": 200}
    st.selectbox("Model", names, key=keys[0], **options)
    st.selectbox("Compare with", others, index=None, key=keys[1], **options)
    with st.popover("About", icon=":material/help:"):
        four = f"\n\n**Four classes:** {FOUR_LEGEND}" if chosen.kind is ModelKind.FACE else ""
        st.markdown(f"{chosen.benchmark.about}{four}\n\nAll figures come from saved evaluation files.")
        _show_downloads(chosen)


def _show_downloads(chosen: Chosen) -> None:
    """Offer all figures as files, which are read on demand. The table has its own download as CSV."""

    def all_models(_: Visit) -> str:
        return json.dumps([document(record) for record in chosen.others], indent=2)

    def metrics_of(name: str, _: Visit) -> bytes:
        return (folder_of(chosen.kind, name) / METRICS).read_bytes()

    visit, options = page_state(Visit), {"type": "tertiary", "icon": ":material/download:"}
    download_button("All models (JSON)", visit, all_models, f"{chosen.kind}-models.json", **options)
    for name in chosen.names:
        label, read = f"{label_of(name)} (JSON)", partial(metrics_of, name)
        download_button(label, visit, read, f"{name}-metrics.json", **options)


def _show_answer(chosen: Chosen) -> None:
    """Show which classes a model finds, or which of two is better on the benchmark."""
    record, found = chosen.records[0], chosen.evaluations[0]
    verdict, test = f"{label_of(record.name)} was not measured here", ""
    if len(chosen.records) > 1:
        verdict, test = _compared(chosen)
    elif found:
        verdict = overview.answer(record, found, chosen.benchmark)
    st.header(verdict, anchor=False)
    if test:
        st.markdown(test)


def _compared(chosen: Chosen) -> tuple[str, str]:
    """The better of two models on the benchmark, and the evidence for it."""
    (first, second), (found, other) = chosen.records, chosen.evaluations
    verdict, test = f"{label_of(first.name)} and {label_of(second.name)}", "One of them was not measured here."
    if not (found and other):
        return verdict, test
    if not chosen.benchmark.has_predictions:
        test = "Which of the faces each has right was not saved, so no test compares them."
    elif (comparison := compare(*map(chosen.own_predictions, chosen.records))) is None:
        verdict, test = "These models cannot be compared", "Their test examples differ."
    else:
        verdict, test = overview.describe_comparison(first, second, comparison)
    exception = overview.describe_exception(first, found, second, other)
    named = f"**{exception}** " if exception else ""
    return verdict, f"{named}{overview.describe_figures(first, found, second, other)} {test}"
