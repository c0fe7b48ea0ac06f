"""Calls in worker processes survive crashes, errors, and the end of the main process."""

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

from emomusic.errors import ModelError
from emomusic.workers import THREAD_NAME, Crash, ahead, portable, run_in_processes
from tests.waiting import PATIENCE_S


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
