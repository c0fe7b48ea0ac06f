"""Libraries with a few short songs, and a fake model that hears them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from emomusic.songs.library import Library
from emomusic.songs.song import Song
from tests.songs.ears import FakeEar
from tests.songs.songs import tone, write_song


def write(path: Path, *, volume: float = 0.5, hertz: float = 440, **tags: str) -> Path:
    """A short song with its own content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_song(path, path.suffix[1:], tone(1, hertz=hertz, volume=volume, rate=8000), rate=8000, tags=tags)
    return path


def hear(library: Library, *, model: str = "m1", workers: int = 1) -> list[str]:
    return library.analyse(FakeEar, model, workers=workers, on_progress=lambda done, total: None)


def filled(library: Library, folder: Path) -> Library:
    library.add([folder])
    hear(library)
    return library


def change(path: Path, command: str, *values: object) -> None:
    """Change a library as another program does."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(command, values)


def number_of(song: Song) -> int:
    return int(song.id.removeprefix("library-"))


def names(library: Library) -> list[str]:
    return [Path(song.path or "").name for song in library.songs()]
