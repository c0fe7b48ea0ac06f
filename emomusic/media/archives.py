"""ZIP and TAR archives of pictures and films, whose members are read one at a time.

Nothing is extracted; films use unnamed temporary files. Archives may be hostile. `zipfile` and `tarfile` check their
structure and limit how much they read of a member. Members of archives are never opened as archives.
"""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
import tarfile
import tempfile
import weakref
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from emomusic.errors import ImageError
from emomusic.media.formats import FILM_ENDINGS, PICTURE_ENDINGS, RAW_ENDINGS, has_ending
from emomusic.media.guarded import GuardedFile, is_left_out
from emomusic.media.images import MAX_BYTES, MAX_RAW_BYTES
from emomusic.text import size_over

MAX_FILM_BYTES = 500 * 2**20
"""Largest film in an archive. Others are read as a stream."""

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Name endings of the archives that EmoMusic opens."""

_MAX_HEADER_BYTES = 2**20  # a TAR has long names there
_MAX_FILES = 100_000  # files in an archive: one takes memory before it is read
_MAX_DIRECTORY_BYTES = 100 * _MAX_FILES  # the directory of a ZIP
_MAX_UNPACKED_BYTES, _MAX_RATIO = 2**30, 200  # a TAR may unpack to the sum of both limits
_IS_ENCRYPTED, _IS_UTF_8 = 0x1, 0x800  # flags of ZIP
_TOO_MANY = f"This archive has over {_MAX_FILES:,} files. Unpack it, or pack fewer files."
_FULL = "The folder for temporary files is full. Make room, or set TMPDIR to another folder."
_DAMAGED = "This archive is damaged or incomplete. Pack it again."
_EMPTY = "This file is empty; choose another file."
_MEMBER_DAMAGED = "This file is damaged in its archive. Pack it again."

_Member = tuple[str, tuple[int, int], str | None]
"""A file in an archive: its name as stored, where bytes outside UTF-8 are surrogates; its position, in the directory of
a ZIP or of the content in the unpacked TAR, and its declared size; and why it cannot be read, None if it can."""


def max_bytes(name: str) -> int | None:
    """The largest size of a picture or film with this name; None for other files."""
    if any(is_left_out(part) for part in name.split("/") if part.strip(".")):
        return None
    if has_ending(name, FILM_ENDINGS):
        return MAX_FILM_BYTES
    most = MAX_RAW_BYTES if has_ending(name, RAW_ENDINGS) else MAX_BYTES
    return most if has_ending(name, PICTURE_ENDINGS) else None


class _Header(tarfile.TarInfo):
    """A header of a TAR. `tarfile` reads those of other members than files as a whole."""

    @classmethod
    def frombuf(cls, *args: Any, **kwargs: Any) -> Any:
        """The header in a block."""
        header = super().frombuf(*args, **kwargs)
        if not header.isreg() and header.size > _MAX_HEADER_BYTES:
            raise ImageError(_DAMAGED)
        return header


class Archive:
    """An opened archive."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Open an archive; the ending of its name tells the format. The file closes with this object.

        Raises:
            ImageError: the file is damaged.
        """
        weakref.finalize(self, file.close)
        self._max_bytes = _MAX_UNPACKED_BYTES + _MAX_RATIO * file.seek(0, io.SEEK_END)
        file.seek(0)
        is_zip, guarded = name.lower().endswith(".zip"), cast("Any", GuardedFile(file))
        guarded.num_left = _MAX_DIRECTORY_BYTES  # zipfile reads the directory of a ZIP as a whole
        try:
            self._archive: Any = zipfile.ZipFile(guarded) if is_zip else tarfile.open(fileobj=file, tarinfo=_Header)  # noqa: SIM115  the finalizer closes the file
        except ImageError:
            raise
        except Exception as error:  # zipfile and tarfile raise anything on hostile bytes
            raise ImageError(_DAMAGED if guarded.num_left else _TOO_MANY) from error
        guarded.num_left = None

    def members(self) -> Iterator[_Member]:
        """The pictures and films in the order of the archive.

        Raises:
            ImageError: after the intact members: the archive is damaged, or unpacks to too much.
        """
        is_zip = isinstance(self._archive, zipfile.ZipFile)
        try:
            found = _zip_members(self._archive) if is_zip else _tar_members(self._archive, self._max_bytes)
            for name, (position, size), problem in found:
                limit = max_bytes(name)
                if name.lower().endswith(ARCHIVE_ENDINGS):
                    limit, problem = 0, "This archive lies in another one. Unpack the outer one."
                if limit is None:
                    continue
                if problem is None and size > limit:
                    problem = f"This file is too large: {size_over(size)}, at most {limit / 2**20:.0f} MB."
                yield name, (position, size), problem or (None if size else _EMPTY)  # not opened, as it takes longer
        except ImageError:
            raise
        except Exception as error:
            raise ImageError(_DAMAGED) from error

    def open(self, position: int, size: int) -> BinaryIO:
        """The content of a member, in memory or in an unnamed temporary file.

        Raises:
            ImageError: it is damaged, or has not the declared size.
        """
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(MAX_BYTES))  # noqa: SIM115  the caller closes it
        try:
            archive = self._archive
            if isinstance(archive, zipfile.ZipFile):
                content = archive.open(archive.infolist()[position])
            else:
                info = tarfile.TarInfo()
                info.offset_data, info.size = position, size
                content = archive.extractfile(info)
            with content:
                shutil.copyfileobj(content, file)
            if file.tell() != size:
                raise EOFError
        except Exception as error:
            with contextlib.suppress(OSError):  # its buffer fails again
                file.close()
            is_full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            raise ImageError(_FULL if is_full else _MEMBER_DAMAGED) from error
        file.seek(0)
        return file


def _zip_members(archive: Any) -> Iterator[_Member]:
    for position, info in enumerate(archive.infolist()):
        problem = None
        if info.flag_bits & _IS_ENCRYPTED:
            problem = "This file is encrypted. Unpack the archive with its password."
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others need unbounded memory
            problem = "This file has a rare compression. Pack it again as an ordinary ZIP."
        if not info.is_dir():
            yield _zip_name(info), (position, info.file_size), problem


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name of a member. Without the flag of UTF-8, `zipfile` takes code page 437, but many programs write UTF-8."""
    if info.flag_bits & _IS_UTF_8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _tar_members(archive: Any, max_bytes: int) -> Iterator[_Member]:
    for info in archive:
        if len(archive.members) > _MAX_FILES:
            raise ImageError(_TOO_MANY)
        if archive.offset > max_bytes:  # the next header
            raise ImageError("This archive unpacks to too many bytes. Unpack it and name the folder.")
        if info.isreg():
            yield info.name, (info.offset_data, info.size), _MEMBER_DAMAGED if info.issparse() else None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile takes any other end for the end
        raise EOFError
