"""Everything that knows Streamlit. Pages take what they need from here.

What frames a page is at hand at once. The rest is loaded when a page first asks for it, after its title is on the
screen: the first visitor of a server does not wait for pandas and OpenCV in front of a blank page.
"""

from importlib import import_module
from typing import Any

from emomusic.ui.frame import enter_app, enter_page, icon, require_app, show_notice, shown_errors, style_page

# What pages use, and the module of this package that has it
_MODULES = {
    "choose_example": "how_walk",
    "choose_models": "models_table",
    "choose_picture": "picture",
    "choose_pictures": "gallery",
    "choose_songs": "songs",
    "choose_step": "how_show",
    "choose_table": "music_tables",
    "face_points": "readings",
    "gallery_points": "gallery_wall",
    "offer_downloads": "downloads",
    "offer_gallery": "downloads",
    "read_gallery": "gallery",
    "read_picture": "readings",
    "show_diagnoses": "models_views",
    "show_faces_table": "gallery_wall",
    "show_live": "live",
    "show_offer": "gallery",
    "show_reading": "readings",
    "show_song_plane": "music_plane",
    "show_step": "how_show",
    "show_views": "music_views",
    "show_wall": "gallery_wall",
    "show_welcome": "welcome",
}

__all__ = ["enter_app", "enter_page", "icon", "require_app", "show_notice", "shown_errors", "style_page", *_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
