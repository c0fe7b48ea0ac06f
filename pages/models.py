"""Models: which emotions they see, their answers about one face, and the figures of one or two."""

import streamlit as st

from emomusic.app.frame import open_page

open_page("models")

head = st.container(horizontal=True, vertical_alignment="center", key="models-head")
title = head.empty()
title.title("Which emotions can it see?", anchor=False, width="content")

# Imported after the title, because these load pandas and Plotly
from emomusic.app.models.page import show_models

show_models(head, title)
