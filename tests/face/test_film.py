"""emomusic/face/film.py: faces, persons and scenes of films with known cuts."""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from emomusic.affect import Emotion, Quadrant
from emomusic.face.film import (
    FILM_COLUMNS,
    MIN_SCENE_S,
    FilmMoment,
    FilmNetworks,
    FilmReading,
    face_line,
    load_film_networks,
    read_film,
)
from emomusic.face.film_file import FilmFile
from emomusic.face.identity import Descriptors
from emomusic.face.images import Box, RgbImage
from emomusic.face.live.reader import LiveFace
from emomusic.face.live.timeline import COLUMNS
from emomusic.face.reading import SHARES, FaceReading
from tests.fakes import FakeClassifier, FakeDetector, FakeIdentifier, make_face
from tests.films import (
    BIDEN,
    COLLINS,
    FOUR_PEOPLE,
    HOPPER,
    MORISOT,
    NOBODY,
    OBAMA,
    OBAMA_SPEAKING,
    film_bytes,
    framed,
    write_film,
    write_frames,
)

THREAD_NAME = "decoder"
SHOTS = [(OBAMA, 4), (BIDEN, 5), (OBAMA, 3), (FOUR_PEOPLE, 6), (OBAMA_SPEAKING, 4), (MORISOT, 3)]
CUTS_S = list(itertools.accumulate(seconds for _, seconds in SHOTS[:-1]))
EMPTY = np.zeros((90, 160, 3), np.uint8)


@pytest.fixture(scope="module")
def networks() -> FilmNetworks:
    return load_film_networks()


def read(source: Path | bytes, networks: FilmNetworks, *, rate: float = 4.0) -> tuple[FilmReading, list[FilmMoment]]:
    """The reading of a film, and its moments."""
    with FilmFile(io.BytesIO(source) if isinstance(source, bytes) else source) as film:
        reading, moments = FilmReading(film, rate), []
        for moment in read_film(film, networks, rate=rate):
            reading.add(moment)
            moments.append(moment)
    return reading, moments


@pytest.fixture(scope="module")
def cut_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "cut.mp4"
    write_film(path, SHOTS, size=(480, 270), audio="aac")
    return path


@pytest.fixture(scope="module")
def cut(cut_film: Path, networks: FilmNetworks) -> FilmReading:
    return read(cut_film, networks)[0]


def in_shot(table: pd.DataFrame, shot: int) -> pd.DataFrame:
    """The rows of one shot of `SHOTS`."""
    start, end = [0, *CUTS_S, CUTS_S[-1] + 3][shot : shot + 2]
    return table[(table["time_s"] >= start) & (table["time_s"] < end)]


def faces_from_left(table: pd.DataFrame) -> list[int]:
    """The numbers of the faces, in the order of their usual places."""
    places = table.groupby("face")["x"].median()
    return [int(number) for number in places.sort_values().index]


# The film with known cuts


def test_scenes_begin_where_the_mood_changes(cut: FilmReading) -> None:
    scenes = cut.scenes()
    # The third and the fourth shot have one mood
    assert [scene.start_s for scene in scenes] == pytest.approx([0, 4, 9, 18, 22], abs=0.5)
    assert [scene.end_s for scene in scenes] == pytest.approx([4, 9, 18, 22, 25], abs=0.5)
    assert [scene.emotion for scene in scenes] == [
        *(Emotion.HAPPY, Emotion.NEUTRAL, Emotion.HAPPY, Emotion.SURPRISE, Emotion.NEUTRAL),
    ]
    assert [scene.quadrant for scene in scenes] == [Quadrant.Q1, Quadrant.N, Quadrant.Q1, Quadrant.Q1, Quadrant.N]
    assert min(scene.seconds for scene in scenes) >= MIN_SCENE_S


def test_each_person_has_one_number(cut: FilmReading) -> None:
    table = cut.faces_table()
    obama, biden = 1, 2
    assert [faces_from_left(in_shot(table, shot)) for shot in range(3)] == [[obama], [biden], [obama]]
    first, *middle, last = faces_from_left(in_shot(table, 3))
    assert (first, middle, last) == (obama, [3, 4], biden)  # Obama, Collins, Hopper and Biden
    assert [faces_from_left(in_shot(table, shot)) for shot in (4, 5)] == [[obama], [5]]
    assert [face.number for face in cut.faces()] == [1, 2, 3, 4, 5]


def test_only_cuts_are_cuts(cut_film: Path) -> None:
    networks = FilmNetworks(FakeDetector(), FakeClassifier(), FakeIdentifier())
    _, moments = read(cut_film, networks)
    assert [moment.time_s for moment in moments if moment.is_cut] == pytest.approx(CUTS_S, abs=0.3)


# Files


@pytest.mark.parametrize(
    ("ending", "audio"),
    [("webm", "libopus"), ("avi", None), ("gif", None)],
)
def test_faces_are_found_in_every_format(ending: str, audio: str | None, networks: FilmNetworks) -> None:
    data = film_bytes([(OBAMA, 1.5), (FOUR_PEOPLE, 1)], ending=ending, audio=audio, size=(480, 270))
    reading, _ = read(data, networks, rate=2)
    assert reading.timeline()["num_faces"].tolist() in ([1, 1, 1, 4, 4], [1, 1, 1, 1, 4, 4])  # AVI begins later
    assert reading.faces_table()["emotion"][0] == "happy"
    assert reading.faces()[0].number == 1
    assert faces_from_left(reading.faces_table().tail(4))[0] == 1


@pytest.mark.parametrize("rotation", [90, 180])
def test_a_rotated_film_has_upright_faces(rotation: int, networks: FilmNetworks) -> None:
    stored = np.ascontiguousarray(np.rot90(framed(FOUR_PEOPLE, 480, 270), -rotation // 90))
    buffer = io.BytesIO()
    write_frames(buffer, [stored] * 5, ending="mov", rotation=rotation)
    reading, _ = read(buffer.getvalue(), networks)
    assert (reading.width, reading.height) == (480, 270)
    assert reading.timeline()["num_faces"].tolist() == [4, 4]
    upright = networks.detector.detect(framed(FOUR_PEOPLE, 480, 270))
    boxes = reading.faces_table().head(4)[["x", "y", "width", "height"]].to_numpy()
    for face, box in zip(sorted(upright, key=lambda face: face.box.x), boxes.tolist(), strict=True):
        assert Box(*box).overlap(face.box) > 0.8


@pytest.mark.parametrize(
    ("rate", "times"), [(0.5, [0.0]), (1, [0.0, 1.0]), (4, [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5])]
)
def test_a_rate_determines_the_readings(rate: float, times: list[float], networks: FilmNetworks) -> None:
    reading, moments = read(film_bytes([(OBAMA, 1.75)], rate=20), networks, rate=rate)
    assert [moment.time_s for moment in moments] == pytest.approx(times)
    assert reading.timeline()["num_faces"].tolist() == [1] * len(times)
    assert reading.end_s == pytest.approx(times[-1] + 1 / rate)


@pytest.mark.parametrize("rate", [0.09, 30.1, float("nan")])
def test_a_rate_out_of_range_is_refused(rate: float, networks: FilmNetworks) -> None:
    with FilmFile(io.BytesIO(film_bytes([(NOBODY, 0.5)]))) as film, pytest.raises(ValueError, match=r"from 0.1 to 30"):
        next(read_film(film, networks, rate=rate))


# Persons


def test_a_person_who_returns_has_the_previous_number(networks: FilmNetworks) -> None:
    data = film_bytes([(OBAMA, 1.5), (NOBODY, 3), (OBAMA, 1.5)])
    reading, moments = read(data, networks)
    numbers = [[face.number for face in moment.faces] for moment in moments]
    assert numbers == [*[[1]] * 6, *[[]] * 12, *[[1]] * 6]
    (face,) = reading.faces()
    assert (face.start_s, face.end_s, face.seconds) == (0, pytest.approx(5.8, abs=0.1), pytest.approx(3.0))
    assert [(scene.start_s, scene.end_s) for scene in reading.scenes()] == [
        (0, pytest.approx(1.5, abs=0.3)),
        (pytest.approx(4.5, abs=0.3), pytest.approx(6, abs=0.3)),
    ]


@pytest.mark.parametrize(("first", "second"), [(OBAMA, BIDEN), (HOPPER, COLLINS)])
def test_two_persons_at_one_place_have_two_numbers(first: str, second: str, networks: FilmNetworks) -> None:
    _, moments = read(film_bytes([(first, 1), (second, 1)], size=(480, 270)), networks)
    numbers = [[face.number for face in moment.faces] for moment in moments]
    assert numbers == [*[[1]] * 4, *[[2]] * 4]


class MarkedPersons:
    """A detector, classifier and identifier of `marked_film`: the brightness of a square tells the person."""

    def __init__(self) -> None:
        self.num_described = 0

    def detect(self, image: RgbImage) -> list[Any]:
        return [make_face(x, 30, 20, 20) for x in (20, 60, 100) if image[40, x + 10].max() > 90]

    def detect_near(self, image: RgbImage, boxes: Sequence[Box]) -> list[Any]:
        return self.detect(image)

    def warm_up(self) -> None:
        """Do nothing."""

    def describe(self, image: RgbImage, boxes: Sequence[Box]) -> Descriptors:
        self.num_described += len(boxes)
        shades = [round(int(image[box.y + box.height // 2, box.x + box.width // 2, 0]) / 30) for box in boxes]
        return np.eye(10, dtype=np.float32)[shades]


def marked_film(*shots: Sequence[int], frames_each: int = 8) -> bytes:
    """Shots with up to three persons at fixed places, each a brightness from 4 to 8, or 0 for nobody."""
    images = []
    for number, shot in enumerate(shots):
        image = np.full((90, 160, 3), 10 + 60 * (number % 2), np.uint8)
        for x, shade in zip((20, 60, 100), shot, strict=False):
            image[30:50, x : x + 20] = 30 * shade
        images += [image] * frames_each
    buffer = io.BytesIO()
    write_frames(buffer, images, ending="mkv", codec="ffv1", rate=4)
    return buffer.getvalue()


def persons(*shots: Sequence[int], **options: Any) -> list[list[int]]:
    """The numbers of the faces in the last reading of each shot."""
    marked = MarkedPersons()
    _, moments = read(marked_film(*shots), FilmNetworks(marked, FakeClassifier(), marked), **options)
    return [[face.number for face in moments[stop - 1].faces] for stop in range(8, len(moments) + 1, 8)]


def test_persons_are_recognized_at_other_places() -> None:
    assert persons([4, 5, 6], [6, 4, 5], [5], [0, 7, 6]) == [[1, 2, 3], [3, 1, 2], [2], [4, 3]]


def test_a_face_is_described_three_times_at_most() -> None:
    marked = MarkedPersons()
    read(marked_film([4, 5], frames_each=40), FilmNetworks(marked, FakeClassifier(), marked))
    assert marked.num_described == 6


# Threads and memory


def decoder_threads() -> int:
    return sum(thread.name == THREAD_NAME for thread in threading.enumerate())


FAKES = FilmNetworks(FakeDetector([make_face(40, 40, 60, 75)]), FakeClassifier(), FakeIdentifier())


@pytest.mark.parametrize("num_read", [3])
def test_closing_the_iterator_stops_the_thread(num_read: int) -> None:
    with FilmFile(io.BytesIO(film_bytes([(NOBODY, 20)]))) as film:
        with contextlib.closing(read_film(film, FAKES)) as moments:
            for _ in range(num_read):
                next(moments)
            assert decoder_threads() == 1
        assert decoder_threads() == 0


def test_the_frames_in_memory_are_few() -> None:
    alive: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
    largest = 0
    picture: Callable[..., RgbImage] = FilmFile.picture

    class Watched(FilmFile):
        def picture(self, frame: Any, max_side: int | None = None) -> RgbImage:
            image = picture(self, frame, max_side)
            alive[id(image)] = image
            return image

    with Watched(io.BytesIO(film_bytes([(NOBODY, 20)]))) as film:
        for _ in read_film(film, FAKES):
            largest = max(largest, len(alive))
    assert largest <= 8


# Tables


def moment(time_s: float, *faces: tuple[int, Emotion, float], is_cut: bool = False) -> FilmMoment:
    """A moment with faces: number, emotion and share."""
    readings = (
        LiveFace(number, FaceReading(make_face(10 * number), FakeClassifier(emotion, share).probabilities))
        for number, emotion, share in faces
    )
    return FilmMoment(time_s, 0.5, EMPTY, tuple(readings), is_cut)


def reading_of(*moments: FilmMoment, rate: float = 4.0, seconds: float = 10.0) -> FilmReading:
    """A reading of a film of 320x180 pixels."""
    data = film_bytes([(NOBODY, seconds)])
    with FilmFile(io.BytesIO(data)) as film:
        reading = FilmReading(film, rate)
    for one in moments:
        reading.add(one)
    return reading


HAPPY, SAD, ANGRY = Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY


def test_a_reading_without_moments_is_empty() -> None:
    reading = reading_of()
    assert (len(reading), reading.end_s, reading.scenes(), reading.faces()) == (0, 0, [], [])
    assert (list(reading.faces_table()), list(reading.timeline())) == (FILM_COLUMNS, COLUMNS)
    assert (len(reading.faces_table()), len(reading.timeline())) == (0, 0)


def test_the_table_of_the_faces_has_every_face_in_pixels_of_the_film() -> None:
    reading = reading_of(moment(0, (1, HAPPY, 0.8)), moment(0.25), moment(0.5, (2, SAD, 0.9), (1, ANGRY, 0.7)))
    table = reading.faces_table()
    assert table["time_s"].tolist() == [0, 0.5, 0.5]
    assert table["face"].tolist() == [1, 2, 1]
    # The images have half the size of the film
    assert table[["x", "y", "width", "height"]].to_numpy().tolist() == [[x, 20, 80, 100] for x in (20, 40, 20)]
    assert table["emotion"].tolist() == ["happy", "sad", "angry"]
    assert table["quadrant"].tolist() == ["Q1", "Q3", "Q2"]
    assert table[SHARES].sum(axis=1).tolist() == pytest.approx([1, 1, 1])
    assert table["confidence"].tolist() == pytest.approx([0.99] * 3)


def test_the_timeline_is_the_mean_of_the_faces() -> None:
    reading = reading_of(moment(0, (1, HAPPY, 1.0), (2, SAD, 1.0)), moment(0.25), moment(0.5, (1, SAD, 1.0)))
    table = reading.timeline()
    assert table["time_s"].tolist() == [0, 0.25, 0.5]
    assert table["num_faces"].tolist() == [2, 0, 1]
    assert table["happy"].tolist() == pytest.approx([0.5, np.nan, 0], nan_ok=True)
    assert table["valence"].tolist() == pytest.approx([(0.81 - 0.63) / 2, np.nan, -0.63], nan_ok=True)
    assert table["quadrant"].isna().tolist() == [False, True, False]


def test_a_face_has_its_strongest_other_emotion() -> None:
    reading = reading_of(
        moment(0, (1, HAPPY, 0.9), (2, SAD, 0.9)),
        moment(0.25, (1, SAD, 0.5), (2, SAD, 0.8)),
        moment(0.5, (1, HAPPY, 0.8)),
        moment(0.75, (1, ANGRY, 0.7)),
        moment(1.0, (1, HAPPY, 0.8)),
    )
    first, second = reading.faces()
    assert (first.number, first.start_s, first.end_s, first.seconds) == (1, 0, 1.0, 1.25)
    assert (first.probabilities.emotion, first.highlight) == (HAPPY, (ANGRY, 0.75))
    assert (second.number, second.end_s, second.seconds, second.highlight) == (2, 0.25, 0.5, None)
    assert face_line(second).startswith("Face 2: ")
    assert "0:00" in face_line(first)


def test_a_face_of_one_reading_counts_only_if_no_face_has_more() -> None:
    often = [moment(number / 4, (1, HAPPY, 0.9)) for number in range(3)]
    assert [face.number for face in reading_of(*often, moment(1, (2, SAD, 0.9))).faces()] == [1]
    once = reading_of(moment(0, (1, HAPPY, 0.9)), moment(0.25, (2, SAD, 0.9)))
    assert [face.number for face in once.faces()] == [1, 2]


def test_a_cut_is_a_boundary_for_a_small_change() -> None:
    def scenes(is_cut: bool) -> list[float]:
        calm = [moment(number / 4, (1, Emotion.NEUTRAL, 0.75)) for number in range(10)]
        cut = moment(2.5, (2, Emotion.SAD, 0.55), is_cut=is_cut)
        rest = [moment(number / 4, (2, Emotion.SAD, 0.55)) for number in range(11, 20)]
        return [scene.start_s for scene in reading_of(*calm, cut, *rest).scenes()]

    assert (scenes(is_cut=False), scenes(is_cut=True)) == ([0], [0, 2.5])


def test_a_film_with_few_frames_has_scenes_without_gaps() -> None:
    slides = [moment(3.0 * number, (1, HAPPY if number < 4 else SAD, 0.9)) for number in range(8)]
    reading = reading_of(*slides)
    assert [(scene.start_s, scene.end_s) for scene in reading.scenes()] == [(0, 12), (12, 24)]
    assert [face.seconds for face in reading.faces()] == [24]
