"""Faces and persons of a stream: identity, position and smoothed probabilities."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.affect import EmotionProbabilities
from emomusic.faces.classifier import Classifier
from emomusic.faces.detection import Face, FaceDetector
from emomusic.faces.identity import SAME_PERSON, describe_persons
from emomusic.faces.profile import FaceProfile, nearest_persons
from emomusic.faces.table import Faces
from emomusic.media.images import Box, RgbImage, require_rgb, shrink

GreyImage: TypeAlias = npt.NDArray[np.uint8]
"""Shape (height, width), uint8."""

SHOWN_S, REMEMBERED_S = 0.5, 2.0
"""A missed face stays visible for the first time, because detections flicker, and keeps its number for the second."""

# Seconds between two runs of `detect`, which takes ten times as long as `detect_near`; shorter after a lost face.
DETECT_INTERVAL_S = 0.5
_SHORT_INTERVAL_S = 0.25

SAME_FACE_OVERLAP = 0.25
"""Boxes of one face, a moment apart, overlap more than this, and boxes of neighbours less."""

_FLOW_SIDE = 320
_GROWTH_LIMITS = (0.9, 1.1)  # a face between two frames

# Grid of followed points as shares of the box, inside the face to exclude the background.
_GRID = np.array([(x, y) for y in (0.3, 0.43, 0.57, 0.7) for x in (0.3, 0.43, 0.57, 0.7)])


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """One face over time."""

    number: int  # constant while the face stays
    # Shape (2, 2), top left and bottom right of the box, as shares of the frame's width and height, because a slow
    # connection changes the frame size
    corners: npt.NDArray[np.float64]
    confidence: float  # at the last detection
    shares: npt.NDArray[np.float64]  # shape (7,), smoothed probabilities
    last_s: float  # time of the last detection
    turn: int = 0  # as in `Face`, at the last detection

    @property
    def probabilities(self) -> EmotionProbabilities:
        """The smoothed probabilities."""
        return EmotionProbabilities(self.shares.astype(np.float32))


def faces_of(tracks: Sequence[FaceTrack], width: int, height: int, threshold: float = 0.0) -> Faces:
    """The faces of tracks in pixels of a frame of this size, without those that left the frame."""
    boxes = [box_of(track.corners, width, height) for track in tracks]
    seen = [(track, box) for track, box in zip(tracks, boxes, strict=True) if box is not None]
    faces = [Face(box, track.confidence, turn=track.turn) for track, box in seen]
    last_s = max((track.last_s for track, _ in seen), default=0.0)
    numbers = [track.number for track, _ in seen]
    shares = [track.probabilities for track, _ in seen]
    return Faces.of(faces, shares, number=numbers, time_s=last_s, threshold=threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame of the stream with the data to follow faces from it."""

    image: RgbImage  # shape (height, width, 3), uint8, RGB
    grey: GreyImage  # the output of `to_flow_image`
    tracks: Sequence[FaceTrack]  # the tracks at this moment
    time_s: float  # time of arrival


class FaceTracker:
    """The faces of one stream. Not thread-safe.

    Attributes:
        tracks: the tracks at their current positions, also of missed faces. A `Frame` holds them for `update`.
    """

    def __init__(self) -> None:
        self.tracks: Sequence[FaceTrack] = ()
        self._next_number = 1
        self._grey: GreyImage | None = None  # the frame of the corners
        self._time_s = 0.0  # time of the newest reading

    def shown(self) -> list[FaceTrack]:
        """The visible tracks, from left to right."""
        visible = (track for track in self.tracks if self._time_s - track.last_s <= SHOWN_S)
        return sorted(visible, key=lambda track: (track.corners[0, 0], track.number))

    def found(self) -> list[FaceTrack]:
        """The tracks of the newest reading, without missed faces."""
        return [track for track in self.shown() if track.last_s == self._time_s]

    def update(
        self, frame: Frame, faces: Sequence[Face], probabilities: Sequence[EmotionProbabilities], *, smoothing_s: float
    ) -> None:
        """Add the reading of one frame, with its faces in its pixels. `smoothing_s` is a time constant."""
        time_s, size = frame.time_s, (frame.image.shape[1], frame.image.shape[0])
        then = {track.number: track.corners for track in frame.tracks}  # without those that began after this frame
        known = [replace(track, corners=then.get(track.number, track.corners)) for track in self.tracks]
        boxes = [box_of(track.corners, *size) for track in known]
        overlaps = np.array([[0.0 if box is None else face.box.overlap(box) for box in boxes] for face in faces])
        matches = best_pairs(overlaps, SAME_FACE_OVERLAP)
        updated = []
        for position, (face, row) in enumerate(zip(faces, probabilities, strict=True)):
            number, values = self._next_number, row.values.astype(np.float64)
            if (index := matches.get(position)) is None:
                self._next_number += 1
            else:
                number, elapsed_s = known[index].number, max(time_s - known[index].last_s, 0.0)
                weight = 1.0 if smoothing_s == 0 else 1.0 - math.exp(-elapsed_s / smoothing_s)
                values = known[index].shares + weight * (values - known[index].shares)
            updated.append(FaceTrack(number, corners_of(face.box) / size, face.confidence, values, time_s, face.turn))
        matched = set(matches.values())
        is_new_scene = bool(updated) and not matched  # otherwise a missed face may still be there
        missed = [] if is_new_scene else [track for index, track in enumerate(known) if index not in matched]
        # The second condition keeps a track for one miss if readings are rare.
        self.tracks = updated + [
            track for track in missed if time_s - track.last_s <= REMEMBERED_S or track.last_s == self._time_s
        ]
        self._grey, self._time_s = frame.grey, time_s

    def start_shot(self) -> None:
        """Forget the faces, because the next frame comes after a cut. Their numbers are not reused."""
        self.tracks, self._grey = (), None

    def forget_frame(self) -> None:
        """Release the frame. The tracks keep their positions."""
        self._grey = None

    def follow(self, grey: GreyImage) -> None:
        """Move the tracks to a newer frame, an output of `to_flow_image`."""
        if self._grey is not None and self._grey.shape == grey.shape and self.tracks:
            size = (grey.shape[1], grey.shape[0])
            moved = _follow(np.stack([track.corners for track in self.tracks]) * size, self._grey, grey) / size
            self.tracks = [replace(track, corners=found) for track, found in zip(self.tracks, moved, strict=True)]
        self._grey = grey


class FaceFinder:
    """Finds the faces of one stream: known faces near their positions, and regularly all faces. Not thread-safe."""

    def __init__(self, interval_s: float = DETECT_INTERVAL_S) -> None:
        """Start without faces. `interval_s` separates two searches of the whole frame, if no known face is lost."""
        self._interval_s = interval_s
        self._detected_s = -math.inf  # time of the last detection of all faces
        self._lost_one = False  # whether the last `detect_near` missed a face

    def find(
        self, detector: FaceDetector, frame: Frame, side: int, *, detected: Sequence[Face] | None = None
    ) -> list[Face]:
        """The faces of a frame, in its pixels.

        Args:
            detector: detects them.
            frame: the frame, with the positions of the known faces.
            side: longer side of the copy to search, in pixels.
            detected: all faces of the frame, if they are known already.
        """
        if detected is not None:
            self._detected_s, self._lost_one = frame.time_s, False
            return list(detected)
        small, scale = shrink(frame.image, side)
        boxes = [(track.turn, box_of(track.corners, *small.shape[1::-1])) for track in frame.tracks]
        known = [Face(box, 1.0, turn=turn) for turn, box in boxes if box is not None]
        if known and frame.time_s - self._detected_s < (_SHORT_INTERVAL_S if self._lost_one else self._interval_s):
            faces = detector.detect_near(small, known)
            self._lost_one = len(faces) < len(known)
        else:
            self._detected_s, self._lost_one = frame.time_s, False
            faces = detector.detect(small)
        size = frame.image.shape[1::-1]
        return [replace(face, box=face.box.scaled(1 / scale).clipped(*size), landmarks=None) for face in faces]


def _follow(boxes: npt.NDArray[np.float64], before: GreyImage, now: GreyImage) -> npt.NDArray[np.float64]:
    """The boxes of faces in a newer frame, by Lucas and Kanade's optical flow of a grid on each face.

    The medians over the grid give one shift and one growth for each face. A face that loses most of its grid stays.

    Args:
        boxes: their corners, shape (n, 2, 2), in pixels of `before`.
        before: the frame of `boxes`.
        now: the newer frame.

    Returns:
        Shape (n, 2, 2), in pixels of `now`.
    """
    corners, sides = boxes[:, :1], boxes[:, 1:] - boxes[:, :1]
    old = corners + _GRID * sides  # shape (n, 16, 2)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, old.reshape(-1, 1, 2).astype(np.float32), None, winSize=(15, 15), maxLevel=2
    )
    moved, tracked = moved.reshape(old.shape).astype(np.float64), found.reshape(len(boxes), -1) == 1
    result = boxes.copy()
    for box, before_face, now_face, ok in zip(result, old, moved, tracked, strict=True):
        if np.count_nonzero(ok) > len(_GRID) // 2:
            center = box.mean(axis=0)
            shift = np.median(now_face[ok] - before_face[ok], axis=0)
            spread = np.median(np.abs(before_face[ok] - center), axis=0).sum()
            growth = np.median(np.abs(now_face[ok] - center - shift), axis=0).sum() / spread
            box[:] = center + shift + np.clip(growth, *_GROWTH_LIMITS) * (box - center)
    return result


def to_flow_image(image: RgbImage) -> GreyImage:
    """A small grey copy of a frame for the optical flow. Raises as `require_rgb`."""
    require_rgb(image)
    return shrink(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), _FLOW_SIDE)[0]


def corners_of(box: Box) -> npt.NDArray[np.float64]:
    """The top left and bottom right of a box, shape (2, 2), in pixels."""
    return np.array(((box.x, box.y), (box.right, box.bottom)), np.float64)


def box_of(corners: npt.NDArray[np.float64], width: int, height: int) -> Box | None:
    """The box of corners as shares of an image of this size, clipped to it; None if it lies outside."""
    (left, top), (right, bottom) = np.rint(corners * (width, height)).astype(int).tolist()
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def best_pairs(scores: npt.NDArray[np.floating], least: float) -> dict[int, int]:
    """The column of each row that has one: the highest scores first, each row and column once, down to the least."""
    # Without `scipy.optimize.linear_sum_assignment`, whose import takes 0.9 s
    scores, pairs = scores.copy(), {}
    while scores.size and scores.max() >= least:
        row, column = divmod(int(scores.argmax()), scores.shape[1])
        pairs[row] = column
        scores[row] = scores[:, column] = -np.inf
    return pairs


# Persons: those of a film, by their tracks, and those with a profile before a camera

_NUM_DESCRIPTORS = 2  # descriptors of each appearance of a face
_ENOUGH_DESCRIPTORS = 3  # descriptors of a person; then, one of each further appearance is enough
_DESCRIBE_INTERVAL_S = 1.0
# Cosine of a later descriptor of a person and the sum of two or more of another one, above which they are one person if
# they were never seen together: a first look may be blurred. 3 % of 870 pairs of persons in california reach it
_ONE_PERSON, _FEW_DESCRIPTORS = 0.75, 2
# Correlation of the faces of a track in two readings, and cosine of the later descriptor and its person. Within the
# shots of three films, one person has at least 0.66 and 0.79
_SAME_LOOK, _OTHER_PERSON, _LOOK_SIDE = 0.5, 0.5, 16


def _look_of(image: RgbImage, box: Box) -> npt.NDArray[np.float32]:
    """A small grey copy of a face, of mean 0 and deviation 1."""
    face = cv2.cvtColor(image[box.y : box.bottom, box.x : box.right], cv2.COLOR_RGB2GRAY)
    small = cv2.resize(face, (_LOOK_SIDE, _LOOK_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray((small - small.mean()) / (small.std() + 1.0), np.float32)


class FilmPersons:
    """The persons of a film, by the tracks of their faces."""

    def __init__(self) -> None:
        self._person: dict[int, int] = {}  # by the number of the track
        self._numbers = itertools.count()  # for the next persons
        self._sums: dict[int, npt.NDArray[np.float32]] = {}  # the sum of the descriptors of each person
        self._counts = Counter[int]()  # the number of these descriptors
        self._described: dict[int, tuple[int, float]] = {}  # by track: how often, and when last
        self._apart: set[tuple[int, int]] = set()  # persons who were seen together, in both orders
        self._looks: dict[int, npt.NDArray[np.float32]] = {}  # the newest faces, by track

    def _forget_replaced(self, faces: Mapping[int, Face], image: RgbImage) -> None:
        """Forget the person of a track that is another one since the last reading, as in a small camera picture.

        A cut of the whole picture ends the tracks.
        """
        looks = {number: _look_of(image, face.box) for number, face in faces.items()}
        for number, face in faces.items():
            person, before = self._person.get(number), self._looks.get(number)
            if person is None or before is None or float((before * looks[number]).mean()) > _SAME_LOOK:
                continue
            total = self._sums[person]
            if float(describe_persons(image, [face])[0] @ total) / float(np.linalg.norm(total)) < _OTHER_PERSON:
                del self._person[number], self._described[number]
        self._looks = looks

    def named(self, tracks: Sequence[FaceTrack], image: RgbImage, time_s: float) -> tuple[Faces, list[tuple[int, int]]]:
        """The faces of a frame with the numbers of their persons, and the persons who turned out to be earlier ones."""
        height, width = image.shape[:2]
        faces = faces_of(tracks, width, height)
        seen = {row.number: row.face for row in faces}
        self._forget_replaced(seen, image)
        numbers, due, joined = list(seen), list[tuple[int, Face]](), list[tuple[int, int]]()
        for number, face in seen.items():
            times, last_s = self._described.get(number, (0, -math.inf))
            person = self._person.get(number)
            if person is not None and self._counts[person] >= _ENOUGH_DESCRIPTORS:
                continue
            if times < _NUM_DESCRIPTORS and time_s - last_s >= _DESCRIBE_INTERVAL_S:
                due.append((number, face))
                self._described[number] = times + 1, time_s
        if due:
            descriptors = describe_persons(image, [face for _, face in due])
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


_RECHECK_S = {True: 5.0, False: 1.0}  # by whether the person has a profile


@dataclass(frozen=True, slots=True)
class _Seen:
    box: Box
    profile: FaceProfile | None
    checked_s: float


class PersonReader:
    """Classifies the faces of one stream. Not thread-safe.

    It recognises persons by their identity and follows them by their boxes. The network of identities takes 15 ms a
    face, so it runs for new faces, and then once in seconds.
    """

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._profiles: Sequence[FaceProfile] = ()  # as given for the last frame

    @property
    def present(self) -> list[FaceProfile]:
        """The profiles of the persons in the last frame, in the order of its faces."""
        return [seen.profile for seen in self._seen if seen.profile is not None]

    def classify(
        self,
        image: RgbImage,
        faces: Sequence[tuple[Box, RgbImage]],
        time_s: float,
        classifier: Classifier,
        *,
        profiles: Sequence[FaceProfile] = (),
    ) -> list[EmotionProbabilities]:
        """The probabilities of each face, given its box and its crop, with the profile of its person, if any."""
        nearest = self._recognise(image, [box for box, _ in faces], profiles, time_s)
        crops: dict[Classifier, list[RgbImage]] = {}  # for each person together, and for all others
        for profile, (_, crop) in zip(nearest, faces, strict=True):
            crops.setdefault(profile or classifier, []).append(crop)
        found = {reader: iter(reader.classify(own)) for reader, own in crops.items()}
        return [next(found[profile or classifier]) for profile in nearest]

    def _recognise(
        self, image: RgbImage, boxes: Sequence[Box], profiles: Sequence[FaceProfile], time_s: float
    ) -> list[FaceProfile | None]:
        """The profile of the person of each face; None if it is none of these persons."""
        if profiles != self._profiles:  # one is new, or forgotten
            self._profiles, self._seen = profiles, []
        if not profiles:
            return [None] * len(boxes)
        before = [self._before(box, time_s) for box in boxes]
        new = [box for box, seen in zip(boxes, before, strict=True) if seen is None]
        found = iter(nearest_persons(describe_persons(image, [Face(box, 1.0) for box in new]), profiles) if new else ())
        self._seen = [
            _Seen(box, next(found), time_s) if seen is None else replace(seen, box=box)
            for box, seen in zip(boxes, before, strict=True)
        ]
        return [seen.profile for seen in self._seen]

    def _before(self, box: Box, time_s: float) -> _Seen | None:
        """What is known of the face that was here; None if it must be recognised."""
        best = max(self._seen, key=lambda seen: seen.box.overlap(box), default=None)
        if best is None or best.box.overlap(box) < SAME_FACE_OVERLAP:
            return None
        return best if time_s - best.checked_s < _RECHECK_S[best.profile is not None] else None
