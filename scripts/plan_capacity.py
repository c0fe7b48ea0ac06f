"""Estimate the servers for a class, an event and many visitors from the measured figures.

    python -m scripts.plan_capacity

Reads docs/benchmarks/load-one-replica.json and live-sessions.json, written by scripts.load_test and
scripts.measure_live_sessions. The estimate multiplies figures of one machine and has not been tested at this size.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from emomusic.assets import ROOT
from emomusic.ui.core.capacity import LIVE_PER_CORE, VISITORS_PER_CORE

_RESERVE = 0.7  # share of the capacity that is used, because proxies distribute visitors unevenly
_CORES_PER_REPLICA = 2
_PLANS = ((30, 0.0), (30, 0.1), (300, 0.0), (300, 0.1), (10_000, 0.1))  # visitors, and the share with a camera


@dataclass(frozen=True, slots=True)
class Plan:
    """The estimate for a number of visitors.

    Attributes:
        visitors: at the same time.
        live: of them with a camera.
        cores: of all replicas.
        replicas: with two cores each.
        memory_gb: of all replicas.
        turn_mbit_per_s: traffic of TURN servers in each direction, if all video goes through them.
    """

    visitors: int
    live: int
    cores: int
    replicas: int
    memory_gb: int
    turn_mbit_per_s: int


def plan(visitors: int, live_share: float, *, replica_mb: float, mbit_per_s: float) -> Plan:
    """The estimate for a number of visitors.

    Args:
        visitors: at the same time.
        live_share: share of them with a camera, 0 to 1.
        replica_mb: memory of a replica with visitors and cameras at their limits.
        mbit_per_s: traffic of a live session, both directions together.
    """
    live = math.ceil(visitors * live_share)
    needed = ((visitors - live) / VISITORS_PER_CORE + live / LIVE_PER_CORE) / _RESERVE
    replicas = math.ceil(needed / _CORES_PER_REPLICA)
    return Plan(
        visitors=visitors,
        live=live,
        cores=replicas * _CORES_PER_REPLICA,
        replicas=replicas,
        memory_gb=math.ceil(replicas * replica_mb / 1000),
        turn_mbit_per_s=math.ceil(live * mbit_per_s),
    )


def plans() -> list[Plan]:
    """The estimates for a class, an event and many visitors, from the reports in docs/benchmarks."""
    folder = ROOT / "docs" / "benchmarks"
    load = json.loads((folder / "load-one-replica.json").read_text(encoding="utf-8"))
    live = json.loads((folder / "live-sessions.json").read_text(encoding="utf-8"))
    rows = [row for row in live["rows"] if row["sessions"] <= live["sessions_served_well"]]
    replica = load["processes"]["replica 1"]
    grown_mb = replica["memory_mb_at_end"] - replica["memory_mb_at_start"]
    replica_mb = max(row["memory_mb"] for row in rows) + grown_mb
    mbit_per_s = max(row["mbit_per_s_up_and_down"] for row in rows)
    return [plan(*each, replica_mb=replica_mb, mbit_per_s=mbit_per_s) for each in _PLANS]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the plans as JSON."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    print(json.dumps([asdict(each) for each in plans()], indent=2))


if __name__ == "__main__":
    main()
