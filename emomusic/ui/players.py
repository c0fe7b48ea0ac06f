"""Spotify's players, embedded."""

from __future__ import annotations

import streamlit as st

from emomusic.music.spotify import PLAYER_HEIGHT, embed_url
from emomusic.ui import state


def show_player(track_id: str, name: str, *, place: tuple[str, int]) -> None:
    """A player of one song.

    Another song gets another frame, which a keyed container sees to: a frame whose address changes is a step in the
    browser's history, and the button Back would turn the players back one by one, under titles of other songs.

    Args:
        track_id: of the song on Spotify.
        name: of the song, for who cannot see the player.
        place: the list it stands in, named once on a page, and its number there.
    """
    with st.container(key=state.player(*place, track_id)):
        st.iframe(embed_url(track_id), height=PLAYER_HEIGHT, alt=f"Spotify player: {name}")
