"""pages/live.py under AppTest, with fake networks and a fake stream: every state a visitor can meet."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
import streamlit_webrtc
from streamlit.testing.v1 import AppTest
from streamlit_webrtc.webrtc import SignallingTimeoutError

from emomusic.affect import EMOTIONS, Emotion
from emomusic.errors import ModelError
from emomusic.face.live.reader import LiveReader, LiveSettings
from emomusic.ui.core import engine, frame, state
from emomusic.ui.core.frame import enter_app
from emomusic.ui.live import ice, video
from emomusic.ui.live.session import PATIENCE_S, LiveSession, Phase, Problem
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, make_face
from tests.pages.screen import text_of, tracks

SECONDS = 120
FRAME = np.full((240, 320, 3), 90, np.uint8)
TWO = (make_face(40, 60, 60, 75), make_face(200, 60, 60, 75))


class Stream:
    """Stands in for the stream's part of the page, which needs a browser."""

    def __init__(self) -> None:
        self.state = SimpleNamespace(playing=False, signalling=False)
        self.options: list[dict[str, Any]] = []
        self.was_left = False  # the page was: the next run that draws it finds it ended

    def __call__(self, **options: Any) -> "Stream":
        self.options.append(options)
        if self.was_left:
            self.state.playing = self.state.signalling = self.was_left = False
        st.session_state[options["key"]] = self
        return self


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    stream = Stream()
    monkeypatch.setattr(streamlit_webrtc, "webrtc_streamer", stream)
    return stream


@pytest.fixture
def app(root: Path, monkeypatch: pytest.MonkeyPatch, stream: Stream) -> AppTest:
    for name in ice.SETTING_NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(engine, "load_networks", lambda: (FakeDetector(), FakeClassifier()))
    st.cache_resource.clear()  # another test's networks
    monkeypatch.setattr(frame, "_app_has_run", threading.Event())  # a fresh server: the page comes inside app.py
    app = AppTest.from_file(str(root / "app.py"), default_timeout=SECONDS)
    return app.switch_page("pages/live.py")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    st.cache_resource.clear()  # the fakes, before another file's tests


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.002)


def watched(*scenes: tuple[int, tuple[Any, ...], Emotion]) -> LiveSession:
    """A session that plays, after so many seconds with these faces showing that emotion, scene by scene."""
    clock, detector, classifier = FakeClock(), FakeDetector(), FakeClassifier()
    settings = LiveSettings(interval_s=0.0, smoothing_s=0.0, mirrored=True)  # as the page shows them
    reader = LiveReader(lambda: (detector, classifier), settings=settings, clock=clock, idle_s=60)
    for seconds, faces, emotion in scenes:
        detector.faces = list(faces)
        classifier.probabilities = FakeClassifier(emotion).probabilities
        for _ in range(seconds):
            before = reader.view().num_readings
            reader.submit_frame(FRAME.copy())
            wait_until(lambda before=before: reader.view().num_readings > before)
            clock.advance(1.0)
    return LiveSession(reader, phase=Phase.PLAYING)


def show(app: AppTest, stream: Stream, session: LiveSession | None) -> AppTest:
    """The page of a visitor whose browser lends its camera, with a session or before the first."""
    stream.state.playing = session is not None and session.phase is Phase.PLAYING
    stream.state.signalling = session is not None and session.phase is Phase.CONNECTING
    app.session_state[state.LIVE_CONSENT] = True
    app.session_state[state.LIVE_ATTEMPT], app.session_state[state.LIVE_ANSWER] = "one", ""
    if session is not None:
        app.session_state[state.LIVE] = session
    return app.run()


def test_before_anything_the_notice_stands_and_no_camera_is_asked_for(app: AppTest, stream: Stream) -> None:
    app.run()
    assert not app.exception
    assert app.title[0].value == "What does this moment sound like?"
    assert "No frame is kept" in text_of(app)
    assert "EU AI Act forbids" in text_of(app)
    assert not app.checkbox(key=state.LIVE_CONSENT).value
    assert state.LIVE_ATTEMPT not in app.session_state
    assert stream.options == []


def test_with_everyones_consent_the_browser_is_asked(app: AppTest, stream: Stream) -> None:
    app.run().checkbox(key=state.LIVE_CONSENT).check().run()
    assert not app.exception
    assert app.session_state[state.LIVE_ATTEMPT]
    assert "allow it" in text_of(app)
    assert stream.options == []


def test_consent_withdrawn_takes_the_camera_away(app: AppTest, stream: Stream) -> None:
    show(app, stream, None)
    assert len(stream.options) == 1
    app.checkbox(key=state.LIVE_CONSENT).uncheck().run()
    assert len(stream.options) == 1
    app.checkbox(key=state.LIVE_CONSENT).check().run()
    assert len(stream.options) == 1  # asked anew, and not answered yet


@pytest.mark.parametrize(
    ("problem", "words", "again"),
    [
        (Problem.INSECURE, "not opened over HTTPS", False),
        (Problem.UNSUPPORTED, "cannot send its camera", False),
        (Problem.ABSENT, "No camera was found", True),
        (Problem.REFUSED, "did not lend its camera", True),
        (Problem.BUSY, "in use elsewhere", True),
    ],
)
def test_without_a_camera_the_page_says_why_and_what_else_there_is(
    app: AppTest, stream: Stream, problem: Problem, words: str, again: bool
) -> None:
    app.session_state[state.LIVE_CONSENT] = True
    app.session_state[state.LIVE_ATTEMPT], app.session_state[state.LIVE_ANSWER] = "one", problem.value
    app.run()
    assert not app.exception
    (warning,) = app.warning
    assert words in warning.value
    assert stream.options == []
    assert ("Try again" in labels(app)) is again
    assert {"Take a snapshot instead", "Choose a photo instead"} <= set(labels(app))
    if again:
        app.button(key=f"live-again-{problem}").click().run()
        assert not app.warning
        assert app.session_state[state.LIVE_ATTEMPT] != "one"


@pytest.mark.parametrize(("button", "source"), [("snapshot", "Camera"), ("photo", "Upload")])
def test_the_photo_page_is_one_click_away(app: AppTest, stream: Stream, button: str, source: str) -> None:
    app.session_state[state.LIVE_ANSWER] = Problem.ABSENT.value
    app.run().button(key=f"live-{button}-{Problem.ABSENT}").click().run()
    assert not app.exception
    assert app.title[0].value == "What does this face sound like?"
    assert app.segmented_control(key=state.SOURCE).value == source


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://localhost:8501/live", []),
        ("http://127.0.0.1:8501/live", []),
        ("http://[::1]:8501/live", []),
        ("https://emo.example.org/live", ["stun.l.google.com"]),
        ("http://localhost.example.org/live", ["stun.l.google.com"]),
        ("", ["stun.l.google.com"]),
    ],
)
def test_no_server_outside_is_asked_on_one_machine(url: str, hosts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video.st, "context", SimpleNamespace(url=url))
    found = video.helping_servers(ice.ice_settings({}))
    assert [host for server in found for host in server.hosts] == hosts


def test_a_server_for_both_is_named_once(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ice.STUN_URLS, "stun:turn.example.org")
    monkeypatch.setenv(ice.TURN_URLS, "turn:turn.example.org")
    monkeypatch.setenv(ice.TURN_SECRET, "north")
    app.run()
    assert "browser and server ask turn.example.org." in text_of(app)


def test_the_stream_is_asked_for_video_alone_and_the_same_servers_on_both_sides(app: AppTest, stream: Stream) -> None:
    show(app, stream, None)
    assert not app.exception
    (options,) = stream.options
    assert options["media_stream_constraints"]["audio"] is False
    assert options["frontend_rtc_configuration"]["iceServers"] == options["server_rtc_configuration"]["iceServers"]
    assert options["video_html_attrs"]["muted"]


def test_turn_reaches_both_sides(app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ice.TURN_URLS, "turn:turn.example.org")
    monkeypatch.setenv(ice.TURN_SECRET, "north")
    monkeypatch.setenv(ice.ICE_POLICY, "relay")
    show(app, stream, None)
    show(app, stream, None)
    first, second = stream.options
    assert first["frontend_rtc_configuration"]["iceTransportPolicy"] == "relay"
    assert first["server_rtc_configuration"]["iceServers"][-1]["urls"] == ["turn:turn.example.org"]
    assert first["frontend_rtc_configuration"] == second["frontend_rtc_configuration"]


def test_a_page_that_outlived_its_session_brings_its_tick_and_the_camera_is_asked_for(app: AppTest) -> None:
    app.session_state[state.LIVE_CONSENT] = True  # as the browser sends it to a server that was started again
    app.run()
    assert not app.exception
    assert app.session_state[state.LIVE_ATTEMPT]


def test_a_setting_that_cannot_work_is_one_message(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ice.TURN_URLS, "turn.example.org")
    app.run()
    assert not app.exception
    (error,) = app.error
    assert "must hold addresses" in error.value


def test_a_connection_that_takes_long_is_said_so(app: AppTest, stream: Stream) -> None:
    session = LiveSession(LiveReader(lambda: (FakeDetector(), FakeClassifier())))
    show(app, stream, session)
    assert "Looking for a way" in text_of(app)
    assert not app.warning
    session.since_s -= PATIENCE_S
    app.run()
    (warning,) = app.warning
    assert "does not come up" in warning.value
    assert "TURN" in warning.value
    assert "Take a snapshot instead" in labels(app)


def test_a_server_that_cannot_answer_in_time_is_one_message(
    app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(**options: Any) -> None:
        raise SignallingTimeoutError("not finished in 10 seconds")

    monkeypatch.setattr(streamlit_webrtc, "webrtc_streamer", late)
    session = LiveSession(LiveReader(lambda: (FakeDetector(), FakeClassifier())))
    show(app, stream, session)
    assert not app.exception
    (warning,) = app.warning
    assert "does not come up" in warning.value
    assert "Try again" in labels(app)
    assert session.phase is Phase.OVER


def test_a_session_begins_though_no_callback_told_of_it(app: AppTest, stream: Stream) -> None:
    """Streamlit cuts a callback short when the browser sends its next message meanwhile."""
    show(app, stream, None)
    stream.state.signalling = True
    app.run()
    session = app.session_state[state.LIVE]
    assert session.phase is Phase.CONNECTING
    assert stream.options[-1]["video_frame_callback"] == session.on_frame
    stream.state.playing, stream.state.signalling = True, False
    app.run()
    assert app.session_state[state.LIVE] is session
    assert session.phase is Phase.PLAYING
    stream.state.playing = False
    app.run()
    assert session.phase is Phase.OVER


def test_a_stream_that_could_not_be_answered_begins_no_session_later(
    app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(app, stream, None)
    stream.state.signalling = True

    def late(**options: Any) -> None:
        raise SignallingTimeoutError("not finished in 10 seconds")

    with monkeypatch.context() as patch:
        patch.setattr(streamlit_webrtc, "webrtc_streamer", late)
        app.run()
    session = app.session_state[state.LIVE]
    app.run()
    assert app.session_state[state.LIVE] is session
    assert session.phase is Phase.OVER


def test_one_face_has_its_words_its_bars_and_its_place(app: AppTest, stream: Stream) -> None:
    show(app, stream, watched((3, TWO[:1], Emotion.HAPPY)))
    assert not app.exception
    assert app.header[0].value == "Mostly happy"
    assert "1 face ·" in text_of(app)
    assert "ms behind" in text_of(app)
    bars, plane, areas = charts(app)
    assert max(bars["data"][0]["x"]) == pytest.approx(80)
    assert [trace["text"] for trace in plane["data"] if trace.get("name") == "faces"] == [["<b>1</b>"]]
    assert [trace["name"] for trace in areas["data"]] == [emotion.value for emotion in EMOTIONS]
    assert len(areas["data"][0]["x"]) == 3


def test_several_faces_have_a_bar_each_and_one_for_everyone(app: AppTest, stream: Stream) -> None:
    show(app, stream, watched((2, TWO, Emotion.SAD)))
    assert not app.exception
    assert app.header[0].value == "Together: mostly sad"
    assert "2 faces ·" in text_of(app)
    rows, plane, _ = charts(app)
    assert rows["data"][0]["y"] == ["Everyone", "Face 1", "Face 2"]
    assert [trace["text"] for trace in plane["data"] if trace.get("name") == "faces"] == [
        ["<b>1</b>", "<b>2</b>", "<b>all</b>"]
    ]


def test_nobody_in_the_picture_is_said_so(app: AppTest, stream: Stream) -> None:
    show(app, stream, watched((2, (), Emotion.HAPPY)))
    assert not app.exception
    assert app.header[0].value == "Nobody in the picture"
    assert "0 faces ·" in text_of(app)
    app.button(key="live-play").click().run()
    assert "No face has been read, so there is no mood" in text_of(app)
    assert tracks(app) == []


def test_before_the_first_reading_nobody_is_said_to_be_missing(app: AppTest, stream: Stream) -> None:
    read = threading.Event()

    class Slow(FakeClassifier):
        def classify(self, crops: Any) -> Any:
            read.wait(SECONDS)
            return super().classify(crops)

    session = LiveSession(LiveReader(lambda: (FakeDetector(TWO), Slow())), phase=Phase.PLAYING)
    session.draw(FRAME)
    wait_until(lambda: session.view().is_ready)
    show(app, stream, session)
    assert app.header[0].value == "Reading the first picture"
    read.set()
    session.on_ended()


def test_what_can_be_mended_is_told_as_it_is_spelt(app: AppTest, stream: Stream) -> None:
    def broken() -> Any:
        raise ModelError("expected the sum a_b_c. Received: *none*")

    reader = LiveReader(broken)
    reader.submit_frame(FRAME)
    wait_until(lambda: reader.view().error is not None)
    show(app, stream, LiveSession(reader, phase=Phase.PLAYING))
    (warning,) = app.warning
    assert warning.value == r"expected the sum a\_b\_c. Received: \*none\*"
    reader.close()


def test_a_reader_that_fails_is_said_so_and_the_page_goes_on(app: AppTest, stream: Stream) -> None:
    def broken() -> Any:
        raise ValueError("a secret path")

    reader = LiveReader(broken)
    reader.submit_frame(FRAME)
    wait_until(lambda: reader.view().error is not None)
    show(app, stream, LiveSession(reader, phase=Phase.PLAYING))
    assert not app.exception
    (warning,) = app.warning
    assert "could not be read" in warning.value
    assert "secret" not in text_of(app)
    reader.close()


def test_the_switches_reach_the_next_frame(app: AppTest, stream: Stream) -> None:
    session = watched((1, TWO, Emotion.SAD))
    show(app, stream, session)
    app.toggle(key=state.LIVE_MIRROR).set_value(False)
    app.toggle(key=state.LIVE_LANDMARKS).set_value(True)
    app.slider(key=state.LIVE_SMOOTHING).set_value(2.0)
    app.segmented_control(key=state.LIVE_PACE).set_value("Fixed")
    app.run()
    app.slider(key=state.LIVE_INTERVAL).set_value(1.5).run()
    assert not app.exception
    assert (session.look.mirror, session.look.boxes, session.look.landmarks) == (False, True, True)
    assert (session.reader.settings.smoothing_s, session.reader.settings.interval_s) == (2.0, 1.5)
    app.segmented_control(key=state.LIVE_PACE).set_value("Automatic").run()
    assert session.reader.settings.interval_s is None


@pytest.mark.usefixtures("app")
def test_the_class_view_names_nobody_and_has_an_address(root: Path, stream: Stream) -> None:
    session = watched((2, TWO, Emotion.SURPRISE))
    enter_app()
    app = AppTest.from_file(str(root / "pages/live.py"), default_timeout=SECONDS)
    app.query_params[state.LIVE_VIEW] = "Classroom"
    show(app, stream, session)
    assert not app.exception
    assert "Mostly surprised" in "".join(str(html.value) for html in app.html)
    assert "the mean of 2 faces" in text_of(app)
    assert "never to read pupils" in text_of(app)
    (bars,) = charts(app)
    assert max(bars["data"][0]["x"]) == pytest.approx(80)
    # To be read from the last row
    assert min(bars["data"][0]["textfont"]["size"], bars["layout"]["yaxis"]["tickfont"]["size"]) >= 24
    assert not [caption for caption in app.caption if "the mean of 2 faces" in caption.value]
    assert not session.look.boxes


def test_a_click_keeps_the_mood_and_plays_songs_for_it(app: AppTest, stream: Stream) -> None:
    session = watched((2, TWO, Emotion.SAD))
    show(app, stream, session).button(key="live-play").click().run()
    assert not app.exception
    assert app.toast[0].value.endswith("songs for this moment are below the video.")
    first = tracks(app)
    assert len(set(first)) == 5
    assert "sad ones" in text_of(app)
    captions = "".join(caption.value for caption in app.caption)
    assert captions.index("sad ones") < captions.index("Each colour's height")  # above the last ten minutes
    app.segmented_control(key=state.POLICY).set_value("Journey").run()
    assert tracks(app) != first
    assert "Starts where that moment was" in text_of(app)
    assert "The circle is that moment" in text_of(app)
    assert session.phase is Phase.PLAYING


def test_afterwards_the_session_is_summed_up_until_the_next_start(app: AppTest, stream: Stream) -> None:
    session = watched((8, TWO, Emotion.HAPPY), (3, (), Emotion.HAPPY), (6, TWO[:1], Emotion.SAD))
    session.end()
    show(app, stream, session)
    assert not app.exception
    assert app.header[0].value.startswith("The session: ")
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures == {
        "Lasted": "0:17", "With a face": "82 %", "Most faces at once": "2", "Longest mood": "Happy",
    }  # fmt: skip
    table = app.dataframe[0].value
    assert list(table["quadrant"]) == ["Q1, pleasant and awake", "Q3, unpleasant and drowsy"]
    assert len(set(tracks(app))) == 2
    assert {button.label for button in app.get("download_button")} >= {
        "Every second (CSV)", "Songs (CSV)", "Playlist (M3U)",
    }  # fmt: skip
    assert app.run().header[0].value.startswith("The session: ")


def test_of_a_long_session_the_page_says_what_its_figures_are_of(
    app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emomusic.ui.live.summary.TIMELINE_SECONDS", 120)
    session = watched((8, TWO, Emotion.HAPPY))
    table = session.reader.timeline()
    monkeypatch.setattr(session.reader, "timeline", lambda: table.assign(time_s=table["time_s"] + 115))
    session.end()
    show(app, stream, session)
    assert not app.exception
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Lasted"] == "2:03"
    assert "is of its last 2 minutes, from 1:55 on" in text_of(app)


def test_a_session_without_a_face_says_so(app: AppTest, stream: Stream) -> None:
    session = watched((3, (), Emotion.HAPPY))
    session.end()
    show(app, stream, session)
    assert not app.exception
    assert "No face was seen in it" in text_of(app)


@pytest.mark.parametrize("phase", [Phase.PLAYING, Phase.CONNECTING])
def test_a_visitor_who_comes_back_from_another_page_finds_the_session_over_and_may_start_again(
    app: AppTest, stream: Stream, phase: Phase
) -> None:
    session = watched((6, TWO, Emotion.HAPPY))
    session.phase = phase
    app.run().checkbox(key=state.LIVE_CONSENT).check().run()
    app.session_state[state.LIVE_ANSWER], app.session_state[state.LIVE] = "", session
    stream.state.playing, stream.state.signalling = phase is Phase.PLAYING, phase is Phase.CONNECTING
    app.run()
    assert session.is_on
    stream.was_left = True
    app.switch_page("pages/music.py").run()
    app.switch_page("pages/live.py").run()
    assert not app.exception
    assert session.phase is Phase.OVER
    assert app.header[0].value.startswith("The session: ")
    (consent,) = (box for box in app.checkbox if box.key == state.LIVE_CONSENT)
    assert (consent.value, consent.disabled) == (True, False)
    stream.state.signalling = True
    app.run()
    assert app.session_state[state.LIVE] is not session
    assert not app.exception


def test_a_connection_that_comes_up_on_a_busy_server_is_not_taken_for_one_that_was_left(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real stream, on a server that counts two finished runs of the page at once."""
    monkeypatch.setattr(streamlit_webrtc, "webrtc_streamer", streamlit_webrtc.component.webrtc_streamer)
    runs = SimpleNamespace(script_run_count=1)
    monkeypatch.setattr(streamlit_webrtc.component, "get_this_session_info", lambda: runs)
    session = LiveSession(LiveReader(lambda: (FakeDetector(), FakeClassifier())))
    app.run().checkbox(key=state.LIVE_CONSENT).check().run()
    app.session_state[state.LIVE_ANSWER] = ""
    app.run()
    context = app.session_state[state.LIVE_STREAM]
    context._set_state(streamlit_webrtc.component.WebRtcStreamerState(playing=False, signalling=True))
    app.session_state[state.LIVE] = session
    runs.script_run_count += 2
    app.run()
    assert not app.exception
    assert context.state.signalling
    assert session.phase is Phase.CONNECTING
    app.session_state[state.VISIT] = ("live", 3)  # after another page
    app.run()
    assert not context.state.signalling
    assert session.phase is Phase.OVER
    assert "ended before a picture was read" in text_of(app)


def test_options_hold_while_another_page_is_looked_at(app: AppTest) -> None:
    app.run().toggle(key=state.LIVE_MIRROR).set_value(False).run()
    app.slider(key=state.LIVE_SMOOTHING).set_value(2.0).run()
    app.switch_page("pages/music.py").run()
    app.switch_page("pages/live.py").run()
    assert not app.exception
    assert app.toggle(key=state.LIVE_MIRROR).value is False
    assert app.slider(key=state.LIVE_SMOOTHING).value == 2.0


def test_a_camera_that_falls_silent_tells_no_mood(app: AppTest, stream: Stream) -> None:
    session = watched((6, TWO, Emotion.HAPPY))
    show(app, stream, session)
    assert app.header[0].value == "Together: mostly happy"
    session.frame_s -= 30.0
    app.run()
    assert not app.exception
    silent = re.match(r"No picture for (\d+) seconds: is the camera", app.header[0].value)
    assert silent
    assert int(silent[1]) >= 30  # more, where the machine is busy
    assert "0 faces" in text_of(app)
    app.button(key="live-play").click().run()
    assert "No face has been read, so there is no mood" in text_of(app)
    stream.state.playing = False
    app.run()
    assert session.problem is Problem.LOST
    (warning,) = app.warning
    assert "unplugged" in warning.value


def test_networks_that_failed_are_not_said_to_be_loading(app: AppTest, stream: Stream) -> None:
    def broken() -> Any:
        raise ModelError("expected weights. Received: none")

    session = LiveSession(LiveReader(broken, idle_s=60), phase=Phase.PLAYING)
    session.reader.submit_frame(FRAME.copy())
    wait_until(lambda: session.reader.view().error is not None)
    show(app, stream, session)
    assert app.header[0].value == "Faces cannot be read"
    session.end()


def test_explicit_songs_can_be_left_out_of_the_playlist_and_stay_so(app: AppTest, stream: Stream) -> None:
    session = watched((6, TWO, Emotion.ANGRY), (6, TWO, Emotion.SAD))
    session.end()
    show(app, stream, session)
    app.toggle(key=state.HIDE_EXPLICIT).set_value(True).run()
    assert not app.exception
    app.switch_page("pages/models.py").run()
    app.switch_page("pages/live.py").run()
    assert app.toggle(key=state.HIDE_EXPLICIT).value is True
    assert tracks(app)


def test_neither_the_first_look_nor_another_page_loads_what_video_needs(root: Path) -> None:
    code = """
import sys
from streamlit.testing.v1 import AppTest
from emomusic.ui.core import engine
engine.load_networks = lambda: (None, None)
app = AppTest.from_file("app.py", default_timeout=120).run()
assert app.title and not app.exception
app.switch_page("pages/live.py").run()
assert app.checkbox and not app.exception
print(sorted({name.split(".")[0] for name in sys.modules} & {"streamlit_webrtc", "aiortc", "av", "tensorflow"}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_a_mistake_in_the_file_of_secrets_is_one_message_without_them(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "secrets", type(st.secrets)())  # which has read no file yet
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(f"{ice.TURN_SECRET} = north\n", encoding="utf-8")
    app.run()
    assert not app.exception
    (error,) = app.error
    assert "secrets.toml is not as expected" in error.value
    assert "a mistake at line 1, column 24" in error.value
    assert "north" not in text_of(app)
