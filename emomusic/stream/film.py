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
from emomusic.faces.detection import Face, FaceDetector, TurningDetector
from emomusic.faces.identity import SAME_PERSON, describe_persons
from emomusic.faces.reading import Networks
from emomusic.faces.table import FACE_COLUMNS, NO_FACES, Faces, boxes_array
from emomusic.faces.who import Who
from emomusic.media.ahead import ahead
from emomusic.media.film_file import FilmFile
from emomusic.media.film_frame import FilmFrame
from emomusic.media.film_steps import FilmStep
from emomusic.media.images import WORKING_SIDE, Box, RgbImage, crop_face
from emomusic.stream.timeline import Scene, SceneFinder, timeline_table
from emomusic.stream.tracking import (
    FaceFinder,
    FaceTrack,
    FaceTracker,
    Frame,
    GreyImage,
    best_pairs,
    faces_of,
    to_flow_image,
)
from emomusic.text import format_clock

DEFAULT_RATE, MIN_RATE, MAX_RATE = 4.0, 0.1, 30.0
"""Readings per second of film."""

MIN_SCENE_S = 2.0
"""Shortest scene. A shorter one occurs only between two gaps without faces."""

FILM_COLUMNS = ["time_s", *FACE_COLUMNS]
"""Columns of the faces of a film."""

_DETECT_SIDE = 480  # longer side of the frame for detection, in pixels

_SMOOTHING_S = 0.3
_DETECT_INTERVAL_S = 1.4  # between two searches for newcomers: every second step
_STEP_S, _STEPS_AHEAD = 1.0, 2
# Between two steps: of a face in its sides, and of the probabilities of all faces together and of one face
_MOVED, _GROUP_CHANGE, _FACE_CHANGE = 1.0, 0.15, 0.4

# Mean difference of two grey frames of 32x18 pixels, of 255. A cut usually has 30 to 80. A false cut costs little: the
# identity network recognises the faces.
_CUT_DIFFERENCE = 18.0
_THUMBNAIL = (32, 18)

_NUM_DESCRIPTORS = 2  # of each appearance of a face
_ENOUGH_DESCRIPTORS = 3  # of a person; then, one of each further appearance is enough
_DESCRIBE_INTERVAL_S = 1.0
# Cosine of a later descriptor of a person and the sum of two or more of another one, above which they are one person if
# they were never seen together: a first look may be blurred. 3 % of 870 pairs of persons in california reach it
_ONE_PERSON, _FEW_DESCRIPTORS = 0.75, 2

_MOMENT = 1.5  # readings: a face that is seen shorter is not listed, unless no face is seen longer


@dataclass(frozen=True, slots=True, eq=False)
class FilmMoment:
    """The reading of one frame."""

    time_s: float  # seconds from the first frame
    share: float  # of the film that is decoded, 0 to 1
    image: RgbImage  # the frame, upright, at most 1280 pixels a side: shape (height, width, 3), uint8, RGB
    faces: Faces  # from left to right, in pixels of `image`. The numbers belong to persons
    is_cut: bool = False  # whether the frame is the first after a cut
    # Numbers of persons who turned out to be earlier ones, with the numbers of those; `faces` have the latter
    joined: Sequence[tuple[int, int]] = ()


def read_film(
    film: FilmFile, networks: Networks, *, rate: float = DEFAULT_RATE, every: bool = False
) -> Generator[FilmMoment]:
    """Read a film. One thread decodes ahead, and another one searches for faces. Closing the iterator stops them.

    The film is read about once a second, and at `rate` where the picture or the faces change.

    Args:
        film: an opened film. Afterwards its `problem` has the reason for missing frames.
        networks: detect and classify the faces.
        rate: readings per second of film, 0.1 to 30.
        every: read the whole film at `rate`.

    Raises:
        ValueError: the rate is out of range.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"rate must be from {MIN_RATE} to {MAX_RATE}. Received: {rate}")
    steps = map(FilmStep, film.frames(rate)) if every else film.steps(rate, max(_STEP_S, 1 / rate))
    detector = TurningDetector(networks[0])
    reader = _Reader(film, (detector, networks[1]))
    with contextlib.closing(ahead(_searched(film, detector, steps), _STEPS_AHEAD)) as searched:
        for step, ready in searched:
            yield from reader.read(step, ready)


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


def _searched(
    film: FilmFile, detector: FaceDetector, steps: Iterable[FilmStep]
) -> Iterator[tuple[FilmStep, _Prepared]]:
    detected_s, before = -math.inf, None
    with contextlib.closing(ahead(((step, _prepare(film, step.frame)) for step in steps), _STEPS_AHEAD)) as prepared:
        for step, ready in prepared:
            is_due = ready.differs(before) or ready.frame.time_s - detected_s >= _DETECT_INTERVAL_S
            detected_s, before = ready.frame.time_s if is_due else detected_s, ready.thumbnail
            yield step, replace(ready, detected=detector.detect(ready.small)) if is_due else ready


def _prepare(film: FilmFile, frame: FilmFrame) -> _Prepared:
    small = film.picture(frame, _DETECT_SIDE)
    grey = to_flow_image(small)
    thumbnail: GreyImage = np.asarray(cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)
    return _Prepared(frame, small, grey, thumbnail)


class _Reader:
    """Reads the frames of a film one after another. Where nothing changes, the steps are enough."""

    def __init__(self, film: FilmFile, networks: Networks) -> None:
        self._film, (self._detector, self._classifier) = film, networks
        self._tracks, self._finder, self._people = FaceTracker(), FaceFinder(math.inf), _People()
        self._thumbnail: GreyImage | None = None  # of the newest frame

    def read(self, step: FilmStep, ready: _Prepared) -> Iterator[FilmMoment]:
        """The reading of a step, after those of the frames before it if the picture or the faces changed."""
        between, before, has_cut = list[_Prepared](), self._thumbnail, False
        if ready.differs(before) or step.is_busy:  # a cut, or something moves
            for frame in step.between():
                between.append(_prepare(self._film, frame))
                if is_cut := between[-1].differs(before):
                    yield self._next(between[-1], is_cut=True)
                before, has_cut = between[-1].thumbnail, has_cut or is_cut
                if is_cut and not ready.differs(before):  # the frames up to the step hardly differ
                    break
            is_cut = ready.differs(before)
            if has_cut or is_cut:
                yield self._next(ready, is_cut=is_cut)
                return
        tracks, finder = copy.copy(self._tracks), copy.copy(self._finder)
        image = self._look(ready, is_cut=False)
        if self._changed(tracks) and not between:
            between = [_prepare(self._film, frame) for frame in step.between()]
        if between and self._changed(tracks):
            self._tracks, self._finder = tracks, finder
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
        frame = Frame(ready.small, ready.grey, self._tracks.corners(), ready.frame.time_s)
        found = self._finder.find(self._detector, frame, _DETECT_SIDE, detected=ready.detected)
        image = self._film.picture(ready.frame, WORKING_SIDE)
        scale = image.shape[1] / ready.small.shape[1]
        size = image.shape[1::-1]
        crops = [face.upright(crop_face(image, face.box.scaled(scale).clipped(*size))) for face in found]
        self._tracks.update(frame, found, self._classifier.classify(crops), smoothing_s=_SMOOTHING_S)
        return image

    def _changed(self, before: FaceTracker) -> bool:
        """Whether the faces differ from those of the previous step."""
        old, new = ({track.number: track for track in each.found()} for each in (before, self._tracks))
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
        return FilmMoment(time_s, ready.frame.share, image, faces, is_cut, joined)


class _People:
    """The persons of a film, by the tracks of their faces."""

    def __init__(self) -> None:
        self._person: dict[int, int] = {}  # by the number of the track
        self._numbers = itertools.count()  # of the next persons
        self._sums: dict[int, npt.NDArray[np.float32]] = {}  # of the descriptors of each person
        self._counts = Counter[int]()  # of these descriptors
        self._described: dict[int, tuple[int, float]] = {}  # by track: how often, and when last
        self._apart: set[tuple[int, int]] = set()  # persons who were seen together, in both orders

    def named(self, tracks: Sequence[FaceTrack], image: RgbImage, time_s: float) -> tuple[Faces, list[tuple[int, int]]]:
        """The faces of a frame with the numbers of their persons, and the persons who turned out to be earlier ones."""
        height, width = image.shape[:2]
        faces = faces_of(tracks, width, height)
        numbers, due, joined = faces.number.tolist(), list[tuple[int, Box]](), list[tuple[int, int]]()
        for number, box in zip(numbers, faces.boxes, strict=True):
            times, last_s = self._described.get(number, (0, -math.inf))
            person = self._person.get(number)
            if person is not None and self._counts[person] >= _ENOUGH_DESCRIPTORS:
                continue
            if times < _NUM_DESCRIPTORS and time_s - last_s >= _DESCRIBE_INTERVAL_S:
                due.append((number, box))
                self._described[number] = times + 1, time_s
        if due:
            descriptors = describe_persons(image, [box for _, box in due])
            present = {self._person[number] for number in numbers if number in self._person}
            fresh = [row for row, (number, _) in enumerate(due) if number not in self._person]
            absent = [person for person in self._sums if person not in present]
            if fresh and absent:  # a new track is the most similar absent person, the best pairs first
                known = np.stack([self._sums[person] for person in absent])
                known /= np.linalg.norm(known, axis=1, keepdims=True)
                for row, column in best_pairs(descriptors[fresh] @ known.T, SAME_PERSON).items():
                    self._person[due[fresh[row]][0]] = absent[column]
            for (number, _), descriptor in zip(due, descriptors, strict=True):
                if number not in self._person:
                    self._person[number] = next(self._numbers)
                person = self._person[number]
                self._counts[person] += 1
                self._sums[person] = self._sums.get(person, 0) + descriptor
            self._apart.update(itertools.permutations({self._person[number] for number in numbers}, 2))
            for (number, _), descriptor in zip(due, descriptors, strict=True):
                joined += self._join(self._person[number], descriptor)
        persons = np.array([self._person[number] + 1 for number in numbers], np.int64)
        return replace(faces, number=persons), joined

    def _join(self, person: int, descriptor: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
        """Join a person with another one like this descriptor; the numbers of both, the later one first."""
        cosines = {
            other: float(descriptor @ total) / float(np.linalg.norm(total))
            for other, total in self._sums.items()
            if other != person and self._counts[other] >= _FEW_DESCRIPTORS and (person, other) not in self._apart
        }
        if max(cosines.values(), default=0.0) < _ONE_PERSON:
            return []
        kept, gone = sorted((person, max(cosines, key=cosines.__getitem__)))
        self._sums[kept] += self._sums.pop(gone)
        self._counts[kept] += self._counts.pop(gone)
        self._person = {track: kept if of == gone else of for track, of in self._person.items()}
        self._apart = {(kept if one == gone else one, kept if two == gone else two) for one, two in self._apart}
        return [(gone + 1, kept + 1)]


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


def face_line(face: FilmFace) -> str:
    """Describe a person of a film in one line: "Face 2: mostly happy, surprised at 0:14"."""
    words = describe(face.probabilities, of_group=True)
    if face.highlight is not None:
        emotion, time_s = face.highlight
        words = words.removesuffix(f", a little {emotion.adjective}")
        words += f", {emotion.adjective} at {format_clock(time_s)}"
    return f"Face {face.number}: {words[0].lower()}{words[1:]}"


class FilmReading:
    """The readings of a film so far. One thread adds moments, and others may read.

    Boxes are in pixels of the film, `width` by `height`. `duration_s` is that of the file, or None. `rate` is the
    number of readings per second. `turns` counts the faces by `Face.turn`.
    """

    def __init__(self, film: FilmFile, rate: float = DEFAULT_RATE) -> None:
        self.width, self.height, self.duration_s, self.rate = film.width, film.height, film.duration_s, rate
        self.turns = Counter[int]()
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._cuts_s: list[float] = []
        self._faces: list[Faces] = []  # of each reading
        self._finding = threading.Lock()
        self._finder = SceneFinder(shortest_s=MIN_SCENE_S)
        self._num_found = 0  # of the readings that the finder has: those whose length is known
        self._scenes: tuple[object, list[Scene]] = (None, [])
        self._end_s: float | None = None  # of the film, once it is over

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
            if len(others := np.flatnonzero(top != mean.emotion.label)):
                strongest = others[own.shares[others, top[others]].argmax()]
                highlight = EMOTIONS[top[strongest]], times_s[strongest]
            seconds = round(float(own.seconds.sum()), 3)
            found.append(FilmFace(number, times_s[0], times_s[-1], seconds, mean, highlight))
        return found
