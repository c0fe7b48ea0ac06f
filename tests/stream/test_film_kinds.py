"""Streams of cameras, recordings that begin anywhere, large and stereoscopic films, and persons who change places."""

import io
from collections import deque
from collections.abc import Sequence

import av
import cv2
import numpy as np
import pytest

from emomusic.errors import FilmError
from emomusic.faces.reading import load_networks
from emomusic.media.film_file import FilmFile
from emomusic.media.formats import Kind, kind_of
from emomusic.media.images import RgbImage, encode_jpeg
from emomusic.stream.film import FilmReading
from tests.films import BIDEN, COLLINS, framed, frames_bytes

ONE, TWO = framed(COLLINS, 320, 240), framed(BIDEN, 320, 240)
SHOTS = [*[ONE] * 50, *[TWO] * 50]


def encoded(frames: Sequence[RgbImage], form: str, codec: str, **options: str) -> bytes:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return frames_bytes(frames, ending=form, codec=codec, pixels=pixels, rate=25, encoding=options)


def read(data: bytes) -> tuple[FilmFile, FilmReading]:
    with FilmFile(io.BytesIO(data)) as film:
        reading = FilmReading(film)
        deque(reading.read(film, load_networks()), maxlen=0)
    return film, reading


def jpegs(frames: Sequence[RgbImage]) -> bytes:
    return b"".join(encode_jpeg(frame) + bytes(9) for frame in frames)


def multipart(frames: Sequence[RgbImage]) -> bytes:
    head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    return b"".join(head % len(each) + each + b"\r\n" for each in map(encode_jpeg, frames))


STREAMS = {
    "h264": lambda: encoded(SHOTS, "h264", "libx264"),
    "hevc": lambda: encoded(SHOTS, "hevc", "libx265"),
    "ivf": lambda: encoded(SHOTS[20:80:2], "ivf", "libvpx", **{"deadline": "realtime", "cpu-used": "8"}),
    "jpegs": lambda: jpegs(SHOTS[20:80:2]),
    "multipart": lambda: multipart(SHOTS[20:80:2]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_of_cameras_are_films(name: str) -> None:
    data = STREAMS[name]()
    assert (kind_of(data), kind_of(jpegs([ONE, TWO]))) == (Kind.FILM, Kind.PICTURE)
    film, reading = read(data)
    assert len(reading.persons()) == 2
    assert film.problem is None
    assert (film.note is not None) == ("jpegs" in name or name == "multipart")  # their times are assumed


@pytest.mark.parametrize("data", [b"\x06\x0e\x2b\x34" + bytes(99), b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\na.ts\n"])
def test_films_in_other_formats_are_named(data: bytes) -> None:
    assert kind_of(data) is Kind.FILM
    with pytest.raises(FilmError, match="film in a format that is not read"):
        FilmFile(io.BytesIO(data))


def test_a_recording_that_begins_within_a_group_of_pictures_is_complete() -> None:
    data = encoded(SHOTS, "mpegts", "libx264", g="60", bf="0", sc_threshold="0")
    buffer = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(buffer, "w", format="mpegts") as cut:
        stream = source.streams.video[0]
        copy = cut.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if packet.dts is not None and number >= 10:
                packet.stream = copy
                cut.mux(packet)
    film, reading = read(buffer.getvalue())
    assert film.problem is None
    assert film.note
    assert "first 2 s" in film.note
    assert len(reading.persons()) == 1
    assert reading.duration_s == pytest.approx(40 / 25, abs=0.1)


def test_of_a_large_film_the_key_frames_are_read() -> None:
    large = [cv2.resize(picture, (5312, 2988)) for picture in (ONE, TWO)]
    data = encoded([large[0]] * 8 + [large[1]] * 8, "mp4", "libx264", g="4", preset="ultrafast")
    film, reading = read(data)
    assert (film.width, film.height) == (5312, 2988)
    assert film.problem is None
    assert film.note
    assert "key frames" in film.note
    assert len(reading.persons()) == 2


def test_a_film_of_two_views_is_named() -> None:
    views = [np.hstack([picture, np.roll(picture, 5, axis=1)]) for picture in SHOTS[::4]]
    for data, is_named in ((encoded(views, "mp4", "libx264"), True), (encoded(SHOTS[::4], "mp4", "libx264"), False)):
        with FilmFile(io.BytesIO(data)) as film:
            assert bool(film.note and "3D" in film.note) is is_named


def test_another_person_in_a_small_camera_picture_is_another_person() -> None:
    frames = []
    for picture in SHOTS:
        slide = np.full((720, 1280, 3), 245, np.uint8)
        slide[80:90, 80:700] = 20
        slide[500:700, 960:1227] = cv2.resize(picture, (267, 200))
        frames.append(slide)
    _, reading = read(encoded(frames, "mp4", "libx264", g="250", sc_threshold="0", preset="ultrafast"))
    assert len(reading.persons()) == 2


def test_small_faces_of_a_large_film_are_found() -> None:
    frame = np.full((2160, 3840, 3), 180, np.uint8)
    face = cv2.resize(framed(COLLINS, 480, 480)[60:420, 60:420], (180, 180), interpolation=cv2.INTER_AREA)
    places = [(x, y) for x in (400, 1500, 2600) for y in (300, 1400)]
    for x, y in places:
        frame[y : y + 180, x : x + 180] = face
    _, reading = read(encoded([frame] * 18, "mp4", "libx264", preset="ultrafast"))
    assert len(reading.persons()) == len(places)
