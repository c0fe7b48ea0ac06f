"""Files that a visitor may take away: all are offered in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

_MIME_TYPES = {"csv": "text/csv", "json": "application/json", "m3u": "audio/x-mpegurl", "png": "image/png"}


def download_button(label: str, make: Callable[[], str | bytes], name: str, **look: Any) -> None:
    """A file that is made when it is asked for, by a button that does not rerun the page.

    Args:
        label: of the button.
        make: the file.
        name: of the file; its ending tells the type.
        look: of the button, as `st.download_button` takes it.
    """
    st.download_button(label, make, name, _MIME_TYPES[name.rpartition(".")[2]], on_click="ignore", **look)
