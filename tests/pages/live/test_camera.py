"""How the video begins and ends: the question for the camera, the ways of the frames, and what ends them."""

import json
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from emomusic.app.live import session
from emomusic.app.state import CameraState
from emomusic.media.images import encode_jpeg, read_image
from emomusic.server import ice
from emomusic.server.capacity import Capacity
from emomusic.server.frames import Problem
from emomusic.server.live import LiveSession, Phase
from emomusic.server.settings import Settings
from emomusic.stream.reader import LiveReader
from tests.fakes import FakeClassifier, FakeClock, FakeDetector
from tests.pages.live.sessions import FRAME, TWO, Browser, agree_and_start, live_state, played, problems, show
from tests.pages.screen import keys, state_of, text_of


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
    monkeypatch.setattr(session.st, "context", SimpleNamespace(url=url))
    assert session.connection() is None
    monkeypatch.setenv("EMOMUSIC_LIVE", "webrtc")
    settings = session.connection()
    assert settings is not None
    assert settings.hosts == hosts


def test_turn_reaches_the_session_of_webrtc(app: AppTest, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [{"urls": ["turn:turn.example.org"]}]
    monkeypatch.setenv("EMOMUSIC_ICE", json.dumps({"iceServers": servers, "iceTransportPolicy": "relay"}))
    monkeypatch.setenv("EMOMUSIC_TURN_SECRET", "north")
    assert "turn.example.org" not in text_of(app.run())
    monkeypatch.setenv("EMOMUSIC_LIVE", "webrtc")
    assert "turn.example.org" in text_of(app.run())
    browser.problem = ""
    agree_and_start(app)
    settings = state_of(app, CameraState).session.ice
    assert settings.policy == "relay"
    assert settings.servers[0].credential


def test_a_refused_visitor_may_ask_again(app: AppTest, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = Capacity(Settings(max_visitors=9, max_live=1))
    monkeypatch.setattr(session, "capacity", lambda: rooms)
    other = played()
    assert rooms.start_live(other)
    assert app.run().button(key="live-start").disabled
    agree_and_start(app)
    assert live_state(app).is_asking
    for problem in (Problem.BUSY, Problem.FULL):
        browser.problem = "" if problem is Problem.FULL else problem
        app.run().run()
        assert problems(app) == [problem]
        browser.problem = None
        app.button(key=f"live-again-{problem}").click().run()
    other.end()
    browser.problem = ""
    app.run().run()
    assert problems(app) == []
    assert rooms.num_live == 1
    app.button(key="live-stop").click().run()
    assert rooms.num_live == 0
    assert "live-restart" in keys(app)


def test_an_answer_to_an_earlier_question_starts_nothing(app: AppTest, browser: Browser) -> None:
    browser.problem = ""
    agree_and_start(app.run())
    first = state_of(app, CameraState).session
    app.run().button(key="live-stop").click().run()
    app.run()
    assert state_of(app, CameraState).session is first


@pytest.mark.parametrize("is_asking", [True, False])
def test_after_a_photo_instead_the_problem_is_there_again(app: AppTest, browser: Browser, is_asking: bool) -> None:
    if is_asking:
        browser.problem = Problem.ABSENT
        agree_and_start(app.run()).run()
    else:
        (live := played()).end(Problem.LOST)
        show(app, live)
    (problem,) = problems(app)
    app.button(key=f"live-photo-{problem}").click().run()
    assert "live-stop" not in keys(app)
    assert problems(app.switch_page("pages/live.py").run()) == [problem]


def new_session(clock: FakeClock, **options: ice.IceSettings) -> LiveSession:
    return LiveSession(LiveReader(lambda: (FakeDetector(TWO), FakeClassifier())), clock=clock, **options)


def test_frames_of_a_page_that_was_gone_for_long_are_not_taken(app: AppTest, clock: FakeClock) -> None:
    live, jpeg = new_session(clock), encode_jpeg(FRAME)
    live.take_frame(lambda: read_image(jpeg))
    live.take_frame(lambda: read_image(b"not a picture"))
    assert live.frame_error is not None
    clock.advance(60)
    assert not live.is_live
    live.take_frame(lambda: read_image(jpeg))
    assert live.frame_error is not None  # as before
    show(app, live)
    assert problems(app) == [Problem.LOST]


def test_the_session_of_a_closed_page_gives_its_place_to_the_same_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    capacity = Capacity(Settings(max_live=2))
    monkeypatch.setattr(session, "capacity", lambda: capacity)
    mine, other, new = (
        LiveSession(LiveReader(lambda: (FakeDetector(TWO), FakeClassifier())), visitor=visitor, cookies={"a": cookie})
        for visitor, cookie in (("before", "1"), ("other", "2"), ("now", "1"))
    )
    assert capacity.start_live(mine)
    assert capacity.start_live(other)
    session._end_earlier(new)
    assert (mine.is_on, other.is_on, capacity.start_live(new)) == (False, True, True)


@pytest.mark.parametrize(("options", "problem"), [({}, Problem.LOST), ({"ice": ice.IceSettings(())}, Problem.BLOCKED)])
def test_without_a_frame_webrtc_is_blocked(
    app: AppTest, clock: FakeClock, options: dict[str, ice.IceSettings], problem: Problem
) -> None:
    live = new_session(clock, **options)
    clock.advance(60)
    show(app, live)
    assert (live.phase, problems(app)) == (Phase.OVER, [problem])
