"""How the video begins and ends, and what the page shows of a session."""

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from emomusic.affect import Emotion, Mood
from emomusic.app.live import session
from emomusic.app.live.page import SONGS
from emomusic.app.queues import PlayerState
from emomusic.app.state import CameraState, SourceState
from emomusic.errors import ModelError
from emomusic.media.images import RgbImage
from emomusic.server import ice, webrtc
from emomusic.server.frames import Problem
from emomusic.server.live import LiveSession, Phase
from emomusic.stream.reader import LiveReader
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, make_face, own_capacity
from tests.pages.live.conftest import FRAME, TWO, Browser, agree_and_start, live_state, played, problems, show
from tests.pages.screen import charts, files_of, keys, open_page, page_of, playing, queue_of, state_of, text_of, tracks
from tests.pages.test_hostile_names import NAME, assert_files, assert_text, with_table
from tests.waiting import PATIENCE_S, wait_until

NOISE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
FACE = make_face(40, 60, 60, 75)


@pytest.mark.usefixtures("app")
def test_no_ice_server_is_used_on_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.connection() is None
    monkeypatch.setenv("EMOMUSIC_LIVE", "webrtc")
    for url, hosts in (
        ("http://[::1]:8501/live", ()),
        ("http://localhost.example.org/live", ("stun.l.google.com",)),
        ("", ("stun.l.google.com",)),
    ):
        monkeypatch.setattr(session.st, "context", SimpleNamespace(url=url))
        settings = session.connection()
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
    rooms = own_capacity(monkeypatch, session, max_visitors=9, max_live=1)
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
    ended = state_of(app, CameraState).session
    app.run()  # the answer to the earlier question starts nothing
    assert state_of(app, CameraState).session is ended


def test_a_busy_camera_leaves_the_running_one_and_its_options(app: AppTest, browser: Browser) -> None:
    browser.others = [("b", "Camera 2")]
    state_of(app, CameraState).others = tuple(browser.others)
    show(app, live := played((1, TWO, Emotion.HAPPY)))
    app.button(key="live-options-camera-0").click().run()
    browser.problem = Problem.BUSY
    app.run().run()
    assert not app.exception
    assert (problems(app), live.phase) == ([Problem.BUSY], Phase.PLAYING)
    assert {"live-options-camera-0", "live-camera-0"} <= set(keys(app))


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


def test_the_session_of_a_closed_page_gives_its_place_to_the_same_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    capacity = own_capacity(monkeypatch, session, max_live=2)
    mine, other, new = (
        LiveSession(
            LiveReader(lambda: (FakeDetector(TWO), FakeClassifier())),
            visitor=visitor,
            cookies={"_streamlit_xsrf": generate_xsrf_token_string(token)},
        )
        for visitor, token in (("before", b"1"), ("other", b"2"), ("now", b"1"))
    )
    assert capacity.start_live(mine)
    assert capacity.start_live(other)
    session._end_earlier(new)
    assert (mine.is_on, other.is_on, capacity.start_live(new)) == (False, True, True)


def test_without_a_frame_webrtc_is_blocked_and_other_video_lost(app: AppTest, clock: FakeClock) -> None:
    for servers, problem in ((None, Problem.LOST), (ice.IceSettings(()), Problem.BLOCKED)):
        reader = LiveReader(lambda: (FakeDetector(TWO), FakeClassifier()))
        live = LiveSession(reader, servers, clock=clock)
        clock.advance(60)
        show(app, live)
        assert (live.phase, problems(app)) == (Phase.OVER, [problem])


class WatchedReader(LiveReader):
    """A reader that notes its frames, and fails on demand."""

    fails = False

    def submit_frame(self, image: RgbImage) -> None:
        if self.fails:
            raise ValueError("no")
        self.taken = image
        super().submit_frame(image)


def watched_session() -> tuple[LiveSession, WatchedReader]:
    reader = WatchedReader(lambda: (FakeDetector([FACE]), FakeClassifier()), smoothing_s=0, idle_s=60)
    return LiveSession(reader), reader


def test_a_frame_begins_the_video_its_answer_has_faces_and_one_too_many_is_dropped() -> None:
    live, reader = watched_session()
    live.take_frame(lambda: NOISE)
    assert live.phase is Phase.PLAYING
    assert (reader.taken == NOISE[:, ::-1]).all()
    live.take_frame(lambda: np.tile(NOISE, (3, 3, 1)))
    assert max(reader.taken.shape) == 640
    reader.fails = True
    live.take_frame(lambda: NOISE)
    assert str(live.frame_error) == "no"
    assert live.frame_error.__traceback__ is None  # a traceback holds the frame
    reader.fails = False
    live.take_frame(lambda: NOISE)
    assert live.frame_error is None
    live.end()
    live, reader = watched_session()
    heard: list[Phase] = []
    live.listener = lambda: heard.append(live.phase)
    live.take_frame(lambda: NOISE)
    wait_until(lambda: reader.view().num_readings > 0)
    answer = json.loads(live.faces_json())
    (face,) = answer["faces"]
    assert face["box"] == [40 / 320, 60 / 240, 60 / 320, 75 / 240]
    assert face["label"] == "1 happy"
    assert answer["at_ms"] == pytest.approx(1000 * live.frame_s)
    assert (answer["phase"], answer["isMarked"], heard) == ("playing", True, [Phase.PLAYING])
    live.boxes = False  # Classroom: the band still follows the faces
    assert json.loads(live.faces_json()) | {"isMarked": True} == answer
    live.end()
    assert json.loads(live.faces_json())["phase"] == "over"
    live, reader = watched_session()
    began, goes_on = threading.Event(), threading.Event()

    def decode() -> RgbImage:
        began.set()
        assert goes_on.wait(PATIENCE_S)
        return NOISE

    first = threading.Thread(target=live.take_frame, args=[decode])
    first.start()
    assert began.wait(PATIENCE_S)
    live.take_frame(lambda: NOISE[:100])
    goes_on.set()
    first.join()
    live.end()
    live.take_frame(lambda: NOISE[:100])
    assert reader.view().num_frames == 1
    assert reader.taken.shape == NOISE.shape
    assert live.phase is Phase.OVER


def test_of_offers_at_once_only_the_newest_connection_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    num_offers = 5
    open_ones, together = set[bytes](), threading.Barrier(num_offers)

    def connect(_: object, offer: bytes, __: object) -> tuple[Callable[[], None], bytes]:
        together.wait(PATIENCE_S)
        open_ones.add(offer)
        return lambda: open_ones.discard(offer), b"answer to " + offer

    monkeypatch.setattr(webrtc, "connect", connect)
    live = LiveSession(LiveReader(pytest.fail), ice.IceSettings(()))  # type: ignore[arg-type]
    with ThreadPoolExecutor(num_offers) as threads:
        offers = [b"%d" % number for number in range(num_offers)]
        assert list(threads.map(live.connect, offers)) == [b"answer to " + offer for offer in offers]
    assert len(open_ones) == 1
    together = threading.Barrier(1)
    live.connect(b"again")
    assert open_ones == {b"again"}
    live.end()
    live.connect(b"too late")
    assert open_ones == set()


def test_an_expected_error_is_literal_and_others_have_no_details(app: AppTest) -> None:
    for error, shown in (
        (ModelError("expected the sum a_b_c. Received: *none*"), r"expected the sum a\_b\_c. Received: \*none\*"),
        (ValueError("a secret path"), "The last frame"),
    ):
        reader = LiveReader(Mock(side_effect=error))
        reader.submit_frame(FRAME)
        wait_until(lambda reader=reader: reader.view().error is not None)
        show(app, LiveSession(reader, phase=Phase.PLAYING))
        (warning,) = app.warning
        assert warning.value.startswith(shown)
        assert "secret" not in text_of(app)
        reader.close()


@pytest.mark.usefixtures("app")
def test_the_class_view_marks_no_face_and_has_a_url() -> None:
    session = played((2, TWO, Emotion.SURPRISE))
    app = page_of("live", shown="Classroom")
    show(app, session)
    assert "surprised" in app.header[0].value
    assert "pupils" in text_of(app)
    (bars,) = charts(app)
    assert max(bars["data"][0]["x"]) == pytest.approx(80)
    assert not session.boxes


def test_a_session_that_is_over_has_its_moments_as_songs_that_play_after_a_click(app: AppTest) -> None:
    session = played((8, TWO, Emotion.HAPPY), (3, (), Emotion.HAPPY), (6, TWO[:1], Emotion.SAD))
    session.end()
    show(app, session)
    assert all(f"**{figure}**" in text_of(app) for figure in ("0:17", "82 %", "2", "4.3 a minute"))
    assert state_of(app, PlayerState).playing is None
    songs = queue_of(app, "session").playlist(10)
    assert len({pick.song.id for pick in songs}) == 2
    for number, (pick, emotion) in enumerate(zip(songs, (Emotion.HAPPY, Emotion.SAD), strict=True), 1):
        label = app.button(key=f"scene-moment-{number}").label
        assert (emotion.adjective in label, pick.song.title in label) == (True, True)
    app.button(key="start-session").click().run()
    assert playing(app) == songs[0].song.id
    app.button(key="scene-moment-2").click().run()
    assert playing(app) == songs[1].song.id
    state_of(app, SourceState).is_silent = True  # while another page is shown
    open_page(app, "models")
    assert queue_of(app, "session").playlist(10) == songs
    state_of(app, SourceState).is_silent = False
    open_page(app, "live")
    app.button(key="next-session").click().run()
    assert tracks(app) == []  # the end; the moments stay
    assert "scene-moment-1" in keys(app)


def test_without_frames_there_is_no_mood(app: AppTest) -> None:
    session = played((6, TWO, Emotion.HAPPY))
    show(app, session)
    assert "happy" in app.header[0].value
    session.clock.advance(10)  # type: ignore[attr-defined]
    app.run()
    seconds = re.search(r"\d+", app.header[0].value)
    assert int(seconds[0]) == 10
    assert "0 faces" in text_of(app)
    session.clock.advance(60)  # type: ignore[attr-defined]
    app.run()
    assert session.problem is Problem.LOST
    assert problems(app) == [Problem.LOST]


def test_songs_follow_the_mood_of_the_last_ten_seconds(app: AppTest) -> None:
    show(app, played((4, TWO, Emotion.HAPPY), (12, TWO, Emotion.SAD)))
    player = state_of(app, PlayerState)
    assert player.playing is None  # the band plays
    before = player.starts
    app.segmented_control(key="live_music").set_value(SONGS).run()
    assert player.playing is queue_of(app, "live")
    assert (player.playing.fades, player.starts) == (True, before + 1)
    first = playing(app)
    assert {pick.mood for pick in queue_of(app, "live").playlist(3)} == {Mood.SAD}
    app.run()
    assert (playing(app), player.starts) == (first, before + 1)  # the same mood: the song goes on
    show(app, played((4, TWO, Emotion.SAD), (12, TWO, Emotion.HAPPY)))
    assert {pick.mood for pick in queue_of(app, "live").playlist(3)} == {Mood.HAPPY}
    assert player.starts == before + 2


def test_names_of_songs_are_text_in_the_moments_of_a_session(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(monkeypatch)
    session = played((1, TWO, Emotion.SAD), (1, TWO, Emotion.HAPPY))
    session.end()
    with_table(show(app, session))
    assert_text(app.button(key="start-session").click().run())
    assert NAME in queue_of(app, "session").current.song.title
    assert assert_files(files) >= {"csv"}
