"""Gallery: many pictures, their faces by quadrant, and songs for all of them."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app()

st.title("What do many faces sound like?", anchor=False)
st.markdown(
    "Drop up to a hundred portraits, or pictures of friends who agree. EmoMusic sorts every face by its expression "
    "and plays songs for all of them. The pictures stay in memory."
)

with shown_errors():
    # After the title: these load pandas and OpenCV
    from emomusic.ui.gallery.downloads import show_gallery_downloads
    from emomusic.ui.gallery.faces import gallery_points, show_faces_table, show_gallery
    from emomusic.ui.gallery.pictures import choose_pictures, read_gallery, show_gallery_samples
    from emomusic.ui.songs.choose import choose_songs

    if not (sources := choose_pictures()):
        show_gallery_samples()
    else:
        gallery = read_gallery(sources)
        if (listener := show_gallery(gallery)) is not None:
            songs, request = choose_songs(listener, gallery_points(gallery))
            show_faces_table(gallery)
            show_gallery_downloads(gallery, listener, songs, request)
