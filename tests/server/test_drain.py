import asyncio
import signal
from collections.abc import Callable, Iterator

import pytest

from emomusic.server import drain as module
from emomusic.server.capacity import Capacity, Settings
from emomusic.server.drain import drain_on_sigterm
from tests.fakes import FakeClock

SECONDS = 60


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
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def stops() -> Iterator[list[int]]:
    """The signals that the drain passes on to the server."""
    passed: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: passed.append(number))
    yield passed
    signal.signal(signal.SIGTERM, before)


def test_the_server_stops_at_the_deadline_although_a_photo_is_read(
    here: Looked, stops: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
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

    asyncio.run(run())


def test_a_second_signal_stops_the_server_at_once(here: Looked, stops: list[int]) -> None:
    async def run() -> None:
        with here.work():
            drain_on_sigterm(SECONDS)
            signal.raise_signal(signal.SIGTERM)
            assert stops == []
            signal.raise_signal(signal.SIGTERM)
            assert len(stops) == 1

    asyncio.run(run())


@pytest.mark.usefixtures("stops")
def test_the_process_ends_even_if_the_server_hangs(here: Looked) -> None:
    async def run() -> None:
        drain_on_sigterm(SECONDS)
        signal.raise_signal(signal.SIGTERM)
        await until(lambda: bool(here.exits))
        assert here.exits == [0]

    asyncio.run(run())
