"""An orderly stop on SIGTERM.

The server first refuses new visitors and tells live sessions. It stops as soon as no visitor is busy, and at the latest
after `EMOMUSIC_DRAIN_S` seconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any

from emomusic.errors import SettingsError
from emomusic.ui.core.capacity import capacity
from emomusic.ui.core.engine import engine

log = logging.getLogger(__name__)

DRAIN_S = "EMOMUSIC_DRAIN_S"
"""Name of the setting."""

_DEFAULT_S, _MOST_S = 20.0, 3600.0
_LOOK_S = 0.5
_NOTICED_S = 3.0  # proxies need this time to see that the server is not ready
_STOP_S = 5.0  # for uvicorn, which waits for open connections without a bound


def drain_seconds(environment: Mapping[str, str]) -> float:
    """The longest time of the drain in seconds, 20 by default.

    Raises:
        SettingsError: the setting is not a number from 0 to 3600.
    """
    text = environment.get(DRAIN_S, "").strip() or str(_DEFAULT_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= _MOST_S:
        raise SettingsError(f"expected {DRAIN_S} to be seconds from 0 to {_MOST_S:.0f}. Received: {text!r}. Change it")
    return seconds


class Drain:
    """Delays the stop of the server until its visitors are done."""

    def __init__(self, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        self._seconds, self._loop = seconds, loop
        self._ends_s = 0.0
        self._stop: Any = signal.SIG_DFL

    def install(self) -> None:
        """Replace the handler of SIGTERM, which then runs after the drain."""
        if threading.current_thread() is threading.main_thread():
            self._stop = signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        if capacity().is_draining:  # a second signal
            self._stop_now()
            return
        capacity().is_draining = True
        now_s = monotonic()
        self._ends_s = now_s + self._seconds
        self._loop.call_soon_threadsafe(self._look, now_s + min(_NOTICED_S, self._seconds))

    def _look(self, earliest_s: float) -> None:
        """Stop if no visitor is busy or the time is over, else look again."""
        now_s = monotonic()
        if now_s >= self._ends_s or (now_s >= earliest_s and not is_busy()):
            log.info("the server stops with %d visitors and %d live sessions", *_counts())
            self._stop_now()
        else:
            self._loop.call_later(_LOOK_S, self._look, earliest_s)

    def _stop_now(self) -> None:
        self._exit_later()
        if callable(self._stop):
            self._stop(signal.SIGTERM, None)
        else:
            os._exit(128 + signal.SIGTERM)

    def _exit_later(self) -> None:
        """End the process even if a connection or a thread hangs."""
        timer = threading.Timer(_STOP_S, os._exit, [0])
        timer.daemon = True
        timer.start()

    def finish(self) -> None:
        """Refuse visitors from now on; for a stop without SIGTERM."""
        capacity().is_draining = True


def is_busy() -> bool:
    """Whether a live session runs or a photo waits for its turn."""
    return capacity().num_live > 0 or len(engine().queue) > 0


def _counts() -> tuple[int, int]:
    return capacity().num_visitors, capacity().num_live
