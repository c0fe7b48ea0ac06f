"""The life of an upload on every page: stored in the session, released, recovered, reported as lost, removed.

Streamlit keeps an uploaded file for the whole session. Each page stores what it needs, and the file is released at
once; the uploader then lists it as a `DeletedFile`, with its id only.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import streamlit as st
from streamlit import runtime
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app.frame import escape_markdown_message
from emomusic.app.state import page_state
from emomusic.errors import EmomusicError
from emomusic.server.capacity import HeldBytes, capacity
from emomusic.server.gate import has_token, release_upload, upload_of
from emomusic.server.visitor import session_id

Store = Callable[[Sequence[UploadedFile]], None]
"""Stores the new files in the session, in place of the last ones; for several files, see also `listed`.

`show_uploader` shows its errors.
"""


@dataclass
class UploadState:
    """The ids of the files that the session has stored, and why it stored none, by the key of their uploader."""

    stored: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def open_upload(file: UploadedFile) -> tuple[BinaryIO, int]:
    """The content of a file, which may be a temporary file, and its size."""
    upload = upload_of(session_id(), file.file_id)
    content = io.BytesIO(file.getvalue()) if upload is None or upload.file is None else upload.file.reader()
    size = content.seek(0, io.SEEK_END)
    content.seek(0)
    return content, size


def keep_upload(file: UploadedFile) -> tuple[bytes, HeldBytes]:
    """The content of a file, and the memory for it, which is reserved as long as the second result exists.

    Raises:
        CapacityError: the server has no room for a large one, which lay in a temporary file.
    """
    upload = upload_of(session_id(), file.file_id)
    if upload is not None and upload.file is None:
        return upload.data, upload.held
    content, size = open_upload(file)
    with content:
        held = HeldBytes(capacity().memory, session_id(), size)
        return content.read(), held


def show_uploader(
    label: str, widget: str, store: Store, *, draw: Callable[..., object] = st.file_uploader, **options: Any
) -> None:
    """Show `st.file_uploader` or `st.camera_input`, and store its files after each change, also after their removal."""
    if runtime.exists() and not has_token(st.context.cookies):
        st.warning(
            "This browser sends no cookies here, and uploads need them. Open the app in its own tab, or allow cookies.",
            icon=":material/cookie_off:",
        )
        st.link_button("Open in its own tab", st.context.url or "/", icon=":material/open_in_new:")
    draw(label, key=widget, on_change=_take, args=(widget, store), **options)
    # A file can arrive with the run of a fragment. The page's own run can interrupt the callback, and not repeat it
    uploads, new = page_state(UploadState), [file for file in listed(widget) if isinstance(file, UploadedFile)]
    if any(file.file_id not in uploads.stored.get(widget, ()) for file in new):
        _take(widget, store)
        st.rerun()  # the page began without the file
    if problem := uploads.problems.get(widget):
        st.error(escape_markdown_message(problem), icon=":material/error:")
    files, stored = listed(widget), uploads.stored.get(widget, ())
    lost = sum(isinstance(file, DeletedFile) and file.file_id not in stored for file in files)
    if lost:
        files_lost = "this file" if len(files) == 1 else f"{lost} of these files"
        st.info(
            f"The connection was lost, and the server no longer has {files_lost}. "
            f"Choose {'it' if lost == 1 else 'them'} again.",
            icon=":material/history:",
        )


def show_removal(widget: str, label: str, store: Store, note: str = "") -> None:
    """Show a button that removes the stored files, and a note, if the uploader does not list the files.

    An uploader loses its list when another page, or another widget in its place, is shown.
    """
    if not listed(widget):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(label, icon=":material/delete:", on_click=store, args=((),))
            if note:
                st.caption(note, width="content")


def _take(widget: str, store: Store) -> None:
    """Store the files if their list changed; the release of a file calls this too."""
    uploads = page_state(UploadState)
    before = uploads.stored.get(widget, [])
    files = [file for file in listed(widget) if isinstance(file, UploadedFile) or file.file_id in before]
    ids = [file.file_id for file in files]
    if ids != before:
        problem, new = "", [file for file in files if isinstance(file, UploadedFile)]
        try:
            store(new)
        except EmomusicError as error:
            problem = str(error)
        uploads.stored[widget], uploads.problems[widget] = ids, problem  # marks the list as stored
        for file in new:  # at once: the page may show no uploader again
            release_upload(file.file_id)


def listed(widget: str) -> list[UploadedFile | DeletedFile]:
    """The files that an uploader lists."""
    files = st.session_state.get(widget)
    return files if isinstance(files, list) else [files] if files is not None else []
