"""Logs as one JSON object a line, without names of files, contents of pictures or addresses of visitors."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime


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
        elif isinstance(record.args, tuple) and (errors := [a for a in record.args if isinstance(a, BaseException)]):
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
    logging.root.handlers[:] = [handler]
    if logging.root.level > logging.INFO:
        logging.root.setLevel(logging.INFO)
