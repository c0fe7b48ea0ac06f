"""What a visitor may take away: the picture, the readings, the songs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.face.images import encode_png, read_image
from emomusic.music.recommend import Request, Song
from emomusic.music.spotify import songs_csv, songs_m3u
from emomusic.plots.picture import annotated_picture
from emomusic.report import faces_csv, group_mood, picture_record, request_record, wall_csv, wall_record
from emomusic.ui.gallery import Gallery
from emomusic.ui.readings import Listener, Seen


def offer_downloads(seen: Seen, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """One menu with everything that is on the screen, as files."""
    stem = Path(seen.picture.name).stem or "picture"
    with st.popover("Download", icon=":material/download:"):
        if seen.reading.faces:
            _button("Picture with faces (PNG)", lambda: _annotated_png(seen), f"{stem}-faces.png", "image/png")
            _button("Faces (CSV)", lambda: faces_csv(seen.reading), f"{stem}-faces.csv", "text/csv")
        record = partial(_record, seen, listener, songs, request)
        _button("Everything (JSON)", record, f"{stem}.json", "application/json")
        _song_buttons(stem, songs)


def offer_gallery(gallery: Gallery, listener: Listener, songs: Sequence[Song], request: Request) -> None:
    """One menu with everything that is on the gallery's wall, and its songs, as files."""
    names, wall = gallery.names, gallery.wall
    with st.popover("Download", icon=":material/download:"):
        # With a byte order mark, Excel reads names in every script
        _button("Faces (CSV)", lambda: wall_csv(names, wall).encode("utf-8-sig"), "gallery-faces.csv", "text/csv")
        record = partial(wall_record, names, wall, gallery.unread, songs, request, listener.name)
        _button("Everything (JSON)", lambda: _json(record()), "gallery.json", "application/json")
        _song_buttons("gallery", songs)


def _song_buttons(stem: str, songs: Sequence[Song]) -> None:
    if not songs:
        return
    # With a byte order mark, Excel reads titles in every script
    _button("Songs (CSV)", lambda: songs_csv(songs).encode("utf-8-sig"), f"{stem}-songs.csv", "text/csv")
    _button("Playlist (M3U)", lambda: songs_m3u(songs), f"{stem}.m3u", "audio/x-mpegurl")


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2)


def _button(label: str, make: object, name: str, mime: str) -> None:
    """A download that is made when it is asked for, and does not rerun the page."""
    st.download_button(label, make, file_name=name, mime=mime, on_click="ignore", type="tertiary")  # type: ignore[arg-type]


def _annotated_png(seen: Seen) -> bytes:
    return encode_png(annotated_picture(read_image(seen.picture.data), seen.reading))


def _record(seen: Seen, listener: Listener, songs: Sequence[Song], request: Request) -> str:
    group = seen.reading.group
    record = picture_record(
        seen.picture.name,
        seen.reading,
        songs,
        None if group is None else group_mood(group, request),
        decode_ms=seen.decode_ms,
        recommend_ms=None,
    )
    record["request"] = request_record(
        request, listener.name, said_emotion=listener.said_emotion, said_mood=listener.mood
    )
    return _json(record)
