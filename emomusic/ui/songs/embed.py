"""Embedded Spotify players."""

from __future__ import annotations

import streamlit as st

from emomusic.music.spotify.embeds import PLAYER_HEIGHT, embed_url
from emomusic.ui.core import state


def show_player(track_id: str, name: str, *, place: tuple[str, int], height: int = PLAYER_HEIGHT) -> None:
    """Show the player of one song.

    Another song needs a new frame: a changed frame address would be a step of the browser's history, and Back would
    change the players one by one. The keyed container creates the frame in one of two alternating slots. In the same
    slot, a slow server could load the old song into the new frame.

    Args:
        track_id: of the song on Spotify.
        name: of the song, for screen readers.
        place: the name of the list, unique on the page, and the song's number in it.
        height: of the player, in pixels.
    """
    slot = state.player_at(*place)
    before, is_second = st.session_state.get(slot, (track_id, False))
    is_second ^= before != track_id
    st.session_state[slot] = track_id, is_second
    with st.container(gap=None):
        slots = st.container(), st.container()
        slots[not is_second].empty()  # at once: a stale player would stay until the end of the run
        with slots[is_second].container(key=state.player(*place, track_id)):
            st.iframe(embed_url(track_id), height=height, alt=f"Spotify player: {name}")
