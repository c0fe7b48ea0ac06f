"""An orderly stop on SIGTERM, and logs as one JSON object a line.

The server first refuses new visitors and tells live sessions. It stops as soon as nothing is in progress, and at the
latest after `EMOMUSIC_DRAIN_S` seconds.

The JSON has no names of files, contents of pictures or addresses of visitors.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import traceback
from datetime import UTC, datetime
from time import monotonic

from emomusic.server.capacity import capacity

log = logging.getLogger(__name__)

_LOOK_S = 0.5
_NOTICED_S = 3.0  # proxies need this time to see that the server is not ready
_STOP_S = 5.0  # for uvicorn, which waits for open connections without a bound


def drain_on_sigterm(seconds: float) -> None:
    """Delay the stop of the server on SIGTERM until the work in progress is done. Call this on its event loop."""
    loop, stop = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def stop_now() -> None:
        # End the process even if a connection or a thread hangs
        timer = threading.Timer(_STOP_S, os._exit, [0])
        timer.daemon = True
        timer.start()
        if callable(stop):
            stop(signal.SIGTERM, None)
        else:
            os._exit(128 + signal.SIGTERM)

    async def drain(ends_s: float) -> None:
        """Stop the server when nothing is in progress, or at the end."""
        await asyncio.sleep(min(_NOTICED_S, seconds))
        while capacity().is_busy and monotonic() < ends_s:
            await asyncio.sleep(_LOOK_S)
        log.info("the server stops with %d visitors and %d live sessions", capacity().num_visitors, capacity().num_live)
        stop_now()

    def on_signal(*_: object) -> None:
        if capacity().is_draining:  # a second signal
            stop_now()
            return
        capacity().is_draining = True
        asyncio.run_coroutine_threadsafe(drain(monotonic() + seconds), loop)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_signal)


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON.

    Names of files reach the log as arguments of messages and as texts of exceptions. The JSON has the message without
    its arguments, and of an exception its type and the lines of code.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.msg if isinstance(record.msg, str) else type(record.msg).__name__,
        }
        if record.exc_info and record.exc_info[0] is not None:
            error_type, _, trace = record.exc_info
            entry["error"] = error_type.__name__
            entry["at"] = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
        elif isinstance(record.args, tuple):
            errors = [argument for argument in record.args if isinstance(argument, BaseException)]
            if errors:
                entry["error"] = type(errors[0]).__name__
        return json.dumps(entry)


def use_json_logs() -> None:
    """Send the records of all loggers to stderr as JSON, and nothing else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.basicConfig(handlers=[handler], level=min(logging.root.level, logging.INFO), force=True)
