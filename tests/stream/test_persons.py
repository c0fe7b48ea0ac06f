from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.faces.detection import Face
from emomusic.faces.identity import Descriptors
from emomusic.media.images import Box, RgbImage
from emomusic.stream.tracking import PersonReader
from tests.fakes import FakeClassifier

IMAGE = np.zeros((100, 400, 3), np.uint8)
LEFT, MOVED, RIGHT = Box(10, 10, 50, 50), Box(20, 12, 50, 50), Box(300, 10, 50, 50)


class FakeIdentifier:
    """Describes a face by the half of the image in which it is."""

    def __init__(self) -> None:
        self.num_faces = 0

    def describe(self, image: RgbImage, faces: Sequence[Face]) -> Descriptors:
        self.num_faces += len(faces)
        return np.eye(2, 1024, dtype=np.float32)[[int(face.box.x >= image.shape[1] / 2) for face in faces]]


def person(*descriptor: float, shade: int = 0) -> Any:
    """A person with this descriptor, whose faces are all of one emotion."""
    values = np.eye(7, dtype=np.float32)[shade]
    return Mock(  # compared by identity, like a `KnownFace`
        profile=SimpleNamespace(identity=np.pad(np.array(descriptor, np.float32), (0, 1022))),
        classify=lambda crops: [EmotionProbabilities(values) for _ in crops],
    )


@pytest.fixture
def identifier(monkeypatch: pytest.MonkeyPatch) -> FakeIdentifier:
    identifier = FakeIdentifier()
    monkeypatch.setattr("emomusic.stream.tracking.describe_persons", identifier.describe)
    return identifier


class Watch:
    """A reader of persons, and the frames that it reads."""

    def __init__(self) -> None:
        self._reader = PersonReader()

    def emotions(self, boxes: Sequence[Box], *known: Any, time_s: float = 0.0, **options: Any) -> list[int]:
        faces = [(box, np.zeros((8, 8, 3), np.uint8)) for box in boxes]
        found = self._reader.classify(IMAGE, faces, time_s, FakeClassifier(), known=known, **options)
        return [int(each.values.argmax()) for each in found]


@pytest.fixture
def watch(identifier: FakeIdentifier) -> Watch:
    return Watch()


ANNA, BEN, NOBODY = 1, 2, Emotion.HAPPY.label
"""The emotions of the persons, and of others."""


def test_faces_are_recognised_once_and_followed_by_their_boxes(watch: Watch, identifier: FakeIdentifier) -> None:
    anna = person(1, 0, shade=ANNA)
    assert watch.emotions([LEFT, RIGHT], anna) == [ANNA, NOBODY]
    assert watch.emotions([MOVED, RIGHT], anna, time_s=0.5) == [ANNA, NOBODY]
    assert identifier.num_faces == 2
    assert watch.emotions([RIGHT], anna, time_s=1.5) == [NOBODY]  # asked again, as somebody may have turned
    assert identifier.num_faces == 3
    assert watch.emotions([LEFT], anna, time_s=1.6) == [ANNA]  # back
    assert identifier.num_faces == 4


def test_new_and_forgotten_persons_count_at_once(watch: Watch, identifier: FakeIdentifier) -> None:
    anna, ben = person(1, 0, shade=ANNA), person(0, 1, shade=BEN)
    assert watch.emotions([LEFT, RIGHT]) == [NOBODY, NOBODY]
    assert identifier.num_faces == 0
    assert watch.emotions([LEFT, RIGHT], anna) == [ANNA, NOBODY]
    assert watch.emotions([RIGHT, LEFT], anna, ben) == [BEN, ANNA]
    assert watch.emotions([LEFT, RIGHT], ben) == [NOBODY, BEN]


def test_the_nearest_of_two_persons_counts_and_nobody_where_both_are_as_near(watch: Watch) -> None:
    """Both would pass for the face on the left alone."""
    first, second = person(0.8, 0.6, shade=ANNA), person(1, 0, shade=BEN)
    assert watch.emotions([LEFT], first, second) == [BEN]
    assert watch.emotions([LEFT], second, first) == [BEN]
    assert watch.emotions([LEFT], first) == [ANNA]
    assert watch.emotions([LEFT], second, person(0.999, 0.045, shade=ANNA)) == [NOBODY]
