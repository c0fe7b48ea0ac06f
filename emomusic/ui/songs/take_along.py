"""The playlist to take along: links for Spotify, files, and a private playlist in the visitor's account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from emomusic.export import request_record
from emomusic.music.recommend import Song
from emomusic.music.request import Request
from emomusic.music.spotify.embeds import songs_csv, songs_m3u, track_links
from emomusic.text import for_excel, pluralize
from emomusic.ui.core.frame import download_button
from emomusic.ui.songs.choose import Listener
from emomusic.ui.songs.spotify_account import show_save

_COPY = st.components.v2.component(
    "emomusic_copy",
    html="""<button type="button"></button><span role="status"></span>""",
    css="""
:host { display: block; }
button {
  font: inherit; width: 100%; min-height: 2.5rem; padding: 0.25rem 0.75rem; cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.6rem);
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 3px solid; outline-offset: 2px; }
span { display: block; font-size: 0.875rem; min-height: 1.3em; margin-top: 0.25rem; }
""",
    js="""
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {  // no permission, or a page without HTTPS
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("span");
  button.textContent = data.label;
  button.onclick = async () => {
    status.textContent = (await copy(data.text)) ? data.copied : data.failed;
  };
}
""",
)


def show_take_along(songs: Sequence[Song], place: str, stem: str) -> None:
    """Show a menu with the playlist in several forms; nothing without songs."""
    if not songs:
        return
    with st.popover("Take it along", key=f"take-{place}"):
        st.markdown(f"**{pluralize(len(songs), 'song')}** of this list")
        _COPY(
            data={
                "label": "Copy for Spotify",
                "text": track_links(songs),
                "copied": f"{pluralize(len(songs), 'link')} copied.",
                "failed": "The browser does not allow copying. Download the playlist instead.",
            },
            key=f"copy-{place}",
        )
        st.caption("Tip: paste the links into a playlist in Spotify's desktop app.")
        show_save(songs, place)
        download_button("Playlist (M3U)", lambda: songs_m3u(songs), f"{stem}.m3u", key=f"m3u-{place}")
        download_button("Songs (CSV)", lambda: for_excel(songs_csv(songs)), f"{stem}-songs.csv", key=f"csv-{place}")


def songs_json(record: dict[str, Any], listener: Listener, request: Request) -> str:
    """A record as JSON, together with the request for its songs."""
    asked = request_record(request, listener.name, manual_emotion=listener.manual_emotion, manual_mood=listener.mood)
    return json.dumps(record | {"request": asked}, ensure_ascii=False, indent=2)
