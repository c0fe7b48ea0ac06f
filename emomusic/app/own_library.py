"""A library of folders on one's own computer: its songs, the search for changes, and the choice of folders."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.app import state
from emomusic.app.frame import escape_markdown, show_problems
from emomusic.assets import ROOT
from emomusic.songs.library import Library, library_file
from emomusic.songs.local_songs import recommender_of
from emomusic.songs.recommend import Recommender
from emomusic.text import escape_control_chars, pluralize

_POLL_S = 1.0
_REST = 20.0  # a library that changes is read again after a rest of this many times the time of the last reading,
_SHORT_S = 0.3  # unless that took no longer than this


class LibrarySongs:
    """The songs of the library, read again when its file has changed. Threads may share one instance.

    Attributes:
        recommender: for the songs; None without one.
        info: as `Library.info`.
    """

    def __init__(self) -> None:
        self.recommender: Recommender | None = None
        self.info: dict[str, Any] = {}
        self._stamp: tuple[object, ...] = ()
        self._rests_until_s = 0.0
        self._lock = threading.Lock()

    def refresh(self, version: int) -> None:
        """Read the library if it has changed: at once after another version, else after a rest.

        Raises:
            LibraryError: the library is damaged.
        """
        file = library_file()
        found = file.stat() if file.exists() else None
        stamp = version, file, found and (found.st_mtime_ns, found.st_size)
        with self._lock:
            started_s = time.monotonic()
            rests = started_s < self._rests_until_s and self._stamp[:2] == stamp[:2]
            if stamp == self._stamp or rests:
                return
            with Library() as library:
                songs, self.info = library.songs(), library.info()
            self.recommender = recommender_of(songs) if songs else None
            self._stamp, now_s = stamp, time.monotonic()
            elapsed_s = now_s - started_s
            self._rests_until_s = now_s + _REST * elapsed_s * (elapsed_s > _SHORT_S)


def library_songs() -> LibrarySongs:
    """The songs of the library as it is now.

    Raises:
        LibraryError: the library is damaged.
    """
    songs = _library_songs()
    songs.refresh(library_job().version)
    return songs


@st.cache_resource(show_spinner=False)
def _library_songs() -> LibrarySongs:
    return LibrarySongs()


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


def choose_folders() -> None:
    """Show the folders of the library, and the search for changes."""
    job = library_job()
    with st.form("library-add", border=False):
        folder = st.text_input("Folder with music", placeholder=str(Path.home() / "Music"), key=state.LIBRARY_FOLDER)
        if st.form_submit_button("Add this folder", disabled=job.is_running):
            _start(folder)
    songs = library_songs()
    counts = songs.info
    for number, path in enumerate(counts["folders"]):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(escape_markdown(escape_control_chars(path)), width="content")
            key = f"library-{number}"
            st.button("Remove", type="tertiary", on_click=_remove, args=(path,), disabled=job.is_running, key=key)
    if counts["folders"]:
        st.caption(f"{pluralize(counts['songs'], 'song')}, {counts['unreadable']:,} unreadable")
        st.button("Look for changes", on_click=job.start, disabled=job.is_running, key="library-update")
    if job.is_running:
        _show_progress(job.version, songs.recommender is not None)
    show_problems(job.problems)
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
def _show_progress(version: int, has_songs: bool) -> None:
    """Show the progress. The page runs again after the first songs and at the end."""
    job = library_job()
    if job.version != version or (not has_songs and library_songs().recommender is not None):
        st.rerun()
    st.progress(*job.progress())
