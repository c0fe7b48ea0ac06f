"""The tabs under the plane. Only the open one is computed, and what it computes is kept with its table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from emomusic.music.features import FEATURE_NAMES, FEATURES
from emomusic.music.mood import MOODS
from emomusic.plots import music as plots
from emomusic.plots.music import FEATURE_LABELS
from emomusic.ui import state
from emomusic.ui.frame import ink
from emomusic.ui.music_browse import show_table
from emomusic.ui.music_classify import VIEW as CLASSIFY
from emomusic.ui.music_classify import show_one_song
from emomusic.ui.music_find import show_search
from emomusic.ui.music_tables import SongTable

_STILL = {"displayModeBar": False}

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
    tabs = st.tabs(list(views), key=state.MUSIC_VIEW, on_change="rerun", bind="query-params")
    for tab, view in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab:
                view(songs)


@st.cache_data(max_entries=8, show_spinner=False)
def _standings(digest: str, _songs: SongTable) -> list[plots.Standing]:  # noqa: ARG001
    return plots.standings(_songs.catalogue.features, _songs.moods)


@st.cache_resource(max_entries=8, show_spinner=False)
def _ridges(digest: str, _songs: SongTable) -> list[go.Figure]:
    features = _songs.catalogue.features
    order = [standing.feature for standing in _standings(digest, _songs)]
    return [plots.feature_ridges(features[:, FEATURE_NAMES.index(f.name)], _songs.moods, f) for f in order]


def _show_features(songs: SongTable) -> None:
    standings = _standings(songs.digest, songs)
    best, last = standings[0], standings[-1]
    st.markdown(
        f"**{FEATURE_LABELS[best.feature.name]} differs most between the moods**, lowest for {best.lowest} and highest "
        f"for {best.highest} songs; {FEATURE_LABELS[last.feature.name].lower()} differs least."
    )
    st.caption(
        "The hills show where the songs of each mood lie, all equally high; the sign on the line is the median. In the "
        "order of how much of the differences between songs goes with their mood (the percentage; eta squared)."
    )
    with st.grid("auto", min_column_width=310, gap="medium"):
        for standing, figure in zip(standings, _ridges(songs.digest, songs), strict=True):
            feature = standing.feature
            with st.container(gap="xxsmall"):
                st.markdown(f"**{FEATURE_LABELS[feature.name]}** · {100 * standing.share:.0f} %")
                st.caption(feature.description)
                st.plotly_chart(
                    figure,
                    key=state.music_widget("hills", feature.name),
                    config=_STILL,
                    alt=f"{FEATURE_LABELS[feature.name]} by mood, lowest for {standing.lowest} songs, highest for "
                    f"{standing.highest} songs",
                )


@st.cache_data(max_entries=8, show_spinner=False)
def _correlations(digest: str, _songs: SongTable) -> npt.NDArray[np.float64]:  # noqa: ARG001
    return plots.correlations(_songs.catalogue.features)


def _show_correlations(songs: SongTable) -> None:
    matrix = _correlations(songs.digest, songs)
    labels = list(FEATURE_LABELS.values())
    lower = np.where(np.tri(len(labels), k=-1, dtype=bool), np.nan_to_num(matrix), 0.0)
    pairs = [
        tuple(int(place) for place in np.unravel_index(pick(lower), lower.shape)) for pick in (np.argmax, np.argmin)
    ]
    (up, with_up), (down, with_down) = pairs
    chart, words = st.columns([3, 2], gap="large")
    with words:
        st.markdown(
            f"**{labels[with_up]} and {labels[up].lower()} rise together** ({matrix[up, with_up]:.2f}); where "
            f"{labels[with_down].lower()} is high, {labels[down].lower()} tends to be low "
            f"({matrix[down, with_down]:.2f}).".replace("(-", "(\u2212")
        )
        st.caption(
            "Pearson's correlation of every two features over all songs of this table: 1 means that they rise "
            "together, \u22121 that one falls as the other rises, 0 that knowing one tells nothing of the other in a "
            "straight line. A correlation does not say which of the two, if any, makes the other."
        )
    with chart:
        st.plotly_chart(
            plots.correlation_map(matrix, ink=ink()),
            key=state.music_widget("correlations"),
            config=_STILL,
            alt=f"Correlations of the nine features; highest {labels[with_up]} and {labels[up]}, "
            f"lowest {labels[with_down]} and {labels[down]}",
        )


@st.cache_data(max_entries=8, show_spinner=False)
def _profiles(digest: str, _songs: SongTable) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:  # noqa: ARG001
    """Where each mood stands, and the plain means with their units."""
    features = _songs.catalogue.features
    rows = {
        f"{FEATURE_LABELS[feature.name]}{f' ({feature.unit})' if feature.unit else ''}": [
            float(features[_songs.moods == position, column].mean()) if (_songs.moods == position).any() else None
            for position in range(len(MOODS))
        ]
        for column, feature in enumerate(FEATURES.values())
    }
    means = pd.DataFrame.from_dict(rows, orient="index", columns=[mood.value for mood in MOODS])
    return plots.mood_profiles(features, _songs.moods), means


def _show_profiles(songs: SongTable) -> None:
    profiles, means = _profiles(songs.digest, songs)
    chart, words = st.columns([3, 2], gap="large")
    with words:
        for mood, profile in zip(MOODS, profiles, strict=True):
            if np.isnan(profile).any():
                st.markdown(f"**{mood.capitalize()}**: no song of this table.")
                continue
            furthest = np.argsort(-np.abs(profile - 0.5), kind="stable")[:3]
            traits = [_COMPARATIVES[FEATURE_NAMES[at]][0 if profile[at] > 0.5 else 1] for at in furthest]
            st.markdown(f"**{mood.capitalize()}** songs are {traits[0]}, {traits[1]} and {traits[2]} than most.")
        st.caption(
            "The features have different units, so each value is replaced by its standing: the share of songs of this "
            "table that lie below it. An outline shows the mean standing of a mood's songs; on the dotted ring, at "
            "50 %, they are like the rest."
        )
        with st.expander("The plain means"):
            st.dataframe(
                means,
                key=state.music_widget("means"),
                column_config={mood.value: st.column_config.NumberColumn(format="%.2f") for mood in MOODS},
                alt="Mean of each feature for the songs of each mood",
            )
    with chart:
        st.plotly_chart(
            plots.profile_radar(profiles),
            key=state.music_widget("profiles"),
            config=_STILL,
            alt="The mean standing of each mood's songs in the nine features",
        )
