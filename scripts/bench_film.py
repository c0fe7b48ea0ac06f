"""The parts film and live of `scripts.bench`: the speed of reading, marking and following the faces of a film."""

from __future__ import annotations

import io
import itertools
import math
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from emomusic.compat import return_free_memory
from emomusic.faces.reading import load_networks
from emomusic.marks.film import annotate_film
from emomusic.marks.picture import marked_frame
from emomusic.media.film_file import FilmFile
from emomusic.media.images import RgbImage
from emomusic.stream.film import DEFAULT_RATE, FilmReading, load_film_networks, read_film
from emomusic.stream.reader import LiveReader
from emomusic.text import format_clock, pluralize
from scripts.timing import Timing, resident_mb, single, spread

_LIVE_SIDE = 640  # pixels
_WARM_UP_S = 3.0


def bench_film(path: Path) -> list[Timing]:
    """Measure speed, processor time and memory of reading a film, and the speed of marking its faces."""
    counts: list[int] = []
    memory: list[float] = []
    with FilmFile(path) as film:
        networks = load_film_networks()
        return_free_memory()
        idle_mb, reading = resident_mb(), FilmReading(film, DEFAULT_RATE)
        busy_s, started_s = time.process_time(), time.perf_counter()
        for moment in read_film(film, networks, rate=DEFAULT_RATE):
            reading.add(moment)
            counts.append(len(moment.faces))
            memory.append(resident_mb())
        took_s, busy_s = time.perf_counter() - started_s, time.process_time() - busy_s
        film_s = min(reading.end_s, film.duration_s or math.inf)
        scene = f"{pluralize(round(statistics.median(counts)), 'face')} in {film.width}x{film.height}"
    if film.problem is not None:
        print(film.problem)
    with FilmFile(path) as film:
        started_s = time.perf_counter()
        for _ in film.frames():
            pass
        decoded_s = time.perf_counter() - started_s
    with FilmFile(path, with_audio=True) as film:
        started_s = time.perf_counter()
        annotate_film(film, reading, io.BytesIO())
        marked_s = time.perf_counter() - started_s
    runs, length = len(counts), f"{scene}, {format_clock(film_s)} minutes"
    timings = [
        single(f"film speed, {length}", film_s / took_s, "x", runs),
        single(f"film speed of marking, {length}", film_s / marked_s, "x", runs),
        single(f"film speed of decoding alone, {length}", film_s / decoded_s, "x", runs),
        single(f"reading, as against decoding alone, {length}", took_s / decoded_s, "x", runs),
        single(f"marking, as against decoding alone, {length}", marked_s / decoded_s, "x", runs),
        single(f"processor time for each reading, {scene}", 1000 * busy_s / runs, "ms", runs),
        single(f"mean number of faces in a reading, {scene}", statistics.mean(counts), "faces", runs),
    ]
    if not math.isnan(idle_mb):
        timings.append(single(f"peak memory above the loaded networks, {scene}", max(memory) - idle_mb, "MB", runs))
    return timings


def bench_live(path: Path, num_frames: int) -> list[Timing]:
    """Play a film to the live reader at its own frame rate, and measure how the reader keeps up.

    Args:
        path: of the film, reduced to 640 pixels and repeated.
        num_frames: measured frames, after a warm-up of three seconds.
    """
    with FilmFile(path) as film:  # report a wrong film before seconds of loading
        rate = min(max(film.frames_per_second, 5), 60)
    networks, num_warm = load_networks(), round(_WARM_UP_S * rate)
    callbacks, rates, lags, counts, memory = [], [], [], [], []
    busy_s, began_s, num_readings = 0.0, 0.0, 0
    with closing(LiveReader(lambda: networks)) as reader:
        started_s = time.perf_counter()
        for number, frame in enumerate(itertools.islice(_frames(path), num_warm + num_frames)):
            time.sleep(max(started_s + number / rate - time.perf_counter(), 0.0))
            if number == num_warm:
                busy_s, began_s = time.process_time(), time.perf_counter()
                num_readings = reader.view().num_readings
            called_s = time.perf_counter()
            view = reader.submit_frame(frame)
            marked_frame(frame, view.faces)
            callback_s = time.perf_counter() - called_s
            if number >= num_warm:
                callbacks.append(1000 * callback_s)
                rates.append(view.readings_per_second)
                if view.lag_s is not None:
                    lags.append(1000 * view.lag_s)
                counts.append(len(view.faces))
                memory.append(resident_mb())
        busy_s, took_s = time.process_time() - busy_s, time.perf_counter() - began_s
        view = reader.view()
    if view.error is not None:
        raise view.error
    scene = f"{pluralize(round(statistics.median(counts)), 'face')} in {view.width}x{view.height}"
    num_readings = view.num_readings - num_readings
    cost = 1000 * busy_s / max(num_readings, 1)
    timings = [
        Timing(f"readings, {scene}", num_readings / took_s, float(np.percentile(rates, 5)), "/s", len(rates)),
        Timing(f"frame callback with drawing, {scene}", *spread(callbacks), "ms", len(callbacks)),
        *([Timing(f"from a frame to its reading, {scene}", *spread(lags), "ms", len(lags))] if lags else []),
        single(f"processor time for each reading with its video, {scene}", cost, "ms", num_readings),
    ]
    if not math.isnan(memory[-1]):
        timings.append(Timing(f"memory, {scene}", *spread(memory), "MB", len(memory)))
    return timings


def _frames(path: Path) -> Iterator[RgbImage]:
    """Yield the frames of a film in an endless loop."""
    while True:
        with FilmFile(path) as film:
            for frame in film.frames():
                yield film.picture(frame, _LIVE_SIDE)
