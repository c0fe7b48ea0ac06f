"""The persons of a stream: those of a film, by their tracks, and those with a profile before a camera."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.affect import EmotionProbabilities
from emomusic.faces.classifier import Classifier
from emomusic.faces.detection import Face
from emomusic.faces.identity import SAME_PERSON, describe_persons
from emomusic.faces.profile import KnownFace, nearest_persons
from emomusic.faces.table import Faces
from emomusic.media.images import Box, RgbImage
from emomusic.stream.tracking import SAME_FACE_OVERLAP, FaceTrack, best_pairs, faces_of

_NUM_DESCRIPTORS = 2  # of each appearance of a face
_ENOUGH_DESCRIPTORS = 3  # of a person; then, one of each further appearance is enough
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
        self._numbers = itertools.count()  # of the next persons
        self._sums: dict[int, npt.NDArray[np.float32]] = {}  # of the descriptors of each person
        self._counts = Counter[int]()  # of these descriptors
        self._described: dict[int, tuple[int, float]] = {}  # by track: how often, and when last
        self._apart: set[tuple[int, int]] = set()  # persons who were seen together, in both orders
        self._looks: dict[int, npt.NDArray[np.float32]] = {}  # of the newest faces, by track

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


_RECHECK_S = {True: 5.0, False: 1.0}  # by whether the face is known


@dataclass(frozen=True, slots=True)
class _Seen:
    box: Box
    person: KnownFace | None
    checked_s: float


class PersonReader:
    """Classifies the faces of one stream. Not thread-safe.

    It recognises persons by their identity and follows them by their boxes. The network of identities takes 15 ms a
    face, so it runs for new faces, and then once in seconds.
    """

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._known: Sequence[KnownFace] = ()  # of the last frame

    @property
    def present(self) -> list[KnownFace]:
        """The known persons of the last frame, in the order of its faces."""
        return [seen.person for seen in self._seen if seen.person is not None]

    def classify(
        self,
        image: RgbImage,
        faces: Sequence[tuple[Box, RgbImage]],
        time_s: float,
        classifier: Classifier,
        *,
        known: Sequence[KnownFace] = (),
    ) -> list[EmotionProbabilities]:
        """The probabilities of each face, given its box and its crop, with the profile of a known person."""
        persons = self._recognise(image, [box for box, _ in faces], known, time_s)
        crops: dict[Classifier, list[RgbImage]] = {}  # of each person together, and of all others
        for person, (_, crop) in zip(persons, faces, strict=True):
            crops.setdefault(person or classifier, []).append(crop)
        found = {reader: iter(reader.classify(own)) for reader, own in crops.items()}
        return [next(found[person or classifier]) for person in persons]

    def _recognise(
        self, image: RgbImage, boxes: Sequence[Box], known: Sequence[KnownFace], time_s: float
    ) -> list[KnownFace | None]:
        """The person of each face; None if it is none of these persons."""
        if known != self._known:  # one is new, or forgotten
            self._known, self._seen = known, []
        if not known:
            return [None] * len(boxes)
        before = [self._before(box, time_s) for box in boxes]
        new = [box for box, seen in zip(boxes, before, strict=True) if seen is None]
        found = iter(nearest_persons(describe_persons(image, [Face(box, 1.0) for box in new]), known) if new else ())
        self._seen = [
            _Seen(box, next(found), time_s) if seen is None else replace(seen, box=box)
            for box, seen in zip(boxes, before, strict=True)
        ]
        return [seen.person for seen in self._seen]

    def _before(self, box: Box, time_s: float) -> _Seen | None:
        """What is known of the face that was here; None if it must be recognised."""
        best = max(self._seen, key=lambda seen: seen.box.overlap(box), default=None)
        if best is None or best.box.overlap(box) < SAME_FACE_OVERLAP:
            return None
        return best if time_s - best.checked_s < _RECHECK_S[best.person is not None] else None
