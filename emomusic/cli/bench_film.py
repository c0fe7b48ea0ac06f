"""`bench film`: how fast a film is read and marked, and how fast the package fer reads it."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import math
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.cli.arguments import progress
from emomusic.cli.timing import Timing, machine, resident_mb
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError
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
_SAMPLING_S = 0.02


def run_film_bench(
    clip: Path | None = None, *, fer_python: str | None = None, fer_s: float | None = None
) -> dict[str, Any]:
    """Measure speed, processor time and memory of reading a film, and the speed of marking its faces.

    Args:
        clip: a film. By default a clip of ten minutes made from a sample: 1280x720, 25 frames per second, four faces.
        fer_python: a Python interpreter with the package fer, which then reads the same film.
        fer_s: the length of the part that fer reads, in seconds; None for the whole film.

    Raises:
        FilmError: the film cannot be read.
        EmomusicError: a model or the sample is absent or damaged, or fer cannot be run.
    """
    fer = None if fer_python is None else _Fer.found(fer_python)  # report a wrong one before minutes of work
    with tempfile.TemporaryDirectory() as folder:
        if clip is None:
            clip = Path(folder) / "clip.mp4"
            make_clip(clip)
        FilmFile(clip).close()  # report a wrong film before seconds of loading
        ours, timings = _measure(clip, Path(folder))
        if fer is not None:
            timings += _beside_fer(fer, clip, Path(folder), ours, fer_s)
    return {"machine": machine(), "timings": [asdict(timing) for timing in timings]}


# The clip


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


# Our reading


@dataclass(frozen=True, slots=True)
class _Ours:
    """What the comparison needs.

    Attributes:
        speed: seconds of film per second.
        frames_per_second: of the film.
        film_s: length of the film.
    """

    speed: float
    frames_per_second: float
    film_s: float


def _measure(clip: Path, folder: Path) -> tuple[_Ours, list[Timing]]:
    networks = load_film_networks()
    return_free_memory()
    idle_mb = resident_mb()
    counts: list[int] = []
    ends_s: list[float] = []  # time since the start at the end of each reading
    with FilmFile(clip) as film, _peak_memory() as memory, progress("read", 1, in_percent=True) as on_progress:
        reading, first = FilmReading(film, READINGS_PER_S), FilmReading(film, READINGS_PER_S)
        busy_s, started_s = time.process_time(), time.perf_counter()
        for moment in read_film(film, networks, rate=READINGS_PER_S):
            reading.add(moment)
            counts.append(len(moment.faces))
            ends_s.append(time.perf_counter() - started_s)
            if moment.time_s < _MARKED_S:
                first.add(moment)
            on_progress(moment.share)
        took_s, busy_s = time.perf_counter() - started_s, time.process_time() - busy_s
        film_s = min(reading.end_s, film.duration_s or math.inf)
        ours = _Ours(film_s / took_s, film.frames_per_second, film_s)
        scene = f"{pluralize(round(statistics.median(counts)), 'face')} in {film.width}x{film.height}"
    if film.problem is not None:
        log.warning("emomusic: %s", film.problem)
    length, num_readings = format_clock(film_s), len(counts)
    cost_ms = 1000 * busy_s / num_readings
    timings = [
        _rate_of(f"film speed, {scene}, {length} minutes", ours.speed, ends_s, 1 / READINGS_PER_S, "x"),
        _rate_of(f"readings, {scene}", num_readings / took_s, ends_s, 1, "/s"),
        Timing(f"processor time for each reading, {scene}", cost_ms, cost_ms, "ms", num_readings),
        Timing(f"faces in a reading, {scene}", statistics.median(counts), _low(counts), "faces", num_readings),
        _single(f"mean number of faces in a reading, {scene}", statistics.mean(counts), "faces", num_readings),
    ]
    if not math.isnan(idle_mb):
        peak_mb = max(memory) - idle_mb
        timings.append(_single(f"peak memory above the loaded networks, {scene}", peak_mb, "MB", len(memory)))
    return ours, [*timings, _marking(clip, first, folder, scene)]


def _marking(clip: Path, reading: FilmReading, folder: Path, scene: str) -> Timing:
    """The speed of `annotate_film` on the first part of the film."""
    with FilmFile(clip, with_audio=True) as film, progress("mark", 1, in_percent=True) as on_progress:

        def go_on(share: float) -> bool:
            on_progress(share)
            return True

        started_s = time.perf_counter()
        annotate_film(film, reading, folder / "marked.mp4", on_progress=go_on)
        took_s = time.perf_counter() - started_s
    film_s = min(reading.end_s, _MARKED_S)
    return _single(
        f"film speed of marking, {scene}, {format_clock(film_s)} minutes", film_s / took_s, "x", len(reading)
    )


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


def _single(step: str, value: float, unit: str, runs: int) -> Timing:
    return Timing(step, value, value, unit, runs)


@contextlib.contextmanager
def _peak_memory() -> Iterator[list[float]]:
    """Measure the resident memory of this process all the time, in MB."""
    found, stopped = [resident_mb()], threading.Event()

    def sample() -> None:
        while not stopped.wait(_SAMPLING_S):
            found.append(resident_mb())

    thread = threading.Thread(target=sample, name="memory", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stopped.set()
        thread.join()


# The package fer

_ASK_VERSION = "from importlib.metadata import version; print(version('fer'))"

# fer answers only the frames with faces, so the readings are counted where it detects
_ASK = """
import json, sys, time
from fer.classes import Video
from fer.fer import FER
clip, frequency, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
detector, counts = FER(mtcnn=False), []
detect = detector.detect_emotions
def count(*arguments, **options):
    faces = detect(*arguments, **options)
    counts.append(len(faces))
    return faces
detector.detect_emotions = count
video = Video(clip, outdir="out")
started = time.perf_counter()
try:
    video.analyze(
        detector, display=False, frequency=frequency, max_results=most or None, output="csv", save_frames=False,
        save_video=False, annotate_frames=False, zip_images=False,
    )
except IndexError:  # from its table, if it found no face at all
    pass
print()
print(json.dumps({"seconds": time.perf_counter() - started, "counts": counts}))
"""


@dataclass(frozen=True, slots=True)
class _Fer:
    """An interpreter with the package fer.

    Attributes:
        python: absolute path.
        version: of fer.
    """

    python: str
    version: str

    @classmethod
    def found(cls, python: str) -> _Fer:
        """Check an interpreter.

        Raises:
            EmomusicError: it is absent, or without fer.
        """
        path = shutil.which(python)
        if path is None:
            raise EmomusicError(f"expected the path of a Python interpreter after --fer. Received: {python}")
        fer = cls(str(Path(path).absolute()), "")  # not resolved: a virtual environment links to its interpreter
        version = fer.run(_ASK_VERSION).strip()
        return cls(fer.python, version)

    def run(self, code: str, *arguments: str, folder: Path | None = None) -> str:
        """What a program prints.

        Raises:
            EmomusicError: it fails.
        """
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [self.python, "-c", code, *arguments]
        try:
            done = subprocess.run(command, cwd=folder, env=quiet, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise EmomusicError(
                f"expected a Python interpreter after --fer. Received: {self.python} ({error.strerror})"
            ) from error
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise EmomusicError(f"expected a Python interpreter with the package fer. Received: {self.python}: {last}")
        return done.stdout


def _beside_fer(fer: _Fer, clip: Path, folder: Path, ours: _Ours, fer_s: float | None) -> list[Timing]:
    """Let fer read the film with at most as many readings per second of film, which favours fer."""
    frequency = max(math.ceil(ours.frames_per_second / READINGS_PER_S - 1e-6), 1)
    most = 0 if fer_s is None else math.ceil(fer_s * ours.frames_per_second / frequency)
    log.info("fer %s reads %s minutes", fer.version, format_clock(min(fer_s or math.inf, ours.film_s)))
    arguments = (str(clip.absolute()), str(frequency), str(most))
    answer = json.loads(fer.run(_ASK, *arguments, folder=folder).strip().splitlines()[-1])
    counts = answer["counts"]
    if not counts:
        raise EmomusicError(f"expected fer to read {clip.name}. Received: no readings. Choose another film")
    film_s = min(len(counts) * frequency / ours.frames_per_second, ours.film_s)
    speed, name, num = film_s / answer["seconds"], f"fer {fer.version}", len(counts)
    return [
        _single(f"film speed, {name}, first {format_clock(film_s)} minutes", speed, "x", num),
        _single(f"readings, {name}", num / answer["seconds"], "/s", num),
        _single(f"mean number of faces in a reading, {name}", statistics.mean(counts), "faces", num),
        _single(f"film speed as against {name}", ours.speed / speed, "x", num),
    ]
