"""Live page: emotions of faces on the webcam, and songs for their mood."""

import streamlit as st

from emomusic.app.frame import open_page

open_page("live")

st.title("What does this moment sound like?", anchor=False)

from emomusic.app.live.page import show_live  # after the title, because it loads OpenCV

show_live()
