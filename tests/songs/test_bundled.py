"""The bundled songs: their rights, sound and moods."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.affect import MOOD_POINTS, Mood
from emomusic.errors import DatasetError
from emomusic.media.audio_file import read_song
from emomusic.songs.hearing import load_sound_model
from emomusic.songs.local_songs import SONGS, bundled_songs, load_bundled_recommender, songs_dir
from emomusic.songs.request import Request
from emomusic.songs.song import Hearing, Song


def hearing(song: Song) -> Hearing:
    assert song.hearing is not None
    return song.hearing


def test_each_mood_has_three_songs_and_all_are_small():
    songs = bundled_songs()
    assert 12 <= len(songs) <= 24
    assert min(Counter(hearing(song).mood for song in songs).values()) >= 3
    assert {hearing(song).mood for song in songs} == set(Mood)
    assert min(song.duration_s or 0 for song in songs) >= 30
    assert sum(Path(song.path or "").stat().st_size for song in songs) <= 6_000_000
    assert {Path(song.path or "") for song in songs} == set(songs_dir().glob("*.mp3"))


def test_every_song_has_its_rights_and_tags_and_is_about_equally_loud():
    texts = (songs_dir() / "LICENSE").read_text(encoding="utf-8")
    for song in bundled_songs():
        assert song.licence in {"CC BY-SA 3.0", "CC BY 3.0", "MIT"}
        assert f"- {song.licence}" in texts
        assert (song.source or "").startswith("http")
        file = read_song(song.path or "")
        assert (file.title, file.artists) == (song.title, song.artists)
        (window,) = file.windows
        assert -23 < 10 * np.log10(np.mean(window.samples**2)) < -14
        assert np.abs(window.samples).max() < 0.99  # not clipped


@pytest.mark.parametrize("mood", list(Mood))
def test_stored_moods_are_those_that_the_model_hears(mood: Mood):
    """After a change of the model: python -m scripts.build_bundled_songs."""
    surest = max(bundled_songs(), key=lambda song: hearing(song).moods[mood])
    heard = load_sound_model().hear(read_song(surest.path or "").windows)
    assert heard.mood is hearing(surest).mood is mood
    assert heard.moods[mood] == pytest.approx(hearing(surest).moods[mood], abs=0.05)


@pytest.mark.parametrize("mood", list(Mood))
def test_songs_of_the_mood_come_first(mood: Mood):
    first, second, third = load_bundled_recommender().songs(Request(MOOD_POINTS[mood], mood=mood), 3)
    assert {song.likeliest_mood for song in (first, second, third)} == {mood}
    assert Path(first.song.path or "").is_file()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the songs."""
    shutil.copytree(songs_dir(), tmp_path / "data" / "songs")
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    return songs_dir()


@pytest.mark.parametrize("text", [None, "[", "{}", json.dumps([{"number": 1}]), "[1]"])
def test_a_damaged_list_is_refused(copied: Path, text: str | None):
    (copied / SONGS).unlink() if text is None else (copied / SONGS).write_text(text)
    with pytest.raises(DatasetError, match="Restore the file"):
        bundled_songs()
