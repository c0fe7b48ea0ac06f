"""Calls in worker processes, of which a crash ends one and names it, and items that a thread makes ahead.

Threads are slower than processes where FFmpeg reads through Python, whose lock they share. The executor of the standard
library fails all calls after a crash, and `pebble` may hang when an idle process dies.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, TypeVar

_Call = TypeVar("_Call")
_Loaded = TypeVar("_Loaded")
_Result = TypeVar("_Result")

_MOST_DEATHS = 3  # processes in a row that end before a call has begun
_BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class Crash:
    """The end of a process during a call."""

    reason: str


class _Worker:
    """A process with the call that it has, if any. Its pipe breaks when it dies."""

    def __init__(self, work: Callable[[Any, Any], Any], load: Callable[[], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, load), daemon=True)
        # NumPy's threads would wait for each other in loops, while the other processes need the cores
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        with _sigint_blocked():
            self.process.start()
        theirs.close()
        self.calls: list[Any] = []
        self.has_begun = False

    def give(self, call: object) -> None:
        self.calls, self.has_begun = [call], False
        with contextlib.suppress(OSError):  # its death shows at the pipe
            self.pipe.send(call)

    def outcome(self) -> tuple[Any] | Crash | None:
        """The result of the call, or the end of the process; None if the call has just begun."""
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            return Crash(f"exit status {self.end()}")  # negative for the number of a signal
        if message == _BEGUN:
            self.has_begun = True
            return None
        result, error = message
        if error is not None:
            raise error
        return (result,)

    def end(self) -> int | None:
        """Kill the process, unless it is dead, and return its exit status."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
        return self.process.exitcode


def run_in_processes(
    calls: deque[_Call], work: Callable[[_Loaded, _Call], _Result], load: Callable[[], _Loaded], *, workers: int
) -> Generator[tuple[_Call, _Result | Crash]]:
    """Run calls in processes, and yield each with its result, or with the second crash that it caused.

    Closing the iterator ends the processes at once, and returns unfinished calls to `calls`. The processes end with
    this one, too, and ignore Ctrl+C.

    Args:
        calls: taken from the left. More may be added between results. Crashed ones are repeated once, at the end.
        work: computes a result from what `load` gave and a call. A function of a module, so that processes find it.
        load: called once in each process, before its first call.
        workers: number of processes.

    Raises:
        BrokenProcessPool: the processes end without a call, for example because memory is short.
        Exception: whatever `work` and `load` raise, as of `portable`.
    """
    pool: dict[Any, _Worker] = {}
    crashed: list[_Call] = []
    num_deaths = 0
    try:
        while calls or any(worker.calls for worker in pool.values()):
            idle = deque(worker for worker in pool.values() if not worker.calls)
            while calls and (idle or len(pool) < workers):
                worker = idle.popleft() if idle else _Worker(work, load)
                pool[worker.pipe] = worker
                worker.give(calls.popleft())
            for pipe in connection.wait(list(pool)):
                worker = pool[pipe]
                outcome = worker.outcome()
                if outcome is None:
                    continue
                if not isinstance(outcome, Crash):
                    num_deaths, worker.has_begun = 0, False
                    yield worker.calls.pop(), outcome[0]
                    continue
                del pool[pipe]
                if not worker.has_begun:
                    calls.extendleft(worker.calls)
                    num_deaths += len(worker.calls)
                    if num_deaths == _MOST_DEATHS:
                        raise BrokenProcessPool(f"{outcome.reason} before a call")
                elif worker.calls[0] in crashed:
                    yield worker.calls[0], outcome
                else:  # memory may have been short
                    crashed.append(worker.calls[0])
                    calls.append(worker.calls[0])
    finally:
        calls.extendleft(call for worker in reversed(pool.values()) for call in worker.calls)
        for worker in pool.values():
            worker.end()


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Keeps Ctrl+C from processes that start meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a worker


def _serve(pipe: connection.Connection, work: Callable[[Any, Any], Any], load: Callable[[], Any]) -> None:
    """Answer calls until the pipe closes."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    loaded: list[Any] = []
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            call = pipe.recv()
            try:
                if not loaded:
                    loaded.append(load())
                pipe.send(_BEGUN)
                pipe.send((work(loaded[0], call), None))
            except Exception as error:
                pipe.send((None, portable(error)))


def portable(error: Exception) -> Exception:
    """An error that another process can raise: itself, or a `RuntimeError` with its type and its text."""
    with contextlib.suppress(Exception):
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    try:
        text = str(error)
    except Exception:
        text = "no text"
    return RuntimeError(f"{type(error).__name__}: {text}")


def _end_with_parent() -> None:
    """End this process when the main process dies, for whatever reason."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


# Another thread

_Item = TypeVar("_Item")

THREAD_NAME = "decoder"
_END: Any = object()


def ahead(items: Iterable[_Item], most: int = 4) -> Generator[_Item]:
    """The same items, of which another thread makes at most `most` ahead.

    An exception of that thread is raised here, in order. Closing the iterator stops the thread, and closes `items` if
    it is a generator.
    """
    iterator, waiting = iter(items), deque[Future[_Item]]()
    thread = ThreadPoolExecutor(1, thread_name_prefix=THREAD_NAME)

    def make() -> None:
        with contextlib.suppress(RuntimeError):  # the program ends, and so do the items
            waiting.append(thread.submit(next, iterator, _END))

    try:
        for _ in range(most):
            make()
        while waiting and (item := waiting.popleft().result()) is not _END:
            make()
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
        if isinstance(items, Generator):
            items.close()
