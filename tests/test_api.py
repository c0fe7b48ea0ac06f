"""The library as others call it: `import emomusic`, three functions, types that checkers see."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import emomusic
from emomusic.affect import AffectPoint, Emotion
from emomusic.errors import ImageError
from emomusic.export import answer_record
from emomusic.faces.reading import PictureReading
from emomusic.media.images import read_image
from emomusic.songs.request import Policy, Request
from tests.films import COLLINS, FOUR_PEOPLE, SAMPLES, encoded

SAMPLE = SAMPLES / FOUR_PEOPLE
NO_PIXELS = [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))]


@pytest.fixture(scope="module")
def reading() -> PictureReading:
    return emomusic.read_picture(SAMPLE)


def test_everything_named_is_there(root: Path) -> None:
    assert (root / "emomusic" / "py.typed").is_file()  # checkers see the types
    assert {"read_picture", "recommend_songs", "draw_reading"} <= set(emomusic.__all__)
    assert all(hasattr(emomusic, name) for name in emomusic.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        emomusic.no_such_name  # noqa: B018


def test_a_picture_may_have_any_usual_form(reading: PictureReading) -> None:
    assert len(reading.faces) == 4
    with SAMPLE.open("rb") as file, Image.open(SAMPLE) as opened:
        data = SAMPLE.read_bytes()
        for picture in (str(SAMPLE), data, read_image(SAMPLE), bytearray(data), memoryview(data), file, opened):
            again = emomusic.read_picture(picture)
            assert [face.emotion for face in again.faces] == [face.emotion for face in reading.faces]
            assert [face.face for face in again.faces] == [face.face for face in reading.faces]


def test_a_file_that_was_just_written_and_a_path_of_the_home_folder_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    Image.open(SAMPLES / COLLINS).save(written, "PNG")  # leaves the place at the end
    (tmp_path / "collins.png").write_bytes(written.getvalue())
    monkeypatch.setenv("HOME", str(tmp_path))
    for picture in (written, "~/collins.png", Path("~/collins.png")):
        assert len(emomusic.read_picture(picture).faces) == 1


def test_the_reading_of_an_animation_says_so_to_everyone() -> None:
    picture = Image.open(SAMPLES / COLLINS)
    others = [picture.rotate(90)]
    reading = emomusic.read_picture(encoded(picture, "GIF", save_all=True, append_images=others))
    assert len(reading.faces) == 1
    assert reading.note == "Picture 1 of 2 was read. Animations are not read as films."
    assert (
        answer_record("photo", reading, Request(point=AffectPoint(0, 0)), 0)["note"] == reading.note
    )  # of the HTTP API


def test_songs_for_unclear_faces_are_those_for_neutral(reading: PictureReading) -> None:
    unclear = replace(reading, faces=replace(reading.faces, threshold=np.ones(len(reading.faces))))
    record = answer_record("photo", unclear, Request(AffectPoint(0, 0)), 3)
    assert {song["mood"] for song in record["songs"]} == {record["group"]["mood"]}


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_profile_is_for_its_person_in_a_turned_picture_too(quarters: int) -> None:
    picture = np.ascontiguousarray(np.rot90(read_image(SAMPLES / COLLINS), quarters))
    profile = emomusic.learn_face({"neutral": [SAMPLES / COLLINS]})
    (face,) = emomusic.read_picture(picture, profile=profile).faces
    assert face.is_known


@pytest.mark.parametrize("picture", [None, 7, ["a.jpg"], io.StringIO("text"), *NO_PIXELS])
def test_other_objects_and_other_pixels_are_the_callers_mistake(picture: Any, reading: PictureReading) -> None:
    message = r"must be uint8 \(height, width, 3\)\. Received: " if isinstance(picture, np.ndarray) else "must be"
    with pytest.raises(ValueError, match=message):
        emomusic.read_picture(picture)
    with pytest.raises(ValueError, match=message):
        emomusic.draw_reading(picture, reading)


@pytest.mark.parametrize("policy", list(Policy))
def test_songs_for_a_picture_are_those_of_the_mean_of_its_faces(reading: PictureReading, policy: Policy) -> None:
    songs = emomusic.recommend_songs(reading, policy=policy, num_songs=7)
    assert len({pick.song.id for pick in songs}) == 7
    assert emomusic.recommend_songs(reading.faces.mean(), policy=policy.value, num_songs=7) == songs
    face = reading.faces[0]
    assert emomusic.recommend_songs(face) == emomusic.recommend_songs(face.probabilities)


def test_emotions_and_places_are_targets_and_wrong_options_or_no_face_are_told() -> None:
    for target, options, message in (
        ("jealous", {}, "'jealous'"),
        ("sad", {"policy": "shout"}, "'shout'"),
        ("sad", {"num_songs": 0}, "num_songs must be at least 1"),
        ("sad", {"seed": -1}, "seed must be at least 0"),
        ("sad", {"policy": "journey", "to": "nowhere"}, "'nowhere'"),
    ):
        with pytest.raises(ValueError, match=message):
            emomusic.recommend_songs(target, **options)
    songs = emomusic.recommend_songs("sad")
    assert len(songs) == 5
    assert emomusic.recommend_songs(Emotion.SAD) == songs
    assert emomusic.recommend_songs(Emotion.SAD.point) == songs  # match asks for the place alone
    assert emomusic.recommend_songs(AffectPoint(0.9, 0.4)) != songs
    journeys = [emomusic.recommend_songs("sad", policy="journey", to=end) for end in ("", "Energetic", "energetic")]
    assert journeys[0] != journeys[1] == journeys[2]
    assert emomusic.recommend_songs("sad", seed=1) != songs
    reading = emomusic.read_picture(np.full((64, 64, 3), 128, np.uint8))
    assert len(reading.faces) == 0
    with pytest.raises(ImageError, match="expected a picture with a face"):
        emomusic.recommend_songs(reading)


def test_a_reading_is_drawn_into_a_copy_of_its_picture(reading: PictureReading) -> None:
    image = read_image(SAMPLE)
    before = image.copy()
    drawn = emomusic.draw_reading(image, reading)
    assert (drawn.shape, drawn.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, before)
    assert not np.array_equal(drawn, image)
    assert np.array_equal(emomusic.draw_reading(SAMPLE, reading), drawn)
    with pytest.raises(ValueError, match=r"picture must be the one that was read, .* Received: \(64, 48\)"):
        emomusic.draw_reading(np.zeros((48, 64, 3), np.uint8), reading)
