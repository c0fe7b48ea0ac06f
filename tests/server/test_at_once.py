"""What happens at once, or in parts: defects that each test showed before they were mended. No other test does."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit import runtime

from emomusic.server import own_library, visitor, webrtc
from emomusic.server.capacity import Capacity, Refusal
from emomusic.server.ice import IceSettings
from emomusic.server.live import LiveSession
from emomusic.server.settings import Settings
from emomusic.stream.reader import LiveReader
from tests.waiting import PATIENCE_S, wait_until


def test_of_offers_at_once_only_the_newest_connection_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    num_offers = 5
    open_ones, together = set[bytes](), threading.Barrier(num_offers)

    def connect(_: object, offer: bytes, __: object) -> tuple[Callable[[], None], bytes]:
        together.wait(PATIENCE_S)
        open_ones.add(offer)
        return lambda: open_ones.discard(offer), b"answer to " + offer

    monkeypatch.setattr(webrtc, "connect", connect)
    live = LiveSession(LiveReader(pytest.fail), IceSettings(()))  # type: ignore[arg-type]
    with ThreadPoolExecutor(num_offers) as threads:
        offers = [b"%d" % number for number in range(num_offers)]
        assert list(threads.map(live.connect, offers)) == [b"answer to " + offer for offer in offers]
    assert len(open_ones) == 1
    together = threading.Barrier(1)
    live.connect(b"again")
    assert open_ones == {b"again"}
    live.end()
    live.connect(b"too late")
    assert open_ones == set()


def test_two_tabs_start_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    started, both, may_end = list[object](), threading.Barrier(2), threading.Event()

    def run(command: object, **_: object) -> SimpleNamespace:
        started.append(command)
        assert may_end.wait(PATIENCE_S)
        return SimpleNamespace(stderr=b"progress\nemomusic: caf\xe9 is silent\n")

    monkeypatch.setattr(own_library.subprocess, "run", run)
    own = own_library.OwnLibrary()
    with ThreadPoolExecutor(2) as tabs:
        list(tabs.map(lambda _: (both.wait(PATIENCE_S), own.start()), range(2)))
    assert (own.is_running, own.problems) == (True, [])
    may_end.set()
    wait_until(lambda: not own.is_running)
    assert (len(started), own.problems) == (1, ["caf\ufffd is silent"])


def test_a_class_behind_one_address_reads_why_it_waits_and_does_not_ask_for_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room, shown = Capacity(Settings(max_visitors=2, max_live=1)), list[str]()
    monkeypatch.setattr(visitor, "capacity", lambda: room)
    monkeypatch.setattr(visitor, "_address", lambda: "192.0.2.1")
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(is_active_session="pupil".__eq__))
    assert room.admit("pupil", "192.0.2.1") is None
    monkeypatch.setattr(st, "rerun", lambda: shown.append("again"))
    for why, rerun in ((Refusal.ADDRESS, []), (Refusal.FULL, ["again"])):
        visitor._wait_for_room.__wrapped__(why)  # type: ignore[attr-defined]
        assert shown == rerun
    monkeypatch.setattr(st, "stop", lambda: shown.append("stopped"))
    for name in ("title", "markdown"):
        monkeypatch.setattr(st, name, lambda text, **_: shown.append(text))
    visitor.admit_visitor()
    assert shown == ["again", *Refusal.ADDRESS.value, "stopped"]
    assert "EMOMUSIC_MAX_VISITORS" in caplog.text
