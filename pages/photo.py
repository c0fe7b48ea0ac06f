"""Photo: show the faces of a photo, their emotions and matching songs."""

import streamlit as st

from emomusic.ui.core.frame import require_app, shown_errors

require_app()

st.title("What does this face sound like?", anchor=False)
st.markdown("Choose a photo. EmoMusic finds the faces, estimates their emotions and plays matching songs.")

with shown_errors():
    # Imported after the title, because these load pandas and OpenCV
    from emomusic.ui.core.picture_chooser import choose_picture
    from emomusic.ui.core.welcome import show_welcome
    from emomusic.ui.photo.faces import face_points, read_picture, show_photo_downloads, show_reading
    from emomusic.ui.songs.choose import choose_songs

    if (picture := choose_picture()) is None:
        show_welcome()
    else:
        result = read_picture(picture)
        if (listener := show_reading(result)) is not None:
            songs, request = choose_songs(listener, face_points(result))
            show_photo_downloads(result, listener, songs, request)
