"""Download buttons, shared by the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

_MIME_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "m3u": "audio/x-mpegurl",
    "mp4": "video/mp4",
    "png": "image/png",
}


def download_button(label: str, make: Callable[[], str | bytes], name: str, **look: Any) -> None:
    """Show a download button that creates its file on demand and does not rerun the page.

    Args:
        label: of the button.
        make: returns the content of the file.
        name: of the file; the extension sets its MIME type.
        look: keyword arguments of `st.download_button`.
    """
    st.download_button(label, make, name, _MIME_TYPES[name.rpartition(".")[2]], on_click="ignore", **look)
