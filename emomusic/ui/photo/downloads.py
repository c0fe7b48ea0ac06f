"""What a visitor may take away: the picture, the readings, the songs."""

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


def show_photo_downloads(seen: PhotoResult, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """One menu with everything that is on the screen, as files."""
    stem = Path(seen.picture.name).stem or "picture"
    with st.popover("Download", icon=":material/download:"):
        if seen.reading.faces:
            download_button(
                "Picture with faces (PNG)", lambda: _annotated_png(seen), f"{stem}-faces.png", type="tertiary"
            )
            download_button("Faces (CSV)", lambda: faces_csv(seen.reading), f"{stem}-faces.csv", type="tertiary")
        make = partial(picture_record, seen.picture.name, seen.reading, songs, request, decode_ms=seen.decode_ms)
        download_button(
            "Everything (JSON)", lambda: songs_json(make(), listener, request), f"{stem}.json", type="tertiary"
        )
        show_song_downloads(songs, stem, type="tertiary")


def _annotated_png(seen: PhotoResult) -> bytes:
    return encode_png(annotated_picture(read_image(seen.picture.data), seen.reading))
