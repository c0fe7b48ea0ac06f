import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from emomusic.faces.turns import FairQueue
from emomusic.server import drain as module
from emomusic.server.capacity import Capacity
from emomusic.server.drain import Drain
from tests.fakes import FakeClock

SECONDS = 60


class Looked(Capacity):
    """A capacity that tells how often the drain has looked, and what would have ended the process."""

    num_looks = 0

    def __init__(self) -> None:
        super().__init__(max_visitors=9, max_live=9)
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
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


def started(seconds: float = SECONDS) -> tuple[Drain, list[int]]:
    """A drain that has got a signal, and the signals that it passed on to the server."""
    drain, stops = Drain(seconds, asyncio.get_running_loop()), []
    drain._stop = lambda number, _: stops.append(number)
    drain._on_signal()
    return drain, stops


def test_work_in_progress_and_a_waiting_photo_end_before_the_server(here: Looked) -> None:
    queue, is_read = FairQueue(1), threading.Event()

    def wait_for_a_turn() -> None:
        with here.work(), queue.turn("second"):
            is_read.set()

    async def run() -> None:
        with ExitStack() as reading:
            reading.enter_context(here.work())
            reading.enter_context(queue.turn("first"))
            waiting = threading.Thread(target=wait_for_a_turn)
            waiting.start()
            await until(lambda: len(queue) == 1)
            _, stops = started()
            assert here.is_draining
            await until(lambda: here.num_looks >= 3)
            assert (stops, is_read.is_set()) == ([], False)
        await until(lambda: bool(stops))
        assert is_read.is_set()
        waiting.join(SECONDS)

    asyncio.run(run())


def test_the_server_stops_at_the_deadline_although_a_photo_is_read(
    here: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(module, "monotonic", clock)

    async def run() -> None:
        with here.work():
            _, stops = started(5.0)
            await until(lambda: here.num_looks >= 2)
            assert stops == []
            clock.advance(5.0)
            await until(lambda: bool(stops))
            assert here.is_busy

    asyncio.run(run())


def test_a_second_signal_stops_the_server_at_once(here: Looked) -> None:
    async def run() -> None:
        with here.work():
            drain, stops = started()
            assert stops == []
            drain._on_signal()
            assert len(stops) == 1

    asyncio.run(run())


def test_the_process_ends_even_if_the_server_hangs(here: Looked) -> None:
    async def run() -> None:
        started()
        await until(lambda: bool(here.exits))
        assert here.exits == [0]

    asyncio.run(run())
