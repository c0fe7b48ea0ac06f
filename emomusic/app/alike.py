"""More like this: a queue goes on with songs like the current one."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from weakref import ref

import streamlit as st

from emomusic.affect import Mood
from emomusic.songs.queue import SongQueue
from emomusic.songs.similar import songs_like
from emomusic.songs.song import Pick, Song


def show_alike(current: Pick | None, queue: SongQueue, place: str, play_next: Callable[[], None]) -> None:
    """Show the menu "More like this", if something is known of the current song.

    Args:
        current: song of the queue.
        queue: of a place.
        place: for the keys of widgets.
        play_next: plays the next song of the queue.
    """
    if current is None or isnan(current.song.valence):
        return
    weak = ref(queue)  # Streamlit keeps callbacks after the session

    def go_on(song: Song, mood: Mood | None) -> None:
        if (found := weak()) is not None:
            found.follow_with(songs_like(song, found.recommender, found.request, mood=mood))
            play_next()

    with st.popover("More like this", icon=":material/playlist_add:", key=f"alike-{place}"):
        for label, mood in ((f"In this mood: {current.likeliest_mood}", current.likeliest_mood), ("In any mood", None)):
            key = f"alike-{place}-{'any' if mood is None else 'same'}"
            st.button(label, on_click=go_on, args=(current.song, mood), type="tertiary", key=key)
