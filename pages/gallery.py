"""Gallery: show the faces of many photos by quadrant, and songs for all of them."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app()

st.title("What do many faces sound like?", anchor=False)
st.markdown(
    "Choose up to 100 portraits, or photos of people who agree. EmoMusic sorts the faces by quadrant and recommends "
    "songs for all of them."
)

with shown_errors():
    # Imported after the title, because these load pandas and OpenCV
    from emomusic.ui.gallery.faces import gallery_points, show_faces_table, show_gallery, show_gallery_downloads
    from emomusic.ui.gallery.pictures import choose_pictures, read_gallery, show_gallery_samples
    from emomusic.ui.songs.choose import choose_songs

    if not (sources := choose_pictures()):
        show_gallery_samples()
    else:
        result = read_gallery(sources)
        if (listener := show_gallery(result)) is not None:
            songs, request = choose_songs(listener, gallery_points(result))
            show_faces_table(result)
            show_gallery_downloads(result, listener, songs, request)
