"""Music: songs on the valence-energy plane and as a table, and the mood of one song."""

import streamlit as st

from emomusic.app.frame import open_page

open_page("music")

st.title("What does a mood sound like?", anchor=False)

# Imported after the title, because this loads pandas and Plotly
from emomusic.app.music.page import show_music

show_music()
