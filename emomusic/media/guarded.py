"""Files of users are opened with care: only regular files, reads that end at limits, and one walk through folders."""

from __future__ import annotations

import io
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from emomusic.errors import EmomusicError
from emomusic.text import pluralize

_LONGEST = 80  # letters of a name in a message; of a longer one, the end tells more
_ADDRESS = re.compile(r"(?:https?|ftp|s3|file|data):", re.IGNORECASE)


def open_file(path: str | os.PathLike[str], error: type[EmomusicError], noun: str, name: str) -> BinaryIO:
    """Open a file for reading.

    Args:
        path: the path of the file.
        error: raised with one sentence if the file is absent, cannot be read, or is a folder, a pipe or a device; also
            for an address and "-".
        noun: what to choose instead, such as "a picture".
        name: the name of the file for messages, without its folder; empty for "This file".
    """
    given, path = os.fspath(path), Path(path)
    named = repr(name if len(name) <= _LONGEST else f"…{name[-_LONGEST:]}") if name else "This file"
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise error(f"{named} is a folder; choose {noun} in it.")
        if not stat.S_ISREG(mode):  # it may block or never end
            raise error(f"{named} is a pipe or a device, not a file; save its content as a file.")
        return path.open("rb")
    except (OSError, ValueError) as problem:  # ValueError: a null byte in the path
        if given == "-" or _ADDRESS.match(given):
            what = "no file" if given == "-" else "an address"
            raise error(f"{given[:80]!r} is {what}; save what it holds, and name the file.") from None
        if isinstance(problem, FileNotFoundError):
            raise error(f"{named} was not found; check the name.") from None
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise error(f"{named} cannot be read: {reason}; check its name and permissions.") from None


class GuardedFile:
    """A file that ends where it cannot be read or a limit is reached, because decoders print or hide exceptions.

    Attributes:
        num_left: bytes until the limit; None for no limit.
        deadline_s: processor time of this thread until which it can be read; None for no limit.
        error: why it cannot be read; None if it can.
        is_late: whether the deadline has passed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = 0
        self.num_left: int | None = None
        self.deadline_s: float | None = None
        self.error: OSError | None = None
        self.is_late = False

    def head(self, size: int) -> bytes:
        """The first bytes, which `read` gives again."""
        self.seek(0)
        head = self.read(size)
        self.seek(0)
        return head

    def skip(self, size: int) -> None:
        """Let the file begin later."""
        self._start = size
        self.seek(0)

    def seekable(self) -> bool:
        """For `zipfile`."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end, after an error, and after a limit."""
        if self.is_past_deadline():
            return b""
        if self.num_left is not None:
            size = self.num_left if size < 0 else min(size, self.num_left)
        try:
            part = self._file.read(size) or b""
        except OSError as error:
            self.error = error
            return b""
        if self.num_left is not None:
            self.num_left -= len(part)
        return part

    def is_past_deadline(self) -> bool:
        """Whether the deadline has passed. From then on, nothing is read."""
        self.is_late = self.is_late or (self.deadline_s is not None and time.thread_time() > self.deadline_s)
        return self.is_late

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place, as in a file."""
        return self._file.seek(offset + self._start if whence == io.SEEK_SET else offset, whence) - self._start

    def tell(self) -> int:
        """The place in the file."""
        return self._file.tell() - self._start


# Folders

# Copies, previews and waste of file servers, systems and archives, in lower case
_LEFT_OUT = (
    *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "lost+found"),
    *("system volume information", "__macosx", "thumbs.db", "desktop.ini"),
)


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or belongs to a system and not to its user."""
    return name.startswith(".") or name.lower() in _LEFT_OUT


class FolderWalk:
    """The files in folders and their subfolders, each folder once, also if links lead to it.

    Attributes:
        num_others: files of other formats so far.
        problems: the reason for each folder that cannot be read.
    """

    def __init__(
        self, roots: Sequence[str | os.PathLike[str]], is_wanted: Callable[[str], bool], but: Collection[str] = ()
    ) -> None:
        """Walk through these folders.

        Args:
            roots: where the walk begins. Links are followed after all of them.
            is_wanted: whether the file at a path has a wanted format.
            but: paths of folders that are left out.
        """
        self._roots, self._is_wanted, self._but = [os.fspath(root) for root in roots], is_wanted, but
        self.num_others = 0
        self.problems: dict[str, str] = {}

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        """The wanted files: those of a folder by name, then those of its subfolders."""
        waiting, links, seen = self._roots[::-1], list[str](), set[str]()
        while waiting or links:
            folder = waiting.pop() if waiting else links.pop(0)
            place = os.path.realpath(folder)
            if place in seen:
                continue
            seen.add(place)
            folders: list[str] = []
            for entry in self._entries(folder):
                if entry.is_dir():
                    (links if entry.is_symlink() else folders).append(entry.path)
                elif self._is_wanted(entry.path):
                    yield entry
                else:
                    self.num_others += 1
            waiting += folders[::-1]

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """The files and folders in a folder, by name. Pipes, devices and broken links are none."""
        try:
            with os.scandir(folder) as entries:
                shown = [entry for entry in entries if not is_left_out(entry.name) and entry.path not in self._but]
            return sorted(filter(_is_found, shown), key=lambda entry: entry.name)
        except OSError as error:
            self.problems[folder] = error.strerror or "input error"
            return []

    @property
    def others_left_out(self) -> str | None:
        """A sentence about the files of other formats; None if there are none."""
        verb = "was" if self.num_others == 1 else "were"
        return f"{pluralize(self.num_others, 'file')} of other formats {verb} left out." if self.num_others else None


def _is_found(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() or entry.is_file()
    except OSError:  # a link to itself
        return False
