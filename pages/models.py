"""Models: which emotions they see, for whom, a table of all models, and details of one or two."""

import streamlit as st

from emomusic.app.frame import open_page

open_page("models")

st.title("Which emotions can it see?", anchor=False)

# Imported after the title, because these load pandas and Plotly
from emomusic.app.models.page import show_models

show_models()
