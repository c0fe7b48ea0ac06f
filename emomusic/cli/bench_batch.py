"""`bench batch`: how fast many pictures are read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from emomusic.assets import data_dir
from emomusic.cli.arguments import progress
from emomusic.cli.timing import Timing, single
from emomusic.errors import EmomusicError
from emomusic.media.images import encode_jpeg, read_image

_SIDES = (400, 1000)  # longer sides of the pictures in pixels, as on the web
_SEED = 27


def run_batch_bench(num_pictures: int) -> list[Timing]:
    """Measure `batch`, in a separate process, on pictures made from the samples."""
    with tempfile.TemporaryDirectory() as name:
        pictures, out = Path(name, "pictures"), Path(name, "out")
        pictures.mkdir()
        with progress("make the pictures", num_pictures) as on_progress:
            for done, _ in enumerate(make_pictures(pictures, num_pictures), 1):
                on_progress(done)
        started_s, before = time.perf_counter(), os.times()
        command = [sys.executable, "-m", "emomusic", "batch", str(pictures), "--out", str(out), "--json"]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        took_s, after = time.perf_counter() - started_s, os.times()
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:]
        raise EmomusicError(f"expected batch to end. Received: status {process.returncode}: {' '.join(last)}")
    num_faces = json.loads(process.stdout)["faces"]
    busy_s = after.children_user + after.children_system - before.children_user - before.children_system
    what = f"{num_pictures:,} pictures with {num_faces:,} faces"
    return [
        single(f"batch, {what}", num_pictures / took_s, "/s"),
        single(f"processor time for each picture, {what}", 1000 * busy_s / num_pictures, "ms"),
    ]


def make_pictures(folder: Path, number: int, *, sides: tuple[int, int] = _SIDES) -> Iterator[Path]:
    """Write the samples with longer sides of many lengths, always the same ones, and yield their paths in order."""
    rng = np.random.default_rng(_SEED)
    samples = [read_image(path) for path in sorted((data_dir() / "samples").glob("*.jpg"))]
    for position in range(number):
        image = samples[position % len(samples)]
        scale = rng.integers(sides[0], sides[1] + 1) / max(image.shape)
        picture = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        path = folder / f"{position:06d}.jpg"
        path.write_bytes(encode_jpeg(np.asarray(picture, np.uint8)))
        yield path
