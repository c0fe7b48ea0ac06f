"""Who may send frames to a live session, and what is taken."""

import gc
import itertools
import json
import secrets
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.applications import Starlette
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from emomusic.errors import ImageError
from emomusic.media.images import RgbImage, encode_jpeg
from emomusic.server import frames
from tests.fakes import own_capacity
from tests.server.asgi import answer_of
from tests.waiting import wait_until

JPEG = encode_jpeg(np.full((30, 40, 3), 90, np.uint8))
COOKIE = "_streamlit_xsrf"
Ask = Callable[..., tuple[int, bytes]]


class Taker:
    """Notes its frames, and what its browser sends as cookies."""

    def __init__(self) -> None:
        self.visitor, self.is_live, self.token = "ann", True, secrets.token_urlsafe()
        self.cookies = {COOKIE: generate_xsrf_token_string(b"0" * 16, 1)}
        self.sent = self.cookies
        self.taken: list[tuple[int, ...]] = []
        self.listener: Callable[[], object] | None = None

    def take_frame(self, decode: Callable[[], RgbImage]) -> None:
        try:
            self.taken.append(decode().shape)
        except ImageError:
            self.taken.append(())

    def faces_json(self) -> bytes:
        self.is_live = len(self.taken) < 3
        return json.dumps(self.taken).encode()

    def connect(self, offer: bytes) -> bytes:
        if offer != b"offer":
            raise ConnectionError("malformed")
        return b"answer"


def place_of(taker: Taker) -> str:
    """The address of a session that has its place."""
    assert frames.capacity().start_live(taker)
    return f"{frames.FOLDER}/{taker.token}"


@pytest.fixture
def taker(monkeypatch: pytest.MonkeyPatch) -> Taker:
    open_pages = SimpleNamespace(is_active_session=lambda visitor: visitor == "ann")
    own_capacity(monkeypatch, frames, max_visitors=9, max_live=9)
    monkeypatch.setattr(frames, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: open_pages))
    return Taker()


@pytest.fixture
def ask(taker: Taker) -> Ask:
    """Requests of the page to the server: status and body."""
    app = Starlette(routes=frames.routes())

    def request(address: str, method: str = "POST", body: bytes | None = JPEG) -> tuple[int, bytes]:
        cookies = "; ".join(f"{name}={value}" for name, value in taker.sent.items())
        status, _, content = answer_of(app, address, {"cookie": cookies}, method, body)
        return status, content

    return request


def test_an_answer_follows_each_frame_and_a_refused_one_closes_its_connection(ask: Ask, taker: Taker) -> None:
    address = place_of(taker)
    assert ask(address) == (200, b"[[30, 40, 3]]")
    assert ask(address, body=b"not a picture") == (200, b"[[30, 40, 3], []]")
    assert ask(address, body=bytes(frames.MAX_BODY_BYTES + 1))[0] == 413
    assert len(taker.taken) == 2
    assert ask(address, "PUT", b"hello")[0] == 400  # a malformed offer
    taker.cookies = taker.sent = {}
    assert ask(address)[0] == 200  # of a browser without cookies
    app = Starlette(routes=frames.routes())
    status, headers, _ = answer_of(app, "/app/static/live/a-guess", {}, "POST", JPEG)
    assert (status, dict(headers)["connection"]) == (404, "close")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"visitor": "bob"}, id="a closed page"),
        pytest.param({"is_live": False}, id="an ended session"),
        pytest.param({"sent": {COOKIE: generate_xsrf_token_string(b"1" * 16, 1)}}, id="another browser"),
        pytest.param({"sent": {}}, id="no cookie"),
    ],
)
def test_all_but_the_page_of_the_session_find_nothing(ask: Ask, taker: Taker, change: dict[str, object]) -> None:
    address = place_of(taker)
    assert ask(address, "PUT", b"offer") == (200, b"answer")
    guess = address[:-1] + ("A" if address[-1] != "A" else "B")
    assert {ask(guess, method)[0] for method in ("POST", "PUT", "GET")} == {404}
    vars(taker).update(change)
    assert {ask(address, method)[0] for method in ("POST", "PUT", "GET")} == {404}
    assert taker.taken == []


def test_an_address_ends_with_its_session(ask: Ask, taker: Taker) -> None:
    other = Taker()
    address = place_of(other)
    taker.sent = other.cookies
    assert ask(address)[0] == 200
    del other
    gc.collect()
    wait_until(lambda: ask(address)[0] == 404)  # the thread of the last frame lets go of it


def test_between_two_frames_events_wait(ask: Ask, taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_BEAT_S", 0.05)
    num_events = itertools.count(1)

    def faces() -> bytes:
        taker.is_live = next(num_events) < 4
        return b"faces"

    monkeypatch.setattr(taker, "faces_json", faces)
    began_s = time.monotonic()
    _, events = ask(place_of(taker), "GET", None)
    assert events.count(b"faces") == 4
    assert time.monotonic() - began_s > 0.1


def test_events_have_the_faces_until_the_session_ends(ask: Ask, taker: Taker) -> None:
    taker.taken = [(1,), (2,), (3,)]
    assert ask(place_of(taker), "GET", None) == (200, b"data: [[1], [2], [3]]\n\n")
