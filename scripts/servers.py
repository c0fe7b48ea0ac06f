"""The app, started for a measurement."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic, sleep
from typing import NamedTuple

import requests

from emomusic.assets import ROOT
from emomusic.cli.system import MEMORY
from emomusic.errors import EmomusicError

_READY_WITHIN_S, _STOPS_WITHIN_S = 120.0, 15.0


class Server(NamedTuple):
    """A running app that answers at an address. It needs no shell and has no children."""

    address: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def run_app() -> Iterator[Server]:
    """The app on a free port of this machine, which ends with the context.

    Raises:
        EmomusicError: it does not answer within two minutes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    settings = os.environ | {**MEMORY, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        ends_s = monotonic() + _READY_WITHIN_S
        while not _is_ready(address):
            if (status := process.poll()) is not None:
                raise EmomusicError(f"expected the app to run. Received: exit status {status}. Read its messages.")
            if monotonic() > ends_s:
                raise EmomusicError(f"expected the app to answer in {_READY_WITHIN_S} s. Received: nothing. Try again.")
            sleep(0.05)
        yield Server(address, process)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOPS_WITHIN_S)
        process.kill()  # nothing if it has ended
        process.wait()


def _is_ready(address: str) -> bool:
    with requests.Session() as http, contextlib.suppress(requests.RequestException):
        http.trust_env = False  # a proxy of the environment does not reach this machine
        return http.get(f"{address}/_stcore/health", timeout=10).ok
    return False
