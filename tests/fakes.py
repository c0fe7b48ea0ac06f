"""Fakes of the slow models, of the clock and of the server's limits."""

from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities
from emomusic.faces.detection import DetectionTrace, Face, FaceDetector, Landmarks, NetworkOutput
from emomusic.faces.identity import Descriptors
from emomusic.faces.mtcnn import Boxes
from emomusic.faces.reading import Networks, PictureReading, read_picture
from emomusic.media.images import Box, DecodedPicture, RgbImage
from emomusic.server.capacity import Capacity
from emomusic.server.settings import Settings

NO_OUTPUT = NetworkOutput(*[Boxes(np.empty((0, 4)), np.empty(0))] * 2)
"""Of a network that finds nothing."""


def make_face(x: int = 10, y: int = 10, width: int = 40, height: int = 50, confidence: float = 0.99) -> Face:
    """A face with plausible landmarks inside its box."""

    def at(across: float, down: float) -> tuple[float, float]:
        return (x + across * width, y + down * height)

    landmarks = Landmarks(at(0.3, 0.4), at(0.7, 0.4), at(0.5, 0.6), at(0.35, 0.8), at(0.65, 0.8))
    return Face(Box(x, y, width, height), confidence, landmarks)


class FakeDetector(FaceDetector):
    """A `FaceDetector` that returns fixed faces and counts its calls."""

    def __init__(self, faces: Sequence[Face] = ()) -> None:
        self.faces = list(faces)
        self.num_calls = 0
        self.num_near_calls = 0

    def detect(self, image: RgbImage) -> list[Face]:
        self.num_calls += 1
        return list(self.faces)

    def warm_up(self) -> None:
        """Do nothing."""

    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        return DetectionTrace(NO_OUTPUT, NO_OUTPUT, NO_OUTPUT, tuple(self.detect(image)))

    def detect_near(self, image: RgbImage, faces: Sequence[Face]) -> list[Face]:
        self.num_near_calls += 1
        return list(self.faces)


class FakeClassifier:
    """A `Classifier` that returns fixed probabilities."""

    threshold = 0.0

    def __init__(self, emotion: Emotion = Emotion.HAPPY, share: float = 0.8) -> None:
        values = np.full(len(EMOTIONS), (1 - share) / (len(EMOTIONS) - 1), np.float32)
        values[emotion.label] = share
        self.probabilities = EmotionProbabilities(values)

    def classify(self, crops: Sequence[RgbImage]) -> list[EmotionProbabilities]:
        return [self.probabilities for _ in crops]


def describe_apart(image: RgbImage, faces: Sequence[Face]) -> Descriptors:
    """As `describe_persons`: every face of a picture is of another person, the same ones in each picture."""
    return np.eye(len(faces), 1024, dtype=np.float32)


def read_pixels(image: RgbImage, networks: Networks) -> PictureReading:
    """What the one reader of stills finds with these networks."""
    return read_picture(DecodedPicture(image), lambda **_: networks)


class FakeClock:
    """A clock that only `advance` moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


def own_capacity(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType, **limits: int) -> Capacity:
    """A capacity with these settings, in place of the process's own in some modules."""
    own = Capacity(Settings(**limits))
    for module in modules:
        monkeypatch.setattr(module, "capacity", lambda: own)
    return own
