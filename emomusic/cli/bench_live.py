"""`bench live`: play films at camera speed and measure how the live reader keeps up."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.cli.timing import Timing, resident_mb, single, spread
from emomusic.face.film_file import FilmFile
from emomusic.face.images import RgbImage, crop_face, read_image
from emomusic.face.live.reader import LiveReader
from emomusic.face.reading import load_networks
from emomusic.plots.picture import live_picture
from emomusic.text import pluralize

if TYPE_CHECKING:
    from emomusic.face.detection import FaceDetector
    from emomusic.face.live.reader import Networks

_FRAME = (480, 640)  # height and width
_STILL = (540, 720)  # larger than a frame, so that the camera can move
_RATE = 30.0
_LOOP = 240  # frames
_WARM_UP_S = 3.0


def run_live_bench(film: Path | None = None, *, num_frames: int = 600) -> list[Timing]:
    """Measure the live reader on films at their own frame rates.

    Args:
        film: a film, reduced to 640 pixels and repeated. By default two made from the samples, 640x480: one face, and
            a grid of seven.
        num_frames: measured frames of each film, after a warm-up of three seconds.

    Raises:
        FilmError: the film cannot be read.
        EmomusicError: a model or a sample is absent or damaged.
    """
    if film is not None:
        with FilmFile(film) as file:  # report a wrong file before seconds of loading
            rate = file.frames_per_second
        return _play(_frames(film), rate if 5 <= rate <= 60 else _RATE, load_networks(), num_frames)
    networks = load_networks()
    return [timing for still in _stills(networks[0]) for timing in _play(_moving(still), _RATE, networks, num_frames)]


def _play(frames: Iterator[RgbImage], rate: float, networks: Networks, num_frames: int) -> list[Timing]:
    """Play frames to a reader at a rate and measure how the reader keeps up."""
    num_warm = round(_WARM_UP_S * rate)
    callbacks, rates, lags, counts, memory = [], [], [], [], []
    busy_s, began_s, num_readings = 0.0, 0.0, 0
    with LiveReader(lambda: networks) as reader:
        started_s = time.perf_counter()
        for number, frame in enumerate(itertools.islice(frames, num_warm + num_frames)):
            time.sleep(max(started_s + number / rate - time.perf_counter(), 0.0))
            if number == num_warm:
                busy_s, began_s = time.process_time(), time.perf_counter()
                num_readings = reader.view().num_readings
            called_s = time.perf_counter()
            view = reader.submit_frame(frame)
            live_picture(frame, view)
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
        tenth = max(len(memory) // 10, 1)
        growth = statistics.mean(memory[-tenth:]) - statistics.mean(memory[:tenth])
        timings.append(Timing(f"memory, {scene}", *spread(memory), "MB", len(memory)))
        timings.append(single(f"memory gained over {len(memory):,} frames, {scene}", growth, "MB", len(memory)))
    return timings


def _stills(detector: FaceDetector) -> Iterator[RgbImage]:
    """Pictures for the films: the first sample with a single face, then a grid of seven such faces."""
    crops = []
    for path in sorted((data_dir() / "samples").glob("*.jpg")):
        image = read_image(path)
        if len(faces := detector.detect(image)) == 1:
            crops.append(crop_face(image, faces[0].box, margin=0.35))
    yield _grid(crops[:1], columns=1, side=480)
    yield _grid(crops[:7], columns=4, side=140)


def _grid(crops: Sequence[RgbImage], *, columns: int, side: int) -> RgbImage:
    """Square crops of one size, in a centred grid."""
    grid = np.full((*_STILL, 3), 96, np.uint8)
    rows = math.ceil(len(crops) / columns)
    for number, crop in enumerate(crops):
        top = (_STILL[0] - rows * side) // 2 + side * (number // columns)
        left = (_STILL[1] - columns * side) // 2 + side * (number % columns)
        grid[top : top + side, left : left + side] = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return grid


def _moving(still: RgbImage) -> Iterator[RgbImage]:
    """Yield frames that move over a picture, in an endless loop of eight seconds."""
    for number in itertools.count():
        turn = 2 * math.pi * number / _LOOP
        height, width = (round((0.97 + 0.03 * math.cos(turn)) * side) for side in _FRAME)
        top = round((_STILL[0] - height) * (0.5 + 0.4 * math.sin(3 * turn)))
        left = round((_STILL[1] - width) * (0.5 + 0.4 * math.sin(2 * turn)))
        yield cv2.resize(still[top : top + height, left : left + width], _FRAME[::-1], interpolation=cv2.INTER_AREA)


def _frames(path: Path) -> Iterator[RgbImage]:
    """Yield the frames of a film in an endless loop."""
    while True:
        with FilmFile(path) as film:
            for frame in film.frames():
                yield film.picture(frame, _FRAME[1])
