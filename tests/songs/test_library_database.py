"""A library keeps its songs through older versions, other programs and damages."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from emomusic.affect import Mood
from emomusic.errors import LibraryError
from emomusic.songs.library import Changes, Library
from emomusic.songs.library_database import library_file
from emomusic.songs.song import UNKNOWN_ARTIST
from tests.songs.libraries import change, filled, hear, names


def test_another_file_is_no_library(tmp_path: Path):
    (text := tmp_path / "text.sqlite").write_text("no database" * 99)
    with closing(sqlite3.connect(other := tmp_path / "other.sqlite")) as database:
        database.execute("CREATE TABLE songs (title)")
    with closing(sqlite3.connect(newer := tmp_path / "newer.sqlite")) as database:
        database.execute("PRAGMA user_version = 9")
    for path in (text, other, newer, tmp_path, text / "x.sqlite"):
        with pytest.raises(LibraryError, match="expected a library of music"):
            Library(path, create=True)
    assert text.read_text().startswith("no database")


def test_the_library_is_in_the_users_data_folder_or_where_the_variable_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMOMUSIC_LIBRARY", "/music/own.sqlite")
    assert library_file() == Path("/music/own.sqlite")
    monkeypatch.delenv("EMOMUSIC_LIBRARY")
    assert library_file().parts[-2:] == ("emomusic", "library.sqlite")


def test_the_files_are_never_changed(library: Library, music: Path):
    def state() -> dict[Path, tuple[bytes, int]]:
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in music.rglob("*") if path.is_file()}

    before = state()
    filled(library, music).update()
    library.remove([music])
    assert state() == before


OLD = """
CREATE TABLE folders (path TEXT UNIQUE NOT NULL, inode INTEGER);
CREATE TABLE songs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT UNIQUE NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, model TEXT, fingerprint BLOB, error TEXT, song TEXT
);
PRAGMA user_version = 1;
"""
OLD_SONG = """{"title": null, "artists": [], "album": null, "genres": ["rock"], "year": 1999, "duration_s": 1.0,
"probabilities": {"Q1": 0.1, "Q2": 0.7, "Q3": 0.1, "Q4": 0.1}, "valence": -0.5, "arousal": 0.5,
"tags": [["tone", 0.9]]}"""


def test_a_library_of_version_1_keeps_its_songs(tmp_path: Path, music: Path):
    path, song = tmp_path / "old.sqlite", music / "album" / "two.wav"
    files = [(song, "m1", None, OLD_SONG), (music / "b" / "broken.mp3", "m1", "damaged", None)]
    files += [(music / "loud.wav", None, None, None), (music / "gone.wav", "m1", None, OLD_SONG[1:])]
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(OLD)
        database.execute("INSERT INTO folders VALUES (?, ?)", (str(music), music.stat().st_ino))
        for number, (file, model, error, text) in enumerate(files, 7):
            stat = file.stat() if file.exists() else song.stat()
            values = (number, str(file), stat.st_size * file.exists(), stat.st_mtime_ns, model, None, error, text)
            database.execute("INSERT INTO songs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    for _ in range(2):
        with Library(path) as library:
            (old,) = library.songs()
            assert (old.id, old.title, old.artists, old.genres) == ("library-7", "two", (UNKNOWN_ARTIST,), ("rock",))
            assert (old.path, old.year, old.duration_s, old.valence, old.energy) == (str(song), 1999, 1.0, 0.25, 0.75)
            assert (old.hearing.mood, old.hearing.tags) == (Mood.ENERGETIC, (("tone", 0.9),))
            assert library.info()["unreadable"] == 1
    with Library(path) as library:
        song.rename(moved := music / "moved.wav")
        assert library.update().moved == 1
        assert [(each.id, each.title) for each in library.songs()] == [("library-7", "moved")]
        assert hear(library) == []
        assert library.songs([moved])[0].id == "library-7"
        assert library.info()["waiting"] == 0


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE songs SET song = replace(song, '\"arousal\":', '\"arousal\":9')",
        'UPDATE songs SET song = replace(song, \'"title":"\', \'"title":" ","\')',
        "UPDATE songs SET song = replace(song, '\"hearing\"', '\"other\"')",
        "UPDATE songs SET song = 7",
    ],
)
def test_records_that_cannot_be_read_are_heard_again(library: Library, music: Path, command: str):
    before = filled(library, music).songs()
    path = f"{music}/loud.wav"
    change(library.path, f"{command} WHERE path = ?", path)
    assert library.songs() == [song for song in before if song.path != path]
    assert library.info()["waiting"] == 1
    hear(library)
    assert library.songs() == before
    assert sorted(each.name for each in library.path.parent.iterdir()) == [library.path.name]


def test_paths_that_no_file_has_are_passed_over(library: Library, music: Path):
    before = filled(library, music).songs()
    for number, path in enumerate((b"\xff", 7, "a\0b"), 900):
        insert = "INSERT INTO songs (number, path, size, mtime_ns, song) VALUES (?, CAST(? AS BLOB), 1, 1, '{}')"
        change(library.path, insert, number, path)
    assert library.songs() == before
    assert library.update() == Changes()
    assert len(library.remove([music])) == len(before)


@pytest.mark.parametrize("date_s", [10_000_000_000, 16_725_225_600, -11_644_473_600])  # 2286, 2500 and 1601
def test_files_of_any_date_are_songs(library: Library, music: Path, date_s: int):
    os.utime(music / "loud.wav", (date_s, date_s))
    assert len(names(filled(library, music))) == 4
    assert library.update() == Changes()


def test_what_was_set_aside_stays(tmp_path: Path):
    path = tmp_path / "library.sqlite"
    for number in range(3):
        path.write_bytes(f"no database {number}".encode() * 99)
        assert "now" in problem_of(path)
        assert not path.exists()
    asides = sorted(tmp_path.iterdir(), key=lambda aside: aside.read_bytes())
    assert [aside.read_bytes()[:13] for aside in asides] == [f"no database {number}".encode() for number in range(3)]


def test_a_damaged_library_is_set_aside_and_a_new_scan_works(tmp_path: Path, music: Path):
    path = tmp_path / "library.sqlite"
    with Library(path, create=True) as library:
        filled(library, music)
    whole, rng, num_damaged = path.read_bytes(), np.random.default_rng(0), 0
    path.write_bytes(whole.replace(b"song TEXT", b"sung TEXT"))
    assert "now" in problem_of(path)
    assert not path.exists()
    for _ in range(30):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(0, len(damaged), rng.integers(1, 200))] = rng.integers(0, 256)
        path.write_bytes(damaged.tobytes())
        problem = problem_of(path)
        assert "\n" not in problem
        if not path.exists():  # otherwise no damage, or that of another version or of a folder that was never added
            num_damaged += 1
            for aside in tmp_path.glob("library.sqlite.damaged*"):
                aside.unlink()
            assert "library add" in problem
            with Library(path, create=True) as library:
                assert library.add([music]) == Changes(new=5)
    assert num_damaged > 10


def problem_of(path: Path) -> str:
    """The sentence about a library; empty if it can be read."""
    try:
        with Library(path) as library:
            assert all(song.hearing and song.hearing.mood for song in library.songs())
            library.info()
            library.update()
    except LibraryError as error:
        return str(error)
    return ""


def test_a_library_in_use_says_to_try_again(library: Library, music: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("emomusic.songs.library_database._LOCK_S", 0.1)
    with closing(sqlite3.connect(library.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LibraryError, match="in use by another program"), Library(library.path):
            pass
    assert library.songs() == []
