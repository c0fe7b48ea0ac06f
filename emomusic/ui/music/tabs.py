"""The tabs under the plane. Only the open one is computed, and what it computes is kept with its table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from emomusic.affect import Mood
from emomusic.music.features import FEATURE_LABELS, FEATURE_NAMES, FEATURES
from emomusic.music.mood import MOODS
from emomusic.plots import music as plots
from emomusic.plots.colours import write_in
from emomusic.text import join_names
from emomusic.ui.core import state
from emomusic.ui.core.charts import show_chart
from emomusic.ui.core.frame import shown_errors, text_color
from emomusic.ui.music.browse import show_table
from emomusic.ui.music.classify import VIEW as CLASSIFY
from emomusic.ui.music.classify import show_one_song
from emomusic.ui.music.search import show_search
from emomusic.ui.music.song_table import SongTable, kept

_FEWEST_CORRELATED = 10
_LEAST_TRAIT = 0.1  # of the mean standing, from one half
_FULL_TRAIT = 0.2  # a mean nearer to one half than this is called a little so

_COMPARATIVES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "danceability": ("more danceable", "less danceable"),
        "energy": ("more intense", "less intense"),
        "valence": ("brighter", "darker"),
        "acousticness": ("more acoustic", "less acoustic"),
        "instrumentalness": ("less sung", "more sung"),
        "liveness": ("more often live", "less often live"),
        "speechiness": ("more spoken", "less spoken"),
        "loudness_db": ("louder", "quieter"),
        "tempo_bpm": ("faster", "slower"),
    }
)
"""What songs with more of a feature are, and those with less."""


@st.fragment
def show_views(songs: SongTable) -> None:
    """Show the tabs; going from one to another reruns them alone."""
    views = {
        "Features by mood": _show_features,
        "Correlations": _show_correlations,
        "Mood profiles": _show_profiles,
        "Table": show_table,
        CLASSIFY: show_one_song,
        "Find a song": show_search,
    }
    # On a phone the row would be scrolled, and the open tab out of sight
    st.html(
        f"""<style>@media (max-width: 640px) {{
.st-key-{state.MUSIC_VIEW} > div > [role="tablist"] {{ flex-wrap: wrap; }}
}}</style>"""
    )
    tabs = st.tabs(list(views), key=state.MUSIC_VIEW, on_change="rerun", bind="query-params")
    for tab, view in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab, shown_errors():  # an error in a fragment does not reach the page
                view(songs)


@kept
def _rank_percentiles(songs: SongTable) -> list[plots.Standing]:
    return plots.standings(songs.catalogue.features, songs.moods)


@kept
def _ridges(songs: SongTable, colour: str | None) -> list[go.Figure]:
    features = songs.catalogue.features
    order = [standing.feature for standing in _rank_percentiles(songs)]
    figures = [plots.feature_ridges(features[:, FEATURE_NAMES.index(f.name)], songs.moods, f) for f in order]
    for figure in figures:
        write_in(figure, colour)
    return figures


def _show_features(songs: SongTable) -> None:
    standings = _rank_percentiles(songs)
    best, last = standings[0], standings[-1]
    if not _say_of_one_mood(songs):
        st.markdown(
            f"**{best.feature.label} differs most between the moods**, lowest for {best.lowest} and "
            f"highest for {best.highest} songs; {last.feature.label.lower()} differs least."
        )
    st.caption(
        "The hills show where the songs of each mood lie, all equally high; the sign on the line is the median. In the "
        "order of how much of the differences between songs goes with their mood (the percentage; eta squared)."
    )
    with st.grid("auto", min_column_width=310, gap="medium"):
        for standing, figure in zip(standings, _ridges(songs, text_color()), strict=True):
            feature = standing.feature
            with st.container(gap="xxsmall"):
                st.markdown(f"**{feature.label}** · {100 * standing.share:.0f} %")
                st.caption(feature.description)
                show_chart(
                    figure,
                    key=state.music_widget("hills", feature.name),
                    alt=f"{feature.label} by mood, "
                    + (
                        "the same for all"
                        if standing.lowest == standing.highest
                        else f"lowest for {standing.lowest} songs, highest for {standing.highest} songs"
                    ),
                )


@kept
def _correlations(songs: SongTable) -> npt.NDArray[np.float64]:
    return plots.correlations(songs.catalogue.features)


def _say_of_one_mood(songs: SongTable) -> bool:
    """Say that there is nothing to compare where all songs have one mood; tells whether it is so."""
    present = np.unique(songs.moods)
    if len(present) == 1:
        st.markdown(f"All songs of this table are called {MOODS[present[0]]}: there is no other mood to compare with.")
    return len(present) == 1


def _show_correlations(songs: SongTable) -> None:
    if len(songs) < _FEWEST_CORRELATED:
        st.info(f"A correlation means something from {_FEWEST_CORRELATED} songs on.", icon=":material/grid_off:")
        return
    matrix = _correlations(songs)
    labels = FEATURE_LABELS
    lower = np.where(np.tri(len(labels), k=-1, dtype=bool), np.nan_to_num(matrix), 0.0)
    pairs = [
        tuple(int(place) for place in np.unravel_index(pick(lower), lower.shape)) for pick in (np.argmax, np.argmin)
    ]
    (up, with_up), (down, with_down) = pairs
    found = []
    if (highest := lower[up, with_up]) > 0:
        found.append(f"**{labels[with_up]} and {labels[up].lower()} rise together** ({highest:.2f}).")
    if (lowest := lower[down, with_down]) < 0:
        found.append(
            f"Where {labels[with_down].lower()} is high, {labels[down].lower()} tends to be low (\u2212{-lowest:.2f})."
        )
    chart, words = st.columns([3, 2], gap="large")
    with words:
        for sentence in found:
            st.markdown(sentence)
        st.caption(
            "Pearson's correlation of every two features over all songs of this table: 1 means that they rise "
            "together, \u22121 that one falls as the other rises, 0 that knowing one tells nothing of the other in a "
            "straight line. A correlation does not say which of the two, if any, makes the other."
        )
    with chart:
        show_chart(
            plots.correlation_map(matrix, text_color=text_color()),
            key=state.music_widget("correlations"),
            alt=" ".join(["Correlations of the nine features.", *found]).replace("*", ""),
        )


@kept
def _profiles(songs: SongTable) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:
    """Where each mood stands, and the plain means with their units."""
    features = songs.catalogue.features
    present = [(songs.moods == position).any() for position in range(len(MOODS))]
    rows = {
        feature.titled: [
            f"{features[songs.moods == position, column].mean():.{feature.num_digits}f}" if is_there else None
            for position, is_there in enumerate(present)
        ]
        for column, feature in enumerate(FEATURES.values())
    }
    means = pd.DataFrame.from_dict(rows, orient="index", columns=[mood.value for mood in MOODS])
    return plots.mood_profiles(features, songs.moods), means


def _describe_profile(mood: Mood, profile: npt.NDArray[np.float64]) -> str:
    """What sets the songs of a mood apart, in one sentence."""
    if np.isnan(profile).any():
        return f"**{mood.capitalize()}**: no song of this table."
    furthest = np.argsort(-np.abs(profile - 0.5), kind="stable")[:3]
    traits = [
        ("" if abs(profile[at] - 0.5) >= _FULL_TRAIT else "a little ")
        + _COMPARATIVES[FEATURE_NAMES[at]][0 if profile[at] > 0.5 else 1]
        for at in furthest
        if abs(profile[at] - 0.5) >= _LEAST_TRAIT
    ]
    if not traits:
        return f"**{mood.capitalize()}** songs are like the rest."
    return f"**{mood.capitalize()}** songs are {join_names(traits)} than most."


def _show_profiles(songs: SongTable) -> None:
    profiles, means = _profiles(songs)
    chart, words = st.columns([3, 2], gap="large")
    with words:
        if not _say_of_one_mood(songs):
            for mood, profile in zip(MOODS, profiles, strict=True):
                st.markdown(_describe_profile(mood, profile))
        st.caption(
            "The features have different units, so each value is replaced by its standing: the share of songs of this "
            "table that lie below it. An outline shows the mean standing of a mood's songs; on the dotted ring, at "
            "50 %, they are like the rest."
        )
        with st.expander("The plain means"):
            st.dataframe(
                means,
                key=state.music_widget("means"),
                column_config={mood.value: st.column_config.TextColumn(alignment="right") for mood in MOODS},
                alt="Mean of each feature for the songs of each mood",
            )
    with chart:
        show_chart(
            plots.profile_radar(profiles),
            key=state.music_widget("profiles"),
            alt="The mean standing of each mood's songs in the nine features",
        )
