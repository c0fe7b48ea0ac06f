"""Photo: show the faces of a photo, their emotions and matching songs."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app.choices import MOOD, SAMPLE
from emomusic.app.frame import is_loaded, open_page

open_page("photo")

before = st.empty()  # the page before a choice, which a choice removes at once
is_new = not (is_loaded("emomusic.app.picture_chooser") or SAMPLE.value or MOOD.value)


def open_start() -> DeltaGenerator:
    """Show the title and the purpose of the page; returns the container for the rest."""
    start = before.container()
    start.title("What does this face sound like?", anchor=False)
    start.markdown("EmoMusic finds the faces, estimates their emotions and plays matching songs.")
    return start


start = open_start() if is_new else None

# Imported after the title, because these load pandas and OpenCV
from emomusic.app.photo.page import show_page

show_page(lambda: start or open_start())
