"""Faces and emotions of a film, read as a stream, so that the memory does not depend on its length."""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, WithEmotion, describe
from emomusic.faces.detection import Face, FaceDetector
from emomusic.faces.reading import Networks
from emomusic.faces.table import NO_FACES, Faces, boxes_array
from emomusic.faces.who import Who
from emomusic.media.film_file import FilmFile
from emomusic.media.film_frame import FilmFrame, FilmStep
from emomusic.media.images import WORKING_SIDE, RgbImage
from emomusic.stream.timeline import Scene, SceneFinder, timeline_table
from emomusic.stream.tracking import FaceFinder, FaceTracker, FilmPersons, Frame, GreyImage, to_flow_image
from emomusic.text import format_clock
from emomusic.workers import ahead

DEFAULT_RATE, MIN_RATE, MAX_RATE = 4.0, 0.1, 30.0
"""Readings per second of film."""

MIN_SCENE_S = 2.0
"""Shortest scene. A shorter one occurs only between two gaps without faces."""

_DETECT_SIDE = 480  # longer side of the frame for detection, in pixels
# Of a larger film whose frames show no faces, or small ones, a frame in more pixels is searched after so many seconds
_LARGE_SIDE, _SMALL_FACE, _LOOK_INTERVAL_S = 1920, 28, 20.0

_SMOOTHING_S = 0.3
_DETECT_INTERVAL_S = 1.4  # between two searches for newcomers: every second step
_STEP_S, _STEPS_AHEAD = 1.0, 2
# Between two steps: of a face in its sides, and of the probabilities of all faces together and of one face
_MOVED, _GROUP_CHANGE, _FACE_CHANGE = 1.0, 0.15, 0.4

# Mean difference of two grey frames of 32x18 pixels, of 255. A cut usually has 30 to 80. A false cut costs little: the
# identity network recognises the faces.
_CUT_DIFFERENCE = 18.0
_THUMBNAIL = (32, 18)

_GAP_S = 1.0  # without the face, within a span
_MOMENT = 1.5  # readings: a face that is seen shorter is not listed, unless no face is seen longer


@dataclass(frozen=True, slots=True, eq=False)
class FilmMoment:
    """The reading of one frame."""

    time_s: float  # seconds from the first frame
    share: float  # the part of the film that is decoded, 0 to 1
    image: RgbImage  # the frame, upright, at most 1280 pixels a side: shape (height, width, 3), uint8, RGB
    faces: Faces  # from left to right, in pixels of `image`. The numbers belong to persons
    is_cut: bool = False  # whether the frame is the first after a cut
    # Numbers of persons who turned out to be earlier ones, with the numbers of those; `faces` have the latter
    joined: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """What does not depend on the tracking. `detected` is in pixels of `small`, or None between two detections."""

    frame: FilmFrame
    small: RgbImage
    grey: GreyImage
    thumbnail: GreyImage
    detected: Sequence[Face] | None = None

    def differs(self, before: GreyImage | None) -> bool:
        """Whether a cut separates this frame from one with this thumbnail."""
        if before is None:
            return False
        return bool(cv2.norm(self.thumbnail, before, cv2.NORM_L1) / before.size > _CUT_DIFFERENCE)


class _Search:
    """The size of the frames that are searched: larger from the first small faces of a large film on."""

    def __init__(self, film: FilmFile, detector: FaceDetector) -> None:
        """Begin with small frames."""
        self.film, self._detector = film, detector
        self._side, self._looked_s = _DETECT_SIDE, -math.inf

    def prepare(self, frame: FilmFrame) -> _Prepared:
        small = self.film.picture(frame, self._side)
        grey = to_flow_image(small)
        thumbnail: GreyImage = np.asarray(cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)
        return _Prepared(frame, small, grey, thumbnail)

    def with_faces(self, ready: _Prepared) -> _Prepared:
        """The frame with its faces, perhaps in more pixels."""
        found, time_s = self._detector.detect(ready.small), ready.frame.time_s
        is_large = max(self.film.width, self.film.height) >= _LARGE_SIDE > self._side
        is_small = all(max(face.box.width, face.box.height) < _SMALL_FACE for face in found)
        if is_large and is_small and time_s - self._looked_s >= _LOOK_INTERVAL_S:
            self._looked_s = time_s
            more = self._detector.detect(self.film.picture(ready.frame, _LARGE_SIDE))
            if len(more) > len(found):
                self._side = _LARGE_SIDE
                return replace(self.prepare(ready.frame), detected=more)
        return replace(ready, detected=found)


def _searched(search: _Search, steps: Iterable[FilmStep]) -> Iterator[tuple[FilmStep, _Prepared]]:
    detected_s, before = -math.inf, None
    with contextlib.closing(ahead(((step, search.prepare(step.frame)) for step in steps), _STEPS_AHEAD)) as prepared:
        for step, ready in prepared:
            is_due = ready.differs(before) or ready.frame.time_s - detected_s >= _DETECT_INTERVAL_S
            detected_s, before = ready.frame.time_s if is_due else detected_s, ready.thumbnail
            yield step, search.with_faces(ready) if is_due else ready


class _Reader:
    """Reads the frames of a film one after another. Where nothing changes, the steps are enough."""

    def __init__(self, search: _Search, networks: Networks) -> None:
        self._search, (self._detector, self._classifier) = search, networks
        self._tracks, self._finder, self._people = FaceTracker(), FaceFinder(math.inf), FilmPersons()
        self._thumbnail: GreyImage | None = None  # the newest frame

    def read(self, step: FilmStep, ready: _Prepared) -> Iterator[FilmMoment]:
        """The reading of a step, after those of the frames before it if the picture or the faces changed."""
        between, before, has_cut = list[_Prepared](), self._thumbnail, False
        if ready.differs(before):
            for frame in step.between:
                between.append(self._search.prepare(frame))
                is_cut = between[-1].differs(before)
                if is_cut:
                    yield self._next(between[-1], is_cut=True)
                before, has_cut = between[-1].thumbnail, has_cut or is_cut
                if is_cut and not ready.differs(before):  # the frames up to the step hardly differ
                    break
            is_cut = ready.differs(before)
            if has_cut or is_cut:
                yield self._next(ready, is_cut=is_cut)
                return
        before_step = copy.copy(self._tracks), copy.copy(self._finder)
        image = self._look(ready, is_cut=False)
        if self._changed(before_step[0]) and not between:
            between = [self._search.prepare(frame) for frame in step.between]
        if between and self._changed(before_step[0]):
            self._tracks, self._finder = before_step  # as if this frame had not been read
            for more in (*between, ready):
                yield self._next(more, is_cut=False)
        else:
            yield self._named(ready, image, is_cut=False)

    def _next(self, ready: _Prepared, *, is_cut: bool) -> FilmMoment:
        """The reading of a frame soon after the newest one."""
        return self._named(ready, self._look(ready, is_cut=is_cut), is_cut=is_cut)

    def _look(self, ready: _Prepared, *, is_cut: bool) -> RgbImage:
        """Find, follow and classify the faces of a frame, and return it as an image."""
        if is_cut:
            self._tracks.start_shot()
        self._tracks.follow(ready.grey)
        frame = Frame(ready.small, ready.grey, self._tracks.tracks, ready.frame.time_s)
        found = self._finder.find(self._detector, frame, max(ready.small.shape), detected=ready.detected)
        image = self._search.film.picture(ready.frame, WORKING_SIDE)
        scale = image.shape[1] / ready.small.shape[1]
        size = image.shape[1::-1]
        crops = [replace(face, box=face.box.scaled(scale).clipped(*size)).crop(image) for face in found]
        self._tracks.update(frame, found, self._classifier.classify(crops), smoothing_s=_SMOOTHING_S)
        return image

    def _changed(self, before: FaceTracker) -> bool:
        """Whether the faces differ from those of the previous step."""
        old, new = ({track.number: track for track in tracker.found()} for tracker in (before, self._tracks))
        if old.keys() != new.keys():
            return True
        if not new:
            return False
        moved = [
            np.abs(new[key].corners - old[key].corners).max() / np.ptp(new[key].corners, axis=0).max() for key in new
        ]
        changes = np.array([new[key].shares - old[key].shares for key in new])
        group = np.abs(changes.mean(axis=0)).sum() / 2
        return bool(
            max(moved) > _MOVED or group > _GROUP_CHANGE or np.abs(changes).sum(axis=1).max() / 2 > _FACE_CHANGE
        )

    def _named(self, ready: _Prepared, image: RgbImage, *, is_cut: bool) -> FilmMoment:
        """The newest reading."""
        self._thumbnail = ready.thumbnail
        time_s = ready.frame.time_s
        faces, joined = self._people.named(self._tracks.found(), image, time_s)
        faces = replace(faces, threshold=np.full(len(faces), self._classifier.threshold))
        return FilmMoment(time_s, ready.frame.share, image, faces, is_cut, joined)


@dataclass(frozen=True, slots=True)
class FilmFace(WithEmotion):
    """One person of a film."""

    number: int  # from 1, in the order of appearance
    start_s: float  # time of the first reading
    end_s: float  # time of the last reading
    seconds: float  # with this face
    probabilities: EmotionProbabilities  # the mean
    # The strongest other emotion and its time; None if no other emotion was the most probable
    highlight: tuple[Emotion, float] | None
    # Start and end of each span in which one emotion was the most probable, and the emotion
    spans: tuple[tuple[float, float, Emotion], ...] = ()

    @property
    def line(self) -> str:
        """The person in one line: "Face 2: mostly happy, surprised at 0:14"."""
        words = describe(self.probabilities, of_group=True)
        if self.highlight is not None:
            emotion, time_s = self.highlight
            words = words.removesuffix(f", a little {emotion.adjective}")
            words += f", {emotion.adjective} at {format_clock(time_s)}"
        return f"Face {self.number}: {words[0].lower()}{words[1:]}"


class FilmReading:
    """The readings of a film so far. One thread adds moments, and others may read.

    Boxes are in pixels of the film, `width` by `height`. `duration_s` is that of the file, or None. `start_s` is the
    time of the first frame in its clock. `rate` is the number of readings per second, 0.1 to 30. `turns` counts the
    faces by `Face.turn`.
    """

    def __init__(self, film: FilmFile, rate: float = DEFAULT_RATE) -> None:
        if not MIN_RATE <= rate <= MAX_RATE:
            raise ValueError(f"rate must be from {MIN_RATE} to {MAX_RATE}. Received: {rate}")
        self.width, self.height, self.duration_s, self.rate = film.width, film.height, film.duration_s, rate
        self.start_s, self.turns = film.start_s, Counter[int]()
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._cuts_s: list[float] = []
        self._faces: list[Faces] = []  # the table of each reading
        self._finding = threading.Lock()
        self._finder = SceneFinder(shortest_s=MIN_SCENE_S)
        self._num_found = 0  # readings that the finder has: those whose length is known
        self._scenes: tuple[object, list[Scene]] = (None, [])
        self._end_s: float | None = None  # the end of the film, once it is over

    def read(self, film: FilmFile, networks: Networks, *, every: bool = False) -> Generator[FilmMoment]:
        """Read the film, and add each reading before it is given. Closing the iterator stops the threads.

        The film is read about once a second, and at the rate where the picture or the faces change. One thread decodes
        ahead, and another one searches for faces.

        Args:
            film: the film. Afterwards its `problem` has the reason for missing frames.
            networks: detect and classify the faces.
            every: read the whole film at the rate.
        """
        steps = map(FilmStep, film.frames(self.rate)) if every else film.steps(self.rate, max(_STEP_S, 1 / self.rate))
        search = _Search(film, networks[0])
        reader = _Reader(search, networks)
        with contextlib.closing(ahead(_searched(search, steps), _STEPS_AHEAD)) as searched:
            for step, ready in searched:
                for moment in reader.read(step, ready):
                    self.add(moment)
                    yield moment
        if not film.should_stop():
            self.finish(film)

    def add(self, moment: FilmMoment) -> None:
        """Add one reading."""
        scale = self.width / moment.image.shape[1]
        box = boxes_array([box.scaled(scale) for box in moment.faces.boxes])
        times = np.full(len(box), round(moment.time_s, 3), np.float64)
        with self._lock:
            for gone, kept in moment.joined:
                for before in self._faces:
                    before.number[before.number == gone] = kept
            self._faces.append(replace(moment.faces, box=box, time_s=times, number=moment.faces.number.copy()))
            self._times.append(moment.time_s)
            self.turns.update(moment.faces.turn.tolist())
            if moment.is_cut:
                self._cuts_s.append(round(moment.time_s, 3))

    def __len__(self) -> int:
        """Number of readings."""
        return len(self._times)

    def finish(self, film: FilmFile) -> None:
        """Take the end of a film whose readings are all added."""
        with self._lock:
            self._end_s = film.end_s
            self.duration_s = max(film.end_s, film.duration_s or 0.0)

    @property
    def turn(self) -> int:
        """Degrees clockwise that make most faces of the film upright: 0, 90, 180 or 270; 0 without faces."""
        return max(self.turns, key=self.turns.__getitem__, default=0)

    @property
    def end_s(self) -> float:
        """End of the last reading, in seconds."""
        with self._lock:
            if not self._times:
                return 0.0
            return self._times[-1] + 1 / self.rate if self._end_s is None else max(self._end_s, self._times[-1])

    def seconds(self) -> npt.NDArray[np.float64]:
        """How long each reading counts: up to the next one, or to the end."""
        end_s = self.end_s
        with self._lock:
            return np.maximum(np.diff(np.array(self._times), append=end_s), 1e-3)

    def faces(self) -> Faces:
        """The faces of each reading in order of time, turned as the film, with the seconds of their readings."""
        seconds = self.seconds()
        with self._lock:
            tables = self._faces[: len(seconds)]
            faces = Faces.joined([NO_FACES, *tables])
        lengths_s = np.repeat(seconds, [len(table) for table in tables])
        return replace(faces, seconds=lengths_s, turn=np.full(len(faces), self.turn))

    def timeline(self, first: int = 0) -> pd.DataFrame:
        """The group at each reading from one on, and the seconds that it counts.

        Columns: `timeline.COLUMNS` and `seconds`; values are missing without faces.
        """
        with self._lock:
            times, faces = np.array(self._times[first:]), self._faces[first:]
        counts = np.array([len(rows) for rows in faces], np.int64)
        totals = np.array([rows.shares.astype(np.float64).sum(axis=0) for rows in faces]).reshape(-1, len(EMOTIONS))
        found = timeline_table(times.round(3), counts, totals)
        found["seconds"] = self.seconds()[first : first + len(times)].round(3)
        return found

    def scenes(self) -> list[Scene]:
        """The scenes of stable mood, as from `scenes_of`. The same list is returned until another reading is added."""
        with self._finding:
            with self._lock:
                so_far, cuts_s = (len(self._times), self._end_s), list(self._cuts_s)
            if so_far == self._scenes[0]:
                return self._scenes[1]
            table = self.timeline(self._num_found)
            self._finder.add(table[:-1], cuts_s)
            self._num_found += max(len(table) - 1, 0)
            finder = copy.copy(self._finder)
            finder.add(table[-1:], cuts_s)
            self._scenes = so_far, finder.scenes()
            return self._scenes[1]

    def persons(self) -> list[FilmFace]:
        """The persons, in the order of their numbers. A face of a moment is left out if others are seen longer."""
        faces, found = self.faces(), []
        known, places = np.unique(faces.number, return_inverse=True)
        lengths_s = np.bincount(places, weights=faces.seconds, minlength=len(known))
        for number in known[lengths_s >= min(_MOMENT / self.rate, lengths_s.max(initial=0))].tolist():
            own, highlight = faces.where(Who.face(number)), None
            mean, top, times_s = own.mean(), own.shares.argmax(axis=1), own.time_s.tolist()
            assert mean is not None
            others = np.flatnonzero(top != mean.emotion.label)
            if len(others):
                strongest = others[own.shares[others, top[others]].argmax()]
                highlight = EMOTIONS[top[strongest]], times_s[strongest]
            seconds = round(float(own.seconds.sum()), 3)
            found.append(FilmFace(number, times_s[0], times_s[-1], seconds, mean, highlight, _spans_of(own)))
        return found


def _spans_of(own: Faces) -> tuple[tuple[float, float, Emotion], ...]:
    """The spans of a person's readings with the same most probable emotion, and gaps of at most `_GAP_S`."""
    top, starts = own.shares.argmax(axis=1), own.time_s
    ends = starts + own.seconds
    breaks = np.flatnonzero((np.diff(top) != 0) | (starts[1:] - ends[:-1] > _GAP_S)) + 1
    edges = itertools.pairwise([0, *breaks.tolist(), len(top)])
    return tuple((float(starts[first]), float(ends[end - 1]), EMOTIONS[top[first]]) for first, end in edges)
