"""The tab on how the moods differ: the distribution of each feature by mood, and which features rise together."""

from __future__ import annotations

import numpy as np
import streamlit as st

from emomusic.app.charts import show_chart
from emomusic.app.choices import Source
from emomusic.app.frame import text_color
from emomusic.app.music.songs import labelled_songs
from emomusic.app.sources import YourMusic
from emomusic.charts import music as plots
from emomusic.songs.listing import Songs
from emomusic.songs.mood import MOODS
from emomusic.songs.song import FEATURE_LABELS
from emomusic.text import pluralize

_MIN_CORRELATED, _MIN_COMPARED = 10, 20  # songs, and songs of a mood


def show_differences(songs: Songs, music: YourMusic) -> None:
    """Show the features of the labelled songs, if they are on this computer, or else of the shown ones."""
    labelled = labelled_songs() if music.shown is Source.SPOTIFY else None
    if labelled is not None:
        st.caption(f"{pluralize(len(labelled), 'song')} with a mood label, from which the mood models learned.")
    elif music.shown is Source.SPOTIFY:
        st.caption("These moods are predictions.")
    compared = labelled or songs
    if not compared.catalogue.has_features:
        st.info("These songs have moods only. A comparison needs audio features.", icon=":material/grid_off:")
        return
    _show_features(compared)
    _show_correlations(compared)


def _show_features(songs: Songs) -> None:
    features, moods = songs.catalogue.features, songs.moods
    standings = songs.cached("standings", lambda: plots.standings(features, moods))
    ridges = songs.cached(
        ("ridges", text_color()),
        lambda: [plots.feature_ridges(features, moods, standing.feature) for standing in standings],
    )
    best, last = standings[0], standings[-1]
    present, counts = np.unique(moods, return_counts=True)
    if len(present) == 1:
        st.markdown(f"All of these songs are {MOODS[present[0]]}, so there are no moods to compare.")
    elif counts.min() < _MIN_COMPARED:
        st.markdown(f"Each mood needs {_MIN_COMPARED} songs for a comparison. The curves show those that there are.")
    else:
        st.markdown(
            f"**{best.feature.label} differs most between the moods**, lowest for {best.lowest} and "
            f"highest for {best.highest} songs; {last.feature.label.lower()} differs least."
        )
    st.caption(
        "Distributions by mood, scaled to equal height, with the median on the line. The percentage is the share of "
        "variance that the mood explains (eta squared)."
    )
    with st.grid("auto", min_column_width=230, gap="medium"):
        for standing, ridge in zip(standings, ridges, strict=True):
            feature = standing.feature
            order = f"lowest for {standing.lowest} songs, highest for {standing.highest} songs"
            order = order if standing.lowest != standing.highest else "the same for all"
            with st.container(gap="xxsmall"):
                st.markdown(f"**{feature.label}** · {100 * standing.share:.0f} %", help=feature.description)
                show_chart(ridge, key=f"music-hills-{feature.name}", alt=f"{feature.label} by mood, {order}")


def _show_correlations(songs: Songs) -> None:
    st.subheader("Which features rise together", anchor=False)
    if len(songs) < _MIN_CORRELATED:
        st.info(f"Correlations need at least {_MIN_CORRELATED} songs.", icon=":material/grid_off:")
        return
    matrix = songs.cached("correlations", lambda: plots.correlations(songs.catalogue.features))
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
            key="music-correlations",
            alt=f"Correlations of the nine features. {strongest.replace('*', '')}",
        )
