"""Timings: what `bench` measures on which machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """One step, timed.

    Attributes:
        step: what was done.
        median: in `unit`; half of the runs were faster.
        p95: in `unit`; 95 % of the runs did no worse.
        unit: "ms", "s", "MB", "/s" for so many a second, or "x" for so many times as many.
        runs: how many, after one that does not count.
    """

    step: str
    median: float
    p95: float
    unit: str
    runs: int


def machine() -> str:
    """What it was measured on; of the processors, those that this process may use."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    noun = "processor" if processors == 1 else "processors"
    return f"{platform.system()} {platform.machine()}, {processors} {noun}, Python {platform.python_version()}"


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The median, and what 95 % of the values do not exceed."""
    worst = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return statistics.median(values), worst
