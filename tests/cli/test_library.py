"""The contract of `library`, and of `recommend` from it, like another song, with traits, and as playlists."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

import numpy as np
import pytest
from mutagen.mp4 import MP4

from emomusic.affect import AffectPoint, Mood
from emomusic.cli import main
from emomusic.songs.local_songs import load_library_recommender
from emomusic.songs.recommend import load_recommender
from tests.films import SAMPLES
from tests.songs.songs import tone, write_song
from tests.songs.tables import recommender_over, song_table

from .conftest import Reply, Run


@pytest.fixture
def two(folder: Path) -> Path:
    """A folder with two songs."""
    write_song(folder / "a.wav", "wav", tone(1))
    write_song(folder / "b.wav", "wav", tone(1, volume=0.1), tags={"title": "Esc\x1b[1m"})
    return folder


def test_the_library_keeps_its_contract(run: Run, two: Path, tmp_path: Path):
    status, songs, _ = run("library", "add", two)
    assert status == 0
    place = [songs[0].pop(name) for name in ("valence", "arousal")]
    assert -1 <= place[0] < 0 < place[1] <= 1
    assert songs[0] == {
        "path": str(two / "a.wav"),
        "title": "A Tone",
        "artists": ["Oscillator", "Friend"],
        "duration_s": 1.0,
        "quadrant": "Q2",
        "mood": "energetic",
        "traits": [],
    }
    songs = run("library", "list")[1]
    assert [songs[0]["valence"], songs[0]["arousal"]] == place
    assert run("library", "update")[:2] == (0, songs)
    (two / "c.mp3").write_text("text")
    status, same, err = run("library", "update", two)
    assert (status, same) == (2, songs)
    assert f"{two / 'c.mp3'}: " in err
    assert run("library", "update")[0] == 0  # it is known
    assert run("library", "info")[1]["unreadable"] == 1
    assert run("library", "list", "--library", tmp_path / "other.sqlite")[:2] == (0, [])
    assert run("library", "remove", two / "a.wav")[:2] == (0, songs[:1])
    assert run("library", "list")[1] == songs[1:]
    two.rename(tmp_path / "away")
    status, same, err = run("library", "update")
    assert (status, same) == (2, songs[1:])
    assert "cannot be read" in err


def test_moods_are_written_into_the_files(run: Run, two: Path):
    run("library", "add", two)
    before = (two / "b.wav").read_bytes()
    change = {"path": str(two / "b.wav"), "field": "TMOO", "before": None, "after": "calm"}
    assert run("library", "tag", two / "b.wav")[:2] == (0, [change])
    assert (two / "b.wav").read_bytes() == before
    assert run("library", "tag", two / "b.wav", "--write")[:2] == (0, [change])
    assert (two / "b.wav").read_bytes() != before
    assert len(run("library", "tag", two)[1]) == 1
    assert run("library", "tag", two.parent / "other")[0] == 2


@pytest.mark.parametrize("max_bytes", [2**12, 2**24])
def test_a_full_disk_leaves_no_library_without_songs(
    run: Run, two: Path, tmp_path: Path, full_disk: Callable[[int], None], max_bytes: int
):
    full_disk(max_bytes)
    status, _, err = run("library", "add", two)
    assert (status, len(err.splitlines())) == (2, 1) if max_bytes < 2**24 else status == 0
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["library.sqlite", "my music"][max_bytes < 2**24 :]


def test_songs_are_recommended_from_the_library_and_by_what_is_heard(run: Run, two: Path, tmp_path: Path):
    ask = ("recommend", "--emotion", "angry", "--source", "library")
    status, _, err = run(*ask)
    assert (status, len(err.splitlines())) == (2, 1)
    run("library", "add", two)
    status, songs, _ = run(*ask)
    assert status == 0
    assert [song["path"] for song in songs] == [str(two / "a.wav")]  # the other one is quiet
    assert [song["path"] for song in run(*ask, "--emotion", "sad")[1]] == [str(two / "b.wav")]
    assert "url" not in songs[0]
    assert run(*ask[:3], "--library", tmp_path / "library.sqlite")[0] == 2
    status, songs, _ = run("recommend", "--emotion", "sad", "--source", "bundled", "--traits", "guitar", "voice")
    assert (status, {"guitar", "voice"} <= set.intersection(*(set(song["traits"]) for song in songs))) == (0, True)
    assert run("recommend", "--emotion", "sad", "--traits", "guitar")[0] == 2


def test_people_read_no_control_characters_and_a_playlist_alone(two: Path, capsys: pytest.CaptureFixture[str]):
    for arguments in (["add", str(two)], ["list"], ["info"]):
        assert main.main(["library", *arguments]) == 0
    assert main.main(["recommend", "--emotion", "sad", "--source", "library"]) == 0
    out = capsys.readouterr().out
    assert "A Tone, Oscillator, Friend\n  energetic (Q2)" in out
    assert "\x1b" not in out
    assert main.main(["recommend", "--emotion", "sad", "--source", "library", "--format", "m3u8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], sum(line.startswith("#EXTINF") for line in lines), len(lines)) == ("#EXTM3U", 1, 3)


def test_songs_and_pictures_are_analysed_together(run: Run, tmp_path: Path):
    song, broken = tmp_path / "song.m4a", tmp_path / "broken.mp3"
    write_song(song, "m4a", tone(7))
    broken.write_bytes(b"ID3\x03" + bytes(500))
    status, records, err = run("analyze", song, broken, SAMPLES / "eileen-collins-1999.jpg")
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
    assert sorted(titles(run(*ask))) == ["Loud 1000", "Loud 200", "Loud 900"]
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


def test_explicit_files_are_left_out_also_those_read_before_their_tag_was_known(run: Run, folder: Path):
    for name, tags in {
        "plain": {},
        "mark": {"title": "Quiet (Explicit)"},
        "album": {"album": "Quiet [Explicit]"},
        "word": {"title": "F**k It"},
        "tag": {"ITUNESADVISORY": "1"},
        "clean": {"ITUNESADVISORY": "2"},
    }.items():
        write_song(folder / f"{name}.flac", "flac", tone(1), tags={"title": name, "artist": name} | tags)
    write_song(folder / "atom.m4a", "m4a", tone(1), tags={"title": "atom", "artist": "atom"})
    file = MP4(folder / "atom.m4a")
    file["rtng"] = [4]
    file.save()
    assert run("library", "add", folder)[0] == 0
    ask = ("recommend", "--emotion", "angry", "--source", "library", "--songs", "9")
    assert len(titles(run(*ask))) == 7
    assert set(titles(run(*ask, "--hide-explicit"))) == {"plain", "clean"}
    info = run("library", "info")[1]
    with closing(sqlite3.connect(info["file"])) as database, database:
        for value in ("true", "false"):
            database.execute("UPDATE songs SET song = replace(song, ?, '')", (f'"explicit":{value},',))
    assert set(titles(run(*ask, "--hide-explicit"))) == {"plain", "clean", "tag", "atom"}
    assert (info["older"], run("library", "info")[1]["older"]) == (0, 7)
    assert run("library", "update")[0] == 0
    assert set(titles(run(*ask, "--hide-explicit"))) == {"plain", "clean"}


def test_of_the_files_of_a_song_the_best_one_plays_once(run: Run, folder: Path):
    song = {"title": "Song A", "artist": "Dupe Band"}
    for name, seconds, tags in (
        ("1.mp3", 5.0, song),
        ("2.flac", 5.3, song),
        ("3.m4a", 5.0, song),
        ("4.ogg", 5.0, song | {"artist": "Dupe Band feat. A Guest"}),
        ("4.opus", 5.0, song | {"artist": "A Guest;Dupe Band"}),
        ("5.flac", 5.0, song | {"title": "Song A (Remastered 2011)"}),
        ("6.flac", 9.0, song | {"title": "Song A - Live"}),
        ("Dupe Band - Song A.wav", 5.0, {}),
        ("07 Dupe Band - Song A.wav", 5.0, {}),
        ("other.mp3", 5.0, song | {"artist": "Other Band"}),
        ("01 - Song A.wav", 5.0, {}),
        ("Song A.wav", 5.0, {}),
    ):
        write_song(folder / name, name.rpartition(".")[2], tone(seconds), tags=tags)
    assert len(titles(run("library", "add", folder))) == 12
    ask = ("recommend", "--source", "library", "--songs", "20")
    for policy in ("match", "soothe"):
        _, songs, _ = run(*ask, "--emotion", "angry", "--policy", policy)
        names = {Path(song["path"]).name for song in songs}
        assert len(songs) == len(names) == 4
        assert names > {"other.mp3", "01 - Song A.wav", "Song A.wav"}

    def kept() -> set[str]:
        songs = load_library_recommender().catalogue.songs or ()
        return {Path(song.path or "").name for song in songs}

    versions = {"5.flac", "6.flac", "other.mp3", "01 - Song A.wav", "Song A.wav"}
    assert kept() == {"2.flac"} | versions
    for gone, best in (
        ("2.flac", "07 Dupe Band - Song A.wav"),
        ("07 Dupe Band - Song A.wav", "Dupe Band - Song A.wav"),
    ):
        (folder / gone).unlink()  # or its disk is away
        assert kept() == {best} | versions
    assert len(run("library", "list")[1]) == 12


def test_a_file_of_a_whole_album_has_the_names_of_its_cue_sheet(run: Run, folder: Path):
    for name in ("album.flac", "hostile.flac", "single.flac", "parts.flac"):
        write_song(folder / name, "flac", tone(3), tags={})
    sheet = 'PERFORMER "Caf\xe9 Band"\nTITLE "Whole"\nFILE "{}" WAVE\n'
    track = '  TRACK 0{} AUDIO\n    TITLE "{}"\n    INDEX 01 00:0{}:00\n'
    tracks = [track.format(number, name, number) for number, name in enumerate(("First", "Second", "Third"))]
    (folder / "a sheet.CUE").write_text("".join([sheet.format("album.wav"), *tracks]), encoding="latin-1")
    (folder / "b.cue").write_text("".join([sheet.format("single.flac"), tracks[0]]))
    (folder / "c.cue").write_text("".join([sheet.format("parts.flac"), *tracks[:2], 'FILE "d.flac"\n', tracks[2]]))
    blank = ' TRACK 01 AUDIO\n TITLE "A\r#B"\n PERFORMER " "\n'
    (folder / "hostile.cue").write_text('TITLE " "\nFILE "hostile.flac"\n' + blank * 99, newline="")
    (folder / "d.cue").mkdir()
    os.mkfifo(folder / "e.cue")
    album, hostile, parts, single = run("library", "add", folder)[1]
    assert (album["title"], album["artists"]) == ("Whole (3 songs: First, Second, Third)", ["Caf\xe9 Band"])
    assert hostile["title"].startswith("hostile (99 songs: A #B, A #B")
    assert (len(hostile["title"]), hostile["artists"]) == (300, [])
    assert ([parts["title"], single["title"]], parts["artists"]) == (["parts", "single"], [])


def test_songs_like_a_file_sound_like_it(run: Run, music: Path, tmp_path: Path):
    ask = ("recommend", "--like", music / "loud-1000 \u266a.wav")
    first, *others = titles(run(*ask))
    assert ({first, others[0]}, "Loud 1000" in others) == ({"Quiet 1000", "Loud 900"}, False)
    assert titles(run(*ask, "--same-mood")) == ["Loud 900", "Loud 200"]
    other = tmp_path / "other.wav"
    write_song(other, "wav", tone(1, hertz=950), tags={"title": "Other"})
    assert set(titles(run("recommend", "--like", other, "--source", "library", "--songs", "4"))) == {
        f"{name} {hertz}" for name in ("Loud", "Quiet") for hertz in (900, 1000)
    }
    assert len(titles(run("recommend", "--like", other))) == 5  # of the catalogue, by its mood
    own = run("library", "info")[1]["file"]
    found = titles(run("recommend", "--like", other, "--library", own, "--songs", "4"))
    assert {title[-4:] for title in found} == {" 900", "1000"}
    (alike,) = titles(run("recommend", "--like", "loud 900", "--source", "library", "--songs", "1"))
    assert alike in {"Quiet 900", "Loud 1000"}
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
    assert len(titles(run("recommend", "--like", song.title, "--source", "bundled", "--songs", "3"))) == 3
    _, near, _ = run("recommend", "--like", song.id, "--songs", "5")
    _, far, _ = run("recommend", "--like", f"spotify:track:{song.id}", "--emotion", "sad", "--songs", "5")
    assert {found["likeliest_mood"] for found in far} == {"sad"}
    away = np.linalg.norm((catalogue.features - catalogue.features[row]) / catalogue.features.std(axis=0), axis=1)
    found = [away[catalogue.row_of(song["id"])] for song in near]
    assert max(found) < np.median(away)


def test_playlists_have_the_songs(run: Run, music: Path, tmp_path: Path):
    ask = ("recommend", "--emotion", "angry", "--source", "library", "--songs", "6")
    paths = {str(path) for path in music.iterdir() if path.name.startswith("loud")}
    for form in ("m3u8", "xspf"):
        out = tmp_path / f"list.{form}"
        assert len(titles(run(*ask, "--format", form, "--out", out))) == 3
        if form == "m3u8":
            assert {line for line in out.read_text("utf-8").splitlines() if not line.startswith("#")} == paths
            continue
        root, names = ElementTree.fromstring(out.read_bytes()), {"x": "http://xspf.org/ns/0/"}
        locations = [each.text or "" for each in root.iterfind(".//x:location", names)]
        assert {unquote(urlparse(location).path) for location in locations} == paths
        assert all(location.startswith("file:///") and location.isascii() for location in locations)
        assert {each.text for each in root.iterfind(".//x:creator", names)} == {"A & <B>"}
        assert {each.text for each in root.iterfind(".//x:duration", names)} == {"1000"}


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
