"""Timings of `bench`, and the machine that they were measured on."""

from __future__ import annotations

import math
import mmap
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    noun = "processor" if processors == 1 else "processors"
    return f"{platform.system()} {platform.machine()}, {processors} {noun}, Python {platform.python_version()}"


def resident_mb() -> float:
    """Resident memory of this process in MB; NaN outside Linux."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE / 1e6
    except OSError:
        return math.nan


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th percentile."""
    worst = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return statistics.median(values), worst
