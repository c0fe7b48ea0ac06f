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
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import ray

from emomusic.errors import BatchError
from emomusic.runtime import num_cores
from emomusic.workers import Crash, portable

_RETRIES = 1  # repetitions of a unit whose process died, before it is halved: a node may have died
_ANSWER_S = 20


def run_on_cluster(
    calls: deque[Any],
    work: Callable[[Any, Any], Any],
    load: Callable[[], Any],
    *,
    workers: int | None,
    address: str | None,
) -> Generator[tuple[Any, Any]]:
    """Run calls on a cluster, as `workers.run_in_processes` does on one machine. The first call comes alone.

    `workers` limits the number of processes; None is for one on each core of the cluster. The `address` of the cluster
    is `host:port`, or `auto` on one of its nodes; None starts Ray on this machine.

    Raises:
        BatchError: there is no cluster at this address.
        Exception: whatever `work` and `load` raise, as of `workers.portable`.
    """
    running, is_first = dict[Any, Any](), True
    with _cluster(address):
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_answer)
        while calls or running:
            resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
            most = 1 if is_first else workers or max(int(resources.get("CPU", 1)), 1)
            while calls and len(running) < most:
                call = calls.popleft()
                running[task.remote(work, load, call)] = call
            (done, *_), _ = ray.wait(list(running))
            try:
                result = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error  # as `work` or `load` has raised it
            except ray.exceptions.RayError as error:  # the process or its node died
                result = Crash(_first_line(error))
            is_first = False
            yield running.pop(done), result


_loaded: list[Any] = []  # the result of `load` in this process, if it was called


def _answer(work: Callable[[Any, Any], Any], load: Callable[[], Any], call: Any) -> Any:
    """The result of a call. Each process calls `load` once."""
    try:
        if not _loaded:
            _loaded.append(load())
        return work(_loaded[0], call)
    except Exception as error:
        raise portable(error) from None


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
        f"expected a Ray cluster at host:port, or auto on one of its nodes. Received: {address} "
        f"({reason}). Check the address, the token and the version of Ray"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
