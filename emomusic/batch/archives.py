"""Members of ZIP and TAR archives, read one at a time. Nothing is extracted; films use unnamed temporary files.

Archives may be hostile. `zipfile` and `tarfile` check their structure. Their headers and unpacked lengths are bounded
here, and members of archives are never opened as archives.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from emomusic.errors import ImageError
from emomusic.media.images import MAX_BYTES
from emomusic.text import size_over

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Name endings of the archives that EmoMusic opens."""

_MAX_HEADER_BYTES = 2**20  # of a TAR, which holds long names
_MAX_UNPACKED_BYTES, _MAX_RATIO = 2**30, 200  # a compressed TAR may unpack to the sum of both limits
_PIECE_BYTES = 2**20
_IS_ENCRYPTED = 0x1  # a flag of ZIP
_DAMAGED = "This archive is damaged or incomplete. Pack it again."
_MEMBER_DAMAGED = "This file is damaged in its archive. Pack it again."
_UNPACKERS: dict[str, Any] = {"gz": gzip.open, "tgz": gzip.open}
_UNPACKERS |= dict.fromkeys(("bz2", "tbz2"), bz2.open) | dict.fromkeys(("xz", "txz"), lzma.open)


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


class Archive:
    """An opened archive."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Open an archive; the ending of its name tells the format. The file stays open after errors.

        Raises:
            ArchiveError: the file is damaged.
        """
        ending = name.lower().rpartition(".")[2]
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file) if ending == "zip" else None
            self._stream: Any = _UNPACKERS[ending](file) if ending in _UNPACKERS else file
        except Exception as error:  # zipfile raises anything on hostile bytes
            raise ArchiveError(_DAMAGED) from error

    def members(self, max_bytes: Callable[[str], int | None]) -> Iterator[Member]:
        """The wanted files in the order of the archive.

        Args:
            max_bytes: takes the name of a file and returns its largest allowed size; None if it is not wanted.

        Raises:
            ArchiveError: after the intact members: the archive is damaged, or unpacks to too much.
        """
        try:
            for member in self._tar_members() if self._zip is None else _zip_members(self._zip):
                if (limit := max_bytes(member.name)) is None:
                    continue
                if member.problem is None and member.size > limit:
                    problem = f"This file is too large: {size_over(member.size)}, at most {limit / 2**20:.0f} MB."
                    member = replace(member, problem=problem)
                yield member
        except ArchiveError:
            raise
        except Exception as error:  # tarfile and the unpackers raise anything on hostile bytes
            raise ArchiveError(_DAMAGED) from error

    def _tar_members(self) -> Iterator[Member]:
        num_bytes = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        is_packed = self._stream is not self._file
        stream = _Headers(self._stream, _MAX_UNPACKED_BYTES + _MAX_RATIO * num_bytes if is_packed else num_bytes)
        tar = tarfile.TarFile(fileobj=stream, errors="surrogateescape")  # type: ignore[arg-type]
        while (info := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # bounds memory
            if info.isreg():
                yield Member(info.name, info.offset_data, info.size, _MEMBER_DAMAGED if info.issparse() else None)
        stream.seek(tar.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile takes any other end for the end
            raise ArchiveError(_DAMAGED)

    def open(self, position: int, size: int) -> BinaryIO:
        """The content of a `Member`, in memory or in an unnamed temporary file.

        Raises:
            ArchiveError: it is damaged, or has not the declared size.
        """
        with contextlib.ExitStack() as stack:
            spooled = tempfile.SpooledTemporaryFile(MAX_BYTES)  # noqa: SIM115  the stack closes it
            file = stack.enter_context(cast("BinaryIO", spooled))
            try:
                if self._zip is not None:
                    with self._zip.open(self._zip.infolist()[position]) as member:
                        num_left = _copy(member, file, size) + len(member.read(1))  # the end has the checksum
                else:
                    self._stream.seek(position)
                    num_left = _copy(self._stream, file, size)
            except Exception as error:
                raise ArchiveError(_MEMBER_DAMAGED) from error
            if num_left:
                raise ArchiveError(_MEMBER_DAMAGED)
            file.seek(0)
            stack.pop_all()  # the caller closes it
            return file

    def close(self) -> None:
        """Close the archive and its file."""
        self._stream.close()
        self._file.close()


def _zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    for position, info in enumerate(archive.infolist()):
        problem = None
        if info.flag_bits & _IS_ENCRYPTED:
            problem = "This file is encrypted. Unpack the archive with its password."
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others need unbounded memory
            problem = "This file has a rare compression. Pack it again as an ordinary ZIP."
        if not info.is_dir():
            yield Member(info.filename, position, info.file_size, problem)


def _copy(source: Any, target: BinaryIO, size: int) -> int:
    """Copy bytes in small pieces, and return the number that the source lacks."""
    while size and (piece := source.read(min(size, _PIECE_BYTES))):
        target.write(piece)
        size -= len(piece)
    return size


class _Headers:
    """A stream for `tarfile`, which reads headers only: no long read, and no position beyond the limit."""

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._limit = stream, limit
        self.tell: Callable[[], int] = stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_HEADER_BYTES:
            raise ArchiveError(_DAMAGED)
        return bytes(self._stream.read(size))

    def seek(self, position: int) -> int:
        if position > self._limit:
            raise ArchiveError("This archive unpacks to too many bytes. Unpack it and name the folder.")
        return int(self._stream.seek(position))
