"""Music: songs on the valence-energy plane and as a table, and the mood of one song."""

from emomusic.app.frame import open_page

open_page("music", "What does a mood sound like?")

from emomusic.app.music.page import show_music

show_music()
