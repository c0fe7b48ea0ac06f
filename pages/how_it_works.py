"""How it works page: the way from a photo to songs in steps, for a lesson."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app("how_it_works")

with shown_errors():
    from emomusic.ui.how_it_works.page import choose_step, show_step
    from emomusic.ui.how_it_works.walk import choose_photo

    with st.container(horizontal=True, vertical_alignment="center"):
        step = choose_step()
        photo = choose_photo()
    show_step(step, photo)
