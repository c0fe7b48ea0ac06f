"""For whom it works: the row of a visitor's own labelled pictures beside those of the collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.app.frame import escape_markdown
from emomusic.app.state import page_state
from emomusic.app.uploads import open_upload, show_uploader
from emomusic.errors import ImageError
from emomusic.metrics import accuracy_interval
from emomusic.records import FaceBin
from emomusic.results.overview import percent, to_text
from emomusic.server.capacity import capacity
from emomusic.server.labelled import MAX_ZIP_MB, MOST_PICTURES, OwnFaces, read_own_faces
from emomusic.text import pluralize, size_over

_WIDGET = "own-faces"


@dataclass
class OwnFacesState:
    """The figures of the visitor's pictures; None before the first. The pictures are gone."""

    found: OwnFaces | None = None


def own_rows() -> list[FaceBin]:
    """The row of the visitor's own pictures, if there is one."""
    found = page_state(OwnFacesState).found
    return [] if found is None else [found.row]


def draw_own_faces() -> None:
    """Show the drop zone for a ZIP, and what was found."""
    with st.popover("Your own labelled faces", icon=":material/folder_zip:", key="own-faces-menu"):
        st.caption(
            f"A ZIP with a folder for each emotion (happy, sad, …) of people who agree. Of more than {MOST_PICTURES} "
            "pictures, every second, third and so on is read. The default model reads them; only the figures are kept."
        )
        label = f"Drop a ZIP here, up to {MAX_ZIP_MB} MB"
        show_uploader(label, _WIDGET, _read, type="zip", max_upload_size=MAX_ZIP_MB, label_visibility="collapsed")
    if (found := page_state(OwnFacesState).found) is not None:
        row, (smallest, count) = found.row, found.counts[0]
        missed = f" No face was found in {found.missed}." if found.missed else ""
        interval = to_text(accuracy_interval(round(row.accuracy * row.n), row.n))
        st.markdown(
            f"**{escape_markdown(row.name)}**: right on {percent(row.accuracy)} ({interval}) of "
            f"{pluralize(row.n, 'face')}.{missed} The smallest group is {smallest}, with {pluralize(count, 'face')}."
        )


def _read(files: Sequence[UploadedFile]) -> None:
    """Read the pictures of a ZIP, and keep the figures. Raises an `ImageError` for another file."""
    if not files:
        return
    content, size = open_upload(files[0])
    with content, capacity().work(), st.spinner("Reading your faces"):
        if size > MAX_ZIP_MB * 2**20:
            raise ImageError(f"This ZIP is too large: {size_over(size)}, at most {MAX_ZIP_MB} MB; pack fewer pictures.")
        page_state(OwnFacesState).found = read_own_faces(content, files[0].name.removesuffix(".zip")[:40])
