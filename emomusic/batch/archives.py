"""Members of ZIP and TAR archives, read one at a time. Nothing is extracted; films use unnamed temporary files.

Archives may be hostile. `zipfile` and `tarfile` check their structure and bound what they read of a member. Members of
archives are never opened as archives.
"""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from emomusic.compat import zip_directory_bytes
from emomusic.errors import ImageError
from emomusic.media.images import MAX_BYTES
from emomusic.text import size_over

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Name endings of the archives that EmoMusic opens."""

_MAX_HEADER_BYTES = 2**20  # of a TAR, which holds long names
_MAX_FILES = 100_000  # of an archive, because each takes memory before it is read
_MAX_DIRECTORY_BYTES = 100 * _MAX_FILES  # of a ZIP
_MAX_UNPACKED_BYTES, _MAX_RATIO = 2**30, 200  # a TAR may unpack to the sum of both limits
_IS_ENCRYPTED = 0x1  # a flag of ZIP
_TOO_MANY = f"This archive has over {_MAX_FILES:,} files. Unpack it and name the folder."
_FULL = "The folder for temporary files is full. Make room, or set TMPDIR to another folder."
_DAMAGED = "This archive is damaged or incomplete. Pack it again."
_MEMBER_DAMAGED = "This file is damaged in its archive. Pack it again."


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        name: as stored; bytes outside UTF-8 are surrogates.
        position: in the directory of a ZIP, or of the content in the unpacked TAR.
        size: in bytes, as declared.
        problem: why it cannot be read; None if it can.
    """

    name: str
    position: int
    size: int
    problem: str | None = None


class ArchiveError(ImageError):
    """An archive, or one of its members, cannot be read."""


class _Header(tarfile.TarInfo):
    """A header of a TAR. `tarfile` reads those of other members than files as a whole."""

    @classmethod
    def frombuf(cls, *args: Any, **kwargs: Any) -> Any:
        """The header in a block."""
        header = super().frombuf(*args, **kwargs)
        if not header.isreg() and header.size > _MAX_HEADER_BYTES:
            raise ArchiveError(_DAMAGED)
        return header


class Archive:
    """An opened archive."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Open an archive; the ending of its name tells the format. The file stays open after errors.

        Raises:
            ArchiveError: the file is damaged.
        """
        self._file = file
        self._max_bytes = _MAX_UNPACKED_BYTES + _MAX_RATIO * file.seek(0, io.SEEK_END)
        try:
            if name.lower().endswith(".zip") and zip_directory_bytes(file) > _MAX_DIRECTORY_BYTES:
                raise ArchiveError(_TOO_MANY)
            file.seek(0)
            self._archive = (
                zipfile.ZipFile(file) if name.lower().endswith(".zip") else tarfile.open(fileobj=file, tarinfo=_Header)  # noqa: SIM115  `close` closes it
            )
        except ArchiveError:
            raise
        except Exception as error:  # zipfile and tarfile raise anything on hostile bytes
            raise ArchiveError(_DAMAGED) from error

    def members(self, max_bytes: Callable[[str], int | None]) -> Iterator[Member]:
        """The wanted files in the order of the archive.

        Args:
            max_bytes: takes the name of a file and returns its largest allowed size; None if it is not wanted.

        Raises:
            ArchiveError: after the intact members: the archive is damaged, or unpacks to too much.
        """
        is_zip = isinstance(self._archive, zipfile.ZipFile)
        try:
            for member in _zip_members(self._archive) if is_zip else _tar_members(self._archive, self._max_bytes):
                if (limit := max_bytes(member.name)) is None:
                    continue
                if member.problem is None and member.size > limit:
                    problem = f"This file is too large: {size_over(member.size)}, at most {limit / 2**20:.0f} MB."
                    member = replace(member, problem=problem)
                yield member
        except ArchiveError:
            raise
        except Exception as error:
            raise ArchiveError(_DAMAGED) from error

    def open(self, position: int, size: int) -> BinaryIO:
        """The content of a `Member`, in memory or in an unnamed temporary file.

        Raises:
            ArchiveError: it is damaged, or has not the declared size.
        """
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(MAX_BYTES))  # noqa: SIM115  the caller closes it
        try:
            with self._content(position, size) as content:
                shutil.copyfileobj(content, file)
            if file.tell() != size:
                raise EOFError
        except Exception as error:
            with contextlib.suppress(OSError):  # of its buffer
                file.close()
            is_full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            raise ArchiveError(_FULL if is_full else _MEMBER_DAMAGED) from error
        file.seek(0)
        return file

    def _content(self, position: int, size: int) -> Any:
        if isinstance(self._archive, zipfile.ZipFile):
            return self._archive.open(self._archive.infolist()[position])
        info = tarfile.TarInfo()
        info.offset_data, info.size = position, size
        return self._archive.extractfile(info)

    def close(self) -> None:
        """Close the archive and its file."""
        self._archive.close()
        self._file.close()


def _zip_members(archive: Any) -> Iterator[Member]:
    for position, info in enumerate(archive.infolist()):
        problem = None
        if info.flag_bits & _IS_ENCRYPTED:
            problem = "This file is encrypted. Unpack the archive with its password."
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others need unbounded memory
            problem = "This file has a rare compression. Pack it again as an ordinary ZIP."
        if not info.is_dir():
            yield Member(info.filename, position, info.file_size, problem)


def _tar_members(archive: Any, max_bytes: int) -> Iterator[Member]:
    for info in archive:
        if len(archive.members) > _MAX_FILES:
            raise ArchiveError(_TOO_MANY)
        if archive.offset > max_bytes:  # the next header
            raise ArchiveError("This archive unpacks to too many bytes. Unpack it and name the folder.")
        if info.isreg():
            yield Member(info.name, info.offset_data, info.size, _MEMBER_DAMAGED if info.issparse() else None)
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile takes any other end for the end
        raise EOFError
