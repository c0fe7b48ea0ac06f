"""`bench`: time each step on this machine, on the bundled samples."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import asdict
from functools import partial
from typing import Any

from emomusic.affect import EMOTION_POINTS, Emotion
from emomusic.assets import data_dir
from emomusic.cli import arguments
from emomusic.cli.arguments import Outcome, add_command
from emomusic.cli.timing import Timing, against, machine, resident_mb, single, spread, timed
from emomusic.errors import EmomusicError
from emomusic.text import pluralize

LARGE = 1_000_000
"""Number of songs of the large table."""

_PARTS = ("photo", "models", "music", "live", "film", "batch")
_OPTIONS = {
    "record": ("models",),
    "frames": ("live",),
    "pictures": ("batch",),
    "runs": ("photo", "models", "music"),
    "film": ("live", "film"),
}
"""The parts that take each option."""


def add_commands(parent: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(parent, "bench", bench, _show_timings, "Time each step on this machine.")
    parser.add_argument("part", nargs="?", choices=_PARTS, default="photo", help="which steps (photo)")
    parser.add_argument(
        "film", nargs="?", type=arguments.path, metavar="FILM", help="for live and film: a film (the sample)"
    )
    parser.add_argument("--runs", type=arguments.count, metavar="N", help="repetitions of each step (30)")
    parser.add_argument("--record", action="store_true", help="for models: save each time in the model's metrics.json")
    many = arguments.number(10, 1_000_000, whole=True)
    parser.add_argument("--frames", type=many, metavar="N", help="for live: frames of the film (600)")
    parser.add_argument("--pictures", type=many, metavar="N", help="for batch: number of pictures (2,000)")


def bench(options: argparse.Namespace) -> Outcome:
    """Time one part."""
    for name, parts in _OPTIONS.items():
        if getattr(options, name) and options.part not in parts:
            given = options.film if name == "film" else f"--{name}"
            raise EmomusicError(f"expected {given} only with {', '.join(parts)}. Received: {options.part} {given}")
    return {"machine": machine(), "timings": [asdict(timing) for timing in _timings(options)]}, 0


def _timings(options: argparse.Namespace) -> list[Timing]:
    runs = options.runs or 30
    match options.part:
        case "live":
            from emomusic.cli.bench_film import run_live_bench

            return run_live_bench(options.film, num_frames=options.frames or 600)
        case "film":
            from emomusic.cli.bench_film import run_film_bench

            return run_film_bench(options.film)
        case "batch":
            from emomusic.cli.bench_batch import run_batch_bench

            return run_batch_bench(options.pictures or 2000)
        case "models":
            return run_model_bench(runs=runs, record=options.record)
        case "music":
            return run_music_bench(runs=runs)
    return run_photo_bench(runs=runs)


def _show_timings(report: dict[str, Any]) -> None:
    print(report["machine"])
    for timing in report["timings"]:
        digits = 2 if timing["unit"] == "x" else 1
        median, worst = (f"{timing[name]:.{digits}f}" for name in ("median", "p95"))
        print(f"{median:>8} {timing['unit']:5}  (95 %: {worst})  {timing['step']}")


def run_photo_bench(*, runs: int) -> list[Timing]:
    """Time loading, decoding, detection, classification and recommending."""
    from emomusic.faces.reading import load_networks
    from emomusic.media.images import crop_face, read_image
    from emomusic.songs.recommend import load_recommender
    from emomusic.songs.request import Policy, Request
    from emomusic.training.evaluate import mtcnn_search

    started = time.perf_counter()
    recommender = load_recommender()
    music_loaded = time.perf_counter()
    detector, classifier = load_networks()
    networks_loaded = time.perf_counter()
    timings = [
        single("load the songs", music_loaded - started, "s"),
        single("load the detector and the face model", networks_loaded - music_loaded, "s"),
    ]
    find_with_mtcnn = mtcnn_search()
    for name in ("eileen-collins-1999.jpg", "four-people.jpg", "barack-obama-2012.jpg"):
        path = data_dir() / "samples" / name
        image = read_image(path)  # raises if it is absent or damaged
        data = path.read_bytes()
        faces = detector.detect(image)
        crops = [crop_face(image, face.box) for face in faces]
        size, count = f"{image.shape[1]}x{image.shape[0]}", pluralize(len(faces), "face")
        found = timed(f"find {count} in {size}", partial(detector.detect, image), runs)
        timings += [timed(f"decode {size}", partial(read_image, data), runs), found]
        if find_with_mtcnn is not None:
            timings.append(against(found, timed("mtcnn", partial(find_with_mtcnn, image), runs)))
        timings.append(timed(f"read {count}", partial(classifier.classify, crops), runs))
        eight = (crops * 8)[:8]
    step = "read 8 faces in one call"
    timings.append(timed(step, partial(classifier.classify, eight), runs))
    for policy in Policy:
        request = Request(point=EMOTION_POINTS[Emotion.SAD], emotion=Emotion.SAD, policy=policy)
        step = f"choose 10 of {len(recommender.catalogue):,} songs, {policy}"
        timings.append(timed(step, partial(recommender.songs, request, 10), runs))
    return timings


def run_music_bench(*, runs: int) -> list[Timing]:
    """Time choosing ten songs from tables of several sizes.

    The bundled catalogue, and a million songs that repeat it under other ids and titles.
    """
    import numpy as np

    from emomusic.compat import return_free_memory
    from emomusic.songs.catalogue import Catalogue
    from emomusic.songs.recommend import Recommender, load_recommender
    from emomusic.songs.request import Policy, Request

    before = resident_mb()
    started = time.perf_counter()
    bundled = load_recommender()
    timings = [single("load the songs", time.perf_counter() - started, "s")]
    return_free_memory()
    if not math.isnan(held := resident_mb() - before):
        timings.append(single("hold the songs, memory with libraries", held, "MB"))
    for size in (len(bundled.catalogue), LARGE):
        rows = np.arange(size) % len(bundled.catalogue)
        table = bundled.catalogue.table.iloc[rows].reset_index(drop=True)
        table["id"] = [f"{number:022d}" for number in range(size)]
        table["title"] = table["title"] + [f" {number}" for number in range(size)]
        # Reuses the moods: predicting them is not part of this benchmark
        recommender = Recommender(Catalogue(table), bundled.probabilities[rows])
        for policy in Policy:
            request = Request(point=EMOTION_POINTS[Emotion.SAD], emotion=Emotion.SAD, policy=policy)
            step = f"choose 10 of {size:,} songs, {policy}"
            timings.append(timed(step, partial(recommender.songs, request, 10), runs))
    columns = np.empty(
        (size, 5), np.float32
    )  # what a ranking of all songs reads: point, probability, two for the order
    copied = timed(f"a copy of five columns of {size:,} songs", columns.copy, runs)
    return [*timings, copied, *(against(timing, copied) for timing in timings[-len(Policy) :])]


def run_model_bench(*, runs: int, record: bool) -> list[Timing]:
    """Time every face model, as in `ms_per_face`; `record` saves all medians, so that they come from one machine."""
    from emomusic.assets import require_checkout, require_writable
    from emomusic.faces.classifier import EmotionClassifier
    from emomusic.faces.model_files import face_models, model_folder
    from emomusic.training.evaluate import ms_per_face, record_speed

    names = face_models()
    if record:
        require_checkout("to keep a model's time")
        for name in names:
            require_writable(model_folder(name))
    timings = []
    for name in names:
        times = ms_per_face(EmotionClassifier.load(name), runs=runs)
        timings.append(Timing(f"a face of eight, {name}", *spread(times), "ms", runs))
        if record:
            record_speed(name, timings[-1].median)
    return timings
