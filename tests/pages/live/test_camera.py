"""How the camera starts and ends, by WebRTC or over the page."""

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit_webrtc
from streamlit.testing.v1 import AppTest
from streamlit_webrtc.webrtc import SignallingTimeoutError

from emomusic.app import state
from emomusic.app.live import ice
from emomusic.app.live import page as page_module
from emomusic.app.live.session import LiveSession, Phase, Problem, Way
from emomusic.app.state import CameraState
from emomusic.media.images import encode_jpeg
from emomusic.stream.reader import LiveReader
from tests.fakes import FakeClassifier, FakeDetector
from tests.pages.live.sessions import FRAME, TWO, Stream, live_state, problems, show
from tests.pages.screen import state_of, text_of


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


def test_turn_is_named_and_reaches_both_sides_and_there_is_no_audio(
    app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [{"urls": ["turn:turn.example.org"]}]
    monkeypatch.setenv(ice.ICE, json.dumps({"iceServers": servers, "iceTransportPolicy": "relay"}))
    monkeypatch.setenv(ice.TURN_SECRET, "north")
    assert "turn.example.org" in text_of(app.run())
    show(app, stream, None)
    (options,) = stream.options
    browser, server = options["frontend_rtc_configuration"], options["server_rtc_configuration"]
    assert browser == server | {"iceTransportPolicy": "relay"}
    assert server["iceServers"][0]["credential"]
    assert options["media_stream_constraints"]["audio"] is False
    assert options["video_html_attrs"]["muted"]


def test_after_a_signalling_timeout_no_session_starts(
    app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ice.LIVE, "webrtc")
    show(app, stream, None)
    stream.state.signalling = True

    def late(**options: Any) -> None:
        raise SignallingTimeoutError("not finished in 10 seconds")

    with monkeypatch.context() as patch:
        patch.setattr(streamlit_webrtc, "webrtc_streamer", late)
        app.run()
    assert problems(app) == [Problem.BLOCKED]
    assert app.button(key=f"live-again-{Problem.BLOCKED}")
    session = state_of(app, CameraState).session
    app.run()
    assert state_of(app, CameraState).session is session
    assert session.phase is Phase.OVER


def test_a_slow_connection_is_kept_unless_the_visitor_left(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real stream component, on a server that counts two finished runs of the page at once."""
    monkeypatch.setattr(streamlit_webrtc, "webrtc_streamer", streamlit_webrtc.component.webrtc_streamer)
    runs = SimpleNamespace(script_run_count=1)
    monkeypatch.setattr(streamlit_webrtc.component, "get_this_session_info", lambda: runs)
    session = LiveSession(LiveReader(lambda: (FakeDetector(), FakeClassifier())))
    app.run().button(key="live-start").click().run()
    live_state(app).answer = ""
    app.run()
    context = app.session_state[state.LIVE_STREAM]
    context._set_state(streamlit_webrtc.component.WebRtcStreamerState(playing=False, signalling=True))
    state_of(app, CameraState).session = session
    runs.script_run_count += 2
    app.run()
    assert context.state.signalling
    assert session.phase is Phase.CONNECTING
    app.session_state[state.STATES][state.Visit] = state.Visit("live", 3)  # after another page
    app.run()
    assert not context.state.signalling
    assert session.phase is Phase.OVER
    assert len(app.info) == 1


JPEG = encode_jpeg(FRAME)


def test_frames_of_a_page_that_was_gone_for_long_are_not_taken(app: AppTest, stream: Stream) -> None:
    session = LiveSession(LiveReader(lambda: (FakeDetector(TWO), FakeClassifier())), Way.PAGE)
    session.take_frame(1, JPEG)
    session.take_frame(2, b"not a picture")
    assert session.frame_error is not None
    session.frame_s = time.monotonic() - 60
    assert not session.is_live
    session.take_frame(3, JPEG)
    assert session.num_taken == 2
    live_state(app).way = Way.PAGE
    show(app, stream, session)
    assert problems(app) == [Problem.LOST]
