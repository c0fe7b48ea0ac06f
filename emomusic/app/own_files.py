"""A visitor's own audio files: a library of folders on one's own computer, or files in the memory of the session."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.frame import escape_markdown, escape_markdown_message
from emomusic.app.own_computer import is_own_computer
from emomusic.app.state import page_state
from emomusic.app.uploads import show_removal, show_uploader
from emomusic.assets import ROOT
from emomusic.errors import AudioError
from emomusic.media.audio_formats import AUDIO_ENDINGS
from emomusic.songs.library import Library
from emomusic.songs.local_songs import recommender_of
from emomusic.songs.recommend import Recommender
from emomusic.songs.records import local_song, record_of
from emomusic.songs.song import Player, Song
from emomusic.text import escape_control_chars, pluralize

MAX_FILES, MAX_MB = 50, 200
"""Limits of the files of a session."""

_PROBLEMS_SHOWN = 5
_POLL_S = 1.0


def own_recommender() -> Recommender | None:
    """The recommender for the visitor's own files; None without one that can be heard.

    Raises:
        LibraryError: the library is damaged.
    """
    if is_own_computer():
        return _library_recommender(library_job().version)
    return _uploads().recommender


def own_song(song_id: str) -> bytes | None:
    """The content of an uploaded song of this session, or None."""
    files = _uploads().files.values()
    return next((file.content for file in files if file.song is not None and file.song.id == song_id), None)


def choose_files() -> None:
    """Show the folders of the library, or the uploader."""
    _choose_folders() if is_own_computer() else _upload()


# The library


class LibraryJob:
    """The search for audio files and their analysis, one at a time for all tabs, by the command `library`.

    The command's own process needs no part of the server, and its workers cannot import Streamlit's script.

    Attributes:
        version: changes when songs may have changed.
        is_running: whether files are analysed now.
        problems: sentences about folders and files that cannot be read.
    """

    def __init__(self) -> None:
        self.version = 0
        self.is_running = False
        self.problems: list[str] = []
        self._started: tuple[float, int] | None = None  # time, and files to analyse after the search
        self._lock = threading.Lock()

    def start(self, folder: Path | None = None) -> None:
        """Add a folder, or update those of the library. Nothing if the job is running."""
        with self._lock:
            if self.is_running:
                return
            self.is_running, self.problems, self._started = True, [], None
        threading.Thread(target=self._run, args=(folder,), name="library", daemon=True).start()

    def _run(self, folder: Path | None) -> None:
        action = ["update"] if folder is None else ["add", str(folder)]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "emomusic", "library", *action],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
            start = "emomusic: "
            self.problems = [line.removeprefix(start) for line in done.stderr.splitlines() if line.startswith(start)]
        except OSError as error:
            self.problems = [f"The analysis did not start: {error.strerror}."]
        finally:
            self.version, self.is_running = self.version + 1, False

    def progress(self) -> tuple[float, str]:
        """The share of the files that are analysed, and a sentence with the time remaining."""
        with Library() as library:
            num_left = library.num_waiting
        if self._started is None and num_left:
            self._started = time.monotonic(), num_left
        if self._started is None:
            return 0.0, "Looking for audio files"
        started_s, total = self._started
        num_done = max(total - num_left, 0)
        words = f"{num_done:,} of {pluralize(total, 'file')} analysed"
        left_s = (time.monotonic() - started_s) / max(num_done, 1) * num_left
        return num_done / total, f"{words}, about {round(left_s / 60)} min left" if num_done and left_s > 60 else words


@st.cache_resource(show_spinner=False)
def library_job() -> LibraryJob:
    """The job of this server."""
    return LibraryJob()


@st.cache_resource(max_entries=1, show_spinner=False)
def _library_recommender(version: int) -> Recommender | None:  # noqa: ARG001 - part of the cache key
    with Library() as library:
        songs = library.songs()
    return recommender_of(songs) if songs else None


def _choose_folders() -> None:
    job = library_job()
    with st.form("library-add", border=False):
        folder = st.text_input("Folder with music", placeholder=str(Path.home() / "Music"), key=state.LIBRARY_FOLDER)
        if st.form_submit_button("Add this folder", disabled=job.is_running):
            _start(folder)
    with Library() as library:
        counts = library.info()
    for number, path in enumerate(counts["folders"]):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(escape_markdown(escape_control_chars(path)), width="content")
            key = f"library-{number}"
            st.button("Remove", type="tertiary", on_click=_remove, args=(path,), disabled=job.is_running, key=key)
    if counts["folders"]:
        st.caption(f"{pluralize(counts['songs'], 'song')}, {counts['unreadable']:,} unreadable")
        st.button("Look for changes", on_click=job.start, disabled=job.is_running, key="library-update")
    if job.is_running:
        _show_progress(job.version)
    _show_problems(job.problems)
    st.caption("EmoMusic reads the files on this computer. It does not change or send them.")


def _start(folder: str) -> None:
    path = Path(folder.strip()).expanduser()
    if not folder.strip() or not path.is_dir():
        st.warning("This folder was not found. Check its name.")
        return
    library_job().start(path.absolute())
    st.rerun()


def _remove(path: str) -> None:
    with Library() as library:
        library.remove([Path(path)])
    library_job().version += 1


@st.fragment(run_every=_POLL_S)
def _show_progress(version: int) -> None:
    job = library_job()
    if job.version != version:
        st.rerun()
    st.progress(*job.progress())


def _show_problems(problems: Sequence[str]) -> None:
    for problem in problems[:_PROBLEMS_SHOWN]:
        st.caption(f":material/error: {escape_markdown_message(escape_control_chars(problem))}")
    if len(problems) > _PROBLEMS_SHOWN:
        st.caption(f"And {pluralize(len(problems) - _PROBLEMS_SHOWN, 'other problem')}.")


# Files in memory


@dataclass
class _File:
    number: int
    name: str
    content: bytes
    song: Song | None = None
    problem: str | None = None


@dataclass
class _Uploads:
    """The uploaded files of a session by their id of Streamlit, and what they give."""

    files: dict[str, _File] = field(default_factory=dict)
    num_ever: int = 0
    problem: str | None = None
    recommender: Recommender | None = None


def _uploads() -> _Uploads:
    return page_state(_Uploads)


def _upload() -> None:
    show_uploader(
        st.file_uploader,
        f"Audio files, at most {MAX_FILES} and {MAX_MB} MB",
        state.OWN_UPLOAD,
        _store,
        type=list(AUDIO_ENDINGS),
        accept_multiple_files=True,
        max_upload_size=MAX_MB,
    )
    uploads = _uploads()
    _hear(uploads)
    if uploads.files:
        show_removal(state.OWN_UPLOAD, "Remove my files", _store)
        heard = sum(file.song is not None for file in uploads.files.values())
        st.caption(f"{pluralize(heard, 'song')} in the memory of this visit. They are not stored or sent.")
    problems = [file.problem for file in uploads.files.values() if file.problem is not None]
    _show_problems([*([uploads.problem] if uploads.problem else []), *problems])


def _store(files: Sequence[UploadedFile | DeletedFile]) -> None:
    uploads = _uploads()
    kept: dict[str, _File] = {}
    num_bytes, uploads.problem = 0, None
    for file in files:
        known = uploads.files.get(file.file_id)
        if known is None and isinstance(file, UploadedFile):
            if len(kept) >= MAX_FILES or num_bytes + file.size > MAX_MB * 2**20:
                uploads.problem = f"More than {MAX_FILES} files or {MAX_MB} MB; the first ones stay. Remove some."
                continue
            uploads.num_ever += 1
            known = _File(uploads.num_ever, file.name, file.getvalue())
        if known is not None:
            kept[file.file_id] = known
            num_bytes += len(known.content)
    uploads.files = kept
    _renew(uploads)


def _renew(uploads: _Uploads) -> None:
    songs = [file.song for file in uploads.files.values() if file.song is not None]
    uploads.recommender = recommender_of(songs) if songs else None


def _hear(uploads: _Uploads) -> None:
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
            song = read_song(io.BytesIO(file.content), file.name)
        except AudioError as error:
            file.problem = str(error)
            continue
        record = record_of(song, load_sound_model().hear(song.windows), file.name)
        file.song = local_song(record, Player.UPLOAD, file.number, file.name)
    bar.empty()
    _renew(uploads)
