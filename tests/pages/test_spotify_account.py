"""Saving a playlist to Spotify from the Photo page, against a local server. Each AppTest is a tab of a browser."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from streamlit.testing.v1 import AppTest

from emomusic.app import state, take_along
from emomusic.songs.spotify.account import Account, Login
from tests.fake_spotify import TOKEN, FakeSpotify, fake_spotify
from tests.pages.screen import keys, playlist, text_of, tracks, unescaped

SECONDS = 120
SAMPLE = "eileen-collins-1999"
PAGE_URL = "http://127.0.0.1:8501/"
SIGN_IN, SAVE = "sign-in-photo", "save-photo"
GOOD, BAD = ":material/check:", ":material/error:"


class Browser:
    """The value of the browser's cookie."""

    token: str | None = "one browser"


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser()
    monkeypatch.setattr(take_along, "browser_token", lambda: browser.token)
    return browser


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    take_along._shared_logins.clear()
    yield
    take_along._shared_logins.clear()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> Iterator[FakeSpotify]:
    """Spotify, with keys on this server."""
    with fake_spotify() as server:
        monkeypatch.setattr(take_along, "SERVICE", server.urls | {"timeout_s": 2.0})
        monkeypatch.setenv("SPOTIFY_CLIENT_ID", server.client_id)
        monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "unused here")
        yield server


def new_tab(root: Path, *, url: str = PAGE_URL, **query: str) -> AppTest:
    app = AppTest.from_file(str(root / "app.py"), default_timeout=SECONDS)
    app.context = {"url": url}
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


@pytest.fixture
def app(root: Path, fake: FakeSpotify) -> AppTest:
    """The first tab: the Photo page with songs."""
    return new_tab(root, sample=SAMPLE)


def consent_url(app: AppTest) -> str:
    """The address of the link to Spotify."""
    (link,) = app.get("link_button")
    return str(link.proto.url)


def start(app: AppTest) -> dict[str, str]:
    """Begin the sign-in, and answer the consent page. Returns the parameters of the redirect."""
    app.button(key=SIGN_IN).click().run()
    assert not app.exception
    answer = requests.get(consent_url(app), allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    address, _, query = answer.headers["Location"].partition("?")
    assert address == PAGE_URL
    return dict(parse_qsl(query))


def sign_in(app: AppTest, root: Path) -> AppTest:
    """Sign in with a second tab; returns it."""
    second = new_tab(root, **start(app))
    app.run()
    assert not app.exception
    return second


def save(app: AppTest) -> AppTest:
    app.button(key=SAVE).click().run()
    assert not app.exception
    return app


def notes(app: AppTest, icon: str) -> list[str]:
    """The results of the last action."""
    return [unescaped(caption.value) for caption in app.caption if caption.value.startswith(icon)]


def account_of(app: AppTest) -> Account | None:
    return app.session_state.get(state.SPOTIFY_ACCOUNT, None)


# --- before the sign-in


def test_without_keys_there_is_no_button(root: Path, browser: Browser) -> None:
    app = new_tab(root, sample=SAMPLE)
    assert not app.exception
    assert len(tracks(app)) == 1
    assert not {SIGN_IN, SAVE} & keys(app)
    assert not app.get("link_button")


def test_only_a_click_starts_the_sign_in_and_its_link_stays(app: AppTest, fake: FakeSpotify) -> None:
    assert SAVE not in keys(app)
    app.button(key=SIGN_IN).click().run()
    assert not app.exception
    assert isinstance(app.session_state[state.SPOTIFY_LOGIN], Login)
    url = consent_url(app)
    assert url.startswith(f"{fake.urls['authorize_url']}?")
    query = dict(parse_qsl(urlsplit(url).query))
    assert (query["client_id"], query["redirect_uri"]) == (fake.client_id, PAGE_URL)
    assert query["scope"] == "playlist-modify-private"
    assert SIGN_IN not in keys(app)
    assert fake.server.requests == []  # only the visitor's click opens it
    app.run()
    assert consent_url(app) == url
    assert account_of(app) is None


def test_without_a_cookie_the_page_says_what_to_do(app: AppTest, browser: Browser) -> None:
    browser.token = None
    app.button(key=SIGN_IN).click().run()
    assert not app.exception
    assert len(notes(app, BAD)) == 1
    assert state.SPOTIFY_LOGIN not in app.session_state
    browser.token = "one browser"
    app.button(key=SIGN_IN).click().run()
    assert not notes(app, BAD)
    assert consent_url(app)


# --- the sign-in


def test_the_code_leaves_the_url_and_a_rerun_does_not_use_it_again(app: AppTest, root: Path, fake: FakeSpotify) -> None:
    query = start(app)
    second = new_tab(root, **query)
    assert second.query_params == {}
    for _ in range(2):
        second.run()
        assert not second.exception
        assert len(second.success) == 1
        assert not second.error
    assert len(fake.requests(TOKEN)) == 1
    again = new_tab(root, **query)  # a reload with the old address
    assert not again.exception
    assert len(again.error) == 1
    assert again.query_params == {}
    assert len(fake.requests(TOKEN)) == 1
    app.run()
    assert isinstance(account_of(app), Account)  # the first answer counts


@pytest.mark.parametrize("query", [{"state": "x"}, {"code": "x"}])
def test_other_parameters_are_not_a_sign_in(root: Path, fake: FakeSpotify, query: dict[str, str]) -> None:
    app = new_tab(root, **query)
    assert not app.exception
    assert not app.success
    assert not app.error
    assert f"sample-{SAMPLE}" in keys(app)


def test_the_answer_in_another_browser_is_refused(
    app: AppTest, root: Path, fake: FakeSpotify, browser: Browser
) -> None:
    query = start(app)
    browser.token = "another browser"
    second = new_tab(root, **query)
    assert not second.exception
    assert len(second.error) == 1
    assert account_of(second) is None
    assert fake.requests(TOKEN) == []
    browser.token = "one browser"
    app.run()
    assert not app.exception
    assert account_of(app) is None
    assert len(notes(app, BAD)) == 1
    assert SIGN_IN in keys(app)


# --- saving


def test_save_creates_a_private_playlist_with_the_songs_of_the_queue(
    app: AppTest, root: Path, fake: FakeSpotify
) -> None:
    sign_in(app, root)
    assert fake.playlists == []
    save(app)
    (saved,) = fake.playlists
    assert saved.track_ids == playlist(app)
    assert len(saved.track_ids) == 20
    assert not saved.public
    assert "happy" in saved.name
    (note,) = notes(app, GOOD)
    assert f"https://open.spotify.com/playlist/{saved.id}" in note
    assert "20 songs" in note
    shown = text_of(app) + str(app.query_params)
    assert not [secret for secret in fake.tokens if secret in shown]


def test_a_revoked_sign_in_drops_the_account_and_can_be_repeated(app: AppTest, root: Path, fake: FakeSpotify) -> None:
    sign_in(app, root)
    fake.reject_access_tokens()
    fake.reject_refresh_tokens()
    save(app)
    assert account_of(app) is None
    assert len(notes(app, BAD)) == 1
    assert SIGN_IN in keys(app)
    assert fake.playlists == []
    sign_in(app, root)
    save(app)
    assert len(fake.playlists) == 1
