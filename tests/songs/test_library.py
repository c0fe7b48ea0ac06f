"""The library finds, analyses and forgets audio files, and survives what happens to them."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from emomusic.affect import Mood, Quadrant
from emomusic.errors import LibraryError
from emomusic.songs.library import Changes, Library, library_file, library_version
from emomusic.songs.song import UNKNOWN_ARTIST, Player, Song
from tests.songs.ears import CRASH_VOLUME, FakeEar
from tests.songs.songs import tone, write_song


def write(path: Path, *, volume: float = 0.5, hertz: float = 440, **tags: str) -> Path:
    """A short song with its own content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_song(path, path.suffix[1:], tone(1, hertz=hertz, volume=volume, rate=8000), rate=8000, tags=tags)
    return path


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


def hear(library: Library, *, model: str = "m1", workers: int = 1, below: Sequence[Path] | None = None) -> list[str]:
    return library.analyse(FakeEar, model, workers=workers, below=below, on_progress=lambda done, total: None)


def filled(library: Library, folder: Path) -> Library:
    library.add([folder])
    hear(library)
    return library


def number_of(song: Song) -> int:
    return int(song.id.removeprefix("library-"))


def names(library: Library) -> list[str]:
    return [Path(song.path or "").name for song in library.songs()]


def test_songs_are_found_and_analysed_once(library: Library, music: Path):
    assert library.add([music]) == Changes(new=5)
    assert library.songs() == []
    assert library.info()["waiting"] == 5
    progress: list[tuple[int, int]] = []
    problems = library.analyse(FakeEar, "m1", workers=1, on_progress=lambda *counts: progress.append(counts))
    assert progress == [(number, 5) for number in range(1, 6)]
    assert problems == [
        f"{music}/b/broken.mp3: 'broken.mp3' is not an audio file; choose MP3, FLAC, Ogg, Opus, M4A, WAV or AIFF."
    ]
    assert hear(library) == []
    assert library.update() == Changes()
    loud = library.songs([music / "loud.wav"])[0]
    assert (loud.title, loud.artists, loud.genres, loud.year) == ("Loud", ("A", "B"), ("rock",), 1999)
    assert (loud.player, loud.path, loud.duration_s) == (Player.LIBRARY, f"{music}/loud.wav", 1.0)
    heard = loud.hearing
    assert (heard.valence, heard.arousal) == (-0.5, 0.5)
    assert (heard.quadrant, heard.mood, heard.moods[Mood.ENERGETIC]) == (Quadrant.Q2, Mood.ENERGETIC, 0.7)
    assert heard.tags == (("tone", 0.9),)
    quiet = library.songs([music / "album"])[0]
    assert (quiet.title, quiet.artists, quiet.hearing and quiet.hearing.mood) == (
        "quiet song",
        (UNKNOWN_ARTIST,),
        Mood.CALM,
    )
    assert library.info() == {
        "file": str(library.path),
        "folders": [str(music)],
        "songs": 4,
        "waiting": 0,
        "unreadable": 1,
        "moods": {"calm": 1, "happy": 0, "energetic": 3, "sad": 0},
    }


def test_names_outside_unicode_are_kept(library: Library, music: Path):
    (song,) = filled(library, music).songs([music / "b"])
    assert Path(song.path or "").is_file()
    assert song.title == "caf\N{REPLACEMENT CHARACTER}"


def test_an_update_finds_what_changed(library: Library, music: Path):
    numbers = {Path(song.path or "").name: number_of(song) for song in filled(library, music).songs()}
    write(music / "new.wav", hertz=700)
    write(music / "loud.wav", volume=0.1, title="Louder")
    (music / "album" / "quiet_song.flac").rename(music / "b" / "moved.flac")
    (music / "album" / "two.wav").unlink()
    (music / "b" / "broken.mp3").unlink()
    assert library.update() == Changes(new=1, changed=1, moved=1, deleted=2)
    assert hear(library) == []
    songs = {Path(song.path or "").name: song for song in library.songs()}
    assert songs.keys() == {os.fsdecode(b"caf\xe9.wav"), "loud.wav", "moved.flac", "new.wav"}
    louder = songs["loud.wav"]
    assert (louder.title, louder.hearing and louder.hearing.mood) == ("Louder", Mood.CALM)
    assert (number_of(songs["moved.flac"]), songs["moved.flac"].title) == (numbers["quiet_song.flac"], "moved")
    assert number_of(songs["new.wav"]) > max(numbers.values())


def test_an_update_of_one_folder_leaves_the_others(library: Library, music: Path):
    filled(library, music)
    (music / "loud.wav").unlink()
    write(music / "album" / "new.wav", hertz=800)
    assert library.update([music / "album"]) == Changes(new=1)
    assert "loud.wav" in names(library)
    with pytest.raises(LibraryError, match="expected a path in the library"):
        library.update([music.parent])


def test_another_model_hears_the_songs_again(library: Library, music: Path):
    filled(library, music)
    assert len(hear(library, model="m2")) == 1  # the damaged file
    assert library.info()["waiting"] == 0


def test_songs_stay_while_their_disk_is_away_and_go_if_it_is_emptied(library: Library, music: Path, tmp_path: Path):
    before = names(filled(library, music))
    music.rename(tmp_path / "away")
    changes = library.update()
    assert (changes.deleted, len(changes.problems)) == (0, 1)
    music.mkdir()  # the empty mount point
    changes = library.update()
    assert (changes.deleted, len(changes.problems)) == (0, 1)
    music.rmdir()
    (tmp_path / "away").rename(music)
    assert library.update() == Changes()
    assert names(library) == before
    for path in [path for path in music.rglob("*") if path.is_file()]:
        path.unlink()
    assert library.update().deleted == 5  # the folder is the one that was added


def test_what_was_removed_stays_away_until_it_is_added_again(library: Library, music: Path):
    filled(library, music)
    assert [Path(song.path or "").name for song in library.remove([music / "album"])] == ["quiet_song.flac", "two.wav"]
    library.remove([music / "loud.wav"])
    assert library.update() == Changes()
    assert len(names(library)) == 1
    assert library.add([music / "album"]) == Changes(new=2)
    assert library.add([music]) == Changes(new=1)
    library.remove([music])
    assert library.info()["folders"] == []
    with pytest.raises(LibraryError, match="expected a path in the library"):
        library.remove([music])


def test_a_single_file_can_be_added(library: Library, music: Path):
    assert library.add([music / "loud.wav"]) == Changes(new=1)
    with pytest.raises(LibraryError, match=r"ends in mp3, flac.*notes\.txt"):
        library.add([music / "b" / "notes.txt"])
    with pytest.raises(LibraryError, match="Check the name"):
        library.add([music / "absent"])


def test_the_version_tells_every_change_and_no_reading(library: Library, music: Path):
    assert library_version(library.path.with_name("absent")) == (0, 0)
    versions = [library_version(library.path)]
    library.add([music])
    versions.append(library_version(library.path))
    with Library(library.path) as other:
        hear(other)
    versions.append(library_version(library.path))
    library.remove([music / "loud.wav"])
    versions.append(library_version(library.path))
    assert len(set(versions)) == 4
    library.songs()
    library.info()
    assert library_version(library.path) == versions[-1]


def test_songs_come_while_the_analysis_runs(library: Library, music: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("emomusic.songs.library.SAVE_EVERY_S", 0)
    library.add([music])
    seen: list[tuple[int, tuple[int, int]]] = []

    def look(done: int, total: int) -> None:
        with Library(library.path) as other:
            seen.append((len(other.songs()), library_version(library.path)))

    library.analyse(FakeEar, "m1", workers=1, on_progress=look)
    assert [num_songs for num_songs, _ in seen] == [0, 1, 2, 2, 3]
    assert len({version for _, version in seen}) == 5


# Processes


def test_a_file_that_ends_its_process_counts_as_unreadable(library: Library, music: Path):
    write(music / "crash.wav", volume=CRASH_VOLUME / 2)
    library.add([music])
    problems = hear(library, workers=2)
    assert [problem.partition(": ")[0] for problem in problems if "stops the decoder" in problem] == [
        f"{music}/crash.wav"
    ]
    assert (library.info()["songs"], library.info()["unreadable"]) == (4, 2)


KILLED = """
import os, sys
from pathlib import Path
from emomusic.songs import library
from tests.songs.ears import FakeEar
library.SAVE_EVERY_S = 0
with library.Library(Path(sys.argv[1]), create=True) as opened:
    opened.add([Path(sys.argv[2])])
    def on_progress(done, total):
        if done == 3:
            os.kill(os.getpid(), 9)
    opened.analyse(FakeEar, "m1", workers=1, on_progress=on_progress)
"""


def test_a_killed_analysis_goes_on_where_it_was(library: Library, music: Path, tmp_path: Path, root: Path):
    path = tmp_path / "killed.sqlite"
    command = [sys.executable, "-c", KILLED, str(path), str(music)]
    assert subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=60).returncode == -9
    filled(library, music)
    with Library(path) as resumed:
        assert resumed.info()["waiting"] == 3  # two of five were saved
        hear(resumed, workers=2)
        assert resumed.update() == Changes()
        assert resumed.songs() == library.songs()


# The file


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


def test_a_damaged_library_is_set_aside_and_a_new_scan_works(tmp_path: Path, music: Path):
    path = tmp_path / "library.sqlite"
    with Library(path, create=True) as library:
        filled(library, music)
    whole, rng, num_damaged = path.read_bytes(), np.random.default_rng(0), 0
    path.write_bytes(whole.replace(b"song TEXT", b"sung TEXT"))
    assert "now" in problem_of(path)
    assert not path.exists()
    for _ in range(60):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(0, len(damaged), rng.integers(1, 200))] = rng.integers(0, 256)
        path.write_bytes(damaged.tobytes())
        problem = problem_of(path)
        assert "\n" not in problem
        if not path.exists():  # otherwise no damage, or that of another version or of a folder that was never added
            num_damaged += 1
            assert path.with_name("library.sqlite.damaged").read_bytes()
            assert "library add" in problem
            with Library(path, create=True) as library:
                assert library.add([music]) == Changes(new=5)
    assert num_damaged > 20


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
    monkeypatch.setattr("emomusic.songs.library._LOCK_S", 0.1)
    with closing(sqlite3.connect(library.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LibraryError, match="in use by another program"), Library(library.path):
            pass
    assert library.songs() == []
