"""The command line: `python -m emomusic COMMAND`.

With `--json`, stdout holds one JSON document and nothing else; progress and log lines go to stderr. Exit status 0:
done. 2: the user must mend something, said in one line on stderr. 1: our fault, with a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, TextIO

from emomusic import __version__
from emomusic.cli import arguments, bench, data, models, songs, system
from emomusic.errors import EmomusicError
from emomusic.text import escape_control_chars


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and takes -1e-05 for a number, and what looks like one for a wrong one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Python's own pattern takes -0,6, and up to 3.13 -1e-05, for an option that is not known
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_one_line(message)} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parsed(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    for chatty in ("tensorflow", "tf2onnx", "absl", "h5py", "PIL"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    status = 0
    try:
        # Whatever a library prints goes to stderr: stdout is for the answer alone
        with contextlib.redirect_stdout(sys.stderr):
            answer, status = options.run(options)
        if options.json:
            print(json.dumps(answer, indent=2, allow_nan=False))  # in ASCII: any terminal and any file can hold it
        else:
            if isinstance(sys.stdout, io.TextIOWrapper):  # titles and names of files may not fit its encoding
                sys.stdout.reconfigure(errors="backslashreplace")
            options.show(answer)
        if sys.stdout is not None:  # closed by who called
            sys.stdout.flush()
    except EmomusicError as error:
        _tell(str(error))
        return 2
    except KeyboardInterrupt:
        _tell("stopped")
        return 130
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        _forget(sys.stdout)
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        _forget(sys.stdout)
        where = f": {error.filename}" if error.filename else ""
        _tell(f"{error.strerror}{where}")
        return 2
    return int(status)


_OF_THE_MACHINE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
    errno.EIO,
}  # fmt: skip
"""What a user can mend: rights, names, full disks. Any other `OSError` is a fault of ours."""


def _one_line(text: str) -> str:
    return escape_control_chars(" ".join(text.split()))


def _tell(text: str) -> None:
    """A line on stderr, where there is one that takes it: who called has the exit status in any case."""
    if sys.stderr is not None:  # `print` would take stdout instead
        try:
            print(f"emomusic: {_one_line(text)}", file=sys.stderr, flush=True)
        except OSError:
            _forget(sys.stderr)


def _forget(stream: TextIO | None) -> None:
    """Let nothing more be written to it: Python would try once more at the end, and complain."""
    if stream is not None:
        with contextlib.suppress(OSError):  # a stand-in without a descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options; pictures and a film may stand after an option, which argparse does not know of commands."""
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    are_files = not any(text.startswith("-") for text in rest)
    if options.command == "analyze" and are_files:
        options.images += rest
    elif options.command == "bench" and are_files and len(rest) == 1 and options.film is None:
        options.film = arguments.path(rest[0])
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="emomusic", description="A face goes in, a song comes out.")
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in (songs, models, data, bench, system):
        group.add_commands(subparsers)
    return parser
