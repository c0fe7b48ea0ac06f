"""A Ray cluster of two nodes on the loopback address, whose actors and nodes a test may kill."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_HOST = "127.0.0.1"
_MEMORY = 150_000_000  # bytes of a node's object store
_START_S = 60
_ACTOR = "ray::MapWorker"  # how Ray names the processes of actors


class Cluster:
    """Two nodes with one core each. Ray's settings are private to it.

    Attributes:
        address: for `--ray-address`.
        env: variables that reach the cluster, with its token.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: the paths of Ray's sockets have a limit
        self.address = ""
        settings = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
        self.env = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | settings
        self._nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cluster:
        try:
            self._start("--head", "--port=0", f"--temp-dir={self.folder}", "--include-dashboard=false")
            port = (self.folder / "ray_current_cluster").read_text().rpartition(":")[2]
            self.address = f"{_HOST}:{port}"
            self._start(f"--address={self.address}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes of both nodes. `ray stop` would end those of other clusters, too."""
        for number in reversed(range(len(self._nodes))):
            self.kill_node(number)
        shutil.rmtree(self.folder, ignore_errors=True)

    def actors(self, node: int) -> list[int]:
        """The processes of the actors on a node, which is 0 or 1."""
        return [pid for pid in descendants(self._nodes[node].pid) if _title(pid).startswith(_ACTOR)]

    def kill_actors(self, node: int) -> None:
        """Kill the processes of the actors on a node."""
        _kill(self.actors(node))

    def kill_node(self, node: int) -> None:
        """Kill all processes of a node at once."""
        process = self._nodes[node]
        _kill([process.pid, *descendants(process.pid)])
        process.wait()

    def _start(self, *options: str) -> None:
        """Start a node and wait until the cluster has it."""
        log = self.folder / f"node-{len(self._nodes)}.log"
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        command += [f"--node-ip-address={_HOST}", "--num-cpus=1", f"--object-store-memory={_MEMORY}", *options]
        with log.open("wb") as output:
            node = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=self.env, start_new_session=True
            )
        self._nodes.append(node)
        end_s = time.monotonic() + _START_S
        while "Ray runtime started" not in (text := log.read_text(errors="replace")):
            assert node.poll() is None, text
            assert time.monotonic() < end_s, text
            time.sleep(0.02)


def descendants(pid: int) -> list[int]:
    """The processes below a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def _title(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return ""


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
