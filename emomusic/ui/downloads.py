"""What a visitor may take away: the picture, the readings, the songs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.face.images import encode_png, read_image
from emomusic.music.recommend import Song
from emomusic.music.request import Request
from emomusic.plots.picture import annotated_picture
from emomusic.report import faces_csv, picture_record, request_record, wall_csv, wall_record
from emomusic.spreadsheet import for_excel
from emomusic.ui.files import offer, offer_song_files
from emomusic.ui.gallery import Gallery
from emomusic.ui.readings import Listener, Seen


def offer_downloads(seen: Seen, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """One menu with everything that is on the screen, as files."""
    stem = Path(seen.picture.name).stem or "picture"
    with st.popover("Download", icon=":material/download:"):
        if seen.reading.faces:
            offer("Picture with faces (PNG)", lambda: _annotated_png(seen), f"{stem}-faces.png", type="tertiary")
            offer("Faces (CSV)", lambda: faces_csv(seen.reading), f"{stem}-faces.csv", type="tertiary")
        make = partial(picture_record, seen.picture.name, seen.reading, songs, request, decode_ms=seen.decode_ms)
        offer("Everything (JSON)", lambda: _json(make(), listener, request), f"{stem}.json", type="tertiary")
        offer_song_files(songs, stem, type="tertiary")


def offer_gallery(gallery: Gallery, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """One menu with everything that is on the gallery's wall, and its songs, as files."""
    names, wall = gallery.names, gallery.wall
    with st.popover("Download", icon=":material/download:"):
        offer("Faces (CSV)", lambda: for_excel(wall_csv(names, wall)), "gallery-faces.csv", type="tertiary")
        make = partial(wall_record, names, wall, gallery.unread, songs, request)
        offer("Everything (JSON)", lambda: _json(make(), listener, request), "gallery.json", type="tertiary")
        offer_song_files(songs, "gallery", type="tertiary")


def _json(record: dict[str, Any], listener: Listener, request: Request) -> str:
    """A record, and what its songs were asked for."""
    asked = request_record(request, listener.name, said_emotion=listener.said_emotion, said_mood=listener.mood)
    return json.dumps(record | {"request": asked}, ensure_ascii=False, indent=2)


def _annotated_png(seen: Seen) -> bytes:
    return encode_png(annotated_picture(read_image(seen.picture.data), seen.reading))
