import io
import itertools
import struct
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

from emomusic.errors import FilmError
from emomusic.media.film_file import FilmFile
from emomusic.media.film_frame import FilmClock
from tests.films import (
    CODECS,
    assert_quarters,
    colour_quarters,
    film_of_videos,
    frames_bytes,
)
from tests.media.test_survey import HEIGHT, NUM_FRAMES, QUARTERS, WIDTH

film_of = partial(frames_bytes, [QUARTERS] * NUM_FRAMES)
IRREGULAR = [0.0, 0.1, 0.15, 0.4, 1.0, 1.5, 3.0, 3.04, 3.08, 4.0]


def opened(data: bytes, **options: Any) -> FilmFile:
    return FilmFile(io.BytesIO(data), **options)


def times_of(data: bytes, rate: float | None = None) -> list[float]:
    with opened(data) as film:
        return [round(frame.time_s, 3) for frame in film.frames(rate)]


def problem_of(data: bytes) -> str | None:
    with opened(data) as film:
        for _ in film.frames():
            pass
        return film.problem


def steps_of(data: bytes) -> tuple[list[float], list[list[float]]]:
    """Times of the steps of a film, and of the frames between them."""
    with opened(data) as film:
        steps = list(film.steps(4.0))
        assert film.problem is None
        return [round(step.frame.time_s, 3) for step in steps], [
            [round(frame.time_s, 3) for frame in step.between] for step in steps
        ]


@pytest.mark.parametrize(("ending", "audio"), [("mp4", "aac"), ("mkv", None), ("webm", None), ("avi", "mp3")])
def test_a_film_has_steps_of_a_second_and_the_frames_between_them(ending: str, audio: str | None) -> None:
    images = [np.roll(QUARTERS, 2 * number, axis=1) for number in range(51)]
    audio = CODECS[ending][1] if audio else None
    times, between = steps_of(frames_bytes(images, ending=ending, audio=audio, encoding={"preset": "medium"}))
    assert np.diff(times).max() <= 1.3
    assert (times[0], times[-1]) == pytest.approx((0.0, 5.0), abs=0.4)
    every = sorted([*times, *itertools.chain(*between)])
    assert np.diff(every).max() <= 0.45
    assert len(every) == len(set(every))
    for end_s, inside in zip(times, between, strict=True):
        assert all(time_s < end_s for time_s in inside)


def test_a_clock_that_begins_again_goes_on_and_frames_that_changed_places_shift_no_time() -> None:
    part = frames_bytes([QUARTERS] * 30, ending="webm")
    assert steps_of(frames_bytes([QUARTERS] * 14))[0][-1] == 1.3  # the last frame is a step
    times, _ = steps_of(part + part)
    assert times[-1] == pytest.approx(5.9, abs=0.2)
    assert times_of(part + part) == pytest.approx([number / 10 for number in range(60)], abs=0.01)
    clock = FilmClock(0.1)
    assert [clock.at(time_s) for time_s in (5.0, 5.1, 5.3, 5.2, 5.5)] == pytest.approx([0, 0.1, 0.3, 0.4, 0.5])


def test_a_variable_frame_rate_keeps_its_times_and_a_header_of_too_little_does_not_count() -> None:
    for ending in ("mp4", "avi"):
        data = film_of(ending=ending, times_s=IRREGULAR)
        assert times_of(data) == IRREGULAR
        assert times_of(data, 4) == [0.0, 0.4, 1.0, 1.5, 3.0, 3.08, 4.0]  # 3.08 is shown for a second
        assert times_of(data, 1) == [0.0, 1.0, 3.0, 4.0]
        assert problem_of(data) is None
    data = bytearray(frames_bytes([QUARTERS] * 60))
    for name, at in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)):
        place = data.index(name) + 4 + at
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] // 20)
    at = data.index(b"edts")
    data[at : at + 4] = b"free"
    with opened(bytes(data)) as film:
        assert len(list(film.frames())) == 60
        assert (film.duration_s, film.end_s, film.problem) == (pytest.approx(6.0, abs=0.1), film.duration_s, None)


def test_a_film_may_have_several_videos() -> None:
    data = film_of_videos(64, 96)
    for number, width in ((None, 64), (1, 64), (2, 96)):
        with opened(data, stream=number) as film:
            assert (film.num_videos, film.stream, film.width) == (2, number or 1, width)
            assert film.picture(next(film.frames())).shape == (48, width, 3)
    with pytest.raises(FilmError, match="videos 1 to 2"):
        opened(data, stream=3)


def test_a_phone_s_film_is_upright_pixels_become_square_and_no_frame_is_stretched() -> None:
    for matrix, stored in (
        # The matrix maps a stored point (x, y), y downwards, to (a x + c y, b x + d y) (QuickTime File Format). A phone
        # that is held upright writes the first one.
        ((0, 1, -1, 0), np.rot90(QUARTERS, 1)),  # shown 90 degrees clockwise
        ((0, -1, 1, 0), np.rot90(QUARTERS, -1)),  # shown 90 degrees counter-clockwise
        ((0, 1, 1, 0), QUARTERS.transpose(1, 0, 2)),  # mirrored and clockwise
    ):
        data = bytearray(frames_bytes([np.ascontiguousarray(stored)] * 2))
        at = data.index(b"tkhd") + 4 + 40  # after version, times, track, duration, layer and volume
        assert struct.unpack_from(">9i", data, at) == (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
        a, b, c, d = (value << 16 for value in matrix)
        struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
        with opened(bytes(data)) as film:
            assert_quarters(film.picture(next(film.frames())), WIDTH, HEIGHT)
    for ratio, width in (
        (Fraction(2), 2 * WIDTH),
        (Fraction(1, 2), WIDTH // 2),
        (Fraction(16, 15), 171),
        (Fraction(100), WIDTH),
    ):
        with opened(frames_bytes([QUARTERS] * 2, pixel_ratio=ratio)) as film:
            assert (film.width, film.height) == (width, HEIGHT)
            assert_quarters(film.picture(next(film.frames())), width, HEIGHT)
    tall = frames_bytes([np.ascontiguousarray(colour_quarters(HEIGHT, WIDTH))] * 2, ending="mkv")
    with opened(frames_bytes([QUARTERS] * 2, ending="mkv")) as film, opened(tall) as other:
        frame = next(other.frames())
        for image in (film.picture(frame), frame.yuv(WIDTH, HEIGHT).to_ndarray(format="rgb24")):
            width = round(HEIGHT * HEIGHT / WIDTH)
            left = (WIDTH - width) // 4 * 2
            assert_quarters(np.ascontiguousarray(image[:, left : left + width]), width, HEIGHT)
            assert image[:, : left - 2].max() < 20


def test_a_film_is_as_long_as_its_longest_stream_and_refused_or_ended_above_the_limit() -> None:
    data = frames_bytes([QUARTERS] * 100)
    with opened(data, max_s=10.0) as film:
        assert (len(list(film.frames())), film.problem) == (100, None)
    with pytest.raises(FilmError, match="0:10 minutes, at most 0:05"):
        opened(data, max_s=5.0)
    data = bytearray(frames_bytes([QUARTERS] * 100, ending="mkv", options={"live": "1"}))  # announces no duration
    with opened(bytes(data), max_s=5.0) as film:
        assert film.duration_s is None
        shares = [frame.share for frame in film.frames()]
        assert len(shares) == 51
        assert shares == sorted(shares)
        assert 0 <= shares[0] <= shares[-1] <= 1
        assert "0:05" in film.problem
    data = frames_bytes([QUARTERS] * 20, ending="mkv", audio="libopus", tone_s=6.0)
    with opened(data) as film:
        assert film.duration_s == pytest.approx(6.0, abs=0.1)
    assert problem_of(data) is None
