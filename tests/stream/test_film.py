import io
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from emomusic.affect import Emotion, Quadrant
from emomusic.errors import FilmError
from emomusic.faces.reading import load_networks
from emomusic.faces.table import Faces
from emomusic.media.film_file import FilmFile
from emomusic.media.formats import Kind, kind_of
from emomusic.media.images import RgbImage, encode_jpeg
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
    framed,
    frames_bytes,
    pictures,
    write_film,
)

SHOTS = [(OBAMA, 3), (BIDEN, 3), (OBAMA, 2), (FOUR_PEOPLE, 3), (OBAMA_SPEAKING, 3), (MORISOT, 3)]
CUTS_S = list(itertools.accumulate(seconds for _, seconds in SHOTS[:-1]))
FAKES = FakeDetector(), FakeClassifier()
EMPTY = np.zeros((90, 160, 3), np.uint8)
HAPPY, SAD = Emotion.HAPPY, Emotion.SAD
ONE, TWO = framed(COLLINS, 320, 240), framed(BIDEN, 320, 240)
FRAMES = [*[ONE] * 50, *[TWO] * 50]
HLS = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\na.ts\n"


@pytest.fixture(scope="module")
def cut_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "cut.mp4"
    write_film(path, SHOTS, size=(480, 270), audio="aac")
    return path


@pytest.fixture(scope="module")
def cut(cut_film: Path) -> FilmReading:
    return read(cut_film, rate=4.0)[1]


def read(source: Path | bytes, **rate: float) -> tuple[FilmFile, FilmReading]:
    """A film, and how the real networks read it."""
    with FilmFile(io.BytesIO(source) if isinstance(source, bytes) else source) as film:
        reading = FilmReading(film, **rate)
        deque(reading.read(film, load_networks()), maxlen=0)
    return film, reading


def in_shot(table: pd.DataFrame, shot: int) -> pd.DataFrame:
    """The rows of one shot of `SHOTS`."""
    start, end = [0, *CUTS_S, CUTS_S[-1] + 3][shot : shot + 2]
    return table[(table["time_s"] >= start) & (table["time_s"] < end)]


def faces_from_left(table: pd.DataFrame) -> list[int]:
    """The numbers of the faces, in the order of their usual places."""
    places = table.groupby("face")["x"].median()
    return [int(number) for number in places.sort_values().index]


def test_scenes_begin_where_the_mood_changes_and_persons_have_one_number(cut: FilmReading, cut_film: Path) -> None:
    scenes = cut.scenes()
    # The third and the fourth shot have one mood
    assert [scene.start_s for scene in scenes] == pytest.approx([0, 3, 6, 11, 14], abs=0.5)
    assert [scene.end_s for scene in scenes] == pytest.approx([3, 6, 11, 14, 17], abs=0.5)
    assert [scene.emotion for scene in scenes] == [
        *(Emotion.HAPPY, Emotion.NEUTRAL, Emotion.HAPPY, Emotion.SURPRISE, Emotion.NEUTRAL)
    ]
    assert [scene.quadrant for scene in scenes] == [Quadrant.Q1, Quadrant.N, Quadrant.Q1, Quadrant.Q1, Quadrant.N]
    assert min(scene.seconds for scene in scenes) >= MIN_SCENE_S
    table = cut.faces().table()
    obama, biden = 1, 2
    assert [faces_from_left(in_shot(table, shot)) for shot in range(3)] == [[obama], [biden], [obama]]
    first, *middle, last = faces_from_left(in_shot(table, 3))
    assert (first, middle, last) == (obama, [3, 4], biden)  # Obama, Collins, Hopper and Biden
    assert [faces_from_left(in_shot(table, shot)) for shot in (4, 5)] == [[obama], [5]]
    assert [face.number for face in cut.persons()] == [1, 2, 3, 4, 5]
    with FilmFile(cut_film) as film:
        cuts_s = [moment.time_s for moment in FilmReading(film).read(film, FAKES) if moment.is_cut]
    assert cuts_s == pytest.approx(CUTS_S, abs=0.3)


def test_a_person_who_is_out_of_focus_at_first_is_no_new_person() -> None:
    def frames() -> Iterator[RgbImage]:
        for name, blur_until in ((HOPPER, 0), (COLLINS, 0), (HOPPER, 9), (COLLINS, 3), (HOPPER, 9)):
            for step, image in enumerate(pictures([(name, 5)], 480, 270, 10.0)):
                yield cv2.GaussianBlur(image, (0, 0), 4 if name == HOPPER else 2) if step < blur_until else image

    _, reading = read(frames_bytes(frames()))
    assert [face.number for face in reading.persons()] == [1, 2]
    assert [round(face.seconds) for face in reading.persons()] == [15, 10]
    assert set(reading.faces().number) == {1, 2}


def moment(time_s: float, *faces: tuple[int, Emotion, float]) -> FilmMoment:
    """A moment with faces: number, emotion and share."""
    found = [make_face(10 * number) for number, *_ in faces]
    shares = [FakeClassifier(emotion, share).probabilities for _, emotion, share in faces]
    table = Faces.of(found, shares, number=[number for number, *_ in faces])
    return FilmMoment(time_s, 0.5, EMPTY, table)


def reading_of(*moments: FilmMoment) -> FilmReading:
    """A reading of a film of 320x180 pixels."""
    reading = FilmReading(SimpleNamespace(width=320, height=180, duration_s=None, start_s=0.0), 4.0)
    for one in moments:
        reading.add(one)
    return reading


def test_a_face_of_one_reading_counts_if_no_face_has_more_and_few_frames_leave_no_gap() -> None:
    often = [moment(number / 4, (1, HAPPY, 0.9)) for number in range(3)]
    assert [face.number for face in reading_of(*often, moment(1, (2, SAD, 0.9))).persons()] == [1]
    once = reading_of(moment(0, (1, HAPPY, 0.9)), moment(0.25, (2, SAD, 0.9)))
    assert [face.number for face in once.persons()] == [1, 2]
    slides = [moment(3.0 * number, (1, HAPPY if number < 4 else SAD, 0.9)) for number in range(8)]
    reading = reading_of(*slides)
    reading.finish(SimpleNamespace(end_s=24.0, duration_s=24.0))
    assert [(scene.start_s, scene.end_s) for scene in reading.scenes()] == [(0, 12), (12, 24)]
    assert [face.seconds for face in reading.persons()] == [24]


def encoded(frames: Sequence[RgbImage], form: str, codec: str, **options: str) -> bytes:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return frames_bytes(frames, ending=form, codec=codec, pixels=pixels, rate=25, encoding=options)


def jpegs(frames: Sequence[RgbImage]) -> bytes:
    return b"".join(encode_jpeg(frame) + bytes(9) for frame in frames)


def multipart(frames: Sequence[RgbImage], head: bytes) -> bytes:
    return b"".join(head + each + b"\r\n" for each in map(encode_jpeg, frames))


PART = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 999\r\n\r\n"
STREAMS = {
    "h264": (4.0, lambda: encoded(FRAMES, "h264", "libx264")),
    "hevc": (4.0, lambda: encoded(FRAMES, "hevc", "libx265", preset="superfast")),
    "ivf": (1.2, lambda: encoded(FRAMES[20:80:2], "ivf", "libvpx", **{"deadline": "realtime", "cpu-used": "8"})),
    "jpegs": (3.0, lambda: jpegs(FRAMES[20:80:2])),
    "multipart": (3.0, lambda: multipart(FRAMES[20:80:2], b"b\nX-Time: 1\nContent-type:image/jpg\n\n")),
    "multipart of HTTP": (3.0, lambda: b"HTTP/1.0 200 OK\r\n\r\n" + multipart(FRAMES[20:80:2], PART)),
}
"""Seconds of the films, and what makes them."""


@pytest.mark.parametrize("name", STREAMS)
def test_streams_of_cameras_are_films(name: str) -> None:
    seconds, make = STREAMS[name]
    data = make()
    assert (kind_of(data), kind_of(jpegs([ONE, TWO]))) == (Kind.FILM, Kind.PICTURE)
    film, reading = read(data)
    assert len(reading.persons()) == 2
    assert reading.duration_s == pytest.approx(seconds, abs=0.1)
    assert film.problem is None
    assert (film.note is not None) == (film.demuxer in ("mjpeg", "h264", "hevc"))  # whose times are assumed


def test_films_in_other_formats_are_named() -> None:
    for data in (b"\x06\x0e\x2b\x34" + bytes(99), HLS, b"<?xml?>\n<MPD >", b"YUV4MPEG2 W9"):
        assert kind_of(data) is Kind.FILM
        with pytest.raises(FilmError, match="film in a format that is not read"):
            FilmFile(io.BytesIO(data))


def test_a_recording_within_a_group_of_pictures_is_complete_and_of_a_large_film_key_frames_read() -> None:
    data = encoded(FRAMES, "mpegts", "libx264", g="60", bf="0", sc_threshold="0")
    film, reading = read(data[50 * 188 :])  # a packet has 188 bytes
    assert film.problem is None
    assert "first 2 s" in film.note
    assert len(reading.persons()) == 1
    assert reading.duration_s == pytest.approx(40 / 25, abs=0.1)
    large = [cv2.resize(picture, (5312, 2988)) for picture in (ONE, TWO)]
    data = frames_bytes(np.repeat(large, 2, axis=0), rate=4, encoding={"g": "2", "preset": "ultrafast"})
    film, reading = read(data)
    assert (film.width, film.height) == (5312, 2988)
    assert film.problem is None
    assert "key frames" in film.note
    assert len(reading.persons()) == 2


def test_persons_of_a_small_camera_picture_differ_and_small_faces_of_a_large_film_are_found() -> None:
    frames = []
    for picture in FRAMES:
        slide = np.full((720, 1280, 3), 245, np.uint8)
        slide[80:90, 80:700] = 20
        slide[500:700, 960:1227] = cv2.resize(picture, (267, 200))
        frames.append(slide)
    _, reading = read(encoded(frames, "mp4", "libx264", g="250", sc_threshold="0", preset="ultrafast"))
    assert len(reading.persons()) == 2
    large = np.full((2160, 3840, 3), 180, np.uint8)
    face = cv2.resize(framed(COLLINS, 480, 480)[60:420, 60:420], (180, 180), interpolation=cv2.INTER_AREA)
    places = [(x, y) for x in (400, 1500, 2600) for y in (300, 1400)]
    for x, y in places:
        large[y : y + 180, x : x + 180] = face
    _, reading = read(frames_bytes([large] * 3, rate=4))
    assert len(reading.persons()) == len(places)
