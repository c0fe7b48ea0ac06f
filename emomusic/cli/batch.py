"""`batch`: read many pictures and films into Parquet datasets."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from emomusic.affect import list_shares
from emomusic.cli import arguments
from emomusic.cli.system import require_packages
from emomusic.errors import BatchError, EmomusicError
from emomusic.faces.model_files import model_folder
from emomusic.text import pluralize

if TYPE_CHECKING:
    from emomusic.batch.parts import Dataset
    from emomusic.batch.reader import Unit
    from emomusic.batch.sources import Item

log = logging.getLogger(__name__)


def batch(options: argparse.Namespace) -> arguments.Outcome:
    """Read the sources into the datasets.

    The status is 2 if a picture or film could not be read, and 130 after Ctrl+C or SIGTERM, with the results so far.
    """
    from emomusic.batch.parts import SUMMARY, Dataset
    from emomusic.batch.reader import UnitReader, read_units
    from emomusic.batch.sources import find_items
    from emomusic.runtime import num_cores
    from emomusic.workers import run_in_processes

    if options.ray_address is not None and options.engine != "ray":
        raise EmomusicError("expected --ray-address only with --engine ray. Received: --ray-address alone")
    model_folder(options.model)  # report a wrong name before seconds of loading
    rate = "" if options.rate is None else f" --rate {options.rate:g}"
    how = f"--model {options.model}{rate}{' --posed' if options.posed else ''}"
    dataset = Dataset(options.out, how)
    workers: Any = options.workers or (num_cores() if options.engine == "local" else None)
    engine: Callable[..., Any] = run_in_processes
    if options.engine == "ray":
        require_packages("cluster", "ray")
        from emomusic.batch.ray import run_on_cluster

        engine = partial(run_on_cluster, address=options.ray_address)
    load = partial(UnitReader, dataset, options.model, options.rate, posed=options.posed)
    run = partial(read_units, engine=partial(engine, workers=workers), load=load, dataset=dataset)
    with _sigterm_as_ctrl_c(), dataset.locked():
        if not options.resume and dataset.has_results():
            raise BatchError(
                f"expected a folder without results. Received: {dataset.name}. "
                "Use --resume to continue, or choose another folder"
            )
        items = find_items(options.sources, sys.stdin.buffer if sys.stdin is not None else None)
        summary, is_stopped = _read(items, dataset, run)
        summary |= {"engine": options.engine, "workers": workers}
        examples = summary.pop("examples")
        for name, reason in examples:
            arguments.log_file_error(name, reason)
        others = summary["failed"] - len(examples)
        if others:
            log.error("emomusic: and %s could not be read completely", pluralize(others, "other file"))
        dataset.write(SUMMARY, json.dumps(summary, indent=2).encode())
    return summary, arguments.STOPPED if is_stopped else 2 if summary["failed"] else 0


def _read(
    items: list[Item], dataset: Dataset, run: Callable[[list[Unit]], Generator[int]]
) -> tuple[dict[str, Any], bool]:
    """Read the items that the datasets do not have. Returns the figures, and whether the user stopped the run."""
    from emomusic.batch.reader import make_units

    done, last = dataset.scan()
    left = [item for item in items if item.name not in done]
    is_stopped, started_s = False, time.monotonic()
    with (
        arguments.progress("files", len(left), with_rate=True) as on_progress,
        contextlib.closing(run(make_units(left, first_number=last + 1))) as numbers,
    ):
        try:
            for num_read in accumulate(numbers):
                on_progress(num_read)
        except KeyboardInterrupt:
            is_stopped = True
    seconds = time.monotonic() - started_s
    dataset.scan()  # removes what a stop left
    summary = dataset.summary()
    num_read = summary["pictures"] + summary["films"] - len(done)
    if is_stopped:
        log.error("emomusic: stopped after %d of %d files. Continue with --resume", num_read, len(left))
    elif num_read < len(left):
        raise BatchError(
            f"expected {len(left)} new rows in {dataset.name}. Received: {num_read}, as if parts were deleted. "
            "Use --resume"
        )
    summary |= {
        "read": num_read,
        "seconds": round(seconds, 3),
        "per_second": round(num_read / seconds, 3) if seconds > 0 else 0.0,
        "resumed": len(done),
    }
    return summary, is_stopped


@contextlib.contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM as Ctrl+C, so that a service manager stops a run without loss."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_summary(summary: dict[str, Any]) -> Iterator[str]:
    counts = [pluralize(summary[noun], noun.removesuffix("s")) for noun in ("pictures", "films", "faces")]
    yield f"{', '.join(counts)}; {summary['failed']:,} failed"
    if summary["faces"]:
        shares = {name: number / summary["faces"] for name, number in summary["emotions"].items()}
        yield list_shares(shares, most=len(shares))
    for reason, number in summary["reasons"].items():
        yield f"  {number:,}: {reason}"
    yield f"read {summary['read']:,} in {summary['seconds']:.1f} s, {summary['per_second']:.1f} per second"


COMMANDS: dict[str, arguments.Command] = {"batch": (batch, _show_summary)}
