"""Live page: emotions of faces on the webcam, and songs for their mood."""

from emomusic.app.frame import open_page

open_page("live", "What does this moment sound like?")

from emomusic.app.live.page import show_live

show_live()
