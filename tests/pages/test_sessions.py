import gc
import tomllib
import weakref
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit import runtime
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from emomusic.app import sessions


class Server:
    """A fake of Streamlit's runtime, with its own clock."""

    def __init__(self, *names: str) -> None:
        self.kept = {
            name: SimpleNamespace(
                id=name,
                session_state={"photo": b"bytes"},
                _session_state={"callback": b"bytes"},
                _fragment_storage={"fragment": b"bytes"},
                _browser_queue=[b"bytes"],
            )
            for name in names
        }
        self.open = set(names)
        self.closed: list[str] = []
        self.now = 0.0
        self.next: Callable[[], None] = lambda: None
        self.media_file_mgr = MediaFileManager(MemoryMediaFileStorage("/media"))
        self._session_mgr = self

    def list_sessions(self) -> list[Any]:
        return [SimpleNamespace(session=session) for session in self.kept.values()]

    def is_active_session(self, name: str) -> bool:
        return name in self.open

    def close_session(self, name: str) -> None:
        self.closed.append(name)
        del self.kept[name]

    def _get_async_objs(self) -> Any:
        return SimpleNamespace(eventloop=self)

    def call_soon_threadsafe(self, run: Callable[[], None]) -> None:
        self.next = run

    def call_later(self, _seconds: float, run: Callable[[], None]) -> None:
        self.next = run

    def run_at(self, now: float) -> None:
        self.now = now
        self.next()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server("stays", "leaves")
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    monkeypatch.setattr(sessions, "monotonic", lambda: server.now)
    monkeypatch.setattr(st, "get_option", {"server.disconnectedSessionTTL": 240}.__getitem__)
    sessions.forget_closed_pages()
    return server


def test_a_closed_page_is_deleted_within_two_minutes(server: Server) -> None:
    left = server.kept["leaves"]
    server.run_at(0)
    server.open.remove("leaves")
    server.run_at(5)
    server.run_at(79)
    assert left.session_state
    server.run_at(80)
    assert server.closed == ["leaves"]
    assert not any((left.session_state, left._session_state, left._fragment_storage, left._browser_queue))
    server.run_at(85)
    assert server.closed == ["leaves"]
    assert server.kept["stays"].session_state


def test_a_return_to_the_page_restarts_the_time(server: Server) -> None:
    for now, is_open in ((0, False), (70, True), (90, False), (164, False)):
        server.open = {"stays", "leaves"} if is_open else {"stays"}
        server.run_at(now)
    assert not server.closed
    server.run_at(165)
    assert server.closed == ["leaves"]


def use_the_app(files: MediaFileManager) -> None:
    """Call what Streamlit calls at the end of each run of a page or a fragment."""
    for _ in range(3):
        files.remove_orphaned_files()


def test_a_download_stays_until_the_browser_can_fetch_it(server: Server) -> None:
    files = server.media_file_mgr
    name = PurePosixPath(files.execute_deferred(files.add_deferred(lambda: b"songs", "text/csv", "0.1"))).stem
    for now in (1, 29, 31, 59):
        use_the_app(files)
        server.run_at(now)
        assert files.read_file(name) is not None
    server.run_at(61)
    assert files.read_file(name) is None


def test_an_image_stays_during_a_rerun_and_is_deleted_with_its_page(server: Server) -> None:
    files = server.media_file_mgr
    name = PurePosixPath(files.add(b"picture", "image/jpeg", "0.2")).stem
    files.clear_session_refs()  # at the start of a run
    use_the_app(files)
    assert files.read_file(name) is not None
    files.add(b"picture", "image/jpeg", "0.2")
    server.run_at(31)
    assert files.read_file(name) is not None
    server.open.remove("leaves")
    now = 35
    while not server.closed:
        server.run_at(now)
        now += 5
    files.clear_session_refs()  # Streamlit does this when it closes a session
    while files.read_file(name) is not None:
        server.run_at(now)
        now += 5
    assert now - 35 <= 120


@pytest.mark.parametrize("fault", ["list_sessions", "close_session"])
def test_files_are_deleted_even_if_sessions_cannot_be_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no such session")

    files = server.media_file_mgr
    name = PurePosixPath(files.add(b"picture", "image/jpeg", "0.2")).stem
    files.clear_session_refs()
    monkeypatch.setattr(server, fault, fails)
    server.open.remove("leaves")
    server.run_at(0)
    server.run_at(100)
    assert files.read_file(name) is None
    assert "no such session" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(sessions, "monotonic", lambda: server.now)
    server.run_at(105)  # the cleanup continues
    server.run_at(200)
    assert server.closed == ["leaves"]


def test_the_page_text_matches_the_settings(root: Path) -> None:
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["runner"] == {"fastReruns": False, "postScriptGC": False}
    assert config["server"]["disconnectedSessionTTL"] / 2 == 120
    assert "two minutes" in sessions.WHEN_GONE


class Photo:
    """An object of a page, in a reference cycle with itself."""

    def __init__(self) -> None:
        self.page = self


def test_photos_in_reference_cycles_are_deleted(server: Server) -> None:
    server.run_at(1)
    gc.disable()
    try:
        photo = weakref.ref(Photo())
        server.run_at(29)
        assert photo() is not None
        server.run_at(31)
        assert photo() is None
    finally:
        gc.enable()
