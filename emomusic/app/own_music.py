"""A visitor's own music: audio files of the visitor's computer, uploaded audio files, or an uploaded table of songs.

Uploads stay in the memory of the session.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.frame import error_text, escape_markdown, show_problems
from emomusic.app.own_library import choose_folders, own_library
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.state import page_state
from emomusic.app.uploads import hold, listed, show_removal, show_uploader
from emomusic.errors import AudioError, CapacityError, EmomusicError
from emomusic.media.formats import SONG_UPLOADS
from emomusic.server.capacity import HeldBytes, is_own_computer
from emomusic.server.shared import shared, visitor_turn
from emomusic.songs.analysis import local_song, record_of
from emomusic.songs.local_songs import recommender_of
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import Player, Song
from emomusic.songs.stored_moods import predict_moods
from emomusic.songs.table_import import MAX_UPLOAD_BYTES, read_catalogue
from emomusic.text import pluralize

MAX_FILES, MAX_MB = 50, 200
"""Limits of the files of a session."""


def own_recommender() -> Recommender | None:
    """The recommender for the visitor's own files; None without one that can be heard.

    Raises:
        LibraryError: the library is damaged.
    """
    if is_own_computer():
        return own_library().recommender
    return page_state(OwnFiles).recommender


def own_song(song_id: str) -> bytes | None:
    """The content of an uploaded song of this session, or None."""
    files = page_state(OwnFiles).files.values()
    return next((file.content for file in files if file.song is not None and file.song.id == song_id), None)


@dataclass
class _File:
    number: int
    name: str
    content: bytes
    held: HeldBytes  # the bytes of `content` in the budget of the server
    song: Song | None = None
    problem: str | None = None


@dataclass
class OwnFiles:
    """The uploaded files of a session by their id of Streamlit, and the recommender for their songs."""

    files: dict[str, _File] = field(default_factory=dict)
    num_ever: int = 0
    problem: str | None = None
    recommender: Recommender | None = None


def choose_files() -> None:
    """Show the folders of the library, or the uploader and what was heard."""
    if is_own_computer():
        choose_folders()
        return
    show_uploader(
        st.file_uploader,
        f"Audio files, at most {MAX_FILES}, each up to {MAX_MB} MB",
        state.OWN_UPLOAD,
        _store_files,
        type=list(SONG_UPLOADS),
        accept_multiple_files=True,
        max_upload_size=MAX_MB,
    )
    uploads = page_state(OwnFiles)
    _hear(uploads)
    if uploads.files:
        show_removal(state.OWN_UPLOAD, "Remove my files", _store_files)
        heard = sum(file.song is not None for file in uploads.files.values())
        st.caption(f"{pluralize(heard, 'song')} in the memory of this visit. They are not stored or sent.")
    problems = [file.problem for file in uploads.files.values() if file.problem is not None]
    show_problems([*([uploads.problem] if uploads.problem else []), *problems])


def _store_files(files: Sequence[UploadedFile | DeletedFile]) -> None:
    uploads = page_state(OwnFiles)
    known, uploads.files, uploads.problem = uploads.files, {}, None
    for file in files:
        if (kept := known.get(file.file_id)) is not None:
            uploads.files[file.file_id] = kept
    del known  # their bytes return to the budget
    for file in files:
        if file.file_id not in uploads.files and isinstance(file, UploadedFile):
            _add(uploads, file)
    _renew(uploads)


def _add(uploads: OwnFiles, file: UploadedFile) -> None:
    if len(uploads.files) >= MAX_FILES:
        uploads.problem = f"More than {MAX_FILES} files; the first ones stay. Remove some."
        return
    try:
        held = hold(file)
    except CapacityError as error:
        uploads.problem = str(error)
        return
    uploads.num_ever += 1
    uploads.files[file.file_id] = _File(uploads.num_ever, file.name, file.getvalue(), held)


def _renew(uploads: OwnFiles) -> None:
    songs = [file.song for file in uploads.files.values() if file.song is not None]
    uploads.recommender = recommender_of(songs) if songs else None


def _hear(uploads: OwnFiles) -> None:
    """Hear the files that wait, with progress. Another click continues later."""
    waiting = [file for file in uploads.files.values() if file.song is None and file.problem is None]
    if not waiting:
        return
    from emomusic.media.audio_file import read_song
    from emomusic.songs.hearing import load_sound_model

    bar = st.progress(0.0, "Listening to your files")
    for number, file in enumerate(waiting):
        bar.progress(number / len(waiting), f"Listening to your files: {number + 1} of {len(waiting)}")
        try:
            with visitor_turn():
                song = read_song(io.BytesIO(file.content), file.name)
        except AudioError as error:
            file.problem = str(error)
            continue
        record = record_of(song, load_sound_model().hear(song.windows, visitor_turn), file.name)
        file.song = local_song(record, Player.UPLOAD, file.number, file.name)
    bar.empty()
    _renew(uploads)


# Tables


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


def choose_table() -> None:
    """Show the uploader, and what happened to the last file."""
    show_uploader(
        st.file_uploader,
        "Your table of songs (CSV)",
        state.TABLE_UPLOAD,
        _store_table,
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
            _read_table(table)
    if (own := table.recommender) is not None:
        with waiting:
            note = f"Shown: **{escape_markdown(own.catalogue.name)}**"
            show_removal(state.TABLE_UPLOAD, "Remove the table", _store_table, note)
            counts = own.catalogue.origin.sentences if own.catalogue.origin is not None else []
            st.caption(" ".join([f"{pluralize(len(own.catalogue), 'song')}.", *counts]))
    if table.problem is not None and listed(state.TABLE_UPLOAD):
        st.error(table.problem, icon=":material/error:")


def _store_table(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the uploaded table in the session, until it is read."""
    table = page_state(TableState)
    table.file = table.recommender = table.problem = table.held = None
    for file in files:
        if isinstance(file, UploadedFile):
            table.held, table.file = hold(file), file


def _read_table(table: TableState) -> None:
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
