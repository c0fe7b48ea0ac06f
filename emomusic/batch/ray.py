"""The engine for a cluster: Ray tasks, whose processes hold the networks.

Ray repeats the units of processes and nodes that die. The driver, which runs the command, owns the list of units, so
that no other death loses it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import ray

from emomusic.batch.parts import BatchError, Dataset
from emomusic.batch.reader import Unit, UnitReader, write_crash
from emomusic.errors import EmomusicError
from emomusic.runtime import num_cores
from emomusic.text import escape_control_chars

_RETRIES = 1  # of a unit whose process died, before it is halved: the death of a node is no fault of the unit
_ANSWER_S = 20


def run_ray(
    units: Iterable[Unit],
    load: Callable[[], UnitReader],
    dataset: Dataset,
    *,
    workers: int | None,
    on_read: Callable[[int], None],
    address: str | None,
) -> None:
    """Read units on a cluster. Units whose processes die are repeated, then halved, until one picture is to blame.

    The options are those of `reader.run_local`. All nodes must reach the folder. `workers` limits the number of
    processes; None is for one on each core of the cluster. The `address` of the cluster is `host:port`, or `auto` on
    one of its nodes; None starts Ray on this machine.

    Raises:
        BatchError: there is no cluster at this address, its processes do not start, or the folder cannot be written.
        ModelError: there is no such model, or its files are damaged.
        KeyboardInterrupt: after Ctrl+C. The processes end at once; the parts of finished units stay.
    """
    waiting, running = deque(units), dict[Any, Unit]()
    with _cluster(address):
        read = ray.remote(num_cpus=1, max_retries=_RETRIES)(_read)
        try:
            _result_of(read.remote(load, None))
        except ray.exceptions.RayError as error:
            raise BatchError(
                f"expected Ray to load the networks. Received: {_first_line(error)}. Check the memory of the nodes, "
                'and that each has the same versions of Python and of EmoMusic, from pip install "emomusic[cluster]"'
            ) from error
        while waiting or running:
            resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
            while waiting and len(running) < (workers or max(int(resources.get("CPU", 1)), 1)):
                unit = waiting.popleft()
                running[read.remote(load, unit)] = unit
            (done, *_), _ = ray.wait(list(running))
            unit = running.pop(done)
            try:
                on_read(_result_of(done))
            except ray.exceptions.RayError:
                if rest := unit.after_crash():
                    waiting.extendleft(reversed(rest))
                else:
                    on_read(write_crash(unit, dataset))


def _result_of(task: Any) -> int:
    """The number of rows of a task. Raises the `EmomusicError` of the task, or a `RayError` if its process died."""
    result: int | EmomusicError = ray.get(task)
    if isinstance(result, EmomusicError):
        raise result
    return result


_readers: list[UnitReader] = []  # of a process, loaded once


def _read(load: Callable[[], UnitReader], unit: Unit | None) -> int | EmomusicError:
    """Read a unit, or only load the networks. Ray would wrap a raised error."""
    try:
        if not _readers:
            _readers.append(load())
        return 0 if unit is None else _readers[0].read(unit)
    except EmomusicError as error:
        return error


# The connection


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Connect to a cluster, or start one on this machine, with Ray's messages in Ray's log files only."""
    # Settings that Ray takes from the environment only. They also hold for the processes that it starts.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if address is not None:
        _check(address)
    before = signal.getsignal(signal.SIGTERM)
    with contextlib.ExitStack() as stack:
        # Ray prints the deaths of processes to standard output, which has the answer of the command.
        stack.enter_context(contextlib.redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        stack.callback(ray.shutdown)
        try:
            ray.init(
                address or "local",  # this word starts a cluster, even where another one runs
                num_cpus=num_cores() if address is None else None,
                include_dashboard=False if address is None else None,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise _no_cluster(address or "a new cluster on this machine", _first_line(error)) from error
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # `ray.init` replaces it
        yield


def _check(address: str) -> None:
    """Raise unless a cluster answers, because `ray.init` waits for minutes at the address of something else."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
    try:
        status = subprocess.run(command, capture_output=True, timeout=_ANSWER_S, check=False).returncode
    except subprocess.TimeoutExpired:
        status = None
    if status != 0:
        raise _no_cluster(address, "no answer of Ray")


def _no_cluster(address: str, reason: str) -> BatchError:
    return BatchError(
        f"expected a Ray cluster at host:port, or auto on one of its nodes. Received: {escape_control_chars(address)} "
        f"({reason}). Check the address, the token and the version of Ray"
    )


def _first_line(error: BaseException) -> str:
    return escape_control_chars((str(error).strip() or type(error).__name__).splitlines()[0][:200])
