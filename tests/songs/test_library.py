"""The library finds, analyses and forgets audio files, and survives what happens to them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emomusic.affect import Mood, Quadrant
from emomusic.errors import LibraryError
from emomusic.songs.library import Changes, Library
from emomusic.songs.library_database import library_version
from emomusic.songs.song import UNKNOWN_ARTIST, Player
from tests.films import NOBODY, write_film
from tests.songs.ears import CRASH_VOLUME, FakeEar
from tests.songs.libraries import change, filled, hear, names, number_of, write
from tests.songs.songs import tone, write_song
from tests.waiting import PATIENCE_S


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


@pytest.mark.parametrize("name", ["song.m4r", "song.MKV"])
def test_a_library_takes_what_is_heard_under_any_usual_name(library: Library, tmp_path: Path, name: str):
    (tmp_path / "music").mkdir()
    kind = ("ipod", "aac") if name == "song.m4r" else ("matroska", "libopus")
    write_song(tmp_path / "music" / name, kind, tone(2, rate=48_000), rate=48_000)
    write_film(tmp_path / "music" / "film.mp4", [(NOBODY, 1)])
    assert library.add([tmp_path / "music"]).new == 1
    assert hear(library) == []
    assert names(library) == [name]


def test_an_update_of_one_folder_leaves_the_others(library: Library, music: Path):
    write(music / "albums" / "far.wav", hertz=900)
    filled(library, music)
    for other in ("loud.wav", "albums/far.wav"):
        (music / other).unlink()
    write(music / "album" / "new.wav", hertz=800)
    assert library.update([music / "album"]) == Changes(new=1)
    assert {"loud.wav", "far.wav"} <= {*names(library)}
    with pytest.raises(LibraryError, match="expected a path in the library"):
        library.update([music.parent])


def test_another_model_hears_the_songs_again_and_each_one_without_features_of_sound(library: Library, music: Path):
    filled(library, music)
    assert len(hear(library, model="m2")) == 1  # the damaged file
    assert library.info()["waiting"] == 0
    totals: list[int] = []
    change(library.path, "UPDATE songs SET features = x'00' WHERE song NOT NULL")
    for num_without in (0, 1):
        library.analyse(FakeEar, "m2", workers=1, on_progress=lambda _, total: totals.append(total))
        assert totals == [1] * num_without
        change(library.path, "UPDATE songs SET features = NULL WHERE path = ?", f"{music}/loud.wav")


@pytest.mark.parametrize(("below", "is_mount"), [(".", False), ("album", False), ("album", True)])
def test_songs_stay_while_their_disk_is_away_and_go_if_it_is_emptied(
    library: Library, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, is_mount: bool
):
    disk, mounts = music / below, {str(music / below)} if is_mount else set()
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) in mounts)
    write(music / "album" / "deep" / "er" / "three.wav", hertz=900)
    before = names(filled(library, music))
    disk.rename(tmp_path / "away")
    mounts.clear()
    # Some systems remove the empty mount point; without a mount, an absent folder in another one was deleted
    for has_mount_point in (False, True) if below == "." else (not is_mount,) * 2:
        if has_mount_point:
            disk.mkdir(exist_ok=True)
        changes = library.update()
        assert (changes.deleted, len(changes.problems)) == (0, 1)
    assert names(library) == before
    if disk.exists():
        disk.rmdir()
    (tmp_path / "away").rename(disk)
    mounts |= {str(disk)} if is_mount else set()
    assert library.update() == Changes()
    assert names(library) == before
    for path in [path for path in disk.rglob("*") if path.is_file()]:
        path.unlink()
    assert library.update().deleted == (6 if below == "." else 3)  # the folder is the one that was added


def test_a_renamed_or_copied_folder_is_recognised_by_its_content(library: Library, music: Path, tmp_path: Path):
    numbers = {Path(song.path or "").name: number_of(song) for song in filled(library, music).songs()}
    music.rename(tmp_path / "renamed")
    os.utime(tmp_path / "renamed" / "loud.wav", (1, 1))  # some copies get another time
    (tmp_path / "renamed" / "album" / "two.wav").unlink()
    away = library.update().problems
    assert len(away) == 1
    assert library.add([tmp_path / "renamed"]) == Changes(moved=4, problems=away)
    assert library.info()["waiting"] == 0
    songs = {Path(song.path or "").name: song for song in library.songs()}
    assert songs.keys() == numbers.keys()
    assert songs["loud.wav"].title == "Loud"  # of its tags
    del numbers["two.wav"]  # stays, as its folder is away
    assert {name: number_of(songs[name]) for name in numbers} == numbers
    assert library.add([tmp_path / "renamed"]) == Changes(problems=away)
    write(tmp_path / "again" / "two.wav", hertz=300)
    assert library.add([tmp_path / "again"]) == Changes(moved=1)
    assert library.info()["folders"] == sorted([str(tmp_path / "again"), str(tmp_path / "renamed")])
    write(tmp_path / "again" / "other.wav", hertz=310)
    assert library.update() == Changes(new=1)


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


# Processes


def test_a_file_that_ends_its_process_counts_as_unreadable(library: Library, music: Path):
    write(music / "crash.wav", volume=CRASH_VOLUME / 2)
    library.add([music])
    (problem,) = [problem for problem in hear(library, workers=2) if "stops the decoder" in problem]
    assert problem.startswith(f"{music}/crash.wav: ")
    assert (library.info()["songs"], library.info()["unreadable"]) == (4, 2)


KILLED = """
import os, sys
from pathlib import Path
from emomusic.songs import library
from tests.films import NOBODY, write_film
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
    assert (
        subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=PATIENCE_S).returncode
        == -9
    )
    filled(library, music)
    with Library(path) as resumed:
        assert resumed.info()["waiting"] == 3  # two of five were saved
        hear(resumed, workers=2)
        assert resumed.update() == Changes()
        assert resumed.songs() == library.songs()
