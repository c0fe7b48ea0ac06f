"""All songs of a table on the valence-arousal plane, with players and downloads for a selection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import streamlit as st

from emomusic.affect import QUADRANT_CORNERS, Mood, Quadrant
from emomusic.app import state
from emomusic.app.charts import show_chart
from emomusic.app.frame import text_color
from emomusic.app.music.catalogues import MoodCatalogue, cached_per_catalogue, unique_songs
from emomusic.app.music.song_list import describe_order, show_songs, show_table_download
from emomusic.charts import music as plots
from emomusic.charts.colours import MOOD_COLOURS, write_in
from emomusic.charts.selection import Selection, in_box
from emomusic.songs.catalogue import ARTIST_SEPARATOR
from emomusic.songs.mood import MOODS
from emomusic.text import pluralize

MOST_DRAWN = 8000
"""Largest number of songs in the chart; a selection applies to all songs of the table."""

_BUTTONS = ["lasso2d", "select2d", "zoom2d", "pan2d", "resetScale2d"]


# A swipe over the plane scrolls the page; the quadrants select songs there
_TOUCH = """<style>
@media (pointer: coarse), (max-width: 640px) {
  [class*="st-key-music-plane-"] .draglayer * { pointer-events: none !important; }
}
</style>"""


def show_plane(songs: MoodCatalogue) -> None:
    """Show the plane and the selected songs."""
    st.html(_TOUCH)
    chart, side = st.columns([3, 2], gap="large")
    with chart:
        rows = _choose_rows(songs)
    with side:
        if rows.size:
            _show_selection(songs, rows)
        else:
            _show_hint(songs)


def _choose_rows(songs: MoodCatalogue) -> npt.NDArray[np.int64]:
    """The row numbers of the songs that the visitor selects, of the chosen moods."""
    with st.container(horizontal=True):
        moods = st.pills(
            "Moods on the plane", MOODS, selection_mode="multi", format_func=_label_mood,
            key=state.music_widget("plane-moods", songs.digest), label_visibility="collapsed",
        )  # fmt: skip
        quadrant = st.pills(
            "Quadrant", list(QUADRANT_CORNERS), format_func=lambda choice: choice.description,
            key=state.fresh(state.music_widget("quadrant", songs.digest)), label_visibility="collapsed",
        )  # fmt: skip
    of_moods = tuple(moods) or MOODS
    drawn = min(len(songs), MOST_DRAWN)
    event = show_chart(
        _figure(songs, of_moods, text_color()),
        key=state.fresh(state.music_widget("plane", songs.digest)),
        alt=f"{drawn:,} of {pluralize(len(songs), 'song')} on the plane of valence and arousal, coloured by mood",
        config={"displayModeBar": True, "modeBarButtons": [_BUTTONS]},
        on_select="rerun",
        selection_mode=("points", "box", "lasso"),
    )
    return selected_rows(songs, Selection.of(event["selection"]), of_moods, quadrant)


def _clear(songs: MoodCatalogue) -> None:
    for name in ("plane", "quadrant"):
        state.renew(state.music_widget(name, songs.digest))


def _label_mood(mood: Mood) -> str:
    return f':color[{plots.MOOD_GLYPHS[mood]}]{{foreground="{MOOD_COLOURS[mood]}"}} {mood}'


@cached_per_catalogue
def _figure(songs: MoodCatalogue, moods: Sequence[Mood], colour: str | None) -> go.Figure:
    rows = np.random.default_rng(0).permutation(len(songs))[:MOST_DRAWN]  # all songs, or always the same sample
    rows = rows[_has_mood(songs, moods)[rows]]
    table = songs.catalogue.table.iloc[rows]
    names = table["title"] + " \u00b7 " + table["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False)
    figure = plots.song_plane(songs.catalogue.plane[rows], songs.moods[rows], names.str.slice(0, 80).tolist())
    write_in(figure, colour)
    return figure


def _has_mood(songs: MoodCatalogue, moods: Sequence[Mood]) -> npt.NDArray[np.bool_]:
    return np.isin(songs.moods, [MOODS.index(mood) for mood in moods])


def selected_rows(
    songs: MoodCatalogue, selection: Selection, moods: Sequence[Mood], quadrant: Quadrant | None
) -> npt.NDArray[np.int64]:
    """The row numbers of the selected songs, also of those that the chart does not draw.

    None without a selection and a quadrant. With both, only the part of the selection in the quadrant counts.
    """
    own = np.flatnonzero(_has_mood(songs, moods))
    plane = songs.catalogue.plane[own]
    is_empty = selection == Selection()
    chosen = np.full(len(own), quadrant is not None) if is_empty else selection.contains(plane)
    if quadrant is not None:
        chosen &= in_box(plane, np.array([(0, 0), QUADRANT_CORNERS[quadrant]], np.float64))
    return own[chosen]


def _show_selection(songs: MoodCatalogue, rows: npt.NDArray[np.int64]) -> None:
    rows = songs.catalogue.best_known_first(rows)
    once = unique_songs(songs, rows)
    counts = np.bincount(songs.moods[rows], minlength=len(MOODS))
    present = [position for position in np.argsort(-counts, kind="stable") if counts[position]]
    st.header(f"{pluralize(len(rows), 'song')} selected", anchor=False)
    moods = ", ".join(f"{counts[position]:,} {MOODS[position]}" for position in present)
    st.caption(f"{moods}{describe_order(songs, rows, once)}")
    with st.container(horizontal=True):
        show_table_download(songs, rows, name="selected-songs")
        st.button("Clear", icon=":material/close:", key=state.music_widget("clear"), on_click=_clear, args=(songs,))
    show_songs(songs, once, name="selection")


def _show_hint(songs: MoodCatalogue) -> None:
    st.header("Draw around some songs", anchor=False)
    st.markdown(
        "Drag the mouse around songs on the plane to hear them, or choose a quadrant. The tools above the plane also "
        "select a box, zoom and move. Choose moods to see only theirs."
    )
    st.markdown("**A clear example of each mood**")
    show_songs(songs, _examples(songs), name="examples")
    for position in np.flatnonzero(np.bincount(songs.moods, minlength=len(MOODS)) == 0):
        st.caption(f"This table has no {MOODS[position]} song.")


@cached_per_catalogue
def _examples(songs: MoodCatalogue) -> list[int]:
    """The row of the song with the highest confidence in each mood, without speech, sleep sounds and similar kinds."""
    rows = []
    for position in range(len(MOODS)):
        own = np.flatnonzero(songs.moods == position)
        own = own[order] if (order := np.flatnonzero(songs.catalogue.kinds[own] < 0)).size else own
        if own.size:
            rows.append(int(own[songs.probabilities[own, position].argmax()]))
    return rows
