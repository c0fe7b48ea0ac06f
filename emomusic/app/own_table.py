"""A visitor's own table of songs, for this session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.frame import error_text, escape_markdown
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.state import page_state
from emomusic.app.uploads import hold, listed, show_removal, show_uploader
from emomusic.errors import EmomusicError
from emomusic.server.budget import HeldBytes
from emomusic.server.shared import shared
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.stored_moods import predict_moods
from emomusic.songs.table_import import MAX_UPLOAD_BYTES, read_catalogue
from emomusic.text import pluralize


@dataclass
class TableState:
    """The visitor's table.

    Attributes:
        file: before it is read.
        recommender: of its songs.
        problem: why it cannot be read.
        held: the bytes of the file in the budget of the server, also for its songs.
    """

    file: UploadedFile | None = None
    recommender: Recommender | None = None
    problem: str | None = None
    held: HeldBytes | None = None


def table_recommender() -> Recommender | None:
    """The recommender for the visitor's table; None without one."""
    return page_state(TableState).recommender


def choose_own_table() -> None:
    """Show the uploader, and what happened to the last file."""
    show_uploader(
        st.file_uploader,
        "Your table of songs (CSV)",
        state.TABLE_UPLOAD,
        _store,
        type="csv",
        help="Titles and artists are enough: songs of the catalogue are found by name. Other songs need a mood "
        f"({', '.join(MOODS)}) or Spotify's audio features. Playlists of Exportify and TuneMyMusic fit too. "
        f"The table stays in memory. It is deleted {WHEN_GONE}.",
        max_upload_size=MAX_UPLOAD_BYTES // 2**20,
    )
    waiting = st.container()  # present without a file too, so that elements below keep their position
    table = page_state(TableState)
    if table.file is not None:
        with waiting, st.spinner(f"Reading {escape_markdown(table.file.name)}"):
            _read(table)
    if (own := table_recommender()) is not None:
        with waiting:
            note = f"Shown: **{escape_markdown(own.catalogue.name)}**"
            show_removal(state.TABLE_UPLOAD, "Remove the table", _store, note)
            counts = own.catalogue.origin.sentences if own.catalogue.origin is not None else []
            st.caption(" ".join([f"{pluralize(len(own.catalogue), 'song')}.", *counts]))
    if table.problem is not None and listed(state.TABLE_UPLOAD):
        st.error(table.problem, icon=":material/error:")


def _store(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the uploaded table in the session, until it is read."""
    table = page_state(TableState)
    table.file = table.recommender = table.problem = table.held = None
    for file in files:
        if isinstance(file, UploadedFile):
            table.held, table.file = hold(file), file


def _read(table: TableState) -> None:
    """Store the recommender of the file, or the error message, so that reruns do not read it again."""
    assert table.file is not None
    try:
        known = shared().recommender().catalogue
        catalogue = read_catalogue(table.file.getvalue(), name=table.file.name, known=known)
        table.recommender = Recommender(catalogue, predict_moods(catalogue))
    except EmomusicError as error:
        table.problem = error_text(error)
    except Exception:
        table.file = None
        raise
    table.file = None  # last: an interrupted run reads it again
