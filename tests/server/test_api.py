import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from requests import Response
from starlette.applications import Starlette

from emomusic.faces.detection import Face
from emomusic.media.images import RgbImage
from emomusic.server import api
from emomusic.server.capacity import Capacity
from emomusic.server.settings import settings
from tests.batch.pictures import answer_of as command
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, own_capacity
from tests.films import SAMPLES
from tests.waiting import PATIENCE_S, wait_until

TOKEN = "a-long-secret-of-the-test"
ENVIRONMENT = {"EMOMUSIC_API_TOKEN": TOKEN, "EMOMUSIC_API_PER_MINUTE": "6000"}
SAMPLE = "barack-obama-2012.jpg"


@dataclass(frozen=True)
class Ask:
    """Asks the server at a port."""

    port: int

    def __call__(self, path: str, body: Any = None, *, token: str | None = TOKEN, **headers: str) -> Response:
        url, method = f"http://127.0.0.1:{self.port}{path}", "GET" if body is None else "POST"
        sent = headers if token is None else headers | {"Authorization": f"Bearer {token}"}
        return requests.request(method, url, data=body, headers=sent, timeout=PATIENCE_S)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Capacity:
    """The capacity of the test's server."""
    return own_capacity(monkeypatch, api, max_visitors=10, max_live=3)


@contextmanager
def serve(environment: dict[str, str]) -> Iterator[Ask]:
    config = uvicorn.Config(
        Starlette(routes=api.routes(settings(environment))), port=0, log_config=None, lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield Ask(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


@pytest.fixture
def ask(here: Capacity) -> Iterator[Ask]:
    with serve(ENVIRONMENT) as ask:
        yield ask


@pytest.fixture
def photo() -> bytes:
    return (SAMPLES / SAMPLE).read_bytes()


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("elapsed_ms", "image")}


def test_the_answer_is_that_of_the_command_until_a_drain(ask: Ask, here: Capacity, photo: bytes) -> None:
    answer = ask("/api/analyze?songs=2&policy=soothe&genres=jazz,rock", photo)
    options = ("--songs", "2", "--policy", "soothe", "--genres", "jazz,rock")
    ((expected,), _) = command("analyze", SAMPLES / SAMPLE, *options)
    (received,) = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert received.keys() == expected.keys()
    assert received["elapsed_ms"].keys() == expected["elapsed_ms"].keys()
    assert without_times(received) == without_times(expected)
    assert len(received["songs"]) == 2
    wait_until(lambda: ask("/ready").json() == {"status": "ready"})
    here.is_draining = True
    assert [ask("/ready").status_code, ask("/api/analyze", photo).status_code] == [503, 503]


def test_a_body_above_the_limit_is_refused_with_and_without_its_length(ask: Ask) -> None:
    large = 20 * 2**20 + 1
    pieces = (b"x" * 2**20 for _ in range(21))
    answers = ask("/api/analyze", b"", **{"Content-Length": str(large)}), ask("/api/analyze", pieces)
    assert [answer.status_code for answer in answers] == [413, 413]
    unread = (*answers, ask("/api/analyze", pieces, token="wrong"), ask("/api/analyze?songs=-1", pieces))
    assert {answer.headers["connection"] for answer in unread} == {"close"}  # else the client sends all of it


def test_other_calls_are_refused_with_what_is_expected(ask: Ask, photo: bytes) -> None:
    for token in (None, TOKEN + "x", "ü"):
        answer = ask("/api/analyze", photo, token=token)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert TOKEN not in answer.text
    assert [ask(path).status_code for path in ("/api/analyze", "/api/analyse")] == [405, 404]
    form = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + photo + b"\r\n--x--\r\n"
    answer = ask("/api/analyze", form, **{"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, "--data-binary" in answer.json()["error"]) == (415, True)
    for headers in ({"Content-Type": "application/json"}, {"Content-Encoding": "gzip"}):
        answer = ask("/api/analyze", photo, **headers)
        assert (answer.status_code, "--data-binary" in answer.json()["error"]) == (415, True)
    for body in (b"", b"\x00\x00\x00\x18ftypmp42"):
        answer = ask("/api/analyze", body)
        (record,) = answer.json()
        assert (answer.status_code, record.keys()) == (422, {"image", "error"})
    wrong = ("songs=-1", "songs=101", "songs=1&songs=2", "seed=4294967296", "policy=angry", "genres=nothing", "name=x")
    for query in wrong:
        answer = ask(f"/api/analyze?{query}", photo)
        assert (answer.status_code, answer.json().keys()) == (422, {"error"}), query


def test_neither_rate_nor_token_is_optional(here: Capacity, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(api, "monotonic", clock)
    with serve(ENVIRONMENT | {"EMOMUSIC_API_PER_MINUTE": "2"}) as ask:
        assert ask("/api/analyze", photo, token="wrong").status_code == 401  # a stranger does not use up the rate
        for wait_s, status in ((0, 200), (20, 200), (10, 429), (30, 200), (0, 429)):  # two in any minute
            clock.advance(wait_s)
            answer = ask("/api/analyze?songs=0", photo)
            assert (answer.status_code, answer.headers.get("retry-after")) in ((200, None), (429, "30"), (429, "20"))
            assert answer.status_code == status
    with serve({}) as ask:
        assert [ask("/api/analyze", photo).status_code, ask("/metrics").status_code] == [404, 200]


class Slow(FakeDetector):
    """A detector that waits for the test."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def detect(self, image: RgbImage) -> list[Face]:
        self.has_begun.set()
        assert self.may_end.wait(PATIENCE_S)
        return super().detect(image)


@pytest.fixture
def slow(here: Capacity, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """The detector of a server that answers one call at a time."""
    slow = Slow()
    fake = SimpleNamespace(visitor_networks=lambda *_, **__: (slow, FakeClassifier()))
    monkeypatch.setattr(api, "shared", lambda: fake)
    monkeypatch.setattr(api, "_CALLS_PER_CORE", 1)
    monkeypatch.setattr(api, "num_cores", lambda: 1)
    return slow


def test_a_call_is_work_and_a_busy_server_refuses_more(slow: Slow, ask: Ask, here: Capacity, photo: bytes) -> None:
    with ThreadPoolExecutor(1) as caller, ExitStack() as ended:
        ended.callback(slow.may_end.set)  # also where an assertion fails
        first = caller.submit(ask, "/api/analyze", photo)
        assert slow.has_begun.wait(PATIENCE_S)
        assert here.is_busy
        answer = ask("/api/analyze", photo)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        slow.may_end.set()
        assert first.result(PATIENCE_S).ok
    assert not here.is_busy
    assert ask("/api/analyze", photo).ok


@contextmanager
def slow_body(ask: Ask, here: Capacity, *, is_held: bool = True) -> Iterator[socket.socket]:
    """A call whose picture does not end, and whose bytes are held before the caller goes on."""
    before = here.memory.num_bytes
    with socket.create_connection(("127.0.0.1", ask.port)) as client:
        head = f"POST /api/analyze HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 999\r\n\r\n"
        client.sendall(head.encode() + b"a picture")
        wait_until(lambda: here.memory.num_bytes > before or not is_held)
        yield client


def test_slow_bodies_end(slow: Slow, ask: Ask, here: Capacity, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    slow.may_end.set()
    with slow_body(ask, here), slow_body(ask, here):
        assert here.is_busy
        assert ask("/api/analyze", photo).ok
    wait_until(lambda: not here.is_busy)
    assert here.memory.num_bytes == 0
    monkeypatch.setattr(api, "_BODY_S", 0.1)
    with slow_body(ask, here, is_held=False) as client:  # perhaps not for long enough to see it
        assert client.recv(99).startswith(b"HTTP/1.1 408")


def test_monitoring_counts_readings_and_reports_the_limits(ask: Ask, photo: bytes) -> None:
    def figures() -> dict[str, float]:
        answer = ask("/metrics", token=None)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
        families = text_string_to_metric_families(answer.text)
        return {sample.name: sample.value for family in families for sample in family.samples}

    before = figures()
    for _ in range(3):
        ask("/api/analyze?songs=0", photo)
    after = figures()
    assert after["emomusic_readings_total"] - before["emomusic_readings_total"] == 3
    assert after["emomusic_faces_total"] - before["emomusic_faces_total"] == 3
    names = ("visitors", "visitors_limit", "live_sessions", "live_limit", "queue_length", "draining")
    assert [after[f"emomusic_{name}"] for name in names] == [0, 10, 0, 3, 0, 0]
    assert after["process_resident_memory_bytes"] > 2**20
