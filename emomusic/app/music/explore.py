"""The songs on the valence-arousal plane, and what their features tell: by mood, and in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from emomusic.affect import QUADRANT_CORNERS, Quadrant
from emomusic.app import state
from emomusic.app.charts import show_chart
from emomusic.app.frame import text_color
from emomusic.app.music.songs import EXPLORE, MusicState, Rows, Songs, labelled_songs, show_songs
from emomusic.app.sources import Source, ready_source
from emomusic.app.state import page_state
from emomusic.charts import music as plots
from emomusic.server.capacity import is_own_computer
from emomusic.songs.catalogue import ARTIST_SEPARATOR
from emomusic.songs.features import FEATURE_LABELS, FEATURE_NAMES, Feature
from emomusic.songs.genres import SongKind
from emomusic.songs.mood import MOODS
from emomusic.text import pluralize

MOST_DRAWN = 8000
"""Largest number of songs in the chart; the lists have all songs."""

_NUM_NEAR = 20  # songs after the clicked one
_MIN_CORRELATED = 10  # songs


def show_explore(songs: Songs) -> None:
    """Show the plane with a list of its songs, and the features of labelled songs."""
    chart, side = st.columns([3, 2], gap="large")
    with chart:
        quadrant = st.pills(
            "Quadrant",
            list(QUADRANT_CORNERS),
            format_func=lambda choice: choice.description,
            key=state.music_widget("quadrant"),
            on_change=_forget_click,
            label_visibility="collapsed",
            wrap=True,
        )
        _show_plane(songs, quadrant)
    with side:
        _show_list(songs, quadrant)
    of_spotify = ready_source() is Source.SPOTIFY
    labelled = labelled_songs() if of_spotify else None
    st.header("How the moods differ", anchor=False)
    if labelled is not None:
        st.caption(f"{pluralize(len(labelled), 'song')} with a mood label, from which the mood models learned.")
    elif of_spotify and is_own_computer():
        st.caption("These moods are predictions. For labelled songs, run `emomusic data get moods`.")
    _show_features(labelled or songs)


def _plane(songs: Songs, quadrant: Quadrant | None) -> go.Figure:
    rows = np.random.default_rng(0).permutation(len(songs))[:MOST_DRAWN]  # all songs, or always the same sample
    table = songs.catalogue.table.iloc[rows]
    names = table["title"].str.cat(table["artists"].str.replace(ARTIST_SEPARATOR, ", ", regex=False), " \u00b7 ")
    titles = names.str.slice(0, 80).tolist()
    return plots.song_plane(songs.catalogue.plane[rows], songs.moods[rows], titles, rows, quadrant)


def _show_plane(songs: Songs, quadrant: Quadrant | None) -> None:
    key = state.music_widget("plane", songs.token)
    num_drawn = min(len(songs), MOST_DRAWN)
    show_chart(
        songs.cached(("plane", quadrant, text_color()), lambda: _plane(songs, quadrant)),
        key=key,
        alt=f"{num_drawn:,} of {pluralize(len(songs), 'song')} on the plane of valence and arousal, with their moods",
        on_select=partial(_take_click, key, songs.token, len(songs)),
        selection_mode="points",
    )


def _take_click(key: str, token: str, num_songs: int) -> None:
    for point in st.session_state[key]["selection"]["points"]:
        row = next(iter(np.ravel(point.get("customdata", [])).tolist()), None)
        if isinstance(row, int) and 0 <= row < num_songs:  # a browser can send any number
            mine = page_state(MusicState)
            mine.row, mine.token, mine.starts = row, token, EXPLORE


def _forget_click() -> None:
    page_state(MusicState).row = None


def _show_list(songs: Songs, quadrant: Quadrant | None) -> None:
    """Show the clicked song and those near it, the best known songs of a quadrant, or an example of each mood."""
    mine = page_state(MusicState)
    if mine.row is not None and mine.token == songs.token:
        st.markdown("**The song you clicked, and those near it**")
        show_songs(songs, songs_near(songs, mine.row), EXPLORE)
    elif quadrant is not None:
        corner = np.array(QUADRANT_CORNERS[quadrant], np.float32)
        inside = np.flatnonzero((songs.catalogue.plane * corner >= 0).all(axis=1))
        known = songs.unique(songs.catalogue.best_known_first(inside))
        st.markdown(f"**{pluralize(len(inside), 'song')}, {quadrant.description}**, best known first")
        show_songs(songs, known, EXPLORE)
    else:
        st.markdown("**A clear example of each mood.** Click a song on the plane to hear it, or choose a quadrant.")
        show_songs(songs, _examples(songs), EXPLORE)


def songs_near(songs: Songs, row: int) -> Rows:
    """The row, and those of the nearest songs on the plane, each song once."""
    away = np.linalg.norm(songs.catalogue.plane - songs.catalogue.plane[row], axis=1)
    away[row] = -1  # before other songs at the same point
    return songs.unique(np.argsort(away, kind="stable")[: 3 * _NUM_NEAR])[: _NUM_NEAR + 1]


def _examples(songs: Songs) -> list[int]:
    """The row of the song with the highest confidence in each mood, without speech, sleep sounds and similar kinds."""
    rows = []
    for position in range(len(MOODS)):
        own = np.flatnonzero(songs.moods == position)
        own = ordinary if (ordinary := own[songs.catalogue.passing(without_kinds=list(SongKind))[own]]).size else own
        if own.size:
            rows.append(int(own[songs.probabilities[own, position].argmax()]))
    return rows


def _show_features(songs: Songs) -> None:
    if not songs.catalogue.has_features:
        st.info("These songs have moods only. A comparison needs audio features.", icon=":material/grid_off:")
        return
    _show_differences(songs)
    st.subheader("Which features rise together", anchor=False)
    if len(songs) < _MIN_CORRELATED:
        st.info(f"Correlations need at least {_MIN_CORRELATED} songs.", icon=":material/grid_off:")
    else:
        _show_correlations(songs)


def _show_differences(songs: Songs) -> None:
    standings = songs.cached("standings", lambda: plots.standings(songs.features, songs.moods))
    ridges = songs.cached(("ridges", text_color()), lambda: _ridges(songs, [s.feature for s in standings]))
    best, last = standings[0], standings[-1]
    if len(present := np.unique(songs.moods)) == 1:
        st.markdown(f"All of these songs are {MOODS[present[0]]}, so there are no moods to compare.")
    else:
        st.markdown(
            f"**{best.feature.label} differs most between the moods**, lowest for {best.lowest} and "
            f"highest for {best.highest} songs; {last.feature.label.lower()} differs least."
        )
    st.caption(
        "Distributions by mood, scaled to equal height, with the median on the line. The percentage is the share of "
        "variance that the mood explains (eta squared)."
    )
    with st.grid("auto", min_column_width=310, gap="medium"):
        for standing, ridge in zip(standings, ridges, strict=True):
            feature = standing.feature
            order = f"lowest for {standing.lowest} songs, highest for {standing.highest} songs"
            order = order if standing.lowest != standing.highest else "the same for all"
            with st.container(gap="xxsmall"):
                st.markdown(f"**{feature.label}** · {100 * standing.share:.0f} %", help=feature.description)
                show_chart(
                    ridge, key=state.music_widget("hills", feature.name), alt=f"{feature.label} by mood, {order}"
                )


def _ridges(songs: Songs, features: Sequence[Feature]) -> list[go.Figure]:
    values = songs.features.T
    return [plots.feature_ridges(values[FEATURE_NAMES.index(each.name)], songs.moods, each) for each in features]


def _show_correlations(songs: Songs) -> None:
    matrix = songs.cached("correlations", lambda: plots.correlations(songs.features))
    lower = np.where(np.tri(len(FEATURE_LABELS), k=-1, dtype=bool), np.nan_to_num(matrix), 0.0)
    up, with_up = divmod(int(lower.argmax()), len(FEATURE_LABELS))
    strongest = f"**{FEATURE_LABELS[with_up]} and {FEATURE_LABELS[up].lower()} rise together** ({lower.max():.2f})."
    chart, words = st.columns([3, 2], gap="large")
    with words:
        if lower.max() > 0:
            st.markdown(strongest)
        st.caption(
            "Pearson correlation of each pair of features: 1 means that both rise together, \u22121 that one falls as "
            "the other rises, 0 no linear relation. A correlation does not show a cause."
        )
    with chart:
        show_chart(
            plots.correlation_map(matrix),
            key=state.music_widget("correlations"),
            alt=f"Correlations of the nine features. {strongest.replace('*', '')}",
        )
