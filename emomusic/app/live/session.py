"""One live session, which the routes, the page and its fragments share, and what the visitor asked for.

Fragments and callbacks get the session from here: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import wraps
from typing import Any

import cv2
import msgspec
import streamlit as st
from streamlit import runtime

from emomusic.affect import EmotionProbabilities
from emomusic.app.camera import Problem
from emomusic.app.live.ice import IceSettings
from emomusic.app.queues import forget_queue
from emomusic.app.state import CameraState, page_state
from emomusic.colours import EMOTION_COLOURS, ink_on
from emomusic.faces.table import NO_FACES
from emomusic.media.images import RgbImage, shrink
from emomusic.server.capacity import capacity
from emomusic.server.frames import give_address
from emomusic.server.shared import shared
from emomusic.server.visitor import session_id
from emomusic.stream.game import MirrorGame
from emomusic.stream.lesson import Lesson
from emomusic.stream.reader import LiveReader, LiveView

log = logging.getLogger(__name__)

_NO_FRAME_S = 4.0  # the page then says so
_GONE_S = 30.0  # a page that sends no frame for so long has lost its connection, or its visitor has left
_LARGEST_SIDE = 640  # pixels of a frame


class Phase(StrEnum):
    """State of a session."""

    CONNECTING = "connecting"  # no frame has arrived
    PLAYING = "playing"
    OVER = "over"


class Stage(StrEnum):
    """How far a visitor of the Live page is."""

    OPENING = "opening"  # before the first START
    ASKING = "asking"  # the browser asks for the camera
    REFUSED = "refused"  # without a camera, or without a place
    VIDEO = "video"  # a session has begun; its phase says more
    PLAYLIST = "playlist"  # the session is over, and the player has its songs
    LEAVING = "leaving"  # for the Photo page


@dataclass
class LiveState:
    """How far a visitor is. Each method is a transition."""

    stage: Stage = Stage.OPENING
    request: str = ""  # the last question for the camera; "" before the visitor has agreed
    problem: Problem | None = None  # the answer to this question, if there is no video
    mood: EmotionProbabilities | None = None  # that the songs are for; None before the first song

    def ask(self) -> None:
        """The visitor agrees and asks for the camera. The answer arrives in a later run of the page."""
        self.stage, self.request, self.problem = Stage.ASKING, secrets.token_hex(4), None

    def refuse(self, problem: Problem) -> None:
        """There is no video."""
        self.stage, self.problem = Stage.REFUSED, problem

    def begin(self) -> None:
        """A session begins."""
        self.stage, self.mood = Stage.VIDEO, None

    def play(self) -> None:
        """The songs of the session that is over play."""
        self.stage = Stage.PLAYLIST

    def leave(self) -> None:
        """The next complete run of the page opens the Photo page."""
        self.stage = Stage.LEAVING

    def stay(self) -> None:
        """The visitor has left, and finds this stage after the return."""
        self.stage = Stage.VIDEO if self.problem is None else Stage.REFUSED


def live_session() -> LiveSession | None:
    """The visitor's session, running or ended; None before the first start."""
    session = page_state(CameraState).session
    return session if isinstance(session, LiveSession) else None


def with_session(act: Callable[..., object]) -> Callable[..., None]:
    """A callback that gets the visitor's session, and does nothing without one."""

    @wraps(act)
    def call(*args: Any) -> None:
        if (session := live_session()) is not None:
            act(session, *args)

    return call


def live_fragment(every_s: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function that shows the visitor's session a fragment, refreshed so often."""
    return lambda show: st.fragment(with_session(show), run_every=every_s)


def start_session(ice: IceSettings | None) -> None:
    """Begin the visitor's next session, or refuse it if all places are taken. The pictures of the last one are gone."""
    if ice is not None:
        from emomusic.app.live import webrtc  # noqa: F401 (loads in almost a second, and declares a component)
    live = page_state(LiveState)
    reader = LiveReader(shared().live_networks)
    new = LiveSession(reader, ice, visitor=session_id(), cookies=dict(st.context.cookies))
    _end_earlier(new)
    if not capacity().start_live(new):
        live.refuse(Problem.FULL)
        return
    if (session := live_session()) is not None:
        session.observe(None, None)
    page_state(CameraState).session, new.address = new, give_address(new)
    forget_queue("session")
    live.begin()


def _end_earlier(new: LiveSession) -> None:
    """End the sessions of the same visitor: of this page, and of pages that this browser has closed or reloaded."""
    for session in capacity().live_sessions:
        is_same = session.visitor == new.visitor or (bool(new.cookies) and session.cookies == new.cookies)
        is_shown = runtime.exists() and runtime.get_instance().is_active_session(session.visitor)
        if is_same and (session.visitor == new.visitor or not is_shown):
            session.end()


@dataclass(eq=False)
class LiveSession:
    """The state from one START to the next.

    The page writes `boxes` and the reader's settings; a thread reads them for each frame. Times are those of the
    monotonic clock.
    """

    reader: LiveReader  # its worker starts with the first frame
    ice: IceSettings | None = None  # for WebRTC; None if the page posts the frames
    phase: Phase = Phase.CONNECTING
    problem: Problem | None = None  # why the video ended or never started; None after STOP
    visitor: str = ""  # the session of Streamlit
    cookies: Mapping[str, str] = field(default_factory=dict)  # those of the visitor's browser
    address: str = ""  # for the frames
    boxes: bool = True  # whether the faces on the video are marked
    frame_error: Exception | None = None  # why the last frame cannot be read
    clock: Callable[[], float] = time.monotonic
    frame_s: float = field(init=False)  # the last frame, or the start of the session
    game: MirrorGame | None = None  # with pictures of the players
    lesson: Lesson | None = None  # with pictures of a person
    _listener: Callable[[], object] | None = None  # called after each frame
    _disconnect: Callable[[], None] | None = None  # ends WebRTC
    _offer: object = None  # the newest one
    _taking: threading.Lock = field(default_factory=threading.Lock)  # held while a frame or a connection is taken

    def __post_init__(self) -> None:
        self.frame_s = self.clock()

    @property
    def is_on(self) -> bool:
        """Whether the video runs or is connecting."""
        return self.phase is not Phase.OVER

    @property
    def is_live(self) -> bool:
        """Whether the session uses the server. After a closed tab, the phase stays."""
        return self.is_on and not self.reader.is_closed and not self.is_left

    @property
    def is_left(self) -> bool:
        """Whether no frame has arrived for long."""
        return self.clock() - self.frame_s > _GONE_S

    @property
    def no_frame_s(self) -> float:
        """Seconds since the last frame during playback; 0 below a threshold."""
        elapsed_s = self.clock() - self.frame_s
        return elapsed_s if self.phase is Phase.PLAYING and elapsed_s > _NO_FRAME_S else 0.0

    def view(self) -> LiveView:
        """Return the current reading, without faces if frames have stopped."""
        view = self.reader.view()
        return replace(view, faces=NO_FACES) if self.no_frame_s else view

    def take_frame(self, decode: Callable[[], RgbImage]) -> None:
        """Mirror a frame and submit it to the reader, without waiting for a reading. The first one begins the video.

        A frame that arrives during another one is dropped. Its error stays for the page until the next one.
        """
        if not self.is_live or not self._taking.acquire(blocking=False):
            return
        try:
            self.frame_s = self.clock()
            if self.phase is Phase.CONNECTING:
                self.phase = Phase.PLAYING
            self.reader.submit_frame(cv2.flip(shrink(decode(), _LARGEST_SIDE)[0], 1))
            self.frame_error = None
        except Exception as error:  # of any decoder
            if str(error) != str(self.frame_error):
                log.exception("a frame cannot be read")
            self.frame_error = error.with_traceback(None)  # the traceback holds the frame
        finally:
            self._taking.release()
        if self._listener is not None:
            self._listener()

    def on_frame(self, listener: Callable[[], object]) -> None:
        """Call a listener after each frame."""
        self._listener = listener

    def faces_json(self) -> bytes:
        """What the browser draws and plays, as JSON: the faces from left to right, boxes in shares of the frame."""
        view, faces = self.view(), []
        for face in view.faces:
            box, colour = face.face.box, EMOTION_COLOURS[face.emotion]
            faces.append(
                {
                    "number": face.number,
                    "box": (box.x / view.width, box.y / view.height, box.width / view.width, box.height / view.height),
                    "label": f"{face.number} {face.emotion}",
                    "colour": colour,
                    "ink": ink_on(colour),
                    "valence": round(face.point.valence, 3),
                    "arousal": round(face.point.arousal, 3),
                }
            )
        answer = {"phase": self.phase, "at_ms": 1000 * self.frame_s, "isMarked": self.boxes, "faces": faces}
        return msgspec.json.encode(answer)

    def connect(self, offer: bytes) -> bytes:
        """Answer the browser's offer of WebRTC, and take its frames until the end or another offer. Waits.

        Of several offers at once, the connection of the newest one stays.

        Raises:
            ConnectionError: WebRTC is not used, the offer is malformed, or the network does not answer.
        """
        from emomusic.app.live.webrtc import connect

        if self.ice is None:
            raise ConnectionError("expected a frame. Received: an offer of WebRTC. Set EMOMUSIC_LIVE=webrtc")
        with self._taking:
            self._offer = newest = object()
        self._stop_webrtc()
        disconnect, answer = connect(self.ice, offer, self.take_frame)
        with self._taking:
            if is_wanted := self.is_on and self._offer is newest:
                self._disconnect = disconnect
        if not is_wanted:  # STOP or another offer came first
            disconnect()
        return answer

    def _stop_webrtc(self) -> None:
        """End the connection of WebRTC, if there is one."""
        with self._taking:
            disconnect, self._disconnect = self._disconnect, None
        if disconnect is not None:
            disconnect()

    def end(self, problem: Problem | None = None) -> None:
        """End the session with its lesson, and close the reader. Readings and the game stay available."""
        self.observe(self.game, None)
        with self._taking:
            self.phase, self.problem = Phase.OVER, problem
        self.reader.close()
        self._stop_webrtc()

    def lose(self) -> None:
        """End the session, because its frames do not arrive any more, or never did by WebRTC."""
        never = self.phase is Phase.CONNECTING and self.ice is not None
        self.end(Problem.BLOCKED if never else Problem.LOST)

    def start_lesson(self) -> Lesson:
        """Begin a lesson. An earlier one is gone."""
        lesson = Lesson()
        self.observe(self.game, lesson)
        return lesson

    def observe(self, game: MirrorGame | None, lesson: Lesson | None) -> None:
        """Let this game and this lesson take the readings. Others are gone with their pictures."""
        self.game, self.lesson = game, lesson
        self.reader.observers = [observer for observer in (game, lesson) if observer is not None]

    def leave(self) -> None:
        """End the video, and forget the game and the lesson, because the visitor looks at another page."""
        self.observe(None, None)
        if self.is_on:
            self.end()

    def forget_persons(self) -> None:
        """Forget the game, the lesson and the known persons."""
        self.observe(None, None)
        self.reader.forget_persons()
