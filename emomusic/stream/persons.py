"""The faces of a stream, read with the profiles of known persons, and with estimates of those alone on camera."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from emomusic.affect import EmotionProbabilities
from emomusic.faces.classifier import Classifier, EmotionClassifier
from emomusic.faces.identity import SAME_PERSON, describe_persons
from emomusic.faces.profile import KnownFace, estimate_profile
from emomusic.media.images import Box, RgbImage
from emomusic.stream.tracking import SAME_FACE_OVERLAP

_RECHECK_S = {True: 5.0, False: 1.0}  # by whether the face is known

ALONE_S = 10.0
"""Seconds of one person alone on camera until the readings adjust to this face."""

_SAMPLE_S, _LONGEST_GAP_S = 1.0, 3.0
_MOST_ESTIMATES = 8


class Recognition(IntEnum):
    """Whose own faces the readings take into account; each level includes the one before."""

    NOBODY = 0
    TAUGHT = 1  # persons with a profile
    ESTIMATED = 2  # a person who is alone on camera


@dataclass(frozen=True, slots=True)
class _Seen:
    box: Box
    person: KnownFace | None
    checked_s: float


class PersonReader:
    """Classifies the faces of one stream. Not thread-safe.

    It recognises persons by their identity and follows them by their boxes. The network of identities takes 15 ms a
    face, so it runs for new faces, and then once in seconds.

    A person who is alone on camera for ten seconds gets an estimate of the neutral face.

    Attributes:
        estimates: of such persons, the newest last.
        is_adjusted: whether the last faces were read with an estimate.
    """

    def __init__(self, adjust: Callable[[], EmotionClassifier] | None) -> None:
        """Take what gives the model when it is needed. Without `adjust`, nobody's face is estimated."""
        self._adjust = adjust
        self._seen: list[_Seen] = []
        self._known: Sequence[KnownFace] = ()  # of the last frame
        self.is_adjusted, self._tried_s = False, -math.inf
        self.forget_estimates()

    def forget_estimates(self) -> None:
        """Forget the estimated faces."""
        self.estimates: tuple[KnownFace, ...] = ()
        # Of the person: times, faces as from `EmotionClassifier.describe`, and descriptors
        self._samples: list[tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float32]]] = []

    def classify(
        self,
        image: RgbImage,
        faces: Sequence[tuple[Box, RgbImage]],
        time_s: float,
        classifier: Classifier,
        *,
        known: Sequence[KnownFace] = (),
        recognition: Recognition = Recognition.ESTIMATED,
    ) -> list[EmotionProbabilities]:
        """The probabilities of each face, given its box and its crop: with the profile of its person, if it is known.

        Whoever taught the app wins over an estimate.
        """
        boxes, crops = [box for box, _ in faces], [crop for _, crop in faces]
        adjusts = self._adjust is not None and recognition is Recognition.ESTIMATED
        estimated = self.estimates if adjusts else ()
        taught = () if recognition is Recognition.NOBODY else known
        persons = self._recognise(image, boxes, (*taught, *estimated), time_s)
        if adjusts and persons == [None]:
            self._estimate(image, boxes[0], crops[0], time_s)
        self.is_adjusted = any(person in estimated for person in persons)
        found: dict[int, EmotionProbabilities] = {}
        for person in dict.fromkeys(persons):
            rows = [row for row, each in enumerate(persons) if each is person]
            classify = classifier.classify if person is None else person.classify
            found |= dict(zip(rows, classify([crops[row] for row in rows]), strict=True))
        return [found[row] for row in range(len(faces))]

    def _estimate(self, image: RgbImage, box: Box, crop: RgbImage, time_s: float) -> None:
        """Take a look, once in a second, at the only face of a frame, if it is of no known person."""
        if self._adjust is None or time_s - self._tried_s < _SAMPLE_S:
            return
        self._tried_s = time_s
        if self._samples and time_s - self._samples[-1][0] > _LONGEST_GAP_S:
            self._samples = []
        descriptor = describe_persons(image, [box])[0]
        mean = np.sum([each for *_, each in self._samples], axis=0)
        if self._samples and descriptor @ mean < SAME_PERSON * np.linalg.norm(mean):
            return  # somebody else, or turned away
        classifier = self._adjust()
        self._samples.append((time_s, classifier.describe([crop])[0], descriptor))
        times, faces, descriptors = zip(*self._samples, strict=True)
        if time_s - times[0] < ALONE_S:
            return
        if (profile := estimate_profile(np.stack(faces), np.stack(descriptors), classifier)) is None:
            del self._samples[0]  # try again with the next
        else:
            self.estimates = (*self.estimates, KnownFace(profile, classifier))[-_MOST_ESTIMATES:]
            self._samples = []

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
        rows = describe_persons(image, new)[:, None] if new else ()
        found = iter([next((each for each in known if each.profile.shows(row)[0]), None) for row in rows])
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
