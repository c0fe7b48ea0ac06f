"""`bench batch`: how fast many pictures are read, compared with `analyze`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.cli.arguments import progress
from emomusic.cli.timing import Timing, single
from emomusic.errors import EmomusicError
from emomusic.face.images import read_image

NUM_PICTURES = 2000
"""Number of pictures, of which one in a hundred is broken."""

_SIDES = (400, 1000)  # longer sides of the pictures in pixels, as on the web
_MIN_SHARE = 0.7  # of the sample's sides in a picture
_SEED = 27
_BROKEN_EVERY, _FIRST_BROKEN = 100, 50


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
        answers, out = (folder / "analyze.json", folder / "batch.json"), str(folder / "out")
        alone_s, alone_busy_s = _run(["analyze", *files, "--json"], answers[0])
        batch_s, batch_busy_s = _run(["batch", str(folder / "pictures"), "--out", out, "--json"], answers[1])
        records, summary = (json.loads(answer.read_text(encoding="utf-8")) for answer in answers)
    num_faces = sum(len(record.get("faces", ())) for record in records)
    if (summary["pictures"], summary["faces"]) != (len(records), num_faces):
        raise EmomusicError(
            f"expected {len(records)} pictures and {num_faces} faces, as from analyze. Received from batch: "
            f"{summary['pictures']} and {summary['faces']}"
        )
    what = f"{num_pictures:,} pictures, {summary['failed']} broken"
    return [
        single(f"analyze, {what}", num_pictures / alone_s, "/s"),
        single(f"batch, {what}", num_pictures / batch_s, "/s"),
        single(f"batch as against analyze, {what}", alone_s / batch_s, "x"),
        single("processor time for each picture, analyze", 1000 * alone_busy_s / num_pictures, "ms"),
        single("processor time for each picture, batch", 1000 * batch_busy_s / num_pictures, "ms"),
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


def _run(command: Sequence[str], answer: Path) -> tuple[float, float]:
    """Run a command of EmoMusic in a process.

    Args:
        command: the command and its options.
        answer: file for standard output.

    Returns:
        The seconds that it took, and the processor time of all its processes.

    Raises:
        EmomusicError: the command fails.
    """
    log_file = answer.with_suffix(".log")
    with answer.open("wb") as out, log_file.open("wb") as log:
        started_s, before = time.perf_counter(), os.times()
        run = [sys.executable, "-m", "emomusic", *command]
        status = subprocess.run(run, stdout=out, stderr=log, check=False).returncode
        seconds, after = time.perf_counter() - started_s, os.times()
    if status not in (0, 2):  # 2: the broken pictures
        last = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise EmomusicError(f"expected {command[0]} to end. Received: exit status {status}: {' '.join(last)}")
    busy_s = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, busy_s
