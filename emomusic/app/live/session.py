"""One live session, which its connection, the page and its fragments share, and what the visitor asked for.

Fragments and callbacks call `live_session`: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import wraps
from weakref import WeakValueDictionary

import cv2
import streamlit as st

from emomusic.affect import EmotionProbabilities
from emomusic.app.live.ice import IceSettings, Way
from emomusic.app.queues import PlayerState
from emomusic.app.state import CameraState, page_state
from emomusic.media.images import read_image, shrink
from emomusic.server.capacity import capacity
from emomusic.server.shared import shared
from emomusic.stream.game import MirrorGame
from emomusic.stream.lesson import Lesson
from emomusic.stream.reader import LiveReader, LiveView

CONNECT_TIMEOUT_S = 5.0
"""After this time without WebRTC, the page says that the connection is slower, or that there is none."""

_NO_FRAME_S = 4.0
_LARGEST_SIDE = 640  # of a frame
_sessions: WeakValueDictionary[str, LiveSession] = WeakValueDictionary()  # by their keys


class Phase(StrEnum):
    """State of a session."""

    CONNECTING = "connecting"  # before the first frame
    PLAYING = "playing"
    OVER = "over"


_GONE_S = {Phase.CONNECTING: 60.0, Phase.PLAYING: 20.0}  # the visitor who sends no frame has left


class Problem(StrEnum):
    """Why there is no video. The browser reports the first five."""

    INSECURE = "insecure"
    UNSUPPORTED = "unsupported"
    ABSENT = "absent"
    REFUSED = "refused"
    BUSY = "busy"
    BLOCKED = "blocked"
    FULL = "full"
    LOST = "lost"


@dataclass
class LiveState:
    """What a visitor has asked for on the Live page."""

    has_agreed: bool = False  # everyone on camera, to the analysis
    starts_video: bool = False  # in the next run of the page
    mood: EmotionProbabilities | None = None  # that the songs are for; None before the first song
    leaves: bool = False  # for the Photo page
    plays_session: bool = False  # whether the player has the playlist of a session that is over


def live_session() -> LiveSession | None:
    """The visitor's session, running or ended; None before the first start."""
    session = page_state(CameraState).session
    return session if isinstance(session, LiveSession) else None


def live_fragment(every_s: float) -> Callable[[Callable[[LiveSession], None]], Callable[[], None]]:
    """Make a fragment that shows something of the visitor's session."""

    def fragment_of(show: Callable[[LiveSession], None]) -> Callable[[], None]:
        @wraps(show)
        def refresh() -> None:
            if (session := live_session()) is not None:
                show(session)

        return st.fragment(refresh, run_every=every_s)

    return fragment_of


def session_with(key: str) -> LiveSession | None:
    """The running session with this key, on any thread."""
    session = _sessions.get(key)
    return session if session is not None and session.is_live else None


def start_session(ice: IceSettings) -> LiveSession | None:
    """Begin the visitor's next session; None if all places are taken. The pictures of the last one are gone."""
    new = LiveSession(LiveReader(shared().live_networks, adjust=lambda: shared().networks()[1]), ice=ice)
    if not capacity().start_live(new):
        return None
    if (session := live_session()) is not None:
        session.leave()
    _sessions[new.key] = new
    live = page_state(LiveState)
    page_state(CameraState).session, live.plays_session, live.mood = new, False, None
    page_state(PlayerState).queues.pop("session", None)
    return new


@dataclass(eq=False)
class LiveSession:
    """The state from one START to the next.

    The page writes `boxes` and the reader's settings; each frame reads them. Times are those of the monotonic clock.
    """

    reader: LiveReader
    phase: Phase = Phase.CONNECTING
    problem: Problem | None = None  # why the video ended or never started; None after STOP
    boxes: bool = True  # whether the faces on the video are marked
    frame_s: float = field(default_factory=time.monotonic)  # the last frame, or the start of the session
    started_s: float = field(default_factory=time.monotonic)
    game: MirrorGame | None = None  # with pictures of the players
    lesson: Lesson | None = None  # with pictures of a person
    ice: IceSettings = field(default_factory=IceSettings)
    way: Way = Way.PAGE  # of the last frame
    key: str = field(default_factory=secrets.token_urlsafe)  # only the visitor's browser gets it

    @property
    def is_on(self) -> bool:
        """Whether the video runs or is connecting."""
        return self.phase is not Phase.OVER

    @property
    def has_no_camera(self) -> bool:
        """Whether the browser gave no camera."""
        return self.problem not in (None, Problem.LOST)

    @property
    def is_live(self) -> bool:
        """Whether the session uses the server. After a closed tab, the phase stays."""
        return self.is_on and not self.is_left

    @property
    def is_left(self) -> bool:
        """Whether the browser has sent no frame for long."""
        return self._idle_s > _GONE_S.get(self.phase, 0.0)

    @property
    def is_slow(self) -> bool:
        """Whether there has been enough time for WebRTC to connect."""
        return time.monotonic() - self.started_s >= CONNECT_TIMEOUT_S

    @property
    def no_frame_s(self) -> float:
        """Seconds since the last frame during playback; 0 below a threshold."""
        return self._idle_s if self.phase is Phase.PLAYING and self._idle_s > _NO_FRAME_S else 0.0

    @property
    def _idle_s(self) -> float:
        return 0.0 if self.reader.is_reading else time.monotonic() - self.frame_s

    def view(self) -> LiveView:
        """Return the current reading, without faces if frames have stopped."""
        return replace(self.reader.view, faces=()) if self.no_frame_s else self.reader.view

    def end(self, problem: Problem | None = None) -> None:
        """End the session with its lesson, and close the reader. Readings and the game stay available."""
        self.observe(self.game, None)
        self.phase, self.problem = Phase.OVER, problem
        self.reader.close()

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
        """Forget the game and the lesson, and end the session, because the visitor goes to another page or session."""
        self.observe(None, None)
        if self.is_on:
            self.end()

    def forget_persons(self) -> None:
        """Forget the game, the lesson, the known persons and the estimates of their faces."""
        self.observe(None, None)
        self.reader.forget_persons()

    def take_frame(self, jpeg: bytes, way: Way) -> LiveView:
        """Read a frame, mirrored as on the screen. The view has its error: an exception would end the video."""
        self.way, self.frame_s = way, time.monotonic()
        if self.phase is Phase.CONNECTING:
            self.phase = Phase.PLAYING
        view = self.reader.read(lambda: cv2.flip(shrink(read_image(jpeg), _LARGEST_SIDE)[0], 1))
        self.frame_s = time.monotonic()
        return view
