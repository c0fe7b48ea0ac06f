"""Explore the songs: where they lie, how the moods differ, what mood a song is."""

import streamlit as st

from emomusic import ui

ui.require_app()

st.title("What does a mood sound like?", anchor=False)
st.markdown("Thousands of songs on the same map as the faces. Choose a table, draw around songs to hear them.")

with ui.shown_errors():
    if (songs := ui.choose_table()) is not None:
        ui.show_song_plane(songs)
        ui.show_views(songs)
