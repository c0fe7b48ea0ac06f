"""The tabs of the Music page. Only the open tab is computed; results are cached with the table."""

from __future__ import annotations

import streamlit as st

from emomusic.app import state
from emomusic.app.address import choose, chosen, text_widget, widget
from emomusic.app.frame import shown_errors
from emomusic.app.music.catalogues import MoodCatalogue
from emomusic.app.music.classify import show_one_song
from emomusic.app.music.explore import show_features, show_profiles
from emomusic.app.music.plane import show_plane
from emomusic.app.music.search import show_search
from emomusic.app.music.song_list import CLASSIFY, forget_other_tables, show_table

TABLE, FIND = "Table", "Found songs"
"""Titles of the tabs that follow a search."""


@st.fragment
def show_tabs(songs: MoodCatalogue) -> None:
    """Show the search and the tabs; a search, a change of tab and a selection rerun only this fragment."""
    forget_other_tables(songs)
    tabs = {
        "Plane": show_plane,
        "Explore": show_features,
        "Mood profiles": show_profiles,
        TABLE: show_table,
        CLASSIFY: show_one_song,
        FIND: show_search,
    }
    st.text_input(
        "Find a song",
        type="search",
        icon=":material/search:",
        placeholder="Find a song: title, artist, or both",
        label_visibility="collapsed",
        width=480,
        **text_widget(state.MUSIC_QUERY) | {"on_change": _show_found, "args": ()},
    )
    first, *_ = tabs
    shown = st.tabs(list(tabs), **widget(state.MUSIC_TAB, list(tabs), first))
    for tab, show in zip(shown, tabs.values(), strict=True):
        if tab.open:
            with tab, shown_errors():  # an error in a fragment does not reach the page
                show(songs)


def _show_found() -> None:
    """Store the words of a search, and open its tab unless the table shows the songs too."""
    words = st.session_state[state.MUSIC_QUERY]
    opened = {state.MUSIC_TAB: FIND} if words and chosen(state.MUSIC_TAB) != TABLE else {}
    choose({state.MUSIC_QUERY: words or None} | opened)
