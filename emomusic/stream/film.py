"""Faces and emotions of a film, read as a stream, so that the memory does not depend on its length."""

from __future__ import annotations

import contextlib
import math
import threading
from array import array
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, describe, mean_of_rows
from emomusic.faces.detection import Face, FaceDetector
from emomusic.faces.identity import SAME_PERSON, describe_persons
from emomusic.faces.reading import FACE_COLUMNS, SHARES, FaceReading, Networks
from emomusic.media.ahead import ahead
from emomusic.media.film_file import FilmFile, FilmFrame
from emomusic.media.images import WORKING_SIDE, RgbImage, crop_face
from emomusic.stream.timeline import Scene, SceneFinder, add_affect, timeline_table
from emomusic.stream.tracking import FaceFinder, FaceTrack, FaceTracker, Frame, GreyImage, best_pairs, to_flow_image
from emomusic.text import format_clock

DEFAULT_RATE, MIN_RATE, MAX_RATE = 4.0, 0.1, 30.0
"""Readings per second of film."""

MIN_SCENE_S = 2.0
"""Shortest scene. A shorter one occurs only between two gaps without faces."""

FILM_COLUMNS = ["time_s", *FACE_COLUMNS]
"""Columns of `FilmReading.faces_table`."""

_DETECT_SIDE = 480  # longer side of the frame for detection, in pixels

_SMOOTHING_S = 0.3
_DETECT_INTERVAL_S = 1.4  # between two searches for newcomers; with four readings a second, every sixth

# Mean difference of two grey frames of 32x18 pixels, of 255. A cut usually has 30 to 80. A false cut costs little: the
# identity network recognises the faces.
_CUT_DIFFERENCE = 18.0
_THUMBNAIL = (32, 18)

_NUM_DESCRIPTORS = 3  # of each appearance of a face
_DESCRIBE_INTERVAL_S = 1.0

_MIN_READINGS = 2  # a face with fewer is not listed, unless no face has more


@dataclass(frozen=True, slots=True, eq=False)
class FilmMoment:
    """The reading of one frame."""

    time_s: float  # seconds from the first frame
    share: float  # of the film that is decoded, 0 to 1
    image: RgbImage  # the frame, upright, at most 1280 pixels a side: shape (height, width, 3), uint8, RGB
    faces: tuple[FaceReading, ...]  # from left to right, in pixels of `image`. The numbers belong to persons
    is_cut: bool = False  # whether the frame is the first after a cut


def read_film(film: FilmFile, networks: Networks, *, rate: float = DEFAULT_RATE) -> Generator[FilmMoment]:
    """Read a film. One thread decodes ahead, and another one searches for faces. Closing the iterator stops them.

    Args:
        film: an opened film. Afterwards its `problem` has the reason for missing frames.
        networks: detect and classify the faces.
        rate: readings per second of film, 0.1 to 30.

    Raises:
        ValueError: the rate is out of range.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"rate must be from {MIN_RATE} to {MAX_RATE}. Received: {rate}")
    detector, classifier = networks
    tracks, finder, people = FaceTracker(), FaceFinder(math.inf), _People()
    with contextlib.closing(ahead(_searched(film, detector, rate))) as searched:
        for ready in searched:
            if ready.is_cut:
                tracks.start_shot()
            tracks.follow(ready.grey)
            frame = Frame(ready.small, ready.grey, tracks.corners(), ready.frame.time_s)
            found = finder.find(detector, frame, _DETECT_SIDE, detected=ready.detected)
            image = film.picture(ready.frame, WORKING_SIDE)
            scale = image.shape[1] / ready.small.shape[1]
            crops = [crop_face(image, face.box.scaled(scale).clipped(*image.shape[1::-1])) for face in found]
            tracks.update(frame, found, classifier.classify(crops), smoothing_s=_SMOOTHING_S)
            faces = people.named(tracks.found(), image, ready.frame.time_s)
            yield FilmMoment(ready.frame.time_s, ready.frame.share, image, faces, ready.is_cut)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """What does not depend on the tracking. `detected` is in pixels of `small`, or None between two detections."""

    frame: FilmFrame
    small: RgbImage
    grey: GreyImage
    is_cut: bool
    detected: Sequence[Face] | None = None


def _searched(film: FilmFile, detector: FaceDetector, rate: float) -> Iterator[_Prepared]:
    detected_s = -math.inf
    with contextlib.closing(ahead(_decoded(film, rate))) as decoded:
        for ready in decoded:
            is_due = ready.is_cut or ready.frame.time_s - detected_s >= _DETECT_INTERVAL_S
            detected_s = ready.frame.time_s if is_due else detected_s
            yield replace(ready, detected=detector.detect(ready.small)) if is_due else ready


def _decoded(film: FilmFile, rate: float) -> Iterator[_Prepared]:
    last: GreyImage | None = None
    for frame in film.frames(rate):
        small = film.picture(frame, _DETECT_SIDE)
        grey = to_flow_image(small)
        thumbnail = cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA)
        is_cut = last is not None and cv2.norm(thumbnail, last, cv2.NORM_L1) / thumbnail.size > _CUT_DIFFERENCE
        last = thumbnail
        yield _Prepared(frame, small, grey, is_cut)


class _People:
    """The persons of a film, by the tracks of their faces."""

    def __init__(self) -> None:
        self._person: dict[int, int] = {}  # by the number of the track
        self._sums: list[npt.NDArray[np.float32]] = []  # of the descriptors of each person
        self._described: dict[int, tuple[int, float]] = {}  # by track: how often, and when last

    def named(self, tracks: Sequence[FaceTrack], image: RgbImage, time_s: float) -> tuple[FaceReading, ...]:
        """The faces of a frame with the numbers of their persons."""
        height, width = image.shape[:2]
        faces = [face for track in tracks if (face := track.reading(width, height)) is not None]
        due = []
        for face in faces:
            times, last_s = self._described.get(face.number, (0, -math.inf))
            if times < _NUM_DESCRIPTORS and time_s - last_s >= _DESCRIBE_INTERVAL_S:
                due.append(face)
                self._described[face.number] = times + 1, time_s
        if due:
            descriptors = describe_persons(image, [face.face.box for face in due])
            present = {self._person[face.number] for face in faces if face.number in self._person}
            fresh = [row for row, face in enumerate(due) if face.number not in self._person]
            absent = [person for person in range(len(self._sums)) if person not in present]
            if fresh and absent:  # a new track is the most similar absent person, the best pairs first
                known = np.stack([self._sums[person] for person in absent])
                known /= np.linalg.norm(known, axis=1, keepdims=True)
                for row, column in best_pairs(descriptors[fresh] @ known.T, SAME_PERSON).items():
                    self._person[due[fresh[row]].number] = absent[column]
            for face, descriptor in zip(due, descriptors, strict=True):
                if face.number not in self._person:
                    self._person[face.number] = len(self._sums)
                    self._sums.append(np.zeros_like(descriptor))
                self._sums[self._person[face.number]] += descriptor
        return tuple(replace(face, number=self._person[face.number] + 1) for face in faces)


@dataclass(frozen=True, slots=True)
class FilmFace:
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
    number of readings per second.
    """

    def __init__(self, film: FilmFile, rate: float = DEFAULT_RATE) -> None:
        self.width, self.height, self.duration_s, self.rate = film.width, film.height, film.duration_s, rate
        self._lock = threading.Lock()
        self._times = array("d")
        self._cuts_s: list[float] = []
        self._faces = array("d")  # index of the reading, number, box, confidence and probabilities of each face
        self._first_values = array("q")  # position in `_faces` where each reading begins
        self._finding = threading.Lock()
        self._finder, self._row_found_s = SceneFinder(), 0.0
        self._num_found, self._scenes = 0, list[Scene]()  # of the readings that the finder has, and their scenes

    def add(self, moment: FilmMoment) -> None:
        """Add one reading."""
        scale = self.width / moment.image.shape[1]
        with self._lock:
            self._first_values.append(len(self._faces))
            for face in moment.faces:
                box = face.face.box.scaled(scale)
                self._faces.extend((len(self._times), face.number, box.x, box.y, box.width, box.height))
                self._faces.extend((face.face.confidence, *face.probabilities.as_dict().values()))
            self._times.append(moment.time_s)
            if moment.is_cut:
                self._cuts_s.append(round(moment.time_s, 3))

    def __len__(self) -> int:
        """Number of readings."""
        return len(self._times)

    @property
    def end_s(self) -> float:
        """End of the last reading, in seconds."""
        with self._lock:
            return self._times[-1] + 1 / self.rate if self._times else 0.0

    def _tables(self, first: int = 0) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:
        """The times of the readings from one on, and a row for each face of each of these readings."""
        with self._lock:
            start = self._first_values[first] if first < len(self._times) else len(self._faces)
            times, faces = np.array(self._times[first:]), np.array(self._faces[start:])
        faces[:: 7 + len(EMOTIONS)] -= first
        table = pd.DataFrame(faces.reshape(-1, 7 + len(EMOTIONS)), columns=["reading", *FACE_COLUMNS[:6], *SHARES])
        return times, table.astype(dict.fromkeys(["reading", *FACE_COLUMNS[:5]], "int64"))

    def faces_table(self) -> pd.DataFrame:
        """One row for each face of each reading, in order of time. Columns: `FILM_COLUMNS`."""
        times, table = self._tables()
        table["time_s"] = times[table["reading"]].round(3)
        table["emotion"] = [SHARES[label] for label in table[SHARES].to_numpy().argmax(axis=1)]
        add_affect(table)
        return table[FILM_COLUMNS]

    def timeline(self, first: int = 0) -> pd.DataFrame:
        """The group at each reading from one on. Columns: `timeline.COLUMNS`; values are missing without faces."""
        times, table = self._tables(first)
        totals = table.groupby("reading")[SHARES].sum().reindex(range(len(times)), fill_value=0.0)
        return timeline_table(times.round(3), np.bincount(table["reading"], minlength=len(times)), totals.to_numpy())

    def scenes(self) -> list[Scene]:
        """The scenes of stable mood, as from `scenes_of`. The same list is returned until another reading is added."""
        with self._finding:
            with self._lock:
                times, cuts_s = np.array(self._times), list(self._cuts_s)
            if len(times) == self._num_found:
                return self._scenes
            if (row_s := self._row_s(times.round(3))) != self._row_found_s:
                self._finder, self._row_found_s = SceneFinder(shortest_s=MIN_SCENE_S, row_s=row_s), row_s
                self._num_found = 0
            table = self.timeline(self._num_found)
            self._finder.add(table, cuts_s)
            self._num_found += len(table)
            self._scenes = self._finder.scenes()
            return self._scenes

    def _row_s(self, times: npt.NDArray[np.float64]) -> float:
        """Seconds from reading to reading, which a film with few frames determines."""
        usual_s = round(float(np.median(np.diff(times))), 3) if len(times) > 1 else 0.0
        return usual_s if usual_s > 1.5 / self.rate else 1 / self.rate

    def faces(self) -> list[FilmFace]:
        """The persons, in the order of their numbers. A face with a single reading is left out if others have more."""
        times, table = self._tables()
        row_s, found, times_s = self._row_s(times), [], times[table["reading"]].round(3)
        numbers, rows = table["face"].to_numpy(), table[SHARES].to_numpy()
        known, counts = np.unique(numbers, return_counts=True)
        for number in known[counts >= min(_MIN_READINGS, counts.max(initial=0))].tolist():
            own = numbers == number
            shares, own_s, highlight = rows[own], times_s[own].tolist(), None
            mean, top = mean_of_rows(shares), shares.argmax(axis=1)
            assert mean is not None
            if len(others := np.flatnonzero(top != mean.emotion.label)):
                strongest = others[shares[others, top[others]].argmax()]
                highlight = EMOTIONS[top[strongest]], own_s[strongest]
            found.append(FilmFace(number, own_s[0], own_s[-1], len(own_s) * row_s, mean, highlight))
        return found
