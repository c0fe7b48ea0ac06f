"""The engine for one machine: a worker process for each core."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from emomusic.batch.parts import Dataset
from emomusic.batch.reader import Unit, UnitReader, write_crash
from emomusic.batch.storage import BatchError
from emomusic.workers import Crash, run_in_processes


def run_local(
    units: Iterable[Unit],
    load: Callable[[], UnitReader],
    dataset: Dataset,
    *,
    workers: int,
    on_read: Callable[[int], None],
) -> None:
    """Read units in worker processes. Units of workers that die are halved, until one picture is to blame.

    Args:
        units: in this order.
        load: makes the reader of a worker.
        dataset: of the results.
        workers: number of processes.
        on_read: takes the number of pictures and films of each finished unit.

    Raises:
        BatchError: a worker cannot start, or the folder cannot be written.
        ModelError: there is no such model, or its files are damaged.
    """
    calls: deque[Unit | None] = deque([None, *units])  # the first call only loads the networks
    with contextlib.closing(run_in_processes(calls, _read, partial(_load, load), workers=workers)) as results:
        try:
            for unit, result in results:
                if not isinstance(result, Crash):
                    on_read(result)
                elif unit is None:
                    raise BrokenProcessPool(f"exit status {result.exit_status}")
                elif rest := unit.after_crash():
                    calls.extendleft(reversed(rest))
                else:
                    on_read(write_crash(unit, dataset))
        except BrokenProcessPool as error:
            raise BatchError(
                f"expected a worker process to load the networks. Received: {error}. "
                "Use fewer workers if memory is short"
            ) from error


# In a worker


def _load(load: Callable[[], UnitReader]) -> UnitReader:
    sys.stdout = sys.stderr  # standard output has the answer of the command
    return load()


def _read(reader: UnitReader, unit: Unit | None) -> int:
    return 0 if unit is None else reader.read(unit)
