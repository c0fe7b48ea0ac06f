"""The Ray engine: crashes, deaths of workers and nodes, Ctrl+C and addresses, with real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emomusic.batch.reader import Unit, UnitReader, UnitReport
from emomusic.cli import main as cli
from emomusic.errors import ModelError
from tests.batch.pictures import BROKEN, CrashingReader, DyingReader, make_folder, parts_of, rows_of
from tests.batch.ray_cluster import Cluster, descendants


def test_without_ray_the_error_names_the_package(
    pictures: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "emomusic.batch.ray", raising=False)
    assert cli.main(["batch", str(pictures), "--out", str(out), "--engine", "ray"]) == 2
    error = capsys.readouterr().err
    assert 'pip install "emomusic[cluster]"' in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.slow
class TestWithRay:
    """Needs Ray, which `emomusic[cluster]` installs."""

    @pytest.fixture(autouse=True)
    def _own_ray(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Keep Ray's token out of the home folder, let actors import the tests, and check the processes after it."""
        pytest.importorskip("ray", reason='needs pip install "emomusic[cluster]"')
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
        monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
        monkeypatch.setenv("PYTHONPATH", str(root))
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        before = set(descendants(os.getpid()))
        yield
        wait_until(lambda: set(descendants(os.getpid())) <= before)

    def test_the_command_a_worker_and_a_node_may_die(self, tmp_path: Path):
        pictures = make_folder(tmp_path / "pictures", 120)
        killed, disturbed = tmp_path / "killed", tmp_path / "disturbed"
        with run(pictures, "--out", killed, "--workers", "2", engine="local") as process:
            wait_until(lambda: len(parts_of(killed)["pictures"]) > 2)
            process.kill()
        resumed = answer_of(run(pictures, "--out", killed, "--workers", "2", "--resume", engine="local"))
        assert 0 < resumed["resumed"] < resumed["pictures"] == 120 + len(BROKEN)
        with Cluster() as cluster:
            process = run(pictures, "--out", disturbed, "--ray-address", cluster.address, env=cluster.env)
            for num_parts, node, kill in ((2, 0, cluster.kill_actors), (6, 1, cluster.kill_node)):
                wait_until(lambda n=num_parts, at=node: len(parts_of(disturbed)["pictures"]) > n and cluster.actors(at))
                assert process.poll() is None
                kill(node)
            assert len(parts_of(disturbed)["pictures"]) < len(parts_of(killed)["pictures"])
            answer_of(process)
        for dataset in ("faces", "pictures"):
            assert rows_of(disturbed, dataset) == rows_of(killed, dataset)

    def test_the_results_on_one_machine_are_those_of_the_local_engine(self, pictures: Path, out: Path, tmp_path: Path):
        ray = answer_of(run(pictures, "--out", out, "--workers", "2"))
        local = answer_of(run(pictures, "--out", tmp_path / "local", "--workers", "2", engine="local"))
        same = ("pictures", "faces", "failed", "reasons", "emotions", "read")
        assert {key: ray[key] for key in same} == {key: local[key] for key in same}
        assert ray["failed"] == len(BROKEN)
        for dataset in ("faces", "pictures"):
            assert rows_of(out, dataset) == rows_of(tmp_path / "local", dataset)

    def test_a_picture_that_kills_its_actors_becomes_a_row(self, tmp_path: Path, out: Path, pictures: Path):
        folder = tmp_path / "some"
        folder.mkdir()
        for name in ("a.jpg", "b-crash.jpg"):
            (folder / name).write_bytes((pictures / "000000.jpg").read_bytes())
        answer = answer_of(run(folder, "--out", out, "--workers", "1", reader="CrashingReader"))
        assert (answer["pictures"], answer["failed"]) == (2, 1)
        failed = {Path(row["picture"]).name: row["error"] is not None for row in rows_of(out, "pictures")}
        assert failed == {"a.jpg": False, "b-crash.jpg": True}
        assert parts_of(out)["faces"] == parts_of(out)["pictures"]

    @pytest.mark.parametrize("reader", ["DamagedReader", "DyingReader"])
    def test_actors_that_cannot_start_end_the_run(self, pictures: Path, out: Path, reader: str):
        with run(pictures, "--out", out, "--workers", "1", reader=reader) as process:
            answer, log = process.communicate()
        assert process.returncode == 2, log
        assert "Traceback" not in log
        assert answer == ""
        assert parts_of(out)["pictures"] == []

    def test_ctrl_c_keeps_finished_parts(self, pictures: Path, out: Path):
        with run(pictures, "--out", out, "--workers", "1", reader="SlowReader") as process:
            wait_until(lambda: parts_of(out)["pictures"] or process.poll() is not None)
            family = descendants(process.pid)
            process.send_signal(signal.SIGINT)
            answer, log = process.communicate()
        assert process.returncode == 130, log
        num_read = json.loads(answer)["pictures"]
        assert 0 < num_read < len(BROKEN) + 12
        assert len(rows_of(out, "pictures")) == num_read
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))

    @pytest.mark.parametrize("address", ["localhost", "host:port", "ray://127.0.0.1:1", "127.0.0.1:1", "a/b:1", "auto"])
    def test_an_address_without_a_cluster_is_refused(
        self, pictures: Path, out: Path, address: str, capsys: pytest.CaptureFixture[str]
    ):
        command = ["batch", str(pictures), "--out", str(out), "--engine", "ray", "--ray-address", address]
        assert cli.main(command) == 2
        captured = capsys.readouterr()
        assert address in captured.err
        assert captured.err.count("\n") == 1
        assert captured.out == ""

    def test_a_server_that_is_not_ray_is_refused(
        self, pictures: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setattr("emomusic.batch.ray._ANSWER_S", 5)
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            command = ["batch", str(pictures), "--out", str(out), "--engine", "ray", "--ray-address", address]
            assert cli.main(command) == 2
        assert address in capsys.readouterr().err


class DamagedReader(UnitReader):
    """A reader whose networks are damaged."""

    def __init__(self, model: str, out: str, rate: float) -> None:
        raise ModelError("expected a network. Received: something else")


class SlowReader(UnitReader):
    """A reader that needs minutes for a unit after the first one."""

    def read(self, unit: Unit, should_stop: Callable[[], bool] = lambda: False) -> UnitReport:
        if unit.number > 1:
            time.sleep(600)
        return super().read(unit, should_stop)


READERS = {reader.__name__: reader for reader in (UnitReader, CrashingReader, DamagedReader, DyingReader, SlowReader)}


def main(reader: str, *arguments: str) -> int:
    """Run the command with small units and another reader. Ray leaves open files and processes to its end."""
    from emomusic.batch import ray
    from emomusic.batch import reader as units

    units.MIN_PICTURES = 8
    ray.run_ray = partial(ray.run_ray, make_reader=READERS[reader])
    return cli.main(arguments)


def run(
    *arguments: str | Path, engine: str = "ray", reader: str = "UnitReader", env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start the command."""
    script = "import sys; from tests.batch.test_ray import main; sys.exit(main(*sys.argv[1:]))"
    command = [sys.executable, "-c", script, reader, "batch", *map(str, arguments), "--engine", engine, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The answer of a command that finds broken pictures."""
    with process:
        answer, log = process.communicate()
    assert process.returncode == 2, log
    summary: dict[str, Any] = json.loads(answer)
    return summary


def wait_until(is_true: Callable[[], Any], seconds: float = 300) -> None:
    """Wait for an event in another process."""
    end_s = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end_s, "nothing happened"
        time.sleep(0.02)
