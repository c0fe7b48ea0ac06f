"""One reader of stills: pages and library find the same faces, with the same shares."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import emomusic
from emomusic.app.models import try_face
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.faces.reading import PictureReading
from emomusic.media.images import encode_png, read_image, to_network_input
from emomusic.records import read_face_record
from emomusic.results.overview import Benchmark
from emomusic.results.predictions import Chosen
from emomusic.server.photos import Photo, Picture
from emomusic.server.walk import Walk
from tests.films import BIDEN, COLLINS, HOPPER, OBAMA, SAMPLES, beside, tilted

NAMES = sorted(path.name for path in SAMPLES.glob("*.jpg"))
Found = list[tuple[tuple[int, int, int, int], list[float]]]
"""Box and shares of each face."""


def of_reading(reading: PictureReading) -> Found:
    boxes = [face.face.box for face in reading.faces]
    shares = [face.probabilities.values.tolist() for face in reading.faces]
    return [((box.x, box.y, box.width, box.height), each) for box, each in zip(boxes, shares, strict=True)]


def by_photo(picture: Picture, *, of_several: bool) -> Found:
    photo = Photo.of(picture)
    photo.read(of_several=of_several)
    return of_reading(photo.reading)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *(
            pytest.param(name, way, marks=[pytest.mark.slow] * (number % 3 != (way == "upright")))
            for number, name in enumerate(NAMES)
            for way in ("upright", "on its side", "snapshot")
        ),
        ("barack-obama-2012.jpg", "tilted"),
        ("grace-hopper-1984.jpg", "tilted"),
        ("four-people.jpg", "beside"),
    ],
)
def test_all_read_the_same(name: str, way: str) -> None:
    image, posed = read_image(SAMPLES / name), way == "snapshot"
    if way == "tilted":
        image = tilted(image, 45)
    if way == "beside":  # four people, one of each turn
        image = beside(OBAMA, COLLINS, HOPPER, BIDEN)
    data = encode_png(np.ascontiguousarray(np.rot90(image)) if way == "on its side" else image)
    picture = Picture.of("face.png", data, is_posed=posed)
    reading = emomusic.read_picture(data, posed=posed)
    expected = of_reading(reading)
    assert len(expected) == (4 if name == "four-people.jpg" else 1)

    if way == "beside":
        assert [face.face.turn for face in reading.faces] == [0, 90, 180, 270]
    walk = Walk(picture)
    readers: dict[str, Callable[[], Found]] = {
        "photo": partial(by_photo, picture, of_several=False),
        "gallery": partial(by_photo, picture, of_several=True),
        "how it works": lambda: of_reading(PictureReading(1, 1, [face.reading for face in walk.faces], 0, 0)),
    }
    for reader, read in readers.items():
        found = read()
        assert [box for box, _ in found] == [box for box, _ in expected], reader
        np.testing.assert_allclose(
            [each for _, each in found], [each for _, each in expected], atol=1e-4, err_msg=reader
        )
    for face in walk.faces:  # the shown crop is the one that was read
        answer = face.classifier.adjusted_probabilities([face.grey])
        np.testing.assert_allclose(answer[0], face.reading.probabilities.values, atol=1e-4)
    chosen = Chosen(Benchmark.PHOTOGRAPHS, (), (read_face_record(DEFAULT_MODEL),))
    asked = try_face._ask_all(picture, chosen)
    assert asked.num_faces == len(expected)
    largest = max(expected, key=lambda each: each[0][2] * each[0][3])
    np.testing.assert_allclose(asked.answers[DEFAULT_MODEL], largest[1], atol=1e-4)


@pytest.mark.parametrize("degrees", [45, 135, 225, 315])
def test_crops_of_a_reading_have_level_eyes(degrees: int) -> None:
    image = read_image(SAMPLES / "eileen-collins-1999.jpg")
    (upright,) = emomusic.read_picture(encode_png(image)).faces
    copy = tilted(image, degrees)
    (face,) = emomusic.read_picture(encode_png(copy)).faces
    kept = to_network_input([each.face.crop(of) for each, of in ((upright, image), (face, copy))], 48).reshape(2, -1)
    assert np.corrcoef(kept)[0, 1] > 0.6
    assert face.emotion is upright.emotion
