"""A visitor's own music: audio files of the visitor's computer, uploaded audio files, or an uploaded table of songs.

Uploads stay in the memory of the session. On one's own computer, a library of folders has the songs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.app.frame import error_text, escape_markdown, escape_markdown_message, show_problems
from emomusic.app.state import page_state, remove_item
from emomusic.app.uploads import keep_upload, listed, show_removal, show_uploader
from emomusic.errors import AudioError, CapacityError, EmomusicError, LibraryError
from emomusic.media.formats import SONG_UPLOADS, TABLE_ENDINGS
from emomusic.server.capacity import HeldBytes
from emomusic.server.kept import Kept
from emomusic.server.own_library import own_library
from emomusic.server.sessions import WHEN_GONE
from emomusic.server.shared import visitor_turn
from emomusic.server.visitor import is_own_computer
from emomusic.songs.analysis import song_of
from emomusic.songs.library import Library
from emomusic.songs.local_songs import recommender_of
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender, load_recommender
from emomusic.songs.song import Player, Song
from emomusic.songs.tables import MAX_UPLOAD_BYTES, Chosen, TableReading, UnknownColumnsError, read_table
from emomusic.text import escape_control_chars, pluralize

OWN_UPLOAD, TABLE_UPLOAD = "own_upload", "table_upload"  # keys of uploaders

_POLL_S = 1.0


def draw_folders(current: Recommender | None) -> None:
    """Show the folders of the library, and the search for changes.

    Args:
        current: the recommender that the page took its songs from; None if it shall not follow the library.
    """
    library, is_running = own_library(), own_library().is_running
    library.refreshed()  # after `is_running`: without the command it has all songs
    with st.form("library-add", border=False):
        st.selectbox(
            "Folder with music",
            _folders_here(),
            index=None,
            placeholder="Choose a folder, or type its path",
            accept_new_options=True,
            key="library-folder",
        )
        st.form_submit_button("Add this folder", on_click=_start, disabled=library.is_running)
    counts = library.info
    for path in counts["folders"]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(escape_markdown(escape_control_chars(path)), width="content")
            key = f"library-remove-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"  # not by position
            options: dict[str, Any] = {"on_click": remove_item, "args": (_remove, path), "disabled": library.is_running}
            st.button("Remove", type="tertiary", key=key, **options)
    if counts["folders"]:
        older = f", {counts['older']:,} heard by an older model: look for changes" if counts["older"] else ""
        st.caption(f"{pluralize(counts['songs'], 'song')}, {counts['unreadable']:,} unreadable{older}")
        st.button("Look for changes", on_click=library.start, disabled=library.is_running, key="library-update")
    if is_running:
        _show_progress(library.recommender is not None)
    elif current is not None and library.recommender not in (None, current):
        st.rerun()  # the command has ended since the page took its songs
    show_problems(library.problems)
    st.caption(
        "The library belongs to this computer: all its browsers share it. EmoMusic reads the files and does not change "
        "or send them."
    )


def _folders_here() -> list[str]:
    """The folders in the user's home and in its folder of music, if a browser can show their names."""
    found = list[str]()
    for parent in (Path.home() / "Music", Path.home()):
        with contextlib.suppress(OSError):
            found += sorted(str(path) for path in parent.iterdir() if path.is_dir() and path.name[0] != ".")
    return [path for path in found if path.isprintable()]


def _start() -> None:
    path, text = None, (st.session_state["library-folder"] or "").strip().strip("\"'")  # file managers copy quotes
    with contextlib.suppress(RuntimeError, ValueError, OSError):  # the home folder of an unknown user, a null byte
        address = re.match("file:(?://[^/]*)?(?=/)", text, re.IGNORECASE)
        path = Path(url2pathname(text[address.end() :]) if address else text).expanduser().absolute()
    if not text or path is None or not path.exists():
        raise LibraryError("This folder or file was not found. Check its name.")
    own_library().start(path)


def _remove(path: str) -> None:
    with Library() as library:  # an error is shown: the library is in use
        if path in library.info()["folders"]:
            library.remove([Path(path)])
    own_library().problems = []


@st.fragment(run_every=_POLL_S)
def _show_progress(has_songs: bool) -> None:
    """Show the progress. The page runs again after the first songs and at the end."""
    if not own_library().is_running or (not has_songs and own_library().refreshed().recommender is not None):
        st.rerun()
    with Library() as library:
        num_left, num_files = library.counts()
    words = f"{num_files - num_left:,} of {pluralize(num_files, 'file')} analysed" if num_left else "Looking for files"
    st.progress((num_files - num_left) / num_files if num_left else 0.0, words)


MAX_FILES, MAX_MB = 50, 200
"""Limits of the files of a session."""


def own_recommender() -> Recommender | None:
    """The recommender for the visitor's own files; None without one that can be heard.

    Raises:
        LibraryError: the library is damaged.
    """
    if is_own_computer():
        return own_library().refreshed().recommender
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
class OwnFiles(Kept):
    """The uploaded files of a session by their id of Streamlit, and the recommender for their songs."""

    files: dict[str, _File] = field(default_factory=dict)
    num_ever: int = 0
    problem: str | None = None
    recommender: Recommender | None = None

    @property
    def held_thing(self) -> str:
        """The visitor's data in this session: "music files"; empty without any."""
        return "music files" if self.files else ""


def draw_own_files(current: Recommender | None) -> None:
    """Show the folders of the library, or the uploader and what was heard.

    Args:
        current: the recommender that the page took its songs from; None if it shall not follow the library.
    """
    if is_own_computer():
        draw_folders(current)
        return
    show_uploader(
        f"Audio files, at most {MAX_FILES}, each up to {MAX_MB} MB",
        OWN_UPLOAD,
        _store_files,
        type=list(SONG_UPLOADS),
        accept_multiple_files=True,
        max_upload_size=MAX_MB,
    )
    uploads = page_state(OwnFiles)
    _hear(uploads)
    if uploads.files:
        show_removal(OWN_UPLOAD, "Remove my files", _store_files)
        heard = sum(file.song is not None for file in uploads.files.values())
        st.caption(f"{pluralize(heard, 'song')} in the memory of this visit. They are not stored or sent.")
    problems = [file.problem for file in uploads.files.values() if file.problem is not None]
    show_problems([*([uploads.problem] if uploads.problem else []), *problems])


def _store_files(files: Sequence[UploadedFile]) -> None:
    uploads, kept = page_state(OwnFiles), {file.file_id for file in listed(OWN_UPLOAD)}
    # The bytes of the others return to the budget
    uploads.files = {key: file for key, file in uploads.files.items() if key in kept}
    uploads.problem = None
    for file in files:
        if file.file_id in uploads.files:
            continue
        if len(uploads.files) >= MAX_FILES:
            uploads.problem = f"More than {MAX_FILES} files; the first ones stay. Remove some."
            continue
        try:
            content, held = keep_upload(file)
        except CapacityError as error:
            uploads.problem = str(error)
            continue
        uploads.num_ever += 1
        uploads.files[file.file_id] = _File(uploads.num_ever, file.name, content, held)
    _renew(uploads)
    uploads.offer()


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
                song = read_song(file.content, file.name)
        except AudioError as error:
            file.problem = str(error)
            continue
        hearing = load_sound_model().analyse(song.windows, visitor_turn)
        file.song = song_of(song, hearing, Player.UPLOAD, file.number, file.name)
    bar.empty()
    _renew(uploads)
    st.rerun()  # the page decides again where songs come from


# Tables


@dataclass
class TableState(Kept):
    """The visitor's table.

    Attributes:
        file: before it is read.
        reading: what was read; it may have no songs.
        problem: why it cannot be read.
        question: why its columns are not known, with its first rows.
        asked: the file of the question.
        chosen: the answer.
        held: the bytes of the file in the budget of the server, also for its songs.
    """

    file: UploadedFile | None = None
    reading: TableReading | None = None
    problem: str | None = None
    question: UnknownColumnsError | None = None
    asked: UploadedFile | None = None
    chosen: Chosen = field(default_factory=Chosen)
    held: HeldBytes | None = None

    @property
    def held_thing(self) -> str:
        """The visitor's data in this session: "table"; empty without one."""
        return "table" if (self.reading, self.file, self.asked) != (None, None, None) else ""

    @property
    def recommender(self) -> Recommender | None:
        """The recommender for the songs; None without one."""
        return None if self.reading is None or self.reading.catalogue is None else self.reading.recommender


def draw_own_table() -> None:
    """Show the uploader, and what happened to the last file."""
    show_uploader(
        "Your table, export or playlist",
        TABLE_UPLOAD,
        _store_table,
        type=list(TABLE_ENDINGS),
        help="Titles and artists are enough: songs of the catalogue are found by name. Other songs need a mood "
        f"({', '.join(MOODS)}) or Spotify's audio features. CSV, Excel, ODS, Parquet, JSON, XML and playlists fit. "
        f"The table stays in memory. It is deleted {WHEN_GONE}.",
        max_upload_size=MAX_UPLOAD_BYTES // 2**20,
    )
    waiting = st.container()  # present without a file too, so that elements below keep their position
    table = page_state(TableState)
    if table.file is not None:
        with waiting, st.spinner(f"Reading {escape_markdown(table.file.name)}"):
            _read_table(table)
        st.rerun()  # the page decides again where songs come from
    if (reading := table.reading) is not None:
        with waiting:
            note = f"Shown: **{escape_markdown(reading.name)}**"
            show_removal(TABLE_UPLOAD, "Remove the table", _store_table, note)
            songs = 0 if reading.catalogue is None else len(reading.catalogue)
            lines = [f"{pluralize(songs, 'song')}. Format: {reading.source}.", *reading.notes]
            st.caption(escape_markdown_message(" ".join(lines)))
    if table.question is not None and listed(TABLE_UPLOAD):
        _ask_columns(table.question)
    if table.problem is not None and listed(TABLE_UPLOAD):
        st.error(table.problem, icon=":material/error:")


def _ask_columns(question: UnknownColumnsError) -> None:
    """Show the first rows, and ask which columns are title and artist."""
    columns = list(question.columns)
    with st.form("table-columns", border=False):
        cells = [dict(zip(map(str, range(len(columns))), row, strict=False)) for row in question.rows]
        names = {str(place): escape_control_chars(name) for place, name in enumerate(columns)}
        st.dataframe(cells, hide_index=True, column_config=names)
        places = range(len(columns))
        options: dict[str, Any] = {"format_func": columns.__getitem__, "index": None}
        st.selectbox("Which column is the title?", places, key="table-title", **options)
        st.selectbox("Which column is the artist?", places, key="table-artist", **options)
        st.form_submit_button("Find the songs", on_click=_choose_columns)


def _choose_columns() -> None:
    table = page_state(TableState)
    places = [st.session_state[key] for key in ("table-title", "table-artist")]
    table.chosen = Chosen(*("" if place is None else str(place + 1) for place in places))
    table.file, table.asked, table.question = table.asked, None, None


def _store_table(files: Sequence[UploadedFile]) -> None:
    """Store the uploaded table in the session, until it is read."""
    table = page_state(TableState)
    table.file = table.reading = table.problem = table.held = table.question = table.asked = None
    table.chosen = Chosen()
    for file in files:
        _, table.held = keep_upload(file)
        table.file = file
    table.offer()


def _read_table(table: TableState) -> None:
    """Store what is read of the file, or the error message, so that reruns do not read it again."""
    assert table.file is not None
    try:
        own = own_recommender() if is_own_computer() else None
        files = [] if own is None else list(map(own.catalogue.song, range(len(own.catalogue))))
        data, name = table.file.getvalue(), table.file.name
        reading = read_table(data, name=name, known=load_recommender(), files=files, chosen=table.chosen)
        if reading.catalogue is not None:
            _ = reading.recommender  # here, as it takes seconds
        table.reading = reading
    except UnknownColumnsError as error:
        table.question, table.asked = error, table.file
    except EmomusicError as error:
        table.problem = error_text(error)
    except Exception:
        table.file = None
        raise
    table.file = None  # last: an interrupted run reads it again
