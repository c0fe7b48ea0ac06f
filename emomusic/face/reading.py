"""A picture in, faces with their emotions out: what the app, the commands and the library call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
from emomusic.face._tensorflow import load_tensorflow
from emomusic.face.classifier import Classifier
from emomusic.face.detection import Face, FaceDetector
from emomusic.face.images import RgbImage, crop_face
from emomusic.face.trained import DEFAULT_MODEL, model_folder, read_spec

if TYPE_CHECKING:
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector

# What `load_networks` loads, in this order
NETWORK_PARTS = ("TensorFlow", "the network that reads faces", "the networks that find faces")


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


def load_networks(
    model: str = DEFAULT_MODEL, *, tell: Callable[[str], None] = lambda _: None
) -> tuple[MtcnnDetector, EmotionClassifier]:
    """Load the detector and a trained model, and run both once: seconds now, so that the first picture is quick.

    Faces are read in bfloat16 where the processor has units for it (`EmotionClassifier.load`).

    Args:
        model: its name.
        tell: called with each of `NETWORK_PARTS` as its turn comes.

    Raises:
        ModelError: there is no model of that name, its files are damaged, or it does not tell the seven emotions apart.
    """
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.detection import MtcnnDetector

    read_spec(model_folder(model), verify=True)  # what is wrong there is told before the seconds that TensorFlow takes
    library, reads, finds = NETWORK_PARTS
    tell(library)
    load_tensorflow()
    tell(reads)
    classifier = EmotionClassifier.load(model, quick=True)
    classifier.require_emotions()
    tell(finds)
    detector = MtcnnDetector()
    detector.warm_up()
    return detector, classifier
