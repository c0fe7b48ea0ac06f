"""Timings, and the machine that they were measured on."""

from __future__ import annotations

import math
import mmap
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emomusic.runtime import num_cores
from emomusic.text import pluralize


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
    run()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - started))
    return Timing(step, *spread(times), "ms", runs)


def against(timing: Timing, reference: Timing) -> Timing:
    """The median of a step as a share of a reference that was measured in the same run."""
    step = f"{timing.step}, as against {reference.step}"
    return single(step, timing.median / reference.median, "x", timing.runs)
