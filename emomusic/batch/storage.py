"""Files in local folders and at remote locations such as `s3://bucket/folder`, through `pyarrow.fs`."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from emomusic.errors import EmomusicError

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:// is a drive
_CREDENTIALS = re.compile(r"://[^/\s@]*@")
_OBJECT_STORES = ("s3", "gcs", "abfs")  # they have no folders, and a file appears there only when it is complete

STORAGE_ERRORS = (OSError, ValueError, NotImplementedError, pa.ArrowException)
"""Errors of file systems."""


class BatchError(EmomusicError):
    """A batch cannot start or go on: its results cannot be read or written, or its workers do not start."""


def is_uri(text: str) -> bool:
    """Whether a location is remote, or a `file://` URI."""
    return _URI.match(text) is not None


@cache
def file_system(location: str) -> tuple[Any, str]:
    """The file system of a local path or URI, and the path in it. Raise a `BatchError` if the URI is invalid."""
    if not is_uri(location):
        return fs.LocalFileSystem(), str(Path(location).absolute())
    try:
        system, path = fs.FileSystem.from_uri(location)
    except (*STORAGE_ERRORS, TypeError) as error:
        raise BatchError(
            f"expected a URI such as s3://bucket/folder. Received: {public_name(location)} ({reason_of(error)})"
        ) from error
    return system, path


def public_name(location: str, path: str | None = None) -> str:
    """A location for messages, a URI without credentials (before "@") and options (after "?").

    Args:
        location: local path or URI.
        path: replaces that of the URI.
    """
    if not is_uri(location):
        return location
    scheme, rest = location.split("://", 1)
    return f"{scheme}://{rest.split('?')[0].rpartition('@')[2] if path is None else path}"


class Folder:
    """A folder for results, local or remote. Files in it are read and written as a whole.

    Attributes:
        name: for messages, without credentials.
    """

    def __init__(self, location: str) -> None:
        """Find the folder. It need not exist. Raises as `file_system`."""
        self.name = public_name(location)
        self._system, self._path = file_system(location)

    def names(self, subfolder: str) -> list[str]:
        """The sorted names of the files in a subfolder; empty if there is no such folder."""
        selector = fs.FileSelector(f"{self._path}/{subfolder}".rstrip("/"), allow_not_found=True)
        with self._errors(subfolder):
            found = self._system.get_file_info(selector)
        return sorted(each.base_name for each in found if each.type == fs.FileType.File)

    def open(self, name: str) -> Any:
        """A file of the folder for reading, as a `pyarrow.NativeFile`."""
        with self._errors(name):
            return self._system.open_input_file(f"{self._path}/{name}")

    def write(self, name: str, data: Any) -> None:
        """Write bytes or an Arrow buffer. The file appears under its name only when it is complete."""
        parent, _, base = f"{self._path}/{name}".rpartition("/")
        with self._errors(name):
            if self._system.type_name in _OBJECT_STORES:
                part = base
            else:
                self._system.create_dir(parent, recursive=True)
                part = f".{base}.{uuid.uuid4().hex}"  # Parquet readers ignore hidden files
            try:
                with self._system.open_output_stream(f"{parent}/{part}") as file:
                    file.write(data)
                if part != base:
                    self._system.move(f"{parent}/{part}", f"{parent}/{base}")
            except STORAGE_ERRORS:
                if part != base:
                    with contextlib.suppress(*STORAGE_ERRORS):
                        self._system.delete_file(f"{parent}/{part}")
                raise

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        with self._errors(name), contextlib.suppress(FileNotFoundError):
            self._system.delete_file(f"{self._path}/{name}")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process, if it is local. The lock ends with the process.

        Raises:
            BatchError: another process holds it.
        """
        if self._system.type_name != "local":
            yield
            return
        from filelock import FileLock, Timeout

        lock = FileLock(Path(self._path, ".lock"), timeout=0)
        with self._errors(".lock"):
            Path(self._path).mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                raise BatchError(
                    f"expected a folder that no other run writes to. Received: {self.name}. "
                    "Wait, or choose another folder"
                ) from None
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Turn errors of the file system into a sentence."""
        try:
            yield
        except STORAGE_ERRORS as error:
            raise BatchError(
                f"expected to read and write {self.name.rstrip('/')}/{name}. Received: {reason_of(error)}. "
                "Check the folder and its permissions"
            ) from error


def reason_of(error: BaseException) -> str:
    """The reason in an error of the system or of Arrow, in one line and without credentials."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(_CREDENTIALS.sub("://", text).split())[:200].rstrip(".")
