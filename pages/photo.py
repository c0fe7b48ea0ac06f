"""Photo: a picture in; faces, emotions and songs out."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app()

st.title("What does this face sound like?", anchor=False)
st.markdown("Choose a picture. EmoMusic finds the faces, reads their expressions and plays songs that fit.")

with shown_errors():
    # After the title: these load pandas and OpenCV
    from emomusic.ui.core.picture_chooser import choose_picture
    from emomusic.ui.core.welcome import show_welcome
    from emomusic.ui.photo.downloads import show_photo_downloads
    from emomusic.ui.photo.faces import face_points, read_picture, show_reading
    from emomusic.ui.songs.choose import choose_songs

    if (picture := choose_picture()) is None:
        show_welcome()
    else:
        seen = read_picture(picture)
        if (listener := show_reading(seen)) is not None:
            songs, request = choose_songs(listener, face_points(seen))
            show_photo_downloads(seen, listener, songs, request)
