"""Live: faces before the camera, and music for the mood of the room."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app()

st.title("What does this moment sound like?", anchor=False)

with shown_errors():
    from emomusic.ui.live.page import show_live  # after the title: this loads OpenCV and WebRTC

    show_live()
