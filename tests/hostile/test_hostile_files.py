"""Hostile files end in one sentence or a result, in bounded time and memory, and leave nothing behind.

The default run reads a sample; `-m slow` reads all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.generator import KINDS, File, hostile_files, is_one_sentence

ROOT = Path(__file__).resolve().parents[2]
MAX_GROWTH_MB, MAX_CPU_S = 1000, 20

READ = r"""
import contextlib, json, re, sys, tempfile, threading, time
from pathlib import Path
import numpy as np
from emomusic.batch.sources import Opener, find_items
from emomusic.errors import EmomusicError
from emomusic.faces.profile import FaceProfile
from emomusic.media.audio_file import SAMPLE_RATE, read_cover, read_song, whole
from emomusic.media.film_file import FilmFile
from emomusic.media.images import read_image
from emomusic.songs.table_import import read_catalogue
from emomusic.stream.film import FilmNetworks, read_film
from tests.fakes import FakeClassifier, FakeDetector, FakeIdentifier

NETWORKS = FilmNetworks(FakeDetector(), FakeClassifier(), FakeIdentifier())

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

def read_film_file(path):
    with FilmFile(path, max_s=600) as film:
        times = [moment.time_s for moment in read_film(film, NETWORKS)]
        assert times == sorted(times)

def read_table(path):
    assert len(read_catalogue(path.read_bytes(), name=path.name)) <= 200_000

def read_archive(path):
    with contextlib.closing(Opener()) as opener:
        for item in find_items([str(path)]):
            with opener.open(item) as file:
                file.read(2**20)

read = {
    "pictures": read_picture, "songs": read_audio, "films": read_film_file, "tables": read_table,
    "profiles": lambda path: FaceProfile.from_json(path.read_bytes()), "archives": read_archive,
}[sys.argv[2]]
before, threads = peak_mb(), threading.active_count()
for path in sorted(Path(sys.argv[1]).iterdir()):
    started, message = time.process_time(), None
    try:
        read(path)
    except EmomusicError as error:
        message = str(error)
    assert threading.active_count() == threads, path
    print(json.dumps([path.name, message, time.process_time() - started, peak_mb() - before]))
"""


def problems_of(files: Iterator[File], kind: str, folder: Path) -> list[str]:
    """Files without one sentence or a result, those that take too long, and what all of them leave behind."""
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
    results = [json.loads(line) for line in done.stdout.splitlines()]
    problems = [done.stderr] if done.stderr else []
    if len(results) != len(list(inside.iterdir())):
        problems.append(f"{len(results)} results, status {done.returncode}")
    for name, message, cpu_s, growth_mb in results:
        if message and not is_good(message, kind):
            problems.append(f"{name}: {message}")
        if cpu_s > MAX_CPU_S or growth_mb > MAX_GROWTH_MB:
            problems.append(f"{name}: {cpu_s:.0f} s, {growth_mb:.0f} MB")
    return problems + [f"{path.name} stays" for path in outside.iterdir()]


def is_good(message: str, kind: str) -> bool:
    """Whether a message is one sentence, or for data what was expected and received, and what to do."""
    if kind in ("tables", "profiles", "archives"):
        return "\n" not in message and len(message) < 400
    return is_one_sentence(message)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_hostile_files_ends_in_sentences_and_leaves_nothing(kind: str, tmp_path: Path):
    assert problems_of(hostile_files(kind, 30), kind, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_all_hostile_files_end_in_sentences_and_leave_nothing(kind: str, seed: int, tmp_path: Path):
    assert problems_of(hostile_files(kind, 200, seed), kind, tmp_path) == []
