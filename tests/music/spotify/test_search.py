"""Spotify search and ReccoBeats against a local HTTP server."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from emomusic.errors import SpotifyError
from emomusic.music.catalogue import Catalogue
from emomusic.music.features import FEATURES
from emomusic.music.spotify import reccobeats, web_service
from emomusic.music.spotify.reccobeats import ReccoBeats
from emomusic.music.spotify.search import (
    SEARCH_LIMIT,
    Credentials,
    FeatureSource,
    LiveSpotify,
    credentials_from_environment,
    credentials_of,
)
from tests.music.tables import song_table, track_id
from tests.servers import Reply, Request, Server, closed_address, serve

CREDENTIALS = Credentials("id", "secret")
TOKEN = Reply({"access_token": "token", "token_type": "Bearer", "expires_in": 3600})
COVER = "https://i.scdn.co/image/ab67616d00001e02"
SOURCE_FEATURES = {feature.source_name: 0.5 for feature in FEATURES.values()} | {"loudness": -7.5, "tempo": 120}
TIMEOUT_S = 2.0  # long enough for a local response
MAX_DURATION_S = 20.0  # for a busy machine, but below the 25 s of the slowest reply

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
        "album": {
            "name": "Album",
            "release_date": "1999-10-12",
            "images": [{"url": f"{COVER}-640", "width": 640}, {"url": COVER, "width": 300}, {"url": "x", "width": 64}],
        },
    } | changes


def results(*items: Any, total: int | None = None) -> Reply:
    return Reply({"tracks": {"items": list(items), "total": len(items) if total is None else total}})


def recco_entry(number: int, **changes: Any) -> dict[str, Any]:
    href = f"https://open.spotify.com/track/{track_id(number)}"
    return {"id": "0f0e0d0c", "href": href} | SOURCE_FEATURES | changes


@contextmanager
def spotify(search: Reply | Handler, token: Reply | Handler = TOKEN) -> Iterator[Server]:
    """A server with tokens at /token and results at /v1/search."""

    def answer(request: Request) -> Reply:
        part = token if request.path == "/token" else search
        return part if isinstance(part, Reply) else part(request)

    with serve(answer) as server:
        yield server


def live(server: Server | str, credentials: Credentials | None = CREDENTIALS, **options: Any) -> LiveSpotify:
    url = server if isinstance(server, str) else server.url
    options = {"timeout_s": TIMEOUT_S} | options
    return LiveSpotify(credentials, api_url=f"{url}/v1/", token_url=f"{url}/token", **options)


def query_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def test_a_search_sends_the_token_and_returns_tracks() -> None:
    with spotify(results(item(1), item(2), total=70)) as server:
        page = live(server).search("  seven   nation  army ", limit=2, page=3)
    first = page.tracks[0]
    assert (page.total, page.notice, len(page.tracks)) == (70, None, 2)
    assert (first.id, first.title, first.artists, first.explicit) == (track_id(1), "Song 1", ("One", "Two"), True)
    assert (first.album, first.year, first.duration_s, first.cover_url) == ("Album", 1999, 200.5, COVER)
    assert (first.track, first.source) == (None, None)
    token, search = server.requests
    assert token.body == b"grant_type=client_credentials"
    assert token.headers["Authorization"] == "Basic aWQ6c2VjcmV0"
    assert search.headers["Authorization"] == "Bearer token"
    assert query_of(search) == {"q": "seven nation army", "limit": "2", "offset": "6", "type": "track"}


def test_one_login_is_used_for_many_searches() -> None:
    with spotify(results(item(1))) as server:
        searcher = live(server)
        for _ in range(3):
            searcher.search("x")
    assert [request.path.split("?")[0] for request in server.requests] == ["/token", *["/v1/search"] * 3]


def test_a_search_without_words_makes_no_request() -> None:
    assert live(closed_address()).search(" \n ").tracks == ()


@pytest.mark.parametrize(("limit", "page"), [(0, 0), (11, 0), (10, -1), (10, 100)])
def test_an_invalid_limit_or_page_makes_no_request(limit: int, page: int) -> None:
    with pytest.raises(ValueError, match="must be from"):
        live(closed_address()).search("x", limit=limit, page=page)
    assert SEARCH_LIMIT == 10


def test_missing_optional_fields_are_none() -> None:
    sparse = {"id": track_id(1), "name": "Song", "artists": [{"name": "One"}], "album": None}
    foreign = item(2, album={"release_date": "0000", "images": [{"url": "https://example.org/x.jpg"}]}, explicit=None)
    with spotify(results(sparse, None, foreign)) as server:
        first, second = live(server).search("x").tracks
    assert (first.album, first.year, first.duration_s, first.cover_url, first.explicit) == (
        None,
        None,
        None,
        None,
        False,
    )
    assert (second.album, second.year, second.cover_url, second.explicit) == (None, None, None, False)


@pytest.mark.parametrize("duration_ms", [float("inf"), float("nan"), -1, 86_400_001])
def test_an_invalid_duration_is_none(duration_ms: float) -> None:
    with spotify(results(item(1, duration_ms=duration_ms), item(2, duration_ms=86_400_000))) as server:
        assert [track.duration_s for track in live(server).search("x").tracks] == [None, 86_400.0]


def test_features_come_from_the_catalogue_or_reccobeats() -> None:
    catalogue = Catalogue(song_table(2))

    def recco(request: Request) -> Reply:
        return Reply({"content": [recco_entry(5)]})

    with spotify(results(item(1), item(5), item(6))) as server, serve(recco) as other:
        reccobeats = ReccoBeats(api_url=f"{other.url}/v1/audio-features", timeout_s=TIMEOUT_S)
        page = live(server, catalogue=catalogue, reccobeats=reccobeats).search("x")
    assert [track.source for track in page.tracks] == [FeatureSource.CATALOGUE, FeatureSource.RECCOBEATS, None]
    first, second, third = (result.track for result in page.tracks)
    assert first == catalogue.find(track_id(1))
    assert second is not None
    assert (second.id, second.energy, second.loudness_db, second.tempo_bpm) == (track_id(5), 0.5, -7.5, 120.0)
    assert (second.title, second.year, second.duration_s) == ("Song 5", 1999, 200.5)
    assert third is None
    assert page.notice is None
    assert [query_of(request) for request in other.requests] == [{"ids": f"{track_id(5)},{track_id(6)}"}]


def test_a_search_succeeds_if_reccobeats_fails() -> None:
    with spotify(results(item(1))) as server, serve(lambda _: Reply(b"", 503)) as other:
        page = live(server, reccobeats=ReccoBeats(api_url=other.url, timeout_s=TIMEOUT_S)).search("x")
    assert [track.track for track in page.tracks] == [None]
    assert page.notice is not None
    assert "ReccoBeats" in page.notice
    assert "HTTP 503" in page.notice


def test_tracks_have_no_features_without_reccobeats() -> None:
    with spotify(results(item(1))) as server:
        assert live(server).search("x").tracks[0].track is None


INVALID_RESPONSES = [
    Reply(b""), Reply(b"<html>Sign in</html>"), Reply(b"\xff\xfe"), Reply([]), Reply(None), Reply("text"),
    Reply({}), Reply(b"{", headers={"Content-Encoding": "gzip"}), Reply({"x": "y" * (web_service.MAX_ANSWER_BYTES)}),
    Reply(b"[" * 100_000), Reply(b"9" * 5_000),
]  # fmt: skip
INVALID = "Spotify sent an invalid response"
TIMED_OUT = "Spotify did not answer within 2 s"
ERRORS = [
    (
        Reply({"error": {"status": 401, "message": "Invalid access token"}}, 401),
        "Spotify rejected the credentials",
    ),
    (
        Reply({"error": {"status": 403, "message": "Active premium"}}, 403),
        "Spotify does not allow .*Premium",
    ),
    (Reply(b"not json", 403), "Spotify does not allow .*Premium"),
    (Reply({"error": {"status": 400, "message": "Invalid limit"}}, 400), r"Spotify refused .*\(HTTP 400\)"),
    (Reply({"error": "odd"}, 429, {"Retry-After": "7"}), "Too many requests to Spotify.* 7 s"),
    (Reply("odd", 429, {"Retry-After": "9"}), "Too many requests to Spotify.* 9 s"),
    (Reply({"error": {}}, 429, {"Retry-After": "7"}), "Too many requests to Spotify.* 7 s"),
    (Reply(b"Too many", 429, {"Retry-After": "40000"}), "Too many requests to Spotify.* 667 minutes"),
    (Reply(b"", 429, {"Retry-After": "soon"}), "Too many requests to Spotify"),
    (Reply(b"", 429), "Too many requests to Spotify"),
    (Reply(b"", 500), r"Spotify has .*\(HTTP 500\)"),
    (Reply({"error": {}}, 503), r"Spotify has .*\(HTTP 503\)"),
    (Reply(hang=True), TIMED_OUT),
    (Reply({"tracks": {}}, length=500, hang=True), TIMED_OUT),
    (Reply(b"x" * 500, trickle_s=0.05), TIMED_OUT),
    (Reply({"tracks": {}}, length=500), INVALID),
    *[(answer, INVALID) for answer in INVALID_RESPONSES],
]


@pytest.mark.parametrize(("answer", "message"), [
    *ERRORS,
    (Reply({"tracks": {"items": [{}], "total": 1}}), INVALID),
    (Reply({"tracks": {"items": ["x"], "total": 1}}), INVALID),
    (Reply({"tracks": {"items": [item(1, id="../../x")], "total": 1}}), INVALID),
    (Reply({"tracks": {"items": [item(1, artists=[])], "total": 1}}), INVALID),
    (Reply({"tracks": {"items": [item(1, album=[1])], "total": 1}}), INVALID),
    (Reply({"tracks": {"items": [item(1, duration_ms="x")], "total": 1}}), INVALID),
    (Reply({"tracks": {"items": [item(1, duration_ms=10**400)], "total": 1}}), INVALID),
    (Reply({"tracks": {"items": [], "total": float("inf")}}), INVALID),
    (Reply({"tracks": {"items": [], "total": "many"}}), INVALID),
    (Reply(b"", 302, {"Location": "http://192.0.2.1/"}), INVALID),
])  # fmt: skip
def test_every_failure_of_a_search_is_a_short_message_in_time(answer: Reply, message: str) -> None:
    with spotify(answer) as server:
        started = time.monotonic()
        with pytest.raises(SpotifyError, match=f"^{message}") as caught:
            live(server).search("x")
        assert time.monotonic() - started < MAX_DURATION_S
    assert len(server.requests) == 2  # the login and one search, without retries
    assert is_short_line(caught.value)


@pytest.mark.parametrize(("answer", "message"), [
    *ERRORS,
    (Reply({"error": "invalid_client"}, 400), "Spotify rejected the credentials"),
    (Reply({"access_token": "x"}), INVALID),
    (Reply({"expires_in": 3600}), INVALID),
    (Reply({"access_token": "x", "expires_in": "long"}), INVALID),
])  # fmt: skip
def test_every_failure_of_the_login_is_a_short_message_in_time(answer: Reply, message: str) -> None:
    if answer.status == 400:
        message = "Spotify rejected the credentials"  # status 400 is an unknown client id
    with spotify(results(item(1)), answer) as server:
        started = time.monotonic()
        with pytest.raises(SpotifyError, match=f"^{message}") as caught:
            live(server).search("x")
        assert time.monotonic() - started < MAX_DURATION_S
    assert len(server.requests) == 1
    assert is_short_line(caught.value)
    assert "secret" not in str(caught.value).replace("client secret", "")


def is_short_line(error: SpotifyError) -> bool:
    text = str(error)
    return "\n" not in text and text.endswith(".") and len(text) < 200


def test_without_a_network_the_error_is_one_line() -> None:
    with pytest.raises(SpotifyError, match=r"^Spotify cannot be reached") as caught:
        live(closed_address()).search("x")
    assert "\n" not in str(caught.value)


def test_the_error_for_absent_credentials_names_the_variables() -> None:
    with pytest.raises(SpotifyError, match=r"SPOTIFY_CLIENT_ID .*secrets.toml"):
        LiveSpotify(None).search("x")


def test_retry_after_is_respected() -> None:
    with spotify(Reply(b"", 429, {"Retry-After": "1"})) as server:
        searcher = live(server)
        for _ in range(4):
            with pytest.raises(SpotifyError, match=r"Too many requests.* 1 s\."):
                searcher.search("x")
        assert len(server.requests) == 2
        time.sleep(1.1)
        with pytest.raises(SpotifyError, match="Too many requests"):
            searcher.search("x")
        assert len(server.requests) == 3


@pytest.mark.parametrize("first", [Reply({"expires_in": 3600}), Reply({"error": "x"}, 401), Reply(b"", 500)])
def test_a_search_after_a_failed_login_logs_in_again(first: Reply) -> None:
    answers = [first, TOKEN]
    with spotify(results(item(1)), lambda _: answers.pop(0)) as server:
        searcher = live(server)
        with pytest.raises(SpotifyError):
            searcher.search("x")
        assert len(searcher.search("x").tracks) == 1


def test_a_rejected_token_is_not_reused() -> None:
    answers = [Reply({"error": {"message": "expired"}}, 401), results(item(1))]
    with spotify(lambda _: answers.pop(0)) as server:
        searcher = live(server)
        with pytest.raises(SpotifyError, match="rejected"):
            searcher.search("x")
        assert len(searcher.search("x").tracks) == 1
    assert [request.path for request in server.requests].count("/token") == 2


def test_searches_and_secrets_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with spotify(Reply(b"", 500)) as server, pytest.raises(SpotifyError):
        live(server).search("a private search")
    assert "private" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("spotipy")
    )
    assert "secret'" not in repr(CREDENTIALS)
    assert "client_secret" not in repr(CREDENTIALS)


@pytest.mark.parametrize(
    "names", [("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"), ("spotipy_client_id", "SPOTIPY_CLIENT_SECRET")]
)
def test_credentials_are_read_from_both_names_in_any_case(names: tuple[str, str]) -> None:
    assert credentials_of({names[0]: " id ", names[1]: "secret", "other": 1}) == CREDENTIALS
    assert credentials_of({names[0]: "id"}) is None
    assert credentials_of({names[0]: "id", names[1]: "  "}) is None


def test_credentials_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("SPOTIFY", "SPOTIPY"):
        for part in ("ID", "SECRET"):
            monkeypatch.delenv(f"{prefix}_CLIENT_{part}", raising=False)
    assert credentials_from_environment() is None
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "id")
    monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "secret")
    assert credentials_from_environment() == CREDENTIALS


def test_reccobeats_gets_40_ids_per_request_and_is_cached() -> None:
    def recco(request: Request) -> Reply:
        numbers = [int(part) for part in query_of(request)["ids"].split(",")]
        assert len(numbers) <= 40
        return Reply({"content": [recco_entry(number) for number in reversed(numbers) if number % 2]})

    with serve(recco) as server:
        service = ReccoBeats(api_url=server.url, timeout_s=TIMEOUT_S)
        ids = [track_id(number) for number in range(50)]
        for _ in range(2):
            found = service.features([*ids, ids[1]])
            assert list(found) == ids[1::2]
    assert len(server.requests) == 2  # unknown tracks are cached too
    assert dict(found[ids[1]]) == {name: SOURCE_FEATURES[feature.source_name] for name, feature in FEATURES.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"energy": 2},
        {"energy": "0.5"},
        {"energy": None},
        {"tempo": float("nan")},
        {"loudness": -99},
        {"href": "x"},
        {"href": 5},
    ],
)
def test_tracks_with_invalid_features_are_absent(changes: dict[str, Any]) -> None:
    with serve(lambda _: Reply({"content": [recco_entry(1, **changes), recco_entry(2)]})) as server:
        found = ReccoBeats(api_url=server.url, timeout_s=TIMEOUT_S).features([track_id(1), track_id(2)])
    assert list(found) == [track_id(2)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Reply(b"", 429, {"Retry-After": "30"}), "Too many requests to ReccoBeats.* 30 s"),
        (Reply(b"", 500), r"ReccoBeats has .*\(HTTP 500\)"),
        (Reply(b"", 403), r"ReccoBeats refused .*\(HTTP 403\)"),
        (Reply(b"", 302, {"Location": "http://192.0.2.1/"}), r"ReccoBeats refused .*\(HTTP 302\)"),
        (Reply(hang=True), "ReccoBeats did not answer within 2 s"),
        *[(answer, "ReccoBeats sent an invalid response") for answer in INVALID_RESPONSES],
        (Reply({"content": ["x"]}), "ReccoBeats sent an invalid response"),
        (Reply({"content": {}}), "ReccoBeats sent an invalid response"),
    ],
)
def test_every_failure_of_reccobeats_is_a_short_message(answer: Reply, message: str) -> None:
    with serve(lambda _: answer) as server, pytest.raises(SpotifyError, match=f"^{message}") as caught:
        ReccoBeats(api_url=server.url, timeout_s=TIMEOUT_S).features([track_id(1)])
    assert len(server.requests) == 1
    assert is_short_line(caught.value)


def test_status_404_of_reccobeats_means_no_features() -> None:
    with serve(lambda _: Reply(b"", 404)) as server:
        assert ReccoBeats(api_url=server.url).features([track_id(1)]) == {}


def test_the_least_recently_used_features_leave_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reccobeats, "_CACHE_SIZE", 2)
    with serve(lambda request: Reply({"content": [recco_entry(int(query_of(request)["ids"]))]})) as server:
        service = ReccoBeats(api_url=server.url, timeout_s=TIMEOUT_S)
        for number in (1, 1, 2, 1, 3, 1):
            assert list(service.features([track_id(number)])) == [track_id(number)]
        assert len(server.requests) == 3
        service.features([track_id(2)])
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    "images",
    [
        None,
        [],
        [{"url": None}],
        [{"url": "http://i.scdn.co/x"}],
        [{"url": "https://example.org/i.scdn.co/x"}],
        [{"url": "https://i.scdn.co@example.org/x"}],
        [{"url": "javascript:alert(1)"}],
        [{"url": "https://[x"}],
    ],
)
def test_a_cover_of_another_host_is_none(images: Any) -> None:
    with spotify(results(item(1, album={"name": "Album", "images": images}))) as server:
        (track,) = live(server).search("x").tracks
    assert (track.album, track.cover_url) == ("Album", None)


def test_an_invalid_id_makes_no_request() -> None:
    with pytest.raises(SpotifyError, match="expected a Spotify track id"):
        ReccoBeats(api_url=closed_address()).features(["../x"])


def test_the_timeout_is_at_most_five_seconds() -> None:
    assert web_service.TIMEOUT_S <= 5
