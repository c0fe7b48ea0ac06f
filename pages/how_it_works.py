"""The whole way from a picture to songs, one screen a step, made to be presented."""

import streamlit as st

from emomusic import ui

ui.require_app()

with ui.shown_errors():
    with st.container(horizontal=True, vertical_alignment="center"):
        step = ui.choose_step()
        picture = ui.choose_example()
    ui.show_step(step, picture)
