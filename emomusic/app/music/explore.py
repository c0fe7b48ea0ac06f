"""What the features of a table's songs tell: by mood, in pairs, and the profile of each mood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from emomusic.affect import Mood
from emomusic.app import state
from emomusic.app.charts import show_chart
from emomusic.app.frame import text_color
from emomusic.app.music.catalogues import MoodCatalogue, cached_per_catalogue
from emomusic.charts import music as plots
from emomusic.charts.colours import write_in
from emomusic.songs.features import FEATURE_LABELS, FEATURE_NAMES, FEATURES
from emomusic.songs.mood import MOODS
from emomusic.text import join_names

_MIN_CORRELATED = 10  # songs
_MIN_DEVIATION = 0.1  # of a mood's mean percentile from 0.5, to be mentioned
_CLEAR_DEVIATION = 0.2  # smaller deviations are "a little"

_COMPARATIVES = {
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
"""Words for songs with a higher and with a lower value of each feature."""


@cached_per_catalogue
def _standings(songs: MoodCatalogue) -> list[plots.Standing]:
    return plots.standings(songs.catalogue.features, songs.moods)


@cached_per_catalogue
def _ridges(songs: MoodCatalogue, colour: str | None) -> list[go.Figure]:
    features = songs.catalogue.features
    order = [standing.feature for standing in _standings(songs)]
    figures = [plots.feature_ridges(features[:, FEATURE_NAMES.index(f.name)], songs.moods, f) for f in order]
    for figure in figures:
        write_in(figure, colour)
    return figures


def show_features(songs: MoodCatalogue) -> None:
    """Show how the features differ between the moods, and how they depend on each other."""
    if not _has_features(songs):
        return
    _show_differences(songs)
    st.markdown("**Which features rise together**")
    _show_correlations(songs)


def _show_differences(songs: MoodCatalogue) -> None:
    standings = _standings(songs)
    best, last = standings[0], standings[-1]
    if not _warn_of_single_mood(songs):
        st.markdown(
            f"**{best.feature.label} differs most between the moods**, lowest for {best.lowest} and "
            f"highest for {best.highest} songs; {last.feature.label.lower()} differs least."
        )
    st.caption(
        "Distributions by mood, scaled to equal height, with the median on the line. The percentage is the share of "
        "variance that the mood explains (eta squared)."
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


def _has_features(songs: MoodCatalogue) -> bool:
    """Whether the songs have audio features; otherwise, say so."""
    if not songs.catalogue.has_features:
        st.info("These songs have moods only. A comparison needs audio features.", icon=":material/grid_off:")
    return songs.catalogue.has_features


def _warn_of_single_mood(songs: MoodCatalogue) -> bool:
    """Show a message if all songs have one mood, and return whether this is so."""
    present = np.unique(songs.moods)
    if len(present) == 1:
        st.markdown(f"All songs of this table are {MOODS[present[0]]}, so there are no moods to compare.")
    return len(present) == 1


def _show_correlations(songs: MoodCatalogue) -> None:
    if len(songs) < _MIN_CORRELATED:
        st.info(f"Correlations need at least {_MIN_CORRELATED} songs.", icon=":material/grid_off:")
        return
    matrix = plots.correlations(songs.catalogue.features)
    labels = FEATURE_LABELS
    lower = np.where(np.tri(len(labels), k=-1, dtype=bool), np.nan_to_num(matrix), 0.0)
    up, with_up = divmod(int(lower.argmax()), len(labels))
    down, with_down = divmod(int(lower.argmin()), len(labels))
    sentences = []
    if (highest := lower[up, with_up]) > 0:
        sentences.append(f"**{labels[with_up]} and {labels[up].lower()} rise together** ({highest:.2f}).")
    if (lowest := lower[down, with_down]) < 0:
        sentences.append(
            f"If {labels[with_down].lower()} is high, {labels[down].lower()} tends to be low (\u2212{-lowest:.2f})."
        )
    chart, words = st.columns([3, 2], gap="large")
    with words:
        for sentence in sentences:
            st.markdown(sentence)
        st.caption(
            "Pearson correlation of each pair of features over all songs of this table: 1 means that both rise "
            "together, \u22121 that one falls as the other rises, 0 no linear relation. A correlation does not show a "
            "cause."
        )
    with chart:
        show_chart(
            plots.correlation_map(matrix),
            key=state.music_widget("correlations"),
            alt=" ".join(["Correlations of the nine features.", *sentences]).replace("*", ""),
        )


@cached_per_catalogue
def _profiles(songs: MoodCatalogue) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:
    """The mean percentiles of each mood, and the means with units."""
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


def describe_profile(mood: Mood, profile: npt.NDArray[np.float64]) -> str:
    """Describe how the songs of a mood differ from others, in one sentence."""
    if np.isnan(profile).any():
        return f"**{mood.capitalize()}**: no song in this table."
    furthest = np.argsort(-np.abs(profile - 0.5), kind="stable")[:3]
    traits = [
        ("" if abs(profile[at] - 0.5) >= _CLEAR_DEVIATION else "a little ")
        + _COMPARATIVES[FEATURE_NAMES[at]][0 if profile[at] > 0.5 else 1]
        for at in furthest
        if abs(profile[at] - 0.5) >= _MIN_DEVIATION
    ]
    if not traits:
        return f"**{mood.capitalize()}** songs are like the rest."
    return f"**{mood.capitalize()}** songs are {join_names(traits)} than most."


def show_profiles(songs: MoodCatalogue) -> None:
    """Show the mean percentiles of each mood."""
    if not _has_features(songs):
        return
    profiles, means = _profiles(songs)
    chart, words = st.columns([3, 2], gap="large")
    with words:
        if not _warn_of_single_mood(songs):
            for mood, profile in zip(MOODS, profiles, strict=True):
                st.markdown(describe_profile(mood, profile))
        st.caption(
            "Each value is a percentile: the share of songs in this table with a lower value. An outline shows a "
            "mood's mean percentiles; the dotted ring at 50 % is the mean of all songs."
        )
        with st.expander("Means with units"):
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
            alt="Mean percentiles of each mood in the nine features",
        )
