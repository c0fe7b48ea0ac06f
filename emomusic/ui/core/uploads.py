"""What to say of uploads that the browser still lists and the server no longer has."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile


def show_lost_uploads(widget: str, *, known: Collection[str] = ()) -> None:
    """Say so where files in an uploader's list went with the session that they were uploaded in.

    Args:
        widget: the key of the uploader.
        known: numbers of files that were let go on purpose.
    """
    listed = st.session_state.get(widget)
    files = listed if isinstance(listed, list) else [listed]
    lost = sum(isinstance(file, DeletedFile) and file.file_id not in known for file in files)
    if not lost:
        return
    if len(files) == 1:
        what = "The file listed here is"
    else:
        what = f"{lost} of the files listed here {'is' if lost == 1 else 'are'}"
    st.info(
        f"{what} not in memory any more, because the connection was lost for a while. "
        f"Choose {'it' if lost == 1 else 'them'} again.",
        icon=":material/history:",
    )
