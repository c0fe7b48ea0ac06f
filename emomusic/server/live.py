"""One live session, whose frames the routes of `frames.py` take, and whose readings the page and its fragments show."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import cv2
import msgspec

from emomusic.colours import EMOTION_COLOURS, ink_on
from emomusic.faces.table import NO_FACES
from emomusic.media.images import RgbImage, shrink
from emomusic.server.files import base_path
from emomusic.server.frames import FOLDER, Problem
from emomusic.server.ice import IceSettings
from emomusic.stream.game import Lesson, MirrorGame
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
    token: str = field(default_factory=secrets.token_urlsafe)  # makes the address unguessable
    boxes: bool = True  # whether the faces on the video are marked
    frame_error: Exception | None = None  # why the last frame cannot be read
    clock: Callable[[], float] = time.monotonic
    frame_s: float = field(init=False)  # the last frame, or the start of the session
    game: MirrorGame | None = None  # with pictures of the players
    lesson: Lesson | None = None  # with pictures of a person
    listener: Callable[[], object] | None = None  # called after each frame
    _disconnect: Callable[[], None] | None = None  # ends WebRTC
    _offer: object = None  # the newest one
    _taking: threading.Lock = field(default_factory=threading.Lock)  # held while a frame or a connection is taken

    def __post_init__(self) -> None:
        self.frame_s = self.clock()

    @property
    def address(self) -> str:
        """The address for the frames, as long as the session has its place."""
        return f"{base_path()}{FOLDER}/{self.token}"

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
        except Exception as error:  # decoders raise anything
            if str(error) != str(self.frame_error):
                log.exception("a frame cannot be read")
            self.frame_error = error.with_traceback(None)  # the traceback holds the frame
        finally:
            self._taking.release()
        if self.listener is not None:
            self.listener()

    def faces_json(self) -> bytes:
        """The browser's data, as JSON: the faces from left to right, boxes in shares of the frame."""
        view, faces = self.view(), []
        for face in view.faces:
            box, colour = face.face.box, EMOTION_COLOURS[face.emotion]
            faces.append(
                {
                    "number": face.number,
                    "box": (box.x / view.width, box.y / view.height, box.width / view.width, box.height / view.height),
                    "label": f"{face.number} {face.word}",
                    "isHollow": not face.is_sure,
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
        from emomusic.server.webrtc import connect

        if self.ice is None:
            raise ConnectionError("expected a frame. Received: an offer of WebRTC. Set EMOMUSIC_LIVE=webrtc")
        with self._taking:
            self._offer = newest = object()
        self._stop_webrtc()
        disconnect, answer = connect(self.ice, offer, self.take_frame)
        with self._taking:
            is_wanted = self.is_on and self._offer is newest
            if is_wanted:
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

    def observe(self, game: MirrorGame | None, lesson: Lesson | None) -> None:
        """Let this game and this lesson take the readings. Others are gone with their pictures."""
        self.game, self.lesson = game, lesson
        self.reader.observers = [observer for observer in (game, lesson) if observer is not None]

    def leave(self) -> None:
        """End the video, and forget the game and the lesson, because the visitor looks at another page."""
        self.observe(None, None)
        if self.is_on:
            self.end()

    def forget_profiles(self) -> None:
        """Forget the game, the lesson and the profiles."""
        self.observe(None, None)
        self.reader.forget_profiles()
