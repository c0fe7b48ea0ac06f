"""The contract of `library`, and of `recommend` with the sources library and bundled."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.songs.songs import tone, write_song

from .conftest import Run


@pytest.fixture
def music(folder: Path) -> Path:
    """Two songs."""
    write_song(folder / "a.wav", "wav", tone(1))
    write_song(folder / "b.wav", "wav", tone(1, volume=0.1), tags={"title": "Esc\x1b[1m"})
    return folder


def test_the_library_keeps_its_contract(run: Run, music: Path, tmp_path: Path):
    status, songs, _ = run("library", "add", music)
    assert status == 0
    assert songs[0] == {
        "path": str(music / "a.wav"),
        "title": "A Tone",
        "artists": ["Oscillator", "Friend"],
        "duration_s": 1.0,
        "quadrant": "Q2",
        "valence": -0.5,
        "arousal": 0.5,
        "mood": "energetic",
        "traits": [],
    }
    assert run("library", "list")[:2] == (0, songs)
    assert run("library", "update")[:2] == (0, songs)
    (music / "c.mp3").write_text("text")
    status, same, err = run("library", "update", music)
    assert (status, same) == (2, songs)
    assert f"{music / 'c.mp3'}: " in err
    assert run("library", "update")[0] == 0  # it is known
    assert run("library", "info")[1]["unreadable"] == 1
    assert run("library", "list", "--library", tmp_path / "other.sqlite")[:2] == (0, [])
    assert run("library", "remove", music / "a.wav")[:2] == (0, songs[:1])
    assert run("library", "list")[1] == songs[1:]
    music.rename(tmp_path / "away")
    status, same, err = run("library", "update")
    assert (status, same) == (2, songs[1:])
    assert "cannot be read" in err


def test_moods_are_written_into_the_files_and_undone(run: Run, music: Path):
    run("library", "add", music)
    before = (music / "b.wav").read_bytes()
    change = {"path": str(music / "b.wav"), "field": "TMOO", "before": None, "after": "calm"}
    assert run("library", "tag", music / "b.wav")[:2] == (0, [change])
    assert (music / "b.wav").read_bytes() == before
    assert run("library", "tag", music / "b.wav", "--write")[:2] == (0, [change])
    assert (music / "b.wav").read_bytes() != before
    assert len(run("library", "tag", music)[1]) == 1
    undone = change | {"before": "calm", "after": None}
    assert run("library", "tag", music, "--undo")[:2] == (0, [undone])
    assert (music / "b.wav").read_bytes() == before
    assert run("library", "tag", music.parent / "other")[0] == 2


@pytest.mark.parametrize("max_bytes", [2**12, 2**24])
def test_a_full_disk_leaves_no_library_without_songs(
    run: Run, music: Path, tmp_path: Path, full_disk: Callable[[int], None], max_bytes: int
):
    full_disk(max_bytes)
    status, _, err = run("library", "add", music)
    assert (status, len(err.splitlines())) == (2, 1) if max_bytes < 2**24 else status == 0
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["library.sqlite", "my music"][max_bytes < 2**24 :]


def test_songs_are_recommended_from_the_library(run: Run, music: Path, tmp_path: Path):
    ask = ("recommend", "--emotion", "angry", "--source", "library")
    status, _, err = run(*ask)
    assert (status, len(err.splitlines())) == (2, 1)
    run("library", "add", music)
    status, songs, _ = run(*ask)
    assert status == 0
    assert [song["path"] for song in songs] == [str(music / "a.wav"), str(music / "b.wav")]
    assert "url" not in songs[0]
    assert run(*ask[:3], "--library", tmp_path / "library.sqlite")[0] == 2


def test_people_read_no_control_characters(music: Path, capsys: pytest.CaptureFixture[str]):
    from emomusic.cli import main

    for arguments in (["add", str(music)], ["list"], ["info"]):
        assert main.main(["library", *arguments]) == 0
    assert main.main(["recommend", "--emotion", "sad", "--source", "library"]) == 0
    out = capsys.readouterr().out
    assert "A Tone, Oscillator, Friend\n  energetic (Q2)" in out
    assert "\x1b" not in out


def test_songs_and_pictures_are_analysed_together(run: Run, root: Path, tmp_path: Path):
    song, broken = tmp_path / "song.m4a", tmp_path / "broken.mp3"
    write_song(song, "m4a", tone(7))
    broken.write_bytes(b"ID3\x03" + bytes(500))
    status, records, err = run("analyze", song, broken, root / "data/samples/eileen-collins-1999.jpg")
    assert status == 2
    assert "broken.mp3" in err
    heard, problem, picture = records
    assert problem.keys() == {"audio", "error"}
    assert len(picture["faces"]) == 1
    assert heard["audio"] == str(song)
    assert (heard["title"], heard["artists"]) == ("A Tone", ["Oscillator", "Friend"])
    assert heard["duration_s"] == pytest.approx(7, abs=0.2)
    assert list(heard["probabilities"]) == ["Q1", "Q2", "Q3", "Q4"]
    assert heard["probabilities"][heard["quadrant"]] == max(heard["probabilities"].values())
    assert [list(moment) for moment in heard["timeline"]] == 2 * [["time_s", "valence", "arousal"]]
    assert [list(tag) for tag in heard["tags"]] == 5 * [["name", "probability"]]
    assert -1 <= heard["valence"] <= 1
    assert heard["elapsed_ms"].keys() == {"decode", "hear"}


def test_songs_are_chosen_by_what_is_heard(run: Run):
    status, songs, _ = run("recommend", "--emotion", "sad", "--source", "bundled", "--traits", "guitar", "voice")
    assert (status, {"guitar", "voice"} <= set.intersection(*(set(song["traits"]) for song in songs))) == (0, True)
    assert run("recommend", "--emotion", "sad", "--traits", "guitar")[0] == 2
