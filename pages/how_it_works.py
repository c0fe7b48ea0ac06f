"""How it works page: the way from a photo to songs in steps, for a lesson."""

from emomusic.app.frame import open_page

open_page("how_it_works")

from emomusic.app.how_it_works.page import show_page

show_page()
