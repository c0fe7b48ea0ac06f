"""Notice for uploads that the browser still lists but the server has lost."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile


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
