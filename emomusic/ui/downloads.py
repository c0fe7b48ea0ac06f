"""What a visitor may take away: the picture, the readings, the songs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from emomusic.face.images import encode_png, read_image
from emomusic.music.recommend import Request, Song, target_of
from emomusic.music.spotify import songs_csv, songs_m3u
from emomusic.plots.picture import annotated_picture
from emomusic.report import faces_csv, picture_record
from emomusic.ui.readings import Seen


def offer_downloads(seen: Seen, songs: Sequence[Song], request: Request) -> None:
    """One menu with everything that is on the screen, as files."""
    stem = Path(seen.picture.name).stem or "picture"
    with st.popover("Download", icon=":material/download:"):
        if seen.reading.faces:
            _button("Picture with faces (PNG)", lambda: _annotated_png(seen), f"{stem}-faces.png", "image/png")
            _button("Faces (CSV)", lambda: faces_csv(seen.reading), f"{stem}-faces.csv", "text/csv")
        _button("Everything (JSON)", lambda: _record(seen, songs, request), f"{stem}.json", "application/json")
        # With a byte order mark, Excel reads titles in every script
        _button("Songs (CSV)", lambda: songs_csv(songs).encode("utf-8-sig"), f"{stem}-songs.csv", "text/csv")
        _button("Playlist (M3U)", lambda: songs_m3u(songs), f"{stem}.m3u", "audio/x-mpegurl")


def _button(label: str, make: object, name: str, mime: str) -> None:
    """A download that is made when it is asked for, and does not rerun the page."""
    st.download_button(label, make, file_name=name, mime=mime, on_click="ignore", type="tertiary")  # type: ignore[arg-type]


def _annotated_png(seen: Seen) -> bytes:
    return encode_png(annotated_picture(read_image(seen.picture.data), seen.reading))


def _record(seen: Seen, songs: Sequence[Song], request: Request) -> str:
    record = picture_record(
        seen.picture.name,
        seen.reading,
        songs,
        target_of(request)[1],
        decode_ms=seen.decode_ms,
        recommend_ms=None,
    )
    return json.dumps(record, ensure_ascii=False, indent=2)
