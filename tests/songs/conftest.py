import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emomusic.assets import models_dir
from emomusic.songs.library import Library
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MoodClassifier
from emomusic.songs.recommend import Recommender, load_recommender
from emomusic.songs.tables import files
from tests.songs.libraries import write
from tests.songs.tables import known_songs


@pytest.fixture(scope="session")
def classifier() -> MoodClassifier:
    return MoodClassifier.load(models_dir() / "music" / DEFAULT_MOOD_MODEL)


@pytest.fixture(scope="session")
def recommender() -> Recommender:
    return load_recommender()


@pytest.fixture(scope="session")
def known() -> Recommender:
    """Six songs by the names of real ones."""
    return known_songs()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with four songs, a damaged one, and other files."""
    folder = tmp_path / "music"
    write(folder / "loud.wav", title="Loud", artist="A;B", genre="Rock", date="1999")
    write(folder / "album" / "quiet_song.flac", volume=0.1)
    write(folder / "album" / "two.wav", hertz=300)
    write(folder / "b" / os.fsdecode(b"caf\xe9.wav"), hertz=500)
    (folder / "b" / "broken.mp3").write_text("text")
    (folder / "b" / "notes.txt").write_text("text")
    write(folder / ".Trash" / "gone.wav")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "data" / "library.sqlite", create=True) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _lists_are_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read lists without a child process, which takes a second to start; `tests/media/test_child.py` has those."""
    monkeypatch.setattr(files, "read_in_child", lambda _, data, name, *__: files.packed_tables(data, name))
