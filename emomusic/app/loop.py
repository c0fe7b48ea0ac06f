"""A silent loop that shows the use of a page, before a visitor begins. `data/samples/SOURCES.md` has its films."""

from __future__ import annotations

import streamlit as st

from emomusic.app.parts import read_beside
from emomusic.assets import data_dir
from emomusic.server.files import folder_url

FOLDER = data_dir() / "samples" / "example"

_LOOP = st.components.v2.component(
    "emomusic_loop",
    html="<video muted loop playsinline controls style='display: block; width: 100%; aspect-ratio: 4 / 3'></video>",
    js=read_beside(__file__, "browser/base.js", "browser/loop.js"),
)


def show_loop(name: str, alt: str, note: str) -> None:
    """Show the loop of this name. It is paused for visitors who prefer less motion.

    Args:
        name: of the page.
        alt: what it shows, for screen readers.
        note: one line that names what replaces the loop on this page.
    """
    address = folder_url({path.name: path for path in FOLDER.glob("*.mp4")})
    st.caption(note)
    with st.container(width=440, height=332, border=False, key=f"loop-{name}"):  # nothing below it moves
        _LOOP(key=f"{name}-loop", data={"address": f"{address}/{name}.mp4", "alt": alt})
