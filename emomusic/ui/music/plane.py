"""All songs of a table on the valence-energy plane, with players and downloads for a selection."""

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
from emomusic.ui.music.song_list import describe_versions, show_players, show_table_downloads, track_line
from emomusic.ui.music.song_table import SongTable, cached_per_table, unique_songs


@st.fragment
def show_song_plane(songs: SongTable) -> None:
    """Show the plane and the selected songs; a selection reruns only this fragment."""
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
            _show_hint(songs)


@cached_per_table
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
    """The row numbers of the selected points."""
    traces = trace_rows(songs.moods)
    rows = [
        int(traces[point["curve_number"]][point["point_index"]])
        for point in points
        if point["curve_number"] < len(traces) and point["point_index"] < len(traces[point["curve_number"]])
    ]
    return np.unique(np.array(rows, np.int64))


def _show_selection(songs: SongTable, rows: npt.NDArray[np.int64]) -> None:
    rows = songs.catalogue.best_known_first(rows)
    once = unique_songs(songs, rows)
    counts = np.bincount(songs.moods[rows], minlength=len(MOODS))
    present = [position for position in np.argsort(-counts, kind="stable") if counts[position]]
    st.header(f"{pluralize(len(rows), 'song')} selected", anchor=False)
    order = ", best known first" if "popularity" in songs.catalogue.table and len(once) > 1 else ""
    moods = ", ".join(f"{counts[position]:,} {MOODS[position]}" for position in present)
    st.caption(f"{moods}{order}.{describe_versions(len(rows) - len(once))}")
    show_table_downloads(songs, rows, name="selected-songs")
    show_players(songs, once.tolist(), name="selection")


def _show_hint(songs: SongTable) -> None:
    st.header("Draw around some songs", anchor=False)
    st.markdown(
        "Drag the mouse or a finger around songs on the plane to hear them, or click one song. Click a mood in the "
        "legend to hide it."
    )
    st.markdown("**Song with the highest confidence in each mood**")
    for position, mood in enumerate(MOODS):
        own = np.flatnonzero(songs.moods == position)
        if own.size:
            st.markdown(track_line(songs, int(own[songs.probabilities[own, position].argmax()])))
        else:
            st.caption(f"This table has no {mood} song.")
