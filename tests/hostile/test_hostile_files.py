"""Hostile files end in one sentence or a result, in bounded time and memory, and leave nothing behind.

The default run reads a sample; `-m slow` reads all of them.
"""

import json
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.hostile.generator import KINDS, hostile_files, is_one_sentence
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
MAX_GROWTH_MB, MAX_CPU_S = 1000, 20
DEAR = ("large.mp4", "text.png", "rows.csv")
"""Files that take seconds."""


def problems_of(number: int, folder: Path, seed: int = 0, but: Collection[str] = ()) -> list[str]:
    """Files without the expected sentence or result, those that take too long, and what all of them leave behind."""
    inside, outside = folder / "files", folder / "temporary"
    outside.mkdir()
    expected = {}
    for kind in KINDS:
        (inside / kind).mkdir(parents=True)
        for name, content, message in hostile_files(kind, number, seed, but):
            (inside / kind / name).write_bytes(content)
            expected[kind, name] = message
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.readers", str(inside)],
        cwd=ROOT,
        env={"TMPDIR": str(outside), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    problems = [done.stderr] if done.stderr else []
    if len(results) != len(expected):
        problems.append(f"{len(results)} results, status {done.returncode}")
    for kind, name, message, cpu_s, growth_mb in results:
        if (message and not is_good(message, kind)) or not re.search(expected[kind, name], message or ""):
            problems.append(f"{name}: {message}")
        if cpu_s > MAX_CPU_S or growth_mb > MAX_GROWTH_MB:
            problems.append(f"{name}: {cpu_s:.0f} s, {growth_mb:.0f} MB")
    return problems + [f"{path.name} stays" for path in outside.iterdir()]


def is_good(message: str, kind: str) -> bool:
    """Whether a message is one sentence, or for data what was expected and received, and what to do."""
    if kind in ("tables", "archives"):
        most = 1500 if kind == "tables" else 400  # a table names its rows that were left out, by reason
        return "\n" not in message and len(message) < most
    return is_one_sentence(message)


def test_a_sample_of_hostile_files_ends_in_sentences_and_leaves_nothing(tmp_path: Path):
    assert problems_of(20, tmp_path, but=DEAR) == []


@pytest.mark.slow
@pytest.mark.timeout(60 * PATIENCE_S)  # 1,300 files
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_hostile_files_end_in_sentences_and_leave_nothing(seed: int, tmp_path: Path):
    assert problems_of(200, tmp_path, seed) == []
