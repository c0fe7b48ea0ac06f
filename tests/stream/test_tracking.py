from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.faces.detection import Face
from emomusic.faces.identity import Descriptors
from emomusic.media.images import Box, RgbImage
from emomusic.stream.tracking import (
    DETECT_INTERVAL_S,
    REMEMBERED_S,
    SHOWN_S,
    FaceFinder,
    FaceTrack,
    FaceTracker,
    Frame,
    PersonReader,
    corners_of,
)
from tests.fakes import FakeClassifier, FakeDetector, make_face

SIZE = (320, 240)
GREY, BLANK = np.full((240, 320), 90, np.uint8), np.full((240, 320, 3), 90, np.uint8)
HAPPY = EmotionProbabilities.certain(Emotion.HAPPY)
IMAGE = np.zeros((100, 400, 3), np.uint8)
LEFT, MOVED, RIGHT = Box(10, 10, 50, 50), Box(20, 12, 50, 50), Box(300, 10, 50, 50)
Emotions = Callable[..., list[int]]
ANNA, BEN, NOBODY = 1, 2, Emotion.HAPPY.label
"""The emotions of the persons, and of others."""


def update(tracks: FaceTracker, faces: list[Face], time_s: float) -> None:
    frame = Frame(BLANK, GREY, tracks.tracks, time_s)
    tracks.update(frame, faces, [HAPPY] * len(faces), smoothing_s=0.0)


def numbers(tracks: FaceTracker) -> list[int]:
    return [track.number for track in tracks.shown()]


def test_faces_match_the_track_of_largest_overlap_and_keep_their_place_without_flow() -> None:
    tracks = FaceTracker()
    update(tracks, [make_face(100), make_face(130)], 0.0)
    update(tracks, [make_face(112), make_face(142)], 0.1)
    assert [(track.number, round(track.corners[0, 0] * 320)) for track in tracks.shown()] == [(1, 112), (2, 142)]
    tracks = FaceTracker()
    update(tracks, [make_face(10), make_face(100)], 0.0)
    update(tracks, [make_face(10)], 0.1)
    assert numbers(tracks) == [1, 2]  # one of two missed
    assert [track.number for track in tracks.found()] == [1]
    update(tracks, [make_face(200), make_face(260)], 0.2)  # another scene
    assert numbers(tracks) == [3, 4]
    for height in (240, 180):
        tracks = FaceTracker()
        update(tracks, [make_face()], 0.0)
        (before,) = tracks.tracks
        tracks.follow(np.full((height, 320), 90, np.uint8))
        assert tracks.tracks[0].corners == pytest.approx(before.corners)


def test_a_missed_face_is_shown_for_half_a_second_and_keeps_its_number_for_two() -> None:
    tracks = FaceTracker()
    update(tracks, [make_face()], 0.0)
    update(tracks, [], SHOWN_S)
    assert numbers(tracks) == [1]
    update(tracks, [], SHOWN_S + 0.1)
    assert numbers(tracks) == []
    update(tracks, [], REMEMBERED_S)
    assert numbers(tracks) == []
    update(tracks, [make_face()], REMEMBERED_S + 0.1)
    assert numbers(tracks) == [1]
    update(tracks, [], REMEMBERED_S + 0.2)
    update(tracks, [], 2 * REMEMBERED_S + 0.2)
    update(tracks, [make_face()], 2 * REMEMBERED_S + 0.3)
    assert numbers(tracks) == [2]


def find(
    finder: FaceFinder,
    detector: FakeDetector,
    time_s: float,
    *,
    known: tuple[Face, ...] = (),
    detected: list[Face] | None = None,
) -> list[Box]:
    tracks = [FaceTrack(1, corners_of(face.box) / SIZE, 1.0, np.zeros(7), time_s) for face in known]
    faces = finder.find(detector, Frame(BLANK, GREY, tracks, time_s), 320, detected=detected)
    return [face.box for face in faces]


def test_known_faces_are_searched_nearby_and_regularly_all_in_the_pixels_of_the_frame() -> None:
    finder, detector = FaceFinder(), FakeDetector([make_face()])
    for step in range(11):  # of a tenth of a second
        assert find(finder, detector, step / 10, known=(make_face(),)) == [make_face().box]
    assert (detector.num_calls, detector.num_near_calls) == (3, 8)  # at 0, 0.5 and 1 s
    finder, detector = FaceFinder(), FakeDetector([make_face(100)])
    assert find(finder, detector, 0.0, known=(make_face(),), detected=[make_face(50)]) == [make_face(50).box]
    assert find(finder, detector, 0.1, known=(make_face(),), detected=[]) == []
    assert find(finder, detector, 0.1 + DETECT_INTERVAL_S - 0.01, known=(make_face(),)) == [make_face(100).box]
    assert (detector.num_calls, detector.num_near_calls) == (0, 1)
    frame = Frame(np.zeros((480, 640, 3), np.uint8), GREY, (), 0.0)
    (face,) = FaceFinder().find(FakeDetector([make_face(20, 30, 40, 50)]), frame, 320)
    assert face.box == Box(40, 60, 80, 100)


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
    return Mock(  # compared by identity, like a `FaceProfile`
        identity=np.pad(np.array(descriptor, np.float32), (0, 1022)),
        classify=lambda crops: [EmotionProbabilities(values) for _ in crops],
    )


@pytest.fixture
def identifier(monkeypatch: pytest.MonkeyPatch) -> FakeIdentifier:
    identifier = FakeIdentifier()
    monkeypatch.setattr("emomusic.stream.tracking.describe_persons", identifier.describe)
    return identifier


@pytest.fixture
def emotions(identifier: FakeIdentifier) -> Emotions:
    """What a reader of persons says of the faces in boxes, frame after frame."""
    reader = PersonReader()

    def read(boxes: Sequence[Box], *known: Any, time_s: float = 0.0) -> list[int]:
        faces = [(box, np.zeros((8, 8, 3), np.uint8)) for box in boxes]
        found = reader.classify(IMAGE, faces, time_s, FakeClassifier(), profiles=known)
        return [int(each.values.argmax()) for each in found]

    return read


def test_faces_are_recognised_once_and_followed_by_their_boxes(emotions: Emotions, identifier: FakeIdentifier) -> None:
    anna = person(1, 0, shade=ANNA)
    assert emotions([LEFT, RIGHT], anna) == [ANNA, NOBODY]
    assert emotions([MOVED, RIGHT], anna, time_s=0.5) == [ANNA, NOBODY]
    assert identifier.num_faces == 2
    assert emotions([RIGHT], anna, time_s=1.5) == [NOBODY]  # asked again, as somebody may have turned
    assert identifier.num_faces == 3
    assert emotions([LEFT], anna, time_s=1.6) == [ANNA]  # back
    assert identifier.num_faces == 4


def test_new_and_forgotten_persons_count_at_once(emotions: Emotions, identifier: FakeIdentifier) -> None:
    anna, ben = person(1, 0, shade=ANNA), person(0, 1, shade=BEN)
    assert emotions([LEFT, RIGHT]) == [NOBODY, NOBODY]
    assert identifier.num_faces == 0
    assert emotions([LEFT, RIGHT], anna) == [ANNA, NOBODY]
    assert emotions([RIGHT, LEFT], anna, ben) == [BEN, ANNA]
    assert emotions([LEFT, RIGHT], ben) == [NOBODY, BEN]


def test_the_nearest_of_two_persons_counts_and_nobody_where_both_are_as_near(emotions: Emotions) -> None:
    """Both would pass for the face on the left alone."""
    first, second = person(0.8, 0.6, shade=ANNA), person(1, 0, shade=BEN)
    assert emotions([LEFT], first, second) == [BEN]
    assert emotions([LEFT], second, first) == [BEN]
    assert emotions([LEFT], first) == [ANNA]
    assert emotions([LEFT], second, person(0.999, 0.045, shade=ANNA)) == [NOBODY]
