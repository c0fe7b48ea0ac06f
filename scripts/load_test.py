"""Measure the app with simulated visitors, on replicas behind Caddy.

    python -m scripts.load_test > report.json
    python -m scripts.load_test --visitors 120 --arrive-within 240 --seconds 260 > limit.json

A visitor speaks Streamlit's protocol as a browser does, but draws nothing and loads no scripts and styles. It uploads
photos that the app has not seen, asks for songs, and checks every answer. Linux only. Several replicas need Caddy.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from emomusic.assets import data_dir
from emomusic.errors import EmomusicError
from emomusic.media.images import encode_jpeg, read_image
from scripts.load_visitor import Outcome, Visitor
from scripts.servers import Server, run_proxy, run_replica
from scripts.timing import machine, resident_mb, spread

_THREADS = 64  # for HTTP requests
_WARM_UP_S = 300.0
_CUTS = 8  # of each sample; their pixels differ, so the pages share no pictures
_MOST_CUT = 0.04  # of each side


OPTIONS = {
    "visitors": (40, "number of visitors"),
    "seconds": (300.0, "duration"),
    "replicas": (2, "number of replicas, which share the cores of this machine"),
    "think": (10.0, "mean pause before an action in seconds, exponentially distributed; 0 for none"),
    "arrive_within": (10.0, "seconds until the last visitor comes"),
    "interval": (20.0, "seconds of each row of the report"),
}
"""The load of a measurement: default and meaning of each option."""


def measure(load: argparse.Namespace) -> dict[str, Any]:
    """The report of a load, with the `OPTIONS`. Several replicas are behind Caddy.

    Raises:
        EmomusicError: a server does not start.
    """
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        replicas = [
            stack.enter_context(run_replica(f"replica {number + 1}", cores=cores[number :: load.replicas]))
            for number in range(load.replicas)
        ]
        servers = [*replicas, *([stack.enter_context(run_proxy(replicas))] if load.replicas > 1 else [])]
        report = asyncio.run(_measure(load, servers, make_photos()))
    return {"machine": machine(), "load": vars(load)} | report


def make_photos() -> list[bytes]:
    """JPEG files, cut from the samples."""
    chance, photos = random.Random(0), []
    for path in sorted((data_dir() / "samples").glob("*.jpg")):
        image = read_image(path)
        height, width = image.shape[:2]
        for _ in range(_CUTS):
            top, left = (round(side * chance.uniform(0, _MOST_CUT)) for side in (height, width))
            photos.append(encode_jpeg(image[top:, left:]))
    return photos


async def _measure(load: argparse.Namespace, servers: Sequence[Server], photos: Sequence[bytes]) -> dict[str, Any]:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    outcomes: list[Outcome] = []
    address = servers[-1].address
    visitors = [Visitor(number, address, photos, outcomes, load.think) for number in range(load.visitors)]
    for replica in servers[: load.replicas]:  # so that its networks are loaded
        await _answer_newcomer(replica.address, photos)
    began_s = monotonic()
    ends_s = began_s + load.seconds
    rows: list[dict[str, Any]] = []

    async def come(number: int) -> None:
        await asyncio.sleep(number * load.arrive_within / load.visitors)
        await visitors[number].stay(ends_s)

    async def watch() -> None:
        while (left_s := ends_s - monotonic()) > 0:
            seen, row_began_s = len(outcomes), monotonic()
            await asyncio.sleep(min(load.interval, left_s))
            num_present = sum(visitor.is_present for visitor in visitors)
            rows.append({"present": num_present, **summarize(outcomes[seen:], row_began_s)})

    await asyncio.gather(watch(), *(come(number) for number in range(load.visitors)))
    return {
        **summarize(outcomes, began_s),
        "seconds until a newcomer has a song after the load": await _answer_newcomer(address, photos),
        "MB": {server.name: round(resident_mb(server.process.pid)) for server in servers},
        "intervals": rows,
    }


async def _answer_newcomer(address: str, photos: Sequence[bytes]) -> float:
    """The seconds until a new visitor receives the answer to a photo.

    Raises:
        EmomusicError: there is none within five minutes.
    """
    outcomes: list[Outcome] = []
    began_s = monotonic()
    while monotonic() < began_s + _WARM_UP_S:
        await Visitor(-1, address, photos, outcomes, 0).stay(monotonic() + 0.5)
        if any(_is_answer(outcome) for outcome in outcomes):
            return round(monotonic() - began_s, 1)
        await asyncio.sleep(1)
    raise EmomusicError(f"expected an answer from {address}. Received: {outcomes[-1]}. Read its messages.")


def summarize(outcomes: Sequence[Outcome], began_s: float) -> dict[str, Any]:
    """Counts, durations, errors and throughput from a time on the monotonic clock until now."""
    seconds = monotonic() - began_s
    answers = [outcome for outcome in outcomes if _is_answer(outcome)]
    errors = Counter(f"{outcome.action}: {outcome.reason}" for outcome in outcomes if outcome.result == "error")
    return {
        "seconds": round(seconds, 1),
        "answers_per_s": round(len(answers) / seconds, 3),
        "answers": _durations(answers),
        "refusals": _durations(outcome for outcome in outcomes if outcome.result == "refused"),
        "errors": dict(errors.most_common()),
    }


def _is_answer(outcome: Outcome) -> bool:
    """Whether the outcome is a photo or a song that the visitor received."""
    return outcome.result == "answered" and outcome.action in ("photo", "song")


def _durations(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Number, median, 95th percentile and maximum; only the number without any."""
    values = [outcome.elapsed_s for outcome in outcomes]
    if not values:
        return {"count": 0}
    median, p95 = spread(values)
    return {"count": len(values), "p50_s": round(median, 3), "p95_s": round(p95, 3), "max_s": round(max(values), 3)}


def main() -> int:
    """Measure the load that the command line names, and print the report as JSON."""
    parser = argparse.ArgumentParser(prog="python -m scripts.load_test", description=str(__doc__).split("\n", 1)[0])
    for name, (default, text) in OPTIONS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help=f"{text} ({default})")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends the servers, too
    try:
        print(json.dumps(measure(parser.parse_args()), indent=2))
    except EmomusicError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
