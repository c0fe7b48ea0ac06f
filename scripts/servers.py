"""Replicas of the app and the proxy, started for a measurement."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic, sleep
from typing import NamedTuple

import requests

from emomusic.assets import ROOT
from emomusic.cli.system import MEMORY
from emomusic.errors import EmomusicError

_READY_WITHIN_S, _STOPS_WITHIN_S = 120.0, 15.0


class Server(NamedTuple):
    """A running process that answers at an address. It needs no shell and has no children."""

    name: str
    address: str
    process: subprocess.Popen[bytes]


def run_replica(name: str, cores: Sequence[int] = ()) -> contextlib.AbstractContextManager[Server]:
    """A replica of the app that answers, on these processors, or on all.

    Raises:
        EmomusicError: it does not answer within two minutes.
    """
    port = _free_port()
    command = ["taskset", "--cpu-list", ",".join(map(str, cores))] if cores else []
    command += [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    return _run(name, command, port, {**MEMORY, "PYTHONPATH": str(ROOT)})


@contextlib.contextmanager
def run_proxy(replicas: Sequence[Server]) -> Iterator[Server]:
    """Caddy with the committed configuration in front of replicas. Raises an `EmomusicError` if it does not answer."""
    caddy = shutil.which("caddy")
    if caddy is None:
        raise EmomusicError("expected Caddy on the path. Received: none. Run `apt install caddy`.")
    port = _free_port()
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "EMOMUSIC_SITE": f"http://127.0.0.1:{port}",
            "EMOMUSIC_UPSTREAMS": " ".join(replica.address.removeprefix("http://") for replica in replicas),
            "EMOMUSIC_SITE_OPTIONS": "bind 127.0.0.1",
            "EMOMUSIC_COOKIE_SECRET": secrets.token_hex(),
        } | dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), home)
        command = [caddy, "run", "--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
        with _run("caddy", command, port, settings) as server:
            yield server


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def _run(name: str, command: list[str], port: int, settings: Mapping[str, str]) -> Iterator[Server]:
    """A process that answers at a port of this machine, and ends with the context."""
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | dict(settings), stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        ends_s = monotonic() + _READY_WITHIN_S
        while not _is_ready(address):
            if (status := process.poll()) is not None:
                raise EmomusicError(f"expected {name} to run. Received: exit status {status}. Read its messages.")
            if monotonic() > ends_s:
                raise EmomusicError(f"expected {name} to answer in {_READY_WITHIN_S} s. Received: nothing. Try again.")
            sleep(0.05)
        yield Server(name, address, process)
    finally:
        process.terminate()
        try:
            process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(address: str) -> bool:
    with requests.Session() as http, contextlib.suppress(requests.RequestException):
        http.trust_env = False  # a proxy of the environment does not reach this machine
        return http.get(f"{address}/_stcore/health", timeout=10).ok
    return False
