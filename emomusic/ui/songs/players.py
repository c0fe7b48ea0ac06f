"""Spotify's players, embedded, and links to it."""

from __future__ import annotations

import streamlit as st

from emomusic.music.spotify.embeds import PLAYER_HEIGHT, embed_url, track_url
from emomusic.ui.core import state


def spotify_link(track_id: str) -> str:
    """A link to a song, in Markdown."""
    return f"[Open in Spotify]({track_url(track_id)})"


def show_player(track_id: str, name: str, *, place: tuple[str, int]) -> None:
    """A player of one song.

    Another song gets another frame: one whose address changes is a step in the browser's history, and the button Back
    would turn the players back one by one, under titles of other songs. A keyed container sees to that, at one of two
    places in turn. At the same place it would begin with what was in the container before, and on a busy server that is
    long enough for the old song to load in the new frame.

    Args:
        track_id: of the song on Spotify.
        name: of the song, for who cannot see the player.
        place: the list it stands in, named once on a page, and its number there.
    """
    at = state.player_at(*place)
    before, is_second = st.session_state.get(at, (track_id, False))
    is_second ^= before != track_id
    st.session_state[at] = track_id, is_second
    with st.container(gap=None):
        if is_second:
            st.empty()
        with st.container(key=state.player(*place, track_id)):
            st.iframe(embed_url(track_id), height=PLAYER_HEIGHT, alt=f"Spotify player: {name}")
