"""Faces of a picture with their emotions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any, TypeAlias

from emomusic.affect import (
    EMOTIONS,
    EmotionProbabilities,
    WithEmotion,
    affect_of,
    group_probabilities,
    quadrant_of,
)
from emomusic.assets import load_once
from emomusic.faces.classifier import Classifier, EmotionClassifier
from emomusic.faces.detection import Face, FaceDetector, MtcnnDetector, TurningDetector
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.media.images import RgbImage, crop_face

Networks: TypeAlias = tuple[FaceDetector, Classifier]
"""What detects and what classifies faces."""

SHARES = [emotion.value for emotion in EMOTIONS]
"""Columns of the probabilities."""

AFFECT_COLUMNS = ["valence", "arousal", "quadrant"]

FACE_COLUMNS = ["face", "x", "y", "width", "height", "confidence", "emotion", *SHARES, *AFFECT_COLUMNS]
"""Columns of `face_row`."""


@dataclass(frozen=True, slots=True)
class FaceReading(WithEmotion):
    """A face with its emotion.

    Attributes:
        face: the detected face.
        probabilities: of the emotions.
        is_known: whether they come from the profile of this person (`faces.profile`).
        number: from 1; from left to right in a picture, and of one person in a stream and in a film.
    """

    face: Face
    probabilities: EmotionProbabilities
    is_known: bool = False
    number: int = 1


@dataclass(frozen=True, slots=True)
class PictureReading:
    """The faces of a picture.

    Attributes:
        width: of the picture in pixels, the unit of the boxes.
        height: of the picture in pixels.
        faces: from left to right; empty if there are none.
        detect_ms: duration of the detection.
        classify_ms: duration of cropping and classification.
    """

    width: int
    height: int
    faces: tuple[FaceReading, ...]
    detect_ms: float
    classify_ms: float

    @property
    def group(self) -> EmotionProbabilities | None:
        """The mean over the faces that count; None without faces."""
        return group_of(self.faces)


_DOUBTFUL, _SMALL_SHARE = 0.95, 1 / 3


def group_of(faces: Sequence[FaceReading]) -> EmotionProbabilities | None:
    """The mean over the faces of a picture; None without faces.

    A face counts unless its detection is doubtful and its box has less than a third of the largest one's side: most of
    those are none.
    """
    largest = max((max(each.face.box.width, each.face.box.height) for each in faces), default=0)
    counted = [
        each.probabilities
        for each in faces
        if each.face.confidence >= _DOUBTFUL or max(each.face.box.width, each.face.box.height) >= _SMALL_SHARE * largest
    ]
    return group_probabilities(counted)


def number_faces(readings: Sequence[PictureReading]) -> list[PictureReading]:
    """The readings of several pictures, with the faces numbered over all of them in their order."""
    number = count(1)
    return [
        replace(reading, faces=tuple(replace(face, number=next(number)) for face in reading.faces))
        for reading in readings
    ]


def face_row(reading: FaceReading) -> dict[str, Any]:
    """A face as a row of plain values for JSON, CSV and Parquet: the columns `FACE_COLUMNS`."""
    affect = affect_row(reading.probabilities)
    return {
        "face": reading.number,
        **asdict(reading.face.box),
        "confidence": reading.face.confidence,
        "emotion": affect["emotion"],
        **reading.probabilities.as_dict(),
        **affect,
    }


def affect_row(probabilities: EmotionProbabilities) -> dict[str, Any]:
    """The emotion of a face or group, and its position: the columns `emotion` and `AFFECT_COLUMNS`."""
    point = affect_of(probabilities)
    return {
        "emotion": probabilities.emotion.value,
        "valence": point.valence,
        "arousal": point.arousal,
        "quadrant": quadrant_of(point).value,
    }


def read_faces(image: RgbImage, detector: FaceDetector, classifier: Classifier) -> PictureReading:
    """The faces of a picture, as from `images.read_image`, with the probabilities of the seven emotions."""
    started = time.perf_counter()
    faces = TurningDetector(detector).detect(image)
    detected = time.perf_counter()
    readings = classify_faces(image, faces, classifier)
    classified = time.perf_counter()
    return PictureReading(
        width=image.shape[1],
        height=image.shape[0],
        faces=readings,
        detect_ms=1000 * (detected - started),
        classify_ms=1000 * (classified - detected),
    )


def classify_faces(image: RgbImage, faces: Sequence[Face], classifier: Classifier) -> tuple[FaceReading, ...]:
    """The detected faces of a picture with their probabilities, from one call of the classifier."""
    probabilities = classifier.classify([face.upright(crop_face(image, face.box)) for face in faces])
    found = zip(faces, probabilities, strict=True)
    return tuple(FaceReading(face, values, number=number) for number, (face, values) in enumerate(found, 1))


def load_networks(model: str = DEFAULT_MODEL, *, posed: bool = False) -> tuple[MtcnnDetector, EmotionClassifier]:
    """The detector and a trained model, loaded once in about 0.25 s. Threads may share them.

    `posed` assumes posed faces (`EmotionClassifier.posed`).

    Raises:
        ModelError: there is no such model, its files are damaged, its classes are not the seven emotions, or it has no
            adjustment for posed faces.
    """
    detector, classifier = _load_networks(model)
    return detector, classifier.posed() if posed else classifier


@load_once
def _load_networks(model: str) -> tuple[MtcnnDetector, EmotionClassifier]:
    classifier = EmotionClassifier.load(model)
    classifier.require_emotions()
    return MtcnnDetector(), classifier
