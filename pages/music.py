"""Music: songs on the valence-energy plane and as a table, and the mood of one song."""

import streamlit as st

from emomusic.app import state
from emomusic.app.frame import open_page

open_page("music")

# The notice stays below the screen while a tab changes. First, because a late style would move the tabs
st.html(f"<style>.st-key-{state.MUSIC_TAB} {{ min-height: 100vh; }}</style>")
st.title("What does a mood sound like?", anchor=False)

# Imported after the title, because this loads pandas and Plotly
from emomusic.app.music.page import show_music

show_music()
