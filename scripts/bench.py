"""Time each step on this machine, on the bundled samples, and print JSON. `emomusic bench` runs this script."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import math
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from msgspec.structs import replace

from emomusic.affect import EMOTION_POINTS, Emotion
from emomusic.assets import data_dir, require_writable
from emomusic.cli.arguments import Parser, number, one_line, path
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.identity import load_identity
from emomusic.faces.model_files import face_models, model_folder
from emomusic.faces.reading import load_networks
from emomusic.marks.film import annotate_film
from emomusic.marks.picture import marked_frame
from emomusic.media.film_file import FilmFile
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, read_image
from emomusic.songs.analysis import stored
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.library import Library
from emomusic.songs.local_songs import bundled_songs, songs_dir
from emomusic.songs.recommend import Recommender, load_recommender
from emomusic.songs.request import Policy, Request
from emomusic.stream.film import DEFAULT_RATE, FilmReading, read_film
from emomusic.stream.reader import LiveReader
from emomusic.text import format_clock, pluralize
from emomusic.training.evaluate import ms_per_face, record_figures
from scripts.timing import Timing, against, machine, resident_mb, single, spread, timed

LARGE = 1_000_000
"""Number of songs of the large table."""

LIBRARY = 100_000
"""Number of songs of the library."""

PARTS = {"photo": 30, "models": 30, "music": 30, "live": 600, "film": 1, "batch": 2000}
"""The number of runs of each part: for live frames, for batch pictures."""

_NUM_SONGS, _NUM_TURNS = 24, 3  # of `library add`
_SEED = 27
_SIDES = (400, 1000)  # longer sides of the pictures of a batch in pixels, as on the web
_LIVE_SIDE = 640  # pixels
_WARM_UP_S = 3.0


def bench_photo(*, runs: int) -> list[Timing]:
    """Time loading, decoding, detection, classification and recommending."""
    started = time.perf_counter()
    recommender = load_recommender()
    music_loaded = time.perf_counter()
    detector, classifier = load_networks()
    networks_loaded = time.perf_counter()
    timings = [
        single("load the songs", music_loaded - started, "s"),
        single("load the detector and the face model", networks_loaded - music_loaded, "s"),
    ]
    find_with_mtcnn = None
    with contextlib.suppress(ImportError):  # without the libraries of training
        from mtcnn import MTCNN

        find_with_mtcnn = MTCNN().detect_faces
    for name in ("eileen-collins-1999.jpg", "four-people.jpg", "barack-obama-2012.jpg"):
        sample = data_dir() / "samples" / name
        image = read_image(sample)  # raises if it is absent or damaged
        faces = detector.detect(image)
        crops = [crop_face(image, face.box) for face in faces]
        size, count = f"{image.shape[1]}x{image.shape[0]}", pluralize(len(faces), "face")
        found = timed(f"find {count} in {size}", partial(detector.detect, image), runs)
        timings += [timed(f"decode {size}", partial(read_image, sample.read_bytes()), runs), found]
        if find_with_mtcnn is not None:
            timings.append(against(found, timed("mtcnn", partial(find_with_mtcnn, image), runs)))
        timings.append(timed(f"read {count}", partial(classifier.classify, crops), runs))
        eight = (crops * 8)[:8]
    timings.append(timed("read 8 faces in one call", partial(classifier.classify, eight), runs))
    return timings + choices(recommender, runs)


def choices(recommender: Recommender, runs: int) -> list[Timing]:
    """Time the choice of ten songs by each policy."""
    requests = [Request(point=EMOTION_POINTS[Emotion.SAD], emotion=Emotion.SAD, policy=policy) for policy in Policy]
    size = len(recommender.catalogue)
    return [
        timed(f"choose 10 of {size:,} songs, {each.policy}", partial(recommender.songs, each, 10), runs)
        for each in requests
    ]


def bench_music(*, runs: int) -> list[Timing]:
    """Time choosing ten songs of the catalogue, and of a million songs that repeat it under other ids and titles."""
    before, started = resident_mb(), time.perf_counter()
    bundled = load_recommender()
    timings = [single("load the songs", time.perf_counter() - started, "s")]
    return_free_memory()
    if not math.isnan(held := resident_mb() - before):
        timings.append(single("hold the songs, memory with libraries", held, "MB"))
    for size in (len(bundled.catalogue), LARGE):
        rows = np.arange(size) % len(bundled.catalogue)
        table = bundled.catalogue.table.iloc[rows].reset_index(drop=True)
        table["id"] = [f"{row:022d}" for row in range(size)]
        table["title"] = table["title"] + [f" {row}" for row in range(size)]
        # Reuses the moods: predicting them is not part of this benchmark
        chosen = choices(Recommender(Catalogue(table), bundled.probabilities[rows]), runs)
        timings += chosen
    columns = np.empty((size, 5), np.float32)  # what a ranking reads: point, probability, two for the order
    copied = timed(f"a copy of five columns of {size:,} songs", columns.copy, runs)
    timings.append(single(f"first answer of a library of {LIBRARY:,} songs", _first_answer_s(), "s"))
    return [*timings, copied, *(against(timing, copied) for timing in chosen)]


def _first_answer_s() -> float:
    """Time of `recommend` in a separate process, for a library whose songs are those of the bundle many times."""
    with tempfile.TemporaryDirectory() as name:
        path, songs = Path(name, "library.sqlite"), bundled_songs()
        with Library(path, create=True):
            pass
        rows = []
        for number in range(LIBRARY):
            song = songs[number % len(songs)]
            named = replace(song, title=f"{song.title} {number}", artists=(f"Artist {number % 9973}",))
            folder = Path(name, str(number // len(songs)))
            if not folder.exists():
                folder.symlink_to(songs_dir())  # other names of the same files
            file = str(folder / Path(song.path or "").name)
            rows.append((file, 1, 1, "bench", *stored(named)))
        with closing(sqlite3.connect(path)) as database, database:
            database.executemany(
                "INSERT INTO songs (path, size, mtime_ns, model, song, features) VALUES (?, ?, ?, ?, ?, ?)", rows
            )
        command = [sys.executable, "-m", "emomusic", "recommend", "--emotion", "sad", "--source", "library", "--json"]
        started_s = time.perf_counter()
        answer = subprocess.run([*command, "--library", str(path)], capture_output=True, check=True).stdout
        took_s = time.perf_counter() - started_s
    if not json.loads(answer):
        raise EmomusicError("expected songs of the library. Received: none")
    return took_s


def bench_library(base: Path | None) -> list[Timing]:
    """Measure `library add` of bundled songs, and of another checkout in turns with it."""
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        songs = Path(name, "songs")
        songs.mkdir()
        for song in sorted((data_dir() / "songs").glob("*.mp3"))[:_NUM_SONGS]:
            shutil.copy(song, songs)
        for number in range(_NUM_TURNS):
            for what, checkout in (("library add", data_dir().parent), ("library add, other checkout", base)):
                if checkout is None:
                    continue
                started_s, library = time.perf_counter(), Path(name, f"{checkout.name}-{number}.sqlite")
                command = [sys.executable, "-m", "emomusic", "library", "add", str(songs), "--library", str(library)]
                environment = os.environ | {"PYTHONPATH": str(checkout.absolute())}
                subprocess.run(command, cwd=checkout, env=environment, capture_output=True, check=True)
                rates.setdefault(what, []).append(_NUM_SONGS / (time.perf_counter() - started_s))
    timings = [
        single(f"{what} of {_NUM_SONGS} songs", statistics.median(each), "/s", len(each))
        for what, each in rates.items()
    ]
    return [*timings, *(against(timings[0], other) for other in timings[1:])]


def bench_models(*, runs: int, record: bool) -> list[Timing]:
    """Time every face model, as in `ms_per_face`; `record` saves all medians, so that they come from one machine."""
    names = face_models()
    for name in names if record else ():
        require_writable(model_folder(name))
    timings = []
    for name in names:
        times = ms_per_face(EmotionClassifier.load(name), runs=runs)
        timings.append(Timing(f"a face of eight, {name}", *spread(times), "ms", runs))
        if record:
            record_figures(name, {"ms_per_face": timings[-1].median})
    return timings


def bench_batch(*, num_pictures: int) -> list[Timing]:
    """Measure `batch`, in a separate process, on pictures made from the samples."""
    with tempfile.TemporaryDirectory() as name:
        pictures, out = Path(name, "pictures"), Path(name, "out")
        pictures.mkdir()
        make_pictures(pictures, num_pictures)
        started_s, before = time.perf_counter(), os.times()
        command = [sys.executable, "-m", "emomusic", "batch", str(pictures), "--out", str(out), "--json"]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        took_s, after = time.perf_counter() - started_s, os.times()
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:]
        raise EmomusicError(f"expected batch to end. Received: status {process.returncode}: {' '.join(last)}")
    busy_s = after.children_user + after.children_system - before.children_user - before.children_system
    what = f"{num_pictures:,} pictures with {json.loads(process.stdout)['faces']:,} faces"
    return [
        single(f"batch, {what}", num_pictures / took_s, "/s"),
        single(f"processor time for each picture, {what}", 1000 * busy_s / num_pictures, "ms"),
    ]


def make_pictures(folder: Path, count: int) -> None:
    """Write the samples with longer sides of many lengths, always the same ones."""
    rng = np.random.default_rng(_SEED)
    samples = [read_image(path) for path in sorted((data_dir() / "samples").glob("*.jpg"))]
    for position in range(count):
        image = samples[position % len(samples)]
        scale = rng.integers(_SIDES[0], _SIDES[1] + 1) / max(image.shape)
        picture = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        (folder / f"{position:06d}.jpg").write_bytes(encode_jpeg(np.asarray(picture, np.uint8)))


def bench_film(path: Path) -> list[Timing]:
    """Measure speed, processor time and memory of reading a film, and the speed of marking its faces."""
    counts: list[int] = []
    memory: list[float] = []
    with FilmFile(path) as film:
        networks = load_networks()
        load_identity()
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


def measure(options: argparse.Namespace) -> list[Timing]:
    """The timings of a part."""
    runs = options.runs or PARTS[options.part]
    match options.part:
        case "live" | "film":
            film = options.film or data_dir() / "samples" / "faces.mp4"
            return bench_film(film) if options.part == "film" else bench_live(film, runs)
        case "batch":
            return bench_batch(num_pictures=runs)
        case "models":
            return bench_models(runs=runs, record=options.record)
        case "music":
            return bench_music(runs=runs) + bench_library(options.against)
    return bench_photo(runs=runs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time a part, and print the timings."""
    parser = Parser(prog="emomusic bench", description="Time each step on this machine.")
    parser.add_argument("part", nargs="?", choices=PARTS, default="photo", help="which steps (photo)")
    parser.add_argument("film", nargs="?", type=path, help="for live and film: a film (the sample)")
    text = "repetitions of each step (30), frames of live (600), or pictures of batch (2,000)"
    parser.add_argument("--runs", type=number(1, 1_000_000, whole=True), metavar="N", help=text)
    parser.add_argument("--record", action="store_true", help="for models: save each time in the model's metrics.json")
    parser.add_argument("--against", type=path, metavar="DIR", help="for music: another checkout, to compare with")
    options = parser.parse_args(arguments)
    if (options.film and options.part not in ("live", "film")) or (options.record and options.part != "models"):
        parser.error(f"expected a film only with live or film, and --record with models. Received: {options.part}")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # libraries print
            timings = measure(options)
    except EmomusicError as error:
        print(f"emomusic: {one_line(str(error))}", file=sys.stderr)
        return 2
    print(json.dumps({"machine": machine(), "timings": [asdict(timing) for timing in timings]}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
