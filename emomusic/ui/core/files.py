"""Download buttons, and a notice for lost uploads, shared by the pages."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile

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


def show_lost_uploads(widget: str, *, known: Collection[str] = ()) -> None:
    """Show a notice if the server has lost files that an uploader still lists.

    Args:
        widget: the key of the uploader.
        known: ids of files that were released on purpose.
    """
    listed = st.session_state.get(widget)
    files = listed if isinstance(listed, list) else [listed]
    lost = sum(isinstance(file, DeletedFile) and file.file_id not in known for file in files)
    if not lost:
        return
    files_lost = "this file" if len(files) == 1 else f"{lost} of these files"
    st.info(
        f"The connection was lost, and the server no longer has {files_lost}. "
        f"Choose {'it' if lost == 1 else 'them'} again.",
        icon=":material/history:",
    )
