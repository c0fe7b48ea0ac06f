"""All songs of a table on the valence-energy plane; a selection is heard and taken away."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import streamlit as st

from emomusic.music.catalogue import ARTIST_SEPARATOR
from emomusic.music.mood import MOODS
from emomusic.plots.colours import write_in
from emomusic.plots.music import MOST_NAMED, song_plane, trace_rows
from emomusic.text import pluralize
from emomusic.ui.core import state
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import shown_errors, text_color
from emomusic.ui.music.song_list import say_of_versions, show_players, show_table_downloads, track_line
from emomusic.ui.music.song_table import SongTable, each_once, kept


@st.fragment
def show_song_plane(songs: SongTable) -> None:
    """Show the plane beside the songs selected on it. A selection reruns nothing else of the page."""
    chart, side = st.columns([3, 2], gap="large")
    with chart:
        event: Any = show_chart(
            _figure(songs, text_color()),
            key=state.music_widget("plane", songs.digest),
            on_select="rerun",
            selection_mode=("points", "box", "lasso"),
            config={"displaylogo": False, "displayModeBar": True},
            alt=f"{len(songs):,} songs on the plane of valence and energy, coloured by mood",
        )
    rows = selected_rows(event.selection.points, songs)
    with side, shown_errors():  # an error in a fragment does not reach the page
        if rows.size:
            _show_selection(songs, rows)
        else:
            _invite(songs)


@kept
def _figure(songs: SongTable, colour: str | None) -> go.Figure:
    names = None
    if len(songs) <= MOST_NAMED:
        table = songs.catalogue.table
        names = (table["title"] + " · " + table["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False)).str.slice(
            0, 80
        )
    figure = song_plane(songs.catalogue.plane, songs.moods, None if names is None else names.tolist())
    write_in(figure, colour)
    return figure


def selected_rows(points: list[dict[str, Any]], songs: SongTable) -> npt.NDArray[np.int64]:
    """The rows of the songs that a selection on the plane holds."""
    traces = trace_rows(songs.moods)
    rows = [
        int(traces[point["curve_number"]][point["point_index"]])
        for point in points
        if point["curve_number"] < len(traces) and point["point_index"] < len(traces[point["curve_number"]])
    ]
    return np.unique(np.array(rows, np.int64))


def _show_selection(songs: SongTable, rows: npt.NDArray[np.int64]) -> None:
    rows = songs.catalogue.best_known_first(rows)
    once = each_once(songs, rows)
    counts = np.bincount(songs.moods[rows], minlength=len(MOODS))
    present = [position for position in np.argsort(-counts, kind="stable") if counts[position]]
    st.header(f"{pluralize(len(rows), 'song')} selected", anchor=False)
    order = "; the best known first" if "popularity" in songs.catalogue.table and len(once) > 1 else ""
    moods = ", ".join(f"{counts[position]:,} {MOODS[position]}" for position in present)
    st.caption(f"{moods}{order}.{say_of_versions(len(rows) - len(once))}")
    show_table_downloads(songs, rows, name="selected-songs")
    show_players(songs, once.tolist(), name="selection")


def _invite(songs: SongTable) -> None:
    st.header("Draw around some songs", anchor=False)
    st.markdown(
        "Keep the mouse or a finger down on the plane and circle a few; they play here. A click takes one song. "
        "The buttons on the chart change to a box or to moving the view, and a name in the legend hides its mood."
    )
    st.markdown("**The surest song of each mood**")
    for position, mood in enumerate(MOODS):
        own = np.flatnonzero(songs.moods == position)
        if own.size:
            st.markdown(track_line(songs, int(own[songs.probabilities[own, position].argmax()])))
        else:
            st.caption(f"No song of this table is called {mood}.")
