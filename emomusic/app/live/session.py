"""One live session, which the video thread, the page and its fragments share, and what the visitor asked for.

Fragments and callbacks get the session from here: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import streamlit as st

from emomusic.affect import EmotionProbabilities
from emomusic.app.queues import PlayerState
from emomusic.app.state import CameraState, page_state
from emomusic.faces.reading import load_networks
from emomusic.marks.picture import marked_frame
from emomusic.media.images import RgbImage, read_image, shrink
from emomusic.server.capacity import capacity
from emomusic.server.shared import shared
from emomusic.stream.game import MirrorGame
from emomusic.stream.lesson import Lesson
from emomusic.stream.reader import LiveReader, LiveView

if TYPE_CHECKING:
    import av

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
"""After this time without WebRTC, the page goes on over its own connection, or reports that it cannot."""

_NO_FRAME_S = 4.0  # below the five seconds after which a browser reports a lost connection
_LARGEST_SIDE = 640  # of a frame over the page's connection
_GONE_S = 20.0  # the visitor who sends no frame over the page's connection, or who connects for so long, has left


class Way(StrEnum):
    """How the frames of the camera reach the server."""

    WEBRTC = "webrtc"
    PAGE = "page"  # over the page's own connection


class Phase(StrEnum):
    """State of a session."""

    CONNECTING = "connecting"  # ICE is looking for a route
    PLAYING = "playing"
    OVER = "over"


class Problem(StrEnum):
    """Why there is no video. The browser reports the first five (see `camera`)."""

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

    request: str = ""  # identifies the request for the camera to the browser; "" before the visitor has agreed
    answer: str | None = None  # the problem of that request, or "" if the camera works; None before the answer
    starts_video: bool = False  # whether the video starts when the camera is allowed
    visit: int | None = None  # the visit on which the page last showed the video
    way: Way = Way.WEBRTC  # of the frames to the server
    is_way_fixed: bool = False  # whether the owner of the server has fixed it
    shown: Phase | None = None  # the phase of the session in the last run of the page
    mood: EmotionProbabilities | None = None  # that the songs are for; None before the first song
    leaves: bool = False  # for the Photo page
    plays_session: bool = False  # whether the player has the playlist of a session that is over

    @property
    def is_camera_allowed(self) -> bool:
        """Whether the browser has allowed the camera."""
        return self.answer == ""


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


def live_fragment(webrtc_s: float | None, page_s: float | None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function that shows the visitor's session a fragment, refreshed so often by the way of the frames.

    Over the page's own connection, each refresh holds up a frame.
    """

    def fragment_of(show: Callable[..., None]) -> Callable[..., None]:
        def draw(*args: Any) -> None:
            every_s = webrtc_s if page_state(LiveState).way is Way.WEBRTC else page_s
            st.fragment(with_session(show), run_every=every_s)(*args)

        return draw

    return fragment_of


def start_session(way: Way) -> LiveSession | None:
    """Begin the visitor's next session; None if all places are taken. The pictures of the last one are gone."""
    new = LiveSession(LiveReader(shared().live_networks, adjust=lambda: load_networks()[1]), way)
    if not capacity().start_live(new):
        return None
    if (session := live_session()) is not None:
        session.observe(None, None)
    live = page_state(LiveState)
    page_state(CameraState).session, live.plays_session, live.mood = new, False, None
    page_state(PlayerState).queues.pop("session", None)
    return new


@dataclass(eq=False)
class LiveSession:
    """The state from one START to the next.

    The page writes `boxes` and the reader's settings; the video thread reads them for each frame. Times are those of
    the monotonic clock.
    """

    reader: LiveReader  # its worker starts with the first frame
    way: Way = Way.WEBRTC
    phase: Phase = Phase.CONNECTING
    problem: Problem | None = None  # why the video ended or never started; None after STOP
    boxes: bool = True  # whether the faces on the video are marked
    frame_error: Exception | None = None  # of the last frame
    frame_s: float = field(default_factory=time.monotonic)  # the last frame, or the start of the session
    game: MirrorGame | None = None  # with pictures of the players
    lesson: Lesson | None = None  # with pictures of a person
    num_taken: int = 0  # the number of the last frame over the page's connection

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
        """Whether the page has sent no frame for long. Once connected, WebRTC closes the reader itself."""
        ends_itself = self.way is Way.WEBRTC and self.phase is not Phase.CONNECTING
        return not ends_itself and time.monotonic() - self.frame_s > _GONE_S

    @property
    def is_slow(self) -> bool:
        """Whether connecting has taken too long."""
        return self.phase is Phase.CONNECTING and time.monotonic() - self.frame_s >= CONNECT_TIMEOUT_S

    @property
    def no_frame_s(self) -> float:
        """Seconds since the last frame during playback; 0 below a threshold."""
        elapsed_s = time.monotonic() - self.frame_s
        return elapsed_s if self.phase is Phase.PLAYING and elapsed_s > _NO_FRAME_S else 0.0

    def view(self) -> LiveView:
        """Return the current reading, without faces if frames have stopped."""
        view = self.reader.view()
        return replace(view, faces=()) if self.no_frame_s else view

    def update(self, *, playing: bool, signalling: bool) -> None:
        """Set the phase from the browser's connection state."""
        if playing and self.phase is Phase.CONNECTING:
            self.phase = Phase.PLAYING
        elif self.is_on and not playing and not signalling:
            # The browser does not report a reason. Until STOP, frames arrive
            lost = Problem.LOST if self.no_frame_s else None
            self.end(Problem.BLOCKED if self.is_slow else lost)

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
        """Forget the game and the lesson, because the visitor looks at another page. WebRTC ends by itself."""
        self.observe(None, None)
        if self.way is Way.PAGE and self.is_on:
            self.end()

    def forget_persons(self) -> None:
        """Forget the game, the lesson, the known persons and the estimates of their faces."""
        self.observe(None, None)
        self.reader.forget_persons()

    def on_frame(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Draw the known faces on a frame. The video thread calls this and never waits for a reading."""
        import av

        image = self.draw(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
        return av.VideoFrame.from_ndarray(image, format="rgb24")

    def draw(self, image: RgbImage) -> RgbImage:
        """Submit a frame to the reader. Returns its mirror image with the faces, which an error leaves out."""
        mirrored = cv2.flip(image, 1)
        view = self._submit(lambda: mirrored)
        return mirrored if view is None or not self.boxes else marked_frame(mirrored, view.faces)

    def take_frame(self, number: int, jpeg: bytes) -> None:
        """Take a frame that came over the page's connection. The first one begins the video."""
        if self.is_live:
            self.num_taken = number
            self.update(playing=True, signalling=False)
            self._submit(lambda: cv2.flip(shrink(read_image(jpeg), _LARGEST_SIDE)[0], 1))

    def _submit(self, make_frame: Callable[[], RgbImage]) -> LiveView | None:
        """Submit a frame, or keep the error for the page, because an exception would end the video."""
        self.frame_s = time.monotonic()
        try:
            view = self.reader.submit_frame(make_frame())
        except Exception as error:
            if str(error) != str(self.frame_error):
                log.exception("a frame cannot be read")
            self.frame_error = error.with_traceback(None)  # the traceback holds the frame
            return None
        self.frame_error = None
        return view

    def on_ended(self) -> None:
        """Close the reader after STOP, a closed tab or a lost connection. Runs on the event loop: never waits."""
        # While connecting, the video of an earlier session ended, or the page goes on without WebRTC
        if self.phase is not Phase.CONNECTING and self.way is Way.WEBRTC:
            self.reader.close(timeout_s=0)
