"""The moods of a library in the files' own fields, for other players."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emomusic.errors import AudioError
from emomusic.media.tags import read_mood, write_mood
from emomusic.songs.library import Library, inside, not_in_library
from emomusic.songs.library_database import stamp_of
from emomusic.songs.place import hearing_of


@dataclass(frozen=True, slots=True)
class MoodChange:
    """A change of the mood in a field of a file; `before` is None without the field."""

    path: str
    field: str
    before: str | None
    after: str


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
                if heard is None or heard.mood.value == before:
                    continue
                change = MoodChange(str(path), field, before, heard.mood.value)
                if write:
                    self._write(change, int(song.id.rpartition("-")[2]))
            except (AudioError, OSError) as error:
                yield f"{path}: {_reason(error)}"
                continue
            yield change

    def _write(self, change: MoodChange, song: int) -> None:
        """Write a mood into a file that is as it was heard."""
        path = Path(change.path)
        ((size, mtime_ns),) = self._rows("SELECT size, mtime_ns FROM songs WHERE number = ?", song)
        if stamp_of(path.stat()) != (size, mtime_ns):
            raise AudioError("the file has changed since it was analysed. Run: emomusic library update")
        with _replaced(path.resolve()) as part:
            write_mood(part, change.after)
        self._know_again(path, song)

    def _know_again(self, path: Path, song: int) -> None:
        """Store the size and time of a file that was written, so that it is not heard again."""
        with self._errors(), self._db:
            values = (*stamp_of(path.stat()), song)
            self._db.execute("UPDATE songs SET size = ?, mtime_ns = ? WHERE number = ?", values)


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
