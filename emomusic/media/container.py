"""Films and songs that FFmpeg opens, through PyAV.

It sees only the bytes of this file: playlists, other files and addresses are refused.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, ClassVar, NoReturn, Self

import av
import av.error

from emomusic.errors import EmomusicError
from emomusic.media.files import GuardedFile, open_file

log = logging.getLogger(__name__)

# No messages of FFmpeg, not even for errors. Those of a decoder thread wait for the GIL, and PyAV may hold it while it
# waits for that thread.
av.logging.set_level(None)

DAMAGE = (av.error.FFmpegError, ValueError, OverflowError, MemoryError)
"""What PyAV raises for damaged files."""


class MediaFile:
    """An opened film or song.

    Attributes:
        name: of the file; empty if unknown.
        quoted: the name for messages.
        error_type: of all problems with the file.
        noun: what to choose instead of a folder.
    """

    error_type: ClassVar[type[EmomusicError]]
    noun: ClassVar[str]

    def __init__(self, source: str | os.PathLike[str] | BinaryIO, name: str | None) -> None:
        """Open a path, or use a binary file, which stays open after `close`.

        `name` is that of the file for messages, by default that of the path.
        """
        self._own_file: BinaryIO | None = None
        self._container: Any = None
        if isinstance(source, str | os.PathLike):
            name = name or Path(source).name or str(source)  # "." and "/" have no name
            source = self._own_file = open_file(source, self.error_type, self.noun, name)
        self.name = name or ""
        self.quoted = repr(name) if name else "This file"
        self._file = GuardedFile(source)

    @contextmanager
    def _opening(self) -> Iterator[None]:
        """Close the file after an error."""
        try:
            yield
        except BaseException as error:
            self.close()
            if self._file.error is not None and isinstance(error, Exception):
                raise self._unreadable() from error
            raise

    def _open_container(self, demuxer: str, buffer_size: int, **options: Any) -> None:
        try:
            self._container = av.open(
                self._file,
                "r",
                format=demuxer,
                metadata_errors="surrogateescape",
                buffer_size=buffer_size,
                io_open=_refuse,
                **options,
            )
        except DAMAGE as error:
            log.debug("a file cannot be opened", exc_info=error)
            raise self._damaged() from None

    def _damaged(self) -> EmomusicError:
        return self.error_type(f"{self.quoted} is damaged or incomplete; choose another file.")

    def _unreadable(self) -> EmomusicError:
        reason = getattr(self._file.error, "strerror", None) or "input error"
        return self.error_type(f"{self.quoted} cannot be read: {reason}; copy it to another disk.")

    def close(self) -> None:
        """Close the container, and the file if it was opened from a path."""
        container, self._container = self._container, None
        if container is not None:
            container.close()
        if self._own_file is not None:
            self._own_file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:  # noqa: ARG001
    raise PermissionError("a film or a song may not open other files")
