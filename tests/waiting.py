"""Waits for another thread or process, and for coroutines."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from emomusic.runtime import num_cores

_BUSY = min(max(os.getloadavg()[0] / num_cores(), 1.0), 8.0)  # processes for each core before the tests
PATIENCE_S = 30 * float(os.environ.get("PATIENCE_FACTOR", _BUSY))
"""The limit of all waits of the tests, in seconds. `PATIENCE_FACTOR` is for a slow host."""


def wait_until(
    condition: Callable[[], object], describe: Callable[[], object] = str, *, longest_pause_s: float = 0.2
) -> None:
    """Wait until the condition holds. `describe` tells what there is instead."""
    ends_s, pause_s = time.monotonic() + PATIENCE_S, 0.005
    while not condition():
        assert time.monotonic() < ends_s, f"the condition did not come true. {describe()}"
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, longest_pause_s)


def run_python(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """What a new Python prints from the root of the checkout. The options are those of `subprocess.run`."""
    command, root = [sys.executable, *map(str, arguments)], Path(__file__).parents[1]
    chosen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": PATIENCE_S} | options
    return subprocess.run(command, cwd=root, text=True, check=False, **chosen)


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine on this thread, where Playwright may have left its event loop running."""
    left = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return asyncio.run(coroutine)
    finally:
        asyncio._set_running_loop(left)
