"""Large files that a page streams to its browser: those that the app makes, and songs of one's own computer.

Streamlit itself copies such a file into memory for each visitor, and again for each request.
"""

from __future__ import annotations

import functools
import io
import os
import secrets
import tempfile
import weakref
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from emomusic.compat import add_route, base_path, file_response
from emomusic.server.capacity import ByteBudget

_FOLDER = "/app/static/made"  # Streamlit's pages accept addresses below /app/static/
_files: weakref.WeakValueDictionary[str, ServedFile] = weakref.WeakValueDictionary()


class ServedFile:
    """A file that has an address as long as something refers to this object.

    Attributes:
        mime_type: of the content.
    """

    def __init__(self, mime_type: str, ending: str = "") -> None:
        self.mime_type, self._name = mime_type, secrets.token_urlsafe(16) + ending
        _files[self._name] = self

    @property
    def address(self) -> str:
        """The address of the content. Only who knows it can fetch the file."""
        _serve_files()
        return f"{_FOLDER}/{self._name}"


class LocalFile(ServedFile):
    """A file of this computer, at `path`."""

    def __init__(self, path: Path, mime_type: str) -> None:
        super().__init__(mime_type)
        self.path = path


class StreamedFile(io.FileIO, ServedFile):
    """A temporary MP4 without a name, which is deleted when nothing refers to it. Threads may share it.

    Only the writer moves the position. A buffer would fail again at its end, if the disk is full.

    Attributes:
        download_name: name of the file for a visitor who saves it.
    """

    def __init__(self, budget: ByteBudget, owner: str, download_name: str) -> None:
        """Begin an empty file whose bytes count against a budget.

        Args:
            budget: of temporary files.
            owner: the visitor's session.
            download_name: ends in ".mp4".

        Raises:
            OSError: there is no folder for temporary files.
        """
        with tempfile.TemporaryFile() as file:
            super().__init__(os.dup(file.fileno()), "r+b")
        ServedFile.__init__(self, "video/mp4", ".mp4")
        self.download_name = download_name
        self._held = budget.take(owner, 0)

    def __del__(self) -> None:
        self.close()

    def __len__(self) -> int:
        """Size in bytes."""
        return self._held.num_bytes

    def write(self, data: Any) -> int:
        """Write bytes.

        Raises:
            CapacityError: the budget is used up.
            OSError: the disk is full.
        """
        if (more := self.tell() + len(data) - len(self)) > 0:
            self._held.grow(more)
        left = memoryview(data)
        while left:
            left = left[super().write(left) :]
        return len(data)

    def reader(self) -> io.BufferedReader:
        """The content after the last `write`, as a file with a position of its own."""
        return io.BufferedReader(_Reader(self))

    @property
    def download_address(self) -> str:
        """The address for a link that saves the file."""
        return f"{base_path()}{self.address}?save"


class _Reader(io.RawIOBase):
    def __init__(self, file: StreamedFile) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = os.pread(self._file.fileno(), len(buffer), self._at)
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, len(self._file))[whence]
        return self._at


@functools.cache
def _serve_files() -> None:
    add_route(f"{_FOLDER}/{{name}}", _send_file)


async def _send_file(request: Request) -> Response:
    """A file or the part of it that a player asks for."""
    file = _files.get(request.path_params["name"])
    headers = {"Cache-Control": "private, no-store"}
    if isinstance(file, StreamedFile):
        name = file.download_name if "save" in request.query_params else None
        look = {"headers": headers, "media_type": file.mime_type, "filename": name}
        response: Response = file_response(file.reader, stat_result=os.fstat(file.fileno()), **look)
        return response
    if isinstance(file, LocalFile) and await run_in_threadpool(file.path.is_file):
        return FileResponse(file.path, 200, headers, file.mime_type)
    return Response(status_code=404)
