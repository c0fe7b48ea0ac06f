"""Decoders of uploads in child processes with limits: a hostile file ends its own process, and nothing else.

A child is a new Python, with neither memory nor files of the server. It answers with bytes, never with pickles.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, Any

from emomusic.errors import EmomusicError
from emomusic.runtime import num_cores

MAX_S, MAX_MEMORY_BYTES, MAX_ANSWER_BYTES = 10, 2**30, 2**29
"""Limits of an answer: the time for it, the memory of the child beyond its modules, and the size."""

Reader = Callable[[bytes, str], Generator[bytes, Any, None]]
"""Yields answers about the content of a file and its name. `yield` returns the next request."""

_ANSWER, _ERROR, _PROBLEM, _END = b"answer", b"error", b"problem", b"end"
_LARGE, _LATE, _DAMAGED = "asks for more than 1 GB", f"takes more than {MAX_S} s", "is damaged"
_ENDS = {-6: _LARGE, -9: _LARGE, -14: _LATE}  # without memory, libraries abort, and the system kills; an alarm ends
_at_once = threading.BoundedSemaphore(2)  # children that work, because of their memory
_lock = threading.Lock()
_spares: dict[str, subprocess.Popen[bytes]] = {}


def read_in_child(
    reader: str, data: bytes, name: str, error: type[EmomusicError], noun: str
) -> Generator[bytes, Any, None]:
    """The results of a `Reader` for a file. This generator sends each sent value on to the reader as JSON.

    Args:
        reader: its module and its name, "package.module:function".
        data: the content of the file.
        name: the name of the file, for the reader and for messages.
        error: the type of the errors, of the reader and about a file that is damaged or exceeds a limit.
        noun: the kind of the file.
    """
    with _lock:
        process = _spares.pop(reader, None) or _started(reader)
    assert process.stdin is not None
    assert process.stdout is not None
    requests = [os.fsencode(name), data]
    try:
        while True:
            kind, content = _PROBLEM, b""
            with _at_once, contextlib.suppress(OSError, ValueError, EOFError):  # the child has ended
                _send(process.stdin, *requests)
                kind, content = _receive(process.stdout), _receive(process.stdout)
            if kind == _ERROR:
                raise error(content.decode())
            if kind == _END:
                return
            if kind == _PROBLEM:
                reason = content.decode() or _ENDS.get(process.wait(), _DAMAGED)
                raise error(f"{name}: this {noun} cannot be opened: it {reason}.")
            requests = [json.dumps((yield content)).encode()]
    finally:
        process.kill()
        process.communicate()


def prepare(reader: str) -> None:
    """Start a child, so that the next file does not wait 0.6 s for its modules."""
    with _lock:
        if reader not in _spares:
            _spares[reader] = _started(reader)


def _started(reader: str) -> subprocess.Popen[bytes]:
    # Other allocators reserve memory, which counts as used
    variables = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
    variables["PYTHONPATH"] = str(Path(__file__).parents[2])
    command, pipe, nothing = [sys.executable, "-m", __name__, reader], subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, env=os.environ | variables)


def _send(file: IO[bytes], *parts: bytes) -> None:
    for part in parts:
        file.write(b"%d\n" % len(part))
        file.write(part)
    file.flush()


def _receive(file: IO[bytes]) -> bytes:
    size = int(file.readline(20))
    part = file.read(min(size, MAX_ANSWER_BYTES))
    if len(part) != size:
        raise EOFError
    return part


def main(reader: str) -> None:
    """Answer requests until the server closes the pipe, or ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may print
    module, _, function = reader.partition(":")
    read: Reader = getattr(importlib.import_module(module), function)
    name = _receive(requests)
    _limit_memory()
    found, request = read(_receive(requests), os.fsdecode(name)), None
    alarm = getattr(signal, "alarm", lambda seconds: seconds)  # Windows has none
    while True:
        alarm(math.ceil(MAX_S * max(1.0, os.getloadavg()[0] / num_cores())))  # other processes slow it down
        answer = _answer(found, request)
        alarm(0)
        _send(answers, *answer)
        request = json.loads(_receive(requests))


def _answer(found: Generator[bytes, Any, None], request: object) -> tuple[bytes, bytes]:
    try:
        return _ANSWER, found.send(request)
    except StopIteration:
        return _END, b""
    except EmomusicError as error:
        return _ERROR, str(error).encode("utf-8", "replace")
    except MemoryError:
        return _PROBLEM, _LARGE.encode()
    except BaseException:  # parsers raise many types, and panics, on hostile bytes
        return _PROBLEM, _DAMAGED.encode()


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not of Linux
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        num_pages = int(Path("/proc/self/statm").read_text().split()[0])
        num_bytes = num_pages * resource.getpagesize() + MAX_MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (num_bytes, num_bytes))
        Path("/proc/self/oom_score_adj").write_text("1000")  # without memory, the system ends a child first


if __name__ == "__main__":
    main(sys.argv[1])
