"""Replicas of the app and the proxy, started for a measurement or a test."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from emomusic.assets import ROOT
from emomusic.cli.system import MEMORY
from emomusic.errors import EmomusicError

ENTRY = ROOT / "emomusic" / "server" / "asgi.py"

_READY_WITHIN_S = 120.0
_STOPS_WITHIN_S = 15.0
_URL = re.compile(r"http://127\.0\.0\.1:[1-9]\d*")


@dataclass(frozen=True, slots=True)
class Server:
    """A running process that answers at an address.

    Attributes:
        name: in reports.
        address: its URL.
        process: the process; it needs no shell and has no children.
    """

    name: str
    address: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def run_replica(name: str, *, script: Path = ENTRY, cores: Sequence[int] = (), folder: Path = ROOT) -> Iterator[Server]:
    """A replica of the app that answers, on a port that Streamlit finds free.

    Args:
        name: in reports.
        script: the file that Streamlit runs.
        cores: the processors that it may use; empty for all.
        folder: of its code.

    Raises:
        EmomusicError: it does not answer within two minutes.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.fileWatcherType", "none"]
    if cores:
        command = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
    with tempfile.NamedTemporaryFile() as output:

        def address() -> str:
            found = _URL.search(Path(output.name).read_text(errors="replace"))
            return found[0] if found else ""

        settings = {**MEMORY, "PYTHONPATH": str(folder)}
        with _run(name, command, address, settings, stdout=output.fileno(), folder=folder) as server:
            yield server


@contextlib.contextmanager
def run_proxy(replicas: Sequence[Server]) -> Iterator[Server]:
    """Caddy with the committed configuration in front of replicas.

    Raises:
        EmomusicError: Caddy is absent or does not answer.
    """
    caddy = shutil.which("caddy")
    if caddy is None:
        raise EmomusicError("expected Caddy on the path. Received: none. Run `apt install caddy`.")
    with tempfile.TemporaryDirectory() as home, socket.socket() as held:
        # Caddy sets this option, too, so it may listen while the socket keeps the port from others
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        settings = {
            "EMOMUSIC_SITE": address,
            "EMOMUSIC_UPSTREAMS": " ".join(replica.address.removeprefix("http://") for replica in replicas),
            "EMOMUSIC_SITE_OPTIONS": "bind 127.0.0.1",
            "EMOMUSIC_COOKIE_SECRET": secrets.token_hex(),
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "XDG_DATA_HOME": home,
        }
        command = [caddy, "run", "--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
        with _run("caddy", command, lambda: address, settings) as server:
            yield server


@contextlib.contextmanager
def _run(
    name: str,
    command: list[str],
    address: Callable[[], str],
    settings: Mapping[str, str],
    *,
    stdout: int = subprocess.DEVNULL,
    folder: Path = ROOT,
) -> Iterator[Server]:
    """Run a process; `address` returns its URL, or "" until it is known."""
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | dict(settings), stdin=subprocess.DEVNULL, stdout=stdout
    )
    try:
        ends_s = time.monotonic() + _READY_WITHIN_S
        while not ((url := address()) and _is_ready(url)):
            if (status := process.poll()) is not None:
                raise EmomusicError(f"expected {name} to run. Received: exit status {status}. Read its messages.")
            if time.monotonic() > ends_s:
                raise EmomusicError(
                    f"expected {name} to answer in {_READY_WITHIN_S:.0f} s. Received: nothing. Try again."
                )
            time.sleep(0.05)
        yield Server(name, url, process)
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
