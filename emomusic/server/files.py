"""The one way to give the browser a file: songs, films that the app makes, and the app's own scripts and loops.

The address of a visitor's file is unguessable, and works as long as the visitor's session keeps the file.
Streamlit itself would copy a file into memory for each visitor, and again for each request.
"""

from __future__ import annotations

import io
import os
import secrets
import tempfile
import weakref
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from streamlit import get_option

from emomusic.compat import open_file_response
from emomusic.errors import AudioError
from emomusic.server.capacity import HeldBytes

# Streamlit's pages accept addresses below /app/static/
_MADE, _SHARED = "/app/static/made", "/app/static/shared"
_files: weakref.WeakValueDictionary[str, ServedFile] = weakref.WeakValueDictionary()
_folders: dict[str, Mapping[str, Path]] = {}


def base_path() -> str:
    """The prefix of all paths of this server: "" or "/folder"."""
    base = str(get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def routes() -> list[Route]:
    """The routes of all files."""
    places = ((f"{_MADE}/{{name}}", _send_file), (f"{_SHARED}/{{version}}/{{name}}", _send_shared))
    return [Route(base_path() + place, send) for place, send in places]


class ServedFile:
    """Bytes, or a file of this computer, with an address as long as something refers to this object.

    Keep it in the state of a session: both end together.

    Attributes:
        mime_type: the type of the content.
        download_name: name of the file for a visitor who saves it.
    """

    def __init__(self, content: bytes | Path, mime_type: str, download_name: str = "") -> None:
        self._content, self.mime_type, self.download_name = content, mime_type, download_name
        self._name = secrets.token_urlsafe(16) + Path(download_name).suffix
        _files[self._name] = self

    @property
    def address(self) -> str:
        """The address for Streamlit's elements, which put the base path before it. Only who knows it gets the file."""
        return f"{_MADE}/{self._name}"

    @property
    def url(self) -> str:
        """The address for scripts and links."""
        return base_path() + self.address

    @property
    def download_url(self) -> str:
        """The address for a link that saves the file."""
        return f"{self.url}?save"

    async def response(self, **options: Any) -> Response:
        """The content, or the part of it that a player asks for; 404 if a file is gone."""
        if isinstance(self._content, bytes):
            return open_file_response(io.BytesIO(self._content), **options)
        is_there = await run_in_threadpool(self._content.is_file)
        return FileResponse(self._content, **options) if is_there else Response(status_code=404)


class DecodedFile(ServedFile):
    """An audio file as WAV, for browsers that cannot play its format. It is decoded as a player asks for it."""

    def __init__(self, content: bytes | Path) -> None:
        super().__init__(content, "audio/wav")

    async def response(self, **options: Any) -> Response:
        """The part of the WAV that a player asks for; 415 if nothing can be decoded."""
        from emomusic.media.playback import WavOfSong  # loads FFmpeg

        try:
            wav = await run_in_threadpool(WavOfSong, self._content)
        except AudioError:
            return Response(status_code=415)
        return open_file_response(io.BufferedReader(wav, 2**16), **options)


def folder_url(files: Mapping[str, Path]) -> str:
    """The address of a folder with these files of the app, by name. It changes with them, and browsers keep them."""
    stamps = [(name, path.stat().st_mtime_ns) for name, path in sorted(files.items())]
    version = sha256(repr(stamps).encode()).hexdigest()[:16]
    _folders[version] = files
    return f"{base_path()}{_SHARED}/{version}"


class StreamedFile(io.FileIO, ServedFile):
    """A temporary file without a name, which is deleted when nothing refers to it. Threads may share it.

    Only the writer moves the position. A buffer would fail again at its end, if the disk is full.
    """

    def __init__(self, held: HeldBytes, download_name: str = "", file: BinaryIO | None = None) -> None:
        """Begin an empty MP4, or keep an upload.

        Args:
            held: the bytes in the budget of temporary files, which grow with the file.
            download_name: name of an MP4 for a visitor who saves it.
            file: the temporary file of an upload, which is closed here; None for an empty file.

        Raises:
            OSError: there is no folder for temporary files.
        """
        with file or tempfile.TemporaryFile() as file:
            super().__init__(os.dup(file.fileno()), "r+b")
        ServedFile.__init__(self, b"", "video/mp4", download_name)
        self._held = held

    def __del__(self) -> None:
        self.close()

    def __len__(self) -> int:
        """Size in bytes."""
        return os.fstat(self.fileno()).st_size

    def write(self, data: Any) -> int:
        """Write bytes.

        Raises:
            CapacityError: the budget is used up.
            OSError: the disk is full.
        """
        more = self.tell() + len(data) - len(self)
        if more > 0:
            self._held.grow(more)
        left = memoryview(data)
        while left:
            left = left[super().write(left) :]
        return len(data)

    def reader(self) -> io.BufferedReader:
        """The content after the last `write`, as a file with its own position."""
        return io.BufferedReader(_Reader(self))

    async def response(self, **options: Any) -> Response:
        """The content written so far, or the part of it that a player requests."""
        return open_file_response(self.reader(), **options)


class _Reader(io.RawIOBase):
    def __init__(self, file: StreamedFile) -> None:
        self.file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = os.pread(self.file.fileno(), len(buffer), self._at)
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, len(self.file))[whence]
        return self._at


def served_by(file: BinaryIO) -> ServedFile | None:
    """The file with an address that a reader reads; None for another file."""
    raw = getattr(file, "raw", None)
    return raw.file if isinstance(raw, _Reader) else None


async def _send_file(request: Request) -> Response:
    if (file := _files.get(request.path_params["name"])) is None:
        return Response(status_code=404)
    name = file.download_name if "save" in request.query_params else None
    return await file.response(headers={"Cache-Control": "private, no-store"}, media_type=file.mime_type, filename=name)


async def _send_shared(request: Request) -> Response:
    path = _folders.get(request.path_params["version"], {}).get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, headers={"Cache-Control": "public, max-age=86400, immutable"})
