"""`bench film`: how fast a film is read and marked."""

from __future__ import annotations

import itertools
import logging
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.cli.arguments import progress
from emomusic.cli.timing import Timing, resident_mb, single
from emomusic.compat import return_free_memory
from emomusic.face.film import FilmReading, load_film_networks, read_film
from emomusic.face.film_file import FilmFile
from emomusic.face.images import read_image
from emomusic.plots.film import annotate_film
from emomusic.text import format_clock, pluralize

log = logging.getLogger(__name__)

READINGS_PER_S = 4.0
"""Readings per second of film."""

_SIZE = (1280, 720)
_FRAMES_PER_S = 25
_LOOP_S = 60  # encoded once, then repeated; the movement has this period
_LOOPS = 10
_TILT_DEGREES = 20.0  # to each side: heads tilt, and so do cameras in hands
_NOISE = 4.0  # standard deviation, as of a camera in a room
_NUM_NOISES = 8
_MARKED_S = 60.0  # length of the part that is marked
_WINDOW_S = 10.0  # of film, for the slowest parts


def run_film_bench(clip: Path | None = None) -> list[Timing]:
    """Measure speed, processor time and memory of reading a film, and the speed of marking its faces.

    Args:
        clip: a film. By default a clip of ten minutes made from a sample: 1280x720, 25 frames per second, four faces.

    Raises:
        FilmError: the film cannot be read.
        EmomusicError: a model or the sample is absent or damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        if clip is None:
            clip = Path(folder) / "clip.mp4"
            make_clip(clip)
        FilmFile(clip).close()  # report a wrong film before seconds of loading
        return _measure(clip, Path(folder))


def make_clip(path: Path) -> None:
    """Write a film of the sample with four faces, which moves and tilts slowly, with the noise of a camera."""
    loop = path.with_name("loop.mp4")
    with progress("make the film", 1, in_percent=True) as on_progress:
        _encode_loop(loop, on_progress)
    _repeat(loop, path, _LOOPS)
    loop.unlink()


def _encode_loop(path: Path, on_progress: Callable[[float], None]) -> None:
    picture = read_image(data_dir() / "samples" / "four-people.jpg")
    rng = np.random.default_rng(0)
    noises = [
        np.repeat(rng.normal(0, _NOISE, (*_SIZE[::-1], 1)).round().astype(np.int16), 3, axis=2)
        for _ in range(_NUM_NOISES)
    ]
    num_frames = _LOOP_S * _FRAMES_PER_S
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", _FRAMES_PER_S, options={"preset": "veryfast", "crf": "23"})
        (video.width, video.height), video.pix_fmt = _SIZE, "yuv420p"
        for number in range(num_frames):
            place = _place(number / num_frames, picture.shape[1], picture.shape[0])
            still = cv2.warpAffine(picture, place, _SIZE, flags=cv2.INTER_LINEAR, borderValue=(96, 96, 96))
            noisy = cv2.add(still, noises[number % _NUM_NOISES], dtype=cv2.CV_8U)
            container.mux(video.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
            on_progress((number + 1) / num_frames)
        container.mux(video.encode())


def _place(share: float, width: int, height: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The matrix that puts a picture into a frame at a share of the loop, always as a whole."""
    turn = 2 * math.pi * share
    tilt = math.radians(_TILT_DEGREES) * math.sin(4 * turn)
    cos, sin = math.cos(tilt), math.sin(tilt)
    # The sides of the tilted picture
    sides = width * abs(cos) + height * abs(sin), width * abs(sin) + height * abs(cos)
    scale = min(_SIZE[0] / sides[0], _SIZE[1] / sides[1]) * (0.95 + 0.04 * math.cos(5 * turn))
    x, y = (
        whole / 2 + (whole - scale * side) / 2 * 0.8 * math.sin(speed * turn)
        for whole, side, speed in zip(_SIZE, sides, (3, 2), strict=True)
    )
    matrix = scale * np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([matrix, np.array([x, y]) - matrix @ (width / 2, height / 2)])


def _repeat(source: Path, path: Path, times: int) -> None:
    """Repeat the encoded frames of a film."""
    with av.open(path, "w") as out:
        stream: Any = None
        for turn in range(times):
            with av.open(source) as film:
                video = film.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                start = round(turn * _LOOP_S / video.time_base)
                for packet in film.demux(video):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + start, packet.dts + start
                        packet.stream = stream
                        out.mux(packet)


def _measure(clip: Path, folder: Path) -> list[Timing]:
    networks = load_film_networks()
    return_free_memory()
    idle_mb = resident_mb()
    counts: list[int] = []
    ends_s: list[float] = []  # time since the start at the end of each reading
    memory: list[float] = []
    with FilmFile(clip) as film, progress("read", 1, in_percent=True) as on_progress:
        reading, first = FilmReading(film, READINGS_PER_S), FilmReading(film, READINGS_PER_S)
        busy_s, started_s = time.process_time(), time.perf_counter()
        for moment in read_film(film, networks, rate=READINGS_PER_S):
            reading.add(moment)
            counts.append(len(moment.faces))
            memory.append(resident_mb())
            ends_s.append(time.perf_counter() - started_s)
            if moment.time_s < _MARKED_S:
                first.add(moment)
            on_progress(moment.share)
        took_s, busy_s = time.perf_counter() - started_s, time.process_time() - busy_s
        film_s = min(reading.end_s, film.duration_s or math.inf)
        scene = f"{pluralize(round(statistics.median(counts)), 'face')} in {film.width}x{film.height}"
    if film.problem is not None:
        log.warning("emomusic: %s", film.problem)
    length, num_readings = format_clock(film_s), len(counts)
    cost_ms = 1000 * busy_s / num_readings
    timings = [
        _rate_of(f"film speed, {scene}, {length} minutes", film_s / took_s, ends_s, 1 / READINGS_PER_S, "x"),
        _rate_of(f"readings, {scene}", num_readings / took_s, ends_s, 1, "/s"),
        Timing(f"processor time for each reading, {scene}", cost_ms, cost_ms, "ms", num_readings),
        single(f"mean number of faces in a reading, {scene}", statistics.mean(counts), "faces", num_readings),
    ]
    if not math.isnan(idle_mb):
        peak_mb = max(memory) - idle_mb
        timings.append(single(f"peak memory above the loaded networks, {scene}", peak_mb, "MB", len(memory)))
    return [*timings, _marking(clip, first, folder, scene)]


def _marking(clip: Path, reading: FilmReading, folder: Path, scene: str) -> Timing:
    """The speed of `annotate_film` on the first part of the film."""
    with FilmFile(clip, with_audio=True) as film, progress("mark", 1, in_percent=True) as on_progress:
        started_s = time.perf_counter()
        annotate_film(film, reading, folder / "marked.mp4", on_progress=on_progress)
        took_s = time.perf_counter() - started_s
    film_s = min(reading.end_s, _MARKED_S)
    return single(f"film speed of marking, {scene}, {format_clock(film_s)} minutes", film_s / took_s, "x", len(reading))


def _rate_of(step: str, rate: float, ends_s: Sequence[float], worth: float, unit: str) -> Timing:
    """A rate over the film, and the 5th percentile over its windows.

    Args:
        step: description.
        rate: over the film.
        ends_s: the end of each reading.
        worth: of a reading, in the unit of the rate times seconds.
        unit: of the rate.
    """
    window = round(_WINDOW_S * READINGS_PER_S)
    marks = [0.0, *ends_s[window - 1 :: window]]
    rates = [window * worth / (end - start) for start, end in itertools.pairwise(marks)]
    return Timing(step, rate, _low(rates or [rate]), unit, len(ends_s))


def _low(values: Sequence[float]) -> float:
    """The 5th percentile."""
    return float(np.percentile(values, 5))
