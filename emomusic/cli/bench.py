"""`bench`: run `scripts/bench.py` of the checkout, which times each step on this machine."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from emomusic.cli.arguments import Outcome, add_command


def add_commands(parent: Any) -> None:
    """Add the command to the parser, which leaves its other options to the script."""
    text = "Time each step on this machine: photo, models, music, live, film or batch."
    add_command(parent, "bench", bench, _show_timings, text)


def bench(options: argparse.Namespace) -> Outcome:
    """Time one part. Raises an `AssetError` in an installed wheel."""
    from emomusic.assets import ROOT, require_checkout

    require_checkout("to time its steps")
    command = [sys.executable, "-P", "-m", "scripts.bench", *options.rest]  # -P: not a folder `scripts` of the user
    done = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode:  # the script has told the reason
        raise SystemExit(done.returncode)
    return json.loads(done.stdout), 0


def _show_timings(report: dict[str, Any]) -> None:
    print(report["machine"])
    for timing in report["timings"]:
        digits = 2 if timing["unit"] == "x" else 1
        median, worst = (f"{timing[name]:.{digits}f}" for name in ("median", "p95"))
        print(f"{median:>8} {timing['unit']:5}  (95 %: {worst})  {timing['step']}")
