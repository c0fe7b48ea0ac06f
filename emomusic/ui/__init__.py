"""Everything that knows Streamlit. Pages take what they need from here."""

from emomusic.ui.downloads import offer_downloads
from emomusic.ui.engine import engine, loading_note, shown_errors
from emomusic.ui.frame import enter_app, icon, require_app, show_notice
from emomusic.ui.how_show import choose_step, show_step
from emomusic.ui.how_walk import choose_walk
from emomusic.ui.live import show_live
from emomusic.ui.models_table import choose_models
from emomusic.ui.models_views import show_diagnoses
from emomusic.ui.music_plane import show_song_plane
from emomusic.ui.music_tables import SongTable, choose_table
from emomusic.ui.music_views import show_views
from emomusic.ui.picture import Picture, choose_picture
from emomusic.ui.readings import Listener, Seen, face_points, read_picture, show_reading
from emomusic.ui.songs import choose_songs
from emomusic.ui.welcome import show_welcome

__all__ = [
    "Listener",
    "Picture",
    "Seen",
    "SongTable",
    "choose_models",
    "choose_picture",
    "choose_songs",
    "choose_step",
    "choose_table",
    "choose_walk",
    "engine",
    "enter_app",
    "face_points",
    "icon",
    "loading_note",
    "offer_downloads",
    "read_picture",
    "require_app",
    "show_diagnoses",
    "show_live",
    "show_notice",
    "show_reading",
    "show_song_plane",
    "show_step",
    "show_views",
    "show_welcome",
    "shown_errors",
]
