"""emomusic/ui/core/capacity.py: limits for visitors and live sessions, and the pages of those without a place."""

import gc
from types import SimpleNamespace

import pytest

from emomusic.errors import SettingsError
from emomusic.ui.core import capacity as module
from emomusic.ui.core.capacity import LIVE_PER_CORE, VISITORS_PER_CORE, Capacity, limits


class Server:
    """The sessions of a server: the known ones, and those with an open page."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.open: set[str] = set()

    def connect(self, *visitors: str) -> None:
        self.known |= set(visitors)
        self.open |= set(visitors)

    def disconnect(self, visitor: str) -> None:
        self.open.remove(visitor)

    def forget(self, visitor: str) -> None:
        self.known.remove(visitor)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(module, "_sessions", lambda: (set(server.known), set(server.open)))
    return server


def test_the_visitor_above_the_limit_is_refused_until_another_leaves(server: Server) -> None:
    capacity = Capacity(max_visitors=2, max_live=1)
    server.connect("a", "b", "c")
    assert [capacity.admit(visitor) for visitor in "abc"] == [True, True, False]
    assert (capacity.num_visitors, capacity.has_room) == (2, False)
    server.disconnect("a")
    assert (capacity.num_visitors, capacity.has_room) == (1, True)
    assert capacity.admit("c")


def test_an_admitted_visitor_may_return_after_a_lost_connection(server: Server) -> None:
    capacity = Capacity(max_visitors=1, max_live=1)
    server.connect("a", "b")
    assert capacity.admit("a")
    server.disconnect("a")
    assert capacity.admit("b")
    server.connect("a")
    assert capacity.admit("a")  # its photos are still here
    assert capacity.num_visitors == 2


def test_a_deleted_session_is_forgotten(server: Server) -> None:
    capacity = Capacity(max_visitors=1, max_live=1)
    server.connect("a", "b")
    assert capacity.admit("a")
    server.disconnect("a")
    server.forget("a")
    assert capacity.admit("b")
    server.connect("a")
    assert not capacity.admit("a")


def test_a_draining_server_keeps_its_visitors_and_refuses_others(server: Server) -> None:
    capacity = Capacity(max_visitors=5, max_live=5)
    server.connect("a", "b")
    assert capacity.admit("a")
    capacity.is_draining = True
    assert [capacity.admit(visitor) for visitor in "ab"] == [True, False]
    assert not capacity.has_room
    assert not capacity.has_live_room
    assert not capacity.start_live(SimpleNamespace(is_live=True))


class Live:
    def __init__(self) -> None:
        self.is_live = True


def test_a_live_session_holds_its_place_until_it_ends_or_is_deleted() -> None:
    capacity = Capacity(max_visitors=9, max_live=2)
    first, second, third = Live(), Live(), Live()
    assert [capacity.start_live(session) for session in (first, second, third)] == [True, True, False]
    assert (capacity.num_live, capacity.has_live_room) == (2, False)
    first.is_live = False
    assert capacity.start_live(third)
    assert capacity.num_live == 2
    del second
    gc.collect()
    assert (capacity.num_live, capacity.has_live_room) == (1, True)


def test_limits_follow_the_cores_and_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores in (1, 2, 8):
        monkeypatch.setattr(module, "num_cores", lambda cores=cores: cores)
        assert limits({}) == (VISITORS_PER_CORE * cores, LIVE_PER_CORE * cores)
    assert limits({"EMOMUSIC_MAX_VISITORS": "7", "EMOMUSIC_MAX_LIVE": " 3 "}) == (7, 3)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
@pytest.mark.parametrize("name", ["EMOMUSIC_MAX_VISITORS", "EMOMUSIC_MAX_LIVE"])
def test_a_malformed_limit_is_an_error_that_names_it(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        limits({name: text})
