"""What is confused with what: the matrix of each model, and a closer look at one of its cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from emomusic.affect import list_shares
from emomusic.assets import ModelKind
from emomusic.plots.diagnostics import confusion_map, largest_mistake
from emomusic.plots.face import share_bars
from emomusic.results.findings import describe_cell, list_mistakes
from emomusic.results.predictions import ClassMetrics, confusion_cell
from emomusic.ui.core import state
from emomusic.ui.core.address import chosen_here, keep, recall
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import shown_errors, text_color
from emomusic.ui.models.mistakes import face_grid, test_pictures
from emomusic.ui.models.saved import class_metrics, of_each, predictions
from emomusic.ui.models.table import FOUR_LEGEND, Chosen

_SEVEN_WORDS, _FOUR_WORDS = "Seven emotions", "Four classes"
_CALLED = " called "
_FACES_OF_A_CELL = 12


def choose_classes(chosen: Chosen) -> bool:
    """Let the visitor choose between seven emotions and four classes; returns whether it is four.

    Songs have four moods and nothing to choose; a model that knows four classes only leaves no choice either.
    """
    if chosen.kind is ModelKind.MUSIC:
        return False
    if narrow := [record.name for record in chosen.faces if record.has_four]:
        st.caption(
            f"In four classes, because {' and '.join(narrow)} {'knows' if len(narrow) == 1 else 'know'} no more."
        )
        return True
    key, offered = state.MODELS_CLASSES, [_SEVEN_WORDS, _FOUR_WORDS]
    recall(key, offered, _SEVEN_WORDS)
    choice = st.segmented_control(
        "Classes",
        offered,
        required=True,
        key=key,
        on_change=chosen_here,
        args=(key,),
        label_visibility="collapsed",
    )
    keep(key, choice, _SEVEN_WORDS)
    return bool(choice == _FOUR_WORDS)


def show_confusion(chosen: Chosen) -> None:
    """Show the matrices, and what lies behind the cell that was clicked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        four = choose_classes(chosen)
        numbers = st.segmented_control(
            "Numbers",
            ["Shares", "Counts"],
            default="Shares",
            required=True,
            key=state.models_widget("numbers"),
            label_visibility="collapsed",
            persist_state="session",
        )
    figures = of_each(chosen.names, lambda name: class_metrics(chosen.kind, name, four=four))
    if not figures:
        return
    classes = next(iter(figures.values())).classes
    unit = f"how many of 100 {chosen.kind.examples} with that label" if numbers == "Shares" else "how many there are"
    st.caption(
        f"A row for each label, a column for each answer; the number is {unit}. Right answers are on the diagonal, in "
        "blue; the browner a cell, the larger its share of the row. A click on a cell looks into it."
        + (f" {legend_of_four()}" if four else "")
    )
    # Each matrix has a cell of its own: one chosen among seven emotions says nothing of songs
    menu = (
        state.MODELS_SONG_CELL
        if chosen.kind is ModelKind.MUSIC
        else state.MODELS_FOUR_CELL
        if four
        else state.MODELS_CELL
    )
    # One shade for one share, in all of them
    darkest = max(largest_mistake(own.confusion) for own in figures.values())
    if len(figures) == 1:
        *maps, words = st.columns([3, 2], gap="large")
    else:
        maps, words = st.columns(len(figures), gap="large"), st.container()
    with words:
        cell = _choose_cell(menu, figures, classes)
    for column, (name, own) in zip(maps, figures.items(), strict=True):
        with column:
            if len(figures) > 1:
                st.markdown(f"**{name}**")
            _show_map(name, own, cell, menu=menu, shares=numbers == "Shares", darkest=darkest)
    with words:  # after the maps, which need no answers and no dataset
        _show_cell(chosen, cell, figures, four=four)


def legend_of_four() -> str:
    """What the four classes are, and which of them a model of seven emotions answers."""
    return f"{FOUR_LEGEND} A model of seven emotions answers with the class of its likeliest emotion."


def _show_map(
    name: str, figures: ClassMetrics, cell: tuple[str, str] | None, *, menu: str, shares: bool, darkest: float
) -> None:
    # A new key for each cell: with the old one, a second click on the same cell would take its selection back unseen
    key = state.models_widget("confusion", name, *(cell or ()))
    worst = figures.worst_mistake
    show_chart(
        confusion_map(
            figures.confusion, figures.classes, shares=shares, chosen=cell, darkest=darkest, text_color=text_color()
        ),
        key=key,
        on_select=lambda: _take_cell(key, menu, figures.classes),
        selection_mode="points",
        alt=f"Confusion matrix of {name}"
        + (f"; the most frequent mistake: {worst[0]} called {worst[1]}" if worst else ""),
    )


def cell_at(points: Sequence[dict[str, int]], classes: Sequence[str]) -> str | None:
    """The cell under a click on the matrix, as the menu names it; None where nothing was hit."""
    hits = [point["point_index"] for point in points if point["curve_number"] == 1]
    if not hits or hits[-1] >= len(classes) ** 2:
        return None
    row, column = divmod(hits[-1], len(classes))
    return f"{classes[row]}{_CALLED}{classes[column]}"


def _take_cell(key: str, menu: str, classes: Sequence[str]) -> None:
    if (cell := cell_at(st.session_state[key].selection.points, classes)) is not None:
        chosen_here(menu)
        st.session_state[menu] = cell


def _choose_cell(menu: str, figures: dict[str, ClassMetrics], classes: tuple[str, ...]) -> tuple[str, str] | None:
    """A menu of all cells, the most frequent mistakes first: what a click chooses, for the keyboard and the address."""
    counts = np.sum([own.confusion for own in figures.values()], axis=0)
    pairs = [(i, j) for i in range(len(classes)) for j in range(len(classes))]
    pairs.sort(key=lambda pair: (pair[0] == pair[1], -counts[pair]))
    options = [f"{classes[i]}{_CALLED}{classes[j]}" for i, j in pairs]
    recall(menu, options, None)
    choice = st.selectbox(
        "Look into a cell",
        options,
        index=None,
        key=menu,
        on_change=chosen_here,
        args=(menu,),
        placeholder="Click one, or choose it here",
        width=320,
    )
    keep(menu, choice, None)
    if choice is None:
        return None
    true, _, predicted = choice.partition(_CALLED)
    return true, predicted


def _show_cell(chosen: Chosen, cell: tuple[str, str] | None, figures: dict[str, ClassMetrics], *, four: bool) -> None:
    columns = st.columns(len(figures), gap="large") if len(figures) > 1 else [st.container()]
    for column, (name, own) in zip(columns, figures.items(), strict=True):
        with column, shown_errors():  # one that cannot be looked into leaves the other
            if cell is None:
                st.markdown(f"**What {name} gets wrong most**\n\n" + "\n".join(f"1. {m}" for m in list_mistakes(own)))
            else:
                _confusion_cell(chosen.kind, name, cell, four=four)


def _confusion_cell(kind: ModelKind, name: str, cell: tuple[str, str], *, four: bool) -> None:
    """What one model did with the examples of a cell: in words, its mean answer, and some of the pictures."""
    own = predictions(kind, name)
    found = confusion_cell(own, *cell, four=four)
    st.markdown(describe_cell(found, name, kind.examples))
    if found.mean is not None:
        st.caption(f"What {name} thought of these {len(found.rows):,}, on average:")
        shares = dict(zip(own.classes, found.mean.tolist(), strict=True))
        show_chart(
            share_bars(shares),
            key=state.models_widget("cell", name),
            alt=f"Mean probabilities: {list_shares(shares)}",
        )
    if kind is ModelKind.FACE and found.rows.size and (pictures := test_pictures(own)) is not None:
        face_grid(own, pictures, found.rows[:_FACES_OF_A_CELL], four=four)
