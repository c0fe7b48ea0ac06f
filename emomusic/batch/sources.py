"""The pictures and films of a batch: from folders, patterns, lists, archives and remote locations.

Finding them opens no picture. What cannot be found or listed becomes an item with a problem, and later a row.

Members of ZIP and TAR archives are read one at a time. Nothing is extracted; films use unnamed temporary files.
Archives may be hostile. `zipfile` and `tarfile` check their structure and bound what they read of a member. Members of
archives are never opened as archives.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import logging
import os
import shutil
import struct
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from pyarrow import fs

from emomusic.batch.parts import STORAGE_ERRORS, file_system, is_uri, public_name, reason_of
from emomusic.errors import BatchError, ImageError
from emomusic.media import guarded
from emomusic.media.encodings import names_of
from emomusic.media.formats import FILM_ENDINGS, has_ending
from emomusic.media.guarded import FolderWalk, GuardedFile, is_left_out
from emomusic.media.images import MAX_BYTES, PICTURE_ENDINGS
from emomusic.text import size_over

log = logging.getLogger(__name__)

MAX_FILM_BYTES = 500 * 2**20
"""Largest film in an archive. Others are read as a stream."""

_STDIN = "-"

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Name endings of the archives that EmoMusic opens."""

_MAX_HEADER_BYTES = 2**20  # a TAR has long names there
_MAX_FILES = 100_000  # files in an archive: one takes memory before it is read
_MAX_DIRECTORY_BYTES = 100 * _MAX_FILES  # the directory of a ZIP
_MAX_UNPACKED_BYTES, _MAX_RATIO = 2**30, 200  # a TAR may unpack to the sum of both limits
_IS_ENCRYPTED, _HAS_SIZES_AFTER, _IS_UTF_8 = 0x1, 0x8, 0x800  # flags of ZIP
_HEADER = struct.Struct("<4s3HIIIIHH")  # before each member of a ZIP
_EMPTY_ZIP = b"PK\5\6" + bytes(18)
_TOO_MANY = f"This archive has over {_MAX_FILES:,} files. Unpack it and name the folder."
_FULL = "The folder for temporary files is full. Make room, or set TMPDIR to another folder."
_DAMAGED = "This archive is damaged or incomplete. Pack it again."
_EMPTY = "This file is empty; choose another file."
_MEMBER_DAMAGED = "This file is damaged in its archive. Pack it again."

_Member = tuple[str, tuple[int, int], str | None]
"""A file in an archive: its name as stored, where bytes outside UTF-8 are surrogates; its position, in the directory of
a ZIP or of the content in the unpacked TAR, and its declared size; and why it cannot be read, None if it can."""


@dataclass(frozen=True, slots=True)
class Item:
    """A picture or film of a batch.

    Attributes:
        name: unique in the batch, valid UTF-8.
        path: absolute path, or path in the file system of `uri`.
        uri: the remote source, perhaps with credentials; empty for a local file.
        member: position and size in the archive at `path`; None outside archives.
        is_film: whether the name is that of a film.
        problem: why it cannot be read; None if that is unknown.
    """

    name: str
    path: str
    uri: str = field(default="", repr=False)
    member: tuple[int, int] | None = None
    is_film: bool = False
    problem: str | None = None


def find_items(sources: Sequence[str], stdin: BinaryIO | None = None) -> list[Item]:
    """The pictures and films of all sources, in a stable order, each once.

    Args:
        sources: files, folders, patterns, archives or URIs; "-" means the names in `stdin`.
        stdin: names, one in each line or separated by null bytes.

    Raises:
        BatchError: a source is empty, or the sources have no picture or film.
    """
    items = _distinct(item for source in sources for item in _items_of(source, stdin))
    if not items:
        raise BatchError(
            f"expected folders, archives or files with pictures or films. Received: {', '.join(sources)[:200]}, "
            "which have none. Check the names"
        )
    return items


def _items_of(source: str, stdin: BinaryIO | None) -> Iterator[Item]:
    if not source:
        raise BatchError("expected the names of pictures, folders or archives. Received: ''")
    if source == _STDIN and stdin is not None:
        text = stdin.read()
        for line in filter(None, text.split(b"\0") if b"\0" in text else text.splitlines()):
            name = os.fsdecode(line)
            yield from _remote(name) if is_uri(name) else _local(name, is_pattern=False)
    else:
        yield from _remote(source) if is_uri(source) else _local(source)


def _distinct(items: Iterable[Item]) -> list[Item]:
    """The items without repetitions. Other items of the same name get a number."""
    found: dict[str, Item] = {}
    places: set[tuple[str, str, tuple[int, int] | None]] = set()
    numbers: dict[str, int] = {}
    for item in items:
        if (place := (item.uri, item.path, item.member)) in places:
            continue
        places.add(place)
        name = item.name
        while name in found:
            numbers[item.name] = numbers.get(item.name, 1) + 1
            name = f"{item.name} ({numbers[item.name]})"
        found[name] = item if name == item.name else replace(item, name=name)
    return list(found.values())


# Names


def _item(name: str, path: str, **values: Any) -> Item:
    """An item. Its name shows bytes outside UTF-8 as escapes."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return Item(text, path, is_film=has_ending(name, FILM_ENDINGS), **values)


def _max_bytes(name: str) -> int | None:
    """The largest size of a picture or film with this name; None for other files."""
    if is_left_out(name.rpartition("/")[2]):
        return None
    if has_ending(name, (*FILM_ENDINGS, "gif")):
        return MAX_FILM_BYTES
    return MAX_BYTES if has_ending(name, PICTURE_ENDINGS) else None


# Local files


def _local(source: str, *, is_pattern: bool = True) -> Iterator[Item]:
    """The items of a file, folder, archive or pattern. A file of this name goes before a pattern."""
    path = Path(source)
    if path.is_dir():
        yield from _folder(path)
    elif not os.path.lexists(source) and is_pattern and any(sign in source for sign in "*?["):
        matches = sorted(map(Path, glob.glob(source, recursive=True)))  # noqa: PTH207  it also takes absolute patterns
        if not matches:
            yield _item(source, source, problem="No file has a name of this pattern. Check the pattern.")
        for match in matches:
            if match.is_dir():
                yield from _folder(match)
            elif _max_bytes(match.name) is not None or match.name.lower().endswith(ARCHIVE_ENDINGS):
                yield from _file(str(match), str(match.absolute()))
    else:
        yield from _file(str(path), str(path.absolute()))


def _folder(folder: Path) -> Iterator[Item]:
    """The pictures and films in a folder and its subfolders."""
    walk = FolderWalk([folder], lambda name: _max_bytes(name) is not None)
    for entry in walk:
        yield _item(entry.path, str(Path(entry.path).absolute()))
    for path, reason in walk.problems.items():
        yield _item(path, path, problem=f"This folder cannot be read: {reason}. Check its permissions.")
    if walk.others_left_out:
        log.warning("%s: %s", folder, walk.others_left_out)


def _file(name: str, path: str, uri: str = "") -> Iterator[Item]:
    """A file; of an archive its pictures and films, and the archive itself if it cannot be read to its end."""
    if not path.lower().endswith(ARCHIVE_ENDINGS):
        yield _item(name, path, uri=uri)
        return
    try:
        with open_file(path, uri) as file:
            for member, place, problem in Archive(file, path).members():
                yield _item(f"{name}/{member}", path, uri=uri, member=place, problem=problem)
    except ImageError as error:
        yield _item(name, path, uri=uri, problem=str(error))


# Archives


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
        self._is_cut = False
        try:
            self._archive: Any = zipfile.ZipFile(guarded) if is_zip else tarfile.open(fileobj=file, tarinfo=_Header)  # noqa: SIM115  the finalizer closes the file
        except ImageError:
            raise
        except Exception as error:  # zipfile and tarfile raise anything on hostile bytes
            found = list(_found_without_directory(file, self._max_bytes)) if is_zip and guarded.num_left else []
            if not found:
                raise ImageError(_DAMAGED if guarded.num_left else _TOO_MANY) from error
            self._archive, self._is_cut = zipfile.ZipFile(io.BytesIO(_EMPTY_ZIP)), True
            self._archive.fp, self._archive.filelist = file, found
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
                limit = _max_bytes(name)
                if name.lower().endswith(ARCHIVE_ENDINGS):
                    limit, problem = 0, "This archive lies in another one. Unpack the outer one."
                if limit is None:
                    continue
                if problem is None and size > limit:
                    problem = f"This file is too large: {size_over(size)}, at most {limit / 2**20:.0f} MB."
                yield name, (position, size), problem or (None if size else _EMPTY)  # not opened, as it takes longer
            if self._is_cut:
                raise ImageError(_DAMAGED)
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


def _found_without_directory(file: BinaryIO, max_bytes: int) -> Iterator[zipfile.ZipInfo]:
    """The members of a ZIP that ends before its directory, by what is written before each of them."""
    at = num_bytes = 0
    for _ in range(_MAX_FILES):
        file.seek(at)
        start, _, flags, method, _, crc, packed, size, *lengths = _HEADER.unpack(file.read(_HEADER.size).ljust(30))
        if start != b"PK\3\4" or num_bytes > max_bytes:
            return
        info = zipfile.ZipInfo(file.read(lengths[0]).decode("utf-8" if flags & _IS_UTF_8 else "cp437", "replace"))
        info.header_offset, info.flag_bits, info.compress_type = at, flags, method
        at += _HEADER.size + sum(lengths)
        if flags & _HAS_SIZES_AFTER and method == zipfile.ZIP_DEFLATED:
            file.seek(at)
            stream, size, packed = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0
            with contextlib.suppress(zlib.error):
                while size <= max_bytes and not stream.eof and (part := file.read(2**16)):
                    size, packed = size + len(stream.decompress(part)), packed + len(part) - len(stream.unused_data)
            file.seek(at + packed)
            after = file.read(16)
            has_mark = after.startswith(b"PK\7\x08")
            crc, at = int.from_bytes(after[4:8] if has_mark else after[:4], "little"), at + (16 if has_mark else 12)
        info.CRC, info.compress_size, info.file_size = crc, packed, size
        at, num_bytes = at + packed, num_bytes + size
        yield info


def _zip_members(archive: Any) -> Iterator[_Member]:
    infos = archive.infolist()
    names = names_of([(info.filename, info.flag_bits) for info in infos])
    for position, (info, name) in enumerate(zip(infos, names, strict=True)):
        problem = None
        if info.flag_bits & _IS_ENCRYPTED:
            problem = "This file is encrypted. Unpack the archive with its password."
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others need unbounded memory
            problem = "This file has a rare compression. Pack it again as an ordinary ZIP."
        if not info.is_dir():
            yield name, (position, info.file_size), problem


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


# Remote files


def _remote(uri: str) -> Iterator[Item]:
    """The items of a file, folder or archive at a URI."""
    try:
        system, path = file_system(uri)
        if system.type_name == "local":
            yield from _local(path, is_pattern=False)
            return
        info = system.get_file_info(path)
        if info.type == fs.FileType.Directory:
            below = system.get_file_info(fs.FileSelector(path, recursive=True))
            paths = sorted(info.path for info in below if info.type == fs.FileType.File)
            yield from (_item(public_name(uri, file), file, uri=uri) for file in paths if _max_bytes(file) is not None)
            return
    except (BatchError, *STORAGE_ERRORS) as error:
        problem = f"This location cannot be read: {reason_of(error)}."
        yield _item(public_name(uri), uri, uri=uri, problem=problem)
        return
    yield from _file(public_name(uri, path), path, uri)


# Opening


def open_file(path: str, uri: str) -> BinaryIO:
    """A file for reading, with `seek`. Raise an `ImageError` if it is absent, cannot be read, or is not a file."""
    if not uri:
        return guarded.open_file(path, ImageError, "a picture or film", Path(path).name)
    try:
        remote: BinaryIO = file_system(uri)[0].open_input_file(path)
        return remote
    except FileNotFoundError:
        raise ImageError("This file was not found. Check the name.") from None
    except (BatchError, *STORAGE_ERRORS) as error:
        raise ImageError(f"This file cannot be read: {reason_of(error)}. Check its permissions.") from error


@lru_cache(maxsize=1)
def opened_archive(path: str, uri: str) -> Archive:
    """An archive, which stays open, because a compressed TAR is read from its start. Raises as `open_item`."""
    return Archive(open_file(path, uri), path)


def open_item(item: Item) -> BinaryIO:
    """The content of an item, with `seek`.

    Raises:
        ImageError: it is absent or damaged, or cannot be read.
    """
    if item.problem is not None:
        raise ImageError(item.problem)
    return opened_archive(item.path, item.uri).open(*item.member) if item.member else open_file(item.path, item.uri)
