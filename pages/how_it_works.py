"""How it works: from a picture to songs, one screen for each step, for presenting in class."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app()

with shown_errors():
    from emomusic.ui.how_it_works.page import choose_step, show_step
    from emomusic.ui.how_it_works.walk import choose_example

    with st.container(horizontal=True, vertical_alignment="center"):
        step = choose_step()
        picture = choose_example()
    show_step(step, picture)
