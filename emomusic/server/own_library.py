"""The library of this computer's own audio files, for all visitors, and the command that looks for changes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from emomusic.assets import ROOT
from emomusic.songs.library import Library
from emomusic.songs.library_database import library_file, library_version
from emomusic.songs.local_songs import recommender_of
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import Pick, Player

MaybePick = TypeVar("MaybePick", Pick, Pick | None)

_WITH_FOLDERS = (Player.LIBRARY, Player.BUNDLED)
_REST = 20.0  # a library that grows is read again after a rest of this many times the time of the last reading


class OwnLibrary:
    """The library of this computer for all tabs: its songs, and the command that looks for changes.

    The command's own process needs no part of the server, and its workers cannot import Streamlit's script.

    Attributes:
        recommender: that of the songs, as of the last `refreshed`; None without one.
        info: as `Library.info`.
        problems: sentences about folders and files that the last command could not read.
    """

    def __init__(self) -> None:
        self.recommender: Recommender | None = None
        self.info: dict[str, Any] = {}
        self._version: object = None
        self._rests_until_s = 0.0
        self._lock = threading.Lock()
        self.problems: list[str] = []
        self._command_lock = threading.Lock()  # several tabs start the command
        self._command: threading.Thread | None = None  # waits for the command

    def refreshed(self) -> OwnLibrary:
        """The library as it is now. It is read if it has changed; while it grows, only after a rest.

        Raises:
            LibraryError: the library is damaged.
        """
        version = library_file(), library_version()
        with self._lock:
            started_s = time.monotonic()
            if version == self._version or (self.is_running and started_s < self._rests_until_s):
                return self
            with Library() as library:
                songs = library.songs()
                self.info = library.info(songs)
            self.recommender = recommender_of(songs) if songs else None
            self._version, now_s = version, time.monotonic()
            self._rests_until_s = now_s + _REST * (now_s - started_s)
        return self

    @property
    def is_running(self) -> bool:
        """Whether files are analysed now."""
        return self._command is not None and self._command.is_alive()

    def start(self, path: Path | None = None) -> None:
        """Add a folder or a file, or update those of the library. Nothing if the command is running."""
        action = ["update"] if path is None else ["add", str(path)]
        with self._command_lock:
            if not self.is_running:
                self.problems = []
                self._command = threading.Thread(target=self._run, args=action, name="own library", daemon=True)
                self._command.start()

    def _run(self, *action: str) -> None:
        command, nothing = [sys.executable, "-m", "emomusic", "library", *action], subprocess.DEVNULL
        done = subprocess.run(command, cwd=ROOT, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE, check=False)
        start, lines = "emomusic: ", done.stderr.decode("utf-8", "replace").splitlines()
        self.problems = [line.removeprefix(start) for line in lines if line.startswith(start)]


@cache
def own_library() -> OwnLibrary:
    """The library of this computer, as it was last read."""
    return OwnLibrary()


def without_folders(picks: Iterable[MaybePick]) -> list[MaybePick]:
    """The picks for a file to take along: paths begin below the folder of the library, or of the bundled songs."""
    folders, found = [f"{folder}{os.sep}" for folder in own_library().info.get("folders", ())], list[MaybePick]()
    for pick in picks:
        if pick is not None and pick.song.player in _WITH_FOLDERS and pick.song.path is not None:
            path = pick.song.path
            around = max((folder for folder in folders if path.startswith(folder)), key=len, default=None)
            path = Path(path).name if around is None else path.removeprefix(around)
            pick = replace(pick, song=msgspec.structs.replace(pick.song, path=path))
        found.append(pick)
    return found
