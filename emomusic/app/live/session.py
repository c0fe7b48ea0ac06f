"""One live session, which the video thread, the page and its fragments share, and what the visitor asked for.

Fragments and callbacks call `live_session`: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from emomusic.affect import EMOTIONS, EmotionProbabilities
from emomusic.app.queues import PlayerState
from emomusic.app.state import CameraState, page_state
from emomusic.marks.picture import live_picture
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
_GONE_S = 20.0  # the visitor who sends no frame over the page's connection has left


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
    """What a visitor has asked for on the Live page.

    Attributes:
        request: identifies the request for the camera to the browser; "" before the visitor has agreed.
        answer: the problem of that request, or "" if the camera works; None before the answer.
        starts_video: whether the video starts when the camera is allowed.
        visit: the visit on which the page last showed the video.
        way: of the frames to the server.
        is_way_fixed: whether the owner of the server has fixed it.
        shown: the phase of the session in the last run of the page.
        mood: that the songs are for; None before the first song.
        plays_session: whether the player has the playlist of a session that is over.
    """

    request: str = ""
    answer: str | None = None
    starts_video: bool = False
    visit: int | None = None
    way: Way = Way.WEBRTC
    is_way_fixed: bool = False
    shown: Phase | None = None
    mood: EmotionProbabilities | None = None
    plays_session: bool = False

    @property
    def is_camera_allowed(self) -> bool:
        """Whether the browser has allowed the camera."""
        return self.answer == ""

    def request_camera(self) -> None:
        """Request the camera and then start the video. The answer arrives in a later run of the page."""
        self.request, self.answer, self.starts_video = secrets.token_hex(4), None, True


def live_session() -> LiveSession | None:
    """The visitor's session, running or ended; None before the first start."""
    session = page_state(CameraState).session
    return session if isinstance(session, LiveSession) else None


def start_session(way: Way) -> LiveSession | None:
    """Begin the visitor's next session; None if all places are taken. The pictures of the last one are gone."""
    new = LiveSession(LiveReader(shared().live_networks, adjust=lambda: shared().networks()[1]), way)
    if not capacity().start_live(new):
        return None
    if (session := live_session()) is not None:
        session.forget_pictures()
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
    drawing_error: Exception | None = None  # of the last frame
    since_s: float = field(default_factory=time.monotonic)  # start of the phase
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
        """Whether the page has sent no frame for long. WebRTC closes the reader itself."""
        return self.way is Way.PAGE and time.monotonic() - self.frame_s > _GONE_S

    @property
    def is_slow(self) -> bool:
        """Whether connecting has taken too long."""
        return self.phase is Phase.CONNECTING and time.monotonic() - self.since_s >= CONNECT_TIMEOUT_S

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
            self._enter(Phase.PLAYING)
        elif self.is_on and not playing and not signalling:
            # The browser does not report a reason. Until STOP, frames arrive
            lost = Problem.LOST if self.no_frame_s else None
            self.end(Problem.BLOCKED if self.is_slow else lost)

    def end(self, problem: Problem | None = None) -> None:
        """End the session with its lesson, and close the reader. Readings and the game stay available."""
        self.observe(self.game, None)
        self.problem = problem
        self._enter(Phase.OVER)
        self.reader.close()

    def start_game(self, num_players: int) -> None:
        """Start a mirror game with the emotions in random order. An earlier one is gone."""
        self.observe(MirrorGame(random.sample(EMOTIONS, len(EMOTIONS)), num_players=num_players), self.lesson)

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
        self.forget_pictures()
        if self.way is Way.PAGE and self.is_on:
            self.end()

    def forget_pictures(self) -> None:
        """Forget the game and the lesson."""
        self.observe(None, None)

    def forget_persons(self) -> None:
        """Forget the game, the lesson, the known persons and the estimates of their faces."""
        self.forget_pictures()
        self.reader.forget_persons()

    def _enter(self, phase: Phase) -> None:
        self.phase, self.since_s = phase, time.monotonic()

    def on_frame(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Draw the known faces on a frame. The video thread calls this and never waits for a reading."""
        import av

        image = self.draw(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
        return av.VideoFrame.from_ndarray(image, format="rgb24")

    def draw(self, image: RgbImage) -> RgbImage:
        """Submit a frame to the reader and draw its faces. After an error, return the frame unchanged."""
        with self._kept_error():
            view = self.reader.submit_frame(image)
            marked = live_picture(image, view, mirror=self.reader.settings.mirrored, boxes=self.boxes)
        return marked if self.drawing_error is None else image

    def take_frame(self, number: int, jpeg: bytes) -> None:
        """Take a frame that came over the page's connection. The first one begins the video."""
        if self.is_live:
            self.num_taken = number
            self.update(playing=True, signalling=False)
            with self._kept_error():
                self.reader.submit_frame(shrink(read_image(jpeg), _LARGEST_SIDE)[0])

    @contextlib.contextmanager
    def _kept_error(self) -> Iterator[None]:
        """Keep an error with a new frame for the page, because an exception would end the video."""
        self.frame_s = time.monotonic()
        try:
            yield
        except Exception as error:
            if str(error) != str(self.drawing_error):
                log.exception("a frame cannot be drawn")
            self.drawing_error = error.with_traceback(None)  # the traceback holds the frame
        else:
            self.drawing_error = None

    def on_ended(self) -> None:
        """Close the reader after STOP, a closed tab or a lost connection. Runs on the event loop: never waits."""
        # While connecting, the video of an earlier session ended, or the page goes on without WebRTC
        if self.phase is not Phase.CONNECTING and self.way is Way.WEBRTC:
            self.reader.close(timeout_s=0)
