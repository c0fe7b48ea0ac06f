"""A silent loop that shows the use of a page, before a visitor begins. `data/samples/SOURCES.md` has its films."""

from __future__ import annotations

import streamlit as st

from emomusic.app.browser.components import mount


def show_loop(name: str, alt: str, note: str) -> None:
    """Show the loop of this name. It is paused for visitors who prefer less motion.

    Args:
        name: of the page.
        alt: what it shows, for screen readers.
        note: one line that names what replaces the loop on this page.
    """
    st.caption(note)
    with st.container(width=440, height=332, border=False, key=f"loop-{name}"):  # nothing below it moves
        mount("loop", "loop", key=f"{name}-loop", data={"file": f"{name}.mp4", "alt": alt})
