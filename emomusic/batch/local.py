"""The engine for one machine: a worker process for each core.

`concurrent.futures` does not fit: it cannot name the call that caused a crash, and a stop waits for all calls.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from emomusic.batch.reader import Unit, UnitReader, UnitReport, write_crash
from emomusic.batch.storage import BatchError
from emomusic.errors import EmomusicError
from emomusic.runtime import num_cores

_STOP_S = 1.3  # for workers to finish a picture and to write their parts
_MAX_FAILED_STARTS = 3  # in a row
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_READY = "ready"  # a worker's first message; the others are reports, or an error that ends the run


def run_local(
    units: Iterable[Unit],
    *,
    model: str,
    out: str,
    rate: float,
    workers: int | None = None,
    on_report: Callable[[UnitReport], None],
    make_reader: Callable[[str, str, float], UnitReader] = UnitReader,
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
    waiting = deque(units)
    next_number = max((unit.number for unit in waiting), default=0) + 1
    with (
        _stop_signals() as stop,
        contextlib.closing(_Pool(workers or num_cores(), (make_reader, model, out, rate), on_report)) as pool,
    ):
        while waiting or pool.num_busy():
            pool.feed(waiting)
            lost = pool.wait(stop)
            if connection.wait([stop], 0):
                pool.stop()
                raise KeyboardInterrupt
            for unit in lost:
                rest = unit.after_crash(next_number)
                if not rest:
                    on_report(write_crash(unit, out))
                waiting.extendleft(reversed(rest))
                next_number = max(next_number, *(each.number + 1 for each in rest), 0)


@dataclass(slots=True, eq=False)
class _Worker:
    """A worker process. Its pipe takes units and gives messages; it is ready when its networks are loaded."""

    process: SpawnProcess
    pipe: Connection
    is_ready: bool = False
    unit: Unit | None = None


class _Pool:
    """The worker processes of a run."""

    def __init__(
        self,
        size: int,
        task: tuple[Callable[[str, str, float], UnitReader], str, str, float],
        on_report: Callable[[UnitReport], None],
    ) -> None:
        self._size, self._task, self._on_report = size, task, on_report
        self._workers: list[_Worker] = []
        self._num_failed_starts = 0
        self._context = multiprocessing.get_context("spawn")

    def num_busy(self) -> int:
        """The number of workers with a unit."""
        return sum(worker.unit is not None for worker in self._workers)

    def feed(self, waiting: deque[Unit]) -> None:
        """Give a unit to each worker without one. Workers start as long as there are units for them."""
        while len(self._workers) < min(self._size, self.num_busy() + len(waiting)):
            self._start()
        for worker in self._workers:
            if waiting and worker.is_ready and worker.unit is None:
                worker.unit = waiting.popleft()
                with contextlib.suppress(OSError):  # it died: `wait` returns the unit
                    worker.pipe.send(worker.unit)

    def _start(self) -> None:
        pipe, end = self._context.Pipe()
        process = self._context.Process(target=_work, args=(end, *self._task), daemon=True)
        with _signals_blocked():  # a worker inherits this: the terminal sends Ctrl+C to it, too
            process.start()
        end.close()
        self._workers.append(_Worker(process, pipe))

    def wait(self, stop: socket.socket | None = None, timeout_s: float | None = None) -> list[Unit]:
        """Wait for messages, and pass on the reports. `stop` ends the wait, too.

        Returns:
            The units of workers that died.

        Raises:
            EmomusicError: a worker cannot start or go on.
        """
        sentinels = [worker.process.sentinel for worker in self._workers]
        pipes = [worker.pipe for worker in self._workers]
        connection.wait([*sentinels, *pipes, *([] if stop is None else [stop])], timeout_s)
        lost: list[Unit] = []
        for worker in list(self._workers):
            is_dead = not worker.process.is_alive()  # asked first: a message may still follow
            while (message := _received(worker.pipe)) is not None:
                self._handle(worker, message)
            if is_dead:
                self._workers.remove(worker)
                worker.pipe.close()
                self._num_failed_starts += not worker.is_ready
                if self._num_failed_starts >= _MAX_FAILED_STARTS:
                    status = worker.process.exitcode
                    raise BatchError(
                        f"expected a worker process to load the networks. Received: exit status {status}. "
                        "Use fewer workers if memory is short"
                    )
                if worker.unit is not None:
                    lost.append(worker.unit)
        return lost

    def _handle(self, worker: _Worker, message: Any) -> None:
        if isinstance(message, EmomusicError):
            raise message
        if message == _READY:
            worker.is_ready, self._num_failed_starts = True, 0
        else:
            worker.unit = None
            self._on_report(message)

    def stop(self) -> None:
        """Let the workers write their finished pictures. Slow workers are killed, and so are those without a unit."""
        end_s = time.monotonic() + _STOP_S
        for worker in self._workers:
            if worker.unit is None:
                worker.process.kill()
            else:
                with contextlib.suppress(OSError):
                    worker.pipe.send(None)
        with contextlib.suppress(EmomusicError):  # the stop goes on
            while self.num_busy() and time.monotonic() < end_s:
                self.wait(timeout_s=max(end_s - time.monotonic(), 0))

    def close(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()


def _received(pipe: Connection) -> Any:
    """The next message; None if there is none."""
    try:
        return pipe.recv() if pipe.poll() else None
    except (EOFError, OSError):
        return None


@contextlib.contextmanager
def _stop_signals() -> Iterator[socket.socket]:
    """A socket with a byte after Ctrl+C or SIGTERM. An exception at any place would lose the reports just received.

    Python runs a handler between two instructions of the main thread: never, if that is about to wait. So the signal
    itself writes the byte.
    """
    stop, end = socket.socketpair()
    end.setblocking(False)
    before: dict[signal.Signals, Any] = {}
    is_main = threading.current_thread() is threading.main_thread()  # only this one receives signals
    wakeup = signal.set_wakeup_fd(end.fileno(), warn_on_full_buffer=False) if is_main else -1
    try:
        for number in _SIGNALS if is_main else ():
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda *_: None)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if is_main:
            signal.set_wakeup_fd(wakeup)
        stop.close()
        end.close()


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block Ctrl+C and SIGTERM for the processes that start meanwhile."""
    resource_tracker.ensure_running()  # its own start would end the block
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the worker


def _work(
    pipe: Connection, make_reader: Callable[[str, str, float], UnitReader], model: str, out: str, rate: float
) -> None:
    """Read the units from a pipe, until it has None. An unexpected exception ends the process, as a crash does."""
    for number in _SIGNALS:  # the main process decides
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    sys.stdout = sys.stderr  # standard output has the answer of the command
    try:
        reader = make_reader(model, out, rate)
        pipe.send(_READY)
        while (unit := pipe.recv()) is not None:
            pipe.send(reader.read(unit, pipe.poll))  # a message during a unit means stop
    except EmomusicError as error:
        pipe.send(error)


def _end_with_parent() -> None:
    """End this process when the main process dies, for whatever reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
