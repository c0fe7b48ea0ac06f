"""The Live page without a browser and a camera: its sessions, games and lessons."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emomusic.affect import EMOTIONS, Emotion
from emomusic.app import camera
from emomusic.app.choices import View
from emomusic.app.live.session import LiveState
from emomusic.app.state import CameraState
from emomusic.server import shared
from emomusic.server.live import LiveSession, Phase
from emomusic.stream.game import CAPTURE_S, COUNTDOWN_S, GamePhase, Lesson, MirrorGame
from emomusic.stream.reader import LiveReader, SeenFace
from tests.fakes import FakeClassifier, FakeClock, FakeDetector, make_face
from tests.pages.screen import app_of, state_of
from tests.waiting import wait_until

FRAME = np.full((240, 320, 3), 90, np.uint8)
TWO = (make_face(40, 60, 60, 75), make_face(200, 60, 60, 75))


class Browser:
    """A fake of the component that asks for the camera, which needs a browser.

    Attributes:
        problem: the next answer; None before it.
        others: id and name of the other cameras.
    """

    problem: str | None = None
    others: Sequence[tuple[str, str]] = ()

    def __call__(
        self, *_: str, key: str, data: dict[str, Any], on_answer_change: Callable[[], None], **__: Any
    ) -> None:
        if data["attempt"] and self.problem is not None:
            answer = {"attempt": data["attempt"], "problem": self.problem, "others": self.others, "has_any": False}
            st.session_state[key] = SimpleNamespace(answer=answer)
            on_answer_change()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser()
    monkeypatch.setattr(camera, "mount", browser)
    return browser


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, fresh_networks: None) -> AppTest:
    for name in ("EMOMUSIC_ICE", "EMOMUSIC_TURN_SECRET", "EMOMUSIC_LIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shared, "load_networks", lambda **_: (FakeDetector(), FakeClassifier()))
    return app_of().switch_page("pages/live.py")


def problems(app: AppTest) -> list[str]:
    """The problems on the screen. Each has a button whose key names it."""
    keys = [button.key for button in app.button if button.key]
    return [key.removeprefix("live-snapshot-") for key in keys if key.startswith("live-snapshot-")]


def live_state(app: AppTest) -> LiveState:
    return state_of(app, LiveState)


def played(*scenes: tuple[int, tuple[Any, ...], Emotion]) -> LiveSession:
    """A playing session that has read the scenes: duration in seconds, faces, emotion."""
    clock, detector, classifier = FakeClock(), FakeDetector(), FakeClassifier()
    reader = LiveReader(lambda: (detector, classifier), smoothing_s=0, clock=clock, idle_s=60)
    for seconds, faces, emotion in scenes:
        detector.faces = list(faces)
        classifier.probabilities = FakeClassifier(emotion).probabilities
        for _ in range(seconds):
            before = reader.view().num_readings
            reader.submit_frame(FRAME.copy())
            wait_until(lambda before=before: reader.view().num_readings > before)
            clock.advance(1.0)
    return LiveSession(reader, phase=Phase.PLAYING, clock=clock)


def agree_and_start(app: AppTest) -> AppTest:
    """Let everyone in view agree, which enables START, and press it."""
    app.checkbox(key="live-agrees").check().run()
    return app.button(key="live-start").click().run()


def show(app: AppTest, session: LiveSession | None) -> AppTest:
    """Run the page with a session, or before the first one."""
    live_state(app).request = "one"
    if session is not None:
        state_of(app, CameraState).session = session
        live_state(app).begin()
    return app.run()


def ended_game(*, num_players: int = 1) -> MirrorGame:
    """A game of seven rounds in which the first player shows fear best, and the second is absent in the last."""
    clock = FakeClock()
    game = MirrorGame(EMOTIONS, num_players=num_players, clock=clock)
    crop = FRAME[:60, :60]
    while (view := game.view()).phase is not GamePhase.OVER:
        emotion = EMOTIONS[len(view.rounds) - 1]
        probabilities = FakeClassifier(emotion, 0.9 if emotion is Emotion.FEAR else 0.5).probabilities
        num_faces = 1 if emotion is EMOTIONS[-1] and view.phase is not GamePhase.WAITING else num_players
        game.observe(clock(), [SeenFace(face.box, crop, probabilities, crop) for face in TWO[:num_faces]])
        clock.advance(0.5)
    return game


def begun_lesson() -> Lesson:
    """A lesson with a neutral face, at its second emotion."""
    clock = FakeClock()
    lesson, probabilities = Lesson(clock=clock), FakeClassifier().probabilities
    lesson.start()
    clock.advance(COUNTDOWN_S)
    lesson.observe(clock(), [SeenFace(TWO[0].box, FRAME[:60, :60], probabilities, FRAME[:60, :60])])
    clock.advance(CAPTURE_S)
    lesson.keep()
    return lesson


def html_of(app: AppTest) -> str:
    return "".join(str(html.value) for html in app.html)


def start_mirror_game(app: AppTest, session: LiveSession) -> AppTest:
    show(app, session).segmented_control(key="shown").set_value(View.GAME).run()
    return app.button(key="live-game-start").click().run()
