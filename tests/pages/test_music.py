"""pages/music.py under AppTest: every state a visitor can meet."""

import gc
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from emomusic import downloads, ui
from emomusic.affect import Mood
from emomusic.errors import AssetError, SpotifyError
from emomusic.music.catalogue import Catalogue
from emomusic.music.features import FEATURES
from emomusic.music.mood import MOODS
from emomusic.music.spotify_live import Credentials, FeatureSource, FoundPage, FoundTrack
from emomusic.music.track_services import ReccoBeats
from emomusic.ui import state
from emomusic.ui.music_browse import Filters
from emomusic.ui.music_classify import VIEW as CLASSIFY
from emomusic.ui.music_classify import describe_moods
from emomusic.ui.music_plane import selected_rows
from emomusic.ui.music_players import table_csv
from emomusic.ui.music_tables import SongTable
from emomusic.ui.music_views import _describe_profile
from tests.music.tables import FakeClassifier, mood_table, song_table, track_id
from tests.pages.screen import text_of, tracks

SECONDS = 120
FILE = "my songs.csv"


@pytest.fixture
def app(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("EMOMUSIC_DATA", str(tmp_path / "data"))
    ui.enter_app()  # as if a visitor had come through the front door before
    return AppTest.from_file(str(root / "pages/music.py"), default_timeout=SECONDS)


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def view(app: AppTest, name: str) -> AppTest:
    if state.MUSIC_VIEW in app.session_state:
        app.session_state[state.MUSIC_VIEW] = name
    else:  # as a link names it
        app.query_params[state.MUSIC_VIEW] = name
    return app.run()


def upload(app: AppTest, data: bytes, name: str = FILE) -> AppTest:
    app.query_params[state.MUSIC_TABLE] = "Your CSV"
    app.run()
    app.file_uploader(key=state.MUSIC_UPLOAD).upload(name, data)
    return app.run()


def csv_of(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def test_the_first_look_counts_the_moods_and_shows_the_plane(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.subheader[0].value.startswith("5,849 songs: ")
    assert all(mood in app.subheader[0].value for mood in MOODS)
    assert "predictions" in text_of(app)
    plane, *hills = charts(app)
    assert {trace["type"] for trace in plane["data"]} == {"scattergl"}
    assert len(hills) == len(FEATURES)
    assert "The surest song of each mood" in text_of(app)
    assert tracks(app) == []


def test_a_selection_lists_its_songs_with_five_players_and_then_more(app: AppTest, monkeypatch) -> None:
    points = [{"curve_number": 0, "point_index": number} for number in range(12)]
    monkeypatch.setattr("emomusic.ui.music_plane.selected_rows", lambda _, songs: selected_rows(points, songs))
    app.run()
    assert not app.exception
    assert "12 songs selected" in text_of(app)
    first = tracks(app)
    assert len(set(first)) == 5
    app.button(key=state.music_widget("more", "selection")).click().run()
    assert tracks(app)[:5] == first
    assert len(set(tracks(app))) == 10
    assert {button.label for button in app.get("download_button")} == {"CSV", "Playlist"}


@pytest.mark.parametrize(
    ("name", "words", "num_charts"),
    [
        ("Features by mood", "differs most between the moods", 9),
        ("Correlations", "rise together", 1),
        ("Mood profiles", "songs are", 1),
        ("Table", "of 5,849 songs", 0),
        (CLASSIFY, "The songs that come nearest", 2),
        ("Find a song", "Searches the titles and artists", 0),
    ],
)
def test_only_the_open_tab_is_made(app: AppTest, name: str, words: str, num_charts: int) -> None:
    view(app, name)
    assert not app.exception
    assert words in text_of(app)
    assert len(charts(app)) == 1 + num_charts


def test_search_and_filters_leave_the_songs_that_pass(app: AppTest) -> None:
    view(app, "Table")
    digest = app.dataframe[0].proto.id and next(w.key for w in app.text_input if "search" in w.key).split("search-")[1]
    app.text_input(key=state.music_widget("search", digest)).set_value("queen").run()
    app.pills(key=state.music_widget("moods", digest)).set_value(["sad"]).run()
    assert not app.exception
    shown = app.dataframe[0].value
    assert 0 < len(shown) < 100
    assert set(shown["mood"]) == {"sad"}
    assert all(
        "queen" in f"{title} {artists}".lower() for title, artists in zip(shown.title, shown.artists, strict=True)
    )
    app.text_input(key=state.music_widget("search", digest)).set_value("no such song anywhere").run()
    assert "No song passes all of these" in text_of(app)


def test_a_slider_moves_the_probabilities_and_says_so_and_can_go_back(app: AppTest) -> None:
    view(app, CLASSIFY)
    before = charts(app)[1]["data"][0]["text"]
    assert "as it is" in text_of(app)
    energy = next(slider for slider in app.slider if slider.key.endswith("-energy"))
    energy.set_value(0.02).run()
    assert not app.exception
    bars = charts(app)[1]["data"]
    assert bars[0]["text"] != before
    assert len(bars) == 2  # now, and where it began
    assert "What moved it" in text_of(app)
    app.button(key=state.music_widget("undo")).click().run()
    assert charts(app)[1]["data"][0]["text"] == before


def test_a_song_that_is_found_can_be_asked_for_its_mood(app: AppTest) -> None:
    app.query_params[state.MUSIC_QUERY] = "ferrari"
    view(app, "Find a song")
    assert not app.exception
    found = tracks(app)
    assert found
    app.button(key=state.music_widget("ask", "found", found[0])).click().run()
    assert not app.exception
    assert app.session_state[state.MUSIC_VIEW] == CLASSIFY
    assert found[0] in app.query_params[state.MUSIC_TRACK]
    assert "Ferrari" in text_of(app)


def test_a_search_without_a_hit_says_so(app: AppTest) -> None:
    app.query_params[state.MUSIC_QUERY] = "no such song anywhere"
    view(app, "Find a song")
    assert "No song of this table has all of these words" in text_of(app)


def test_without_keys_the_page_says_how_to_get_some(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr("emomusic.ui.music_find._credentials", lambda: None)
    view(app, "Find a song")
    assert not app.exception
    assert "developer.spotify.com" in text_of(app)
    assert "SPOTIFY_CLIENT_ID" in app.code[0].value


class FakeSpotify:
    """Finds one song that somebody measured and one that nobody did; or fails."""

    def __init__(self, credentials: Credentials, *, catalogue: Catalogue, reccobeats: ReccoBeats | None) -> None:
        self.catalogue, self.reccobeats = catalogue, reccobeats

    def search(self, text: str) -> FoundPage:
        if text == "fail":
            raise SpotifyError("Spotify asks to wait 30 s.")
        track = self.catalogue.track(0)
        if self.reccobeats is not None:
            other = FoundTrack(
                track.id, "Measured", ("A",), False, None, None, None, None, track, FeatureSource.RECCOBEATS
            )
            return FoundPage((other,), 1)
        known = FoundTrack(track.id, "Known", ("A",), False, None, None, None, None, track, FeatureSource.CATALOGUE)
        return FoundPage((known, FoundTrack(track_id(7), "Unknown", ("B",), False, None, None, None, None)), 2)


def test_with_keys_spotify_is_searched_and_a_failure_is_one_sentence(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr("emomusic.ui.music_find._credentials", lambda: Credentials("an id of the tests", "x"))
    monkeypatch.setattr("emomusic.ui.music_find.LiveSpotify", FakeSpotify)
    app.query_params[state.MUSIC_QUERY] = "zzzz"
    view(app, "Find a song")
    assert not app.exception
    assert len(tracks(app)) == 2
    assert "features from catalogue" in text_of(app)
    assert "mood not known: the catalogue does not have it" in text_of(app)
    app.text_input(key=state.MUSIC_QUERY).set_value("fail").run()
    assert [warning.value for warning in app.warning] == ["Spotify asks to wait 30 s."]
    assert not app.exception


def test_reccobeats_is_asked_only_where_it_is_switched_on(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr("emomusic.ui.music_find._credentials", lambda: Credentials("another id of the tests", "x"))
    monkeypatch.setattr("emomusic.ui.music_find.LiveSpotify", FakeSpotify)
    app.query_params[state.MUSIC_QUERY] = "zzzz"
    view(app, "Find a song")
    assert "features from catalogue" in text_of(app)
    app.toggle(key=state.MUSIC_RECCOBEATS).set_value(True).run()
    assert not app.exception
    assert "features from reccobeats" in text_of(app)


def test_a_service_that_failed_is_asked_again_by_the_next_search(app: AppTest, monkeypatch) -> None:
    class Busy(FakeSpotify):
        is_busy = True

        def search(self, text: str) -> FoundPage:
            notice = "ReccoBeats was asked too often: try again in 2 s." if Busy.is_busy else None
            unknown = FoundTrack(track_id(7), "Unknown", ("B",), False, None, None, None, None)
            return FoundPage((unknown,), 1, notice)

    monkeypatch.setattr("emomusic.ui.music_find._credentials", lambda: Credentials("a fourth id of the tests", "x"))
    monkeypatch.setattr("emomusic.ui.music_find.LiveSpotify", Busy)
    app.query_params[state.MUSIC_QUERY] = "busy"  # which no other test has asked
    app.session_state[state.MUSIC_RECCOBEATS] = True
    view(app, "Find a song")
    assert "asked too often" in text_of(app)
    assert "the catalogue does not have it" in text_of(app)
    Busy.is_busy = False
    app.run()
    assert "asked too often" not in text_of(app)
    assert "neither the catalogue nor ReccoBeats has it" in text_of(app)
    Busy.is_busy = True
    app.run()
    assert "asked too often" not in text_of(app)  # the answer was kept


def test_a_cover_that_cannot_be_had_costs_the_cover_alone(app: AppTest, monkeypatch) -> None:
    class NoCovers:
        def cover_url(self, track_id: str) -> str | None:
            raise SpotifyError("Spotify cannot be reached.")

    monkeypatch.setattr("emomusic.ui.music_find._credentials", lambda: Credentials("a third id of the tests", "x"))
    monkeypatch.setattr("emomusic.ui.music_find.LiveSpotify", FakeSpotify)
    monkeypatch.setattr("emomusic.ui.music_find._covers", NoCovers)
    app.query_params[state.MUSIC_QUERY] = "zzzz"
    view(app, "Find a song")
    app.toggle(key=state.MUSIC_COVERS).set_value(True).run()
    assert not app.exception
    assert not app.warning
    assert len(tracks(app)) == 2


def test_the_labelled_table_is_shown_where_it_is(app: AppTest, tmp_path: Path) -> None:
    path = tmp_path / "data/music/data_moods.csv"
    path.parent.mkdir(parents=True)
    mood_table().to_csv(path, index=False)
    app.query_params[state.MUSIC_TABLE] = "Labelled"
    app.run()
    assert not app.exception
    assert app.subheader[0].value.startswith("100 songs: 25 calm")
    assert "labels that people gave" in text_of(app)


def test_a_download_that_cannot_be_read_is_one_sentence(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "data/music/data_moods.csv").mkdir(parents=True)
    app.query_params[state.MUSIC_TABLE] = "Labelled"
    app.run()
    assert not app.exception
    assert "expected to read data_moods.csv" in app.error[0].value


def test_a_table_that_is_not_here_is_offered_and_fetched(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "data/music/data_moods.csv"

    def ensure(name: str, progress) -> Path:
        progress(50, None)
        path.parent.mkdir(parents=True)
        mood_table().to_csv(path, index=False)
        return path

    monkeypatch.setattr(downloads, "find_download", lambda name: path if path.exists() else None)
    monkeypatch.setattr(downloads, "ensure", ensure)
    app.query_params[state.MUSIC_TABLE] = "Labelled"
    app.run()
    assert "does not come with the app" in text_of(app)
    app.button(key=state.music_widget("download", "moods")).click().run()
    assert not app.exception
    assert app.subheader[0].value.startswith("100 songs")


def test_without_a_network_the_download_is_one_sentence(app: AppTest, monkeypatch) -> None:
    def ensure(name: str, progress) -> Path:
        raise AssetError("expected an answer. Received: no network")

    monkeypatch.setattr(downloads, "find_download", lambda name: None)
    monkeypatch.setattr(downloads, "ensure", ensure)
    app.query_params[state.MUSIC_TABLE] = "TidyTuesday"
    app.run()
    app.button(key=state.music_widget("download", "tidytuesday")).click().run()
    assert not app.exception
    assert [error.value for error in app.error] == ["expected an answer. Received: no network"]


def test_of_a_table_longer_than_a_browser_holds_the_first_rows_are_shown(app: AppTest) -> None:
    upload(app, csv_of(song_table(20_001)))
    view(app, "Table")
    assert not app.exception
    assert "**20,001** of 20,001 songs" in text_of(app)
    assert len(app.dataframe[0].value) == 20_000
    assert "Shown are the first 20,000; search and filters find the others." in text_of(app)
    key = next(widget.key for widget in app.text_input if "search" in (widget.key or ""))
    app.text_input(key=key).set_value("Song 19999").run()
    assert len(app.dataframe[0].value) == 1
    assert "Shown are" not in text_of(app)


def test_moods_that_are_alike_are_said_to_be_so(app: AppTest) -> None:
    table = song_table(200).assign(instrumentalness=0.0)
    upload(app, csv_of(table))
    assert not app.exception
    assert any("Instrumentalness by mood, the same for all" in chart.proto.alt for chart in app.get("plotly_chart"))
    assert _describe_profile(Mood.HAPPY, np.full(9, 0.52)) == "**Happy** songs are like the rest."
    one, two = np.full(9, 0.5), np.full(9, 0.5)
    one[0], two[:2] = 0.7, (0.7, 0.2)
    assert _describe_profile(Mood.SAD, one).count(" and ") == 0
    assert _describe_profile(Mood.SAD, two).count(" and ") == 1


def test_an_own_table_is_read_once_and_kept(app: AppTest) -> None:
    upload(app, csv_of(mood_table()))
    assert not app.exception
    assert app.subheader[0].value.startswith("100 songs")
    own = app.session_state[state.MUSIC_OWN]
    app.segmented_control(key=state.MUSIC_TABLE).set_value("Shipped").run()
    app.segmented_control(key=state.MUSIC_TABLE).set_value("Your CSV").run()
    assert app.session_state[state.MUSIC_OWN] is own
    assert app.subheader[0].value.startswith("100 songs")


@pytest.mark.parametrize("num_songs", [1, 2, 25])
def test_a_table_of_a_few_songs_of_one_mood_is_shown_and_not_compared(app: AppTest, num_songs: int) -> None:
    upload(app, csv_of(mood_table().head(num_songs)))
    assert not app.exception
    assert app.subheader[0].value.startswith("1 song: " if num_songs == 1 else f"{num_songs} songs: ")
    for name in ("Features by mood", "Correlations", "Mood profiles", "Table", CLASSIFY, "Find a song"):
        view(app, name)
        assert not app.exception, name
        assert not re.search(r"\bnan\b|lowest for|than most|(\w+) and \1 ", text_of(app)), name
    for name in ("Features by mood", "Mood profiles"):
        assert "All songs of this table are called calm" in text_of(view(app, name))
    assert ("means something from 10 songs on" in text_of(view(app, "Correlations"))) == (num_songs < 10)


def test_labels_and_predictions_stand_beside_each_other(app: AppTest) -> None:
    table = mood_table(5).astype({"mood": object})
    table.loc[:7, "mood"] = ""
    upload(app, csv_of(table))
    assert not app.exception
    assert "12 moods are labels that people gave, the others predictions" in text_of(app)


def test_what_is_made_of_a_table_is_made_once_and_gone_with_it(app: AppTest) -> None:
    upload(app, csv_of(mood_table()), name="gone.csv")
    own = app.session_state[state.MUSIC_OWN]
    assert own.name == "gone.csv"
    view(app, "Correlations")
    before = dict(own.kept)
    assert len(before) >= 3  # the plane, the standings, the correlations
    view(app, "Correlations")
    assert own.kept == before
    del own, before
    app.session_state[state.MUSIC_OWN] = None
    view(app, "Table")
    gc.collect()
    tables = [thing for thing in gc.get_objects() if isinstance(thing, SongTable)]
    assert "gone.csv" not in [table.name for table in tables]


def test_another_search_takes_the_choice_of_a_row_back(app: AppTest) -> None:
    view(app, "Table")
    (before,) = [frame.proto.id for frame in app.dataframe]
    app.text_input[0].set_value("the").run()
    (after,) = [frame.proto.id for frame in app.dataframe]
    assert before != after  # else its first row would be chosen still, and be another song


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (csv_of(mood_table().drop(columns="energy")), "energy"),
        (csv_of(mood_table().astype({"tempo": object}).assign(tempo="fast")), "tempo_bpm must be a number"),
        (b"", FILE),
        (b"\x00\x01\x02", FILE),
        ("Title\nM\xfcnchen".encode("latin-1"), FILE),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(app: AppTest, data: bytes, sentence: str) -> None:
    upload(app, data)
    assert not app.exception
    (error,) = app.error
    assert sentence in error.value
    app.segmented_control(key=state.MUSIC_TABLE).set_value("Shipped").run()
    assert not app.error
    assert app.subheader[0].value.startswith("5,849 songs")


def test_the_page_never_loads_tensorflow(root: Path) -> None:
    code = """
import sys
from streamlit.testing.v1 import AppTest
from emomusic import ui
ui.enter_app()  # the front door would begin to load the networks
app = AppTest.from_file("pages/music.py", default_timeout=120)
app.query_params["view"] = "What mood is this song?"
app.run()
assert not app.exception and app.subheader
print(sorted({name.split(".")[0] for name in sys.modules} & {"tensorflow", "keras", "mtcnn"}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.fixture
def songs(monkeypatch: pytest.MonkeyPatch) -> SongTable:
    monkeypatch.setattr("emomusic.ui.music_tables.mood_classifier", FakeClassifier)
    table = song_table(40).assign(year=[1985, 1999, 2001, np.nan] * 10)
    return SongTable.of(Catalogue(table), "digest")


def test_filters_work_together(songs: SongTable) -> None:
    table = songs.catalogue.table
    rows = Filters(decades=(1990,), tempo_bpm=(60.0, 120.0), hide_explicit=True, genres=("rock",)).rows(songs)
    chosen = table.iloc[rows]
    assert len(chosen)
    assert set(chosen["year"]) == {1999}
    assert chosen["tempo_bpm"].between(60, 120).all()
    assert not chosen["explicit"].any()
    assert len(Filters().rows(songs)) == 40
    assert not Filters(genres=("polka",)).rows(songs).size


def test_a_selection_means_the_songs_under_it(songs: SongTable) -> None:
    from emomusic.plots.music import trace_rows

    traces = trace_rows(songs.moods)
    points = [{"curve_number": 1, "point_index": 0}, {"curve_number": 0, "point_index": 2}]
    assert set(selected_rows(points, songs)) == {int(traces[1][0]), int(traces[0][2])}
    assert not selected_rows(
        [{"curve_number": 9, "point_index": 0}, {"curve_number": 0, "point_index": 999}], songs
    ).size


def test_a_csv_holds_no_formula(songs: SongTable) -> None:
    songs.catalogue.table.loc[0, "title"] = '=HYPERLINK("http://x")'
    text = table_csv(songs, np.array([0, 1])).decode("utf-8-sig")
    assert "\"'=HYPERLINK(" in text
    assert text.count("\n") == 3


@pytest.mark.parametrize(
    ("probabilities", "words"),
    [
        ([0.95, 0.02, 0.02, 0.01], "Clearly calm"),
        ([0.1, 0.45, 0.4, 0.05], "Between happy and energetic"),
        ([0.1, 0.2, 0.6, 0.1], "Mostly energetic, a little happy"),
        ([0.1, 0.1, 0.1, 0.7], "Mostly sad"),
    ],
)
def test_probabilities_are_said_in_words(probabilities: list[float], words: str) -> None:
    assert describe_moods(np.array(probabilities, np.float32)) == words
