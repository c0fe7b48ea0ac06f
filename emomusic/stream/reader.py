"""Face readings for a stream of frames, computed on a worker thread so that the video never waits."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from emomusic.affect import EmotionProbabilities
from emomusic.faces.identity import ROOM_AROUND
from emomusic.faces.profile import FaceProfile
from emomusic.faces.reading import Networks
from emomusic.faces.table import Faces
from emomusic.media.images import Box, RgbImage, crop_face
from emomusic.stream.timeline import Timeline
from emomusic.stream.tracking import FaceFinder, FaceTracker, Frame, PersonReader, faces_of, to_flow_image

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

THREAD_NAME = "live reader"
"""Name of the worker threads, so that they can be counted."""

_RATE_WINDOW_S = 2.0
_SLOW_WINDOW_S = 10.0  # for slower readings
_MAX_RATE = 240  # bounds memory: 120 frames a second

_EMPTY_REST_S = 0.25  # shortest time between two readings without faces
_REST = 0.2  # share of the reading's duration, leaves time to the video and other viewers
_REST_AFTER_ERROR_S = 1.0
_END_S = 2.0  # longest wait for the end of the worker


DETECT_SIDE = 320
"""Longer side of the frame for detection in pixels. Faces have at least about 12 pixels there. A larger side finds
smaller faces and takes longer."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """A face of one reading, before smoothing."""

    box: Box
    crop: RgbImage  # as from `Face.crop`
    probabilities: EmotionProbabilities
    around: RgbImage  # the same with `identity.ROOM_AROUND`, for the recognition of the person


class Observer(Protocol):
    """Takes the readings of a stream. `MirrorGame` and `Lesson` are observers."""

    def uses_profiles_at(self, time_s: float) -> bool:  # noqa: ARG002
        """Whether the reading of a frame of this time may use the profiles of persons."""
        return True

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        """Take the time of a frame and its faces, from left to right on the screen. The worker waits for this."""
        ...


@dataclass(frozen=True, slots=True)
class LiveView:
    """The state of a stream at one moment."""

    width: int  # pixels of the newest frame, the unit of the boxes; 0 before the first frame
    height: int  # pixels of the newest frame; 0 before the first frame
    # At their positions in the newest frame, from left to right on the screen, with smoothed probabilities. A face
    # keeps its number while it stays, and a lone face is number 1
    faces: Faces
    frames_per_second: float  # over the last two seconds
    readings_per_second: float  # over the last two seconds, or over the last two readings of the last ten seconds
    lag_s: float | None  # mean time from a frame to its reading, over the same readings; None without readings
    num_frames: int  # all frames
    num_readings: int  # all readings
    profiles: tuple[FaceProfile, ...]  # those that the last reading used
    error: Exception | None  # error of the last reading; None if it succeeded


class LiveReader:
    """Reads the stream of one viewer. Several readers may share the networks.

    The first frame starts the worker, and the first after its end another. The results stay available after `close`.
    The attributes may change at any time.

    Attributes:
        detect_side: the side, as `DETECT_SIDE`.
        observers: what takes each reading.
        profiles: those of persons, whose faces are read with them.
    """

    def __init__(
        self,
        networks: Callable[[], Networks],
        *,
        smoothing_s: float = 0.7,
        clock: Callable[[], float] = time.monotonic,
        idle_s: float = 5.0,
    ) -> None:
        """Create a reader without starting its worker.

        Args:
            networks: gives the detector and the classifier to the worker. Its exception becomes the view's `error`.
            smoothing_s: time constant of the probabilities in seconds; 0 disables smoothing.
            clock: monotonic time in seconds.
            idle_s: the worker ends after this time without a frame.
        """
        self.detect_side = DETECT_SIDE
        self.observers: Sequence[Observer] = ()
        self.profiles: Sequence[FaceProfile] = ()
        self._networks, self._smoothing_s, self._clock, self._idle_s = networks, smoothing_s, clock, idle_s
        self._changed = threading.Condition()  # guards the attributes below, for a few milliseconds at most
        self._closed = threading.Event()
        self._worker: threading.Thread | None = None
        self._newest: Frame | None = None  # for the worker
        self._size = (0, 0)
        self._numbers: dict[int, int] = {}  # the shown number of each track
        self._tracks = FaceTracker()
        self._timeline = Timeline()
        self._started_s = 0.0  # time of the first frame
        self._finder = FaceFinder()  # only the worker uses it
        self._threshold = 0.0  # the threshold of the classifier
        self.forget_profiles()
        self._error: Exception | None = None
        self._num_frames = self._num_readings = 0
        self._frames: deque[float] = deque(maxlen=_MAX_RATE)
        self._readings: deque[tuple[float, float]] = deque(maxlen=_MAX_RATE)  # time and lag

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def submit_frame(self, image: RgbImage) -> None:
        """Store the newest frame for the worker, and move the known faces to it, without waiting for a reading.

        Args:
            image: shape (height, width, 3), uint8, RGB, as on the screen. Its size may change. Do not modify it later.

        Raises:
            ValueError: the image has another shape or type.
        """
        grey = to_flow_image(image)
        with self._changed:
            if self._closed.is_set():
                return
            now = self._clock()
            if not self._num_frames:
                self._started_s = now
            self._tracks.follow(grey)
            self._size = (image.shape[1], image.shape[0])
            self._newest = Frame(image, grey, self._tracks.tracks, now)
            self._num_frames += 1
            self._frames.append(now)
            if self._worker is None:
                # A daemon, so that loading of the networks does not delay the exit of the program
                self._worker = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._worker.start()
            self._changed.notify_all()  # last, because the worker then takes the GIL

    def view(self) -> LiveView:
        """The current state, on any thread."""
        with self._changed:
            now, size = self._clock(), self._size
            # A track keeps its number while it stays, and a newcomer gets the smallest free one
            tracks = sorted(track.number for track in self._tracks.tracks)
            numbers = {track: self._numbers[track] for track in tracks if track in self._numbers and len(tracks) > 1}
            for track in tracks:
                if track not in numbers:
                    numbers[track] = next(n for n in itertools.count(1) if n not in numbers.values())
            self._numbers = numbers
            recent = [(at, lag) for at, lag in self._readings if now - at <= _RATE_WINDOW_S]
            if len(recent) < 2:
                recent = [(at, lag) for at, lag in list(self._readings)[-2:] if now - at <= _SLOW_WINDOW_S]
            faces = faces_of(self._tracks.shown(), *size, self._threshold)
            shown = np.array([numbers[track] for track in faces.number.tolist()], np.int64)
            return LiveView(
                width=size[0],
                height=size[1],
                faces=replace(faces, number=shown),
                frames_per_second=_rate([at for at in self._frames if now - at <= _RATE_WINDOW_S]),
                readings_per_second=_rate([at for at, _ in recent]),
                lag_s=sum(lag for _, lag in recent) / len(recent) if recent else None,
                num_frames=self._num_frames,
                num_readings=self._num_readings,
                profiles=tuple(self._persons.present),
                error=self._error,
            )

    def timeline(self) -> pd.DataFrame:
        """The group's emotions per second over ten minutes, as from `Timeline.table`, on any thread."""
        return self._timeline.table()

    def forget_profiles(self) -> None:
        """Forget the profiles and their persons, on any thread."""
        self.profiles = ()
        self._persons = PersonReader()

    def close(self) -> None:
        """End the worker and wait for it up to a timeout. Further calls are allowed, on any thread."""
        self.forget_profiles()
        with self._changed:
            self._closed.set()
            self._newest = None
            self._tracks.forget_frame()
            worker = self._worker
            self._changed.notify_all()
        if worker is not None and worker is not threading.current_thread():
            worker.join(_END_S)

    def _run(self) -> None:
        """The worker's loop, until `close` or idle."""
        rest_s = 0.0
        while (frame := self._next_frame(rest_s)) is not None:
            started_s = time.perf_counter()
            try:
                self._read(frame)
                worked_s = time.perf_counter() - started_s
                rest_s = max(worked_s * _REST, 0.0 if self.view().faces else _EMPTY_REST_S - worked_s)
            except Exception as error:  # the view shows it, and the video continues
                if str(error) != str(self._error):  # once, not for every frame
                    log.warning("a reading failed", exc_info=error)
                self._error = error.with_traceback(None)  # the traceback would keep the frame
                rest_s = _REST_AFTER_ERROR_S
            del frame  # frees the memory during the wait

    def _next_frame(self, rest_s: float) -> Frame | None:
        """Rest, then wait for the newest frame; None if the worker should end."""
        self._closed.wait(rest_s)
        with self._changed:
            self._changed.wait_for(lambda: self._closed.is_set() or self._newest is not None, self._idle_s)
            frame, self._newest = self._newest, None
            if frame is None:
                self._worker = None  # under the lock, so that the next frame starts another
            return frame

    def _read(self, frame: Frame) -> None:
        detector, classifier = self._networks()
        self._threshold = classifier.threshold
        with self._changed:
            if self._closed.is_set():
                return
            if self._newest is not None:  # loading takes seconds
                frame, self._newest = self._newest, None
        observers, persons = self.observers, self._persons
        faces = self._finder.find(detector, frame, self.detect_side)
        seen = [(face.box, face.crop(frame.image)) for face in faces]
        profiles = self.profiles if all(observer.uses_profiles_at(frame.time_s) for observer in observers) else ()
        probabilities = persons.classify(frame.image, seen, frame.time_s, classifier, profiles=profiles)
        for observer in observers:
            read = [
                SeenFace(box, crop, row, crop_face(frame.image, box, margin=ROOM_AROUND))
                for (box, crop), row in zip(seen, probabilities, strict=True)
            ]
            observer.observe(frame.time_s, read)
        with self._changed:
            if self._closed.is_set():
                return
            self._tracks.update(frame, faces, probabilities, smoothing_s=self._smoothing_s)
            now = self._clock()
            self._readings.append((now, now - frame.time_s))
            self._num_readings += 1
            self._error = None
            # Without missed faces, which stay visible for a moment
            found = faces_of(self._tracks.found(), *frame.image.shape[1::-1])
            self._timeline.add(frame.time_s - self._started_s, found.mean(), len(found))


def _rate(times: Sequence[float]) -> float:
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
