"""The user's music library: audio files, each analysed once, in SQLite. Only `library_tags` changes the files."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from emomusic.affect import QUADRANT_CORNERS, Mood
from emomusic.assets import sound_checksum
from emomusic.errors import AudioError, LibraryError
from emomusic.media.formats import AUDIO_ENDINGS, Kind, is_song_file, kind_of, title_of
from emomusic.songs.analysis import analyse_all, stored
from emomusic.songs.library_database import (
    UNREADABLE,
    KnownFile,
    LibraryFile,
    contains,
    is_behind_broken_link,
    is_below,
    is_empty,
    moved_files,
    walk_folders,
)
from emomusic.songs.place import hearing_of
from emomusic.songs.song import Player, Song

if TYPE_CHECKING:
    from emomusic.songs.hearing import SoundHead

_ADD_FOLDER = "INSERT INTO folders VALUES (CAST(? AS TEXT), 0) ON CONFLICT (path) DO UPDATE SET inode = 0"
_WRITE = """
INSERT INTO songs (path, size, mtime_ns) VALUES (CAST(? AS TEXT), ?, ?) ON CONFLICT (path) DO UPDATE
SET size = excluded.size, mtime_ns = excluded.mtime_ns, model = NULL
WHERE (size, mtime_ns) != (excluded.size, excluded.mtime_ns)
"""

_UNMARKED = """song NOT LIKE '%"explicit":%'"""  # read before the tags told explicit songs

_QUADRANTS = set(QUADRANT_CORNERS)

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


def _is_whole(song: Song) -> bool:
    """Whether a song can be recommended. The decoder has checked its numbers."""
    names, hearing = (song.title, *song.artists), song.hearing
    return all(map(str.strip, names)) and hearing is not None and hearing.probabilities.keys() == _QUADRANTS


class Library(LibraryFile):
    """An opened library, for one thread. Several processes may open it."""

    # Songs

    def songs(self, below: Sequence[Path] | None = None) -> list[Song]:
        """The analysed songs, sorted by path. Unreadable rows need a new analysis.

        Args:
            below: only files at or below these paths; None for all.
        """
        is_in = inside(below)
        decode, songs, unreadable = msgspec.json.Decoder(Song).decode, list[Song](), list[tuple[int]]()
        song: Song | None
        with self._errors():
            for path, number, text, features in self._rows_by_path(
                "path, number, CAST(song AS BLOB), CAST(features AS BLOB) FROM songs WHERE song NOT NULL ORDER BY path"
            ):
                try:
                    song = decode(text)
                except UNREADABLE:
                    song = None
                if song is None or song.hearing is None or not _is_whole(song):
                    unreadable.append((number,))
                elif is_in(path):
                    song_id, hearing = f"{Player.LIBRARY}-{number}", replace(song.hearing, features=features or b"")
                    songs.append(replace(song, id=song_id, player=Player.LIBRARY, path=path, hearing=hearing))
            if unreadable:
                with contextlib.suppress(sqlite3.OperationalError), self._db:  # it may be read-only
                    self._db.executemany("UPDATE songs SET model = NULL, song = NULL WHERE number = ?", unreadable)
        return songs

    def counts(self) -> tuple[int, int]:
        """The numbers of files that are not analysed yet, and of all files."""
        with self._errors():
            ((waiting, total),) = self._rows("SELECT count(*) FILTER (WHERE model IS NULL), count(*) FROM songs")
            return waiting, total

    def num_older(self) -> int:
        """The number of songs that another sound model or version heard, until `analyse` hears them again."""
        with self._errors():
            query = f"SELECT count(*) FROM songs WHERE song NOT NULL AND model NOT NULL AND (model != ? OR {_UNMARKED})"
            return int(self._rows(query, sound_checksum())[0][0])

    def info(self, songs: Sequence[Song] | None = None) -> dict[str, Any]:
        """The `file`, its `folders`, and the numbers of `songs`, `waiting`, `unreadable` and `older` ones and of moods.

        Args:
            songs: all of the library, if they have been read.
        """
        songs = self.songs() if songs is None else songs
        moods = Counter(heard.mood for heard in map(hearing_of, songs) if heard is not None)
        with self._errors():
            roots = self._rows_by_path("path FROM folders WHERE inode NOT NULL ORDER BY path")
            return {
                "file": str(self.path),
                "folders": [path for (path,) in roots],
                "songs": moods.total(),
                "waiting": self.counts()[0],
                "older": self.num_older(),
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
            is_song = Path(path).is_file() and (is_song_file(path) or kind_of(path) is Kind.SONG)
            if not is_song and not Path(path).is_dir():
                if Path(path).exists() and not Path(path).is_file():
                    raise LibraryError(f"expected a folder or a file. Received: {path}, a pipe or a device")
                raise LibraryError(
                    f"expected a folder, or a file that ends in {', '.join(AUDIO_ENDINGS)}. Received: {path}. "
                    "Check the name"
                )
            roots.append([os.fsencode(path)])
        is_in = inside(paths)
        with self._errors(), self._db:
            for path, rowid in self._rows_by_path("path, rowid FROM folders WHERE inode IS NULL"):
                if is_in(path):
                    self._db.execute("DELETE FROM folders WHERE rowid = ?", (rowid,))
            self._db.executemany(_ADD_FOLDER, roots)
        return self.update(paths)

    def update(self, below: Sequence[Path] | None = None) -> Changes:
        """Find new, changed, moved and deleted files. `analyse` then analyses the new and changed ones.

        The songs of a folder that is absent or empty, such as one on a disk that is not connected, stay. Files that are
        found elsewhere have moved with their songs.

        Args:
            below: only files at or below these paths; None for all.

        Raises:
            LibraryError: one of `below` is not in a folder of the library.
        """
        is_in = inside(below)
        with self._errors():
            folders = dict(self._rows_by_path("path, inode IS NULL FROM folders"))
            roots = [folder for folder, is_out in folders.items() if not is_out]
            for path in map(_absolute, below or ()):
                if not any(contains(root, path) for root in roots):
                    raise not_in_library(path)
            everywhere, problems, num_others = walk_folders(roots, folders.keys() - set(roots))
            found = {path: stamp for path, stamp in everywhere.items() if is_in(path)}
            rows = self._rows_by_path("path, number, size, mtime_ns FROM songs")
            known = {path: KnownFile(path, number, (size, mtime_ns)) for path, number, size, mtime_ns in rows}
            changed = [path for path in found.keys() & known.keys() if found[path] != known[path].stamp]
            lost = known.keys() - found.keys()
            new = found.keys() - known.keys()
            moved = moved_files({path: found[path] for path in new}, [known[path] for path in lost])
            added = sorted(new - moved.keys())
            before = {file.path for file in moved.values()}
            left = known.keys() - before
            for root in roots:
                is_in_it = is_below([root])
                has_songs = any(map(is_in_it, left))
                if root in problems and any(map(is_in_it, before)) and not has_songs:  # it moved with all of its songs
                    del problems[root], folders[root]
                elif root not in problems and has_songs and is_empty(root):
                    problems[root] = "this folder is empty; its songs stay. To forget them: emomusic library remove"
            is_away = is_below(problems)
            gone = [path for path in left & lost if is_in(path) and not is_away(path)]
            deleted = [path for path in gone if not is_behind_broken_link(path)]
            with self._db:
                self._db.executemany("DELETE FROM songs WHERE number = ?", ([known[path].number] for path in deleted))
                for path, file in moved.items():
                    self._move(file, path, found[path])
                self._db.executemany(_WRITE, ((os.fsencode(path), *found[path]) for path in [*changed, *added]))
                left_out = ([os.fsencode(root)] for root in set(roots) - folders.keys())
                self._db.executemany("DELETE FROM folders WHERE path = CAST(? AS TEXT)", left_out)
        sentences = tuple(f"{path}: {reason}" for path, reason in problems.items())
        return Changes(len(added), len(changed), len(moved), len(deleted), sentences, num_others)

    def _move(self, file: KnownFile, path: str, stamp: tuple[int, int]) -> None:
        """Give a moved file its new path, and its song the new name, unless its tags have a title."""
        ((text,),) = self._rows("SELECT song FROM songs WHERE number = ?", file.number)
        with contextlib.suppress(*UNREADABLE):
            song = msgspec.json.decode(text, type=Song)
            if song.title == title_of(file.path):
                text, _ = stored(replace(song, title=title_of(path)))
        self._db.execute(
            "UPDATE songs SET path = CAST(? AS TEXT), size = ?, mtime_ns = ?, song = CAST(? AS TEXT) WHERE number = ?",
            (os.fsencode(path), *stamp, os.fsencode(text) if isinstance(text, str) else text, file.number),
        )

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
                    rows = self._rows_by_path(f"path, rowid FROM {table}")
                    inside = [row[1:] for row in rows if contains(path, row[0])]
                    self._db.executemany(f"DELETE FROM {table} WHERE rowid = ?", inside)
                    count += len(inside)
                if not count:
                    raise not_in_library(path)
                if any(contains(folder, path) for (folder,) in self._rows_by_path("path FROM folders")):
                    self._db.execute("INSERT INTO folders VALUES (CAST(? AS TEXT), NULL)", (os.fsencode(path),))
        return removed

    # Analysis

    def hear_again(self, below: Sequence[Path] | None = None) -> None:
        """Let all files wait for `analyse`, also those whose size and time are the same.

        Args:
            below: only files at or below these paths; None for all.
        """
        is_in = inside(below)
        with self._errors(), self._db:
            numbers = [[number] for path, number in self._rows_by_path("path, number FROM songs") if is_in(path)]
            self._db.executemany("UPDATE songs SET model = NULL WHERE number = ?", numbers)

    def analyse(
        self,
        load_sound_model: Callable[[], SoundHead],
        model: str,
        *,
        workers: int,
        below: Sequence[Path] | None = None,
        on_progress: Callable[[int, int], None],
    ) -> list[str]:
        """Analyse the files that wait: new ones, changed ones, and those that another model or version heard.

        Args:
            load_sound_model: gives the model that hears the songs. Each worker calls it.
            model: identifies it.
            workers: number of processes; 1 for none but this one.
            below: only files at or below these paths; None for all.
            on_progress: takes the numbers of analysed files and of all that wait.

        Returns:
            Path and problem of each file that cannot be read.
        """
        is_in = inside(below)
        with self._errors():
            rows = self._rows_by_path(
                "path, number FROM songs "
                f"WHERE model IS NOT ? OR (song NOT NULL AND (features IS NULL OR {_UNMARKED})) ORDER BY number",
                model,
            )
            waiting = {number: path for path, number in rows if is_in(path)}
        total, problems = len(waiting), []
        batch: list[tuple[Any, ...]] = []
        saved_s = 0.0  # the first file is saved at once
        try:
            with contextlib.closing(analyse_all(waiting, load_sound_model, workers)) as analyses:
                for done, (number, analysis) in enumerate(analyses, 1):
                    if isinstance(analysis, AudioError):
                        problems.append(f"{waiting[number]}: {analysis}")
                        if os.access(waiting[number], os.R_OK):  # else its disk may be away: it waits
                            batch.append((model, str(analysis), None, None, number))
                    else:
                        batch.append((model, None, *analysis, number))
                    on_progress(done, total)
                    if time.monotonic() - saved_s >= SAVE_EVERY_S:
                        self._save(batch)
                        batch, saved_s = [], time.monotonic()
        finally:
            self._save(batch)
        return problems

    def _save(self, batch: Sequence[tuple[Any, ...]]) -> None:
        query = "UPDATE songs SET model = ?, error = ?, song = ?, features = ? WHERE number = ?"
        with self._errors(), self._db:
            self._db.executemany(query, batch)


def _absolute(path: Path) -> str:
    try:
        return os.path.normpath(path.expanduser().absolute())
    except RuntimeError as error:  # the home folder of an unknown user
        raise LibraryError(f"expected a folder of a user who is known here. Received: {path}") from error


def inside(below: Sequence[Path] | None) -> Callable[[str], bool]:
    """A test whether a path is in one of these folders; None means all."""
    return (lambda _: True) if below is None else is_below([_absolute(path) for path in below])


def not_in_library(path: str) -> LibraryError:
    """The error about a path."""
    return LibraryError(f"expected a path in the library. Received: {path}. Add it with: emomusic library add")
