import numpy as np
import pytest

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.faces.detection import Face
from emomusic.media.images import Box
from emomusic.stream.tracking import (
    DETECT_INTERVAL_S,
    REMEMBERED_S,
    SHOWN_S,
    FaceFinder,
    FaceTrack,
    FaceTracker,
    Frame,
    corners_of,
)
from tests.fakes import FakeDetector, make_face

SIZE = (320, 240)
GREY, BLANK = np.full((240, 320), 90, np.uint8), np.full((240, 320, 3), 90, np.uint8)
HAPPY, SAD = EmotionProbabilities.certain(Emotion.HAPPY), EmotionProbabilities.certain(Emotion.SAD)


def update(
    tracks: FaceTracker,
    faces: list[Face],
    time_s: float,
    *,
    smoothing_s: float = 0.0,
    shows: object = HAPPY,
) -> None:
    frame = Frame(BLANK, GREY, tracks.tracks, time_s)
    tracks.update(frame, faces, [shows] * len(faces), smoothing_s=smoothing_s)  # type: ignore[list-item]


def numbers(tracks: FaceTracker) -> list[int]:
    return [track.number for track in tracks.shown()]


def test_a_face_matches_the_track_of_largest_overlap() -> None:
    tracks = FaceTracker()
    update(tracks, [make_face(100), make_face(130)], 0.0)
    update(tracks, [make_face(112), make_face(142)], 0.1)
    assert [(track.number, round(track.corners[0, 0] * 320)) for track in tracks.shown()] == [(1, 112), (2, 142)]


def test_a_new_scene_removes_the_previous_faces() -> None:
    tracks = FaceTracker()
    update(tracks, [make_face(10), make_face(100)], 0.0)
    update(tracks, [make_face(10)], 0.1)
    assert numbers(tracks) == [1, 2]  # one of two missed
    assert [track.number for track in tracks.found()] == [1]
    update(tracks, [make_face(200), make_face(260)], 0.2)  # another scene
    assert numbers(tracks) == [3, 4]


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


@pytest.mark.parametrize("now", [np.full((240, 320), 90, np.uint8), np.full((180, 320), 90, np.uint8)])
def test_a_face_without_optical_flow_keeps_its_position(now: np.ndarray) -> None:
    tracks = FaceTracker()
    update(tracks, [make_face()], 0.0)
    (before,) = tracks.tracks
    tracks.follow(now)
    assert tracks.tracks[0].corners == pytest.approx(before.corners)


def test_a_shot_begins_without_faces_and_with_new_numbers() -> None:
    tracks = FaceTracker()
    update(tracks, [make_face(10), make_face(100)], 0.0)
    tracks.start_shot()
    assert (tracks.shown(), tracks.tracks) == ([], ())
    update(tracks, [make_face(10)], 0.1)  # at the place of the first face
    assert numbers(tracks) == [3]


# FaceFinder


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


def test_known_faces_are_searched_nearby_and_regularly_all() -> None:
    finder, detector = FaceFinder(), FakeDetector([make_face()])
    for step in range(11):  # of a tenth of a second
        assert find(finder, detector, step / 10, known=(make_face(),)) == [make_face().box]
    assert (detector.num_calls, detector.num_near_calls) == (3, 8)  # at 0, 0.5 and 1 s


def test_faces_detected_before_are_taken() -> None:
    finder, detector = FaceFinder(), FakeDetector([make_face(100)])
    assert find(finder, detector, 0.0, known=(make_face(),), detected=[make_face(50)]) == [make_face(50).box]
    assert find(finder, detector, 0.1, known=(make_face(),), detected=[]) == []
    assert find(finder, detector, 0.1 + DETECT_INTERVAL_S - 0.01, known=(make_face(),)) == [make_face(100).box]
    assert (detector.num_calls, detector.num_near_calls) == (0, 1)


def test_faces_of_a_reduced_frame_are_in_its_own_pixels() -> None:
    frame = Frame(np.zeros((480, 640, 3), np.uint8), GREY, (), 0.0)
    (face,) = FaceFinder().find(FakeDetector([make_face(20, 30, 40, 50)]), frame, 320)
    assert face.box == Box(40, 60, 80, 100)
