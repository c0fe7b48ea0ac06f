"""The engine for one machine: a worker process for each core."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from emomusic.batch.reader import MakeReader, Unit, UnitReader, write_crash
from emomusic.batch.storage import BatchError
from emomusic.runtime import num_cores
from emomusic.workers import Crash, run_in_processes


def run_local(
    units: Iterable[Unit],
    *,
    model: str,
    out: str,
    rate: float,
    workers: int | None = None,
    on_read: Callable[[int], None],
    make_reader: MakeReader = UnitReader,
) -> None:
    """Read units in worker processes. Units of workers that die are halved, until one picture is to blame.

    Args:
        units: in this order.
        model: name of a trained face model.
        out: folder of the datasets, local path or URI.
        rate: readings per second of film.
        workers: number of processes; None for one per core.
        on_read: takes the number of pictures and films of each finished unit.
        make_reader: makes the reader of a worker from `model`, `out` and `rate`.

    Raises:
        BatchError: a worker cannot start, or the folder cannot be written.
        ModelError: there is no such model, or its files are damaged.
    """
    calls: deque[Unit | None] = deque([None, *units])  # the first call only loads the networks
    load = partial(_load, make_reader, model, out, rate)
    with contextlib.closing(run_in_processes(calls, _read, load, workers=workers or num_cores())) as results:
        try:
            for unit, result in results:
                if not isinstance(result, Crash):
                    on_read(result)
                elif unit is None:
                    raise BrokenProcessPool(f"exit status {result.exit_status}")
                elif rest := unit.after_crash():
                    calls.extendleft(reversed(rest))
                else:
                    on_read(write_crash(unit, out))
        except BrokenProcessPool as error:
            raise BatchError(
                f"expected a worker process to load the networks. Received: {error}. "
                "Use fewer workers if memory is short"
            ) from error


# In a worker


def _load(make_reader: MakeReader, model: str, out: str, rate: float) -> UnitReader:
    sys.stdout = sys.stderr  # standard output has the answer of the command
    return make_reader(model, out, rate)


def _read(reader: UnitReader, unit: Unit | None) -> int:
    return 0 if unit is None else reader.read(unit)
