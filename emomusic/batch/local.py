"""The engine for one machine: a worker process for each core."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from emomusic.batch.reader import MakeReader, Unit, UnitReader, UnitReport, write_crash
from emomusic.batch.storage import BatchError
from emomusic.runtime import num_cores
from emomusic.workers import Crash, run_in_processes

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_local(
    units: Iterable[Unit],
    *,
    model: str,
    out: str,
    rate: float,
    workers: int | None = None,
    on_report: Callable[[UnitReport], None],
    make_reader: MakeReader = UnitReader,
) -> None:
    """Read units in worker processes. Units of workers that die are halved, until one picture is to blame.

    Args:
        units: in this order.
        model: name of a trained face model.
        out: folder of the datasets, local path or URI.
        rate: readings per second of film.
        workers: number of processes; None for one per core.
        on_report: takes the report of each finished unit.
        make_reader: makes the reader of a worker from `model`, `out` and `rate`.

    Raises:
        BatchError: a worker cannot start, or the folder cannot be written.
        ModelError: there is no such model, or its files are damaged.
        KeyboardInterrupt: after Ctrl+C or SIGTERM, when the workers have written their finished pictures and ended.
    """
    calls: deque[Unit | None] = deque([None, *units])  # the first call only loads the networks
    load = partial(_load, make_reader, model, out, rate)
    with (
        _stop_signals() as stop,
        contextlib.closing(run_in_processes(calls, _read, load, workers=workers or num_cores(), stop=stop)) as results,
    ):
        try:
            for unit, result in results:
                if not isinstance(result, Crash):
                    on_report(result)
                elif unit is None:
                    raise _no_start(f"exit status {result.exit_status}")
                elif rest := unit.after_crash():
                    calls.extendleft(reversed(rest))
                else:
                    on_report(write_crash(unit, out))
        except BrokenProcessPool as error:
            raise _no_start(str(error)) from error
    if stop.is_set():
        raise KeyboardInterrupt


def _no_start(reason: str) -> BatchError:
    return BatchError(
        f"expected a worker process to load the networks. Received: {reason}. Use fewer workers if memory is short"
    )


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl+C and SIGTERM set. An exception at any place could leave the pool half stopped."""
    stop = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()  # only this one receives signals
    before = {number: signal.getsignal(number) for number in _SIGNALS} if is_main else {}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# In a worker

_stopped = threading.Event()


def _load(make_reader: MakeReader, model: str, out: str, rate: float) -> UnitReader:
    signal.signal(signal.SIGTERM, lambda *_: _stopped.set())  # the pictures that are read become a part
    sys.stdout = sys.stderr  # standard output has the answer of the command
    return make_reader(model, out, rate)


def _read(reader: UnitReader, unit: Unit | None) -> UnitReport:
    report = UnitReport(0) if unit is None else reader.read(unit, _stopped.is_set)
    if _stopped.is_set():
        os._exit(1)  # not the next unit
    return report
