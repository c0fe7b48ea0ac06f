"""Calls in worker processes survive crashes, errors, and the end of the main process."""

import os
import signal
import threading
from collections import Counter, deque
from functools import partial
from pathlib import Path

import pytest

from emomusic.errors import ModelError
from emomusic.workers import Crash, portable, run_in_processes


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


def test_calls_may_be_added_and_unfinished_ones_return(tmp_path: Path):
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


def test_errors_of_work_and_load_are_raised(tmp_path: Path):
    with pytest.raises(ModelError, match="log: negative"):
        list(run_in_processes(deque([1, -1]), double, partial(load, tmp_path / "log"), workers=2))
    with pytest.raises(ModelError, match="damaged"):
        list(run_in_processes(deque([1]), double, fail, workers=1))


def test_an_error_for_another_process_stays_what_it_is_if_it_can_and_keeps_its_type_and_text():
    class SpeechlessError(Exception):
        def __str__(self) -> str:
            raise ValueError

    for error in (ModelError("damaged"), OSError(28, "full"), KeyError("x")):
        assert portable(error) is error
    assert str(portable(ToldError(-2, "two"))) == "ToldError: -2 is two"
    assert str(portable(LockedError("held"))) == "LockedError: held"
    assert str(portable(SpeechlessError())) == "SpeechlessError: no text"


def test_a_process_that_dies_between_two_calls_loses_none(tmp_path: Path):
    log, calls, found = tmp_path / "log", deque([0]), []
    for call, result in run_in_processes(calls, double, partial(load, log), workers=1):
        found.append(result)
        os.kill(int(log.read_text().split()[-1]), signal.SIGKILL)
        if call < 3:
            calls.append(call + 1)
    assert found == [2 * number for number in range(4)]
