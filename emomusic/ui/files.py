"""Files that a visitor may take away: all are offered in one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from emomusic.music.recommend import Song
from emomusic.music.spotify import songs_csv, songs_m3u
from emomusic.spreadsheet import for_excel

_MIME_TYPES = {"csv": "text/csv", "json": "application/json", "m3u": "audio/x-mpegurl", "png": "image/png"}


def offer(label: str, make: Callable[[], str | bytes], name: str, **look: Any) -> None:
    """A file that is made when it is asked for, by a button that does not rerun the page.

    Args:
        label: of the button.
        make: the file.
        name: of the file; its ending tells the type.
        look: of the button, as `st.download_button` takes it.
    """
    st.download_button(label, make, name, _MIME_TYPES[name.rpartition(".")[2]], on_click="ignore", **look)


def offer_song_files(songs: Sequence[Song], stem: str, *, key: str | None = None, **look: Any) -> None:
    """Songs as a table and as a playlist; nothing where there are none.

    Args:
        songs: in their order.
        stem: what the names of both files begin with.
        key: what the keys of both buttons begin with, where they have one.
        look: of both.
    """
    if not songs:
        return
    offer("Songs (CSV)", lambda: for_excel(songs_csv(songs)), f"{stem}-songs.csv", key=key and f"{key}-csv", **look)
    offer("Playlist (M3U)", lambda: songs_m3u(songs), f"{stem}.m3u", key=key and f"{key}-m3u", **look)
