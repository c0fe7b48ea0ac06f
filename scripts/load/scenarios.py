"""The load test's scenarios. Each returns its part of the report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from scripts.load.photos import Photos
from scripts.load.report import is_answer, seconds_of, summarize
from scripts.load.servers import Server, ServerError, run_proxy, run_replica
from scripts.load.visitor import Habits, Journal, Visitor

SLOW_S = 5.0
"""Answers are slow if the 95th percentile of a step of `limit` exceeds this."""

_MOST_THREADS = 64  # for HTTP requests
_RECOVERS_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a measurement.

    Attributes:
        visitors: number of visitors; in `limit` the most.
        seconds: duration.
        replicas: number of replicas.
        habits: of the visitors.
        behind_proxy: whether Caddy is in front of the replicas.
        step: visitors that `limit` adds at a time.
        step_s: seconds between these steps.
    """

    visitors: int = 40
    seconds: float = 300.0
    replicas: int = 2
    habits: Habits = field(default_factory=Habits)
    behind_proxy: bool = True
    step: int = 10
    step_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """The servers of one measurement.

    Attributes:
        address: where visitors go.
        replicas: of the app.
        proxy: Caddy, or None.
    """

    address: str
    replicas: list[Server]
    proxy: Server | None

    @property
    def servers(self) -> list[Server]:
        """The replicas and the proxy."""
        return [*self.replicas, *([self.proxy] if self.proxy else [])]


class Crowd:
    """The visitors of a deployment, and the photos that they share."""

    def __init__(self, deployment: Deployment, photos: Photos, habits: Habits) -> None:
        self.journal = Journal()
        self.deployment = deployment
        self.photos = photos
        self.habits = habits
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="http")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def visitor(self, number: int, *, address: str | None = None, habits: Habits | None = None) -> Visitor:
        """A new visitor of the proxy, or of another address."""
        return Visitor(
            number, address or self.deployment.address, self.photos, self.journal, habits or self.habits, self._threads
        )

    async def warm_up(self) -> None:
        """Let every replica answer one photo, so that its networks are loaded."""
        for replica in self.deployment.replicas:
            if not await self.get_photo(replica.address, within_s=_RECOVERS_WITHIN_S):
                raise ServerError(f"expected a photo from {replica.name}. Received: errors. Read its messages.")
        self.journal.outcomes.clear()

    async def get_photo(self, address: str, *, within_s: float) -> bool:
        """Whether a new visitor receives the answer to a photo in time; refused visitors try again."""
        ends_s = monotonic() + within_s
        while monotonic() < ends_s:
            before = len(self.journal.outcomes)
            newcomer = self.visitor(-1, address=address, habits=Habits(think_s=0, photo_share=1))
            await newcomer.stay(monotonic() + 0.5)
            if any(is_answer(outcome) for outcome in self.journal.outcomes[before:]):
                return True
            await asyncio.sleep(1)
        return False


def steady(load: Load, photos: Photos) -> dict[str, Any]:
    """The given visitors on all replicas."""
    with _deploy(load.replicas, load.behind_proxy) as deployment:
        return _measure(deployment, load, photos)[0]


def scaling(load: Load, photos: Photos) -> dict[str, Any]:
    """Throughput of saturated replicas: one core, one core for each, and one replica with all of these cores.

    Visitors without pauses saturate them. The proxy and the visitors share the cores, so they take most from the
    replicas when all cores are busy.
    """
    cores = [share[0] for share in _shares(load.replicas)]
    one, many = "one replica on one core", f"{load.replicas} replicas on one core each"
    large = f"one replica on {load.replicas} cores"
    measured = {}
    for name, core_sets in ((one, [cores[:1]]), (many, [[core] for core in cores]), (large, [cores])):
        with _deploy(len(core_sets), load.behind_proxy, core_sets) as deployment:
            measured[name] = _measure(deployment, load, photos)[0]
    base = measured[one]["answers_per_s"]
    ratios = {name: round(measured[name]["answers_per_s"] / base, 3) for name in (many, large)} if base else {}
    return {"answers_per_s compared with one replica on one core": ratios, "measured": measured}


def failover(load: Load, photos: Photos) -> dict[str, Any]:
    """One replica is killed midway; the others must take over its visitors.

    The visitors must have the habit to retry.
    """
    killed_s = 0.0

    async def kill_one(deployment: Deployment) -> None:
        nonlocal killed_s
        await asyncio.sleep(load.seconds / 2)
        killed_s = monotonic()
        deployment.replicas[0].kill()

    with _deploy(load.replicas, load.behind_proxy) as deployment:
        report, journal = _measure(deployment, load, photos, kill_one)
    outcomes = journal.outcomes
    moved = {outcome.visitor for outcome in outcomes if outcome.action == "reconnect"}
    stayed = [outcome for outcome in outcomes if outcome.visitor not in moved]
    return report | {
        "visitors who lost their replica": len(moved),
        "reconnections": seconds_of(
            outcome for outcome in outcomes if (outcome.action, outcome.result) == ("reconnect", "answered")
        ),
        "the other visitors": {
            "before": seconds_of(o for o in stayed if is_answer(o) and o.began_s < killed_s),
            "after": seconds_of(o for o in stayed if is_answer(o) and o.began_s >= killed_s),
            "errors": sum(outcome.result in ("error", "interrupted") for outcome in stayed),
        },
    }


def limit(load: Load, photos: Photos) -> dict[str, Any]:
    """More and more visitors, until answers are slow and the app refuses newcomers, and one step more.

    Each replica has its share of the cores, as containers have, so that its limits fit them.
    """
    with _deploy(load.replicas, load.behind_proxy, _shares(load.replicas)) as deployment:
        return asyncio.run(_find_limit(deployment, load, photos))


def _shares(replicas: int) -> list[list[int]]:
    """The cores of this machine, divided among replicas."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < replicas:
        raise ServerError(
            f"expected a core for each of {replicas} replicas. Received: {len(cores)}. Ask for fewer replicas."
        )
    return [cores[number::replicas] for number in range(replicas)]


async def _find_limit(deployment: Deployment, load: Load, photos: Photos) -> dict[str, Any]:
    crowd = Crowd(deployment, photos, load.habits)
    journal = crowd.journal
    tasks: list[asyncio.Task[None]] = []
    steps: list[dict[str, Any]] = []
    slow: dict[str, Any] | None = None  # the first step with slow answers
    full: dict[str, Any] | None = None  # the first step with refused newcomers
    with contextlib.closing(crowd):
        await crowd.warm_up()
        before, began_s = _resources(deployment), monotonic()
        while len(tasks) < load.visitors:
            seen, step_began_s = len(journal.outcomes), monotonic()
            newcomers = range(len(tasks), min(len(tasks) + load.step, load.visitors))
            tasks += [asyncio.create_task(crowd.visitor(number).stay(float("inf"))) for number in newcomers]
            await asyncio.sleep(load.step_s)
            step = summarize(journal.outcomes[seen:], step_began_s, monotonic())
            metrics = [await asyncio.to_thread(replica.metrics) for replica in deployment.replicas]
            queues = [values.get("emomusic_queue_length") for values in metrics]
            steps.append({"came": len(tasks), "present": len(journal.present), "queues": queues, **step})
            if slow and full:
                break
            slow = slow or (steps[-1] if step["answers"].get("p95_s", 0.0) > SLOW_S else None)
            full = full or (steps[-1] if step["refused"] else None)
        used = _used(before, _resources(deployment))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        total = summarize(journal.outcomes, began_s, monotonic())
        gone_s = monotonic()
        recovers = await crowd.get_photo(deployment.address, within_s=_RECOVERS_WITHIN_S)
        return {
            "visitors present when answers became slow": slow and slow["present"],
            "visitors present when the app refused newcomers": full and full["present"],
            "largest 95th percentile of a step, seconds": max(step["answers"].get("p95_s", 0.0) for step in steps),
            "replicas still running": sum(replica.process.poll() is None for replica in deployment.replicas),
            "answers a newcomer after the load": recovers,
            "seconds until this answer": round(monotonic() - gone_s, 1),
            "processes": used,
            "steps": steps,
            **total,
        }


@contextlib.contextmanager
def _deploy(replicas: int, behind_proxy: bool, cores: list[list[int]] | None = None) -> Iterator[Deployment]:
    if not behind_proxy and replicas != 1:
        raise ServerError(f"expected one replica without a proxy. Received: {replicas}. Add --replicas 1.")
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(run_replica(f"replica {number + 1}", cores=cores[number] if cores else ()))
            for number in range(replicas)
        ]
        proxy = stack.enter_context(run_proxy(started)) if behind_proxy else None
        yield Deployment((proxy or started[0]).address, started, proxy)


def _measure(
    deployment: Deployment,
    load: Load,
    photos: Photos,
    meanwhile: Callable[[Deployment], Awaitable[None]] | None = None,
) -> tuple[dict[str, Any], Journal]:
    """The report and the journal of a load on warm servers."""

    async def run() -> dict[str, Any]:
        await crowd.warm_up()
        before, began_s = _resources(deployment), monotonic()
        ends_s = began_s + load.seconds
        # Visitors arrive during one pause or a tenth of the time, not at one moment
        arrival_s = min(load.habits.think_s, load.seconds / 10) / max(load.visitors, 1)

        async def come(number: int) -> None:
            await asyncio.sleep(number * arrival_s)
            await crowd.visitor(number).stay(ends_s)

        async with asyncio.TaskGroup() as group:
            for number in range(load.visitors):
                group.create_task(come(number))
            late = group.create_task(_late_metrics(deployment, load.seconds))
            if meanwhile is not None:
                await meanwhile(deployment)
        report = summarize(crowd.journal.outcomes, began_s, ends_s)
        return {**report, "processes": _used(before, _resources(deployment)), "metrics near the end": late.result()}

    crowd = Crowd(deployment, photos, load.habits)
    with contextlib.closing(crowd):
        return asyncio.run(run()), crowd.journal


async def _late_metrics(deployment: Deployment, seconds: float) -> dict[str, dict[str, float]]:
    """The replicas' metrics shortly before the visitors leave."""
    await asyncio.sleep(0.9 * seconds)
    return {replica.name: await asyncio.to_thread(replica.metrics) for replica in deployment.replicas}


def _resources(deployment: Deployment) -> dict[str, tuple[float, float]]:
    """Processor seconds and memory in MB of each process that runs."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    running = [server for server in deployment.servers if server.process.poll() is None]
    used = {server.name: (server.cpu_s(), server.memory_mb()) for server in running}
    return used | {"visitors": (own.ru_utime + own.ru_stime, own.ru_maxrss * 1024 / 1e6)}


def _used(before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Use of the processes that run until the end."""
    return {
        name: {
            "cpu_s": round(cpu_s - before[name][0], 1),
            "memory_mb_at_start": round(before[name][1]),
            "memory_mb_at_end": round(memory_mb),
        }
        for name, (cpu_s, memory_mb) in after.items()
    }
