"""What a visitor may take away: the picture, the readings, the songs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from emomusic.affect import affect_of
from emomusic.face.images import encode_png, read_image
from emomusic.music.recommend import Request, Song, target_of
from emomusic.music.spotify import songs_csv, songs_m3u
from emomusic.plots.picture import annotated_picture
from emomusic.report import faces_csv, picture_record, request_record
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
        # With a byte order mark, Excel reads titles in every script
        _button("Songs (CSV)", lambda: songs_csv(songs).encode("utf-8-sig"), f"{stem}-songs.csv", "text/csv")
        _button("Playlist (M3U)", lambda: songs_m3u(songs), f"{stem}.m3u", "audio/x-mpegurl")


def _button(label: str, make: object, name: str, mime: str) -> None:
    """A download that is made when it is asked for, and does not rerun the page."""
    st.download_button(label, make, file_name=name, mime=mime, on_click="ignore", type="tertiary")  # type: ignore[arg-type]


def _annotated_png(seen: Seen) -> bytes:
    return encode_png(annotated_picture(read_image(seen.picture.data), seen.reading))


def _record(seen: Seen, listener: Listener, songs: Sequence[Song], request: Request) -> str:
    group = seen.reading.group
    mood = None
    if group is not None:  # of songs for all the faces, whoever is chosen and whatever was said
        _, mood = target_of(replace(request, point=affect_of(group), emotion=group.emotion, mood=None))
    record = picture_record(
        seen.picture.name,
        seen.reading,
        songs,
        mood,
        decode_ms=seen.decode_ms,
        recommend_ms=None,
    )
    record["request"] = request_record(
        request, listener.name, said_emotion=listener.said_emotion, said_mood=listener.mood
    )
    return json.dumps(record, ensure_ascii=False, indent=2)
