"""Time each step on this machine, on the bundled samples, and print JSON. `emomusic bench` runs this script."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import itertools
import json
import math
import mmap
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from emomusic.affect import Emotion
from emomusic.assets import data_dir, require_writable
from emomusic.cli.arguments import Parser, number, one_line, path
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError
from emomusic.faces.classifier import EmotionClassifier
from emomusic.faces.identity import load_identity
from emomusic.faces.model_files import face_models, model_folder
from emomusic.faces.reading import load_networks
from emomusic.marks.film import annotate_film
from emomusic.media.film_file import FilmFile
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, read_image
from emomusic.runtime import num_cores
from emomusic.songs.catalogue import TRACK_COLUMNS, Catalogue
from emomusic.songs.recommend import Recommender, load_recommender
from emomusic.songs.request import Policy, Request
from emomusic.songs.tables import read_table
from emomusic.stream.film import FilmReading
from emomusic.stream.reader import LiveReader
from emomusic.text import format_clock, pluralize
from emomusic.training.evaluate import ms_per_face, record_figures

LARGE, TABLE = 1_000_000, 170_000
"""Numbers of songs: of the large catalogue, and of a visitor's large table."""

PARTS = {"photo": 30, "models": 30, "music": 30, "live": 600, "film": 1, "batch": 2000, "app": 20, "use": 30}
"""The number of runs of each part: for live frames, for batch pictures, for app clicks, for use minutes."""

_SEED = 27
_SIDES = (400, 1000)  # longer sides of the pictures of a batch in pixels, as on the web
_LIVE_SIDE = 640  # pixels
_WARM_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing of one step.

    Attributes:
        step: description.
        median: in `unit`.
        p95: 95th percentile, in `unit`.
        unit: "ms", "s", "MB", "/s" (per second), "x" (ratio) or "faces".
        runs: number of measured runs, after one warm-up.
    """

    step: str
    median: float
    p95: float
    unit: str
    runs: int


def machine() -> str:
    """Describe this machine, with the processors that this process may use."""
    processors = pluralize(num_cores(), "processor")
    return f"{platform.system()} {platform.machine()}, {processors}, Python {platform.python_version()}"


def resident_mb(process: int | str = "self") -> float:
    """Resident memory of a process in MB; NaN outside Linux."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE / 1e6
    except OSError:
        return math.nan


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th percentile."""
    worst = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return statistics.median(values), worst


def single(step: str, value: float, unit: str, runs: int = 1) -> Timing:
    """A figure without a spread."""
    return Timing(step, value, value, unit, runs)


def timed(step: str, run: Callable[[], object], runs: int) -> Timing:
    """Milliseconds of each of several runs, after one warm-up."""
    seconds_of(run)
    return Timing(step, *spread([1000 * seconds_of(run) for _ in range(runs)]), "ms", runs)


def seconds_of(run: Callable[[], object]) -> float:
    """The duration of one run."""
    started_s = time.perf_counter()
    run()
    return time.perf_counter() - started_s


def against(timing: Timing, reference: Timing) -> Timing:
    """The median of a step as a share of a reference that was measured in the same run."""
    step = f"{timing.step}, as against {reference.step}"
    return single(step, timing.median / reference.median, "x", timing.runs)


def bench_photo(*, runs: int) -> list[Timing]:
    """Time loading, decoding, detection, classification and recommending."""
    timings = [
        single("load the songs", seconds_of(load_recommender), "s"),
        single("load the detector and the face model", seconds_of(load_networks), "s"),
    ]
    detector, classifier = load_networks(still=True)
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
    return timings + choices(load_recommender(), runs)


def choices(recommender: Recommender, runs: int) -> list[Timing]:
    """Time the choice of ten songs by each policy."""
    timings = []
    for policy in Policy:
        request = Request(point=Emotion.SAD.point, emotion=Emotion.SAD, policy=policy)
        step = f"choose 10 of {len(recommender.catalogue):,} songs, {policy}"
        timings.append(timed(step, partial(recommender.songs, request, 10), runs))
    return timings


def bench_music(*, runs: int) -> list[Timing]:
    """Time choosing ten songs of the catalogue, and of a million like them, and reading lists of a visitor."""
    before = resident_mb()
    timings = [single("load the songs", seconds_of(load_recommender), "s")]
    return_free_memory()
    timings.append(single("hold the songs, memory with libraries", resident_mb() - before, "MB"))
    bundled = load_recommender()
    for size in (len(bundled.catalogue), LARGE):
        rows = np.arange(size) % len(bundled.catalogue)
        table = bundled.catalogue.table.iloc[rows].reset_index(drop=True)
        table["id"] = [f"{row:022d}" for row in range(size)]
        table["title"] = table["title"] + [f" {row}" for row in range(size)]
        # Reuses the moods: predicting them is not part of this benchmark
        chosen = choices(Recommender(Catalogue(table), bundled.predicted[rows]), runs)
        timings += chosen
    songs = table.head(TABLE)[list(TRACK_COLUMNS)]
    for names, quoting in (([], csv.QUOTE_MINIMAL), ([], csv.QUOTE_ALL), (["loudness_db"], csv.QUOTE_MINIMAL)):
        data = songs.drop(columns=names).to_csv(index=False, quoting=quoting).encode()
        kind = f"without {names[0]}" if names else "all quoted" if quoting else "with all features"
        step = f"read a table of {len(songs):,} songs, {kind}"
        timings.append(single(step, seconds_of(partial(read_table, data, known=bundled)), "s"))
    columns = np.empty((size, 5), np.float32)  # what a ranking reads: point, probability, two for the order
    copied = timed(f"a copy of five columns of {size:,} songs", columns.copy, runs)
    return [*timings, copied, *(against(timing, copied) for timing in chosen)]


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
        for position, picture in enumerate(made_pictures(num_pictures)):
            (pictures / f"{position:06d}.jpg").write_bytes(picture)
        before = os.times()
        command = [sys.executable, "-m", "emomusic", "batch", str(pictures), "--out", str(out), "--json"]
        report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        *_, user_s, system_s, took_s = (now_s - then_s for now_s, then_s in zip(os.times(), before, strict=True))
    what = f"{num_pictures:,} pictures with {report['faces']:,} faces"
    return [
        single(f"batch, {what}", num_pictures / took_s, "/s"),
        single(f"processor time for each picture, {what}", 1000 * (user_s + system_s) / num_pictures, "ms"),
    ]


def made_pictures(count: int) -> Iterator[bytes]:
    """The samples as JPEG, with longer sides of many lengths, always the same ones."""
    rng = np.random.default_rng(_SEED)
    samples = [read_image(path) for path in sorted((data_dir() / "samples").glob("*.jpg"))]
    for image in itertools.islice(itertools.cycle(samples), count):
        scale = rng.integers(_SIDES[0], _SIDES[1] + 1) / max(image.shape)
        picture = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield encode_jpeg(np.asarray(picture, np.uint8))


def bench_film(path: Path) -> list[Timing]:
    """Measure speed, processor time and memory of reading a film, and the speed of marking its faces."""
    counts: list[int] = []
    memory: list[float] = []
    with FilmFile(path) as film:
        networks = load_networks()
        load_identity()
        return_free_memory()
        idle_mb, reading = resident_mb(), FilmReading(film)
        busy_s, started_s = time.process_time(), time.perf_counter()
        for moment in reading.read(film, networks):
            counts.append(len(moment.faces))
            memory.append(resident_mb())
        took_s, busy_s = time.perf_counter() - started_s, time.process_time() - busy_s
        film_s = min(reading.end_s, film.duration_s or math.inf)
        scene = f"{pluralize(round(statistics.median(counts)), 'face')} in {film.width}x{film.height}"
    if film.problem is not None:
        print(film.problem)
    with FilmFile(path) as film:
        decoded_s = seconds_of(lambda: deque(film.frames(), maxlen=0))
    with FilmFile(path, with_audio=True) as film:
        marked_s = seconds_of(lambda: annotate_film(film, reading, io.BytesIO()))
    runs, length = len(counts), f"{scene}, {format_clock(film_s)} minutes"
    return [
        single(f"film speed, {length}", film_s / took_s, "x", runs),
        single(f"film speed of marking, {length}", film_s / marked_s, "x", runs),
        single(f"film speed of decoding alone, {length}", film_s / decoded_s, "x", runs),
        single(f"reading, as against decoding alone, {length}", took_s / decoded_s, "x", runs),
        single(f"marking, as against decoding alone, {length}", marked_s / decoded_s, "x", runs),
        single(f"processor time for each reading, {scene}", 1000 * busy_s / runs, "ms", runs),
        single(f"mean number of faces in a reading, {scene}", statistics.mean(counts), "faces", runs),
        single(f"peak memory above the loaded networks, {scene}", max(memory) - idle_mb, "MB", runs),
    ]


def bench_live(path: Path, num_frames: int) -> list[Timing]:
    """Play a film to the live reader at its own frame rate, and measure how the reader keeps up.

    Args:
        path: the film, reduced to 640 pixels and repeated.
        num_frames: measured frames, after a warm-up of three seconds.
    """
    with FilmFile(path) as film:  # report a wrong film before seconds of loading
        rate = min(max(film.frames_per_second, 5), 60)
    networks, num_warm = load_networks(posed=True, upright=True), round(_WARM_UP_S * rate)
    rates, lags, counts, memory = [], [], [], []
    busy_s, began_s, num_readings = 0.0, 0.0, 0
    with closing(LiveReader(lambda: networks)) as reader:
        started_s = time.perf_counter()
        for number, frame in enumerate(itertools.islice(_frames(path), num_warm + num_frames)):
            time.sleep(max(started_s + number / rate - time.perf_counter(), 0.0))
            if number == num_warm:
                busy_s, began_s = time.process_time(), time.perf_counter()
                num_readings = reader.view().num_readings
            reader.submit_frame(frame)
            view = reader.view()
            if number >= num_warm:
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
    return [
        Timing(f"readings, {scene}", num_readings / took_s, float(np.percentile(rates, 5)), "/s", len(rates)),
        Timing(f"from a frame to its reading, {scene}", *spread(lags or [math.nan]), "ms", len(lags)),
        single(f"processor time for each reading with its video, {scene}", cost, "ms", num_readings),
        Timing(f"memory, {scene}", *spread(memory), "MB", len(memory)),
    ]


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
            return bench_music(runs=runs)
        case "app" | "use":
            from scripts.bench_app import bench_app, bench_use  # needs Playwright

            return bench_app(clicks=runs) if options.part == "app" else bench_use(minutes=runs)
    return bench_photo(runs=runs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time a part, and print the timings."""
    parser = Parser(prog="emomusic bench", description="Time each step on this machine.")
    parser.add_argument("part", nargs="?", choices=PARTS, default="photo", help="which steps (photo)")
    parser.add_argument("film", nargs="?", type=path, help="for live and film: a film (the sample)")
    text = "repetitions (30), frames of live (600), pictures of batch (2,000), clicks of app (20), minutes of use (30)"
    parser.add_argument("--runs", type=number(1, 1_000_000, whole=True), metavar="N", help=text)
    parser.add_argument("--record", action="store_true", help="for models: save each time in the model's metrics.json")
    options = parser.parse_args(arguments)
    if (options.film and options.part not in ("live", "film")) or (options.record and options.part != "models"):
        parser.error(f"expected a film only with live or film, and --record with models. Received: {options.part}")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # libraries print
            timings = measure(options)
    except EmomusicError as error:
        print(f"emomusic: {one_line(str(error))}", file=sys.stderr)
        return 2
    figures = [asdict(timing) for timing in timings if not math.isnan(timing.median)]
    print(json.dumps({"machine": machine(), "timings": figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
