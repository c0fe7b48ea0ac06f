"""Faces in a stream of frames: the newest is read on a thread of its own, and the video never waits for it."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

from emomusic.affect import EmotionProbabilities, group_probabilities
from emomusic.face.classifier import Classifier
from emomusic.face.detection import Face, FaceDetector
from emomusic.face.images import WORKING_SIDE, RgbImage, crop_face, shrink
from emomusic.face.live.timeline import Timeline
from emomusic.face.live.tracking import FaceTracker, Frame, box_of, landmarks_of, places_of, to_flow_image
from emomusic.face.reading import FaceReading

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

THREAD_NAME = "live reader"
"""Of every reader's worker, so that those running can be counted."""

_RATE_WINDOW_S = 2.0
_SLOW_WINDOW_S = 10.0  # for readings that are slower than that
_MAX_RATE = 240  # bounds what is kept for the rates: 120 frames a second

# A search for all faces costs ten times as much as finding again those that are known. So a new face waits so long at
# most; and the shorter time goes where a face was lost, or nobody is there.
_SEARCH_S = 0.5
_SOON_S = 0.25

_REST = 0.2  # of the time a reading took: leaves part of the machine to the video and to others
_REST_AFTER_ERROR_S = 1.0

MAX_INTERVAL_S = 2.0
MAX_SMOOTHING_S = 10.0

Networks: TypeAlias = tuple[FaceDetector, Classifier]


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a stream is read; may be exchanged while it runs.

    Attributes:
        interval_s: from one reading to the next, in seconds, at most 2. None reads as often as frames come and the
            machine can, but rests after each reading for a fifth of the time it took, and longer while nobody is there.
        smoothing_s: time constant of the probabilities, in seconds, at most 10: a change shows to two thirds after it.
            0 shows every reading as it is.
        detect_side: faces are sought in the frame made so small, in pixels along its longer side, 160 to 1280; those
            under about 12 pixels there are not found. Larger finds faces further away, and takes longer.
        mirrored: the frames are shown mirrored, so that faces stand, and new ones are numbered, from right to left.
    """

    interval_s: float | None = None
    smoothing_s: float = 0.7
    detect_side: int = 320
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.interval_s is not None and not 0.0 <= self.interval_s <= MAX_INTERVAL_S:
            raise ValueError(f"interval_s must be from 0 to {MAX_INTERVAL_S}, or None. Received: {self.interval_s}")
        if not 0.0 <= self.smoothing_s <= MAX_SMOOTHING_S:
            raise ValueError(f"smoothing_s must be from 0 to {MAX_SMOOTHING_S}. Received: {self.smoothing_s}")
        if not 160 <= self.detect_side <= WORKING_SIDE:
            raise ValueError(f"detect_side must be from 160 to {WORKING_SIDE}. Received: {self.detect_side}")


@dataclass(frozen=True, slots=True)
class LiveFace:
    """A face of a stream.

    Attributes:
        number: the same as long as the face stays; counted from 1, never given again.
        reading: where it is now, box and landmarks, and its probabilities, smoothed.
    """

    number: int
    reading: FaceReading


@dataclass(frozen=True, slots=True)
class LiveView:
    """What is known of a stream at one moment.

    Attributes:
        width: of the newest frame, in pixels; boxes are in these; 0 before the first frame.
        height: likewise.
        faces: where they are in the newest frame, from left to right; from right to left where it is shown mirrored.
        is_ready: whether the networks are loaded.
        frames_per_second: frames that came, over the last two seconds.
        readings_per_second: readings made, over the last two seconds; where they had fewer than two, by the last two of
            the last ten seconds.
        lag_s: from a frame's coming to its reading, the mean over the same readings; None where there is none.
        num_frames: frames that came so far.
        num_readings: readings made so far; after the first one, no face means that none was found.
        error: what stopped the last reading; None after one that went well.
    """

    width: int
    height: int
    faces: tuple[LiveFace, ...]
    is_ready: bool
    frames_per_second: float
    readings_per_second: float
    lag_s: float | None
    num_frames: int
    num_readings: int
    error: Exception | None

    @property
    def group(self) -> EmotionProbabilities | None:
        """The mean over all faces; None where there is none."""
        return group_probabilities([face.reading.probabilities for face in self.faces])


class LiveReader:
    """Reads one viewer's stream; any number of them share the networks.

    `submit_frame` belongs on the thread that brings the frames: it keeps the newest for the worker and never waits for
    a reading. The worker starts with the first frame and ends by `close`, or by itself when no frame came for `idle_s`
    seconds; the next frame then starts another. What was read stays to be asked for after `close`.
    """

    def __init__(
        self,
        networks: Callable[[], Networks],
        *,
        settings: LiveSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        idle_s: float = 5.0,
    ) -> None:
        """Make one; nothing runs yet.

        Args:
            networks: gives the detector and the classifier. The worker calls it, so it may take its time to load them,
                and what it raises becomes the view's `error`.
            settings: how the stream is read.
            clock: seconds, never going back.
            idle_s: after so long without a frame the worker ends.
        """
        self.settings = settings or LiveSettings()
        self._networks = networks
        self._clock = clock
        self._idle_s = idle_s
        self._changed = threading.Condition()  # guards all below; held for a millisecond or two at most
        self._closed = threading.Event()
        self._worker: threading.Thread | None = None
        self._newest: Frame | None = None  # not yet taken by the worker
        self._size = (0, 0)
        self._tracks = FaceTracker()
        self._timeline = Timeline()
        self._started_s = 0.0  # when the first frame came
        self._searched_s = -math.inf  # when all faces were last sought; the worker's own, like the next
        self._lost_one = False  # whether a known face was not where it was expected
        self._ready = False
        self._error: Exception | None = None
        self._num_frames = self._num_readings = 0
        self._frames: deque[float] = deque(maxlen=_MAX_RATE)
        self._readings: deque[tuple[float, float]] = deque(maxlen=_MAX_RATE)  # when it was out, and its lag

    @property
    def is_running(self) -> bool:
        """Whether its worker is alive."""
        with self._changed:
            return self._worker is not None and self._worker.is_alive()

    def submit_frame(self, image: RgbImage) -> LiveView:
        """Take the newest frame and tell where the faces are in it.

        Args:
            image: shape (height, width, 3), uint8, RGB, not mirrored; its size may change. It is kept until it is
                read, so it must not be changed afterwards: draw on a copy.

        Returns:
            The faces of the latest reading, moved along to this frame. After `close` the last view.

        Raises:
            ValueError: the image is not of that shape and type.
        """
        grey = to_flow_image(image)
        with self._changed:
            if self._closed.is_set():
                return self._view()
            now = self._clock()
            if not self._num_frames:
                self._started_s = now
            self._tracks.follow(grey)
            self._size = (image.shape[1], image.shape[0])
            self._newest = Frame(image, grey, self._tracks.places(), now)
            self._num_frames += 1
            self._frames.append(now)
            if self._worker is None:
                # A daemon, so that a network that never finishes loading does not hold up the end of the program
                self._worker = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._worker.start()
            view = self._view()
            self._changed.notify_all()  # last: the worker wants Python's lock as soon as it wakes
            return view

    def view(self) -> LiveView:
        """What is known now; on any thread."""
        with self._changed:
            return self._view()

    def timeline(self) -> pd.DataFrame:
        """The group second by second, the last ten minutes; see `timeline.Timeline.table`; on any thread."""
        return self._timeline.table()

    def close(self, timeout_s: float = 2.0) -> None:
        """End the worker, waiting for it so long; may be called again, and on any thread."""
        with self._changed:
            self._closed.set()
            self._newest = None
            self._tracks.forget_frame()
            worker = self._worker
            self._changed.notify_all()
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout_s)

    def __enter__(self) -> LiveReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _view(self) -> LiveView:
        now, (width, height) = self._clock(), self._size
        recent = [(at, lag) for at, lag in self._readings if now - at <= _RATE_WINDOW_S]
        if len(recent) < 2:
            recent = [(at, lag) for at, lag in list(self._readings)[-2:] if now - at <= _SLOW_WINDOW_S]
        tracks = self._tracks.shown()
        faces = [
            (track, track.reading(width, height)) for track in (tracks[::-1] if self.settings.mirrored else tracks)
        ]
        return LiveView(
            width=width,
            height=height,
            faces=tuple(LiveFace(track.number, reading) for track, reading in faces if reading is not None),
            is_ready=self._ready,
            frames_per_second=_rate([at for at in self._frames if now - at <= _RATE_WINDOW_S]),
            readings_per_second=_rate([at for at, _ in recent]),
            lag_s=sum(lag for _, lag in recent) / len(recent) if recent else None,
            num_frames=self._num_frames,
            num_readings=self._num_readings,
            error=self._error,
        )

    def _run(self) -> None:
        """The worker: until closed, or idle."""
        log.debug("a live reader begins")
        rest_s = 0.0
        while (frame := self._next_frame(rest_s)) is not None:
            started_s = time.perf_counter()
            try:
                self._read(frame)
                rest_s = self._rest(time.perf_counter() - started_s)
            except Exception as error:  # shown by whoever asks for the view; the video goes on
                self._keep_error(error)
                rest_s = _REST_AFTER_ERROR_S
            del frame  # or it would be kept while waiting for the next
        log.debug("a live reader ends")

    def _next_frame(self, rest_s: float) -> Frame | None:
        """Rest, then wait for the newest frame; None where the worker should end."""
        self._closed.wait(rest_s)
        with self._changed:
            self._changed.wait_for(lambda: self._closed.is_set() or self._newest is not None, self._idle_s)
            frame, self._newest = self._newest, None
            if frame is None:
                self._worker = None  # here, under the lock: a frame that comes now starts another
            return frame

    def _rest(self, worked_s: float) -> float:
        """How long to rest after a reading that took so long, in seconds."""
        interval_s = self.settings.interval_s
        if interval_s is not None:
            return max(interval_s - worked_s, 0.0)
        with self._changed:
            empty = not self._tracks.shown()
        return max(worked_s * _REST, _SOON_S - worked_s if empty else 0.0)

    def _keep_error(self, error: Exception) -> None:
        with self._changed:
            if str(error) != str(self._error):  # said once, not at every frame
                log.warning("a live reader cannot read", exc_info=error)
            self._error = error.with_traceback(None)  # which would keep the frame

    def _read(self, frame: Frame) -> None:
        detector, classifier = self._networks()
        with self._changed:
            self._ready = True
            if self._closed.is_set():  # who stopped the camera meanwhile is not read any more
                return
            if self._newest is not None:  # loading the networks takes seconds
                frame, self._newest = self._newest, None
        settings = self.settings
        small, scale = shrink(frame.image, settings.detect_side)
        faces = [_scaled(face, 1 / scale, frame.image) for face in self._find(detector, small, frame)]
        if settings.mirrored:
            faces.reverse()
        probabilities = classifier.classify([crop_face(frame.image, face.box) for face in faces])
        with self._changed:
            if self._closed.is_set():
                return
            self._tracks.update(frame, faces, probabilities, smoothing_s=settings.smoothing_s)
            now = self._clock()
            self._readings.append((now, now - frame.time_s))
            self._num_readings += 1
            self._error = None
            # Only what this reading found: with faces that are shown a little longer, a second would count too many
            found = [track.probabilities for track in self._tracks.found()]
            self._timeline.add(frame.time_s - self._started_s, group_probabilities(found), len(found))

    def _find(self, detector: FaceDetector, small: RgbImage, frame: Frame) -> list[Face]:
        """The faces of a frame made small: those known where they are now, and from time to time all."""
        height, width = small.shape[:2]
        places = [places * (width, height) for places in frame.places.values()]
        known = [box for place in places if (box := box_of(place, width, height)) is not None]
        if known and frame.time_s - self._searched_s < (_SOON_S if self._lost_one else _SEARCH_S):
            faces = detector.detect_near(small, known)
            self._lost_one = len(faces) < len(known)
            return faces
        self._searched_s, self._lost_one = frame.time_s, False
        return detector.detect(small)


def _scaled(face: Face, factor: float, image: RgbImage) -> Face:
    """A face found in a smaller copy of an image, in pixels of the image."""
    places = places_of(face) * factor
    box = box_of(places, image.shape[1], image.shape[0])
    assert box is not None  # it lay inside the copy
    return Face(box, face.confidence, landmarks_of(places))


def _rate(times: Sequence[float]) -> float:
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
