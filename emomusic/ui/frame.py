"""What frames every page: the icon, and what every visitor is told."""

from __future__ import annotations

import streamlit as st

from emomusic.assets import data_dir


def icon() -> str:
    """The app's icon, as a path."""
    return str(data_dir() / "icon.png")


def show_notice() -> None:
    """A short notice: what this is, what happens to photos, and what it is not for."""
    st.caption(
        "EmoMusic estimates the **expression** on a face with a program that is often wrong; an expression is not a "
        "feeling. Photos stay in memory, are not stored or sent, and are gone when you close the page; only the "
        "Spotify players call outside. Made for play and teaching: not for judging people, and not for use at work or "
        "on pupils, where the EU AI Act forbids emotion recognition."
    )
