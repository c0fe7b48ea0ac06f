"""Check that `batch` gives the same rows after kills: of the command, and of a worker and a node of a Ray cluster.

    python -m scripts.check_batch --json > docs/benchmarks/batch-check.json

The cluster has two nodes of one core on the loopback address. Linux only; needs `pip install "emomusic[cluster]"`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from emomusic.batch.parts import FACES, PICTURES
from emomusic.cli.arguments import STOPPED
from emomusic.cli.bench_batch import make_pictures
from emomusic.cli.timing import machine
from emomusic.errors import EmomusicError

NUM_PICTURES = 2000

_SIDES = (300, 800)  # longer sides of the pictures in pixels; the rows matter here, not the speed
_HOST = "127.0.0.1"
_MEMORY = 150_000_000  # bytes of a node's object store
_START_S = 60
_ACTOR = "ray::MapWorker"  # how Ray names the processes of actors
_STOPPED, _KILLED = 0.1, (0.3, 0.5, 0.7)  # shares of the units that are done by then
_WORKER_DIES, _NODE_DIES = 0.25, 0.5  # the same
_UNITS_LEFT = 2  # at least, when the node dies
_POLL_S = 0.02


class Cluster:
    """Two nodes of a Ray cluster, each with one core. Ray's settings are private to it.

    Attributes:
        address: for `--ray-address`.
        env: variables that reach the cluster, with its token.
    """

    def __init__(self) -> None:
        """Prepare the cluster. `with` starts and stops it."""
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: the paths of Ray's sockets have a limit
        self.address = f"{_HOST}:{_free_port()}"
        self.env = os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self.env.pop("RAY_ADDRESS", None)
        self._nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cluster:
        """Start both nodes.

        Raises:
            EmomusicError: they do not start.
        """
        try:
            port = self.address.rpartition(":")[2]
            self._start(
                "--head",
                f"--port={port}",
                f"--ray-client-server-port={_free_port()}",
                f"--temp-dir={self.folder}",
                "--include-dashboard=false",
            )
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
        command = [
            *_ray("start", "--block", "--disable-usage-stats", f"--node-ip-address={_HOST}", "--num-cpus=1"),
            f"--object-store-memory={_MEMORY}",
            *options,
        ]
        with log.open("wb") as output:
            node = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=self.env, start_new_session=True
            )
        self._nodes.append(node)
        end_s = time.monotonic() + _START_S
        while b"Ray runtime started" not in log.read_bytes():
            if node.poll() is not None or time.monotonic() > end_s:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise EmomusicError(f"expected ray start to succeed. Received: {' '.join(last)}. Check {log.name}")
            time.sleep(_POLL_S)


def check(folder: Path, num_pictures: int = NUM_PICTURES, sides: tuple[int, int] = _SIDES) -> dict[str, Any]:
    """Read the same pictures with the local engine and on a cluster, each undisturbed and disturbed.

    The disturbed local run is stopped by Ctrl+C, then killed three times, and resumed each time. The disturbed cluster
    loses a worker and then a node.

    Args:
        folder: exists, for pictures and results.
        num_pictures: made from the samples, with one in a hundred broken.
        sides: smallest and largest length of the longer side in pixels.

    Returns:
        The runs with their counts and rates, the units that were done at each disturbance, the seconds from Ctrl+C to
        the end, and whether all rows are equal.

    Raises:
        EmomusicError: a node does not start, or a run fails or ends before the deaths.
    """
    pictures = folder / "pictures"
    pictures.mkdir()
    for _ in make_pictures(pictures, num_pictures, sides=sides):
        pass
    runs = {"local": _run(folder, "local", ["--workers", "2"])}
    num_units = _num_parts(folder / "local")
    stop_s = _end_midway(folder, "resumed", signal.SIGINT, math.ceil(_STOPPED * num_units))
    ends = [_num_parts(folder / "resumed")]
    for share in _KILLED:
        _end_midway(folder, "resumed", signal.SIGKILL, math.ceil(share * num_units))
        ends.append(_num_parts(folder / "resumed"))
    runs["local, resumed four times"] = _run(folder, "resumed", ["--workers", "2", "--resume"])
    deaths: dict[str, int] = {}
    with Cluster() as cluster:
        on_ray = ["--engine", "ray", "--ray-address", cluster.address]
        runs["ray"] = _run(folder, "ray", on_ray, env=cluster.env)

        def disturb(num_parts: int) -> None:
            if "worker" not in deaths and num_parts >= _WORKER_DIES * num_units and cluster.actors(0):
                cluster.kill_actors(0)
                deaths["worker"] = num_parts
            elif "node" not in deaths and num_parts >= _NODE_DIES * num_units and cluster.actors(1):
                cluster.kill_node(1)
                deaths["node"] = num_parts

        runs["ray, disturbed"] = _run(folder, "disturbed", on_ray, env=cluster.env, watch=disturb)
    if len(deaths) < 2 or deaths["node"] > num_units - _UNITS_LEFT:
        raise EmomusicError(f"expected a worker and a node to die midway. Received: {deaths} of {num_units} units")
    expected = rows(folder / "local")
    return {
        "machine": machine(),
        "units": num_units,
        "units done at Ctrl+C and at three kills": ends,
        "seconds from Ctrl+C to the end": round(stop_s, 2),
        "units done at the death of": deaths,
        "runs": runs,
        "equal rows": all(rows(folder / name) == expected for name in ("resumed", "ray", "disturbed")),
    }


def rows(out: Path) -> list[Any]:
    """The rows of both datasets, sorted."""
    keys = {FACES: ["picture", "face"], PICTURES: ["picture"]}
    return [
        pq.read_table(out / name).sort_by([(key, "ascending") for key in by]).to_pylist() for name, by in keys.items()
    ]


def _run(
    folder: Path,
    name: str,
    options: Sequence[str],
    *,
    env: dict[str, str] | None = None,
    watch: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Run `batch` on the pictures; returns its counts, seconds and rate.

    Args:
        folder: has the folder of pictures, and gets the results.
        name: of the folder with the results.
        options: of the command.
        env: variables of the process.
        watch: takes the number of finished parts, again and again.
    """
    log = folder / f"{name}.log"
    with (
        (folder / f"{name}.json").open("w+b") as answer,
        log.open("wb") as errors,
        subprocess.Popen(_batch(name, *options), stdout=answer, stderr=errors, env=env, cwd=folder) as process,
    ):
        try:
            while process.poll() is None:
                if watch is not None:
                    watch(_num_parts(folder / name))
                time.sleep(_POLL_S)
        finally:
            process.kill()
        answer.seek(0)
        text = answer.read()
    if process.returncode not in (0, 2):  # 2: the broken pictures
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise EmomusicError(f"expected batch to end. Received: exit status {process.returncode}: {' '.join(last)}")
    summary = json.loads(text)
    return {key: summary[key] for key in ("pictures", "failed", "faces", "seconds", "per_second")}


def _end_midway(folder: Path, name: str, how: signal.Signals, num_parts: int) -> float:
    """Resume a run, end it after this number of parts, and return the seconds from the signal to the end.

    Raises:
        EmomusicError: it ends by itself.
    """
    quiet = subprocess.DEVNULL
    command = _batch(name, "--workers", "2", "--resume")
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=folder) as process:
        while _num_parts(folder / name) < num_parts:
            if process.poll() is not None:
                raise EmomusicError(f"expected batch to run for {num_parts} parts. Received: {process.returncode}")
            time.sleep(_POLL_S)
        began_s = time.perf_counter()
        process.send_signal(how)
        status = process.wait()
        seconds = time.perf_counter() - began_s
    if status != (-how if how == signal.SIGKILL else STOPPED):
        raise EmomusicError(f"expected {how.name} to end batch. Received: exit status {status}")
    return seconds


def _batch(name: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "emomusic", "batch", "pictures", "--out", name, "--json", *options]


def _num_parts(out: Path) -> int:
    return len(list((out / PICTURES).glob("part-*")))


def _ray(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ray.scripts.scripts", *arguments]


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


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


def main() -> int:
    """Run the check and print its report. The status is 1 if rows differ."""
    parser = argparse.ArgumentParser(prog="python -m scripts.check_batch", description=str(__doc__).split("\n")[0])
    parser.add_argument("--pictures", type=int, default=NUM_PICTURES, help=f"how many ({NUM_PICTURES})")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, also in children
    try:
        with tempfile.TemporaryDirectory() as name:
            report = check(Path(name), options.pictures)
    except EmomusicError as error:
        parser.exit(1, f"{error}\n")
    print(json.dumps(report, indent=2) if options.json else "\n".join(_lines(report)))
    return 0 if report["equal rows"] else 1


def _lines(report: dict[str, Any]) -> Iterator[str]:
    for name, run in report["runs"].items():
        yield f"{name}: " + ", ".join(f"{key} {value}" for key, value in run.items())
    stopped, *killed = report["units done at Ctrl+C and at three kills"]
    yield f"Ctrl+C after {stopped} of {report['units']} units, {report['seconds from Ctrl+C to the end']} s to the end"
    yield f"kills after {', '.join(map(str, killed))} of {report['units']} units"
    for name, number in report["units done at the death of"].items():
        yield f"a {name} died after {number} of {report['units']} units"
    yield "all rows are equal" if report["equal rows"] else "rows differ"


if __name__ == "__main__":
    raise SystemExit(main())
