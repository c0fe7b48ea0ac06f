"""Many pictures at once: their faces on a wall by quadrant, songs for all of them, a table to take away."""

import streamlit as st

from emomusic import ui

ui.require_app()

st.title("What do many faces sound like?", anchor=False)
st.markdown(
    "Drop up to a hundred portraits, or pictures of friends who agree: every face is found, read and hung by its "
    "expression, and songs for all of them play. They stay in memory."
)

with ui.shown_errors():
    if not (offered := ui.choose_pictures()):
        ui.show_offer()
    else:
        gallery = ui.read_gallery(offered)
        if (listener := ui.show_wall(gallery)) is not None:
            songs, request = ui.choose_songs(listener, ui.gallery_points(gallery))
            ui.show_faces_table(gallery)
            ui.offer_gallery(gallery, listener, songs, request)
