"""Confusion matrices of the chosen models, with details of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from emomusic.affect import list_shares
from emomusic.app import state
from emomusic.app.address import choose, choose_one, widget
from emomusic.app.charts import show_chart
from emomusic.app.frame import shown_errors, text_color
from emomusic.app.models.photographs import face_grid, test_pictures
from emomusic.app.models.saved import Chosen, class_metrics, predictions, read_each
from emomusic.assets import ModelKind
from emomusic.charts.diagnostics import confusion_map, largest_mistake
from emomusic.charts.face import share_bars
from emomusic.metrics import ClassMetrics
from emomusic.results.findings import FOUR_LEGEND, describe_cell, in_words, label_of, list_mistakes
from emomusic.results.predictions import confusion_cell

SCORED_IN_FOUR = f"{FOUR_LEGEND} For a model of seven emotions, the most likely emotion decides the class."
_CALLED = " called "
_FACES_OF_A_CELL = 12
_CELLS = {
    ModelKind.FACE: state.MODELS_CELL,
    ModelKind.MUSIC: state.MODELS_SONG_CELL,
    ModelKind.SOUND: state.MODELS_SOUND_CELL,
}


def choose_classes(chosen: Chosen) -> bool:
    """Let the user choose seven emotions or four classes, and return whether it is four."""
    if chosen.kind is not ModelKind.FACE:
        return False
    if narrow := [label_of(record.name) for record in chosen.faces if record.has_four]:
        st.caption(f"Four classes, because {' and '.join(narrow)} {'has' if len(narrow) == 1 else 'have'} no others.")
        return True
    return choose_one("Classes", ["Seven emotions", "Four classes"], state.MODELS_CLASSES) == "Four classes"


def show_confusion(chosen: Chosen) -> None:
    """Show the confusion matrices and the selected cell."""
    four = choose_classes(chosen)
    figures = read_each(chosen.names, lambda name: class_metrics(chosen.kind, name, four=four))
    if not figures:
        return
    classes = next(iter(figures.values())).classes
    st.caption(
        f"Rows are labels, columns are predictions, each number is the share per 100 {chosen.kind.examples} with that "
        "label. Blue cells are correct; a darker brown is a larger share of mistakes. Click a cell for details."
        + (f" {SCORED_IN_FOUR}" if four else "")
    )
    # Each kind of matrix stores its own cell, because the classes differ
    menu = state.MODELS_FOUR_CELL if four else _CELLS[chosen.kind]
    # Equal shares have equal shades in all matrices
    darkest = max(largest_mistake(own.confusion) for own in figures.values())
    if len(figures) == 1:
        *maps, details = st.columns([3, 2], gap="large")
    else:
        maps, details = st.columns(len(figures), gap="large"), st.container()
    with details:
        cell = _choose_cell(menu, figures, classes)
    for column, (name, own) in zip(maps, figures.items(), strict=True):
        with column:
            if len(figures) > 1:
                st.markdown(f"**{label_of(name)}**")
            _show_map(name, own, cell, menu=menu, darkest=darkest)
    with details:  # after the matrices, because it can read the dataset
        _show_cell(chosen, cell, figures, four=four)


def _show_map(name: str, figures: ClassMetrics, cell: tuple[str, str] | None, *, menu: str, darkest: float) -> None:
    # A new key for each cell: otherwise a second click on the cell only clears its selection
    key = state.models_widget("confusion", name, *(cell or ()))
    worst = figures.worst_mistake

    def take_cell() -> None:
        if (clicked := cell_at(st.session_state[key].selection.points, figures.classes)) is not None:
            choose({menu: clicked})

    show_chart(
        confusion_map(figures.confusion, figures.classes, chosen=cell, darkest=darkest, text_color=text_color()),
        key=key,
        on_select=take_cell,
        selection_mode="points",
        alt=f"Confusion matrix of {label_of(name)}"
        + (f"; the most frequent mistake: {worst[0]} called {worst[1]}" if worst else ""),
    )


def cell_at(points: Sequence[dict[str, int]], classes: Sequence[str]) -> str | None:
    """The menu option of the clicked cell, or None if the click missed the matrix."""
    hits = [point["point_index"] for point in points if point["curve_number"] == 1]
    if not hits or hits[-1] >= len(classes) ** 2:
        return None
    row, column = divmod(hits[-1], len(classes))
    return f"{classes[row]}{_CALLED}{classes[column]}"


def _choose_cell(menu: str, figures: dict[str, ClassMetrics], classes: tuple[str, ...]) -> tuple[str, str] | None:
    """A menu of all cells, the most frequent mistakes first, for the keyboard and the address."""
    counts = np.sum([own.confusion for own in figures.values()], axis=0)
    pairs = [(i, j) for i in range(len(classes)) for j in range(len(classes))]
    pairs.sort(key=lambda pair: (pair[0] == pair[1], -counts[pair]))
    options = [f"{classes[i]}{_CALLED}{classes[j]}" for i, j in pairs]
    choice = st.selectbox(
        "Cell of the matrix",
        options,
        index=None,
        placeholder="Click a cell or choose it here",
        width=320,
        **widget(menu, options),
    )
    if choice is None:
        return None
    true, _, predicted = choice.partition(_CALLED)
    return true, predicted


def _show_cell(chosen: Chosen, cell: tuple[str, str] | None, figures: dict[str, ClassMetrics], *, four: bool) -> None:
    """Show the count of a cell, the mean probabilities and some of the faces; without a cell the worst mistakes."""
    columns = st.columns(len(figures), gap="large") if len(figures) > 1 else [st.container()]
    for column, (name, metrics) in zip(columns, figures.items(), strict=True):
        with column, shown_errors():  # an error in one model leaves the other on the page
            if cell is None:
                mistakes = "\n1. ".join(list_mistakes(metrics))
                st.markdown(f"**Most frequent mistakes of {label_of(name)}**\n\n1. {mistakes}")
                continue
            own = predictions(chosen.kind, name)
            groups = {in_words(group): group for group in own.grouped(four=four).classes}
            found = confusion_cell(own, *(groups[label] for label in cell), four=four)
            st.markdown(describe_cell(replace(found, true=cell[0], predicted=cell[1]), name, chosen.kind.examples))
            if found.mean is not None:
                st.caption(f"Mean probabilities of {label_of(name)} for these {len(found.rows):,}:")
                shares = dict(zip(map(in_words, own.classes), found.mean.tolist(), strict=True))
                alt = f"Mean probabilities: {list_shares(shares)}"
                show_chart(share_bars(shares), key=state.models_widget("cell", name), alt=alt)
            if chosen.faces and found.rows.size and (pictures := test_pictures(own)) is not None:
                face_grid(own, pictures, found.rows[:_FACES_OF_A_CELL], four=four)
