"""A library of folders on one's own computer: its songs, the search for changes, and the choice of folders."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

import streamlit as st

from emomusic.app import state
from emomusic.app.frame import escape_markdown, show_problems
from emomusic.assets import ROOT
from emomusic.songs.library import Library, library_file, library_version
from emomusic.songs.local_songs import recommender_of
from emomusic.songs.recommend import Recommender
from emomusic.text import escape_control_chars, pluralize

_POLL_S = 1.0
_REST = 20.0  # a library that grows is read again after a rest of this many times the time of the last reading


class OwnLibrary:
    """The library of this computer for all tabs: its songs, and the command that looks for changes.

    The command's own process needs no part of the server, and its workers cannot import Streamlit's script.

    Attributes:
        recommender: for the songs, as of the last `refresh`; None without one.
        info: as `Library.info`.
    """

    def __init__(self) -> None:
        self.recommender: Recommender | None = None
        self.info: dict[str, Any] = {}
        self._version: object = None
        self._rests_until_s = 0.0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None  # what the process says

    def refresh(self) -> None:
        """Read the library if it has changed; while it grows, only after a rest.

        Raises:
            LibraryError: the library is damaged.
        """
        version = library_file(), library_version()
        with self._lock:
            started_s = time.monotonic()
            if version == self._version or (self.is_running and started_s < self._rests_until_s):
                return
            with Library() as library:
                songs, self.info = library.songs(), library.info()
            self.recommender = recommender_of(songs) if songs else None
            self._version, now_s = version, time.monotonic()
            self._rests_until_s = now_s + _REST * (now_s - started_s)

    @property
    def is_running(self) -> bool:
        """Whether files are analysed now."""
        return self._process is not None and self._process.poll() is None

    def start(self, folder: Path | None = None) -> None:
        """Add a folder, or update those of the library. Nothing if the command is running."""
        if not self.is_running:
            action = ["update"] if folder is None else ["add", str(folder)]
            command = [sys.executable, "-m", "emomusic", "library", *action]
            if self._errors is not None:
                self._errors.close()
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors
            )

    @property
    def problems(self) -> list[str]:
        """Sentences about folders and files that could not be read; none while the command is running."""
        if self.is_running or self._errors is None:
            return []
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        start = "emomusic: "
        return [line.removeprefix(start) for line in lines if line.startswith(start)]


@st.cache_resource(show_spinner=False)
def _own_library() -> OwnLibrary:
    return OwnLibrary()


def own_library() -> OwnLibrary:
    """The library as it is now.

    Raises:
        LibraryError: the library is damaged.
    """
    library = _own_library()
    library.refresh()
    return library


def choose_folders() -> None:
    """Show the folders of the library, and the search for changes."""
    library = own_library()
    with st.form("library-add", border=False):
        folder = st.text_input("Folder with music", placeholder=str(Path.home() / "Music"), key=state.LIBRARY_FOLDER)
        if st.form_submit_button("Add this folder", disabled=library.is_running):
            _start(folder)
    counts = library.info
    for number, path in enumerate(counts["folders"]):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(escape_markdown(escape_control_chars(path)), width="content")
            key = f"library-{number}"
            st.button("Remove", type="tertiary", on_click=_remove, args=(path,), disabled=library.is_running, key=key)
    if counts["folders"]:
        st.caption(f"{pluralize(counts['songs'], 'song')}, {counts['unreadable']:,} unreadable")
        st.button("Look for changes", on_click=library.start, disabled=library.is_running, key="library-update")
    if library.is_running:
        _show_progress(library.recommender is not None)
    show_problems(library.problems)
    st.caption("EmoMusic reads the files on this computer. It does not change or send them.")


def _start(folder: str) -> None:
    path = Path(folder.strip()).expanduser()
    if not folder.strip() or not path.is_dir():
        st.warning("This folder was not found. Check its name.")
        return
    _own_library().start(path.absolute())
    st.rerun()


def _remove(path: str) -> None:
    with Library() as library:
        library.remove([Path(path)])


@st.fragment(run_every=_POLL_S)
def _show_progress(has_songs: bool) -> None:
    """Show the progress. The page runs again after the first songs and at the end."""
    if not _own_library().is_running or (not has_songs and own_library().recommender is not None):
        st.rerun()
    with Library() as library:
        num_left, num_files = library.counts()
    words = f"{num_files - num_left:,} of {pluralize(num_files, 'file')} analysed" if num_left else "Looking for files"
    st.progress((num_files - num_left) / num_files if num_left else 0.0, words)
