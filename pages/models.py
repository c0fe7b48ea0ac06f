"""How good the models are: all in one table, one or two looked at closely."""

import streamlit as st

from emomusic import ui

ui.require_app()

st.title("How good are the models?", anchor=False)
st.markdown("Every figure is read from files that training and judging wrote. Choose a model to see where it fails.")

with ui.shown_errors():
    if (chosen := ui.choose_models()) is not None:
        ui.show_diagnoses(chosen)
