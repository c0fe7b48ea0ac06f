"""Downloads of the Photo page: the photo with its faces, the readings and the songs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from emomusic.export import faces_csv, picture_record
from emomusic.face.images import encode_png, read_image
from emomusic.music.recommend import Song
from emomusic.music.request import Request
from emomusic.plots.picture import annotated_picture
from emomusic.ui.core.files import download_button
from emomusic.ui.photo.faces import PhotoResult
from emomusic.ui.songs.downloads import show_song_downloads, songs_json
from emomusic.ui.songs.listener import Listener


def show_photo_downloads(result: PhotoResult, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """Show a menu with the results of the page as files."""
    stem = Path(result.picture.name).stem or "picture"
    with st.popover("Download", icon=":material/download:"):
        if result.reading.faces:
            download_button(
                "Photo with faces (PNG)", lambda: _annotated_png(result), f"{stem}-faces.png", type="tertiary"
            )
            download_button("Faces (CSV)", lambda: faces_csv(result.reading), f"{stem}-faces.csv", type="tertiary")
        make = partial(picture_record, result.picture.name, result.reading, songs, request, decode_ms=result.decode_ms)
        download_button(
            "Everything (JSON)", lambda: songs_json(make(), listener, request), f"{stem}.json", type="tertiary"
        )
        show_song_downloads(songs, stem, type="tertiary")


def _annotated_png(result: PhotoResult) -> bytes:
    return encode_png(annotated_picture(read_image(result.picture.data), result.reading))
