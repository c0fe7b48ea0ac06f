"""How fast each step of the main job is on this machine, on the bundled samples."""

from __future__ import annotations

import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from emomusic.affect import EMOTION_POINTS, Emotion
from emomusic.assets import data_dir
from emomusic.words import counted

if TYPE_CHECKING:
    from emomusic.face.detection import FaceDetector
    from emomusic.face.images import RgbImage


@dataclass(frozen=True, slots=True)
class Timing:
    """One step, timed.

    Attributes:
        step: what was done.
        median: in `unit`; half of the runs were faster.
        p95: in `unit`; 95 % of the runs did no worse.
        unit: "ms", "s", "MB", "/s" for so many a second, or "x" for so many times as many.
        runs: how many, after one that does not count.
    """

    step: str
    median: float
    p95: float
    unit: str
    runs: int


def run_bench(*, runs: int = 30) -> dict[str, Any]:
    """Time loading, decoding, finding, reading and recommending.

    Args:
        runs: repetitions of each step but loading, which happens once.

    Raises:
        EmomusicError: a model, the catalogue or a sample is absent or damaged.
    """
    from emomusic.face.images import crop_face, read_image
    from emomusic.face.reading import load_networks
    from emomusic.music.recommend import load_recommender
    from emomusic.music.request import Policy, Request

    started = time.perf_counter()
    recommender = load_recommender()
    music_loaded = time.perf_counter()
    detector, classifier = load_networks()
    networks_loaded = time.perf_counter()
    timings = [
        _once("load the songs", music_loaded - started),
        _once("load the detector and the face model", networks_loaded - music_loaded),
    ]
    for name in ("eileen-collins-1999.jpg", "four-people.jpg"):
        path = data_dir() / "samples" / name
        image = read_image(path)  # which tells of one that is absent or damaged
        data = path.read_bytes()
        faces = detector.detect(image)
        crops = [crop_face(image, face.box) for face in faces]
        size, count = f"{image.shape[1]}x{image.shape[0]}", counted(len(faces), "face")
        timings += [
            _timed(f"decode {size}", partial(read_image, data), runs),
            _timed(f"find {count} in {size}", partial(detector.detect, image), runs),
            _timed(f"read {count}", partial(classifier.classify, crops), runs),
        ]
        eight = (crops * 8)[:8]
    timings += _concurrent_searches(detector, image, runs)
    step = "read 8 faces in one call"
    timings.append(_timed(step, partial(classifier.classify, eight), runs))
    for policy in Policy:
        request = Request(point=EMOTION_POINTS[Emotion.SAD], emotion=Emotion.SAD, policy=policy)
        step = f"choose 10 of {len(recommender.catalogue):,} songs, {policy}"
        timings.append(_timed(step, partial(recommender.songs, request, 10), runs))
    return {"machine": machine(), "timings": [asdict(timing) for timing in timings]}


def run_music_bench(*, runs: int = 30, sizes: Sequence[int] = (5_849, 28_356, 1_000_000)) -> dict[str, Any]:
    """Time the choosing of ten songs from tables of several sizes, and the memory it takes.

    The tables are the shipped catalogue, repeated under other ids and titles as often as needed: real features and
    artists, and moods predicted once.

    Args:
        runs: repetitions of each step.
        sizes: numbers of songs.

    Raises:
        EmomusicError: the catalogue or the mood model is absent or damaged.
    """
    import numpy as np

    from emomusic.music.catalogue import Catalogue
    from emomusic.music.recommend import Recommender, load_recommender
    from emomusic.music.request import Policy, Request

    shipped = load_recommender()
    timings = []
    for size in sizes:
        rows = np.arange(size) % len(shipped.catalogue)
        table = shipped.catalogue.table.iloc[rows].reset_index(drop=True)
        table["id"] = [f"{number:022d}" for number in range(size)]
        table["title"] = table["title"] + [f" {number}" for number in range(size)]
        # Predicting a million songs is not what is timed
        recommender = Recommender(Catalogue(table), shipped.probabilities[rows])
        for policy in Policy:
            request = Request(point=EMOTION_POINTS[Emotion.SAD], emotion=Emotion.SAD, policy=policy)
            step = f"choose 10 of {size:,} songs, {policy}"
            timings.append(_timed(step, partial(recommender.songs, request, 10), runs))
            timings.append(_memory(step, partial(recommender.songs, request, 10)))
    return {"machine": machine(), "timings": [asdict(timing) for timing in timings]}


def run_model_bench(*, runs: int = 30, record: bool = False) -> dict[str, Any]:
    """Time every face model, in float32: eight faces in a call, each with its mirror image.

    Args:
        runs: repetitions for each model.
        record: keep each median in the model's `metrics.json`, so that all of them come from one machine.

    Raises:
        EmomusicError: a model is absent or damaged, or its folder cannot be written.
    """
    from emomusic.assets import require_writable
    from emomusic.face.classifier import EmotionClassifier
    from emomusic.face.judging import ms_per_face, record_speed
    from emomusic.face.trained import face_models, model_folder

    names = face_models()
    if record:
        for name in names:
            require_writable(model_folder(name))
    timings = []
    for name in names:
        times = ms_per_face(EmotionClassifier.load(name), runs=runs)
        timings.append(Timing(f"a face of eight, {name}", *spread(times), "ms", runs))
        if record:
            record_speed(name, timings[-1].median)
    return {"machine": machine(), "timings": [asdict(timing) for timing in timings]}


def machine() -> str:
    """What it was measured on; of the processors, those that this process may use."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    noun = "processor" if processors == 1 else "processors"
    return f"{platform.system()} {platform.machine()}, {processors} {noun}, Python {platform.python_version()}"


def _concurrent_searches(detector: FaceDetector, image: RgbImage, runs: int) -> list[Timing]:
    """How many pictures a second one, two and four threads search, and how many times as many that is.

    The three take turns, so that a machine that slows down for a while slows all of them.
    """
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for _ in range(max(runs // 3, 1)):
        for num_threads, found in rates.items():
            with ThreadPoolExecutor(num_threads) as threads:
                started = time.perf_counter()
                list(threads.map(lambda _: detector.detect(image), range(4 * num_threads)))
                found.append(4 * num_threads / (time.perf_counter() - started))
    timings = []
    for num_threads, found in rates.items():
        step = f"searches by {counted(num_threads, 'thread')}"
        slowest = statistics.quantiles(found, n=20, method="inclusive")[0] if len(found) > 1 else found[0]
        size = f"{image.shape[1]}x{image.shape[0]}"
        timings.append(Timing(f"{step}, {size}", statistics.median(found), slowest, "/s", len(found)))
        if num_threads > 1:
            gains = [rate / alone for rate, alone in zip(found, rates[1], strict=True)]
            timings.append(Timing(f"{step} as against one", statistics.median(gains), min(gains), "x", len(gains)))
    return timings


def _memory(step: str, run: Callable[[], object]) -> Timing:
    """The most memory that one call holds beside what was there before."""
    tracemalloc.start()
    try:
        run()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
    return Timing(f"{step}, memory", peak, peak, "MB", 1)


def _once(step: str, seconds: float) -> Timing:
    return Timing(step, seconds, seconds, "s", 1)


def _timed(step: str, run: Callable[[], object], runs: int) -> Timing:
    run()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - started))
    return Timing(step, *spread(times), "ms", runs)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The median, and what 95 % of the values do not exceed."""
    worst = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return statistics.median(values), worst
