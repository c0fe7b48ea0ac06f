"""Downloads of the gallery: faces, songs, and both as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from emomusic.export import gallery_csv, gallery_record
from emomusic.music.recommend import Song
from emomusic.music.request import Request
from emomusic.text import for_excel
from emomusic.ui.core.files import download_button
from emomusic.ui.gallery.pictures import GalleryResult
from emomusic.ui.songs.downloads import show_song_downloads, songs_json
from emomusic.ui.songs.listener import Listener


def show_gallery_downloads(result: GalleryResult, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """Show a menu with the gallery and its songs as files."""
    names, gallery = result.names, result.gallery
    with st.popover("Download", icon=":material/download:"):
        download_button(
            "Faces (CSV)", lambda: for_excel(gallery_csv(names, gallery)), "gallery-faces.csv", type="tertiary"
        )
        make = partial(gallery_record, names, gallery, result.unread, songs, request)
        download_button(
            "Everything (JSON)", lambda: songs_json(make(), listener, request), "gallery.json", type="tertiary"
        )
        show_song_downloads(songs, "gallery", type="tertiary")
