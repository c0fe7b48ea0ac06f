"""Find a song: in the table, and on Spotify where there are keys for it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from emomusic.ui import state
from emomusic.ui.music_browse import matching
from emomusic.ui.music_classify import ask_for
from emomusic.ui.music_players import best_known_first, show_players
from emomusic.ui.music_tables import SongTable


def show_search(songs: SongTable) -> None:
    """Show a search field, the songs of the table it finds, and what Spotify finds."""
    typed = st.text_input(
        "A title, an artist, or both",
        key=state.MUSIC_QUERY,
        type="search",
        icon=":material/search:",
        placeholder="For example: queen",
        bind="query-params",
        width=480,
    )
    text = (typed or "").strip()
    here, there = st.columns(2, gap="large")
    with here:
        st.subheader("In this table", anchor=False)
        _search_table(songs, text)
    with there:
        st.subheader("On Spotify", anchor=False)
        _search_spotify(text)


def _search_table(songs: SongTable, text: str) -> None:
    if not text:
        st.caption(f"Searches the titles and artists of {len(songs):,} songs.")
        return
    rows = best_known_first(songs, np.flatnonzero(matching(songs.catalogue, text)))
    if not rows.size:
        st.info("No song of this table has all of these words.", icon=":material/search_off:")
        return
    st.caption(f"{len(rows):,} found{', the best known first' if 'popularity' in songs.catalogue.table else ''}.")
    show_players(songs, rows.tolist(), name="found", ask=ask_for)


def _search_spotify(text: str) -> None:  # noqa: ARG001
    st.markdown(
        "With keys of your own, this searches all of Spotify too. They are free for holders of a Premium account:"
    )
    st.markdown(
        "1. Open [developer.spotify.com/dashboard](https://developer.spotify.com/dashboard) and create an app; as "
        "redirect address give `http://127.0.0.1:8501`.\n"
        "2. Copy its client ID and secret into the file `.streamlit/secrets.toml` of this app:\n"
        '```toml\n[spotify]\nclient_id = "…"\nclient_secret = "…"\n```\n'
        "3. Start the app again."
    )
