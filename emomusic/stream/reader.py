"""Face readings of the frames of a camera, one after another."""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from emomusic.affect import EmotionProbabilities, group_probabilities
from emomusic.faces.classifier import Classifier, EmotionClassifier
from emomusic.faces.detection import Face, FaceDetector
from emomusic.faces.identity import load_identifier
from emomusic.faces.profile import KnownFace
from emomusic.faces.reading import FaceReading
from emomusic.media.images import Box, RgbImage, crop_face, shrink
from emomusic.stream.persons import PersonReader, Recognition
from emomusic.stream.timeline import Timeline
from emomusic.stream.tracking import FaceTracker, to_flow_image

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_RATE_WINDOW_S = 2.0
_SLOW_WINDOW_S = 10.0  # for slower readings
_MAX_RATE = 240  # bounds memory: 120 readings a second

# Seconds between two runs of `detect`, which takes ten times as long as `detect_near`; shorter after a lost face.
_DETECT_INTERVAL_S = 0.5
_SHORT_INTERVAL_S = 0.25

_EMPTY_REST_S = 0.25  # shortest time between two readings without faces
_REST = 0.2  # share of the reading's duration, leaves time to other viewers
_REST_AFTER_ERROR_S = 1.0


Networks: TypeAlias = tuple[FaceDetector, Classifier]


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Settings of a reader, which may change while it runs."""

    smoothing_s: float = 0.7  # time constant of the probabilities in seconds, at most 10. 0 disables smoothing
    # Longer side of the frame for detection, 160 to 1280 pixels. Faces have at least about 12 pixels there. A larger
    # side finds smaller faces and takes longer
    detect_side: int = 320
    recognition: Recognition = Recognition.ESTIMATED  # whose own faces the readings take into account


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """A face of one reading, before smoothing."""

    box: Box
    crop: RgbImage  # as from `images.crop_face`
    probabilities: EmotionProbabilities


class Observer(Protocol):
    """Takes the readings of a stream. `MirrorGame` and `Lesson` implement it."""

    @property
    def recognition(self) -> Recognition:
        """The most that the readings may take into account now."""
        ...

    def observe(self, time_s: float, faces: Sequence[SeenFace]) -> None:
        """Take the time of a frame and its faces, from left to right on the screen."""
        ...


@dataclass(frozen=True, slots=True)
class LiveView:
    """The state of a stream after its last reading."""

    width: int = 0  # of the frame in pixels, the unit of the boxes; 0 before the first reading
    height: int = 0
    # From left to right on the screen, with smoothed probabilities. A face keeps its number while it stays, and a lone
    # face is number 1. A missed face stays for a moment
    faces: tuple[FaceReading, ...] = ()
    readings_per_second: float = 0.0  # over the last two seconds, or over the last two readings of ten seconds
    lag_s: float | None = None  # mean time from a frame to its reading, over the same readings; None without readings
    num_readings: int = 0  # all readings
    error: Exception | None = None  # of the last frame; None if it was read
    is_adjusted: bool = False  # whether the last reading used an estimate of a person's face
    rest_s: float = 0.0  # time to the next frame that leaves enough to other viewers

    @property
    def group(self) -> EmotionProbabilities | None:
        """The mean over all faces; None without faces."""
        return group_probabilities([face.probabilities for face in self.faces])


class LiveReader:
    """Reads the stream of one viewer. Several readers may share the networks, and threads one reader.

    The results stay available after `close`. The `settings`, the `observers` of each reading and the `known` persons
    may change at any time.

    Attributes:
        view: the state of the stream.
    """

    def __init__(
        self,
        networks: Callable[[], Networks],
        *,
        adjust: Callable[[], EmotionClassifier] | None = None,
        settings: LiveSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a reader.

        Args:
            networks: gives the detector and the classifier. Its exception becomes the view's `error`.
            adjust: gives the model with which the readings adjust to a person; None if they never do.
            settings: of the readings.
            clock: monotonic time in seconds.
        """
        self.settings = settings or LiveSettings()
        self.observers: Sequence[Observer] = ()
        self.known: Sequence[KnownFace] = ()
        self.view = LiveView()
        self.is_closed = False
        self._networks, self._adjust, self._clock = networks, adjust, clock
        self._reading = threading.Lock()  # guards the attributes below
        self._numbers: dict[int, int] = {}  # the shown number of each track
        self._tracks, self._timeline = FaceTracker(), Timeline()
        self._searched_s, self._lost_one = -math.inf, False  # the last `detect`, and whether a face was missed since
        self._started_s: float | None = None  # time of the first frame
        self._readings: deque[tuple[float, float]] = deque(maxlen=_MAX_RATE)  # time and lag
        self.forget_persons()

    def read(self, decode: Callable[[], RgbImage]) -> LiveView:
        """Read a frame as on the screen, which `decode` returns. The view has its error and that of the reading."""
        with self._reading:
            if self.is_closed:
                return self.view
            began_s = self._clock()
            try:
                view = self._read(decode(), began_s)
            except Exception as error:  # the view shows it, and the video continues
                if str(error) != str(self.view.error):  # once, not for every frame
                    log.warning("a reading failed", exc_info=error)
                # The traceback would keep the frame
                view = replace(self.view, error=error.with_traceback(None), rest_s=_REST_AFTER_ERROR_S)
            if not self.is_closed:
                self.view = view
            return self.view

    @property
    def is_reading(self) -> bool:
        """Whether a frame is being read, or waits for the networks."""
        return self._reading.locked()

    def timeline(self) -> pd.DataFrame:
        """The group's emotions per second over ten minutes, as from `Timeline.table`, on any thread."""
        return self._timeline.table()

    def forget_persons(self) -> None:
        """Forget the known persons and the estimates of their faces, on any thread."""
        self.known = ()
        self._persons = PersonReader(load_identifier, self._adjust)

    def close(self) -> None:
        """Read no further frame, without waiting for a reading. Further calls are allowed, on any thread."""
        self.is_closed = True
        self._tracks = FaceTracker()  # the old ones have a frame
        self.forget_persons()

    def _read(self, image: RgbImage, time_s: float) -> LiveView:
        detector, classifier = self._networks()
        settings, observers, persons, tracks = self.settings, self.observers, self._persons, self._tracks
        tracks.follow(to_flow_image(image))
        faces = self._find(detector, image, tracks, time_s)
        seen = [(face.box, crop_face(image, face.box)) for face in faces]
        if settings.recognition is not Recognition.ESTIMATED:
            persons.forget_estimates()
        least = min([settings.recognition, *(observer.recognition for observer in observers)])
        probabilities = persons.classify(image, seen, time_s, classifier, known=self.known, recognition=least)
        for observer in observers:
            found = [SeenFace(box, crop, row) for (box, crop), row in zip(seen, probabilities, strict=True)]
            observer.observe(time_s, found)
        if self.is_closed:
            return self.view
        size, now = (image.shape[1], image.shape[0]), self._clock()
        tracks.update(faces, probabilities, size, time_s, smoothing_s=settings.smoothing_s)
        # Without missed faces, which stay visible for a moment
        rows = [track.probabilities for track in tracks.found()]
        self._started_s = time_s if self._started_s is None else self._started_s
        self._timeline.add(time_s - self._started_s, group_probabilities(rows), len(rows))
        self._readings.append((now, now - time_s))
        numbers, shown = self._number_faces(tracks.numbers()), [track.reading(*size) for track in tracks.shown()]
        recent = [(at, lag) for at, lag in self._readings if now - at <= _RATE_WINDOW_S]
        if len(recent) < 2:
            recent = [(at, lag) for at, lag in list(self._readings)[-2:] if now - at <= _SLOW_WINDOW_S]
        return LiveView(
            width=size[0],
            height=size[1],
            faces=tuple(replace(face, number=numbers[face.number]) for face in shown if face is not None),
            readings_per_second=_rate([at for at, _ in recent]),
            lag_s=sum(lag for _, lag in recent) / len(recent),
            num_readings=self.view.num_readings + 1,
            is_adjusted=persons.is_adjusted,
            rest_s=max(min((now - time_s) * _REST, _EMPTY_REST_S), 0.0 if shown else _EMPTY_REST_S - (now - time_s)),
        )

    def _find(self, detector: FaceDetector, image: RgbImage, tracks: FaceTracker, time_s: float) -> list[Face]:
        """The faces of a frame, in its pixels: known faces near their positions, and regularly all faces."""
        small, scale = shrink(image, self.settings.detect_side)
        known = tracks.boxes(small.shape[1], small.shape[0])
        if known and time_s - self._searched_s < (_SHORT_INTERVAL_S if self._lost_one else _DETECT_INTERVAL_S):
            faces = detector.detect_near(small, known)
            self._lost_one = len(faces) < len(known)
        else:
            self._searched_s, self._lost_one = time_s, False
            faces = detector.detect(small)
        size = image.shape[1::-1]
        return [Face(face.box.scaled(1 / scale).clipped(*size), face.confidence) for face in faces]

    def _number_faces(self, tracks: Sequence[int]) -> dict[int, int]:
        """The shown number of each track: its own while it stays, and the smallest free one for a newcomer."""
        numbers = {track: self._numbers[track] for track in tracks if track in self._numbers and len(tracks) > 1}
        for track in tracks:
            if track not in numbers:
                numbers[track] = next(n for n in itertools.count(1) if n not in numbers.values())
        self._numbers = numbers
        return numbers


def _rate(times: Sequence[float]) -> float:
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
