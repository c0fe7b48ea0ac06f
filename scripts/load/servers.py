"""Replicas of the app and the proxy, started for one measurement."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from emomusic.assets import ROOT
from emomusic.errors import EmomusicError

ENTRY = ROOT / "emomusic" / "ui" / "server" / "asgi.py"
CADDYFILE = ROOT / "deploy" / "Caddyfile"

_READY_WITHIN_S = 120.0
_STOPS_WITHIN_S = 15.0
_METRIC = re.compile(r"^(emomusic_\w+) (\S+)$", re.MULTILINE)


class ServerError(EmomusicError):
    """A server does not start."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running process that answers at an address.

    Attributes:
        name: in the report.
        address: its URL.
        process: the process; it needs no shell and has no children.
    """

    name: str
    address: str
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Processor time that the running process has used."""
        # The command in brackets may contain spaces; user and system time are the fields 14 and 15
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory of the running process."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * resource.getpagesize() / 1e6

    def metrics(self) -> dict[str, float]:
        """The app's metrics; empty if the server has none or does not answer."""
        try:
            with _session() as http:
                text = http.get(f"{self.address}/metrics", timeout=10).text
        except requests.RequestException:
            return {}
        return {name: float(value) for name, value in _METRIC.findall(text)}

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        self.process.kill()
        self.process.wait(_STOPS_WITHIN_S)


@contextlib.contextmanager
def run_replica(
    name: str, *, script: Path = ENTRY, port: int | None = None, cores: Sequence[int] = ()
) -> Iterator[Server]:
    """A replica of the app that answers.

    Args:
        name: in the report.
        script: the file that Streamlit runs.
        port: on the loopback interface; None for a free one.
        cores: the processors that it may use; empty for all.

    Raises:
        ServerError: it does not answer within two minutes.
    """
    port = port or _free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    if cores:
        command = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
    with _run(name, command, f"http://127.0.0.1:{port}", health="/_stcore/health") as server:
        yield server


@contextlib.contextmanager
def run_proxy(replicas: Sequence[Server]) -> Iterator[Server]:
    """Caddy with the committed configuration in front of replicas.

    Raises:
        ServerError: Caddy is absent or does not answer.
    """
    caddy = shutil.which("caddy")
    if caddy is None:
        raise ServerError("expected Caddy on the path. Received: none. Run `apt install caddy`, or add --no-proxy.")
    address = f"http://127.0.0.1:{_free_port()}"
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "EMOMUSIC_SITE": address,
            "EMOMUSIC_UPSTREAMS": " ".join(replica.address.removeprefix("http://") for replica in replicas),
            "EMOMUSIC_SITE_OPTIONS": "bind 127.0.0.1",
            "EMOMUSIC_COOKIE_SECRET": secrets.token_hex(),
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "XDG_DATA_HOME": home,
        }
        command = [caddy, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
        with _run("caddy", command, address, health="/_stcore/health", settings=settings) as server:
            yield server


@contextlib.contextmanager
def _run(
    name: str, command: list[str], address: str, *, health: str, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    # The report is on stdout; the servers' warnings belong to stderr
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | dict(settings or {}), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        server = Server(name, address, process)
        _wait_until_ready(server, health)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: Server, path: str) -> None:
    ends_s = time.monotonic() + _READY_WITHIN_S
    with _session() as http:
        while time.monotonic() < ends_s:
            if (status := server.process.poll()) is not None:
                raise ServerError(f"expected {server.name} to run. Received: exit status {status}. Read its messages.")
            with contextlib.suppress(requests.RequestException):
                if http.get(server.address + path, timeout=5).ok:
                    return
            time.sleep(0.1)
    raise ServerError(f"expected {server.name} to answer in {_READY_WITHIN_S:.0f} s. Received: nothing. Try again.")


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy of the environment does not reach this machine
    return session


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
