"""Faces that are found: of portraits and groups, large and small, on their side or upside down."""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from emomusic.affect import Emotion, EmotionProbabilities
from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.detection import (
    DetectionTrace,
    Face,
    Landmarks,
    MtcnnDetector,
    _is_chin,
    missed_side,
    needs_close_search,
)
from emomusic.faces.identity import SAME_PERSON, describe_persons, group_persons
from emomusic.faces.layer import Layer
from emomusic.faces.reading import PictureReading, load_detector, load_networks, read_picture
from emomusic.faces.table import Faces
from emomusic.faces.turned import TURNS, TurningDetector
from emomusic.media.images import Box, DecodedPicture, RgbImage, read_image, read_picture_file, shrink
from tests.fakes import NO_OUTPUT, FakeDetector, make_face
from tests.films import BIDEN, COLLINS, FOUR_PEOPLE, HOPPER, MORISOT, OBAMA, OBAMA_SPEAKING, SAMPLES, beside, encoded

PORTRAITS = (OBAMA, OBAMA_SPEAKING, BIDEN, COLLINS, HOPPER, MORISOT, "morisot-young-woman-in-mauve-1880.jpg")
PERSONS = ("Obama", "Obama", "Biden", "Collins", "Hopper", "Morisot", "woman in mauve")
OF_FOUR = ("Obama", "Collins", "Hopper", "Biden")  # from the left


def sample(name: str) -> RgbImage:
    return read_image(SAMPLES / name)


def the_face(faces: list[Face]) -> Face:
    assert len(faces) == 1
    return faces[0]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.jpg")), ids=lambda path: path.stem)
def test_portraits_have_one_face_and_four_people_four(detector: MtcnnDetector, path: Path) -> None:
    image = read_image(path)
    height, width = image.shape[:2]
    faces = detector.detect(image)
    assert len(faces) == (4 if path.name == FOUR_PEOPLE else 1)
    for face in faces:
        assert face.confidence >= 0.9
        assert face.box.clipped(width, height) == face.box
        marks = face.landmarks
        for x, y in marks:
            assert face.box.x < x < face.box.right
            assert face.box.y < y < face.box.bottom
        assert marks.left_eye[0] < marks.right_eye[0]
        assert marks.mouth_left[0] < marks.mouth_right[0]
        assert marks.left_eye[1] < marks.nose[1] < marks.mouth_left[1]


def test_a_face_that_fills_the_frame_is_found_and_none_in_tiny_and_thin_pictures(detector: MtcnnDetector) -> None:
    image = sample(BIDEN)
    box = the_face(detector.detect(image)).box
    for side in (48, 700):
        cut = cv2.resize(image[box.y : box.bottom, box.x : box.right], (side, side))
        assert the_face(detector.detect(cut)).box.overlap(Box(0, 0, side, side)) > 0.6
    for size in ((1, 2000), (12, 12), (20, 20)):
        assert detector.detect(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)) == []


def test_detect_near_finds_a_shifted_face_and_none_if_it_is_gone(detector: MtcnnDetector) -> None:
    image = sample(FOUR_PEOPLE)
    faces = detector.detect(image)
    boxes = [face.box for face in faces]
    shifted = [
        Face(dataclasses.replace(box, x=box.x - round(0.2 * box.width), y=box.y + round(0.1 * box.height)), 1.0)
        for box in boxes
    ]
    again = detector.detect_near(image, shifted)
    assert len(again) == 4
    for face, found in zip(faces, again, strict=True):
        assert found.box.overlap(face.box) > 0.7
        assert found.landmarks.nose == pytest.approx(face.landmarks.nose, abs=0.15 * face.box.width)
        assert found.confidence >= 0.9
    image = sample(COLLINS)
    face = the_face(detector.detect(image))
    assert detector.detect_near(np.full_like(image, 90), [face]) == []
    assert detector.detect_near(image, [Face(Box(0, 0, face.box.width // 2, face.box.height // 2), 1.0)]) == []
    assert detector.detect_near(image, [Face(Box(-500, -500, 40, 40), 1.0)]) == []
    assert detector.detect_near(image, []) == []


def test_small_faces_are_found_in_few_pixels(detector: MtcnnDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = shrink(sample(COLLINS), 420)[0]  # whose face has a sixth of its side
    for width, height in ((6000, 4000), (12_000, 2000)):
        picture = np.full((height, width, 3), 200, np.uint8)
        places = [(x, y) for y in range(200, height - 420, 1400) for x in range(200, width - 420, 1400)]
        for x, y in places:
            picture[y : y + photo.shape[0], x : x + photo.shape[1]] = photo
        assert len(detector.detect(picture)) == len(places)
        assert not needs_close_search(1280, 900, [])  # which has no more pixels
        assert 30 < missed_side(width, height) <= 40
    network, sizes = detector._propose, []
    monkeypatch.setattr(detector, "_propose", lambda strip: (sizes.append(strip.size / 3), network(strip))[1])
    assert detector.detect(np.zeros((3000, 4000, 3), np.uint8)) == []
    assert 1_000_000 < sum(sizes) < 2_800_000  # of which the first search has 1.1 million


def test_faces_that_a_large_picture_may_hide_are_named() -> None:
    def reading(width: int, height: int, *sides: int) -> PictureReading:
        faces = [Face(Box(0, 0, side, side), 1.0) for side in sides]
        certain = [EmotionProbabilities.certain(Emotion.HAPPY)] * len(sides)
        return PictureReading(width, height, Faces.of(faces, certain), 0.0, 0.0)

    assert "57 pixels" in str(reading(10_000, 5600).note)
    assert "57 pixels" in str(reading(10_000, 5600, 100, 900).note)
    for told in (reading(10_000, 5600, 900), reading(4000, 3000), reading(600, 400)):
        assert told.note is None


def test_a_chin_below_a_mask_is_no_second_face() -> None:
    def face(x: int, y: int, side: int) -> Face:
        eyes = (x + 0.3 * side, y + 0.4 * side), (x + 0.7 * side, y + 0.4 * side)
        return Face(Box(x, y, side, side), 0.99, Landmarks(*eyes, (x, y), (x, y), (x, y)))

    masked = face(100, 100, 100)
    assert _is_chin(face(125, 155, 50), masked)
    assert _is_chin(face(120, 180, 60), masked)
    for other in (masked, face(125, 200, 50), face(230, 150, 60), face(60, 160, 120), face(120, 60, 60)):
        assert not _is_chin(other, masked)


def test_only_one_person_is_similar(detector: MtcnnDetector) -> None:
    people, rows = [*PERSONS, *OF_FOUR], []
    for name in (*PORTRAITS, FOUR_PEOPLE):
        image = read_image(SAMPLES / name)
        rows.append(describe_persons(image, sorted(detector.detect(image), key=lambda face: face.box.x)))
    similar = np.concatenate(rows) @ np.concatenate(rows).T
    for one, other in itertools.combinations(range(len(people)), 2):
        if people[one] == people[other]:
            assert similar[one, other] >= SAME_PERSON
        else:
            assert similar[one, other] < SAME_PERSON - 0.05, (people[one], people[other])


def test_faces_are_grouped_by_person_from_a_threshold_on_but_never_within_a_picture() -> None:
    one, other = np.eye(1024, dtype=np.float32)[:2]
    for cosine, groups in ((SAME_PERSON + 0.02, [[0, 1]]), (SAME_PERSON - 0.02, [[0], [1]])):
        turned = np.float32(cosine) * one + np.float32(np.sqrt(1 - cosine**2)) * other
        assert group_persons(np.stack([one, turned]), [0, 1]) == groups
    rows = np.stack([other, one, one, other, one])
    assert group_persons(rows, [0, 0, 1, 1, 2]) == [[1, 2, 4], [0, 3]]
    assert {len(group) for group in group_persons(rows, [0, 0, 1, 1, 1])} == {1, 2}
    assert group_persons(rows[:0], []) == []


NAMES = sorted(path.name for path in SAMPLES.glob("*.jpg"))
IMAGE = np.zeros((300, 300, 3), np.uint8)


def turned(image: RgbImage, turn: int) -> RgbImage:
    """The image, which a turn clockwise by these degrees makes upright again."""
    return np.ascontiguousarray(np.rot90(image, turn // 90))


def place(box: Box, image: RgbImage, turn: int) -> Box:
    """A box of the image in `turned`."""
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[box.y : box.bottom, box.x : box.right] = 1
    rows, columns = np.nonzero(np.rot90(mask, turn // 90))
    return Box(int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)


@cache
def upright_faces(name: str) -> Faces:
    """The faces of a sample, all of which are upright, also those with open mouths."""
    faces = read_picture(DecodedPicture(read_image(SAMPLES / name)), load_networks).faces
    assert [face.face.turn for face in faces] == [0] * len(faces) != []
    return faces


def every_third(name: str, turn: int) -> Any:
    """A sample with one of its turns; the others run with `-m slow`."""
    is_third = (NAMES.index(name) + turn // 90) % 3 == 0
    return pytest.param(name, turn, marks=[] if is_third else [pytest.mark.slow])


@pytest.mark.parametrize(("name", "turn"), [every_third(name, turn) for name in NAMES for turn in TURNS[1:]])
def test_samples_are_read_alike_upright_on_their_side_and_upside_down(name: str, turn: int) -> None:
    expected, image = upright_faces(name), read_image(SAMPLES / name)
    found = read_picture(DecodedPicture(turned(image, turn)), load_networks)
    assert len(found.faces) == len(expected)
    for face in expected:
        where = place(face.face.box, image, turn)
        best = max(found.faces, key=lambda other: other.face.box.overlap(where))
        assert best.face.turn == turn
        assert best.face.box.overlap(where) > 0.7
        apart = np.abs(best.probabilities.values - face.probabilities.values).max()
        assert apart < 0.1 or best.probabilities.emotion is face.probabilities.emotion


def test_faces_are_turned_if_upright_in_a_copy_one_by_one_and_not_those_of_an_upright_camera() -> None:
    for searches, answers, turns, num_searches in (
        ([[0.93, 0.99]], [[0, 0]], [0, 0], 1),  # upright, however doubtful
        ([[0.93], [0.96]], [[90], [0]], [90], 2),  # confirmed by the copy
        ([[0.99], [0.94], [], [0.99]], [[90], [90]], [0], 4),  # no copy has an upright face, so it is no turned one
        ([[], [0.96], [], []], [[0]], [90], 4),
        ([[], [0.94], [], []], [], [], 4),
        ([[], [0.96], [], []], [[180]], [], 4),
    ):
        detector, left = Staged(*searches), iter(answers)
        found = TurningDetector(detector, lambda crops, left=left: 10.0 * np.equal.outer(next(left), TURNS)).detect(
            IMAGE
        )
        assert [face.turn for face in found] == turns
        assert detector.num_calls == num_searches
    image = read_image(SAMPLES / OBAMA)
    side = max(image.shape)
    square = np.full((side, side, 3), 128, np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    both = np.concatenate([square, turned(square, 90)], axis=1)
    assert [face.turn for face in load_detector().detect(both) if face.confidence > 0.95] == [0, 90]
    searches = []

    def networks(*, upright: bool = False, **_: bool) -> tuple:
        searches.append(upright)
        return load_networks(upright=upright)

    exif = Image.Exif()
    exif[0x0112] = 1
    picture = Image.open(SAMPLES / OBAMA).rotate(90, expand=True)
    told, silent = (read_picture_file(encoded(picture, "JPEG", exif=each)) for each in (exif, b""))
    assert (told.is_upright, silent.is_upright) == (True, False)
    assert all(not face.face.turn for face in read_picture(told, networks).faces)
    assert [face.face.turn for face in read_picture(silent, networks).faces] == [90]
    assert searches == [True, False]


def test_stills_have_turned_faces_beside_upright_ones_of_cameras_too() -> None:
    four = beside(OBAMA, COLLINS, HOPPER, BIDEN)
    for upright in (False, True):
        found = load_detector(upright=upright, still=True).detect(four)
        assert [face.turn for face in found] == [0, 90, 180, 270]
        assert [face.box.x // 480 for face in found] == [0, 1, 2, 3]
        assert len(load_detector(upright=upright).detect(four)) == 1  # in films
    assert sorted(face.turn for face in load_detector(still=True).detect(turned(four, 90))) == [0, 90, 180, 270]


def test_a_face_beside_is_sure_upright_in_the_copy_and_new() -> None:
    for face, answer, turns in (
        (make_face(0, 0, 60, 60, 0.96), 0, [90, 0]),
        (make_face(0, 0, 60, 60, 0.94), 0, [0]),  # not sure enough
        (make_face(0, 0, 60, 60, 0.96), 270, [0]),  # which is upright in the picture
        (make_face(203, 0, 60, 60, 0.96), 0, [0, 180]),  # in the second copy
        (make_face(197, 0, 4, 4, 0.96), 0, [0]),  # between two copies
        (make_face(70, 70, 60, 60, 0.96), 0, [0]),  # the known one
    ):
        detector, scores = Quick([face]), 10.0 * np.equal([answer], [TURNS])
        turner = TurningDetector(detector, lambda _, scores=scores: scores, upright=True, still=True)
        assert [found.turn for found in turner.detect(IMAGE)] == turns, face
    detector.others = []
    for shape in ((60, 6000, 3), (6000, 60, 3), (1, 1, 3), (3000, 4000, 3)):
        turner.detect(np.zeros(shape, np.uint8))
        assert detector.num_pixels < 250_000


class Quick(FakeDetector):
    """Finds a face in the middle, and others in quick searches."""

    num_pixels = 0

    def __init__(self, others: Sequence[Face]) -> None:
        super().__init__([make_face(100, 100, 100, 100)])
        self.others = others

    def detect_quickly(self, image: RgbImage) -> Sequence[Face]:
        self.num_pixels = image.shape[0] * image.shape[1]
        return self.others


class Staged(FakeDetector):
    """Finds the faces of each search in turn, with these confidences."""

    def __init__(self, *searches: Sequence[float]) -> None:
        super().__init__()
        self.searches = iter(searches)

    def detect_with_trace(self, image: RgbImage) -> DetectionTrace:
        self.num_calls += 1
        confidences = enumerate(next(self.searches))  # the first face is in the middle, where turns leave it
        faces = (make_face(100 - 90 * at, 100 - 90 * at, 100, 100, confidence) for at, confidence in confidences)
        return DetectionTrace(NO_OUTPUT, NO_OUTPUT, NO_OUTPUT, tuple(faces))


def test_a_layer_is_stored_with_its_model_and_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    assert Layer.load(tmp_path / model_files.TURNS, 4) is None
    layer = Layer(np.ones((3, 4)), np.arange(4.0))
    layer.save(tmp_path / model_files.TURNS)
    again = Layer.load(tmp_path / model_files.TURNS, 4)
    np.testing.assert_array_equal(again.constants, layer.constants)
    three = replace(layer, weights=np.ones((3, 3)))
    for damaged in (three, replace(layer, constants=np.zeros(3)), replace(layer, weights=np.zeros(4))):
        damaged.save(tmp_path / model_files.TURNS)
        with pytest.raises(ModelError, match=r"turns\.npz"):
            Layer.load(tmp_path / model_files.TURNS, 4)
