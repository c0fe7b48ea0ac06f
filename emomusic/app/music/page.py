"""The Music page: what its songs are, and its tabs, of which only the open one is computed.

The last tab shows how the moods differ: the distribution of each feature by mood, and which features rise together.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from emomusic.app.charts import show_chart
from emomusic.app.choices import MUSIC_TAB, WHAT_IF, YOUR_SONG, Source
from emomusic.app.frame import shown_errors, text_color
from emomusic.app.music.classify import show_one_song, show_own_song
from emomusic.app.music.explore import show_explore
from emomusic.app.music.songs import forget_other_source, labelled_songs, shown_songs
from emomusic.app.sources import YourMusic, draw_music, your_music
from emomusic.app.state import MusicState, page_state
from emomusic.assets import ModelKind
from emomusic.charts import music as plots
from emomusic.records import MoodModelRecord, read_record
from emomusic.songs.listing import Songs
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MOODS
from emomusic.songs.song import FEATURE_LABELS, FEATURES
from emomusic.text import pluralize


def show_music() -> None:
    """Show the summary, "Your music" and the tabs.

    Raises:
        EmomusicError: the catalogue or a model is damaged.
    """
    music = your_music()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="music-head"):
        heading = st.container(width="content")  # keeps its text and its place until it is written again
        draw_music(music)
        explanation = st.popover("What the numbers mean", icon=":material/help:")
    with st.spinner("Reading songs and moods"):
        songs = shown_songs(music)
    if songs is None:
        st.info("No song passes the options of your music. Change them.", icon=":material/filter_alt_off:")
        return
    counts = np.bincount(songs.moods, minlength=len(MOODS))
    order = np.argsort(-counts, kind="stable")
    which = f"{len(songs):,} of " if len(songs) != songs.num_all else ""
    moods = ", ".join(f"{counts[position]:,} {MOODS[position]}" for position in order)
    heading.markdown(f"**{which}{pluralize(songs.num_all, 'song')}**: {moods}")
    forget_other_source(music)
    tabs = {"Explore": show_explore, YOUR_SONG: show_own_song, WHAT_IF: show_one_song, "Moods": _show_differences}
    shown = MUSIC_TAB.draw(st.tabs, list(tabs))
    for tab, show in zip(shown, tabs.values(), strict=True):
        if tab.open:
            with tab, shown_errors():  # the other tabs stay
                show(songs, music)
    page_state(MusicState).starts = ""  # a click starts a song of the open tab, now or never
    with explanation:
        _explain_numbers(songs)


def _origin(songs: Songs) -> str:
    if songs.catalogue.songs and all(song.hearing is not None for song in songs.catalogue.songs):
        return "The moods were heard in the audio files."
    if songs.num_labelled == len(songs):
        return "The moods are labels of the table."
    if songs.num_labelled:
        return f"{songs.num_labelled:,} moods are labels of the table. The others are predictions {_accuracy()}."
    if not songs.catalogue.has_features:
        return f"The moods are predictions {_accuracy()}; without all features, those nearest to valence and energy."
    return f"The moods are predictions {_accuracy()}."


@st.cache_data(show_spinner=False)
def _accuracy() -> str:
    """The accuracy of the mood model, from its saved metrics."""
    record = read_record(ModelKind.MUSIC, DEFAULT_MOOD_MODEL)
    assert isinstance(record, MoodModelRecord)
    return (
        f"by the model *{record.name}* from audio features, with an accuracy of {100 * record.accuracy:.0f} ± "
        f"{100 * record.accuracy_std:.0f} % on {record.n} held-out songs"
    )


def _explain_numbers(songs: Songs) -> None:
    """Show the source of the moods, and the meaning of the plane and the features."""
    st.markdown(
        f"{_origin(songs)}\n\n"
        "**Plane.** A song lies where a face of its moods would: at the mean of their corners, weighted by their "
        "probabilities; a fifth of its place is Spotify's valence and energy, where known. That valence is another "
        "measure: it is low for most songs that people call calm.\n\n"
        "**Lists** have the best known version of each song.\n\n"
        "**Features** from Spotify:\n\n"
        + "\n".join(f"- *{feature.titled}*: {feature.description}" for feature in FEATURES.values())
    )


# The tab on the differences of the moods

_MIN_CORRELATED, _MIN_COMPARED = 10, 20  # songs, and songs of a mood


def _show_differences(songs: Songs, music: YourMusic) -> None:
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
