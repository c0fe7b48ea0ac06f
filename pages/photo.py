"""Photo: show the faces of a photo, their emotions and matching songs."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app import state
from emomusic.app.address import chosen
from emomusic.app.frame import is_loaded, open_page

open_page("photo")

NOTE = "A sample, your own photo or a mood replaces this example."

before = st.empty()  # the page before a choice, which a choice removes at once
is_new = not (is_loaded("emomusic.app.picture_chooser") or chosen(state.SAMPLE) or chosen(state.MOOD))


def open_start() -> DeltaGenerator:
    """Show the title and the purpose of the page; returns the container for the rest."""
    start = before.container()
    start.title("What does this face sound like?", anchor=False)
    start.markdown("Choose a photo. EmoMusic finds the faces, estimates their emotions and plays matching songs.")
    return start


start = open_start() if is_new else None

# Imported after the title, because these load pandas and OpenCV
from emomusic.app.charts import reserve_space
from emomusic.app.example import show_example
from emomusic.app.photo.page import choose_mood, chosen_mood, show_mood, show_photos
from emomusic.app.picture_chooser import choose_other_pictures, choose_picture, keep_over_reload, shown_pictures

has_photos = bool(shown_pictures())  # the script's variables stay, so they hold no photo
mood = None if has_photos else chosen_mood()
if has_photos or mood is not None:
    choose_other_pictures()
if has_photos:
    show_photos()
elif mood is not None:
    show_mood(mood)
else:
    with start or open_start(), reserve_space("start", 700):  # a link may name no sample
        choose_picture()
        if shown_pictures():  # an upload arrived
            st.rerun()
        choose_mood()
        show_example(NOTE)
keep_over_reload()
