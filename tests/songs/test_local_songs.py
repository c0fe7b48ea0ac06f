"""Recommendations of audio files; the bundled ones have their rights, sound and moods."""

import json
import os
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from emomusic import assets
from emomusic.affect import MOOD_POINTS, AffectPoint, Emotion, Mood
from emomusic.errors import DatasetError
from emomusic.export import song_record
from emomusic.media.audio_file import read_song
from emomusic.songs.hearing import QUADRANTS, load_sound_model
from emomusic.songs.local_songs import SONGS, bundled_songs, recommender_of, songs_dir
from emomusic.songs.queue import SongQueue
from emomusic.songs.request import Policy, Request
from emomusic.songs.song import UNKNOWN_ARTIST, Hearing, Player, Song
from emomusic.songs.spotify import songs_csv, songs_m3u

POINTS = list(MOOD_POINTS.items())


def song(
    number: int, mood: Mood, *, artists: tuple[str, ...] = (), player: Player = Player.UPLOAD, **values: object
) -> Song:
    point = mood.point
    probabilities = {quadrant: 0.7 if quadrant.mood is mood else 0.1 for quadrant in QUADRANTS}
    known = {
        "title": f"Song {number}",
        "artists": artists or (UNKNOWN_ARTIST,),
        "energy": (point.arousal + 1) / 2,
        "valence": (point.valence + 1) / 2,
        "genres": ("rock",),
        "year": 1994,
        "duration_s": 200.0,
        "path": os.fsdecode(f"/music/{number}".encode() + b"\xff.mp3"),
        "hearing": Hearing(probabilities, point.valence, point.arousal, ()),
    }
    return Song(id=f"{player}-{number}", player=player, **known | values)


def songs(num_songs: int, artist: str = "Artist") -> list[Song]:
    """Songs of all moods in turn, by one artist."""
    return [song(number, POINTS[number % 4][0], artists=(artist,)) for number in range(num_songs)]


def test_a_track_has_a_path_and_is_a_song_of_its_own_under_the_same_title():
    for artists in (("Artist",), (UNKNOWN_ARTIST,)):
        titles = ["01", "01", "Jóga", unicodedata.normalize("NFD", "Jóga"), "Jóga (Remastered)"]
        same = [song(number, Mood.SAD, artists=artists, title=title) for number, title in enumerate(titles)]
        recommender, request = recommender_of(same), Request(Mood.SAD.point, mood=Mood.SAD)
        assert {pick.song.id for pick in recommender.songs(request, 9)} == {each.id for each in same}
        assert {pick.song.id for pick in SongQueue(recommender, request).playlist(9)} == {each.id for each in same}
    track = song(7, Mood.HAPPY, player=Player.BUNDLED, licence="CC0", source="A site")
    (found,) = recommender_of([track]).songs(Request(Mood.HAPPY.point), 3)
    assert found.song == track
    assert found.point.distance(AffectPoint(0.62, 0.56)) < 0.01  # of 0.7 happy and 0.1 each of the others
    record = song_record(found)
    assert record.keys() >= {"id", "path", "licence", "source", "mood", "reason"}
    assert "url" not in record
    assert songs_m3u([found]).splitlines()[-1] == track.path
    assert track.path in songs_csv([found])


def test_the_bundled_songs_are_small_equally_loud_ten_of_each_mood_and_have_their_rights():
    songs = bundled_songs()
    assert min(Counter(song.hearing.mood for song in songs)[mood] for mood in Mood) >= 10
    assert min(song.duration_s or 0 for song in songs) >= 24
    assert sum(Path(song.path or "").stat().st_size for song in songs) <= 12_000_000
    assert {Path(song.path or "") for song in songs} == set(songs_dir().glob("*.mp3"))
    texts = (songs_dir() / "LICENSE").read_text(encoding="utf-8")
    for number, song in enumerate(bundled_songs()):
        assert song.licence in {"CC BY-SA 3.0", "CC BY 3.0", "MIT"}
        assert f"- {song.licence}" in texts
        assert (song.source or "").startswith("http")
        if number % 16:  # reading takes long
            continue
        file = read_song(song.path or "")
        assert (file.title, file.artists) == (song.title, song.artists)
        (window,) = file.windows
        assert -23 < 10 * np.log10(np.mean(window.samples**2)) < -14
        assert np.abs(window.samples).max() < 0.99  # not clipped


def test_a_journey_through_the_songs_of_one_artist_has_steps():
    journey = Request(AffectPoint(-0.6, 0.6), Emotion.ANGRY, policy=Policy.JOURNEY)
    assert len(recommender_of(songs(12)).songs(journey, 3)) == 3


@pytest.mark.slow  # hears and measures what the builder of the songs did
@pytest.mark.parametrize("mood", [Mood.CALM, Mood.ENERGETIC])
def test_stored_moods_are_those_that_the_model_hears(mood: Mood):
    """After a change of the model: python -m scripts.build_bundled_songs."""
    surest = max(bundled_songs(), key=lambda song: song.hearing.moods[mood])
    heard = load_sound_model().analyse(read_song(surest.path or "").windows)
    assert heard.mood is surest.hearing.mood is mood
    assert heard.moods[mood] == pytest.approx(surest.hearing.moods[mood], abs=0.05)


@pytest.mark.parametrize("text", [None, "[", json.dumps([{"number": 1}])])
def test_a_damaged_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None):
    shutil.copytree(songs_dir(), tmp_path / "data" / "songs")
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    (songs_dir() / SONGS).unlink() if text is None else (songs_dir() / SONGS).write_text(text)
    with pytest.raises(DatasetError, match="Restore the file"):
        bundled_songs()
