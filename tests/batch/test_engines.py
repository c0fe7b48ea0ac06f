"""Both engines with real processes: crashes, deaths of workers, Ctrl+C, and the addresses of Ray."""

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

from emomusic.cli import main as cli
from tests.batch.pictures import BROKEN, assert_same_results, descendants, parts_of, rows_of, run
from tests.waiting import wait_until

pytestmark = pytest.mark.slow  # starts processes that load networks, and Ray
only_ray = pytest.mark.parametrize("engine", ["ray"], indirect=True)


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The answer of a command that finds broken pictures."""
    with process:
        answer, log = process.communicate()
    assert process.returncode == 2, log
    return json.loads(answer)


@pytest.fixture(params=["local", "ray"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine, which must leave no process. Ray's token stays out of the home folder."""
    if request.param == "ray":
        pytest.importorskip("ray", reason='needs pip install "emomusic[cluster]"')
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    before = set(descendants(os.getpid()))
    yield request.param
    wait_until(lambda: set(descendants(os.getpid())) <= before)


@pytest.fixture
def address() -> Iterator[str]:
    """A cluster of one node on the loopback address."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: the paths of Ray's sockets have a limit
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0"]
    command += ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--object-store-memory=150000000"]
    command += [f"--temp-dir={folder}", "--include-dashboard=false", "--disable-usage-stats"]
    log = folder / "node.log"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with log.open("wb") as output:
        node = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        wait_until(lambda: "Ray runtime started" in log.read_text(errors="replace") or node.poll() is not None)
        yield f"127.0.0.1:{(folder / 'ray_current_cluster').read_text().rpartition(':')[2]}"
    finally:
        for pid in (node.pid, *descendants(node.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_worker_may_be_killed(pictures: Path, results: Path, out: Path, engine: str, request: pytest.FixtureRequest):
    options = ["--ray-address", request.getfixturevalue("address")] if engine == "ray" else ["--workers", "2"]
    killed = answer_of(run(pictures, "--out", out, *options, engine=engine, reader="KilledReader"))
    assert Path(f"{out}.killed").exists()
    assert (killed["pictures"], killed["read"], killed["failed"]) == (15, 15, len(BROKEN))
    assert_same_results(out, results)


def test_a_picture_that_kills_its_workers_becomes_a_row(tmp_path: Path, out: Path, pictures: Path, engine: str):
    folder = tmp_path / "some"
    folder.mkdir()
    for name in ("a.jpg", "b-crash.jpg"):
        (folder / name).write_bytes((pictures / "000000.jpg").read_bytes())
    answer = answer_of(run(folder, "--out", out, "--workers", "1", engine=engine, reader="CrashingReader"))
    assert (answer["pictures"], answer["failed"]) == (2, 1)
    failed = {Path(row["picture"]).name: row["error"] is not None for row in rows_of(out, "pictures")}
    assert failed == {"a.jpg": False, "b-crash.jpg": True}
    assert parts_of(out)["faces"] == parts_of(out)["pictures"]


@pytest.mark.parametrize(("reader", "status"), [("DyingReader", 2), ("BuggyReader", 1)])
def test_bugs_and_workers_that_cannot_start_end_a_run(pictures: Path, out: Path, engine: str, reader: str, status: int):
    with run(pictures, "--out", out, "--workers", "1", engine=engine, reader=reader) as process:
        answer, log = process.communicate()
    assert process.returncode == status, log
    assert ("Traceback" in log, "KeyError" in log) == (status == 1, status == 1)
    assert answer == ""
    assert parts_of(out)["pictures"] == []


def test_a_stopped_run_keeps_finished_parts(pictures: Path, out: Path, engine: str):
    with run(pictures, "--out", out, "--workers", "1", engine=engine, reader="PausingReader") as process:
        wait_until(lambda: parts_of(out)["pictures"] or process.poll() is not None)
        family = descendants(process.pid)
        process.send_signal(signal.SIGTERM if engine == "local" else signal.SIGINT)  # both are Ctrl+C
        text, log = process.communicate()
    assert (process.returncode, "Traceback" in log) == (130, False), log
    answer = json.loads(text)
    assert answer == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert answer["pictures"] == answer["read"] == len(rows_of(out, "pictures")) == 8  # the first unit
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))


@only_ray
@pytest.mark.parametrize("address", ["localhost", "ray://127.0.0.1:1", "127.0.0.1:1"])
def test_an_address_without_a_cluster_is_refused(
    pictures: Path, out: Path, engine: str, address: str, capsys: pytest.CaptureFixture[str]
):
    command = ["batch", str(pictures), "--out", str(out), "--engine", engine, "--ray-address", address]
    assert cli.main(command) == 2
    captured = capsys.readouterr()
    assert address in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
