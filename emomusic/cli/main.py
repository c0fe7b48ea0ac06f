"""The command line: `python -m emomusic COMMAND`.

With `--json`, stdout holds exactly one JSON document. Progress and log lines go to stderr. Exit status 0 means done,
2 a problem that the user can fix (one line on stderr), 1 a bug (traceback).
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from emomusic import __version__
from emomusic.cli import arguments, batch, library, models, recommend, songs, system
from emomusic.cli.arguments import Parser
from emomusic.errors import EmomusicError
from emomusic.text import escape_control_chars

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parsed(argv)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("tensorflow", "tf2onnx", "absl", "h5py", "PIL"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    status = 0
    try:
        # Libraries that print must not write into the answer
        with contextlib.redirect_stdout(sys.stderr):
            answer, status = options.run(options)
        if options.json:
            print(json.dumps(answer, indent=2, allow_nan=False))  # ASCII fits every terminal
        else:
            if isinstance(sys.stdout, io.TextIOWrapper):  # titles and file names may not fit its encoding
                sys.stdout.reconfigure(errors="backslashreplace")
            for line in options.show(answer):
                if isinstance(line, bytes):  # a file
                    sys.stdout.buffer.write(line)
                else:
                    print(escape_control_chars(line))
        if sys.stdout is not None:  # None if the caller closed it
            sys.stdout.flush()
    except EmomusicError as error:
        log.error("emomusic: %s", " ".join(str(error).split()))
        return 2
    except KeyboardInterrupt:
        log.error("emomusic: stopped")
        return arguments.STOPPED
    except BrokenPipeError:  # the reader closed the pipe, as `head` does
        _discard(sys.stdout)
    except OSError as error:
        if error.errno not in _USER_ERRORS:
            raise
        _discard(sys.stdout)
        where = f": {error.filename}" if error.filename else ""
        log.error("emomusic: %s%s", error.strerror, where)
        return 2
    return int(status)


class _Lines(logging.Formatter):
    """Formats each record on one line for a terminal, with the trace of an exception below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # as the library names it
        """The message, without line breaks and control characters."""
        return escape_control_chars(record.message)


_USER_ERRORS = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
    errno.EIO,
}  # fmt: skip
"""Errors that a user can fix: permissions, names, full disks. Any other `OSError` is a bug."""


def _discard(stream: TextIO | None) -> None:
    """Redirect a broken stream to the null device, because Python flushes it again at exit."""
    if stream is not None:
        with contextlib.suppress(OSError):  # a replacement without a file descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the options. Allow files after options, which argparse does not do for subcommands."""
    parser = build_parser()
    options, rest = parser.parse_known_args(argv)
    are_files = not any(text.startswith("-") and text != "-" for text in rest)
    if options.command == "analyze" and are_files:
        options.images += rest
    elif options.command == "batch" and are_files:
        options.sources += rest
    elif options.command == "bench":
        options.rest = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(prog="emomusic", description="A face goes in, a song comes out.")
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    groups = (songs, recommend, library, batch, models, system)
    arguments.add_commands(subparsers, {name: command for group in groups for name, command in group.COMMANDS.items()})
    return parser
