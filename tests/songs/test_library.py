"""The library finds, analyses and forgets audio files, and survives what happens to them."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from emomusic.affect import Mood, Quadrant
from emomusic.errors import LibraryError
from emomusic.songs.library import Changes, Library
from emomusic.songs.library_database import library_file
from emomusic.songs.song import UNKNOWN_ARTIST, Player
from tests.songs.ears import CRASH_VOLUME, FakeEar
from tests.songs.libraries import change, filled, hear, names, number_of, write
from tests.waiting import run_python


def test_songs_are_found_and_analysed_once(library: Library, music: Path):
    assert library.add([music]) == Changes(new=5)
    assert library.songs() == []
    assert library.info()["waiting"] == 5
    progress: list[tuple[int, int]] = []
    problems = library.analyse(FakeEar, "m1", workers=1, on_progress=lambda *counts: progress.append(counts))
    assert progress == [(number, 5) for number in range(1, 6)]
    assert [problem.partition(": ")[0] for problem in problems] == [f"{music}/b/broken.mp3"]
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
    assert (quiet.title, quiet.artists, quiet.hearing.mood) == ("quiet song", (UNKNOWN_ARTIST,), Mood.CALM)
    (foreign,) = library.songs([music / "b"])  # a name outside Unicode
    assert Path(foreign.path or "").is_file()
    assert foreign.title == "caf\N{REPLACEMENT CHARACTER}"
    assert library.info() == {
        "file": str(library.path),
        "folders": [str(music)],
        "songs": 4,
        "waiting": 0,
        "older": 4,
        "unreadable": 1,
        "moods": {"calm": 1, "happy": 0, "energetic": 3, "sad": 0},
    }


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


def test_files_with_the_same_size_and_time_can_be_heard_again(library: Library, music: Path):
    filled(library, music)
    stamp = (music / "loud.wav").stat()
    write(music / "loud.wav", volume=0.1, title="Loud", artist="A;B", genre="Rock", date="1999")
    os.utime(music / "loud.wav", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert library.update() == Changes()
    library.hear_again([music / "loud.wav"])
    assert library.counts()[0] == 1
    assert hear(library) == []
    assert library.songs([music / "loud.wav"])[0].hearing.mood is Mood.CALM
    os.utime(music / "loud.wav")  # another time alone
    assert (library.update(), library.counts()[0]) == (Changes(changed=1), 1)


def test_another_model_hears_the_songs_again_and_each_one_without_features_of_sound(library: Library, music: Path):
    filled(library, music)
    assert len(hear(library, model="m2")) == 1  # the damaged file
    assert library.info()["waiting"] == 0
    totals: list[int] = []
    change(library.path, "UPDATE songs SET features = x'00' WHERE song NOT NULL")
    assert {song.hearing.features for song in library.songs()} == {b"\0"}
    for num_without in (0, 1):
        library.analyse(FakeEar, "m2", workers=1, on_progress=lambda _, total: totals.append(total))
        assert totals == [1] * num_without
        change(library.path, "UPDATE songs SET features = NULL WHERE path = ?", f"{music}/loud.wav")


def test_songs_stay_while_their_folder_is_away_or_empty_and_go_if_other_files_are_left(
    library: Library, music: Path, tmp_path: Path
):
    before = names(filled(library, music))
    music.rename(tmp_path / "away")
    for has_mount_point in (False, True):  # some systems remove it
        if has_mount_point:
            music.mkdir()
            (music / ".not-mounted").touch()  # as some put into their mount points
        changes = library.update()
        assert (changes.deleted, len(changes.problems)) == (0, 1)
    assert names(library) == before
    shutil.rmtree(music)
    (tmp_path / "away").rename(music)
    assert library.update() == Changes()
    assert names(library) == before
    for path in [path for path in music.rglob("*") if path.is_file()]:
        path.unlink()
    assert library.update().deleted == 5  # folders of albums are left


def test_songs_stay_behind_a_link_and_under_another_name_and_while_they_cannot_be_opened(
    library: Library, music: Path, tmp_path: Path
):
    music.rename(disk := tmp_path / "disk")
    music.mkdir()
    (music / "nas").symlink_to(disk)
    (music / "song.wav").symlink_to(disk / "loud.wav")
    before = names(filled(library, music))
    disk.rename(away := tmp_path / "away")
    assert library.update().deleted == 0
    assert len(hear(library, model="m2")) == len(before) + 1  # all wait, and a broken one
    assert names(library) == before
    away.rename(disk)
    assert library.update() == Changes()
    hear(library, model="m2")
    assert names(library) == before
    assert library.info()["waiting"] == 0
    (link := tmp_path / "link").symlink_to(disk)
    assert library.add([link]).deleted == 0
    for folder in (disk, link):
        assert library.add([folder]).deleted == 0


def test_a_renamed_folder_is_recognised_by_the_sizes_and_times_of_its_files(
    library: Library, music: Path, tmp_path: Path
):
    numbers = {Path(song.path or "").name: number_of(song) for song in filled(library, music).songs()}
    music.rename(tmp_path / "renamed")
    two = (tmp_path / "renamed" / "album" / "two.wav").rename(tmp_path / "two.wav")
    away = library.update().problems
    assert len(away) == 1
    assert library.add([tmp_path / "renamed"]) == Changes(moved=4, problems=away)
    assert library.info()["waiting"] == 0
    songs = {Path(song.path or "").name: song for song in library.songs()}
    assert {name: number_of(song) for name, song in songs.items()} == numbers
    assert songs["loud.wav"].title == "Loud"  # of its tags
    assert library.add([tmp_path / "renamed"]) == Changes(problems=away)
    (tmp_path / "again").mkdir()
    two.rename(tmp_path / "again" / "second.wav")
    assert library.add([tmp_path / "again"]) == Changes(moved=1)
    assert {song.title for song in library.songs([tmp_path / "again"])} == {"second"}
    assert library.info()["folders"] == sorted([str(tmp_path / "again"), str(tmp_path / "renamed")])
    write(tmp_path / "again" / "other.wav", hertz=310)
    assert library.update() == Changes(new=1)


def test_moved_files_of_the_same_size_and_time_are_told_apart_by_their_names(library: Library, music: Path):
    for name, hertz in (("one.wav", 600), ("two.wav", 300), ("three.wav", 900)):
        os.utime(write(music / "album" / name, hertz=hertz), (1, 1))
    numbers = {Path(song.path or "").name: number_of(song) for song in filled(library, music).songs()}
    (music / "album" / "two.wav").rename(music / "two.wav")
    for name in ("one", "three"):
        (music / "album" / f"{name}.wav").rename(music / f"new {name}.wav")
    assert library.update() == Changes(new=2, moved=1, deleted=2)
    assert hear(library) == []
    (two,) = library.songs([music / "two.wav"])
    assert number_of(two) == numbers["two.wav"]


def test_a_library_of_an_older_version_keeps_its_songs_and_what_was_left_out(library: Library, music: Path):
    before = filled(library, music).songs()
    library.remove([music / "album"])
    folder, album = (os.fsencode(path) for path in (music, music / "album"))
    change(library.path, "UPDATE folders SET inode = 77 WHERE path = CAST(? AS TEXT)", folder)
    change(library.path, "INSERT INTO places VALUES (CAST(? AS TEXT), 78, 1)", album)
    change(library.path, "UPDATE songs SET fingerprint = x'00'")
    change(library.path, "CREATE TABLE written (number INTEGER PRIMARY KEY, path TEXT, song INTEGER, before TEXT)")
    with Library(library.path) as opened:
        assert opened.songs() == [song for song in before if "album" not in (song.path or "")]
        assert opened.update() == Changes()
        assert opened.info()["folders"] == [str(music)]
        assert opened.counts()[0] == 0


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


def test_a_single_file_can_be_added_and_one_that_ends_its_process_is_unreadable(library: Library, music: Path):
    assert library.add([music / "loud.wav"]) == Changes(new=1)
    with pytest.raises(LibraryError, match=r"ends in mp3, flac.*notes\.txt"):
        library.add([music / "b" / "notes.txt"])
    with pytest.raises(LibraryError, match="Check the name"):
        library.add([music / "absent"])
    write(music / "crash.wav", volume=CRASH_VOLUME / 2)
    library.add([music])
    (problem,) = [problem for problem in hear(library, workers=2) if "stops the decoder" in problem]
    assert problem.startswith(f"{music}/crash.wav: ")
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


def test_a_killed_analysis_goes_on_where_it_was(library: Library, music: Path, tmp_path: Path):
    path = tmp_path / "killed.sqlite"
    assert run_python("-c", KILLED, path, music).returncode == -9
    filled(library, music)
    with Library(path) as resumed:
        assert resumed.info()["waiting"] == 3  # two of five were saved
        hear(resumed, workers=2)
        assert resumed.update() == Changes()
        assert resumed.songs() == library.songs()


def test_the_library_is_in_the_users_data_folder_and_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (text := tmp_path / "text.sqlite").write_text("no database" * 99)
    with closing(sqlite3.connect(other := tmp_path / "other.sqlite")) as database:
        database.execute("CREATE TABLE songs (title)")
    with closing(sqlite3.connect(newer := tmp_path / "newer.sqlite")) as database:
        database.execute("PRAGMA user_version = 9")
    for path in (text, other, newer, tmp_path, text / "x.sqlite"):
        with pytest.raises(LibraryError, match="expected a library of music"):
            Library(path, create=True)
    assert text.read_text().startswith("no database")
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


def test_records_that_cannot_be_read_are_heard_again_and_paths_of_no_file_passed_over(library: Library, music: Path):
    for command in (
        "UPDATE songs SET song = replace(song, '\"arousal\":', '\"arousal\":9')",
        'UPDATE songs SET song = replace(song, \'"title":"\', \'"title":" ","\')',
        "UPDATE songs SET song = replace(song, '\"hearing\"', '\"other\"')",
        "UPDATE songs SET song = 7",
    ):
        before = filled(library, music).songs()
        path = f"{music}/loud.wav"
        change(library.path, f"{command} WHERE path = ?", path)
        assert library.songs() == [song for song in before if song.path != path]
        assert library.info()["waiting"] == 1
        hear(library)
        assert library.songs() == before
        assert sorted(each.name for each in library.path.parent.iterdir()) == [library.path.name]
    before = filled(library, music).songs()
    for number, path in enumerate((b"\xff", 7, "a\0b"), 900):
        insert = "INSERT INTO songs (number, path, size, mtime_ns, song) VALUES (?, CAST(? AS BLOB), 1, 1, '{}')"
        change(library.path, insert, number, path)
    assert library.songs() == before
    assert library.update() == Changes()
    assert len(library.remove([music])) == len(before)


def test_a_damaged_record_of_a_moved_file_is_heard_again(library: Library, music: Path):
    before = filled(library, music).songs()
    path = f"{music}/loud.wav"
    change(library.path, "UPDATE songs SET song = CAST(x'ff7b' AS TEXT) WHERE path = ?", path)
    (music / "loud.wav").rename(music / "louder.wav")
    assert library.update() == Changes(moved=1)
    hear(library)
    assert len(library.songs()) == len(before)


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
