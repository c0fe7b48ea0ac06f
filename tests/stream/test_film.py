import itertools
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from emomusic.affect import Emotion, Quadrant
from emomusic.faces.reading import load_networks
from emomusic.faces.table import Faces
from emomusic.media.film_file import FilmFile
from emomusic.media.images import RgbImage
from emomusic.stream.film import MIN_SCENE_S, FilmMoment, FilmReading
from tests.fakes import FakeClassifier, FakeDetector, make_face
from tests.films import (
    BIDEN,
    COLLINS,
    FOUR_PEOPLE,
    HOPPER,
    MORISOT,
    OBAMA,
    OBAMA_SPEAKING,
    pictures,
    write_film,
    write_frames,
)

SHOTS = [(OBAMA, 3), (BIDEN, 3), (OBAMA, 2), (FOUR_PEOPLE, 3), (OBAMA_SPEAKING, 3), (MORISOT, 3)]
CUTS_S = list(itertools.accumulate(seconds for _, seconds in SHOTS[:-1]))
FAKES = FakeDetector(), FakeClassifier()
EMPTY = np.zeros((90, 160, 3), np.uint8)


@pytest.fixture(scope="module")
def cut_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "cut.mp4"
    write_film(path, SHOTS, size=(480, 270), audio="aac")
    return path


@pytest.fixture(scope="module")
def cut(cut_film: Path) -> FilmReading:
    return read(cut_film, rate=4.0)


def read(path: Path, **rate: float) -> FilmReading:
    """A film as the real networks read it."""
    with FilmFile(path) as film:
        reading = FilmReading(film, **rate)
        deque(reading.read(film, load_networks()), maxlen=0)
    return reading


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
    assert [scene.start_s for scene in scenes] == pytest.approx([0, 3, 6, 11, 14], abs=0.5)
    assert [scene.end_s for scene in scenes] == pytest.approx([3, 6, 11, 14, 17], abs=0.5)
    assert [scene.emotion for scene in scenes] == [
        *(Emotion.HAPPY, Emotion.NEUTRAL, Emotion.HAPPY, Emotion.SURPRISE, Emotion.NEUTRAL),
    ]
    assert [scene.quadrant for scene in scenes] == [Quadrant.Q1, Quadrant.N, Quadrant.Q1, Quadrant.Q1, Quadrant.N]
    assert min(scene.seconds for scene in scenes) >= MIN_SCENE_S


def test_each_person_has_one_number(cut: FilmReading) -> None:
    table = cut.faces().table()
    obama, biden = 1, 2
    assert [faces_from_left(in_shot(table, shot)) for shot in range(3)] == [[obama], [biden], [obama]]
    first, *middle, last = faces_from_left(in_shot(table, 3))
    assert (first, middle, last) == (obama, [3, 4], biden)  # Obama, Collins, Hopper and Biden
    assert [faces_from_left(in_shot(table, shot)) for shot in (4, 5)] == [[obama], [5]]
    assert [face.number for face in cut.persons()] == [1, 2, 3, 4, 5]


def test_a_person_who_is_out_of_focus_at_first_is_no_new_person(tmp_path: Path) -> None:
    def frames() -> Iterator[RgbImage]:
        for name, blur_until in ((HOPPER, 0), (COLLINS, 0), (HOPPER, 9), (COLLINS, 3), (HOPPER, 9)):
            for step, image in enumerate(pictures([(name, 5)], 480, 270, 10.0)):
                yield cv2.GaussianBlur(image, (0, 0), 4 if name == HOPPER else 2) if step < blur_until else image

    write_frames(tmp_path / "focus.mp4", frames())
    reading = read(tmp_path / "focus.mp4")
    assert [face.number for face in reading.persons()] == [1, 2]
    assert [round(face.seconds) for face in reading.persons()] == [15, 10]
    assert set(reading.faces().number) == {1, 2}


def test_only_cuts_are_cuts(cut_film: Path) -> None:
    with FilmFile(cut_film) as film:
        cuts_s = [moment.time_s for moment in FilmReading(film).read(film, FAKES) if moment.is_cut]
    assert cuts_s == pytest.approx(CUTS_S, abs=0.3)


# Tables


def moment(time_s: float, *faces: tuple[int, Emotion, float], is_cut: bool = False) -> FilmMoment:
    """A moment with faces: number, emotion and share."""
    found = [make_face(10 * number) for number, *_ in faces]
    shares = [FakeClassifier(emotion, share).probabilities for _, emotion, share in faces]
    table = Faces.of(found, shares, number=[number for number, *_ in faces])
    return FilmMoment(time_s, 0.5, EMPTY, table, is_cut)


def reading_of(*moments: FilmMoment) -> FilmReading:
    """A reading of a film of 320x180 pixels."""
    reading = FilmReading(SimpleNamespace(width=320, height=180, duration_s=None), 4.0)
    for one in moments:
        reading.add(one)
    return reading


HAPPY, SAD, ANGRY = Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY


def test_a_face_of_one_reading_counts_only_if_no_face_has_more() -> None:
    often = [moment(number / 4, (1, HAPPY, 0.9)) for number in range(3)]
    assert [face.number for face in reading_of(*often, moment(1, (2, SAD, 0.9))).persons()] == [1]
    once = reading_of(moment(0, (1, HAPPY, 0.9)), moment(0.25, (2, SAD, 0.9)))
    assert [face.number for face in once.persons()] == [1, 2]


def test_a_film_with_few_frames_has_scenes_without_gaps() -> None:
    slides = [moment(3.0 * number, (1, HAPPY if number < 4 else SAD, 0.9)) for number in range(8)]
    reading = reading_of(*slides)
    reading.finish(SimpleNamespace(end_s=24.0, duration_s=24.0))
    assert [(scene.start_s, scene.end_s) for scene in reading.scenes()] == [(0, 12), (12, 24)]
    assert [face.seconds for face in reading.persons()] == [24]
