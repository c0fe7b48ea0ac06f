"""One visit before the camera: what the video's thread, the page and its refreshed parts share."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from emomusic.face.images import RgbImage
from emomusic.face.live.reader import LiveReader, LiveView
from emomusic.plots.picture import OverlayStyle, live_picture
from emomusic.ui.core import state

if TYPE_CHECKING:
    import av

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
"""A connection that takes longer is said to be slow, with what may be the matter."""

_SILENCE_S = 4.0  # a browser takes five seconds without an answer to call a connection lost


class Phase(StrEnum):
    """How far a visit is."""

    CONNECTING = "connecting"  # browser and server look for a way to each other
    PLAYING = "playing"
    OVER = "over"


class Problem(StrEnum):
    """Why there is no video; the first five are words of the browser's side (`live_camera`)."""

    INSECURE = "insecure"
    UNSUPPORTED = "unsupported"
    ABSENT = "absent"
    REFUSED = "refused"
    BUSY = "busy"
    BLOCKED = "blocked"
    LOST = "lost"


@dataclass(eq=False)
class LiveSession:
    """From one START to the next: the reader, its look, and how far things are.

    The page writes `look` and the reader's settings; the video's thread reads them with each frame.

    Attributes:
        reader: its worker starts with the first frame.
        phase: how far it is.
        problem: why the video ended, or never came; None where somebody pressed STOP.
        look: how the video is drawn.
        drawing_error: what kept the last frame from being drawn; None after one that was.
        since_s: when the phase began, on the monotonic clock.
        frame_s: when the last frame came, likewise; at first when the session began.
    """

    reader: LiveReader
    phase: Phase = Phase.CONNECTING
    problem: Problem | None = None
    look: OverlayStyle = field(default_factory=OverlayStyle)
    drawing_error: Exception | None = None
    since_s: float = field(default_factory=time.monotonic)
    frame_s: float = field(default_factory=time.monotonic)

    @property
    def is_on(self) -> bool:
        """Whether there is video, or soon will be."""
        return self.phase is not Phase.OVER

    @property
    def is_slow(self) -> bool:
        """Whether the connection takes longer than one should."""
        return self.phase is Phase.CONNECTING and time.monotonic() - self.since_s >= PATIENCE_S

    @property
    def silent_s(self) -> float:
        """For how long no frame has come, in seconds; 0 while that is nothing to speak of, and without video."""
        silent_s = time.monotonic() - self.frame_s
        return silent_s if self.phase is Phase.PLAYING and silent_s > _SILENCE_S else 0.0

    def view(self) -> LiveView:
        """What is known now: of nobody, where frames have stopped to come."""
        view = self.reader.view()
        return replace(view, faces=()) if self.silent_s else view

    def follow(self, *, playing: bool, signalling: bool) -> None:
        """Bring the session in line with what the browser's side says of its connection."""
        if playing and self.phase is Phase.CONNECTING:
            self._enter(Phase.PLAYING)
        elif self.is_on and not playing and not signalling:
            # The browser says no more than that it has stopped. Who pressed STOP had frames until then
            lost = Problem.LOST if self.silent_s else None
            self.end(Problem.BLOCKED if self.is_slow else lost)

    def end(self, problem: Problem | None = None) -> None:
        """Close the reader, and remember why where nobody pressed STOP; what it has read stays to be asked for."""
        self.problem = problem
        self._enter(Phase.OVER)
        self.reader.close()

    def _enter(self, phase: Phase) -> None:
        self.phase, self.since_s = phase, time.monotonic()

    def on_frame(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Show a frame with what is known of its faces; on the video's thread, which never waits for a reading."""
        import av

        picture = self.draw(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
        return av.VideoFrame.from_ndarray(picture, format="rgb24")

    def draw(self, image: RgbImage) -> RgbImage:
        """Offer a frame to the reader and draw it; where that fails, the frame as it came."""
        self.frame_s = time.monotonic()
        try:
            picture = live_picture(image, self.reader.submit_frame(image), self.look)
        except Exception as error:  # an exception here would end the video; the page shows it
            if str(error) != str(self.drawing_error):
                log.exception("a frame cannot be drawn")
            self.drawing_error = error.with_traceback(None)  # which holds the frame
            return image
        self.drawing_error = None
        return picture

    def on_ended(self) -> None:
        """The video is over, by STOP, a closed tab or a lost connection: on the server's event loop, so no waiting."""
        if self.phase is not Phase.CONNECTING:  # else it is the end of an earlier session's video
            self.reader.close(timeout_s=0)


def current_session() -> LiveSession | None:
    """This visitor's, running or over; None before the first start."""
    session: LiveSession | None = st.session_state.get(state.LIVE)
    return session
