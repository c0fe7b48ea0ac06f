"""The engine for a cluster: Ray Data, with an actor on each core that holds the networks.

Ray restarts actors and repeats their units when a process or a node dies. The driver, which runs the command, owns the
list of units, so that no other death loses it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ray

from emomusic.batch.reader import Unit, UnitReader, UnitReport, write_crash
from emomusic.batch.storage import BatchError, is_uri
from emomusic.errors import EmomusicError
from emomusic.runtime import num_cores
from emomusic.text import escape_control_chars

_RETRIES = 1  # of a unit whose actor died, before it is halved: the death of a node is no fault of the unit
_MAX_START_DEATHS = 5  # in a row, of actors that load the networks
_ANSWER_S = 20

MakeReader = Callable[[str, str, float], UnitReader]
Task = tuple[MakeReader, str, str, float]  # makes a reader from model, out and rate


def run_ray(
    units: Iterable[Unit],
    *,
    model: str,
    out: str,
    rate: float,
    workers: int | None = None,
    address: str | None = None,
    on_report: Callable[[UnitReport], None],
    make_reader: MakeReader = UnitReader,
) -> None:
    """Read units in actors. Units whose actors die are repeated, then halved, until one picture is to blame.

    The options are those of `local.run_local`. All nodes must reach `out`. `workers` limits the number of actors, by
    default one on each core of the cluster. The `address` of the cluster is `host:port`, or `auto` on one of its nodes;
    None starts Ray on this machine.

    Raises:
        BatchError: there is no cluster at this address, its actors do not start, or the folder cannot be written.
        ModelError: there is no such model, or its files are damaged.
        KeyboardInterrupt: after Ctrl+C. The actors end at once; the parts of finished units stay.
    """
    folder = out if is_uri(out) else str(Path(out).absolute())  # actors have other working directories
    waiting = list(units)
    next_number = max((unit.number for unit in waiting), default=0) + 1
    task = make_reader, model, folder, rate
    with _cluster(address):
        _check_start(task)
        while waiting:
            left = {unit.number: unit for unit in waiting}
            for result in _results(waiting, workers, task):
                if isinstance(result, EmomusicError):
                    raise result
                del left[result.number]
                on_report(result)
            waiting = []
            for unit in left.values():
                rest = unit.after_crash(next_number)
                if not rest:
                    on_report(write_crash(unit, folder))
                waiting += rest
                next_number = max(next_number, *(each.number + 1 for each in rest), 0)


def _check_start(task: Task) -> None:
    """Load the networks once, or raise. Ray restarts an actor for ever whose process dies while it loads them."""
    try:
        error: EmomusicError | None = ray.get(ray.remote(num_cpus=1, max_retries=_RETRIES)(_start_error).remote(*task))
    except ray.exceptions.RayError as cause:
        raise _no_start(cause) from cause
    if error is not None:
        raise error


def _start_error(make_reader: MakeReader, model: str, out: str, rate: float) -> EmomusicError | None:
    try:
        make_reader(model, out, rate)
    except EmomusicError as error:
        return error
    return None


def _results(units: Sequence[Unit], workers: int | None, task: Task) -> Iterator[UnitReport | EmomusicError]:
    """The results of the units, in the order of their ends. Those whose actors died too often have none."""
    from ray.data import ActorPoolStrategy, from_items

    resources: Callable[[], dict[str, float]] = ray.cluster_resources
    most = min(workers or max(int(resources().get("CPU", 1)), 1), len(units))
    pool = ActorPoolStrategy(
        min_size=1,
        initial_size=most,
        max_size=workers,
        max_tasks_in_flight_per_actor=1,  # a crash then has one unit to blame
    )
    with warnings.catch_warnings():
        # Ray Data has no other option for `max_task_retries`. Without a bound, a crash repeats for ever.
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        results = from_items(list(units), override_num_blocks=len(units)).map_batches(
            _Actor, batch_size=1, compute=pool, num_cpus=1, fn_constructor_args=task, max_task_retries=_RETRIES
        )
    try:
        for row in results.iter_rows():
            yield row["result"]
    except ray.exceptions.RayError as error:
        raise _no_start(error) from error


class _Actor:
    """Reads units on a core of the cluster, with networks that are loaded once."""

    def __init__(self, make_reader: MakeReader, model: str, out: str, rate: float) -> None:
        self._reader: UnitReader | EmomusicError
        try:
            self._reader = make_reader(model, out, rate)
        except EmomusicError as error:  # ends the run, and not only this actor
            self._reader = error

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"result": [self._read(unit) for unit in batch["item"]]}

    def _read(self, unit: Unit) -> UnitReport | EmomusicError:
        if isinstance(self._reader, EmomusicError):
            return self._reader
        try:
            return self._reader.read(unit)
        except EmomusicError as error:
            return error


def _no_start(error: BaseException) -> BatchError:
    return BatchError(
        f"expected Ray to load the networks. Received: {_first_line(error)}. Check the memory of the nodes, and that "
        'each has the same versions of Python and of EmoMusic, from pip install "emomusic[cluster]"'
    )


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
        stack.enter_context(_settings())
        yield


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Set the options of Ray Data."""
    from ray.data import DataContext

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # units without a result are halved
    context.max_consecutive_actor_init_deaths = _MAX_START_DEATHS
    context.execution_no_progress_timeout_s = -1  # a film may take hours
    context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0  # reached with one unit per actor
    with DataContext.current(context):
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
        f"({reason}). Check the address, the token and the version of Ray. Ray Data does not accept ray:// addresses"
    )


def _first_line(error: BaseException) -> str:
    return escape_control_chars((str(error).strip() or type(error).__name__).splitlines()[0][:200])
