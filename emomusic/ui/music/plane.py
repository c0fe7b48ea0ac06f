"""All songs of a table on the valence-energy plane, with players and downloads for a selection."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.music.catalogue import ARTIST_SEPARATOR
from emomusic.music.mood import MOODS
from emomusic.text import pluralize
from emomusic.ui.core import state
from emomusic.ui.core.frame import shown_errors
from emomusic.ui.music.plane_view import MOST_NAMED, Selection, plane_data, show_plane
from emomusic.ui.music.song_list import describe_versions, show_songs, show_table_downloads
from emomusic.ui.music.song_table import SongTable, cached_per_table, unique_songs

_PAINT_S = 0.5  # fetching the component and painting take 0.3 s on two slow cores


@st.fragment
def show_song_plane(songs: SongTable) -> None:
    """Show the plane and the selected songs; a selection reruns only this fragment."""
    chart, side = st.columns([3, 2], gap="large")
    with chart:
        selection = show_plane(_data(songs), key=state.music_widget("plane", songs.digest))
    _let_it_paint()
    rows = selected_rows(selection, songs)
    with side, shown_errors():  # an error in a fragment does not reach the page
        if rows.size:
            _show_selection(songs, rows)
        else:
            _show_hint(songs)


def _let_it_paint() -> None:
    """Wait once per visit. Otherwise the browser builds the rest of the page and starts Plotly before it paints."""
    key = state.music_widget("painted")
    visit = st.session_state.get(state.VISIT)
    if visit != st.session_state.get(key):
        st.session_state[key] = visit
        time.sleep(_PAINT_S)


@cached_per_table
def _data(songs: SongTable) -> dict[str, Any]:
    names = None
    if len(songs) <= MOST_NAMED:
        table = songs.catalogue.table
        artists = table["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False)
        names = (table["title"] + " · " + artists).str.slice(0, 80).tolist()
    alt = f"{pluralize(len(songs), 'song')} on the plane of valence and energy, coloured by mood"
    return plane_data(_plane(songs), songs.moods, names, alt=alt)


@cached_per_table
def _plane(songs: SongTable) -> npt.NDArray[np.float32]:
    return songs.catalogue.plane


def selected_rows(selection: Selection | None, songs: SongTable) -> npt.NDArray[np.int64]:
    """The row numbers of the selected songs."""
    return np.empty(0, np.int64) if selection is None else selection.rows(_plane(songs), songs.moods)


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
    show_songs(songs, once, name="selection")


def _show_hint(songs: SongTable) -> None:
    st.header("Draw around some songs", anchor=False)
    st.markdown(
        "Drag the mouse or a finger around songs on the plane to hear them, or click one song. A click on a quadrant's "
        "name selects its songs, and a click on a mood hides it."
    )
    st.markdown("**A clear example of each mood**")
    show_songs(songs, _examples(songs), name="examples", plays_first=False)
    for position in np.flatnonzero(np.bincount(songs.moods, minlength=len(MOODS)) == 0):
        st.caption(f"This table has no {MOODS[position]} song.")


@cached_per_table
def _examples(songs: SongTable) -> list[int]:
    """The row of the song with the highest confidence in each mood, without speech, sleep sounds and similar kinds."""
    rows = []
    for position in range(len(MOODS)):
        own = np.flatnonzero(songs.moods == position)
        own = own[order] if (order := np.flatnonzero(songs.catalogue.kinds[own] < 0)).size else own
        if own.size:
            rows.append(int(own[songs.probabilities[own, position].argmax()]))
    return rows
