"""The Music page: what its songs are, and its tabs. Only the open tab is computed."""

from __future__ import annotations

import numpy as np
import streamlit as st

from emomusic.app.choices import MUSIC_TAB
from emomusic.app.frame import shown_errors
from emomusic.app.music.classify import show_one_song, show_own_song
from emomusic.app.music.differences import show_differences
from emomusic.app.music.explore import show_explore
from emomusic.app.music.songs import WHAT_IF, YOUR_SONG, MusicState, forget_other_source, shown_songs
from emomusic.app.sources import draw_music, your_music
from emomusic.app.state import page_state
from emomusic.assets import ModelKind
from emomusic.records import MoodModelRecord, read_record
from emomusic.songs.listing import Songs
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MOODS
from emomusic.songs.song import FEATURES
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
    tabs = {"Explore": show_explore, YOUR_SONG: show_own_song, WHAT_IF: show_one_song, "Moods": show_differences}
    shown = MUSIC_TAB.draw(st.tabs, list(tabs))
    for tab, show in zip(shown, tabs.values(), strict=True):
        if tab.open:
            with tab, shown_errors():  # the other tabs stay
                show(songs, music)
    page_state(MusicState).starts = ""  # a click starts a song of the open tab, now or never
    with explanation:
        _explain_numbers(songs)


def _origin(songs: Songs) -> str:
    if songs.catalogue.is_local and not songs.catalogue.has_features and not songs.num_labelled:
        return "The moods were heard in the audio files."
    if songs.num_labelled == len(songs):
        return "The moods are labels of the table."
    if songs.num_labelled:
        return f"{songs.num_labelled:,} moods are labels of the table. The others are predictions {_accuracy()}."
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
        "probabilities. Spotify's valence is another measure: it is low for most songs that people call calm.\n\n"
        "**Lists** have the best known version of each song.\n\n"
        "**Features** from Spotify:\n\n"
        + "\n".join(
            f"- *{feature.label}*{f' ({feature.unit})' if feature.unit else ''}: {feature.description}"
            for feature in FEATURES.values()
        )
    )
