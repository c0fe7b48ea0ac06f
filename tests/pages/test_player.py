"""The songs of the Photo page in the bar, and the menu of genres and options with its place in the URL."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion
from emomusic.media.images import encode_png, read_image
from emomusic.server.pictures import Picture, PictureState
from emomusic.songs.catalogue import normalize_text
from emomusic.songs.genres import GENRE_FAMILIES
from tests.pages.screen import (
    SAMPLE,
    app_of,
    click,
    files_of,
    keys,
    labels,
    on_the_plane,
    open_page,
    playing,
    playlist,
    queue_of,
    start_app,
    state_of,
    tracks,
    unescaped,
)

MENU = "Your music"
GENRE_MENUS = ("genre_families", "genre_names")
FAMILIES = {family.key: frozenset(family.genres) for family in GENRE_FAMILIES}


@pytest.fixture
def app(root: Path) -> AppTest:
    """The Photo page with a happy face."""
    return start_app(root, sample=SAMPLE)


def artists_of(app: AppTest) -> set[str]:
    """The keys of the artists of the first songs."""
    return {normalize_text(name) for pick in queue_of(app).playlist(20) for name in pick.song.artists}


def test_skipped_artists_stay_away_until_each_undo_allows_the_last_one(app: AppTest) -> None:
    songs, artist = playlist(app), normalize_text(queue_of(app).current.song.artists[0])
    assert queue_of(app).current.song.artists[0] in unescaped(app.button(key="skip-photo").help)
    click(app, "skip-photo")
    assert playing(app) != songs[0]
    for policy in ("Take me there", "Match me"):
        app.segmented_control(key="policy").set_value(policy).run()
        assert artist not in artists_of(app)
    open_page(app, "models")
    open_page(app, "photo")
    assert artist not in artists_of(app)
    app.query_params.update({"sample": SAMPLE, "beside": "Map"})
    app.run()
    click(app, "skip-photo")
    assert {*songs[:2]}.isdisjoint(playlist(app))
    click(app, "allow-photo")
    assert songs[0] not in playlist(app)
    click(app, "allow-photo")
    assert "allow-photo" not in keys(app)
    assert playing(app) == songs[0]  # the queue starts again
    assert playlist(app) == songs
    assert on_the_plane(app, "songs") == [*map(str, range(1, 7))]


def test_a_photo_without_a_face_has_its_songs_in_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    app = app_of(root)
    state_of(app, PictureState).own = (Picture.of("icon.png", encode_png(read_image(root / "data/icon.png"))),)
    app.run()
    assert tracks(app) == []
    assert not app.get("download_button")
    (emotion,) = (pills for pills in app.pills if (pills.key or "").startswith("says-"))
    emotion.set_value(Emotion.SAD).run()
    assert queue_of(app).request.point == Emotion.SAD.point
    record = json.loads(files["icon.json"]())
    assert record["faces"] == []
    assert [song["id"] for song in record["songs"]] == playlist(app)
    assert record["request"]["manual_emotion"] == "sad"
    (mood,) = (pills for pills in app.pills if (pills.key or "").startswith("mood-"))
    mood.set_value("calm").run()
    assert queue_of(app).request.mood == "calm"


def choose(app: AppTest, *, families: list[str] | None = None, genres: list[str] | None = None) -> AppTest:
    """Choose in the menu. Its keys change with each reset."""
    if families is not None:
        pills = [each for each in app.pills if (each.key or "").startswith("genre_families")]
        pills[0].set_value(families)
    if genres is not None:
        fields = [each for each in app.multiselect if (each.key or "").startswith("genre_names")]
        fields[0].set_value(genres)
    app.run()
    return app


def in_url(app: AppTest) -> list[str]:
    """The genres in the URL."""
    value = app.query_params.get("genres", [])
    return [value] if isinstance(value, str) else list(value)


def test_options_change_the_request_and_reset_restores_everything(app: AppTest) -> None:
    before = playlist(app)
    assert app.button(key="your-music-reset").disabled
    for _ in range(2):
        app.button(key="your-music-shuffle").click().run()
    app.toggle(key="hide_explicit").set_value(True).run()
    choose(app, families=["rock-music"], genres=["salsa"])
    assert f"{MENU} · 3" in labels(app)
    request = queue_of(app).request
    assert (request.seed, request.hide_explicit, request.genres) == (2, True, FAMILIES["rock-music"] | {"salsa"})
    assert not any(pick.song.explicit for pick in queue_of(app).playlist(20))
    app.button(key="your-music-reset").click().run()
    assert MENU in labels(app)
    menus = [each for each in (*app.pills, *app.multiselect) if (each.key or "").startswith(GENRE_MENUS)]
    assert [list(menu.value) for menu in menus] == [[], []]
    assert in_url(app) == []
    (hides,) = (toggle for toggle in app.toggle if toggle.label.startswith("Hide"))
    assert not hides.value
    assert playlist(app) == before
    assert app.button(key="your-music-reset").disabled
    choose(app, genres=["salsa"])  # the new widgets work
    assert in_url(app) == ["salsa"]


def test_unknown_names_in_a_link_are_ignored(root: Path) -> None:
    app = start_app(root, sample=SAMPLE, genres=["no-such-genre", "<script>", "salsa"])
    assert not app.error
    assert queue_of(app).request.genres == {"salsa"}
    assert in_url(app) == ["salsa"]
