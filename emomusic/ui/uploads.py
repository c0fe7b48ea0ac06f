"""Uploads: in memory alone, and what to say of those that the browser still lists and the server does not have."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import DeletedFile


def keep_uploads_in_memory() -> None:
    """Let no upload go through a file while it arrives, as Starlette has it for those of more than a megabyte.

    How large one may be is the uploader's `max_upload_size`; Streamlit holds it in memory whole in any case.
    """
    MultiPartParser.spool_max_size = 0  # no limit


def let_go(file_id: str) -> None:
    """Take a file out of Streamlit's store, which would hold it as long as the session lasts."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file_id)


def say_what_is_lost(widget: str, *, known: Collection[str] = ()) -> None:
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
