"""Photo: show the faces of a photo, their emotions and matching songs."""

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.core.address import chosen
from emomusic.ui.core.frame import require_app, shown_errors

require_app("photo")

if "state" in st.query_params or state.SPOTIFY_CALLBACK in st.session_state:  # Spotify's redirect
    from emomusic.ui.songs.take_along import finish_sign_in

    if finish_sign_in():
        st.stop()

head = st.empty()  # drawn at once if there is no photo yet; else removed at once


def show_head() -> None:
    """Show the title and the purpose of the page."""
    with head.container():
        st.title("What does this face sound like?", anchor=False)
        st.markdown("Choose a photo. EmoMusic finds the faces, estimates their emotions and plays matching songs.")


is_new = st.session_state.get(state.PICTURE) is None and not (chosen(state.SAMPLE) or chosen(state.MOOD))
if is_new:
    show_head()

with shown_errors():
    # Imported after the title, because these load pandas and OpenCV
    from emomusic.ui.core.example import show_example
    from emomusic.ui.core.picture_chooser import choose_another_picture, choose_picture
    from emomusic.ui.photo.answer import show_photo
    from emomusic.ui.photo.mood import choose_mood, chosen_mood, show_mood

    if (picture := choose_another_picture(also_without=chosen_mood() is not None)) is not None:
        show_photo(picture)
    elif (mood := chosen_mood()) is not None:
        show_mood(mood)
    else:
        if not is_new:  # the link names no sample
            show_head()
        if choose_picture() is not None:
            st.rerun()
        choose_mood()
        show_example("A sample, your own photo or a mood replaces this example.")
