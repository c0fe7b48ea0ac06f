"""`bench batch`: how fast many pictures are read, compared with `analyze`, and how much memory that takes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.cli.arguments import progress
from emomusic.cli.timing import Timing, sampled, single
from emomusic.errors import EmomusicError
from emomusic.face.images import read_image

NUM_PICTURES = 2000
"""Number of pictures, of which one in a hundred is broken."""

_SIDES = (400, 1000)  # longer sides of the pictures in pixels, as on the web
_MIN_SHARE = 0.7  # of the sample's sides in a picture
_SEED = 27
_BROKEN_EVERY, _FIRST_BROKEN = 100, 50
_SAMPLING_S = 1.0
_EARLY, _LATE = (0.1, 0.5), (0.5, 0.9)  # shares of the run whose mean memory is compared


def run_batch_bench(num_pictures: int = NUM_PICTURES, *, sides: tuple[int, int] = _SIDES) -> list[Timing]:
    """Measure `analyze` and `batch` as processes on the same pictures.

    Args:
        num_pictures: made from the samples, with one in a hundred broken.
        sides: smallest and largest length of the longer side of a picture, in pixels.

    Raises:
        EmomusicError: a sample is absent or damaged, or a command fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pictures").mkdir()
        with progress("make the pictures", num_pictures) as on_progress:
            for done, _ in enumerate(make_pictures(folder / "pictures", num_pictures, sides=sides), 1):
                on_progress(done)
        files = sorted(str(path) for path in (folder / "pictures").iterdir())
        alone = _run(["analyze", *files, "--json"], folder / "analyze.json")
        batch = _run(["batch", str(folder / "pictures"), "--out", str(folder / "out"), "--json"], folder / "batch.json")
        records = json.loads((folder / "analyze.json").read_text(encoding="utf-8"))
        summary = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
    num_faces = sum(len(record.get("faces", ())) for record in records)
    if (summary["pictures"], summary["faces"]) != (len(records), num_faces):
        raise EmomusicError(
            f"expected {len(records)} pictures and {num_faces} faces, as from analyze. Received from batch: "
            f"{summary['pictures']} and {summary['faces']}"
        )
    what = f"{num_pictures:,} pictures, {summary['failed']} broken"
    return [
        single(f"analyze, {what}", num_pictures / alone.seconds, "/s"),
        single(f"batch, {what}", num_pictures / batch.seconds, "/s"),
        single(f"batch as against analyze, {what}", alone.seconds / batch.seconds, "x"),
        single("processor time for each picture, analyze", 1000 * alone.busy_s / num_pictures, "ms"),
        single("processor time for each picture, batch", 1000 * batch.busy_s / num_pictures, "ms"),
        *_memory("analyze", alone.memory_mb),
        *_memory("batch", batch.memory_mb),
    ]


def make_pictures(folder: Path, number: int, *, sides: tuple[int, int] = _SIDES) -> Iterator[Path]:
    """Write pictures made from the samples, always the same ones: cut, mirrored and resized. One in 100 is broken.

    Args:
        folder: exists.
        number: of pictures.
        sides: smallest and largest length of the longer side in pixels.

    Yields:
        The path of each picture, in the order of the names.
    """
    rng = np.random.default_rng(_SEED)
    samples = [read_image(path) for path in sorted((data_dir() / "samples").glob("*.jpg"))]
    for position in range(number):
        image = samples[rng.integers(len(samples))]
        height, width = (round(side * rng.uniform(_MIN_SHARE, 1)) for side in image.shape[:2])
        top, left = (rng.integers(whole - part + 1) for whole, part in zip(image.shape, (height, width), strict=False))
        cut = image[top : top + height, left : left + width]
        cut = cut[:, :: rng.choice((1, -1))]
        scale = rng.integers(sides[0], sides[1] + 1) / max(height, width)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        picture = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
        if position % _BROKEN_EVERY == _FIRST_BROKEN:
            data = (data[: len(data) // 3], b"This is no picture.", b"")[position // _BROKEN_EVERY % 3]
        path = folder / f"{position:06d}.jpg"
        path.write_bytes(data)
        yield path


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of a command.

    Attributes:
        seconds: that it took.
        busy_s: processor time of all its processes.
        memory_mb: of all its processes over time.
    """

    seconds: float
    busy_s: float
    memory_mb: Sequence[float]


def _run(command: Sequence[str], answer: Path) -> _Run:
    """Run a command in a process.

    Args:
        command: of EmoMusic.
        answer: file for standard output.

    Raises:
        EmomusicError: the command fails.
    """
    log_file = answer.with_suffix(".log")
    with answer.open("wb") as out, log_file.open("wb") as log:
        started_s, before = time.perf_counter(), os.times()
        with subprocess.Popen([sys.executable, "-m", "emomusic", *command], stdout=out, stderr=log) as process:
            with sampled(lambda: sum(map(_proportional_mb, _with_descendants(process.pid))), _SAMPLING_S) as memory_mb:
                status = process.wait()
            seconds, after = time.perf_counter() - started_s, os.times()
    if status not in (0, 2):  # 2: the broken pictures
        last = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise EmomusicError(f"expected {command[0]} to end. Received: exit status {status}: {' '.join(last)}")
    busy_s = after.children_user + after.children_system - before.children_user - before.children_system
    return _Run(seconds, busy_s, memory_mb)


def _with_descendants(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            # The name of the program may hold spaces and brackets
            parents[int(path.parent.name)] = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def _proportional_mb(pid: int) -> float:
    """The memory of a process, in which shared pages count in proportion (PSS)."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _memory(command: str, memory_mb: Sequence[float]) -> list[Timing]:
    """The mean memory early and late in the run, and the largest. Empty outside Linux."""
    memory_mb = [each for each in memory_mb if each]
    if not memory_mb:
        return []
    early, late = (
        statistics.fmean(memory_mb[math.floor(first * len(memory_mb)) : math.ceil(last * len(memory_mb))])
        for first, last in (_EARLY, _LATE)
    )
    return [
        single(f"mean memory of {command}, all processes, early", early, "MB", len(memory_mb)),
        single(f"mean memory of {command}, all processes, late", late, "MB", len(memory_mb)),
        single(f"peak memory of {command}, all processes", max(memory_mb), "MB", len(memory_mb)),
    ]
