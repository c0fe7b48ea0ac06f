"""Download buttons and JSON for songs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from emomusic.export import request_record
from emomusic.music.recommend import Song
from emomusic.music.request import Request
from emomusic.music.spotify.embeds import songs_csv, songs_m3u
from emomusic.text import for_excel
from emomusic.ui.core.files import download_button
from emomusic.ui.songs.listener import Listener


def show_song_downloads(songs: Sequence[Song], stem: str, *, key: str | None = None, **look: Any) -> None:
    """Show buttons for the songs as a table and as a playlist; none without songs.

    Args:
        songs: in display order.
        stem: start of both file names.
        key: start of both buttons' keys, or None for none.
        look: keyword arguments of both buttons.
    """
    if not songs:
        return
    download_button(
        "Songs (CSV)", lambda: for_excel(songs_csv(songs)), f"{stem}-songs.csv", key=key and f"{key}-csv", **look
    )
    download_button("Playlist (M3U)", lambda: songs_m3u(songs), f"{stem}.m3u", key=key and f"{key}-m3u", **look)


def songs_json(record: dict[str, Any], listener: Listener, request: Request) -> str:
    """A record as JSON, together with the request for its songs."""
    asked = request_record(request, listener.name, manual_emotion=listener.manual_emotion, manual_mood=listener.mood)
    return json.dumps(record | {"request": asked}, ensure_ascii=False, indent=2)
