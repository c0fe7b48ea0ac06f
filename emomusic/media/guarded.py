"""Files of users are opened with care: only regular files, and reads that end at limits of bytes and of time."""

from __future__ import annotations

import io
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO

from emomusic.errors import EmomusicError


def open_file(path: str | os.PathLike[str], error: type[EmomusicError], noun: str, name: str) -> BinaryIO:
    """Open a file for reading.

    Args:
        path: the path of the file.
        error: raised with one sentence if the file is absent, cannot be read, or is a folder, a pipe or a device.
        noun: what to choose instead, such as "a picture".
        name: the name of the file for messages, without its folder.
    """
    path = Path(path)
    try:
        if stat.S_ISDIR(mode := path.stat().st_mode):
            raise error(f"{name!r} is a folder; choose {noun} in it.")
        if not stat.S_ISREG(mode):  # it may block or never end
            raise error(f"{name!r} is a pipe or a device, not a file; save its content as a file.")
        return path.open("rb")
    except FileNotFoundError:
        raise error(f"{name!r} was not found; check the name.") from None
    except (OSError, ValueError) as problem:  # ValueError: a null byte in the path
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise error(f"{name!r} cannot be read: {reason}; check its name and permissions.") from None


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
