"""The front door: a picture in, faces, emotions and songs out."""

import streamlit as st

from emomusic import ui

ui.require_app()

st.title("What does this face sound like?", anchor=False)
st.markdown(
    "Choose a picture: its faces are found, their expressions read, and songs of that mood play. It stays in memory."
)

with ui.shown_errors():
    if (picture := ui.choose_picture()) is None:
        ui.show_welcome()
    else:
        seen = ui.read_picture(picture)
        if (listener := ui.show_reading(seen)) is not None:
            songs, request = ui.choose_songs(listener, ui.face_points(seen))
            ui.offer_downloads(seen, listener, songs, request)
