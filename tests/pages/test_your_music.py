"""The menu of genres and options: its place in the URL and the session, and its effect on every page with songs."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.app import state
from emomusic.songs.genres import GENRE_FAMILIES
from tests.pages.screen import SAMPLE, labels, playlist, queue_of, start_app

MENU = "Your music"
GENRE_MENUS = (state.GENRE_FAMILIES, state.GENRE_NAMES)
FAMILIES = {family.key: frozenset(family.genres) for family in GENRE_FAMILIES}


@pytest.fixture
def app(root: Path) -> AppTest:
    """The Photo page with a happy face."""
    return start_app(root, sample=SAMPLE)


def choose(app: AppTest, *, families: list[str] | None = None, genres: list[str] | None = None) -> AppTest:
    """Choose in the menu. Its keys change with each reset."""
    if families is not None:
        pills = [each for each in app.pills if (each.key or "").startswith(state.GENRE_FAMILIES)]
        pills[0].set_value(families)
    if genres is not None:
        fields = [each for each in app.multiselect if (each.key or "").startswith(state.GENRE_NAMES)]
        fields[0].set_value(genres)
    app.run()
    return app


def in_url(app: AppTest) -> list[str]:
    """The genres in the URL."""
    value = app.query_params.get(state.GENRES, [])
    return [value] if isinstance(value, str) else list(value)


def test_options_change_the_request_and_reset_restores_everything(app: AppTest) -> None:
    before = playlist(app)
    assert app.button(key="your-music-reset").disabled
    for _ in range(2):
        app.button(key="your-music-shuffle").click().run()
    app.toggle(key=state.HIDE_EXPLICIT).set_value(True).run()
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
