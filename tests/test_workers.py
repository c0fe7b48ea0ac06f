"""Threads and processes: calls survive crashes, errors and the end of the main process, and follow the cores."""

import contextlib
import itertools
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emomusic import runtime
from emomusic.assets import models_dir
from emomusic.errors import ModelError
from emomusic.workers import THREAD_NAME, Crash, ahead, portable, run_in_processes
from tests.waiting import PATIENCE_S, run_python


def load(log: Path) -> Path:
    """Writes a line for each process."""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    return log


def double(log: Path, number: int) -> int:
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 14:
        os._exit(7)
    if number == 16 and not (mark := log.with_name("mark")).exists():  # as where memory was short for a moment
        mark.touch()
        os._exit(7)
    if number < 0:
        raise ModelError(f"{log.name}: negative")
    return 2 * number


class ToldError(Exception):
    """An error with two required arguments, which pickle cannot make again."""

    def __init__(self, number: int, word: str) -> None:
        super().__init__(f"{number} is {word}")


class LockedError(Exception):
    """An error that cannot be pickled."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


def fail() -> None:
    raise ModelError("damaged")


def test_every_call_has_its_result_or_its_crash_and_each_process_loads_once(tmp_path: Path):
    calls = deque([*range(12), 13, 14, *range(15, 20)])
    results = dict(run_in_processes(calls, double, partial(load, tmp_path / "log"), workers=2))
    assert results == {n: 2 * n for n in (*range(12), *range(15, 20))} | {
        13: Crash(f"exit status {-signal.SIGKILL}"),
        14: Crash("exit status 7"),
    }
    pids = Counter((tmp_path / "log").read_text().split())
    assert max(pids.values()) == 1
    assert 2 <= len(pids) <= 7


def test_calls_may_be_added_return_unfinished_and_are_not_lost_with_a_process(tmp_path: Path):
    calls = deque([1])
    found = []
    results = run_in_processes(calls, double, partial(load, tmp_path / "log"), workers=1)
    for call, result in results:
        found.append(result)
        if call < 3:
            calls.append(call + 1)
        elif call == 3:
            calls.extend(range(50, 60))
        else:
            results.close()
    assert found == [2, 4, 6, 100]
    assert list(calls) == list(range(51, 60))
    (tmp_path / "log").unlink()
    log, calls, found = tmp_path / "log", deque([0]), []
    for call, result in run_in_processes(calls, double, partial(load, log), workers=1):
        found.append(result)
        os.kill(int(log.read_text().split()[-1]), signal.SIGKILL)
        if call < 3:
            calls.append(call + 1)
    assert found == [2 * number for number in range(4)]


def test_errors_of_work_and_load_are_raised_as_they_are_or_with_their_type_and_text(tmp_path: Path):
    with pytest.raises(ModelError, match="log: negative"):
        list(run_in_processes(deque([1, -1]), double, partial(load, tmp_path / "log"), workers=2))
    with pytest.raises(ModelError, match="damaged"):
        list(run_in_processes(deque([1]), double, fail, workers=1))

    class SpeechlessError(Exception):
        def __str__(self) -> str:
            raise ValueError

    for error in (ModelError("damaged"), OSError(28, "full"), KeyError("x")):
        assert portable(error) is error
    assert str(portable(ToldError(-2, "two"))) == "ToldError: -2 is two"
    assert str(portable(LockedError("held"))) == "LockedError: held"
    assert str(portable(SpeechlessError())) == "SpeechlessError: no text"


def num_threads() -> int:
    return sum(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate())


@given(st.lists(st.integers(), max_size=40), st.integers(0, 40))
def test_items_are_the_same_and_closing_stops_the_thread(items: list[int], num_taken: int) -> None:
    assert list(ahead(items)) == items
    with contextlib.closing(ahead(items)) as made:
        assert list(itertools.islice(made, num_taken)) == items[:num_taken]
    assert num_threads() == 0


def test_an_exception_is_raised_in_order() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("broken")

    made = ahead(items())
    assert [next(made), next(made)] == [1, 2]
    with pytest.raises(OSError, match="broken"):
        next(made)
    assert num_threads() == 0


@pytest.mark.parametrize("most", [1, 4])
def test_no_more_items_are_made_ahead_than_asked_for(most: int) -> None:
    numbers, is_made = [], threading.Event()

    def items() -> Iterator[int]:
        for number in itertools.count():
            numbers.append(number)
            if len(numbers) == 1 + most:
                is_made.set()
            yield number

    with contextlib.closing(ahead(items(), most)) as made:
        assert next(made) == 0
        assert is_made.wait(PATIENCE_S)
    assert len(numbers) == 1 + most


def test_the_networks_write_no_file(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry writes a database into the home folder and a file into the temporary one."""
    code = "from emomusic.faces.detection import MtcnnDetector; MtcnnDetector().warm_up()"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    assert run_python("-c", code, env=environment).returncode == 0
    assert list(tmp_path.rglob("*")) == []


def test_a_call_does_not_wait_for_busy_threads() -> None:
    release = threading.Event()
    calls = range(runtime.num_cores())  # as many as there are threads
    busy = threading.Thread(target=runtime.map_threads, args=(lambda _: release.wait(PATIENCE_S), calls))
    busy.start()
    assert runtime.map_threads(str, range(5)) == ["0", "1", "2", "3", "4"]
    release.set()
    busy.join()


def test_containers_limit_cores_and_a_damaged_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content, expected in (("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("1600000 100000", 8)):
        (tmp_path / "cpu.max").write_text(content, encoding="ascii")
        monkeypatch.setattr(runtime, "_QUOTA", tmp_path / "cpu.max")
        monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        assert runtime.num_cores() == expected
    path = tmp_path / "network.onnx"
    for content in (None, (models_dir() / "detector" / "pnet.onnx").read_bytes()[:-9]):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelError, match=r"expected a network.*network\.onnx"):
            runtime.Network(path)


def test_all_work_follows_the_cores_of_this_process(root: Path) -> None:
    asking = [
        path.name for path in (root / "emomusic").rglob("*.py") if "cpu_count" in path.read_text(encoding="utf-8")
    ]
    assert asking == ["runtime.py"]
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from emomusic.media import images
print([images._decoding.acquire(blocking=False) for _ in range(2)])
"""
    if hasattr(os, "sched_setaffinity"):
        assert run_python("-c", code).stdout.split() == ["[True,", "False]"]
