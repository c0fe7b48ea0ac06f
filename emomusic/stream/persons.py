"""The faces of a stream, read with the profiles of known persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from emomusic.affect import EmotionProbabilities
from emomusic.faces.classifier import Classifier
from emomusic.faces.detection import Face
from emomusic.faces.identity import describe_persons
from emomusic.faces.profile import KnownFace, nearest_persons
from emomusic.media.images import Box, RgbImage
from emomusic.stream.tracking import SAME_FACE_OVERLAP

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
