"""The SQLite file of a library: opening, errors and damages."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Self

import msgspec

from emomusic.errors import LibraryError
from emomusic.media.formats import is_song_file
from emomusic.media.guarded import FolderWalk, is_left_out

VARIABLE = "EMOMUSIC_LIBRARY"
"""Environment variable with the path of the library."""

_FILE = "library.sqlite"
_MAGIC = b"SQLite format 3\0"
_VERSION = 2
_CREATE = """
CREATE TABLE folders (path TEXT UNIQUE NOT NULL, inode INTEGER);
CREATE TABLE songs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT UNIQUE NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, model TEXT, fingerprint BLOB, error TEXT, song TEXT, features BLOB
);
CREATE TABLE places (path TEXT UNIQUE NOT NULL, inode INTEGER NOT NULL, is_mount INTEGER NOT NULL)
"""
"""A folder whose `inode` is null is left out; a song without model waits.

Other inodes, fingerprints and places are those of older versions, which still open the file. Nothing reads them.
"""
_NUM_TABLES = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('folders', 'songs')"
_LOCK_S = 20.0  # for another process to write
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)  # the last: a column has another name
_COUNTER_AT = 24  # place in SQLite's header: the counter of changes, with a rollback journal

UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, LookupError)
"""Errors of a cell with other content than a song."""


def library_file() -> Path:
    """Path of the library: `$EMOMUSIC_LIBRARY`, or a file in the user's data folder."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_data_path("emomusic", appauthor=False) / _FILE


def library_version() -> tuple[int, int]:
    """A value that changes with every change of the library, by any process; (0, 0) without a library.

    It reads a few bytes and opens no database. A running analysis changes it about once a second.
    """
    try:
        with library_file().open("rb") as file:
            header = file.read(_COUNTER_AT + 4)
            return os.fstat(file.fileno()).st_ino, int.from_bytes(header[_COUNTER_AT:], "big")
    except OSError:
        return 0, 0


class LibraryFile:
    """The opened file, for one thread. Several processes may open it.

    Attributes:
        path: the SQLite file.
    """

    def __init__(self, path: Path | None = None, *, create: bool = False) -> None:
        """Open a library.

        Args:
            path: by default `library_file()`.
            create: make an absent file. Without it, an absent library is empty.

        Raises:
            LibraryError: the file is not a library, or cannot be opened.
        """
        self.path = library_file() if path is None else path
        with self._errors(), contextlib.ExitStack() as stack:
            self._is_new = create and not self.path.exists()
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            file: Path | str = self.path if create or self.path.exists() else ":memory:"
            self._db = sqlite3.connect(file, timeout=_LOCK_S, isolation_level="IMMEDIATE")
            stack.push(self)
            self._db.text_factory = os.fsdecode  # for paths outside Unicode
            if self._state() == (0, 0):
                self._create()
            if self._state() != (_VERSION, 2):
                raise sqlite3.DatabaseError(f"not a library of version {_VERSION}")
            stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def _state(self) -> tuple[int, int]:
        """The version and the number of tables."""
        return self._number("PRAGMA user_version"), self._number(_NUM_TABLES)

    def _create(self) -> None:
        """Create the tables of a new library."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            if self._state() == (0, 0):  # no other process was first
                for statement in _CREATE.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what SQLite adds, such as the damaged index
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise LibraryError(f"{self.path} is in use by another program. Try again.") from error
            # A message of SQLite about a damaged table may be no Unicode
            if (code in _DAMAGED or isinstance(error, UnicodeDecodeError)) and self._is_own:
                raise LibraryError(
                    f"expected a library of music. Received: a damaged file, which is now {self._set_aside()}. "
                    "Add your folders again, on the page or with: emomusic library add FOLDER"
                ) from error
            reason = getattr(error, "strerror", None) or error
            raise LibraryError(
                f"expected a library of music. Received: {self.path} ({reason}). "
                f"Choose another file with --library or {VARIABLE}"
            ) from error

    @property
    def _is_own(self) -> bool:
        """Whether the file was a library once, and not another one that was chosen by mistake."""
        try:
            with self.path.open("rb") as file:
                return file.read(len(_MAGIC)) == _MAGIC or self.path.name == _FILE
        except OSError:
            return False

    def _set_aside(self) -> Path:
        """Rename the file, with its unfinished changes, and return the new path."""
        names = chain([""], (f"-{number}" for number in count(2)))
        paths = (self.path.with_name(f"{self.path.name}.damaged{end}") for end in names)
        aside = next(path for path in paths if not path.exists())
        self._db.close()
        for end in ("-journal", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{end}").replace(f"{aside}{end}")
        return aside

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values).fetchall()

    def _rows_by_path(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that begins with `path`, without those whose path no file can have."""
        rows = self._rows(f"SELECT {query}", *values)
        return [row for row in rows if isinstance(row[0], str) and "\0" not in row[0]]

    def _number(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Close the file. After an error, such as a full disk, a new library without files is deleted."""
        is_unused = self._is_new and error is not None
        with contextlib.suppress(sqlite3.Error):  # it has no tables yet
            is_unused = is_unused and not self._number("SELECT count(*) FROM songs")
        self._db.close()
        if is_unused:
            self.path.unlink(missing_ok=True)


# The audio files in the folders of a library: found, moved, or on a disk that is not connected


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file in the library, with its size and time."""

    path: str
    number: int
    stamp: tuple[int, int]


def signed(number: int) -> int:
    """A number of 64 bits, as SQLite stores it. Dates after 2262 can be larger."""
    return (number + 2**63) % 2**64 - 2**63


def contains(folder: str, path: str) -> bool:
    """Whether a path is this folder, or below it."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def is_below(folders: Collection[str]) -> Callable[[str], bool]:
    """A test whether a path is one of these folders, or below one."""
    return lambda path: any(contains(folder, path) for folder in folders)


def walk_folders(
    roots: Collection[str], left_out: Collection[str]
) -> tuple[dict[str, tuple[int, int]], dict[str, str], int]:
    """Size and time of each audio file, the reason for each folder that cannot be read, and the number of other files.

    Args:
        roots: folders and single files.
        left_out: folders below them that are not wanted.
    """
    files = (path for path in roots if os.path.isfile(path))  # noqa: PTH113  Path.is_file raises for a dead disk
    found = {path: stamp_of(Path(path).stat()) for path in files}
    walk = FolderWalk([path for path in roots if path not in found], is_song_file, left_out)
    for entry in walk:
        with contextlib.suppress(OSError):  # it is gone
            found[entry.path] = stamp_of(entry.stat())
    problems = {path: f"this folder cannot be read ({why}); its songs stay" for path, why in walk.problems.items()}
    return found, problems, walk.num_others


def is_empty(folder: str) -> bool:
    """Whether a folder has only files of the system, for example because a disk is not connected."""
    with contextlib.suppress(OSError):
        return all(is_left_out(entry.name) for entry in Path(folder).iterdir())
    return False


def is_behind_broken_link(path: str) -> bool:
    """Whether a link on the way to a file leads nowhere, perhaps because a disk is not connected."""
    on_the_way = (path, *map(str, Path(path).parents))
    return any(Path(each).is_symlink() and not os.path.exists(each) for each in on_the_way)  # noqa: PTH110  dead disks


def stamp_of(stat: os.stat_result) -> tuple[int, int]:
    """Size and time of a file, as the library stores them."""
    return stat.st_size, signed(stat.st_mtime_ns)


def moved_files(new: Mapping[str, tuple[int, int]], lost: Iterable[KnownFile]) -> dict[str, KnownFile]:
    """The known files that moved, by their new paths: they have the same size and time.

    Of several such files, the one with the same name has moved; without it, none, as they could be confused.
    """
    old: dict[tuple[int, int], list[KnownFile]] = {}
    stamps = set(new.values())
    for file in lost:
        if file.stamp in stamps and not os.path.lexists(file.path):
            old.setdefault(file.stamp, []).append(file)
    moved: dict[str, KnownFile] = {}
    for path, stamp in sorted(new.items()):
        files = old.get(stamp, [])
        alike = [file for file in files if Path(file.path).name == Path(path).name]
        if alike or len(files) == 1:
            moved[path] = (alike or files)[0]
            files.remove(moved[path])
    return moved
