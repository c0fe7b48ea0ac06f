"""Film page: the faces of a film, its scenes, and songs that follow them."""

import streamlit as st

from emomusic.app.choices import FILM_SAMPLE
from emomusic.app.frame import open_page
from emomusic.app.state import held_things

open_page("film")

if FILM_SAMPLE.value is None and "film" not in held_things():
    st.title("What does this film sound like?", anchor=False)

from emomusic.app.film.page import show_film  # after the title, because it loads OpenCV and FFmpeg

show_film()
