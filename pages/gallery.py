"""Gallery: show the faces of many photos by quadrant, and songs for all of them."""

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.core.address import chosen
from emomusic.ui.core.frame import require_app, shown_errors

require_app("gallery")

if not (st.session_state.get(state.GALLERY_FILES) or chosen(state.GALLERY_RESULT)):
    st.title("What do many faces sound like?", anchor=False)
    st.markdown(
        "Choose up to 100 portraits, or photos of people who agree. EmoMusic sorts the faces by quadrant and plays "
        "songs for all of them."
    )

with shown_errors():
    # Imported after the title, because these load pandas and OpenCV
    from emomusic.ui.gallery.faces import show_gallery
    from emomusic.ui.gallery.pictures import choose_pictures, read_gallery, show_gallery_samples

    if not (sources := choose_pictures()):
        show_gallery_samples()
    else:
        show_gallery(read_gallery(sources))
