"""Film page: the faces of a film, its scenes, and songs that follow them."""

import streamlit as st

from emomusic.app.choices import FILM_SAMPLE
from emomusic.app.film.state import FilmState
from emomusic.app.frame import open_page
from emomusic.app.state import page_state

open_page("film")

if page_state(FilmState).job is None and FILM_SAMPLE.value is None:
    st.title("What does this film sound like?", anchor=False)

from emomusic.app.film.page import show_film  # after the title, because it loads OpenCV and FFmpeg

show_film()
