"""The Ray engine: crashes, deaths of workers, Ctrl+C and addresses, with real processes."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emomusic.batch.reader import UnitReader
from emomusic.cli import doctor
from emomusic.cli import main as cli
from tests.batch.pictures import BROKEN, CrashingReader, DyingReader, KilledReader, PausingReader, parts_of, rows_of
from tests.waiting import wait_until


def test_without_ray_the_error_names_the_package(
    pictures: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(doctor, "_version_of", lambda _: None)
    assert cli.main(["batch", str(pictures), "--out", str(out), "--engine", "ray"]) == 2
    error = capsys.readouterr().err
    assert "without ray. Run: pip install -r requirements-cluster.txt" in error
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

    @pytest.fixture
    def address(self) -> Iterator[str]:
        """A cluster of one node on the loopback address."""
        folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: the paths of Ray's sockets have a limit
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0"]
        command += ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--object-store-memory=150000000"]
        command += [f"--temp-dir={folder}", "--include-dashboard=false", "--disable-usage-stats"]
        log = folder / "node.log"
        with log.open("wb") as output:
            node = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            wait_until(lambda: "Ray runtime started" in log.read_text(errors="replace") or node.poll() is not None)
            yield f"127.0.0.1:{(folder / 'ray_current_cluster').read_text().rpartition(':')[2]}"
        finally:
            for pid in (node.pid, *descendants(node.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            node.wait()
            shutil.rmtree(folder, ignore_errors=True)

    def test_a_cluster_whose_worker_dies_has_the_results_of_the_local_engine(
        self, pictures: Path, out: Path, tmp_path: Path, address: str
    ):
        ray = answer_of(run(pictures, "--out", out, "--ray-address", address, reader="KilledReader"))
        assert Path(f"{out}.killed").exists()
        local = answer_of(run(pictures, "--out", tmp_path / "local", "--workers", "2", engine="local"))
        same = ("pictures", "faces", "failed", "reasons", "emotions", "read")
        assert {key: ray[key] for key in same} == {key: local[key] for key in same}
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

    def test_actors_that_cannot_start_end_the_run(self, pictures: Path, out: Path):
        with run(pictures, "--out", out, "--workers", "1", reader="DyingReader") as process:
            answer, log = process.communicate()
        assert process.returncode == 2, log
        assert "Traceback" not in log
        assert answer == ""
        assert parts_of(out)["pictures"] == []

    def test_ctrl_c_keeps_finished_parts(self, pictures: Path, out: Path):
        with run(pictures, "--out", out, "--workers", "1", reader="PausingReader") as process:
            wait_until(lambda: parts_of(out)["pictures"] or process.poll() is not None)
            family = descendants(process.pid)
            process.send_signal(signal.SIGINT)
            answer, log = process.communicate()
        assert process.returncode == 130, log
        num_read = json.loads(answer)["pictures"]
        assert 0 < num_read < len(BROKEN) + 12
        assert len(rows_of(out, "pictures")) == num_read
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))

    @pytest.mark.parametrize("address", ["localhost", "ray://127.0.0.1:1", "127.0.0.1:1"])
    def test_an_address_without_a_cluster_is_refused(
        self, pictures: Path, out: Path, address: str, capsys: pytest.CaptureFixture[str]
    ):
        command = ["batch", str(pictures), "--out", str(out), "--engine", "ray", "--ray-address", address]
        assert cli.main(command) == 2
        captured = capsys.readouterr()
        assert address in captured.err
        assert captured.err.count("\n") == 1
        assert captured.out == ""


READERS = {reader.__name__: reader for reader in (UnitReader, CrashingReader, DyingReader, KilledReader, PausingReader)}


def main(reader: str, *arguments: str) -> int:
    """Run the command with small units and another reader. Ray leaves open files and processes to its end."""
    from emomusic.batch import reader as units

    units.MIN_PICTURES = 8
    units.UnitReader = READERS[reader]
    return cli.main(arguments)


def run(*arguments: str | Path, engine: str = "ray", reader: str = "UnitReader") -> subprocess.Popen[str]:
    """Start the command."""
    script = "import sys; from tests.batch.test_ray import main; sys.exit(main(*sys.argv[1:]))"
    command = [sys.executable, "-c", script, reader, "batch", *map(str, arguments), "--engine", engine, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The answer of a command that finds broken pictures."""
    with process:
        answer, log = process.communicate()
    assert process.returncode == 2, log
    summary: dict[str, Any] = json.loads(answer)
    return summary


def descendants(pid: int) -> list[int]:
    """The processes below a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found
