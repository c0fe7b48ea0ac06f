"""Measure the app with many simulated visitors, on replicas behind Caddy.

    python -m scripts.load_test steady > report.json
    python -m scripts.load_test scaling --visitors 16 --seconds 60 > report.json
    python -m scripts.load_test failover > report.json
    python -m scripts.load_test limit --visitors 120 > report.json

A visitor speaks Streamlit's protocol as a browser does, but draws nothing and loads no scripts and styles. It uploads
photos that the app has not seen, asks for songs, and checks every answer. Linux only; needs `taskset` and Caddy.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from typing import Any, NoReturn

from emomusic.cli.timing import machine
from emomusic.errors import EmomusicError
from scripts.load.photos import Photos
from scripts.load.scenarios import Load, failover, limit, scaling, steady
from scripts.load.visitor import Habits

SCENARIOS = {"steady": steady, "scaling": scaling, "failover": failover, "limit": limit}


def report_on(scenario: str, load: Load) -> dict[str, Any]:
    """Run a scenario; returns its report, with the machine and the settings."""
    photos = Photos()
    bytes_each = round(sum(map(len, photos.cuts)) / len(photos.cuts))
    return {
        "scenario": scenario,
        "machine": machine(),
        "load": asdict(load),
        "mean bytes of a photo": bytes_each,
        **SCENARIOS[scenario](load, photos),
    }


def main() -> int:
    """Run the scenario that the command line names, and print its report as JSON."""
    default = Load()
    parser = argparse.ArgumentParser(prog="python -m scripts.load_test", description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--visitors", type=int, default=default.visitors, help="for `limit`, the most")
    parser.add_argument("--seconds", type=float, default=default.seconds)
    parser.add_argument("--replicas", type=int, default=default.replicas)
    parser.add_argument(
        "--think", type=float, default=default.habits.think_s, help="mean pause in seconds; `scaling` has none"
    )
    parser.add_argument("--photo-share", type=float, default=default.habits.photo_share, help="of the actions, 0 to 1")
    parser.add_argument("--no-proxy", action="store_true", help="without Caddy; needs --replicas 1")
    parser.add_argument("--step", type=int, default=default.step, help="visitors that `limit` adds at a time")
    parser.add_argument("--step-seconds", type=float, default=default.step_s, help="time between them")
    chosen = parser.parse_args()
    load = Load(
        visitors=chosen.visitors,
        seconds=chosen.seconds,
        replicas=chosen.replicas,
        habits=Habits(
            think_s=0.0 if chosen.scenario == "scaling" else chosen.think,
            photo_share=chosen.photo_share,
            retries=chosen.scenario == "failover",
        ),
        behind_proxy=not chosen.no_proxy,
        step=chosen.step,
        step_s=chosen.step_seconds,
    )
    signal.signal(signal.SIGTERM, _stop)  # the servers must not outlive this command
    try:
        report = report_on(chosen.scenario, load)
    except EmomusicError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=2))
    return 0


def _stop(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
