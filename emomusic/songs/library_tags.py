"""The moods of a library in the files' own fields, for other players. Each change can be undone exactly."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emomusic.errors import AudioError
from emomusic.media.mood_field import read_mood, write_mood
from emomusic.songs.analysis import fingerprint_of
from emomusic.songs.library import Library, inside, not_in_library
from emomusic.songs.library_files import stamp_of

_CREATE = """
CREATE TABLE IF NOT EXISTS moods (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, song INTEGER NOT NULL, field TEXT NOT NULL,
    before TEXT, after TEXT NOT NULL, digest BLOB NOT NULL, start INTEGER NOT NULL, num_after INTEGER NOT NULL,
    bytes BLOB NOT NULL, mtime_ns INTEGER NOT NULL
)
"""
"""What was written: the `bytes` of the old file between the first `start` and the last `num_after` equal ones."""


@dataclass(frozen=True, slots=True)
class MoodChange:
    """A change of the mood in the fields of a file; None stands for no field."""

    path: str
    field: str
    before: str | None
    after: str | None


class TaggedLibrary(Library):
    """A library that writes moods into its files."""

    def tag(self, paths: Sequence[Path], *, write: bool = False) -> Iterator[MoodChange | str]:
        """Write the moods of songs into their files.

        Args:
            paths: folders or files of the library.
            write: without it, nothing is written.

        Yields:
            Each change, or a sentence about a file that cannot be changed.
        """
        for wanted in paths:
            if not self.songs([wanted]):
                raise not_in_library(str(wanted))
        for song in self.songs(paths):
            path = Path(song.path or "")
            try:
                field, before = read_mood(path)
                after = song.hearing.mood.value if song.hearing is not None else before
                change = MoodChange(str(path), field, before, after)
                if before == after:
                    continue
                if write:
                    self._write(change, int(song.id.rpartition("-")[2]))
            except (AudioError, OSError) as error:
                yield f"{path}: {_reason(error)}"
                continue
            yield change

    def untag(self, paths: Sequence[Path]) -> Iterator[MoodChange | str]:
        """Undo what `tag` wrote, the last change first, and yield the changes.

        In a file that changed since then, only the mood is as it was.
        """
        with self._errors(), self._db:
            self._db.execute(_CREATE)
            rows = self._rows_by_path(
                "coalesce(songs.path, moods.path), moods.number, moods.song FROM moods "
                "LEFT JOIN songs ON songs.number = moods.song ORDER BY moods.number DESC"
            )
        is_in = inside(paths)
        for path, number, song in rows:
            if is_in(path):
                try:
                    yield self._undo(Path(path), number, song)
                except (AudioError, OSError) as error:
                    yield f"{path}: {_reason(error)}"

    def _write(self, change: MoodChange, song: int) -> None:
        """Write a mood, after the library knows how to undo it."""
        path = Path(change.path)
        ((size, mtime_ns),) = self._rows("SELECT size, mtime_ns FROM songs WHERE number = ?", song)
        if stamp_of(path.stat()) != (size, mtime_ns):
            raise AudioError("the file has changed since it was analysed. Run: emomusic library update")
        real = path.resolve()
        with self._errors(), self._db:
            self._db.execute(_CREATE)
        with _replaced(real) as part:
            write_mood(part, change.after)
            start, num_after, old = _difference(real, part)
            values = (os.fsencode(change.path), song, change.field, change.before, change.after, _digest(part))
            with self._errors(), self._db:
                self._db.execute(
                    "INSERT INTO moods (path, song, field, before, after, digest, start, num_after, bytes, mtime_ns) "
                    "VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*values, start, num_after, zlib.compress(old), mtime_ns),
                )
        self._know_again(path, song)

    def _undo(self, path: Path, number: int, song: int) -> MoodChange:
        ((field, before, digest, start, num_after, old, mtime_ns),) = self._rows(
            "SELECT field, before, digest, start, num_after, bytes, mtime_ns FROM moods WHERE number = ?", number
        )
        real = path.resolve()
        change = MoodChange(str(path), field, read_mood(path)[1], before)
        with _replaced(real) as part:
            if _digest(real) == digest:
                content = real.read_bytes()
                part.write_bytes(content[:start] + zlib.decompress(old) + content[len(content) - num_after :])
                os.utime(part, ns=(mtime_ns, mtime_ns))
            else:
                write_mood(part, before)
        self._know_again(path, song)
        with self._errors(), self._db:
            self._db.execute("DELETE FROM moods WHERE number = ?", (number,))
        return change

    def _know_again(self, path: Path, song: int) -> None:
        """Store the size, time and content of a file that was written, so that it is not heard again."""
        values = (*stamp_of(path.stat()), fingerprint_of(str(path)), song)
        with self._errors(), self._db:
            self._db.execute("UPDATE songs SET size = ?, mtime_ns = ?, fingerprint = ? WHERE number = ?", values)


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A copy beside a file, which replaces it if nothing fails."""
    handle, name = tempfile.mkstemp(path.suffix, ".emomusic-", path.parent)
    os.close(handle)
    try:
        shutil.copy2(path, name)
        yield Path(name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _reason(error: AudioError | OSError) -> str:
    return str(error) if isinstance(error, AudioError) else error.strerror or "input error"


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _difference(old: Path, new: Path) -> tuple[int, int, bytes]:
    """The numbers of equal bytes at the start and at the end of two files, and what the old one has between them."""
    first, second = (np.memmap(path, np.uint8, "r") for path in (old, new))
    most = min(len(first), len(second))
    start = _num_equal(first[:most], second[:most])
    num_after = _num_equal(first[::-1][: most - start], second[::-1][: most - start])
    return start, num_after, first[start : len(first) - num_after].tobytes()


def _num_equal(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> int:
    differ = first != second
    return int(differ.argmax()) if differ.any() else len(first)
