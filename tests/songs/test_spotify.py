"""Spotify links and song lists, and Spotify search against a local HTTP server."""

import logging
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from emomusic.affect import AffectPoint
from emomusic.errors import SpotifyError
from emomusic.songs import spotify as spotify_search
from emomusic.songs.request import Request as SongRequest
from emomusic.songs.song import Pick
from emomusic.songs.spotify import Credentials, credentials_of, search_spotify, songs_m3u, track_url
from emomusic.text import csv_text, escape_formula
from tests.servers import Reply, Request, Server, serve
from tests.songs.tables import recommender_over, song_table, track_id


def songs_over(table: pd.DataFrame) -> list[Pick]:
    return recommender_over(table).songs(SongRequest(AffectPoint(0, 0)), len(table))


def test_a_formula_is_quoted_and_the_playlist_an_extended_m3u_file_of_links() -> None:
    for cell, escaped in (
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "  '@SUM(A1)"),
        ("a; -1\t+2\n=3", "a; '-1\t'+2\n'=3"),
        ("a = b - c, +d", "a = b - c, +d"),
    ):
        assert escape_formula(cell) == escaped
        assert csv_text(["x"], [[cell]]).splitlines()[1].strip('"').startswith(escaped.splitlines()[0])
    (song,) = songs_over(song_table(1))
    label = "#EXTINF:200,Artist 0 - Song 0"
    assert songs_m3u([song]) == f"#EXTM3U\n{label}\n{track_url(song.song.id)}\n"
    with_break = songs_m3u([song], ["0:31 Two\r\nhttps://example.org/\u2028lines"]).splitlines()
    assert with_break[1] == "#EXTINF:200,0:31 Two https://example.org/ lines"
    assert songs_m3u([]) == "#EXTM3U\n"
    (unknown,) = songs_over(song_table(1).drop(columns="duration_s"))
    assert "#EXTINF:-1,Artist 0" in songs_m3u([unknown])
    with pytest.raises(ValueError, match="shorter"):
        songs_m3u([song, song], ["0:00 One"])


CREDENTIALS = Credentials("id", "secret")
TOKEN = Reply({"access_token": "token", "token_type": "Bearer", "expires_in": 3600})

Handler = Callable[[Request], Reply]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def item(number: int, **changes: Any) -> dict[str, Any]:
    """A track of a search response since February 2026, without popularity."""
    return {
        "id": track_id(number),
        "name": f"Song {number}",
        "artists": [{"name": "One"}, {"name": "Two"}],
        "explicit": True,
        "duration_ms": 200_500,
        "album": {"name": "Album", "release_date": "1999-10-12"},
    } | changes


def results(*items: Any, total: int | None = None) -> Reply:
    return Reply({"tracks": {"items": list(items), "total": len(items) if total is None else total}})


@contextmanager
def spotify(search: Reply | Handler, token: Reply | Handler = TOKEN, *, timeout_s: float = 20) -> Iterator[Server]:
    """A server with tokens at /token and results at /v1/search, which `search_spotify` asks."""

    def answer(request: Request) -> Reply:
        part = token if request.path == "/token" else search
        return part if isinstance(part, Reply) else part(request)

    with serve(answer) as server, asked(server.url, timeout_s):
        yield server


@contextmanager
def asked(url: str, timeout_s: float) -> Iterator[None]:
    """`search_spotify` asks the server at a URL, and logs in."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("API_URL", f"{url}/v1/"), ("TOKEN_URL", f"{url}/token"), ("TIMEOUT_S", timeout_s)):
            patch.setattr(spotify_search, name, value)
        spotify_search._client_of.cache_clear()
        yield


def test_a_search_sends_the_token_and_returns_tracks() -> None:
    with spotify(results(item(1), item(2), total=70)) as server:
        page = search_spotify("  seven   nation  army ", CREDENTIALS)
    first = page.songs[0]
    assert (page.total, len(page.songs)) == (70, 2)
    assert (first.id, first.title, first.artists, first.explicit) == (track_id(1), "Song 1", ("One", "Two"), True)
    assert (first.album, first.year, first.duration_s) == ("Album", 1999, 200.5)
    assert math.isnan(first.energy)
    token, search = server.requests
    assert token.body == b"grant_type=client_credentials"
    assert token.headers["Authorization"] == "Basic aWQ6c2VjcmV0"
    assert search.headers["Authorization"] == "Bearer token"
    query = {"q": ["seven nation army"], "limit": ["10"], "offset": ["0"], "type": ["track"]}
    assert parse_qs(urlsplit(search.path).query) == query


def test_one_login_is_used_until_a_search_fails() -> None:
    answers = [results(item(1)), results(item(1)), Reply({"error": {"message": "expired"}}, 401), results(item(1))]
    with spotify(lambda _: answers.pop(0)) as server:
        assert [len(search_spotify("x", CREDENTIALS).songs) for _ in range(2)] == [1, 1]
        with pytest.raises(SpotifyError, match="rejected"):
            search_spotify("x", CREDENTIALS)
        assert len(search_spotify("x", CREDENTIALS).songs) == 1
    paths = [request.path.split("?")[0] for request in server.requests]
    assert paths == ["/token", *["/v1/search"] * 3, "/token", "/v1/search"]


def test_missing_optional_fields_are_none_and_a_song_is_found_once() -> None:
    sparse = {"id": track_id(1), "name": "Song", "artists": [{"name": "One"}], "album": None}
    foreign = item(2, album={"release_date": "0000"}, explicit=None)
    lengths = [float("inf"), float("nan"), -1, 360_000_001, 360_000_000]
    timed = [item(number, duration_ms=length) for number, length in enumerate(lengths, 3)]
    with spotify(results(sparse, None, foreign, foreign, *timed)):
        first, second, *others = search_spotify("x", CREDENTIALS).songs
    assert [track.duration_s for track in others] == [None] * 4 + [360_000.0]
    assert (first.album, first.year, first.duration_s) == (None, None, None)
    assert (second.album, second.year) == (None, None)
    assert (first.explicit, second.explicit) == (False, False)


INVALID = "Spotify sent an invalid response"
REJECTED = "Spotify rejected the keys"
BROKEN = [
    *(Reply(body) for body in (b"\xff\xfe", None, "text", {}, b"[" * 100_000)),
    Reply(b"{", headers={"Content-Encoding": "gzip"}),
    Reply({"tracks": {}}, length=500),
    Reply({"tracks": {"items": [], "total": float("inf")}}),
    *(
        Reply({"tracks": {"items": [each], "total": 1}})
        for each in ("x", item(1, id="../../x"), item(1, artists=[]), item(1, duration_ms=10**400))
    ),
]


@pytest.mark.parametrize(("answer", "message", "is_login"), [
    *((answer, INVALID, False) for answer in BROKEN),
    (Reply({"error": {"status": 401, "message": "Invalid access token"}}, 401), REJECTED, False),
    (Reply(b"Too many", 429, {"Retry-After": "40000"}), "Too many requests to Spotify.* in 667 minutes", False),
    (Reply(b"", 429, {"Retry-After": "soon"}), "Too many requests to Spotify.* again later", False),
    *((Reply(b"", 500), r"Spotify has .*\(HTTP 500\)", is_login) for is_login in (False, True)),
    (Reply(b"not json", 403), "Spotify does not allow .*Premium", False),
    (Reply({"error": {"status": 400, "message": "Invalid limit"}}, 400), r"Spotify refused .*\(HTTP 400\)", False),
    (Reply({"error": "invalid_client"}, 400), REJECTED, True),
    *((Reply(body), INVALID, True) for body in (b"{", {"access_token": "x"})),
])  # fmt: skip
def test_every_failure_is_a_short_message_and_can_be_repeated(answer: Reply, message: str, is_login: bool) -> None:
    tokens, found = [answer, TOKEN] if is_login else [TOKEN] * 2, [results(item(1)) if is_login else answer]
    with spotify(lambda _: found[0], lambda _: tokens.pop(0)) as server:
        with pytest.raises(SpotifyError, match=f"^{message}") as caught:
            search_spotify("x", CREDENTIALS)
        assert len(server.requests) == 2 - is_login  # the login and one search, without retries
        found[0] = results(item(1))
        assert len(search_spotify("x", CREDENTIALS).songs) == 1
    assert re.fullmatch(r".{,199}\.", str(caught.value))
    assert "secret" not in str(caught.value).replace("client secret", "")


def test_a_silent_or_absent_server_is_a_short_message() -> None:
    hanging = Reply(hang=True)
    for context, message in (
        (spotify(hanging, hanging, timeout_s=0.05), "Spotify did not answer in time"),
        (asked("http://127.0.0.1:1", 20), "Spotify cannot be reached"),  # a reserved port
    ):
        with context, pytest.raises(SpotifyError, match=rf"^{message}\..{{,150}}\.$"):
            search_spotify("x", CREDENTIALS)


def test_credentials_are_read_in_any_case_and_not_logged_nor_are_searches(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with spotify(Reply(b"", 500)), pytest.raises(SpotifyError):
        search_spotify("a private search", CREDENTIALS)
    logs = [record.getMessage() for record in caplog.records if record.name.startswith("spotipy")]
    assert "private" not in "".join(logs)
    assert "secret'" not in repr(CREDENTIALS)
    assert "client_secret" not in repr(CREDENTIALS)
    assert credentials_of({"spotify_client_id": " id ", "SPOTIFY_CLIENT_SECRET": "secret", "other": 1}) == CREDENTIALS
    assert credentials_of({"SPOTIFY_CLIENT_ID": "id"}) is None
    assert credentials_of({"SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": "  "}) is None
