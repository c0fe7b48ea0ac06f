"""The library of one's own music: audio files, each analysed once, in SQLite. Nothing changes the files."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from emomusic.affect import Mood
from emomusic.errors import AudioError, LibraryError
from emomusic.media.folders import FolderWalk
from emomusic.media.formats import AUDIO_ENDINGS
from emomusic.songs.analysis import SongRecord, analyse_all, local_song
from emomusic.songs.song import Player, Song

if TYPE_CHECKING:
    from emomusic.songs.hearing import SoundHead

VARIABLE = "EMOMUSIC_LIBRARY"
"""Environment variable with the path of the library."""

_FILE = "library.sqlite"
_MAGIC = b"SQLite format 3\0"
_VERSION = 1
_CREATE = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS folders (path TEXT UNIQUE NOT NULL, inode INTEGER);  -- without inode: left out
CREATE TABLE IF NOT EXISTS songs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT UNIQUE NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, model TEXT, fingerprint BLOB, error TEXT, song TEXT  -- without model: waits
);
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_WRITE = """
INSERT INTO songs (path, size, mtime_ns) VALUES (CAST(? AS TEXT), ?, ?) ON CONFLICT (path) DO UPDATE
SET size = excluded.size, mtime_ns = excluded.mtime_ns, model = NULL
WHERE (size, mtime_ns) != (excluded.size, excluded.mtime_ns)
"""
_NUM_TABLES = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('folders', 'songs')"
_LOCK_S = 20.0  # for another process to write
# Errors of cells with other content than this module writes
_DAMAGES = (msgspec.MsgspecError, ValueError, TypeError, LookupError, OverflowError, MemoryError)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)  # the last: a column has another name
_COUNTER_AT = 24  # of SQLite's header: the counter of changes, with a rollback journal
SAVE_EVERY_S = 1.0
"""Work that a killed analysis loses at most. Other processes see the songs as often."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What an update found: numbers of files, and sentences about folders that cannot be read. Their songs stay.

    Attributes:
        num_others: files of other formats, in all folders.
    """

    new: int = 0
    changed: int = 0
    moved: int = 0
    deleted: int = 0
    problems: tuple[str, ...] = ()
    num_others: int = field(default=0, compare=False)


def library_file() -> Path:
    """Path of the library: `$EMOMUSIC_LIBRARY`, or a file in the user's data folder."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_data_path("emomusic", appauthor=False) / _FILE


def library_version(path: Path | None = None) -> tuple[int, int]:
    """A value that changes with every change of the library, by any process; (0, 0) without a library.

    It reads a few bytes and opens no database. A running analysis changes it about once a second.

    Args:
        path: by default `library_file()`.
    """
    try:
        with (path or library_file()).open("rb") as file:
            header = file.read(_COUNTER_AT + 4)
            return os.fstat(file.fileno()).st_ino, int.from_bytes(header[_COUNTER_AT:], "big")
    except OSError:
        return 0, 0


class Library(contextlib.AbstractContextManager["Library"]):
    """An opened library, for one thread. Several processes may open it.

    Attributes:
        path: of the SQLite file.
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
            self._db.text_factory = os.fsdecode  # of paths outside Unicode
            if not self._number("PRAGMA user_version") and not self._number(_NUM_TABLES):
                self._db.executescript(_CREATE)
            if self._number("PRAGMA user_version") != _VERSION or self._number(_NUM_TABLES) != 2:
                raise sqlite3.DatabaseError(f"not a library of version {_VERSION}")
            stack.pop_all()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, *_DAMAGES) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what SQLite adds, such as the damaged index
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise LibraryError(f"{self.path} is in use by another program. Try again.") from error
            if (code in _DAMAGED or isinstance(error, _DAMAGES)) and self._is_own:
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
        aside = self.path.with_name(f"{self.path.name}.damaged")
        self._db.close()
        for end in ("-journal", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{end}").replace(f"{aside}{end}")
        return aside

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values).fetchall()

    def _number(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    # Songs

    def songs(self, below: Sequence[Path] | None = None) -> list[Song]:
        """The analysed songs, sorted by path.

        Args:
            below: only files at or below these paths; None for all.
        """
        is_in = _is_in(below)
        with self._errors():
            rows = self._rows("SELECT number, path, song FROM songs WHERE song IS NOT NULL ORDER BY path")
            return [
                local_song(msgspec.json.decode(record, type=SongRecord), Player.LIBRARY, number, path)
                for number, path, record in rows
                if is_in(path)
            ]

    def counts(self) -> tuple[int, int]:
        """The numbers of files that are not analysed yet, and of all files."""
        with self._errors():
            ((waiting, total),) = self._rows("SELECT count(*) FILTER (WHERE model IS NULL), count(*) FROM songs")
            return waiting, total

    def info(self) -> dict[str, Any]:
        """The `file`, its `folders`, and the numbers of `songs`, `waiting` and `unreadable` files and of each mood."""
        moods = Counter(song.hearing.mood for song in self.songs() if song.hearing is not None)
        with self._errors():
            return {
                "file": str(self.path),
                "folders": [
                    row[0] for row in self._rows("SELECT path FROM folders WHERE inode NOT NULL ORDER BY path")
                ],
                "songs": moods.total(),
                "waiting": self.counts()[0],
                "unreadable": self._number("SELECT count(*) FROM songs WHERE error NOT NULL"),
                "moods": {mood.value: moods[mood] for mood in Mood},
            }

    # Files

    def add(self, paths: Sequence[Path]) -> Changes:
        """Add folders or files, and find their songs. `analyse` then analyses them.

        Raises:
            LibraryError: a path is absent, or a file is no audio file.
        """
        roots = []
        for path in map(_absolute, paths):
            if not Path(path).is_dir() and not (Path(path).is_file() and _has_audio_ending(path)):
                raise LibraryError(
                    f"expected a folder, or a file that ends in {', '.join(AUDIO_ENDINGS)}. Received: {path}. "
                    "Check the name"
                )
            roots.append((os.fsencode(path), Path(path).stat().st_ino))
        is_in = _is_in(paths)
        with self._errors(), self._db:
            for rowid, path in self._rows("SELECT rowid, path FROM folders WHERE inode IS NULL"):
                if is_in(path):
                    self._db.execute("DELETE FROM folders WHERE rowid = ?", (rowid,))
            self._db.executemany("INSERT OR REPLACE INTO folders VALUES (CAST(? AS TEXT), ?)", roots)
        return self.update(paths)

    def update(self, below: Sequence[Path] | None = None) -> Changes:
        """Find new, changed, moved and deleted files. `analyse` then analyses the new and changed ones.

        The songs of a folder that is absent, such as one on a disk that is not connected, stay.

        Args:
            below: only files at or below these paths; None for all.

        Raises:
            LibraryError: one of `below` is not in a folder of the library.
        """
        is_in = _is_in(below)
        with self._errors():
            folders = dict(self._rows("SELECT path, inode FROM folders"))
            roots = [folder for folder, inode in folders.items() if inode is not None]
            for path in map(_absolute, below or ()):
                if not any(_contains(root, path) for root in roots):
                    raise _not_in_library(path)
            found, problems, num_others = _walk(folders)
            found = {path: stamp for path, stamp in found.items() if is_in(path)}
            rows = self._rows("SELECT path, number, size, mtime_ns FROM songs")
            numbers, known = {row[0]: row[1] for row in rows}, {row[0]: row[2:] for row in rows}
            changed = [path for path in found.keys() & known.keys() if found[path] != known[path]]
            lost = [path for path in known.keys() - found.keys() if not any(_contains(each, path) for each in problems)]
            new = sorted(found.keys() - known.keys())
            moved = _moved({path: found[path] for path in new}, {path: known[path] for path in lost})
            added = [path for path in new if path not in moved]
            deleted = [path for path in set(lost) - set(moved.values()) if is_in(path)]
            with self._db:
                self._db.executemany("DELETE FROM songs WHERE number = ?", ([numbers[path]] for path in deleted))
                self._db.executemany(
                    "UPDATE songs SET path = CAST(? AS TEXT) WHERE number = ?",
                    ((os.fsencode(path), numbers[before]) for path, before in moved.items()),
                )
                self._db.executemany(_WRITE, ((os.fsencode(path), *found[path]) for path in [*changed, *added]))
        sentences = tuple(f"{path}: {reason}" for path, reason in problems.items())
        return Changes(len(added), len(changed), len(moved), len(deleted), sentences, num_others)

    def remove(self, paths: Sequence[Path]) -> list[Song]:
        """Forget folders or files, until they are added again.

        Returns:
            Their songs.

        Raises:
            LibraryError: a path is not in the library.
        """
        removed = self.songs(paths)
        with self._errors(), self._db:
            for path in map(_absolute, paths):
                count = 0
                for table in ("folders", "songs"):
                    rows = self._rows(f"SELECT rowid, path FROM {table}")
                    inside = [row[:1] for row in rows if _contains(path, row[1])]
                    self._db.executemany(f"DELETE FROM {table} WHERE rowid = ?", inside)
                    count += len(inside)
                if not count:
                    raise _not_in_library(path)
                if any(_contains(folder, path) for (folder,) in self._rows("SELECT path FROM folders")):
                    self._db.execute("INSERT INTO folders VALUES (CAST(? AS TEXT), NULL)", (os.fsencode(path),))
        return removed

    # Analysis

    def analyse(
        self,
        load_sound_model: Callable[[], SoundHead],
        model: str,
        *,
        workers: int,
        below: Sequence[Path] | None = None,
        on_progress: Callable[[int, int], None],
    ) -> list[str]:
        """Analyse the files that wait: new ones, changed ones, and those that another model heard.

        Args:
            load_sound_model: gives the model that hears the songs. Each worker calls it.
            model: identifies it.
            workers: number of processes; 1 for none but this one.
            below: only files at or below these paths; None for all.
            on_progress: takes the numbers of analysed files and of all that wait.

        Returns:
            Path and problem of each file that cannot be read.
        """
        is_in = _is_in(below)
        with self._errors():
            rows = self._rows("SELECT number, path FROM songs WHERE model IS NOT ? ORDER BY number", model)
            waiting = {number: path for number, path in rows if is_in(path)}
        total, problems = len(waiting), []
        batch: list[tuple[Any, ...]] = []
        saved_s = time.monotonic()
        try:
            with contextlib.closing(analyse_all(waiting, load_sound_model, workers)) as analyses:
                for done, (number, analysis) in enumerate(analyses, 1):
                    if isinstance(analysis, AudioError):
                        problems.append(f"{waiting[number]}: {analysis}")
                        batch.append((model, str(analysis), None, number))
                    else:
                        batch.append((model, None, analysis, number))
                    on_progress(done, total)
                    if time.monotonic() - saved_s >= SAVE_EVERY_S:
                        self._save(batch)
                        batch, saved_s = [], time.monotonic()
        finally:
            self._save(batch)
        return problems

    def _save(self, batch: Sequence[tuple[Any, ...]]) -> None:
        query = "UPDATE songs SET model = ?, error = ?, song = ? WHERE number = ?"
        with self._errors(), self._db:
            self._db.executemany(query, batch)

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Close the file. After an error, such as a full disk, a new library without files is deleted."""
        is_unused = self._is_new and error is not None
        with contextlib.suppress(sqlite3.Error):  # it has no tables yet
            is_unused = is_unused and not self._number("SELECT count(*) FROM songs")
        self._db.close()
        if is_unused:
            self.path.unlink(missing_ok=True)


def _absolute(path: Path) -> str:
    return os.path.normpath(path.expanduser().absolute())


def _contains(folder: str, path: str) -> bool:
    """Whether a path is this folder, or below it."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _is_in(below: Sequence[Path] | None) -> Callable[[str], bool]:
    """Tells whether a path is in one of these folders; None stands for all."""
    folders = [] if below is None else [_absolute(path) for path in below]
    return lambda path: below is None or any(_contains(folder, path) for folder in folders)


def _not_in_library(path: str) -> LibraryError:
    return LibraryError(f"expected a path in the library. Received: {path}. Add it with: emomusic library add")


def _has_audio_ending(name: str) -> bool:
    return name.lower().rpartition(".")[2] in AUDIO_ENDINGS


def _walk(folders: Mapping[str, int | None]) -> tuple[dict[str, tuple[int, int]], dict[str, str], int]:
    """Size and time of each audio file, the reason for each folder that cannot be read, and the number of other files.

    Args:
        folders: with their inodes. A folder that is empty, and not the one that was added, is that of a disk that is
            not connected. Folders without inode are left out.
    """
    roots = {path: inode for path, inode in folders.items() if inode is not None}
    found = {path: _stamp(Path(path).stat()) for path in roots if Path(path).is_file()}
    walk = FolderWalk([path for path in roots if path not in found], _has_audio_ending, folders.keys() - roots.keys())
    for entry in walk:
        with contextlib.suppress(OSError):  # it is gone
            found[entry.path] = _stamp(entry.stat())
    problems = {path: f"this folder cannot be read ({why}); its songs stay" for path, why in walk.problems.items()}
    for root in map(Path, roots.keys() - found.keys() - problems.keys()):
        if root.stat().st_ino != roots[str(root)] and not any(root.iterdir()):
            problems[str(root)] = "this folder is empty, perhaps a disk is not connected; its songs stay"
    return found, problems, walk.num_others


def _stamp(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns


def _moved(new: Mapping[str, tuple[int, ...]], lost: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """The old paths of moved files by their new ones. A moved file keeps its size and time; copies share them."""
    old: dict[tuple[int, ...], list[str]] = {}
    stamps = set(new.values())
    for path, stamp in lost.items():
        if stamp in stamps and not Path(path).exists():
            old.setdefault(stamp, []).append(path)
    return {path: old[stamp].pop() for path, stamp in new.items() if old.get(stamp)}
