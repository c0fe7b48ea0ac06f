"""The camera: faces read as they move, and music for the mood of the room."""

import streamlit as st

from emomusic import ui

ui.require_app()

st.title("What does this moment sound like?", anchor=False)
st.markdown("Your camera, read as it runs: the faces, where they are on the plane, and songs when you ask for them.")

with ui.shown_errors():
    ui.show_live()
