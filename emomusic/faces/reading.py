"""Faces of a picture with their emotions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from emomusic.affect import EmotionProbabilities
from emomusic.assets import load_once
from emomusic.faces.classifier import Classifier, EmotionClassifier
from emomusic.faces.detection import (
    Face,
    FaceDetector,
    MtcnnDetector,
    TurningDetector,
    missed_side,
    needs_close_search,
)
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.table import Faces
from emomusic.media.images import RgbImage

Networks: TypeAlias = tuple[FaceDetector, Classifier]
"""What detects and what classifies faces."""

_SMALL_SIDE = 40  # pixels; smaller faces tell little


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
    faces: Faces
    detect_ms: float
    classify_ms: float

    @property
    def group(self) -> EmotionProbabilities | None:
        """The mean over the faces that count; None without faces."""
        return self.faces.mean()

    @property
    def note(self) -> str | None:
        """A sentence about faces that may be missed, where small ones are likely; None otherwise."""
        side, boxes = missed_side(self.width, self.height), [each.face.box for each in self.faces]
        if side <= _SMALL_SIDE or not needs_close_search(self.width, self.height, boxes):
            return None
        return f"Faces below about {side} pixels may be missed; parts of the picture show more."


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


def classify_faces(image: RgbImage, faces: Sequence[Face], classifier: Classifier) -> Faces:
    """The detected faces of a picture with their probabilities, from one call of the classifier."""
    return Faces.of(faces, classifier.classify([face.crop(image) for face in faces]))


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
