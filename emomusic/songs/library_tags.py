"""The moods of a library in the files' own fields, for other players. Each change can be undone."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emomusic.affect import Mood
from emomusic.errors import AudioError
from emomusic.media.tags import read_mood, write_mood
from emomusic.songs.analysis import fingerprint_of
from emomusic.songs.library import Library, inside, not_in_library
from emomusic.songs.library_database import stamp_of
from emomusic.songs.place import hearing_of

_CREATE = """
CREATE TABLE IF NOT EXISTS written (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, song INTEGER NOT NULL, before TEXT
)
"""


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
        songs = self.songs(paths)
        for wanted in paths:
            if not any(map(inside([wanted]), (song.path or "" for song in songs))):
                raise not_in_library(str(wanted))
        for song in songs:
            path = Path(song.path or "")
            try:
                field, before = read_mood(path)
                heard = hearing_of(song)
                after = before if heard is None else heard.mood.value
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
        """Restore the moods that `tag` replaced, the last change first, and yield the changes."""
        self._prepare()
        with self._errors():
            rows = self._rows_by_path(
                "coalesce(songs.path, written.path), written.number, written.song, written.before FROM written "
                "LEFT JOIN songs ON songs.number = written.song ORDER BY written.number DESC"
            )
        is_in = inside(paths)
        for path, number, song, before in rows:
            if is_in(path):
                try:
                    yield self._undo(Path(path), number, song, before)
                except (AudioError, OSError) as error:
                    yield f"{path}: {_reason(error)}"

    def _write(self, change: MoodChange, song: int) -> None:
        """Write a mood, after the library knows how to undo it."""
        path = Path(change.path)
        ((size, mtime_ns),) = self._rows("SELECT size, mtime_ns FROM songs WHERE number = ?", song)
        if stamp_of(path.stat()) != (size, mtime_ns):
            raise AudioError("the file has changed since it was analysed. Run: emomusic library update")
        self._prepare()
        with _replaced(path.resolve()) as part:
            write_mood(part, change.after)
            with self._errors(), self._db:
                query = "INSERT INTO written (path, song, before) VALUES (CAST(? AS TEXT), ?, ?)"
                self._db.execute(query, (os.fsencode(change.path), song, change.before))
        self._know_again(path, song)

    def _undo(self, path: Path, number: int, song: int, before: str | None) -> MoodChange:
        field, now = read_mood(path)
        if now is not None and now not in list(Mood):
            raise AudioError(f"its mood is now {now[:40]!r}, which stays")
        stamps = self._rows("SELECT size, mtime_ns FROM songs WHERE number = ?", song)
        is_as_heard = stamp_of(path.stat()) in stamps
        with _replaced(path.resolve()) as part:
            write_mood(part, before)
        if is_as_heard:
            self._know_again(path, song)
        with self._errors(), self._db:
            self._db.execute("DELETE FROM written WHERE number = ?", (number,))
        return MoodChange(str(path), field, now, before)

    def _prepare(self) -> None:
        """Create the table of what was written."""
        with self._errors(), self._db:
            self._db.execute(_CREATE)

    def _know_again(self, path: Path, song: int) -> None:
        """Store the size, time and content of a file that was written, so that it is not heard again."""
        values = (*stamp_of(path.stat()), fingerprint_of(str(path)), song)
        with self._errors(), self._db:
            self._db.execute("UPDATE songs SET size = ?, mtime_ns = ?, fingerprint = ? WHERE number = ?", values)


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A copy beside a file, which replaces it if nothing fails."""
    with tempfile.TemporaryDirectory(prefix=".emomusic-", dir=path.parent) as folder:
        part = Path(folder) / path.name  # messages have the name
        shutil.copy2(path, part)
        yield part
        part.replace(path)


def _reason(error: AudioError | OSError) -> str:
    return str(error) if isinstance(error, AudioError) else error.strerror or "input error"
