"""Live Spotify and its helpers against a real server on this machine that plays every answer they may give."""

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
FEATURES_THERE = {feature.source_name: 0.5 for feature in FEATURES.values()} | {"loudness": -7.5, "tempo": 120}
TIMEOUT_S = 2.0  # long for an answer on this machine, and short to wait where a server hangs
SOON_S = 20.0  # many times TIMEOUT_S, for a busy machine; below the 25 s after which the test's slowest answers end

Handler = Callable[[Request], Reply]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def item(number: int, **changes: Any) -> dict[str, Any]:
    """A track as Spotify's search gives it since February 2026, without popularity."""
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
    return {"id": "0f0e0d0c", "href": href} | FEATURES_THERE | changes


@contextmanager
def spotify(search: Reply | Handler, token: Reply | Handler = TOKEN) -> Iterator[Server]:
    """A server that gives tokens below /token and results below /v1/search."""

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


def test_a_search_gives_tracks_and_says_who_it_is() -> None:
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


def test_one_login_serves_many_searches() -> None:
    with spotify(results(item(1))) as server:
        searcher = live(server)
        for _ in range(3):
            searcher.search("x")
    assert [request.path.split("?")[0] for request in server.requests] == ["/token", *["/v1/search"] * 3]


def test_no_words_find_nothing_and_ask_nobody() -> None:
    assert live(closed_address()).search(" \n ").tracks == ()


@pytest.mark.parametrize(("limit", "page"), [(0, 0), (11, 0), (10, -1), (10, 100)])
def test_what_spotify_would_refuse_is_not_asked(limit: int, page: int) -> None:
    with pytest.raises(ValueError, match="must be from"):
        live(closed_address()).search("x", limit=limit, page=page)
    assert SEARCH_LIMIT == 10


def test_a_sparse_answer_is_enough() -> None:
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
def test_a_length_that_cannot_be_true_is_not_known(duration_ms: float) -> None:
    with spotify(results(item(1, duration_ms=duration_ms), item(2, duration_ms=86_400_000))) as server:
        assert [track.duration_s for track in live(server).search("x").tracks] == [None, 86_400.0]


def test_features_come_from_the_catalogue_then_from_reccobeats_else_from_nobody() -> None:
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


def test_where_reccobeats_fails_the_search_is_shown_all_the_same() -> None:
    with spotify(results(item(1))) as server, serve(lambda _: Reply(b"", 503)) as other:
        page = live(server, reccobeats=ReccoBeats(api_url=other.url, timeout_s=TIMEOUT_S)).search("x")
    assert [track.track for track in page.tracks] == [None]
    assert page.notice == "ReccoBeats has a fault of its own (HTTP 503): try again later."


def test_switched_off_reccobeats_is_not_asked() -> None:
    with spotify(results(item(1))) as server:
        assert live(server).search("x").tracks[0].track is None


NONSENSE = [
    Reply(b""), Reply(b"<html>Sign in</html>"), Reply(b"\xff\xfe"), Reply([]), Reply(None), Reply("text"),
    Reply({}), Reply(b"{", headers={"Content-Encoding": "gzip"}), Reply({"x": "y" * (web_service.MAX_ANSWER_BYTES)}),
    Reply(b"[" * 100_000), Reply(b"9" * 5_000),
]  # fmt: skip
UNREADABLE = "Spotify sent an answer that cannot be read: try again later."
SILENT = "Spotify did not answer within 2 s: try again in a while."
REFUSALS = [
    (
        Reply({"error": {"status": 401, "message": "Invalid access token"}}, 401),
        "Spotify does not accept the credentials",
    ),
    (
        Reply({"error": {"status": 403, "message": "Active premium"}}, 403),
        "Spotify does not let this app search.*Premium",
    ),
    (Reply(b"not json", 403), "Spotify does not let this app search.*Premium"),
    (Reply({"error": {"status": 400, "message": "Invalid limit"}}, 400), r"Spotify refused to answer \(HTTP 400\)"),
    (Reply({"error": "odd"}, 429, {"Retry-After": "7"}), "Spotify was asked too often: try again in 7 s"),
    (Reply("odd", 429, {"Retry-After": "9"}), "Spotify was asked too often: try again in 9 s"),
    (Reply({"error": {}}, 429, {"Retry-After": "7"}), "Spotify was asked too often: try again in 7 s"),
    (Reply(b"Too many", 429, {"Retry-After": "40000"}), "Spotify was asked too often: try again in 667 minutes"),
    (Reply(b"", 429, {"Retry-After": "soon"}), "Spotify was asked too often: try again in a while"),
    (Reply(b"", 429), "Spotify was asked too often: try again in a while"),
    (Reply(b"", 500), r"Spotify has a fault of its own \(HTTP 500\): try again later"),
    (Reply({"error": {}}, 503), r"Spotify has a fault of its own \(HTTP 503\)"),
    (Reply(hang=True), SILENT),
    (Reply({"tracks": {}}, length=500, hang=True), SILENT),
    (Reply(b"x" * 500, trickle_s=0.05), SILENT),
    (Reply({"tracks": {}}, length=500), UNREADABLE),
    *[(answer, UNREADABLE) for answer in NONSENSE],
]


@pytest.mark.parametrize(("answer", "sentence"), [
    *REFUSALS,
    (Reply({"tracks": {"items": [{}], "total": 1}}), UNREADABLE),
    (Reply({"tracks": {"items": ["x"], "total": 1}}), UNREADABLE),
    (Reply({"tracks": {"items": [item(1, id="../../x")], "total": 1}}), UNREADABLE),
    (Reply({"tracks": {"items": [item(1, artists=[])], "total": 1}}), UNREADABLE),
    (Reply({"tracks": {"items": [item(1, album=[1])], "total": 1}}), UNREADABLE),
    (Reply({"tracks": {"items": [item(1, duration_ms="x")], "total": 1}}), UNREADABLE),
    (Reply({"tracks": {"items": [item(1, duration_ms=10**400)], "total": 1}}), UNREADABLE),
    (Reply({"tracks": {"items": [], "total": float("inf")}}), UNREADABLE),
    (Reply({"tracks": {"items": [], "total": "many"}}), UNREADABLE),
    (Reply(b"", 302, {"Location": "http://192.0.2.1/"}), UNREADABLE),
])  # fmt: skip
def test_every_failure_of_a_search_is_one_sentence_and_soon(answer: Reply, sentence: str) -> None:
    with spotify(answer) as server:
        started = time.monotonic()
        with pytest.raises(SpotifyError, match=f"^{sentence}") as told:
            live(server).search("x")
        assert time.monotonic() - started < SOON_S
    assert len(server.requests) == 2  # the login and one search: nothing is asked twice
    assert one_sentence(told.value)


@pytest.mark.parametrize(("answer", "sentence"), [
    *REFUSALS,
    (Reply({"error": "invalid_client"}, 400), "Spotify does not accept the credentials"),
    (Reply({"access_token": "x"}), UNREADABLE),
    (Reply({"expires_in": 3600}), UNREADABLE),
    (Reply({"access_token": "x", "expires_in": "long"}), UNREADABLE),
])  # fmt: skip
def test_every_failure_of_the_login_is_one_sentence_and_soon(answer: Reply, sentence: str) -> None:
    if answer.status == 400:
        sentence = "Spotify does not accept the credentials"  # what an unknown client id gets
    with spotify(results(item(1)), answer) as server:
        started = time.monotonic()
        with pytest.raises(SpotifyError, match=f"^{sentence}") as told:
            live(server).search("x")
        assert time.monotonic() - started < SOON_S
    assert len(server.requests) == 1
    assert one_sentence(told.value)
    assert "secret" not in str(told.value).replace("client secret", "")


def one_sentence(error: SpotifyError) -> bool:
    text = str(error)
    return "\n" not in text and text.endswith(".") and len(text) < 200


def test_without_network_there_is_one_sentence() -> None:
    with pytest.raises(SpotifyError, match=r"^Spotify could not be reached: is this machine online\?") as told:
        live(closed_address()).search("x")
    assert "\n" not in str(told.value)


def test_without_credentials_it_is_said_where_they_belong() -> None:
    with pytest.raises(SpotifyError, match=r"needs credentials: set SPOTIFY_CLIENT_ID .*secrets.toml or"):
        LiveSpotify(None).search("x")


def test_a_pause_that_spotify_asks_for_is_kept() -> None:
    with spotify(Reply(b"", 429, {"Retry-After": "1"})) as server:
        searcher = live(server)
        for _ in range(4):
            with pytest.raises(SpotifyError, match=r"asked too often: try again in 1 s\."):
                searcher.search("x")
        assert len(server.requests) == 2
        time.sleep(1.1)
        with pytest.raises(SpotifyError, match="asked too often"):
            searcher.search("x")
        assert len(server.requests) == 3


@pytest.mark.parametrize("first", [Reply({"expires_in": 3600}), Reply({"error": "x"}, 401), Reply(b"", 500)])
def test_after_a_failed_login_the_next_search_logs_in_anew(first: Reply) -> None:
    answers = [first, TOKEN]
    with spotify(results(item(1)), lambda _: answers.pop(0)) as server:
        searcher = live(server)
        with pytest.raises(SpotifyError):
            searcher.search("x")
        assert len(searcher.search("x").tracks) == 1


def test_a_token_that_spotify_took_back_is_not_used_again() -> None:
    answers = [Reply({"error": {"message": "expired"}}, 401), results(item(1))]
    with spotify(lambda _: answers.pop(0)) as server:
        searcher = live(server)
        with pytest.raises(SpotifyError, match="does not accept"):
            searcher.search("x")
        assert len(searcher.search("x").tracks) == 1
    assert [request.path for request in server.requests].count("/token") == 2


def test_neither_searches_nor_secrets_are_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with spotify(Reply(b"", 500)) as server, pytest.raises(SpotifyError):
        live(server).search("what nobody should know")
    assert "nobody" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("spotipy")
    )
    assert "secret'" not in repr(CREDENTIALS)
    assert "client_secret" not in repr(CREDENTIALS)


@pytest.mark.parametrize(
    "names", [("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"), ("spotipy_client_id", "SPOTIPY_CLIENT_SECRET")]
)
def test_credentials_are_found_under_the_usual_names(names: tuple[str, str]) -> None:
    assert credentials_of({names[0]: " id ", names[1]: "secret", "other": 1}) == CREDENTIALS
    assert credentials_of({names[0]: "id"}) is None
    assert credentials_of({names[0]: "id", names[1]: "  "}) is None


def test_credentials_are_found_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("SPOTIFY", "SPOTIPY"):
        for part in ("ID", "SECRET"):
            monkeypatch.delenv(f"{prefix}_CLIENT_{part}", raising=False)
    assert credentials_from_environment() is None
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "id")
    monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "secret")
    assert credentials_from_environment() == CREDENTIALS


def test_reccobeats_is_asked_forty_at_a_time_and_once() -> None:
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
    assert len(server.requests) == 2  # what it does not know is remembered too
    assert dict(found[ids[1]]) == {name: FEATURES_THERE[feature.source_name] for name, feature in FEATURES.items()}


@pytest.mark.parametrize(
    "spoilt",
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
def test_features_that_cannot_be_true_are_no_features(spoilt: dict[str, Any]) -> None:
    with serve(lambda _: Reply({"content": [recco_entry(1, **spoilt), recco_entry(2)]})) as server:
        found = ReccoBeats(api_url=server.url, timeout_s=TIMEOUT_S).features([track_id(1), track_id(2)])
    assert list(found) == [track_id(2)]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Reply(b"", 429, {"Retry-After": "30"}), "ReccoBeats was asked too often: try again in 30 s."),
        (Reply(b"", 500), "ReccoBeats has a fault of its own"),
        (Reply(b"", 403), r"ReccoBeats refused to answer \(HTTP 403\)"),
        (Reply(b"", 302, {"Location": "http://192.0.2.1/"}), r"ReccoBeats refused to answer \(HTTP 302\)"),
        (Reply(hang=True), "ReccoBeats did not answer within 2 s"),
        *[(answer, "ReccoBeats sent an answer that cannot be read") for answer in NONSENSE],
        (Reply({"content": ["x"]}), "ReccoBeats sent an answer that cannot be read"),
        (Reply({"content": {}}), "ReccoBeats sent an answer that cannot be read"),
    ],
)
def test_every_failure_of_reccobeats_is_one_sentence(answer: Reply, sentence: str) -> None:
    with serve(lambda _: answer) as server, pytest.raises(SpotifyError, match=f"^{sentence}") as told:
        ReccoBeats(api_url=server.url, timeout_s=TIMEOUT_S).features([track_id(1)])
    assert len(server.requests) == 1
    assert one_sentence(told.value)


def test_reccobeats_may_know_nothing() -> None:
    with serve(lambda _: Reply(b"", 404)) as server:
        assert ReccoBeats(api_url=server.url).features([track_id(1)]) == {}


def test_of_what_reccobeats_answered_the_longest_unused_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_track_may_have_no_cover(images: Any) -> None:
    with spotify(results(item(1, album={"name": "Album", "images": images}))) as server:
        (track,) = live(server).search("x").tracks
    assert (track.album, track.cover_url) == ("Album", None)


def test_what_is_no_id_is_not_asked_for() -> None:
    with pytest.raises(SpotifyError, match="expected a Spotify track id"):
        ReccoBeats(api_url=closed_address()).features(["../x"])


def test_the_time_limit_is_five_seconds_at_most() -> None:
    assert web_service.TIMEOUT_S <= 5
