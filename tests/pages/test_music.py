import gc
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from emomusic import downloads
from emomusic.affect import Mood, Quadrant
from emomusic.app import state
from emomusic.app.frame import enter_app
from emomusic.app.music import catalogues, song_list
from emomusic.app.music.catalogues import OWN, SHIPPED, MoodCatalogue, example_csv, unique_songs
from emomusic.app.music.classify import nearest_songs
from emomusic.app.music.explore import describe_profile
from emomusic.app.music.plane import MOST_DRAWN, selected_rows
from emomusic.app.music.song_list import CLASSIFY, PLACE, table_csv
from emomusic.app.music.tabs import FIND, TABLE
from emomusic.app.own_table import TableState
from emomusic.app.sources import SourceState
from emomusic.charts.selection import Area, Selection
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.features import FEATURES
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import load_recommender
from tests.pages.screen import keys, playing, playlist, state_of, text_of, tracks
from tests.songs.tables import FakeClassifier, mood_table, song_table

SECONDS = 120
FILE = "my songs.csv"


@pytest.fixture
def app(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "data"))
    enter_app()
    return AppTest.from_file(str(root / "pages/music.py"), default_timeout=SECONDS)


def is_plane(chart: Any) -> bool:
    return "on the plane" in chart.proto.alt


def charts(app: AppTest) -> list[dict[str, Any]]:
    """All charts except the plane."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart") if not is_plane(chart)]


def view(app: AppTest, name: str) -> AppTest:
    app.query_params[state.MUSIC_TAB] = name  # like a link
    return app.run()


def upload(app: AppTest, data: bytes, name: str = FILE) -> AppTest:
    app.query_params[state.MUSIC_TABLE] = OWN
    app.run()
    app.file_uploader(key=state.MUSIC_UPLOAD).upload(name, data)
    return app.run()


def csv_of(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def test_the_default_view_counts_the_moods_and_shows_the_plane(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.header[0].value.startswith("81,198 songs: ")
    assert all(mood in app.header[0].value for mood in MOODS)
    assert "predictions" in text_of(app)
    assert charts(app) == []  # only the open tab is computed
    assert sum(drawn(app).values()) == MOST_DRAWN
    catalogue = load_recommender().catalogue
    assert len(examples := playlist(app, PLACE)) == len(MOODS)
    assert all(catalogue.kinds[catalogue.row_of(track)] == -1 for track in examples)  # no speech, no sleep sounds
    assert tracks(app) == examples[:1]


def drawn(app: AppTest) -> dict[str, int]:
    """The number of songs on the plane by mood."""
    (plane,) = filter(is_plane, app.get("plotly_chart"))
    return {trace["name"]: len(trace["text"]) for trace in json.loads(plane.proto.spec)["data"]}


@pytest.fixture
def selection(monkeypatch: pytest.MonkeyPatch) -> Selection:
    """The visitor draws a box around the pleasant and awake quadrant."""
    chosen = Selection(box=[Area([0, 1], [0, 1])])
    monkeypatch.setattr("emomusic.app.music.plane.Selection.of", lambda _: chosen)
    return chosen


def test_a_selection_has_one_player_and_four_songs_that_follow(app: AppTest, selection: Selection) -> None:
    app.run()
    assert not app.exception
    catalogue = load_recommender().catalogue
    number = selection.contains(catalogue.plane).sum()
    assert number > MOST_DRAWN  # the selection applies to all songs
    assert any(header.value.startswith(f"{number:,} songs selected") for header in app.header)
    first = playlist(app, PLACE)
    assert len(set(first)) == 20
    assert tracks(app) == first[:1]
    assert {key for key in keys(app) if key.startswith("play-")} == {f"play-{PLACE}-{number}" for number in range(2, 6)}
    popularity = [catalogue.find(track).popularity for track in first]
    assert popularity == sorted(popularity, reverse=True)
    assert {button.label for button in app.get("download_button")} == {"CSV", "List (text)"}
    assert not app.exception


def test_the_page_has_one_player_and_one_search_field_for_all_lists(app: AppTest, selection: Selection) -> None:
    app.run()
    selected = playlist(app, PLACE)
    assert tracks(app) == selected[:1]
    app.button(key=f"play-{PLACE}-2").click().run()
    assert tracks(app) == [selected[1]]
    (field,) = app.text_input
    field.set_value("abba").run()
    assert app.query_params[state.MUSIC_TAB] == FIND  # a search opens its tab
    assert tracks(app) == playlist(app, PLACE)[:1] != selected[1:2]
    for name in (TABLE, CLASSIFY):
        assert len(view(app, name).text_input) == 1
        assert not app.exception


def test_a_list_plays_similar_files_if_spotify_is_silent_until_the_visitor_asks(
    app: AppTest, selection: Selection
) -> None:
    state_of(app, SourceState).is_spotify_silent = True
    app.run()
    assert not app.exception
    assert playing(app).startswith("bundled-")
    app.button(key="use-spotify").click().run()
    assert tracks(app) == playlist(app, PLACE)[:1]
    assert not playing(app).startswith("bundled-")


def test_the_current_song_of_a_search_can_be_explained(app: AppTest) -> None:
    app.query_params[state.MUSIC_QUERY] = "abba"
    view(app, FIND)
    song = playlist(app, PLACE)[0]
    app.button(key=state.music_widget("ask", PLACE)).click().run()
    assert not app.exception
    assert app.query_params[state.MUSIC_TAB] == CLASSIFY
    assert app.query_params[state.MUSIC_TRACK] == song
    assert state.music_widget("ask", PLACE) not in keys(app)  # the list of similar songs


def test_the_chosen_genres_apply_to_the_plane_the_lists_and_the_table(app: AppTest, selection: Selection) -> None:
    catalogue = load_recommender().catalogue
    passes = catalogue.passing(genres=["jazz", "blues"])
    app.query_params[state.GENRES] = "jazz-blues"
    app.query_params[state.MUSIC_QUERY] = "blues"
    for tab in ("Plane", FIND):
        view(app, tab)
        assert not app.exception
        assert app.header[0].value.startswith(f"{passes.sum():,} of 81,198 songs: ")
        assert playlist(app, PLACE)
        assert all(passes[catalogue.row_of(track)] for track in playlist(app, PLACE))
    del app.query_params[state.MUSIC_QUERY]
    view(app, TABLE)
    assert f"**{passes.sum():,}** of {passes.sum():,} songs" in text_of(app)
    assert len(app.dataframe[0].value) == passes.sum()
    assert [choice.label for choice in app.multiselect if "genres" in (choice.key or "")] == []  # one menu is enough


def test_the_plane_shows_the_chosen_genres_and_moods(app: AppTest) -> None:
    app.query_params[state.GENRES] = ["jazz"]
    assert sum(drawn(app.run()).values()) == load_recommender().catalogue.passing(genres=["jazz"]).sum()
    before = drawn(app)
    moods, quadrant = (next(box for box in app.pills if name in box.key) for name in ("plane-moods", "quadrant"))
    moods.set_value([Mood.SAD]).run()
    assert drawn(app) == dict.fromkeys(before, 0) | {"sad": before["sad"]}
    quadrant.set_value(Quadrant.Q3).run()
    assert app.header[1].value.endswith("songs selected")
    assert re.match(r"[\d,]+ sad, ", next(text.value for text in app.caption if "best known" in text.value))
    app.button(key=state.music_widget("clear")).click().run()
    assert not app.header[1].value.endswith("selected")
    del app.query_params[state.GENRES]  # like the Back button
    assert sum(drawn(app.run()).values()) == MOST_DRAWN
    assert not app.exception


def test_the_best_known_of_equally_similar_versions_is_listed(songs: MoodCatalogue) -> None:
    table = songs.catalogue.table
    names = list(FEATURES)
    table.loc[20:, names] = table.loc[:19, names].to_numpy()  # two versions of every song with equal features
    table["title"], table["artists"] = [f"Song {number % 20}" for number in range(40)], "Somebody"
    table["popularity"] = np.arange(40) % 7
    features = songs.catalogue.features
    asked = features[3].copy()
    asked[1] = 0.9
    distances = np.linalg.norm((features - asked) / features.std(axis=0), axis=1).round(9)
    near = np.lexsort((-table["popularity"], distances))
    expected = unique_songs(songs, near[near % 20 != 3])[:5].tolist()
    assert (nearest_songs(songs, 3, asked), len(expected)) == (expected, 5)


@pytest.mark.parametrize(
    ("name", "words", "num_charts"),
    [
        ("Explore", "eta squared", 10),
        ("Mood profiles", "percentile", 1),
        (CLASSIFY, "Most similar songs", 2),
    ],
)
def test_only_the_open_tab_is_computed(app: AppTest, name: str, words: str, num_charts: int) -> None:
    view(app, name)
    assert not app.exception
    assert words in text_of(app)
    assert len(charts(app)) == num_charts


def test_search_and_filters_select_songs(app: AppTest) -> None:
    view(app, TABLE)
    before = app.dataframe[0].proto.id
    (field,) = app.text_input
    digest = next(pills.key for pills in app.pills if "moods" in pills.key).split("moods-")[1]
    field.set_value("queen").run()
    assert app.dataframe[0].proto.id != before  # the same id would keep the selected row number
    app.pills(key=state.music_widget("moods", digest)).set_value(["sad"]).run()
    assert not app.exception
    shown = app.dataframe[0].value
    assert 0 < len(shown) < 100
    assert set(shown["mood"]) == {"sad"}
    assert all(
        "queen" in f"{title} {artists}".lower() for title, artists in zip(shown.title, shown.artists, strict=True)
    )
    app.text_input[0].set_value("no such song anywhere").run()
    assert not app.dataframe
    assert len(app.info) == 1


def is_changed(app: AppTest) -> bool:
    """Whether the sliders differ from the song."""
    return not app.button(key=state.music_widget("undo")).disabled


def test_a_slider_changes_the_probabilities_and_can_be_reset(app: AppTest) -> None:
    catalogue = load_recommender().catalogue
    row = catalogue.best_known_first(np.flatnonzero(catalogue.matching("yesterday beatles")))[0]
    app.query_params[state.MUSIC_TRACK] = catalogue.song(int(row)).id
    view(app, CLASSIFY)
    before = charts(app)[0]["data"][0]["text"]
    assert not is_changed(app)
    assert re.search("energy.* below .*for sad", text_of(app))
    energy = next(slider for slider in app.slider if slider.key.endswith("-energy"))
    energy.set_value(1.0).run()
    assert not app.exception
    assert re.search("higher energy.* for ", text_of(app))
    bars = charts(app)[0]["data"]
    assert bars[0]["text"] != before
    assert len(bars) == 2  # with the sliders, and of the song
    assert is_changed(app)
    app.button(key=state.music_widget("undo")).click().run()
    assert charts(app)[0]["data"][0]["text"] == before


def song_in(app: AppTest) -> str:
    """The id of the chosen song."""
    (choice,) = [box for box in app.selectbox if box.label.endswith("ong")]
    return str(choice.value)


def named_in(app: AppTest) -> object:
    """The song id in the address, or None."""
    return app.query_params.get(state.MUSIC_TRACK)


def choose_song(app: AppTest, number: int) -> str:
    app.selectbox[0].select_index(number).run()
    assert named_in(app) == song_in(app)
    return song_in(app)


def test_back_and_forward_restore_the_song(app: AppTest) -> None:
    view(app, CLASSIFY)
    first = song_in(app)
    assert named_in(app) is None
    one, two = choose_song(app, 3), choose_song(app, 5)
    assert len({first, one, two}) == 3
    app.query_params[state.MUSIC_TRACK] = one
    app.run()
    assert song_in(app) == one
    del app.query_params[state.MUSIC_TRACK]
    app.run()
    assert (song_in(app), named_in(app)) == (first, None)
    app.query_params[state.MUSIC_TRACK] = two  # forward
    app.run()
    assert (song_in(app), named_in(app)) == (two, two)
    app.query_params[state.MUSIC_TRACK] = "nonsense"
    app.run()
    assert (song_in(app), named_in(app)) == (first, "nonsense")
    assert not app.exception


def test_filters_survive_a_change_of_tab(app: AppTest) -> None:
    app.query_params[state.GENRES] = ["jazz"]  # "Your music" does not apply to uploads
    upload(app, csv_of(song_table(60).assign(year=[1985, 1999, 2001] * 20)))
    view(app, TABLE)
    app.text_input[0].set_value("song").run()
    app.pills[0].set_value(["happy", "sad"]).run()
    next(slider for slider in app.slider if "tempo" in slider.key).set_value((70, 175)).run()
    next(toggle for toggle in app.toggle if "explicit" in toggle.key).set_value(True).run()
    before = app.dataframe[0].value
    assert 0 < len(before) < 40
    view(app, "Explore")
    view(app, TABLE)
    assert not app.exception
    assert app.text_input[0].value == "song"
    pd.testing.assert_frame_equal(app.dataframe[0].value, before)


def test_a_missing_table_is_downloaded_on_a_click(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "data/music/data_moods.csv"

    def ensure(name: str) -> Path:
        path.parent.mkdir(parents=True)
        mood_table().to_csv(path, index=False)
        return path

    monkeypatch.setattr(catalogues, "is_own_computer", lambda: True)
    monkeypatch.setattr(downloads, "find_download", lambda name: path if path.exists() else None)
    monkeypatch.setattr(downloads, "ensure", ensure)
    app.query_params[state.MUSIC_TABLE] = "With moods"
    app.run()
    assert not app.header
    app.button(key=state.music_widget("download", "moods")).click().run()
    assert not app.exception
    assert app.header[0].value.startswith("100 songs: 25 calm")
    assert "labels" in text_of(app)
    assert "predictions" not in text_of(app)


def test_a_server_offers_only_the_tables_that_it_has(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr(downloads, "find_download", lambda name: None)
    app.query_params[state.MUSIC_TABLE] = "With moods"
    app.run()
    assert not app.exception
    assert app.segmented_control(key=state.MUSIC_TABLE).options == [SHIPPED, OWN]
    assert app.header[0].value.startswith("81,198 songs")


def test_only_the_first_rows_of_a_very_long_table_are_shown(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr(song_list, "_MOST_SHOWN", 50)
    upload(app, csv_of(song_table(60)))
    view(app, TABLE)
    assert not app.exception
    assert "**60** of 60 songs" in text_of(app)
    assert len(app.dataframe[0].value) == 50
    assert "first 50" in text_of(app)
    app.text_input[0].set_value("Song 59").run()
    assert len(app.dataframe[0].value) == 1
    assert "first 50" not in text_of(app)


def test_profiles_name_only_clear_differences(app: AppTest) -> None:
    table = song_table(200).assign(instrumentalness=0.0)
    upload(app, csv_of(table))
    view(app, "Explore")
    assert not app.exception
    assert any(re.match("Instrumentalness .*same", chart.proto.alt) for chart in app.get("plotly_chart"))
    assert "than most" not in describe_profile(Mood.HAPPY, np.full(9, 0.52))
    profile = np.full(9, 0.5)
    profile[0] = 0.75
    assert " and " not in describe_profile(Mood.SAD, profile)
    profile[7] = 0.35
    assert re.search(r"Calm\*\* .*more danceable and a little quieter", describe_profile(Mood.CALM, profile))


def test_an_example_of_each_mood_is_shown_until_a_table_is_chosen(app: AppTest) -> None:
    app.query_params[state.MUSIC_TABLE] = OWN
    app.run()
    assert sum(drawn(app).values()) == 12
    assert set(drawn(app).values()) == {3}
    upload(app, example_csv())
    assert app.header[0].value.startswith("12 songs: ")
    own = state_of(app, TableState).recommender
    assert own is not None
    assert own.catalogue.origin is not None
    assert own.catalogue.origin.form in text_of(app)


def test_every_tab_works_for_songs_with_moods_only(app: AppTest) -> None:
    upload(app, b"title,artist,mood\n" + b"".join(b"Song %d,A,happy\nOther %d,B,sad\n" % (n, n) for n in range(6)))
    assert app.header[0].value.startswith("12 songs: 6 happy, 6 sad")
    for name in ("Plane", "Explore", "Mood profiles", TABLE, CLASSIFY, FIND):
        view(app, name)
        assert not app.exception, name
        assert not app.error, name
        assert "open.spotify.com/track" not in text_of(app)
        if name == TABLE:
            assert len(app.dataframe[0].value) == 12
            assert "danceability" not in app.dataframe[0].value


@pytest.mark.parametrize("moods", [None, ["happy", None]])
def test_songs_without_all_features_and_moods_are_refused_once(app: AppTest, moods: list[str | None] | None) -> None:
    table = song_table(2).drop(columns="id").assign(liveness=np.nan)
    upload(app, csv_of(table if moods is None else table.assign(mood=moods)))
    for _ in range(2):  # the pending file is gone
        assert not app.exception
        (error,) = app.error
        assert "liveness" in error.value
        app.run()


def test_the_mood_of_a_single_song_is_not_compared(app: AppTest) -> None:
    upload(app, csv_of(mood_table().head(1)))
    assert app.header[0].value.startswith("1 song: ")
    for name in ("Explore", "Mood profiles", TABLE, CLASSIFY, FIND):
        view(app, name)
        assert not app.exception, name
        assert not re.search(r"\bnan\b|lowest for|than most|(\w+) and \1 ", text_of(app)), name
        assert ("All songs of this table are calm" in text_of(app)) == (name in ("Explore", "Mood profiles"))
        assert ("at least 10 songs" in text_of(app)) == (name == "Explore")


def test_results_are_cached_with_their_table(app: AppTest) -> None:
    upload(app, csv_of(mood_table()), name="gone.csv")
    own = state_of(app, TableState).explored
    assert own.catalogue.name == "gone.csv"
    assert own.cache  # the plane
    del own
    app.session_state[state.state_key(TableState)] = TableState()
    view(app, TABLE)
    gc.collect()
    tables = [found for found in gc.get_objects() if isinstance(found, MoodCatalogue)]
    assert "gone.csv" not in [table.catalogue.name for table in tables]


def test_text_of_a_table_is_escaped_in_messages(app: AppTest) -> None:
    header = b"![x](https://example.org/x.png),__y__\n1,2\n"
    upload(app, header, name="__z__ ![z](https://example.org/z.png).csv")
    (error,) = app.error
    assert r"\!\[x\]\(https\:" in error.value
    assert "https\\://" not in error.value
    assert r"\_\_y\_\_" in error.value
    assert r"\_\_z\_\_ \!\[z\]" in error.value
    app.segmented_control(key=state.MUSIC_TABLE).set_value(SHIPPED).run()
    assert not app.exception
    assert not app.error
    assert app.header[0].value.startswith("81,198 songs")


@pytest.fixture
def songs(monkeypatch: pytest.MonkeyPatch) -> MoodCatalogue:
    monkeypatch.setattr("emomusic.app.own_table.mood_classifier", FakeClassifier)
    table = song_table(40).assign(year=[1985, 1999, 2001, np.nan] * 10)
    return MoodCatalogue.of(Catalogue(table), "digest")


def test_a_selection_has_the_chosen_moods_and_quadrant(songs: MoodCatalogue) -> None:
    plane, square = songs.catalogue.plane, Selection(box=[Area([-0.5, 0.5], [-0.5, 0.5])])
    inside = (np.abs(plane) <= 0.5).all(axis=1)
    assert 0 < inside.sum() < 40
    mood = int(songs.moods[inside][0])
    for chosen, moods, quadrant, expected in (
        (square, MOODS, None, inside),
        (square, [MOODS[mood]], None, inside & (songs.moods == mood)),
        (square, MOODS, Quadrant.Q2, inside & (plane[:, 0] <= 0) & (plane[:, 1] >= 0)),
        (Selection(), MOODS, Quadrant.Q4, (plane[:, 0] >= 0) & (plane[:, 1] <= 0)),
        (Selection(), MOODS, None, np.zeros(40, bool)),
    ):
        assert selected_rows(songs, chosen, moods, quadrant).tolist() == np.flatnonzero(expected).tolist()


def test_unique_songs_keeps_the_first_version(songs: MoodCatalogue) -> None:
    table = songs.catalogue.table
    table.loc[[3, 7, 9], "title"] = ["Don't - Live", "DON\u2019T", "Don't (Remastered)"]
    table.loc[[3, 7, 9], "artists"] = ["Beyoncé", "Beyonce;Another", "Somebody else"]
    assert unique_songs(songs, np.array([9, 7, 5, 3])).tolist() == [9, 7, 5]
    assert unique_songs(songs, np.array([3, 5, 7])).tolist() == [3, 5]


def test_formulas_are_escaped_in_a_csv(songs: MoodCatalogue) -> None:
    songs.catalogue.table.loc[0, "title"] = '=HYPERLINK("http://x")'
    text = table_csv(songs, np.array([0, 1])).decode("utf-8-sig")
    assert "\"'=HYPERLINK(" in text
    assert text.count("\n") == 3
