"""A picture in, faces with their emotions out: what the app, the commands and the library call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emomusic.affect import (
    AffectPoint,
    Emotion,
    EmotionProbabilities,
    Quadrant,
    affect_of,
    group_probabilities,
    quadrant_of,
)
from emomusic.face.classifier import Classifier
from emomusic.face.detection import Face, FaceDetector
from emomusic.face.images import RgbImage, crop_face
from emomusic.face.model_files import DEFAULT_MODEL

if TYPE_CHECKING:
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector


@dataclass(frozen=True, slots=True)
class FaceReading:
    """A face with its emotion."""

    face: Face
    probabilities: EmotionProbabilities

    @property
    def emotion(self) -> Emotion:
        """The most probable emotion."""
        return self.probabilities.emotion

    @property
    def point(self) -> AffectPoint:
        """The face's place on the circumplex."""
        return affect_of(self.probabilities)

    @property
    def quadrant(self) -> Quadrant:
        """The quarter of the plane it lies in."""
        return quadrant_of(self.point)


@dataclass(frozen=True, slots=True)
class PictureReading:
    """All faces of one picture.

    Attributes:
        width: of the picture, in pixels; boxes are in these.
        height: likewise.
        faces: from left to right; empty where none was found.
        detect_ms: how long finding the faces took.
        classify_ms: how long cutting them out and classifying them took.
    """

    width: int
    height: int
    faces: tuple[FaceReading, ...]
    detect_ms: float
    classify_ms: float

    @property
    def group(self) -> EmotionProbabilities | None:
        """The mean over all faces; None where there is none."""
        return group_probabilities([reading.probabilities for reading in self.faces])


def read_faces(image: RgbImage, detector: FaceDetector, classifier: Classifier) -> PictureReading:
    """Find every face of a picture and give each the probabilities of the seven emotions.

    Args:
        image: shape (height, width, 3), uint8, RGB, as `images.read_image` makes it.
        detector: finds the faces.
        classifier: reads them, all in one call.
    """
    started = time.perf_counter()
    faces = detector.detect(image)
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
    """Give each of the faces that were found in a picture the probabilities of the seven emotions, all in one call."""
    probabilities = classifier.classify([crop_face(image, face.box) for face in faces])
    return tuple(FaceReading(face, values) for face, values in zip(faces, probabilities, strict=True))


def load_networks(model: str = DEFAULT_MODEL) -> tuple[MtcnnDetector, EmotionClassifier]:
    """Load the detector and a trained model, in about a quarter of a second.

    Raises:
        ModelError: there is no model of that name, its files are damaged, or it does not tell the seven emotions apart.
        AssetError: a file of the detector is absent or damaged.
    """
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector

    classifier = EmotionClassifier.load(model)
    classifier.require_emotions()
    return MtcnnDetector(), classifier
