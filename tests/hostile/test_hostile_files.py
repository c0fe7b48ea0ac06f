"""Hostile pictures and songs end in one sentence or a result, in bounded time and memory, and leave nothing behind.

The default run reads a sample; `-m slow` reads all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.generator import File, hostile_pictures, hostile_songs, is_one_sentence

ROOT = Path(__file__).resolve().parents[2]
MAX_GROWTH_MB, MAX_CPU_S = 1000, 20

READ = r"""
import json, re, sys, tempfile, time
from pathlib import Path
import numpy as np
from emomusic.errors import EmomusicError
from emomusic.media.audio_file import SAMPLE_RATE, read_cover, read_song, whole
from emomusic.media.images import read_image

def peak_mb():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

def read_picture(path):
    image = read_image(path)
    assert (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)

def read_audio(path):
    for window in read_song(path).windows:
        assert window.samples.dtype == np.float32 and len(window.samples) <= 60 * SAMPLE_RATE
        assert np.abs(window.samples).max() <= 1
    read_cover(path)
    for window in whole(path, 2.5):
        pass

read = {"pictures": read_picture, "songs": read_audio}[sys.argv[2]]
before = peak_mb()
for path in sorted(Path(sys.argv[1]).iterdir()):
    started, message = time.process_time(), None
    try:
        read(path)
    except EmomusicError as error:
        message = str(error)
    print(json.dumps([path.name, message, time.process_time() - started, peak_mb() - before]))
"""


def check(files: Iterator[File], kind: str, folder: Path) -> None:
    inside, outside = folder / "files", folder / "temporary"
    inside.mkdir()
    outside.mkdir()
    for name, content in files:
        (inside / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(inside), kind],
        cwd=ROOT,
        env={"TMPDIR": str(outside), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(list(inside.iterdir()))
    assert [(name, message) for name, message, *_ in results if message and not is_one_sentence(message)] == []
    assert [(name, cpu_s) for name, _, cpu_s, _ in results if cpu_s > MAX_CPU_S] == []
    assert results[-1][3] < MAX_GROWTH_MB
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(("kind", "files"), [("pictures", hostile_pictures), ("songs", hostile_songs)])
def test_a_sample_of_hostile_files(kind: str, files: Callable[[int], Iterator[File]], tmp_path: Path):
    check(files(50), kind, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("kind", "files"), [("pictures", hostile_pictures), ("songs", hostile_songs)])
def test_all_hostile_files(kind: str, files: Callable[[int, int], Iterator[File]], seed: int, tmp_path: Path):
    check(files(200, seed), kind, tmp_path)
