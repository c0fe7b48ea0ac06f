"""The camera: faces read as they move, and music for the mood of the room."""

import streamlit as st

from emomusic import ui

ui.require_app()

st.title("What does this moment sound like?", anchor=False)

with ui.shown_errors():
    ui.show_live()
