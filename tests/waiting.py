"""A wait for another thread or process."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    ends_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_s, "the condition did not come true"
        time.sleep(0.005)
