"""Gallery: show the faces of many photos by quadrant, and songs for all of them."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app import state
from emomusic.app.address import chosen
from emomusic.app.frame import is_loaded, require_app, shown_errors

require_app("gallery")

before = st.empty()  # the page before a choice, which a choice removes at once


def open_start() -> DeltaGenerator:
    """Show the title of the page; returns the container for the rest."""
    start = before.container()
    start.title("What do many faces sound like?", anchor=False)
    return start


is_new = not (is_loaded("emomusic.app.gallery.pictures") or chosen(state.GALLERY_RESULT))
start = open_start() if is_new else None

with shown_errors():
    # Imported after the title, because these load pandas and OpenCV
    from emomusic.app.charts import styled_room
    from emomusic.app.gallery.faces import show_gallery
    from emomusic.app.gallery.pictures import chosen_pictures, show_start

    if sources := chosen_pictures():
        show_gallery(sources)
    else:
        with start or open_start(), styled_room("gallery-start", 700):  # a link may name no samples
            show_start()
