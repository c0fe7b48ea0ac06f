import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emomusic.errors import ImageError
from emomusic.server import drain as module
from emomusic.server.capacity import Capacity
from emomusic.server.drain import JsonFormatter, drain_on_sigterm
from emomusic.server.settings import Settings
from tests.fakes import FakeClock
from tests.waiting import PATIENCE_S, run_coroutine, run_python

SECRET = "holiday-at-the-lake.jpg"


class Looked(Capacity):
    """A capacity that tells how often the drain has looked, and what would have ended the process."""

    num_looks = 0

    def __init__(self) -> None:
        super().__init__(Settings(max_visitors=9, max_live=9))
        self.exits: list[int] = []

    @property
    def is_busy(self) -> bool:
        self.num_looks += 1
        return super().is_busy


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Looked:
    """The capacity of a server that looks at it without a rest, and does not end the process of the test."""
    here = Looked()
    monkeypatch.setattr(module, "capacity", lambda: here)
    monkeypatch.setattr(module, "_NOTICED_S", 0.0)
    monkeypatch.setattr(module, "_LOOK_S", 0.001)
    monkeypatch.setattr(module, "_STOP_S", 0.0)
    monkeypatch.setattr(module.os, "_exit", here.exits.append)
    return here


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def stops() -> Iterator[list[int]]:
    """The signals that the drain passes on to the server."""
    passed: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: passed.append(number))
    yield passed
    signal.signal(signal.SIGTERM, before)


def test_the_server_stops_at_the_deadline(here: Looked, stops: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(module, "monotonic", clock)

    async def run() -> None:
        with here.work():
            drain_on_sigterm(5.0)
            signal.raise_signal(signal.SIGTERM)
            await until(lambda: here.num_looks >= 2)
            assert stops == []
            clock.advance(5.0)
            await until(lambda: bool(stops))
            assert here.is_busy

    run_coroutine(run())


def test_a_second_signal_stops_the_server_at_once(here: Looked, stops: list[int]) -> None:
    async def run() -> None:
        with here.work():
            drain_on_sigterm(PATIENCE_S)
            signal.raise_signal(signal.SIGTERM)
            assert stops == []
            signal.raise_signal(signal.SIGTERM)
            assert len(stops) == 1

    run_coroutine(run())


@pytest.mark.usefixtures("stops")
def test_the_process_ends_even_if_the_server_hangs(here: Looked) -> None:
    async def run() -> None:
        drain_on_sigterm(PATIENCE_S)
        signal.raise_signal(signal.SIGTERM)
        await until(lambda: bool(here.exits))
        assert here.exits == [0]

    run_coroutine(run())


def formatted(level: int, message: object, *args: object, exc_info: Any = None) -> dict[str, Any]:
    record = logging.LogRecord("emomusic.app.frame", level, __file__, 1, message, args, exc_info)
    text = JsonFormatter().format(record)
    assert SECRET not in text
    assert "\n" not in text
    return json.loads(text)


def test_a_line_has_no_arguments_and_of_an_exception_only_type_and_lines() -> None:
    entry = formatted(logging.INFO, "error shown to the visitor: %s", ImageError(f"'{SECRET}' is damaged"))
    assert (entry["level"], entry["logger"], entry["error"]) == ("info", "emomusic.app.frame", "ImageError")
    assert entry["message"] == "error shown to the visitor: %s"
    assert entry["time"].endswith("+00:00")
    assert formatted(logging.WARNING, ImageError(SECRET))["message"] == "ImageError"
    try:
        raise ValueError(SECRET)
    except ValueError:
        entry = formatted(logging.ERROR, "a film cannot be read", exc_info=sys.exc_info())
    assert entry["error"] == "ValueError"
    assert entry["at"][-1].startswith("test_a_line_has_no_arguments_and_of_an_exception_only_type_and_lines:")


def test_every_logger_writes_json_once() -> None:
    code = f"""
import logging
noisy = logging.getLogger("noisy")
noisy.addHandler(logging.StreamHandler())
noisy.propagate = False
from emomusic.server.drain import use_json_logs
use_json_logs()
noisy.warning("of %s", {SECRET!r})
logging.getLogger("later").info("started")
"""
    done = run_python("-c", code)
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(entry["logger"], entry["message"]) for entry in entries] == [("noisy", "of %s"), ("later", "started")]
    assert done.stdout == ""
