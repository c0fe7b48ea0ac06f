import gc
import json
import re
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
import streamlit_webrtc
from streamlit.testing.v1 import AppTest
from streamlit_webrtc.webrtc import SignallingTimeoutError

from emomusic.affect import EMOTIONS, Emotion, Quadrant
from emomusic.app import frame, state
from emomusic.app.frame import enter_app
from emomusic.app.live import ice, video
from emomusic.app.live import page as page_module
from emomusic.app.live.page import View
from emomusic.app.live.session import LiveSession, LiveState, Phase, Problem
from emomusic.app.persons import PersonsState
from emomusic.app.queues import PlayerState
from emomusic.app.state import CameraState
from emomusic.errors import ModelError
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.profile import KnownFace, learn_profile
from emomusic.records import read_face_record
from emomusic.server import shared
from emomusic.server.capacity import Capacity
from emomusic.stream.game import MirrorGame, Stage
from emomusic.stream.lesson import CAPTURE_S, COUNTDOWN_S, Lesson
from emomusic.stream.persons import Recognition
from emomusic.stream.reader import LiveReader, LiveSettings, SeenFace
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, make_face
from tests.pages.screen import keys, playing, playlist, queue_of, state_of, text_of, tracks
from tests.waiting import wait_until

SECONDS = 120
FRAME = np.full((240, 320, 3), 90, np.uint8)
TWO = (make_face(40, 60, 60, 75), make_face(200, 60, 60, 75))


class Stream:
    """A fake of the stream component, which needs a browser."""

    def __init__(self) -> None:
        self.state = SimpleNamespace(playing=False, signalling=False)
        self.options: list[dict[str, Any]] = []
        self.was_left = False  # the visitor opened another page, so the next run finds the stream ended

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


class OtherSession:
    """The live session of another visitor."""

    is_live = True


@pytest.fixture
def app(root: Path, monkeypatch: pytest.MonkeyPatch, stream: Stream) -> AppTest:
    for name in (ice.ICE, ice.TURN_SECRET):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shared, "load_networks", lambda **_: (FakeDetector(), FakeClassifier()))
    st.cache_resource.clear()  # removes the networks of another test
    frame._app_has_run.cache_clear()  # as on a fresh server
    app = AppTest.from_file(str(root / "app.py"), default_timeout=SECONDS)
    return app.switch_page("pages/live.py")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    st.cache_resource.clear()  # removes the fakes


def problems(app: AppTest) -> list[str]:
    """The problems on the screen. Each has a button whose key names it."""
    keys = [button.key for button in app.button if button.key]
    return [key.removeprefix("live-snapshot-") for key in keys if key.startswith("live-snapshot-")]


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def live_state(app: AppTest) -> LiveState:
    return state_of(app, LiveState)


def session_of(app: AppTest) -> LiveSession:
    session = state_of(app, CameraState).session
    assert isinstance(session, LiveSession)
    return session


def played(*scenes: tuple[int, tuple[Any, ...], Emotion]) -> LiveSession:
    """A playing session that has read the scenes: duration in seconds, faces, emotion."""
    clock, detector, classifier = FakeClock(), FakeDetector(), FakeClassifier()
    settings = LiveSettings(smoothing_s=0.0, mirrored=True)  # mirrored like the page's default
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
    """Run the page with an allowed camera and a session, or before the first session."""
    stream.state.playing = session is not None and session.phase is Phase.PLAYING
    stream.state.signalling = session is not None and session.phase is Phase.CONNECTING
    app.session_state[state.LIVE_CONSENT] = True
    live_state(app).request, live_state(app).answer = "one", ""
    if session is not None:
        state_of(app, CameraState).session = session
    return app.run()


def test_the_page_starts_without_the_camera_and_consent_requests_it(app: AppTest, stream: Stream) -> None:
    app.run()
    assert not app.exception
    assert not app.checkbox  # the consent is asked for after START
    app.button(key="live-start").click().run()
    assert not app.checkbox(key=state.LIVE_CONSENT).value
    assert not live_state(app).request
    app.checkbox(key=state.LIVE_CONSENT).check().run()
    assert not app.exception
    assert live_state(app).request
    assert "Allow" in text_of(app)
    assert stream.options == []
    show(app, stream, None)
    assert len(stream.options) == 1
    app.checkbox(key=state.LIVE_CONSENT).uncheck().run()
    assert len(stream.options) == 1


@pytest.mark.parametrize(("problem", "again"), [(Problem.INSECURE, False), (Problem.BUSY, True)])
def test_a_camera_problem_is_a_warning_with_alternatives(
    app: AppTest, stream: Stream, problem: Problem, again: bool
) -> None:
    app.session_state[state.LIVE_CONSENT] = True
    live_state(app).request, live_state(app).answer = "one", problem.value
    app.run()
    assert not app.exception
    assert (len(app.warning), problems(app), stream.options) == (1, [problem], [])
    assert f"live-photo-{problem}" in keys(app)
    assert (f"live-again-{problem}" in keys(app)) is again
    if again:
        app.button(key=f"live-again-{problem}").click().run()
        assert not app.warning
        assert live_state(app).request not in ("one", "")


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
    assert page_module.connection_settings().hosts == hosts


def test_turn_is_named_and_reaches_both_sides_and_there_is_no_audio(
    app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [{"urls": ["turn:turn.example.org"]}]
    monkeypatch.setenv(ice.ICE, json.dumps({"iceServers": servers, "iceTransportPolicy": "relay"}))
    monkeypatch.setenv(ice.TURN_SECRET, "north")
    app.run().button(key="live-start").click().run()
    assert "turn.example.org" in text_of(app)
    show(app, stream, None)
    (options,) = stream.options
    browser, server = options["frontend_rtc_configuration"], options["server_rtc_configuration"]
    assert browser == server | {"iceTransportPolicy": "relay"}
    assert server["iceServers"][0]["credential"]
    assert options["media_stream_constraints"]["audio"] is False
    assert options["video_html_attrs"]["muted"]


def test_a_session_starts_without_a_callback(app: AppTest, stream: Stream) -> None:
    """Streamlit interrupts a callback if the browser sends a message in the meantime."""
    show(app, stream, None)
    stream.state.signalling = True
    app.run()
    session = session_of(app)
    assert session.phase is Phase.CONNECTING
    assert stream.options[-1]["video_frame_callback"] == session.on_frame
    stream.state.playing, stream.state.signalling = True, False
    app.run()
    assert session_of(app) is session
    assert session.phase is Phase.PLAYING
    stream.state.playing = False
    app.run()
    assert session.phase is Phase.OVER


@pytest.fixture
def one_place(monkeypatch: pytest.MonkeyPatch) -> OtherSession:
    """The session of another visitor, on a server with a single place."""
    here, other = Capacity(max_visitors=9, max_live=1), OtherSession()
    for module in (page_module, video):
        monkeypatch.setattr(module, "capacity", lambda: here)
    assert here.start_live(other)
    return other


def test_without_a_free_place_the_page_offers_a_snapshot_until_there_is_one(
    app: AppTest, stream: Stream, one_place: OtherSession
) -> None:
    show(app, stream, None)
    assert (problems(app), stream.options) == ([Problem.FULL], [])
    app.button(key=f"live-again-{Problem.FULL}").click().run()
    assert problems(app) == [Problem.FULL]
    one_place.is_live = False
    app.button(key=f"live-again-{Problem.FULL}").click().run()
    assert (problems(app), len(stream.options)) == ([], 1)
    one_place.is_live = stream.state.signalling = True  # the other visitor was faster
    app.run()
    assert state_of(app, CameraState).session is None
    assert problems(app) == [Problem.FULL]


def test_after_a_signalling_timeout_no_session_starts(
    app: AppTest, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(app, stream, None)
    stream.state.signalling = True

    def late(**options: Any) -> None:
        raise SignallingTimeoutError("not finished in 10 seconds")

    with monkeypatch.context() as patch:
        patch.setattr(streamlit_webrtc, "webrtc_streamer", late)
        app.run()
    assert not app.exception
    assert problems(app) == [Problem.BLOCKED]
    assert app.button(key=f"live-again-{Problem.BLOCKED}")
    session = session_of(app)
    app.run()
    assert session_of(app) is session
    assert session.phase is Phase.OVER


def test_one_face_has_a_heading_bars_and_a_point(app: AppTest, stream: Stream) -> None:
    show(app, stream, played((3, TWO[:1], Emotion.HAPPY)))
    assert not app.exception
    assert "happy" in app.header[0].value
    assert "1 face ·" in text_of(app)
    assert re.search(r"\d+ ms", text_of(app))
    bars, plane, areas = charts(app)
    assert max(bars["data"][0]["x"]) == pytest.approx(80)
    assert [trace["text"] for trace in plane["data"] if trace.get("name") == "faces"] == [["<b>1</b>"]]
    assert [trace["name"] for trace in areas["data"]] == [emotion.value for emotion in EMOTIONS]
    assert len(areas["data"][0]["x"]) == 3


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ModelError("expected the sum a_b_c. Received: *none*"), r"expected the sum a\_b\_c. Received: \*none\*"),
        (ValueError("a secret path"), "The last frame"),
    ],
)
def test_an_expected_error_is_shown_literally_and_another_one_without_details(
    app: AppTest, stream: Stream, error: Exception, shown: str
) -> None:
    def broken() -> Any:
        raise error

    reader = LiveReader(broken)
    reader.submit_frame(FRAME)
    wait_until(lambda: reader.view().error is not None)
    show(app, stream, LiveSession(reader, phase=Phase.PLAYING))
    assert not app.exception
    (warning,) = app.warning
    assert warning.value.startswith(shown)
    assert "secret" not in text_of(app)
    reader.close()


def test_options_apply_to_the_next_frame(app: AppTest, stream: Stream) -> None:
    session = played((1, TWO, Emotion.SAD))
    show(app, stream, session)
    assert session.reader.settings.recognition is Recognition.ESTIMATED
    app.toggle(key=state.LIVE_MIRROR).set_value(False)
    app.toggle(key=state.LIVE_ADJUST).set_value(False)
    app.run()
    assert not app.exception
    assert (session.reader.settings.mirrored, session.boxes) == (False, True)
    assert session.reader.settings.recognition is Recognition.TAUGHT
    app.switch_page("pages/photo.py").run()
    app.switch_page("pages/live.py").run()
    assert app.toggle(key=state.LIVE_MIRROR).value is False


@pytest.mark.usefixtures("app")
def test_the_class_view_marks_no_face_and_has_a_url(root: Path, stream: Stream) -> None:
    session = played((2, TWO, Emotion.SURPRISE))
    enter_app()
    app = AppTest.from_file(str(root / "pages/live.py"), default_timeout=SECONDS)
    app.query_params[state.LIVE_VIEW] = "Classroom"
    show(app, stream, session)
    assert not app.exception
    assert "surprised" in "".join(str(html.value) for html in app.html)
    assert [markdown for markdown in app.markdown if "2 faces" in markdown.value]
    assert "pupils" in text_of(app)
    (bars,) = charts(app)
    assert max(bars["data"][0]["x"]) == pytest.approx(80)
    # Readable from the last row
    assert min(bars["data"][0]["textfont"]["size"], bars["layout"]["yaxis"]["tickfont"]["size"]) >= 24
    assert not [caption for caption in app.caption if "2 faces" in caption.value]
    assert not session.boxes


def test_a_click_stores_the_mood_and_shows_songs(app: AppTest, stream: Stream) -> None:
    session = played((2, TWO, Emotion.SAD))
    show(app, stream, session).button(key="live-play").click().run()
    assert not app.exception
    assert "sad" in app.toast[0].value
    first = playing(app)
    assert first == playlist(app, "live")[0]
    assert sorted(key for key in keys(app) if key.startswith("play-")) == [f"play-live-{n}" for n in range(2, 5)]
    app.segmented_control(key=state.POLICY).set_value("Journey").run()
    assert playing(app) != first
    app.button(key="next-live").click().run()
    assert not app.exception
    assert playing(app) == playlist(app, "live")[1]
    assert session.phase is Phase.PLAYING


def test_a_session_that_is_over_has_a_summary_and_a_playlist_that_plays_after_a_click(
    app: AppTest, stream: Stream
) -> None:
    session = played((8, TWO, Emotion.HAPPY), (3, (), Emotion.HAPPY), (6, TWO[:1], Emotion.SAD))
    session.end()
    show(app, stream, session)
    assert not app.exception
    assert [metric.value for metric in app.metric] == ["0:17", "82 %", "2", "Happy"]
    table = app.dataframe[0].value
    assert table["Quadrant"].tolist() == [Quadrant.Q1.description, Quadrant.Q3.description]
    assert "live-csv" in " ".join(button.proto.id for button in app.get("download_button"))
    assert tracks(app) == []
    songs = [pick.song.id for pick in queue_of(app, "session").playlist(10)]
    listed = [markdown.value for markdown in app.markdown if re.match(r"\d+\. \[", markdown.value)]
    assert len(set(songs)) == 2
    assert [track in text for track, text in zip(songs, listed, strict=True)] == [True, True]
    app.button(key="live-play-session").click().run()
    assert playing(app) == songs[0]
    assert app.button(key="live-play-session").disabled
    assert "play-session-2" in keys(app)
    app.button(key="next-session").click().run()
    assert playing(app) == songs[1]
    app.button(key="next-session").click().run()
    assert not app.exception
    assert tracks(app) == []  # the end; the list stays
    assert [text for text in listed if text not in text_of(app)] == []


def test_the_chosen_genres_apply_to_a_moment_and_to_the_session(app: AppTest, stream: Stream) -> None:
    session = played((6, TWO, Emotion.HAPPY), (6, TWO[:1], Emotion.SAD))
    app.query_params[state.GENRES] = ["salsa"]
    show(app, stream, session).button(key="live-play").click().run()
    assert not app.exception
    assert playing(app) == playlist(app, "live")[0]
    session.end()
    show(app, stream, session)
    picks = [*queue_of(app, "live").playlist(20), *queue_of(app, "session").playlist(10)]
    assert ["salsa" in pick.song.genres for pick in picks] == [True] * 22


def test_the_session_is_over_after_a_visit_to_another_page_and_can_start_again(app: AppTest, stream: Stream) -> None:
    session = played((6, TWO, Emotion.HAPPY))
    session.phase = Phase.CONNECTING
    app.run().button(key="live-start").click().run().checkbox(key=state.LIVE_CONSENT).check().run()
    live_state(app).answer, state_of(app, CameraState).session = "", session
    stream.state.signalling = True
    app.run()
    assert session.is_on
    stream.was_left = True
    app.switch_page("pages/photo.py").run()
    app.switch_page("pages/live.py").run()
    assert not app.exception
    assert session.phase is Phase.OVER
    assert app.metric
    (consent,) = (box for box in app.checkbox if box.key == state.LIVE_CONSENT)
    assert (consent.value, consent.disabled) == (True, False)
    stream.state.signalling = True
    app.run()
    assert session_of(app) is not session
    assert "session" not in state_of(app, PlayerState).queues
    assert not app.exception


def test_a_slow_connection_is_kept_unless_the_visitor_left(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real stream component, on a server that counts two finished runs of the page at once."""
    monkeypatch.setattr(streamlit_webrtc, "webrtc_streamer", streamlit_webrtc.component.webrtc_streamer)
    runs = SimpleNamespace(script_run_count=1)
    monkeypatch.setattr(streamlit_webrtc.component, "get_this_session_info", lambda: runs)
    session = LiveSession(LiveReader(lambda: (FakeDetector(), FakeClassifier())))
    app.run().button(key="live-start").click().run().checkbox(key=state.LIVE_CONSENT).check().run()
    live_state(app).answer = ""
    app.run()
    context = app.session_state[state.LIVE_STREAM]
    context._set_state(streamlit_webrtc.component.WebRtcStreamerState(playing=False, signalling=True))
    state_of(app, CameraState).session = session
    runs.script_run_count += 2
    app.run()
    assert not app.exception
    assert context.state.signalling
    assert session.phase is Phase.CONNECTING
    app.session_state[state.state_key(state.Visit)] = state.Visit("live", 3)  # after another page
    app.run()
    assert not context.state.signalling
    assert session.phase is Phase.OVER
    assert len(app.info) == 1


def test_without_frames_there_is_no_mood(app: AppTest, stream: Stream) -> None:
    session = played((6, TWO, Emotion.HAPPY))
    show(app, stream, session)
    assert "happy" in app.header[0].value
    session.frame_s -= 30.0
    app.run()
    assert not app.exception
    seconds = re.search(r"\d+", app.header[0].value)
    assert seconds
    assert int(seconds[0]) >= 30  # more on a busy machine
    assert "0 faces" in text_of(app)
    app.button(key="live-play").click().run()
    assert live_state(app).is_faceless
    stream.state.playing = False
    app.run()
    assert session.problem is Problem.LOST
    assert problems(app) == [Problem.LOST]


def ended_game(*, num_players: int = 1) -> MirrorGame:
    """A game of seven rounds in which the first player shows fear best, and the second is absent in the last."""
    clock = FakeClock()
    game = MirrorGame(EMOTIONS, num_players=num_players, clock=clock)
    crop = FRAME[:60, :60]
    while (view := game.view()).stage is not Stage.OVER:
        emotion = EMOTIONS[len(view.rounds) - 1]
        probabilities = FakeClassifier(emotion, 0.9 if emotion is Emotion.FEAR else 0.5).probabilities
        num_faces = 1 if emotion is EMOTIONS[-1] and view.stage is not Stage.WAITING else num_players
        game.observe(clock(), [SeenFace(face.box, crop, probabilities) for face in TWO[:num_faces]])
        clock.advance(0.5)
    return game


def finished_lesson() -> Lesson:
    """A lesson with a neutral face, of which the app has learned."""
    clock = FakeClock()
    lesson, probabilities = Lesson(clock), FakeClassifier().probabilities
    lesson.start()
    clock.advance(COUNTDOWN_S)
    lesson.observe(clock(), [SeenFace(TWO[0].box, FRAME[:60, :60], probabilities)])
    clock.advance(CAPTURE_S)
    lesson.keep()
    lesson.finish()
    lesson.learned = {Emotion.NEUTRAL: probabilities}
    return lesson


def html_of(app: AppTest) -> str:
    return "".join(str(html.value) for html in app.html)


def start_mirror_game(app: AppTest, stream: Stream, session: LiveSession) -> AppTest:
    show(app, stream, session).segmented_control(key=state.LIVE_VIEW).set_value(View.GAME).run()
    return app.button(key="live-game-start").click().run()


def test_the_mirror_game_names_an_emotion_and_can_end_early(app: AppTest, stream: Stream) -> None:
    session = played((1, TWO, Emotion.SAD))
    show(app, stream, session).segmented_control(key=state.LIVE_VIEW).set_value(View.GAME).run()
    app.segmented_control(key=state.LIVE_PLAYERS).set_value("Two players")  # the start follows at once
    app.button(key="live-game-start").click().run()
    assert not app.exception
    game = session.game
    assert game is not None
    assert session.reader.observers == [game]
    assert game.num_players == 2
    assert html_of(app).count('role="meter"') == 2
    assert {emotion.adjective for emotion in EMOTIONS}.isdisjoint(re.findall(r"Look (\w+)", html_of(app)))
    game.observe(time.monotonic(), [SeenFace(face.box, FRAME, FakeClassifier().probabilities) for face in TWO])
    app.run()
    (named,) = re.findall(r"Look (\w+)", html_of(app))
    assert named == game.view().rounds[-1][0].emotion.adjective
    app.button(key="live-game-end").click().run()
    assert (session.game, session.reader.observers) == (None, [])
    assert "live-game-start" in keys(app)


def test_the_result_of_a_game_has_points_pictures_a_song_and_what_is_hard(app: AppTest, stream: Stream) -> None:
    session = played((1, TWO, Emotion.SAD))
    start_mirror_game(app, stream, session)
    session.game = ended_game(num_players=2)
    left, right = session.game.view().points
    assert left > right
    app.run()
    assert not app.exception
    assert f"Left {left} · Right {right}" in html_of(app)
    assert html_of(app).count("data:image/jpeg") == 7 + 6 + 1
    assert "from the start" in html_of(app)
    listener = queue_of(app, "live").request
    assert (listener.emotion, playing(app)) == (Emotion.FEAR, playlist(app, "live")[0])
    votes = read_face_record(DEFAULT_MODEL).votes
    assert votes is not None
    assert f"{votes.without_contempt.per_class['disgust'].support}" in text_of(app)
    app.segmented_control(key=state.LIVE_VIEW).set_value(View.FACES).run()
    assert not app.exception
    assert tracks(app) == []
    app.segmented_control(key=state.LIVE_VIEW).set_value(View.GAME).run()
    app.button(key="live-game-again").click().run()
    assert not app.exception
    assert "data:image/jpeg" not in html_of(app)
    assert session.game.num_players == 2


def test_the_result_of_a_game_stays_while_its_players_teach_their_face(app: AppTest, stream: Stream) -> None:
    session = played((1, TWO, Emotion.SAD))
    start_mirror_game(app, stream, session)
    session.game = game = ended_game()
    app.segmented_control(key=state.LIVE_VIEW).set_value(View.TEACH).run()
    assert not app.exception
    assert session.game is game
    app.button(key="teach-start").click().run()
    app.segmented_control(key=state.LIVE_VIEW).set_value(View.GAME).run()
    assert not app.exception
    assert "data:image/jpeg" in html_of(app)


def test_pictures_of_players_are_gone_after_another_game_on_another_page_and_in_a_new_session(
    app: AppTest, stream: Stream
) -> None:
    session = played((1, TWO, Emotion.HAPPY))
    start_mirror_game(app, stream, session)

    def finish() -> weakref.ref[MirrorGame]:
        session.game = ended_game(num_players=2)
        app.run()
        assert not app.exception
        return weakref.ref(session.game)

    def is_gone(game: weakref.ref[MirrorGame]) -> bool:
        assert not app.exception
        gc.collect()
        return game() is None and "data:image/jpeg" not in html_of(app)

    game = finish()
    app.button(key="live-game-again").click().run()
    assert is_gone(game)
    game = finish()
    app.switch_page("pages/photo.py").run()
    assert is_gone(game)
    assert (session.game, session.reader.observers) == (None, [])
    app.switch_page("pages/live.py").run()
    game, stream.state.playing = finish(), False
    app.run()  # after STOP the result stays
    assert app.button(key="live-game-again").disabled
    assert "data:image/jpeg" in html_of(app)
    stream.state.signalling = True
    app.run()
    assert is_gone(game)


def test_nothing_of_a_profile_is_left_after_it_was_forgotten_or_the_visitor_left(app: AppTest, stream: Stream) -> None:
    classifier = EmotionClassifier.load()
    profile = learn_profile({Emotion.NEUTRAL: [FRAME]}, np.eye(1, 1024, dtype=np.float32), classifier)

    def known() -> tuple[LiveSession, list[weakref.ref[Any]]]:
        """A session that has read a frame while it knew a person, and all that belongs to this person."""
        session, lesson, person = played((1, TWO, Emotion.SAD)), finished_lesson(), KnownFace(profile, classifier)
        session.observe(None, lesson)
        app.session_state[state.state_key(PersonsState)] = PersonsState((person,))
        show(app, stream, session).segmented_control(key=state.LIVE_VIEW).set_value(View.TEACH).run()
        assert not app.exception
        before = session.reader.view().num_readings
        session.draw(FRAME)
        wait_until(lambda: session.reader.view().num_readings > before)
        return session, [weakref.ref(each) for each in (person, lesson)]

    session, left = known()
    app.button(key="persons-forget").click().run()
    assert not app.exception
    gc.collect()
    assert [each() for each in left] == [None, None]
    session.end()
    session, (person, lesson) = known()
    app.switch_page("pages/photo.py").run()
    gc.collect()
    assert person() is not None
    assert lesson() is None
    app._session_state._state.clear()
    stream.options.clear()
    session.end()
    gc.collect()
    assert person() is None
