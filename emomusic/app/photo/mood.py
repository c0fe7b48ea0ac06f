"""Songs for a mood without a face."""

from __future__ import annotations

import streamlit as st

from emomusic.affect import Mood
from emomusic.app import address, state
from emomusic.app.answer import YOU, Listener, answer
from emomusic.app.charts import roomy_columns
from emomusic.app.picture_chooser import ALL_SAMPLES, choose_sample, shown_picture


def chosen_mood() -> Mood | None:
    """The mood in the URL, if there is no photo."""
    has_photo = shown_picture() is not None or address.chosen(state.SAMPLE) is not None
    return None if has_photo else next(iter(address.offered(state.MOOD, [*Mood])), None)


def choose_mood() -> None:
    """Show the moods in one row, and the samples as a group."""
    st.html("<style>.st-key-without-face { min-height: 2.625rem; }</style>")  # the pills appear later
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="without-face"):
        st.markdown("**No photo?** Choose a mood:", width="content")
        st.pills("Mood", list(Mood), label_visibility="collapsed", **address.widget(state.MOOD, [*Mood]))
        st.button(
            "All samples as a group",
            icon=":material/photo_library:",
            type="tertiary",
            on_click=choose_sample,
            args=(ALL_SAMPLES,),
            key="all-samples",
        )


def show_mood(mood: Mood) -> None:
    """Show the player and the plane for a mood."""
    with st.container(key="mood-answer", gap="small"):
        st.title(f"{mood.capitalize()} songs", anchor=False)
        choose_mood()
    songs = answer(Listener.of_mood(YOU, mood), "photo", policies=False)
    player, plane = roomy_columns([1, 1], key="mood", gap="large")
    with player:
        songs.show_player(f"emomusic-{mood}")
    with plane:
        songs.show_plane([])
