"""Signing in to Spotify and saving playlists, against a local server."""

import base64
import hashlib
import json
import logging
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

from emomusic.errors import SignInNeededError, SpotifyError
from emomusic.songs.spotify import account as account_module
from emomusic.songs.spotify.account import Account, Login, Logins, Service, redirect_uri_of
from tests.fake_spotify import ADD, CREATE, TOKEN, Behaviour, FakeSpotify, fake_spotify
from tests.servers import Reply
from tests.songs.tables import track_id

REDIRECT_URI = "http://127.0.0.1:8501/"
BROWSER = "cookie value"
IDS = [track_id(number) for number in range(3)]
TIMEOUT_S = 20.0  # no test waits for it
NUM_THREADS = 4  # the queue of the server has five places


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSpotify]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with fake_spotify() as server:
        yield server


@pytest.fixture
def logins(fake: FakeSpotify) -> Logins:
    return Logins(Service(fake.client_id, REDIRECT_URI, **fake.urls, timeout_s=TIMEOUT_S))


def consent(login: Login) -> dict[str, str]:
    """Open the consent page. Returns the parameters of the redirect to the app."""
    answer = requests.get(login.url, allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    address, _, query = answer.headers["Location"].partition("?")
    assert address == REDIRECT_URI
    return dict(parse_qsl(query))


def signed_in(logins: Logins) -> Account:
    login = logins.start(BROWSER)
    logins.finish(browser=BROWSER, **consent(login))
    account = logins.take(login.state)
    assert account is not None
    return account


@pytest.fixture
def account(logins: Logins) -> Account:
    return signed_in(logins)


def form_of(request: Any) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


def is_short(error: BaseException) -> bool:
    text = str(error)
    return "\n" not in text and text.endswith(".") and len(text) < 300


# Signing in


def test_the_consent_page_gets_a_challenge_and_only_the_scope_for_private_playlists(
    fake: FakeSpotify, logins: Logins
) -> None:
    login = logins.start(BROWSER)
    query = parse_qs(urlsplit(login.url).query, strict_parsing=True)
    challenge = query.pop("code_challenge")[0]
    assert query == {
        "client_id": [fake.client_id],
        "response_type": ["code"],
        "redirect_uri": [REDIRECT_URI],
        "code_challenge_method": ["S256"],
        "scope": ["playlist-modify-private"],
        "state": [login.state],
    }
    assert len(login.state) >= 43
    assert fake.server.requests == []  # starting needs no network
    logins.finish(browser=BROWSER, **consent(login))
    (request,) = fake.requests(TOKEN)
    digest = hashlib.sha256(form_of(request)["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
    assert form_of(request).keys() == {"client_id", "grant_type", "code", "redirect_uri", "code_verifier"}
    assert "Authorization" not in request.headers  # no client secret


@pytest.mark.parametrize("state", ["unknown", "\ud800"])
def test_an_unknown_state_makes_no_request(fake: FakeSpotify, logins: Logins, state: str) -> None:
    login = logins.start(BROWSER)
    with pytest.raises(SpotifyError):
        logins.finish(state, BROWSER, code="code")
    with pytest.raises(SpotifyError):
        logins.take(state)
    assert fake.server.requests == []
    assert logins.take(login.state) is None  # other logins continue


def test_a_state_is_accepted_once(fake: FakeSpotify, logins: Logins) -> None:
    login = logins.start(BROWSER)
    assert logins.take(login.state) is None
    answer = consent(login)
    logins.finish(browser=BROWSER, **answer)
    with pytest.raises(SpotifyError, match="already used"):
        logins.finish(browser=BROWSER, **answer)
    assert isinstance(logins.take(login.state), Account)  # the second attempt changes nothing
    for attempt in (lambda: logins.finish(browser=BROWSER, **answer), lambda: logins.take(login.state)):
        with pytest.raises(SpotifyError, match="already used"):
            attempt()
    assert len(fake.requests(TOKEN)) == 1


def test_an_expired_login_is_refused_and_forgotten(
    fake: FakeSpotify, logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account_module.LOGIN_LIFETIME_S == 600
    monkeypatch.setattr(account_module, "LOGIN_LIFETIME_S", 0.0)
    login = logins.start(BROWSER)
    with pytest.raises(SpotifyError, match="expired"):
        logins.finish(login.state, BROWSER, code="code")
    with pytest.raises(SpotifyError, match="expired"):
        logins.take(login.state)
    assert fake.server.requests == []
    assert logins._logins == {}


@pytest.mark.parametrize("browser", ["", "\ud800"])
def test_another_browser_cannot_finish_a_login(fake: FakeSpotify, logins: Logins, browser: str) -> None:
    login = logins.start(BROWSER)
    answer = consent(login)
    with pytest.raises(SpotifyError, match="another browser"):
        logins.finish(browser=browser, **answer)
    with pytest.raises(SpotifyError):
        logins.finish(browser=BROWSER, **answer)
    with pytest.raises(SpotifyError, match="another browser"):
        logins.take(login.state)
    assert fake.requests(TOKEN) == []


INVALID = "Spotify sent an invalid response"
FAILURES = [
    (Reply(b"not json", 403), "user list"),
    (Reply([], 429, {"Retry-After": "7"}), r"Too many requests.* 7 s"),
    (Reply(b"", 500), "HTTP 500"),
    (Reply(b"<html>Sign in</html>"), INVALID),
    (Reply(None), INVALID),
    (Reply({}), INVALID),
    (Reply({}, length=500), INVALID),
]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        *FAILURES,
        (Reply({"error": "invalid_grant"}, 400), "refused the sign-in"),
        (Reply({"access_token": "access", "expires_in": "3600"}), INVALID),
    ],
)
def test_a_failed_token_request_is_a_short_message_in_both_tabs(
    fake: FakeSpotify, logins: Logins, answer: Reply, message: str
) -> None:
    login = logins.start(BROWSER)
    fake.replies[TOKEN] = [answer]
    parameters = consent(login)
    with pytest.raises(SpotifyError, match=message) as caught:
        logins.finish(browser=BROWSER, **parameters)
    assert is_short(caught.value)
    with pytest.raises(SpotifyError, match="already used"):
        logins.finish(browser=BROWSER, **parameters)
    assert len(fake.requests(TOKEN)) == 1
    with pytest.raises(SpotifyError, match=message):
        logins.take(login.state)


def test_a_new_login_replaces_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "MAX_LOGINS", 3)
    logins = Logins(Service("id", REDIRECT_URI))
    first, *others = [logins.start(f"browser {number}") for number in range(4)]
    with pytest.raises(SpotifyError):
        logins.take(first.state)
    assert [logins.take(login.state) for login in others] == [None] * 3
    assert len(logins._logins) == 3


# The redirect URI


def test_the_redirect_uri_is_the_base_of_the_page() -> None:
    for page_url, redirect_uri in {
        "http://127.0.0.1:8501/live?x=1#y": "http://127.0.0.1:8501/",
        "http://[::1]:8501/music": "http://[::1]:8501/",
        "https://EmoMusic.example.org:443/photo": "https://emomusic.example.org/",
        "https://user:password@example.org/": "https://example.org/",
    }.items():
        assert redirect_uri_of(page_url) == redirect_uri
        assert redirect_uri_of(redirect_uri) == redirect_uri


@pytest.mark.parametrize(
    ("page_url", "message"),
    [
        ("http://localhost:8501/live?x=1", r"Write 127\.0\.0\.1 "),
        ("http://127.0.0.1@example.org/", "needs https"),
        ("", "expected"),
        ("https://example.org:99999/", "expected"),
    ],
)
def test_other_pages_have_no_redirect_uri(page_url: str, message: str) -> None:
    with pytest.raises(SpotifyError, match=message):
        redirect_uri_of(page_url)


# Saving


def test_a_playlist_is_private_and_keeps_the_order(fake: FakeSpotify, account: Account) -> None:
    with pytest.raises(SpotifyError, match="expected a Spotify track id"):
        account.save_playlist("x", [*IDS, track_id(1) + "\n"])
    assert fake.requests("/v1/") == []
    ids = [track_id(number * 7 % 250) for number in range(250)]
    url = account.save_playlist("Happy songs", ids, description="Made by EmoMusic")
    (playlist,) = fake.playlists
    assert url == f"https://open.spotify.com/playlist/{playlist.id}"  # never the URL in the answer
    assert (playlist.name, playlist.description, playlist.public) == ("Happy songs", "Made by EmoMusic", False)
    assert playlist.track_ids == ids
    assert [len(part) for part in playlist.uris] == [100, 100, 50]
    (create,) = fake.requests(CREATE)
    assert json.loads(create.body)["collaborative"] is False
    assert {request.path for request in fake.requests(ADD)} == {f"{ADD}{playlist.id}/items"}
    assert len(fake.requests(TOKEN)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" * 10_000, "x" * 100),
        ("a\r\nb\tc\x00d\u2028e\x85f", "a b c d e f"),
        ("y" * 99 + " z", "y" * 99),
    ],
)
def test_a_hostile_name_becomes_one_short_line(fake: FakeSpotify, account: Account, text: str, expected: str) -> None:
    account.save_playlist(text, IDS, description=text * 4)
    (playlist,) = fake.playlists
    assert playlist.name == expected
    assert len(playlist.description) <= 300
    assert playlist.description.isprintable()
    with pytest.raises(SpotifyError, match="name"):
        account.save_playlist("  \n ", IDS)
    assert len(fake.playlists) == 1


def test_threads_share_the_refresh_of_an_expired_token(fake: FakeSpotify, logins: Logins) -> None:
    fake.behaviour = Behaviour.EXPIRED
    account = signed_in(logins)
    with ThreadPoolExecutor(NUM_THREADS) as threads:
        list(threads.map(lambda number: account.save_playlist(f"{number}", IDS), range(4)))
    assert [playlist.track_ids for playlist in fake.playlists] == [IDS] * 4
    _, refresh = fake.requests(TOKEN)
    assert form_of(refresh)["grant_type"] == "refresh_token"
    assert form_of(refresh)["client_id"] == fake.client_id
    assert len(fake.requests(CREATE)) == 4  # none with the expired token


@pytest.mark.parametrize(
    ("answer", "message"),
    [*FAILURES, (Reply({"id": "../../x"}), INVALID), (Reply({"id": 5}), INVALID), (Reply(b"", 404), "HTTP 404")],
)
def test_a_failure_of_creating_is_a_short_message(
    fake: FakeSpotify, account: Account, answer: Reply, message: str
) -> None:
    fake.replies[CREATE] = [answer]
    with pytest.raises(SpotifyError, match=message) as caught:
        account.save_playlist("x", IDS)
    assert is_short(caught.value)
    assert not isinstance(caught.value, SignInNeededError)
    assert len(fake.requests("/v1/")) == 1
    account.save_playlist("x", IDS)
    assert [playlist.track_ids for playlist in fake.playlists] == [IDS]


@pytest.mark.parametrize(("num_parts", "answer"), [(0, Reply({})), (2, Reply(b"", 500)), (1, Reply(b"", 401))])
def test_a_failure_of_adding_says_how_many_songs_the_playlist_has(
    fake: FakeSpotify, account: Account, answer: Reply, num_parts: int
) -> None:
    fake.replies[ADD] = [*[None] * num_parts, answer]
    with pytest.raises(SpotifyError, match=f"playlist exists.* {num_parts * 100} of 250 songs") as caught:
        account.save_playlist("x", [track_id(number) for number in range(250)])
    assert isinstance(caught.value, SignInNeededError) is (answer.status == 401)
    assert is_short(caught.value)
    assert len(fake.playlists[0].track_ids) == num_parts * 100
    assert len(fake.requests(ADD)) == num_parts + 1


# Tokens


def test_tokens_are_neither_logged_nor_shown_nor_stored(
    fake: FakeSpotify, logins: Logins, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    login = logins.start(BROWSER)
    shown = [repr(login)]
    answer = consent(login)
    caplog.clear()  # the request of the test contains the state
    logins.finish(browser=BROWSER, **answer)
    shown += [repr(logins._logins[login.state]), repr(logins)]
    account = logins.take(login.state)
    assert account is not None
    account.save_playlist("A private name", IDS)
    fake.reject_access_tokens()
    with pytest.raises(SignInNeededError) as caught:
        account.save_playlist("x", IDS)
    shown += [repr(account), str(caught.value)]
    shown += [f"{record.getMessage()} {record.args}" for record in caplog.records]
    assert len(fake.tokens) == 4  # code, verifier and two tokens
    for secret in [*fake.tokens, login.state, BROWSER, "private name"]:
        assert [text for text in shown if secret in text] == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError):
        pickle.dumps(account)


def test_visitors_share_no_cookies(fake: FakeSpotify, logins: Logins) -> None:
    answer = {"access_token": "access", "refresh_token": "refused", "expires_in": 0}
    fake.replies[TOKEN] = [Reply(answer, headers={"Set-Cookie": "visitor=first; Path=/"})]
    signed_in(logins)
    signed_in(logins).save_playlist("x", IDS)
    assert [request for request in fake.server.requests if "Cookie" in request.headers] == []
