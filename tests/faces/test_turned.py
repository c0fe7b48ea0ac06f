"""Faces on their side or upside down, and upright ones that a search for those must leave alone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emomusic.errors import ModelError
from emomusic.faces import model_files
from emomusic.faces.detection import DetectionTrace
from emomusic.faces.layer import Layer
from emomusic.faces.reading import load_detector, load_networks, read_picture
from emomusic.faces.table import Faces
from emomusic.faces.turned import TURNS, TurningDetector
from emomusic.media.images import Box, DecodedPicture, RgbImage, read_image, read_picture_file
from tests.fakes import NO_OUTPUT, FakeDetector, make_face
from tests.films import OBAMA, SAMPLES, encoded

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
        assert best.probabilities.emotion is face.probabilities.emotion


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
