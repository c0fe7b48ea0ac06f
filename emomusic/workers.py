"""Calls in worker processes, with pebble: a crash ends one call, and names it.

Threads are slower than processes where FFmpeg reads through Python, whose lock they share.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, TypeVar

_Call = TypeVar("_Call")
_Loaded = TypeVar("_Loaded")
_Result = TypeVar("_Result")

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Crash:
    """The end of a process during a call.

    Attributes:
        exit_status: of the process; negative for the number of a signal.
    """

    exit_status: int


def run_in_processes(
    calls: deque[_Call],
    work: Callable[[_Loaded, _Call], _Result],
    load: Callable[[], _Loaded],
    *,
    workers: int,
    stop: threading.Event | None = None,
) -> Generator[tuple[_Call, _Result | Crash]]:
    """Run calls in processes, and yield each with its result, or with the crash that it caused.

    Closing the iterator ends the processes at once, and returns unfinished calls to `calls`. The processes end with
    this one, too, and ignore Ctrl+C.

    Args:
        calls: taken from the left. More may be added between results.
        work: computes a result from what `load` gave and a call. A function of a module, so that processes find it.
        load: called once in each process, before its first call. SIGTERM ends a process at once, unless `load` installs
            a handler.
        workers: number of processes.
        stop: ends the iterator between calls.

    Raises:
        BrokenProcessPool: the processes end without a call, for example because memory is short.
        Exception: whatever `work` and `load` raise.
    """
    has_progress = True
    while has_progress:
        has_progress = False
        try:
            with contextlib.closing(_run_in_pool(calls, work, load, workers, stop)) as results:
                for result in results:
                    has_progress = True
                    yield result
            return
        except BrokenProcessPool:  # also if a process ends between two calls; another pool continues
            if not has_progress:
                raise


def _run_in_pool(
    calls: deque[_Call],
    work: Callable[[_Loaded, _Call], _Result],
    load: Callable[[], _Loaded],
    workers: int,
    stop: threading.Event | None,
) -> Generator[tuple[_Call, _Result | Crash]]:
    """As `run_in_processes`, with one pool, which breaks if a process ends without a call."""
    from pebble import ProcessExpired, ProcessPool

    running: dict[Future[Any], _Call] = {}
    pool = ProcessPool(workers, initializer=_end_with_parent, context=multiprocessing.get_context("spawn"))
    try:
        while stop is None or not stop.is_set():
            while calls and len(running) < 2 * workers:  # one waits for each worker
                with _sigint_blocked():
                    running[pool.schedule(_run, (work, load, calls[0]))] = calls[0]
                calls.popleft()
            if not running:
                break
            done = wait(running, None if stop is None else _POLL_S, FIRST_COMPLETED).done
            for future in [future for future in running if future in done]:
                try:
                    result: _Result | Crash = future.result()
                except ProcessExpired as expired:
                    result = Crash(expired.exitcode)
                yield running.pop(future), result
    finally:
        calls.extendleft(reversed(running.values()))
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Keeps Ctrl+C from processes that start meanwhile, and from those that their threads start later."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a worker


def _end_with_parent() -> None:
    """End this process on SIGTERM, and when the main process dies, for whatever reason."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # pebble's handler waits for the end of native code
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=watch, name="parent", daemon=True).start()


_loaded: list[Any] = []


def _run(work: Callable[[_Loaded, _Call], _Result], load: Callable[[], _Loaded], call: _Call) -> _Result:
    if not _loaded:
        _loaded.append(load())
    return work(_loaded[0], call)
