"""The Music page under AppTest: its three tabs with Spotify's songs, and with a visitor's table."""

import base64
import gc
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emomusic import assets
from emomusic.app import state
from emomusic.app.choices import WHAT_IF, YOUR_SONG, Address
from emomusic.app.music import classify, explore
from emomusic.app.music.classify import OwnSong
from emomusic.app.music.explore import MOST_DRAWN
from emomusic.app.music.songs import EXPLORE, ON_SPOTIFY, SIMILAR
from emomusic.app.own_music import TableState
from emomusic.app.queues import PlayerState
from emomusic.errors import SpotifyError
from emomusic.media.audio_file import read_song
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.genres import SongKind
from emomusic.songs.hearing import Hearing, load_sound_model
from emomusic.songs.listing import Songs
from emomusic.songs.mood import MOODS
from emomusic.songs.place import load_place_model
from emomusic.songs.recommend import load_recommender
from emomusic.songs.song import FEATURES, Player, Song
from emomusic.songs.spotify import Credentials, FoundSongs
from tests.pages.screen import charts, choose, files_of, playlist, start_app, state_of, text_of, unescaped
from tests.songs.songs import TAGS, song_bytes
from tests.songs.tables import FakeClassifier, mood_table, song_table, track_id

FILE = "my songs.csv"
EXPLORE_TAB, MOODS_TAB = "Explore", "Moods"
NAMES = (EXPLORE_TAB, YOUR_SONG, WHAT_IF, MOODS_TAB)


def drawn(app: AppTest) -> dict[str, int]:
    """The number of songs on the plane, the first chart, by mood."""
    return {trace["name"]: len(trace["text"]) for trace in charts(app)[0]["data"]}


def numbers(array: dict[str, str]) -> list[float]:
    """The numbers of an array in a chart."""
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).tolist()


def view(app: AppTest, name: str) -> AppTest:
    choose(app, view=name)
    return app.run()


def upload(app: AppTest, data: bytes, name: str = FILE) -> AppTest:
    choose(app, songs="table")
    app.run()
    app.file_uploader(key="table_upload").upload(name, data)
    return app.run()


def find(app: AppTest, words: str) -> AppTest:
    app.query_params["find"] = words
    return app.run()


def csv_of(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def test_the_page_asks_for_the_columns_that_neither_names_nor_known_songs_tell(app: AppTest) -> None:
    upload(app, b"Song,Tekij\xc3\xa4,mood\nAamu,Nobody,sad\nIlta,Else,calm\n")
    assert not app.error
    assert app.dataframe[0].value.iloc[1].tolist()[:2] == ["Ilta", "Else"]
    app.selectbox(key="table-title").select(0)
    app.selectbox(key="table-artist").select(1)
    next(button for button in app.button if button.label == "Find the songs").click().run()
    reading = state_of(app, TableState).reading
    assert [(song.title, song.artists) for song in map(reading.songs.song, (0, 1))] == [
        ("Aamu", ("Nobody",)),
        ("Ilta", ("Else",)),
    ]


def test_the_page_opens_with_the_plane_and_examples_and_your_music_applies_to_it(app: AppTest) -> None:
    app.run()
    assert drawn(app).keys() == {"calm", "happy", "energetic", "sad"}
    assert sum(drawn(app).values()) == MOST_DRAWN
    catalogue = load_recommender().catalogue
    assert len(examples := playlist(app, EXPLORE)) == len(MOODS)
    ordinary = catalogue.passing(without_kinds=SongKind)
    assert all(ordinary[catalogue.row_of(song)] for song in examples)  # no speech, no sleep sounds
    assert len(charts(view(app, MOODS_TAB))) == 10  # nine features and their correlations
    choose(app, genres="jazz-blues")
    view(app, EXPLORE_TAB).toggle(key="hide_explicit").set_value(True).run()
    passes = catalogue.passing(genres=["jazz", "blues"], hide_explicit=True)
    assert f"**{passes.sum():,} of 81,198 songs**" in text_of(app)
    assert all(passes[catalogue.row_of(song)] for song in playlist(app, EXPLORE))
    app.toggle(key="music-columns").set_value(True).run()
    assert len(app.dataframe[0].value) == passes.sum()
    assert {"url", "genres", "danceability"} <= set(app.dataframe[0].value)
    choose(app, songs="bundled")
    columns = set(app.run().dataframe[0].value)
    assert {"title", "mood", "artists"} <= columns
    assert not {"url", "genres", "danceability"} & columns  # without a value


def test_the_labelled_songs_have_their_own_features(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "data_moods.csv"
    mood_table().to_csv(path, index=False)
    monkeypatch.setattr(assets, "find_download", lambda name: path)
    view(app, MOODS_TAB)
    assert "100 songs with a mood label" in text_of(app)


def test_the_best_known_of_equally_similar_versions_is_listed() -> None:
    catalogue = Catalogue(song_table(40))
    songs = Songs(catalogue, FakeClassifier().predict_probabilities(catalogue.features), 40)
    table = catalogue.table
    names = list(FEATURES)
    table.loc[20:, names] = table.loc[:19, names].to_numpy()  # two versions of every song with equal features
    table["title"], table["artists"] = [f"Song {number % 20}" for number in range(40)], "Somebody"
    table["popularity"] = np.arange(40) % 7
    features = songs.catalogue.features
    asked = features[3].copy()
    asked[1] = 0.9
    distances = np.linalg.norm((features - asked) / features.std(axis=0), axis=1).round(9)
    near = np.lexsort((-table["popularity"], distances))
    expected = songs.unique(near[near % 20 != 3])[:5].tolist()
    assert (songs.similar(3, asked), len(expected)) == (expected, 5)
    near = songs.near(3)
    away = [float(np.linalg.norm(songs.plane[row] - songs.plane[3])) for row in near]
    assert (near[0], len(near), away) == (3, 20, sorted(away))


def test_one_search_filters_map_list_and_columns_and_survives_a_change_of_tab(app: AppTest, monkeypatch) -> None:
    files = files_of(monkeypatch)
    monkeypatch.setattr(state, "_SECOND_CLICK_S", 0)  # a test clicks faster than people
    find(app, "jazz").toggle(key="music-columns").set_value(True).run()
    before = app.dataframe[0].proto.id
    find(app, "sad jazz")
    assert app.dataframe[0].proto.id != before  # the same id would keep the selected row number
    shown = app.dataframe[0].value
    assert 100 < len(shown) < 1000
    assert set(shown["mood"]) == {"sad"}
    assert all("jazz" in genres for genres in shown["genres"])
    assert drawn(app) == {"calm": 0, "happy": 0, "energetic": 0, "sad": len(shown)}
    recommender = load_recommender()
    rows = [recommender.catalogue.row_of(song) for song in playlist(app, EXPLORE)]
    assert {recommender.catalogue.song(row).title for row in rows} <= set(shown["title"])
    view(app, YOUR_SONG)
    view(app, EXPLORE_TAB)
    assert files["songs.csv"]().decode("utf-8-sig").count("\n") == 1 + len(shown)
    app.button(key="music-term-sad").click().run()
    assert app.text_input(key="find").value == "jazz"
    app.button(key="music-term-jazz").click().run()
    assert "find" not in app.query_params
    find(app, "no such song anywhere")
    assert not app.dataframe
    assert len(app.info) == 1
    choose(app, genres="jazz-blues")
    find(app, "bohemian rhapsody")
    (hidden,) = (info.value for info in app.info)
    assert re.search("[1-9] songs have .*genres Jazz", hidden)
    app.button(key="music-search-all").click().run()
    assert not app.info
    assert "genres" not in state_of(app, Address).chosen
    assert playlist(app, EXPLORE)


def test_a_list_in_an_old_encoding_is_read_and_songs_not_found_are_named_with_the_nearest(app: AppTest) -> None:
    upload(app, "Titel;K\u00fcnstler\nYellow;Coldplay\nCreep;Radiohead\n".encode("cp850"), "old.csv")
    assert not app.error
    songs = state_of(app, TableState).recommender
    assert songs.catalogue.table["title"].tolist() == ["Yellow", "Creep"]
    upload(app, b"title,artist\nYellow,Coldplay\nSomeone Like Me,Adele\n,Adele\nXQZWV,Nobody\n")
    missing = app.dataframe[0].value
    assert list(missing["Title"]) == ["Someone Like Me", "XQZWV"]
    assert list(missing["Nearest in the catalogue"]) == ["Someone Like You, Adele", ""]
    upload(app, b"title,artist\nXQZWV,Nobody\n", "none.csv")  # Spotify's songs are shown
    assert list(app.dataframe[0].value["Title"]) == ["XQZWV"]


def test_a_slider_changes_the_probabilities_and_what_speaks_for_the_mood_comes_first(app: AppTest) -> None:
    catalogue = load_recommender().catalogue
    row = catalogue.best_known_first(np.flatnonzero(catalogue.matching("yesterday beatles")))[0]
    app.query_params["track"] = catalogue.song(int(row)).id
    view(app, WHAT_IF)
    before = charts(app)[0]["data"][0]["text"]
    reset = "music-undo"
    assert app.button(key=reset).disabled
    reasons = charts(app)[1]["data"][0]
    assert (changes := numbers(reasons["x"])) == sorted(changes)
    assert changes[0] < 0  # without what speaks for the mood, its probability falls
    assert "Each bar is the change of" in text_of(app)
    assert reasons["y"][0] == "Energy"
    next(slider for slider in app.slider if slider.key.endswith("-energy")).set_value(1.0).run()
    assert charts(app)[0]["data"][0]["text"] != before
    app.button(key=reset).click().run()
    assert charts(app)[0]["data"][0]["text"] == before


def test_the_song_of_a_list_plays_and_can_be_explained_and_back_restores_it(app: AppTest) -> None:
    app.run()
    _, _, song, *_ = playlist(app, EXPLORE)
    app.button(key=f"play-{EXPLORE}-3").click().run()
    assert state_of(app, PlayerState).playing.current.song.id == song
    assert app.button(key=f"play-{EXPLORE}-1")  # the rows keep their order
    listed = playlist(app, EXPLORE)
    app.button(key=f"music-ask-{EXPLORE}").click().run()
    assert state_of(app, Address).chosen["view"] == [WHAT_IF]
    assert app.query_params["track"] == song == app.selectbox[0].value
    assert playlist(app, EXPLORE) == listed  # the similar songs are a list of their own
    assert len(playlist(app, SIMILAR)) == 5
    app.selectbox[0].select_index(3).run()
    assert app.query_params["track"] == app.selectbox[0].value != song
    app.query_params["track"] = song  # Back
    assert app.run().selectbox[0].value == song
    app.query_params["track"] = "nonsense"
    app.run()
    assert app.selectbox[0].value != song


def test_every_tab_works_for_a_table_of_two_moods_for_one_song_and_after_its_removal(app: AppTest) -> None:
    upload(app, b"title,artist,mood\n" + b"".join(b"Song %d,A,happy\nOther %d,B,sad\n" % (n, n) for n in range(6)))
    for name in NAMES:
        view(app, name)
        assert not app.error, name
        assert "open.spotify.com/track" not in text_of(app)
        assert "**12 songs**: 6 happy, 6 sad" in text_of(app)
    upload(app, csv_of(mood_table().head(1)))
    for name in NAMES:
        view(app, name)
        assert "**1 song**" in text_of(app)
        assert not re.search(r"\bnan\b|lowest for|(\w+) and \1 ", text_of(app)), name
        assert ("All of these songs are calm" in text_of(app)) == (name == MOODS_TAB)
    upload(app, csv_of(mood_table()), name="gone.csv")
    assert EXPLORE in state_of(app, PlayerState).queues
    app.session_state[state.STATES][TableState] = TableState()
    for name in NAMES:
        view(app, name)
    gc.collect()
    tables = [found for found in gc.get_objects() if isinstance(found, Catalogue)]
    assert "gone.csv" not in [table.name for table in tables]


def test_each_uploader_has_its_own_limit(app: AppTest) -> None:
    """The server has one limit."""
    choose(app, songs="table")
    pages = (app.run(), "table_upload"), (view(app, YOUR_SONG), "music_song_upload"), (start_app(), "upload")
    assert [page.file_uploader(key=key).proto.max_upload_size_mb for page, key in pages] == [50, 100, 20]


def search_fake(text: str, _: Credentials) -> FoundSongs:
    """Find one song of the catalogue and another one, or fail."""
    if text == "fail":
        raise SpotifyError("Spotify asks to wait 30 s: ![x](https://example.org/x.png)")
    unknown = Song(track_id(7), "Unknown", ("B",), Player.SPOTIFY)  # without features
    return FoundSongs((load_recommender().catalogue.song(0), unknown), 20)


def test_spotify_is_searched_with_keys_and_a_failure_is_one_warning(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr(explore, "spotify_credentials", lambda: None)
    find(app, "ac/dc & co")
    (link,) = app.get("link_button")
    assert link.proto.url == "https://open.spotify.com/search/ac%2Fdc%20%26%20co"
    st.cache_data.clear()  # remove results of other tests
    monkeypatch.setattr(explore, "spotify_credentials", lambda: Credentials("id of a fake", "x"))
    monkeypatch.setattr(explore, "search_spotify", search_fake)
    find(app, "zzzz")
    assert len(playlist(app, ON_SPOTIFY)) == 2
    assert "20 found by Spotify" in text_of(app)
    assert text_of(app).count("mood unknown") == 1
    assert f"(https://open.spotify.com/track/{playlist(app, ON_SPOTIFY)[0]})" in text_of(app)
    app.text_input(key="find").set_value("fail").run()
    (warning,) = app.warning
    assert unescaped(warning.value).startswith("Spotify asks to wait 30 s: ![x]")
    assert "![x]" not in warning.value


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'SPOTIFY_CLIENT_ID = "x"\nSPOTIFY_CLIENT_SECRET = "hidden\n', "a mistake at line 2, column 32"),
        (b'SPOTIFY_CLIENT_SECRET = "hidden \xff"\n', "a mistake in the file"),
    ],
)
def test_a_mistake_in_the_secrets_is_one_warning_and_its_place_is_in_the_log(
    app: AppTest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".streamlit").mkdir()
    (secrets := tmp_path / ".streamlit" / "secrets.toml").write_bytes(content)
    find(app, "zzzz")
    assert len(app.warning) == 1
    assert "secrets" not in text_of(app)
    assert "secrets.toml: one setting per line" in caplog.text
    assert f"Received: {fault}. " in caplog.text
    assert "hidden" not in text_of(app) + caplog.text
    assert "No song" in app.info[0].value  # the table is still searched
    secrets.write_text('[spotify]\nclient_id = "an id"\nclient_secret = "a secret"\n', encoding="utf-8")
    assert explore.spotify_credentials() == Credentials("an id", "a secret")


def drop(app: AppTest, data: bytes, name: str) -> AppTest:
    if not app.file_uploader:
        view(app, YOUR_SONG)
    app.file_uploader(key="music_song_upload").upload(name, data)
    return app.run()


def path_of(app: AppTest) -> dict[str, Any]:
    """The dots of the song's parts."""
    (spec,) = (c.proto.spec for c in app.get("plotly_chart") if c.proto.alt.startswith("The path of the song"))
    (trail,) = (trace for trace in json.loads(spec)["data"] if trace.get("name") == "trail")
    return dict(trail)


def heard(data: bytes) -> Hearing:
    song = read_song(io.BytesIO(data))
    return load_place_model().placed(load_sound_model().analyse(song.windows), song.genres, song.artists)


def test_a_dropped_song_has_its_quadrant_tags_and_a_path(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    data = song_bytes("mp3", seconds=10)
    expected = heard(data)
    drop(app, data, "a song.mp3")
    (answer,) = (h.value for h in app.header if expected.quadrant.description in h.value)
    assert f"{100 * expected.probabilities[expected.quadrant]:.0f} %" in answer
    assert f"**{TAGS['title']}**" in text_of(app)
    assert path_of(app)["text"] == ["0:00", "0:03", "0:06"]
    assert path_of(app)["x"] == pytest.approx([valence for _, valence, _ in expected.timeline])
    (audio,) = app.get("audio")
    assert audio.proto.alt == TAGS["title"]
    with monkeypatch.context() as patch:
        patch.setattr(classify, "load_sound_model", pytest.fail)
        app.run()  # hears nothing again
    assert answer in [header.value for header in app.header]
    assert (state_of(app, OwnSong).held.num_bytes, state_of(app, OwnSong).held_thing) == (len(data), "song")
    app.file_uploader(key="music_song_upload").set_value(None).run()
    assert (state_of(app, OwnSong).data, len(app.get("audio"))) == (b"", 0)
    next(button for button in app.button if "calm" in button.label).click().run()
    assert (len(app.get("audio")), state_of(app, OwnSong).held_thing) == (1, "")  # a song of the app is never lost
    monkeypatch.setattr(classify, "_MOST_PARTS", 6)
    drop(app, song_bytes("wav", seconds=90, rate=16_000), "long.wav")
    times = path_of(app)["text"]
    assert (len(times), times[0], times[-1]) == (6, "0:00", "1:15")


def test_an_unreadable_song_is_decoded_once_and_one_message(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    decode, names = classify.read_song, []
    monkeypatch.setattr(classify, "read_song", lambda file, name: names.append(name) or decode(file, name))
    drop(app, song_bytes("wav", seconds=0.5), "my_song.mp3")
    for _ in range(2):
        (error,) = app.error
        assert "my\\_song.mp3" in error.value
        assert app.get("audio") == []
        app.run()
    assert names == ["my_song.mp3"]
