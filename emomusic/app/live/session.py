"""One live session, which the video thread, the page and its fragments share, and what the visitor asked for.

Fragments and callbacks call `live_session`: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from emomusic.affect import EMOTIONS
from emomusic.app.answer import Listener
from emomusic.app.state import CameraState, page_state
from emomusic.marks.picture import live_picture
from emomusic.media.images import RgbImage
from emomusic.stream.game import MirrorGame
from emomusic.stream.lesson import Lesson
from emomusic.stream.reader import LiveReader, LiveView

if TYPE_CHECKING:
    import av

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
"""The page reports a slow connection after this time."""

_NO_FRAME_S = 4.0  # below the five seconds after which a browser reports a lost connection


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
        is_asked: whether the visitor pressed START, and is asked for consent.
        request: identifies the request for the camera to the browser; "" before the first.
        answer: the problem of that request, or "" if the camera works; None before the answer.
        starts_video: whether the video starts when the camera is allowed.
        visit: the visit on which the page last showed the video.
        listener: for the songs; None before the first.
        is_faceless: whether there was no face when the visitor asked for songs.
        plays_session: whether the player has the playlist of a session that is over.
    """

    is_asked: bool = False
    request: str = ""
    answer: str | None = None
    starts_video: bool = False
    visit: int | None = None
    listener: Listener | None = None
    is_faceless: bool = False
    plays_session: bool = False

    @property
    def is_camera_allowed(self) -> bool:
        """Whether the browser has allowed the camera."""
        return self.answer == ""

    def request_camera(self, *, start_video: bool = False) -> None:
        """Request the camera again. The answer arrives in a later run of the page."""
        self.request, self.answer, self.starts_video = secrets.token_hex(4), None, start_video

    def show(self, listener: Listener | None, *, is_faceless: bool = False, plays_session: bool = False) -> None:
        """Give the player the songs for a listener, for the session, or none."""
        self.listener, self.is_faceless, self.plays_session = listener, is_faceless, plays_session


def live_session() -> LiveSession | None:
    """The visitor's session, running or ended; None before the first start."""
    session = page_state(CameraState).session
    return session if isinstance(session, LiveSession) else None


@dataclass(eq=False)
class LiveSession:
    """The state from one START to the next.

    The page writes `boxes` and the reader's settings; the video thread reads them for each frame. Times are those of
    the monotonic clock.
    """

    reader: LiveReader  # its worker starts with the first frame
    phase: Phase = Phase.CONNECTING
    problem: Problem | None = None  # why the video ended or never started; None after STOP
    boxes: bool = True  # whether the faces on the video are marked
    drawing_error: Exception | None = None  # of the last frame
    since_s: float = field(default_factory=time.monotonic)  # start of the phase
    frame_s: float = field(default_factory=time.monotonic)  # the last frame, or the start of the session
    game: MirrorGame | None = None  # with pictures of the players
    lesson: Lesson | None = None  # with pictures of a person

    @property
    def is_on(self) -> bool:
        """Whether the video runs or is connecting."""
        return self.phase is not Phase.OVER

    @property
    def is_live(self) -> bool:
        """Whether the session uses the server. After a closed tab, the phase stays and the reader is closed."""
        return self.is_on and not self.reader.is_closed

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
        self.frame_s = time.monotonic()
        try:
            view = self.reader.submit_frame(image)
            drawn = live_picture(image, view, mirror=self.reader.settings.mirrored, boxes=self.boxes)
        except Exception as error:  # an exception here would end the video; the page shows it
            if str(error) != str(self.drawing_error):
                log.exception("a frame cannot be drawn")
            self.drawing_error = error.with_traceback(None)  # the traceback holds the frame
            return image
        self.drawing_error = None
        return drawn

    def on_ended(self) -> None:
        """Close the reader after STOP, a closed tab or a lost connection. Runs on the event loop: never waits."""
        if self.phase is not Phase.CONNECTING:  # otherwise the video of an earlier session ended
            self.reader.close(timeout_s=0)
