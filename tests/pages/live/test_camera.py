"""How the camera starts and ends, and the connection of its frames."""

import asyncio
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect
from streamlit.testing.v1 import AppTest

from emomusic.affect import Emotion
from emomusic.app.live import ice
from emomusic.app.live import page as page_module
from emomusic.app.live import session as session_module
from emomusic.app.live import video as video_module
from emomusic.app.live.connection import serve_frames
from emomusic.app.live.ice import Way
from emomusic.app.live.session import CONNECT_TIMEOUT_S, Phase, Problem
from emomusic.app.queues import PlayerState
from emomusic.app.state import CameraState
from emomusic.media.images import encode_jpeg
from emomusic.server.capacity import Capacity
from emomusic.server.shared import Shared
from tests.fakes import FakeClassifier, FakeDetector
from tests.pages.live.sessions import (
    FRAME,
    TWO,
    OtherSession,
    live_state,
    played,
    press_start,
    problems,
    session_of,
    show,
)
from tests.pages.screen import keys, state_of, text_of

JPEG = encode_jpeg(FRAME)


class Socket:
    """The WebSocket of a browser that sends frames; "closed" is the last of its answers if the server closes it."""

    def __init__(self, key: str, *jpegs: bytes) -> None:
        self.path_params = {"key": key}
        self.answers: list[Any] = []
        self._frames = iter([number.to_bytes(4) + jpeg for number, jpeg in enumerate(jpegs, 1)])
        asyncio.run(serve_frames(self))  # type: ignore[arg-type]

    async def accept(self) -> None:
        pass

    async def receive(self) -> dict[str, Any]:
        frame = next(self._frames, None)
        kind = "disconnect" if frame is None or "closed" in self.answers else "receive"
        return {"type": f"websocket.{kind}", "bytes": frame}

    async def send_text(self, text: str) -> None:
        self.answers.append(json.loads(text))

    async def close(self) -> None:
        self.answers.append("closed")


class ClosedSocket(Socket):
    """The WebSocket of a page that was closed before the answer."""

    async def send_text(self, text: str) -> None:
        raise WebSocketDisconnect(1006)


def test_the_page_starts_without_the_camera_and_start_gives_consent(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert not live_state(app).has_agreed
    assert "agrees" in app.button(key="live-start").label
    session = press_start(app)
    assert "live-start" not in keys(app)
    assert "live-stop" in keys(app)
    assert session.phase is Phase.CONNECTING
    session.end(Problem.REFUSED)
    app.run()
    assert problems(app) == [Problem.REFUSED]
    app.button(key=f"live-again-{Problem.REFUSED}").click().run()
    assert session_of(app).is_on
    assert problems(app) == []


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://[::1]:8501/live", ()),
        ("http://localhost.example.org/live", ("stun.l.google.com",)),
        ("", ("stun.l.google.com",)),
    ],
)
def test_no_ice_server_is_used_on_one_machine(
    app: AppTest, url: str, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module.st, "context", SimpleNamespace(url=url))
    assert page_module.connection_settings({}).hosts == hosts


def test_turn_is_named_and_reaches_both_sides(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [{"urls": ["turn:turn.example.org"]}]
    monkeypatch.setenv(ice.ICE, json.dumps({"iceServers": servers, "iceTransportPolicy": "relay"}))
    monkeypatch.setenv(ice.TURN_SECRET, "north")
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(video_module, "_CAMERA", lambda data, **_: given.append(data))
    assert "turn.example.org" in text_of(app.run())
    session = press_start(app)
    configuration = given[-1]["ice"]
    assert configuration == session.ice.as_dict()
    assert configuration["iceTransportPolicy"] == "relay"
    assert configuration["iceServers"][0]["credential"]


def test_the_server_answers_frames_until_stop(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shared, "live_networks", lambda _: (FakeDetector(TWO), FakeClassifier()))
    session = press_start(app.run())
    assert ClosedSocket(session.key, JPEG, JPEG).answers == []
    known, broken = Socket(session.key, JPEG, b"not a picture").answers
    box, (height, width) = session.view().faces[0].face.box, FRAME.shape[:2]
    shares = [box.x / width, box.y / height, box.width / width, box.height / height]
    assert known["faces"][0]["box"] == pytest.approx(shares, abs=1e-3)
    assert (known["faces"][0]["number"], known["faces"][0]["valence"] > 0, known["isMarked"]) == (1, True, True)
    assert broken["faces"] == []
    assert session.view().error is not None
    assert [known["number"], broken["number"]] == [1, 2]
    app.run()
    assert not app.exception
    assert (session.phase, session.way) == (Phase.PLAYING, Way.PAGE)
    app.button(key="live-stop").click().run()
    assert (session.phase, session.problem) == (Phase.OVER, None)
    assert [Socket(key, JPEG).answers for key in (session.key, "guessed")] == [["closed"]] * 2
    assert press_start(app) is not session


@pytest.fixture
def one_place(monkeypatch: pytest.MonkeyPatch) -> OtherSession:
    """The session of another visitor, on a server with a single place."""
    here, other = Capacity(max_visitors=9, max_live=1), OtherSession()
    for module in (page_module, session_module):
        monkeypatch.setattr(module, "capacity", lambda: here)
    assert here.start_live(other)
    return other


def test_without_a_free_place_the_page_offers_a_snapshot_until_there_is_one(
    app: AppTest, one_place: OtherSession
) -> None:
    app.run().button(key="live-start").click().run()
    assert (problems(app), state_of(app, CameraState).session) == ([Problem.FULL], None)
    app.button(key=f"live-again-{Problem.FULL}").click().run()
    assert problems(app) == [Problem.FULL]
    one_place.is_live = False
    app.button(key=f"live-again-{Problem.FULL}").click().run()
    assert (problems(app), "live-restart" in keys(app)) == ([], True)
    assert press_start(app).is_on


def test_the_owner_may_leave_only_webrtc_and_a_page_without_it_says_so(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ice.LIVE, "webrtc")
    session = press_start(app.run())
    assert problems(app) == []
    session.started_s -= CONNECT_TIMEOUT_S
    app.run()
    assert problems(app) == [Problem.BLOCKED]
    session.take_frame(JPEG, Way.WEBRTC)
    app.run()
    assert problems(app) == []
    session.end()


def test_the_session_is_over_after_a_visit_to_another_page_and_can_start_again(app: AppTest) -> None:
    session = played((6, TWO, Emotion.HAPPY))
    show(app, session)
    assert session.is_on
    app.switch_page("pages/photo.py").run()
    assert session.phase is Phase.OVER
    app.switch_page("pages/live.py").run()
    assert not app.exception
    assert app.metric
    assert "live-start" not in keys(app)  # the visitor has agreed
    assert press_start(app) is not session
    assert "session" not in state_of(app, PlayerState).queues
    assert not app.exception


def test_a_browser_that_sends_no_frame_for_long_loses_its_place(app: AppTest) -> None:
    session = played((1, TWO, Emotion.HAPPY))
    session.frame_s = time.monotonic() - 60
    assert not session.is_live
    show(app, session)
    app.run()
    assert problems(app) == [Problem.LOST]
    assert session.reader.is_closed
