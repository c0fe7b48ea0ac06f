"""Models: which emotions they see, their answers about one face, and the figures of one or two."""

import streamlit as st

from emomusic.app.frame import open_page

open_page("models")

title = st.empty()
title.title("Which emotions can it see?", anchor=False)

# Imported after the title, because these load pandas and Plotly
from emomusic.app.models.page import show_models

show_models(title)
