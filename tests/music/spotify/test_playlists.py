"""Signing in to Spotify and saving playlists, against a local server."""

import base64
import gc
import hashlib
import json
import logging
import pickle
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

from emomusic.errors import SignInNeededError, SpotifyError
from emomusic.music.spotify import playlists, web_service
from emomusic.music.spotify.playlists import Account, Login, Logins, redirect_uri_of
from tests.fake_spotify import ADD, CREATE, TOKEN, Behaviour, FakeSpotify, fake_spotify
from tests.music.tables import track_id
from tests.servers import Reply, closed_address

REDIRECT_URI = "http://127.0.0.1:8501/"
BROWSER = "cookie value"
IDS = [track_id(number) for number in range(3)]
TIMEOUT_S = 2.0
NUM_THREADS = 4  # the queue of the server has five places


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def fake() -> Iterator[FakeSpotify]:
    with fake_spotify() as server:
        yield server


def logins_of(fake: FakeSpotify, **options: Any) -> Logins:
    return Logins(fake.client_id, REDIRECT_URI, **(fake.urls | {"timeout_s": TIMEOUT_S} | options))


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


def form_of(request: Any) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


def is_short(error: BaseException) -> bool:
    text = str(error)
    return "\n" not in text and text.endswith(".") and len(text) < 300


# Signing in


def test_the_consent_page_gets_a_challenge_and_only_the_scope_for_private_playlists(fake: FakeSpotify) -> None:
    logins = logins_of(fake)
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


def test_an_account_is_taken_once(fake: FakeSpotify) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    assert logins.take(login.state) is None
    answer = consent(login)
    assert logins.take(login.state) is None
    logins.finish(browser=BROWSER, **answer)
    assert isinstance(logins.take(login.state), Account)
    with pytest.raises(SpotifyError):
        logins.take(login.state)


def test_denied_consent_is_an_error_in_both_tabs() -> None:
    with fake_spotify(Behaviour.DENIED) as fake:
        logins = logins_of(fake)
        login = logins.start(BROWSER)
        answer = consent(login)
        assert answer == {"error": "access_denied", "state": login.state}
        with pytest.raises(SpotifyError, match="did not give the permission") as caught:
            logins.finish(browser=BROWSER, **answer)
        with pytest.raises(SpotifyError) as first_tab:
            logins.take(login.state)
        assert str(first_tab.value) == str(caught.value)
        assert first_tab.value.__cause__ is None
        assert fake.requests(TOKEN) == []


@pytest.mark.parametrize("state", ["", "unknown", "x" * 10_000, "\ud800"])
def test_an_unknown_state_makes_no_request(fake: FakeSpotify, state: str) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    with pytest.raises(SpotifyError):
        logins.finish(state, BROWSER, code="code")
    with pytest.raises(SpotifyError):
        logins.take(state)
    assert fake.server.requests == []
    assert logins.take(login.state) is None  # other logins continue


def test_a_state_is_accepted_once(fake: FakeSpotify) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    answer = consent(login)
    logins.finish(browser=BROWSER, **answer)
    with pytest.raises(SpotifyError, match="already used"):
        logins.finish(browser=BROWSER, **answer)
    assert isinstance(logins.take(login.state), Account)  # the second attempt changes nothing
    with pytest.raises(SpotifyError, match="already used"):
        logins.finish(browser=BROWSER, **answer)
    assert len(fake.requests(TOKEN)) == 1


def test_a_state_is_used_also_after_a_failure(fake: FakeSpotify) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    fake.replies[TOKEN] = [Reply(b"", 500)]
    answer = consent(login)
    with pytest.raises(SpotifyError, match="HTTP 500"):
        logins.finish(browser=BROWSER, **answer)
    with pytest.raises(SpotifyError, match="already used"):
        logins.finish(browser=BROWSER, **answer)
    assert len(fake.requests(TOKEN)) == 1


def test_an_expired_login_is_refused_and_forgotten(fake: FakeSpotify, monkeypatch: pytest.MonkeyPatch) -> None:
    assert playlists.LOGIN_LIFETIME_S == 600
    monkeypatch.setattr(playlists, "LOGIN_LIFETIME_S", 0.0)
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    with pytest.raises(SpotifyError, match="expired"):
        logins.finish(login.state, BROWSER, code="code")
    with pytest.raises(SpotifyError, match="expired"):
        logins.take(login.state)
    assert fake.server.requests == []
    assert logins._logins == {}


def test_an_account_that_is_not_taken_expires(fake: FakeSpotify, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    answer = consent(login)
    monkeypatch.setattr(playlists, "LOGIN_LIFETIME_S", 0.0)
    logins.finish(browser=BROWSER, **answer)
    with pytest.raises(SpotifyError, match="expired"):
        logins.take(login.state)
    assert logins._logins == {}


@pytest.mark.parametrize("browser", ["", "other cookie", "c\u00f6\u00f6kie", "\ud800", BROWSER + " "])
def test_another_browser_cannot_finish_a_login(fake: FakeSpotify, browser: str) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    answer = consent(login)
    with pytest.raises(SpotifyError, match="another browser"):
        logins.finish(browser=browser, **answer)
    with pytest.raises(SpotifyError):
        logins.finish(browser=BROWSER, **answer)
    with pytest.raises(SpotifyError, match="another browser"):
        logins.take(login.state)
    assert fake.requests(TOKEN) == []


@pytest.mark.parametrize("browser", ["c\u00f6\u00f6kie", "\ud800", "x" * 100_000])
def test_any_value_can_identify_a_browser(fake: FakeSpotify, browser: str) -> None:
    logins = logins_of(fake)
    login = logins.start(browser)
    logins.finish(browser=browser, **consent(login))
    assert isinstance(logins.take(login.state), Account)


@pytest.mark.parametrize("code", ["wrong", "wrong=code&x", ""])
def test_a_refused_code_is_an_error_in_both_tabs(fake: FakeSpotify, code: str) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    with pytest.raises(SpotifyError, match="refused the sign-in"):
        logins.finish(login.state, BROWSER, code=code)
    with pytest.raises(SpotifyError, match="refused the sign-in"):
        logins.take(login.state)
    assert len(fake.requests(TOKEN)) == bool(code)


@pytest.mark.parametrize(
    "answer", [{}, {"error": "server_error"}, {"code": "a\nb"}, {"code": "\ud800"}, {"code": "x" * 10_000}]
)
def test_an_invalid_answer_of_the_consent_page_makes_no_request(fake: FakeSpotify, answer: dict[str, str]) -> None:
    logins = logins_of(fake)
    with pytest.raises(SpotifyError, match="refused the sign-in"):
        logins.finish(logins.start(BROWSER).state, BROWSER, **answer)
    assert fake.server.requests == []


def test_an_unknown_client_id_is_named(fake: FakeSpotify) -> None:
    logins = Logins("other-id", REDIRECT_URI, **fake.urls)
    with pytest.raises(SpotifyError, match="client id"):
        logins.finish(logins.start(BROWSER).state, BROWSER, code="code")


INVALID = "Spotify sent an invalid response"
INVALID_RESPONSES = [
    Reply(b""), Reply(b"<html>Sign in</html>"), Reply(b"\xff\xfe"), Reply([]), Reply(None), Reply("text"), Reply({}),
    Reply(b"{", headers={"Content-Encoding": "gzip"}), Reply({"x": "y" * web_service.MAX_ANSWER_BYTES}),
    Reply(b"[" * 100_000), Reply(b"9" * 5_000), Reply({}, length=500), Reply(b"", 302, {"Location": "http://192.0.2.1/"}),
]  # fmt: skip
FAILURES = [
    (Reply(b"not json", 403), "user list"),
    (Reply({"error": {"status": 403, "message": "Forbidden"}}, 403), "user list"),
    (Reply(b"", 429), "Too many requests"),
    (Reply([], 429, {"Retry-After": "7"}), r"Too many requests.* 7 s"),
    (Reply(b"", 500), "HTTP 500"),
    (Reply([], 503), "HTTP 503"),
    (Reply(hang=True), "did not answer within 2 s"),
    *[(answer, INVALID) for answer in INVALID_RESPONSES],
]
TOKEN_FIELDS = {"access_token": "access", "refresh_token": "refresh", "expires_in": 3600, "scope": playlists.SCOPE}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        *FAILURES,
        (Reply(b"", 401), "refused the sign-in"),
        *[
            (Reply(TOKEN_FIELDS | changes), INVALID)
            for changes in [
                {"access_token": None},
                {"access_token": ""},
                {"access_token": "two\nlines"},
                {"access_token": "x" * 5_000},
                {"refresh_token": 5},
                {"expires_in": "3600"},
                {"expires_in": None},
                {"expires_in": float("nan")},
                {"expires_in": 10**400},
            ]
        ],
        (Reply(TOKEN_FIELDS | {"scope": "user-read-private"}), "private playlists"),
    ],
)
def test_every_failure_of_a_token_request_is_a_short_message(fake: FakeSpotify, answer: Reply, message: str) -> None:
    logins = logins_of(fake)
    login = logins.start(BROWSER)
    fake.replies[TOKEN] = [answer]
    with pytest.raises(SpotifyError, match=message) as caught:
        logins.finish(browser=BROWSER, **consent(login))
    assert is_short(caught.value)
    assert len(fake.requests(TOKEN)) == 1
    with pytest.raises(SpotifyError, match=message):
        logins.take(login.state)


def test_without_a_network_the_sign_in_fails_in_both_tabs() -> None:
    url = closed_address()
    logins = Logins("id", REDIRECT_URI, token_url=f"{url}/api/token", timeout_s=TIMEOUT_S)
    login = logins.start(BROWSER)
    assert login.url.startswith("https://accounts.spotify.com/authorize?")
    for attempt in (lambda: logins.finish(login.state, BROWSER, code="code"), lambda: logins.take(login.state)):
        with pytest.raises(SpotifyError, match=r"^Spotify cannot be reached"):
            attempt()


def test_two_logins_at_once_get_different_accounts(fake: FakeSpotify) -> None:
    logins = logins_of(fake, timeout_s=10.0)

    def save(number: int) -> str:
        browser = f"browser {number}"
        login = logins.start(browser)
        logins.finish(browser=browser, **consent(login))
        account = logins.take(login.state)
        assert account is not None
        return account.save_playlist(f"Playlist {number}", [track_id(number)])

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        urls = list(threads.map(save, range(16)))
    assert len(set(urls)) == 16
    assert {playlist.name: playlist.track_ids for playlist in fake.playlists} == {
        f"Playlist {number}": [track_id(number)] for number in range(16)
    }
    assert len({form_of(request)["code_verifier"] for request in fake.requests(TOKEN)}) == 16
    assert len({request.headers["Authorization"] for request in fake.requests(CREATE)}) == 16


def test_one_state_finished_by_many_tabs_makes_one_request(fake: FakeSpotify) -> None:
    logins = logins_of(fake, timeout_s=10.0)
    login = logins.start(BROWSER)
    answer = consent(login)

    def finish(_: int) -> bool:
        try:
            logins.finish(browser=BROWSER, **answer)
        except SpotifyError:
            return False
        return True

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        assert sum(threads.map(finish, range(8))) == 1
    assert len(fake.requests(TOKEN)) == 1


def test_a_new_login_replaces_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlists, "MAX_LOGINS", 3)
    logins = Logins("id", REDIRECT_URI)
    first, *others = [logins.start(f"browser {number}") for number in range(4)]
    with pytest.raises(SpotifyError):
        logins.take(first.state)
    assert [logins.take(login.state) for login in others] == [None] * 3
    assert len(logins._logins) == 3


def test_a_missing_client_id_or_browser_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="client_id"):
        Logins("", REDIRECT_URI)
    with pytest.raises(ValueError, match="browser"):
        Logins("id", REDIRECT_URI).start("")


# The redirect URI


@pytest.mark.parametrize(
    ("page_url", "redirect_uri"),
    [
        ("http://127.0.0.1:8501/live?x=1#y", "http://127.0.0.1:8501/"),
        ("http://127.0.0.1", "http://127.0.0.1/"),
        ("http://127.0.0.1:80/", "http://127.0.0.1/"),
        ("http://[::1]:8501/music", "http://[::1]:8501/"),
        ("https://EmoMusic.example.org:443/photo", "https://emomusic.example.org/"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("https://user:password@example.org/", "https://example.org/"),
        ("https://[2001:db8::1]:8501/", "https://[2001:db8::1]:8501/"),
    ],
)
def test_the_redirect_uri_is_the_base_of_the_page(page_url: str, redirect_uri: str) -> None:
    assert redirect_uri_of(page_url) == redirect_uri
    assert redirect_uri_of(redirect_uri) == redirect_uri
    Logins("id", redirect_uri)


@pytest.mark.parametrize(
    ("page_url", "message"),
    [
        ("http://localhost:8501/live?x=1", r"http://127\.0\.0\.1:8501\."),
        ("http://LOCALHOST", r"http://127\.0\.0\.1\."),
        ("https://localhost:8501/", r"https://127\.0\.0\.1:8501\."),
        ("http://192.168.1.5:8501/", "needs https"),
        ("http://example.org/", "needs https"),
        ("http://127.0.0.1.example.org/", "needs https"),
        ("http://127.0.0.1@example.org/", "needs https"),
        ("", "expected"),
        ("/live", "expected"),
        ("ftp://127.0.0.1/", "expected"),
        ("javascript:alert(1)", "expected"),
        ("https://", "expected"),
        ("https://[x/", "expected"),
        ("https://example.org:99999/", "expected"),
        ("https://exa mple.org/", "expected"),
        ("https://example.org%00/", "expected"),
    ],
)
def test_other_pages_have_no_redirect_uri(page_url: str, message: str) -> None:
    with pytest.raises(SpotifyError, match=message):
        redirect_uri_of(page_url)
    with pytest.raises(SpotifyError, match=message):
        Logins("id", page_url)


# Saving


def test_a_playlist_is_private_and_keeps_the_order(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake))
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
        ("\ud800", None),
        ("  \n ", None),
        ("", None),
        ("y" * 99 + " z", "y" * 99),
        ('"; <b>\u00e9\U0001f600\u05d0', '"; <b>\u00e9\U0001f600\u05d0'),
    ],
)
def test_a_hostile_name_becomes_one_short_line(fake: FakeSpotify, text: str, expected: str | None) -> None:
    account = signed_in(logins_of(fake))
    if expected is None:
        with pytest.raises(SpotifyError, match="name"):
            account.save_playlist(text, IDS)
        assert fake.playlists == []
    else:
        account.save_playlist(text, IDS, description=text * 4)
        (playlist,) = fake.playlists
        assert playlist.name == expected
        assert len(playlist.description) <= 300
        assert playlist.description.isprintable()


def test_a_long_description_is_cut(fake: FakeSpotify) -> None:
    signed_in(logins_of(fake)).save_playlist("x", IDS, description="\n" + "z" * 10_000)
    assert fake.playlists[0].description == "z" * 300


@pytest.mark.parametrize("track", ["", "../x", "spotify:track:" + track_id(1), track_id(1) + "\n"])
def test_an_invalid_id_makes_no_request(fake: FakeSpotify, track: str) -> None:
    account = signed_in(logins_of(fake))
    with pytest.raises(SpotifyError, match="expected a Spotify track id"):
        account.save_playlist("x", [*IDS, track])
    assert fake.requests("/v1/") == []


def test_a_playlist_without_tracks_is_a_mistake_of_the_caller(fake: FakeSpotify) -> None:
    with pytest.raises(ValueError, match="track_ids"):
        signed_in(logins_of(fake)).save_playlist("x", [])
    assert fake.playlists == []


def test_an_expired_token_is_refreshed_before_the_first_call() -> None:
    with fake_spotify(Behaviour.EXPIRED) as fake:
        account = signed_in(logins_of(fake))
        for _ in range(2):
            account.save_playlist("x", IDS)
    assert [playlist.track_ids for playlist in fake.playlists] == [IDS, IDS]
    _, refresh = fake.requests(TOKEN)
    assert form_of(refresh)["grant_type"] == "refresh_token"
    assert form_of(refresh)["client_id"] == fake.client_id
    assert len(fake.requests(CREATE)) == 2  # none with the expired token


def test_a_refused_refresh_needs_a_new_sign_in() -> None:
    with fake_spotify(Behaviour.EXPIRED) as fake:
        account = signed_in(logins_of(fake))
        fake.reject_refresh_tokens()
        for _ in range(2):
            with pytest.raises(SignInNeededError):
                account.save_playlist("x", IDS)
    assert fake.playlists == []


def test_an_expired_token_without_a_refresh_token_needs_a_new_sign_in(fake: FakeSpotify) -> None:
    fake.replies[TOKEN] = [Reply({"access_token": "access", "expires_in": 0})]
    account = signed_in(logins_of(fake))
    with pytest.raises(SignInNeededError):
        account.save_playlist("x", IDS)
    assert len(fake.requests(TOKEN)) == 1


def test_a_failed_refresh_can_be_repeated() -> None:
    with fake_spotify(Behaviour.EXPIRED) as fake:
        account = signed_in(logins_of(fake))
        fake.replies[TOKEN] = [Reply(b"", 503)]
        with pytest.raises(SpotifyError, match="HTTP 503") as caught:
            account.save_playlist("x", IDS)
        assert not isinstance(caught.value, SignInNeededError)
        account.save_playlist("x", IDS)
    assert [playlist.track_ids for playlist in fake.playlists] == [IDS]


def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake))
    fake.reject_access_tokens()
    fake.replies[TOKEN] = [Reply({"access_token": "rejected", "expires_in": 3600})]
    with pytest.raises(SignInNeededError):
        account.save_playlist("x", IDS)
    account.save_playlist("x", IDS)
    assert len(fake.playlists) == 1


def test_a_rejected_token_is_refreshed_once(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake))
    fake.reject_access_tokens()
    account.save_playlist("x", IDS)
    assert [playlist.track_ids for playlist in fake.playlists] == [IDS]
    assert len(fake.requests(CREATE)) == 2
    assert len(fake.requests(TOKEN)) == 2


def test_a_token_rejected_twice_needs_a_new_sign_in(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake))
    fake.replies[CREATE] = [Reply(b"", 401), Reply([], 401)]
    with pytest.raises(SignInNeededError):
        account.save_playlist("x", IDS)
    assert len(fake.requests(CREATE)) == 2
    assert len(fake.requests(TOKEN)) == 2


def test_a_token_rejected_between_two_parts_loses_no_tracks(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake))
    fake.replies[ADD] = [None, Reply(b"", 401)]
    ids = [track_id(number) for number in range(250)]
    account.save_playlist("x", ids)
    assert fake.playlists[0].track_ids == ids


def test_threads_share_one_refresh(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake, timeout_s=10.0))
    fake.reject_access_tokens()
    with ThreadPoolExecutor(NUM_THREADS) as threads:
        list(threads.map(lambda number: account.save_playlist(f"{number}", IDS), range(4)))
    assert len(fake.playlists) == 4
    assert len(fake.requests(TOKEN)) == 2


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [(Behaviour.FORBIDDEN, "user list"), (Behaviour.RATE_LIMITED, r" 30 s\."), (Behaviour.BROKEN, "HTTP 500")],
)
def test_a_refusal_of_the_web_api_creates_nothing(fake: FakeSpotify, behaviour: Behaviour, message: str) -> None:
    account = signed_in(logins_of(fake))
    fake.behaviour = behaviour
    with pytest.raises(SpotifyError, match=message) as caught:
        account.save_playlist("x", IDS)
    assert not isinstance(caught.value, SignInNeededError)
    assert (len(fake.requests("/v1/")), fake.playlists) == (1, [])
    assert len(fake.requests(TOKEN)) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [*FAILURES, (Reply({"id": "../../x"}), INVALID), (Reply({"id": 5}), INVALID), (Reply(b"", 404), "HTTP 404")],
)
def test_every_failure_of_creating_is_a_short_message(fake: FakeSpotify, answer: Reply, message: str) -> None:
    account = signed_in(logins_of(fake))
    fake.replies[CREATE] = [answer]
    with pytest.raises(SpotifyError, match=message) as caught:
        account.save_playlist("x", IDS)
    assert is_short(caught.value)
    assert len(fake.requests("/v1/")) == 1


@pytest.mark.parametrize(("answer", "message"), [*FAILURES, (Reply({"snapshot_id": 5}), INVALID)])
@pytest.mark.parametrize("num_parts", [0, 2])
def test_a_failure_of_adding_says_how_many_songs_the_playlist_has(
    fake: FakeSpotify, answer: Reply, message: str, num_parts: int
) -> None:
    account = signed_in(logins_of(fake))
    fake.replies[ADD] = [*[None] * num_parts, answer]
    with pytest.raises(SpotifyError, match=f"playlist exists.* {num_parts * 100} of 250 songs.*{message}") as caught:
        account.save_playlist("x", [track_id(number) for number in range(250)])
    assert is_short(caught.value)
    assert len(fake.playlists[0].track_ids) == num_parts * 100
    assert len(fake.requests(ADD)) == num_parts + 1


def test_a_sign_in_that_ends_while_adding_is_still_recognised(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake))
    fake.replies[ADD] = [None, Reply(b"", 401)]
    fake.reject_refresh_tokens()
    with pytest.raises(SignInNeededError, match="100 of 250 songs"):
        account.save_playlist("x", [track_id(number) for number in range(250)])


def test_retry_after_stops_all_requests_of_the_app(fake: FakeSpotify) -> None:
    logins = logins_of(fake)
    first, second = signed_in(logins), signed_in(logins)
    login = logins.start(BROWSER)
    answer = consent(login)
    fake.replies[CREATE] = [Reply(b"", 429, {"Retry-After": "1"})]
    num_requests = len(fake.server.requests)
    for account in (first, first, second):
        with pytest.raises(SpotifyError, match=r" 1 s\."):
            account.save_playlist("x", IDS)
    with pytest.raises(SpotifyError, match=r" 1 s\."):
        logins.finish(browser=BROWSER, **answer)
    assert len(fake.server.requests) == num_requests + 1
    time.sleep(1.1)
    assert second.save_playlist("x", IDS)


def test_a_429_answer_without_retry_after_is_no_pause(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake))
    fake.replies[CREATE] = [Reply(b"", 429), Reply(b"", 429, {"Retry-After": "soon"})]
    for _ in range(2):
        with pytest.raises(SpotifyError, match="Too many requests"):
            account.save_playlist("x", IDS)
    assert account.save_playlist("x", IDS)


def test_without_a_network_nothing_is_saved(fake: FakeSpotify) -> None:
    account = signed_in(logins_of(fake, api_url=f"{closed_address()}/v1/"))
    with pytest.raises(SpotifyError, match=r"^Spotify cannot be reached") as caught:
        account.save_playlist("x", IDS)
    assert is_short(caught.value)


# Tokens


def test_tokens_are_neither_logged_nor_shown_nor_stored(
    fake: FakeSpotify, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    logins = logins_of(fake)
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
    account.save_playlist("x", IDS)
    fake.reject_access_tokens()
    fake.reject_refresh_tokens()
    with pytest.raises(SignInNeededError) as caught:
        account.save_playlist("x", IDS)
    shown += [repr(account), repr(account._token), str(caught.value)]
    shown += [f"{record.getMessage()} {record.args}" for record in caplog.records]
    assert len(fake.tokens) == 6  # code, verifier, and two tokens from consent and refresh
    for secret in [*fake.tokens, login.state, BROWSER, "private name"]:
        assert [text for text in shown if secret in text] == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError):
        pickle.dumps(account)


def test_visitors_share_no_cookies(fake: FakeSpotify) -> None:
    logins = logins_of(fake)
    cookie = {"Set-Cookie": "visitor=first; Path=/"}
    fake.replies[TOKEN] = [Reply(TOKEN_FIELDS | {"expires_in": 0, "refresh_token": "refused"}, headers=cookie)]
    signed_in(logins)
    signed_in(logins).save_playlist("x", IDS)
    gc.collect()
    assert [request for request in fake.server.requests if "Cookie" in request.headers] == []
