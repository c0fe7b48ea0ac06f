"""The contract of `recommend` with files that are gone, with songs like another one, and with playlists."""

import json
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

import numpy as np
import pytest

from emomusic.affect import AffectPoint, Mood
from emomusic.songs.recommend import load_recommender
from tests.songs.songs import tone, write_song
from tests.songs.tables import recommender_over, song_table

from .conftest import Reply, Run


@pytest.fixture
def music(folder: Path, run: Run) -> Path:
    """Songs of three pitches, each loud (energetic) and quiet (calm)."""
    for hertz in (200, 900, 1000):
        for name, volume in (("loud", 0.5), ("quiet", 0.1)):
            tags = {"title": f"{name.title()} {hertz}", "artist": "A & <B>"}
            write_song(folder / f"{name}-{hertz} \u266a.wav", "wav", tone(1, hertz=hertz, volume=volume), tags=tags)
    assert run("library", "add", folder)[0] == 0
    return folder


def titles(reply: Reply) -> list[str]:
    status, songs, _ = reply
    assert status == 0
    return [song["title"] for song in songs]


def test_songs_whose_files_are_gone_are_left_out(run: Run, music: Path):
    ask = ("recommend", "--emotion", "angry", "--source", "library", "--songs", "9")
    assert len(titles(run(*ask))) == 6
    (music / "loud-900 \u266a.wav").unlink()
    for policy in ("match", "journey"):
        assert "Loud 900" not in titles(run(*ask, "--policy", policy))
    music.rename(music.with_name("away"))
    status, songs, err = run(*ask)
    assert (status, songs, len(err.splitlines())) == (0, [], 1)


def test_a_band_named_noel_plays_all_year_and_spoken_words_do_not(run: Run, music: Path):
    for path in music.iterdir():
        path.unlink()
    for name, genre in (("Noel", "rock"), ("Chapter", "Audiobook"), ("Episode", "Podcast")):
        tags = {"title": name + " Somebody", "artist": name, "album": "Noel Somebody's Band", "genre": genre}
        write_song(music / f"{name}.flac", "flac", tone(1), tags=tags)
    run("library", "update")
    ask = ("recommend", "--emotion", "angry", "--source", "library")
    assert titles(run(*ask)) == ["Noel Somebody"]
    (music / "Noel.flac").unlink()
    run("library", "update")
    status, songs, err = run(*ask)
    assert (status, songs, "2 songs" in err) == (0, [], True)


def test_songs_like_a_file_sound_like_it(run: Run, music: Path, tmp_path: Path):
    ask = ("recommend", "--like", music / "loud-1000 \u266a.wav")
    first, *others = titles(run(*ask))
    assert (first, others[0][-3:], "Loud 1000" in others) == ("Quiet 1000", "900", False)
    assert titles(run(*ask, "--same-mood")) == ["Loud 900", "Loud 200"]
    other = tmp_path / "other.wav"
    write_song(other, "wav", tone(1, hertz=950), tags={"title": "Other"})
    assert set(titles(run("recommend", "--like", other, "--source", "library", "--songs", "4"))) == {
        f"{name} {hertz}" for name in ("Loud", "Quiet") for hertz in (900, 1000)
    }
    assert len(titles(run("recommend", "--like", other))) == 5  # of the catalogue, by its mood
    assert titles(run("recommend", "--like", "loud 900", "--source", "library", "--songs", "1")) == ["Quiet 900"]
    assert run("recommend", "--like", tmp_path / "absent.wav")[0] == 2


def test_songs_like_a_song_of_the_catalogue_have_similar_features(run: Run, monkeypatch: pytest.MonkeyPatch):
    (table := song_table(500)).loc[7, "title"] = "Yesterday"
    recommender = recommender_over(table)
    monkeypatch.setattr("emomusic.songs.recommend.load_recommender", lambda: recommender)
    catalogue, row = recommender.catalogue, 7
    song = catalogue.song(row)
    replies = [
        titles(run("recommend", "--like", text, "--songs", "8"))
        for text in (song.id, f"https://open.spotify.com/track/{song.id}?si=1", f"{song.title} - {song.artists[0]}")
    ]
    assert replies[0] == replies[1] == replies[2]
    assert len(set(replies[0])) == 8
    assert song.title not in replies[0]
    _, near, _ = run("recommend", "--like", song.id, "--songs", "5")
    _, far, _ = run("recommend", "--like", f"spotify:track:{song.id}", "--emotion", "sad", "--songs", "5")
    assert {found["likeliest_mood"] for found in far} == {"sad"}
    away = np.linalg.norm((catalogue.features - catalogue.features[row]) / catalogue.features.std(axis=0), axis=1)
    found = [away[catalogue.row_of(song["id"])] for song in near]
    assert found == sorted(found)
    assert max(found) < np.median(away)


def test_playlists_have_the_songs(run: Run, music: Path, tmp_path: Path):
    ask = ("recommend", "--emotion", "angry", "--source", "library", "--songs", "6")
    paths = {str(path) for path in music.iterdir()}
    for form in ("m3u8", "xspf"):
        out = tmp_path / f"list.{form}"
        assert len(titles(run(*ask, "--format", form, "--out", out))) == 6
        if form == "m3u8":
            assert {line for line in out.read_text("utf-8").splitlines() if not line.startswith("#")} == paths
            continue
        root, names = ElementTree.fromstring(out.read_bytes()), {"x": "http://xspf.org/ns/0/"}
        locations = [each.text or "" for each in root.iterfind(".//x:location", names)]
        assert {unquote(urlparse(location).path) for location in locations} == paths
        assert all(location.startswith("file:///") and location.isascii() for location in locations)
        assert {each.text for each in root.iterfind(".//x:creator", names)} == {"A & <B>"}
        assert {each.text for each in root.iterfind(".//x:duration", names)} == {"1000"}
    out = tmp_path / "smart.nsp"
    run("recommend", "--emotion", "sad", "--genres", "rock", "--songs", "30", "--format", "nsp", "--out", out)
    smart = json.loads(out.read_text())
    assert smart["all"] == [{"is": {"mood": "sad"}}, {"any": [{"is": {"genre": "rock"}}]}]
    assert smart["limit"] == 30


@pytest.mark.parametrize(("to", "end"), [("Energetic", Mood.ENERGETIC.point), ("-0.5,-0.8", AffectPoint(-0.5, -0.8))])
def test_a_journey_ends_where_it_is_told(run: Run, tmp_path: Path, to: str, end: AffectPoint):
    ask = ("recommend", "--emotion", "happy", "--policy", "journey", "--songs", "9", "--to", to)
    status, songs, _ = run(*ask, "--format", "m3u8", "--out", tmp_path / "journey.m3u8")
    known = load_recommender()
    points = [known.point_of(known.catalogue.row_of(song["id"])) for song in songs]
    assert status == 0
    assert end.distance(points[-1]) < 0.2 < end.distance(points[0])
    assert [end.distance(point) for point in points] == sorted((end.distance(point) for point in points), reverse=True)
    titles_written = (tmp_path / "journey.m3u8").read_text("utf-8")
    assert [song["title"] in titles_written for song in songs] == [True] * len(songs)


def test_a_playlist_without_a_file_is_all_of_stdout(music: Path, capfd: pytest.CaptureFixture[str]):
    from emomusic.cli import main

    assert main.main(["recommend", "--emotion", "sad", "--source", "library", "--format", "m3u8"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert (lines[0], sum(line.startswith("#EXTINF") for line in lines)) == ("#EXTM3U", 5)
    assert len(lines) == 11
