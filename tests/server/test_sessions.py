import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit import runtime
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from emomusic.server import sessions


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

    def call_later(self, _seconds: float, run: Callable[[], None]) -> None:
        self.next = run

    def run_at(self, now: float) -> None:
        self.now = now
        self.next()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server("stays", "leaves")
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    monkeypatch.setattr(sessions, "monotonic", lambda: server.now)
    monkeypatch.setattr(st, "get_option", {"server.disconnectedSessionTTL": 240}.__getitem__)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: server)
    sessions.forget_closed_pages()
    return server


def test_a_return_to_the_page_restarts_the_time(server: Server) -> None:
    for now, is_open in ((0, False), (70, True), (90, False), (164, False)):
        server.open = {"stays", "leaves"} if is_open else {"stays"}
        server.run_at(now)
    assert not server.closed
    server.run_at(165)
    assert server.closed == ["leaves"]


def test_pages_that_refer_to_themselves_are_deleted_without_waiting_for_python(server: Server) -> None:
    page = Server()
    page.kept["itself"] = page  # type: ignore[assignment]
    left = weakref.ref(page)
    gc.disable()
    try:
        del page
        server.run_at(31)
        assert left() is None
    finally:
        gc.enable()


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


def test_an_image_stays_during_a_rerun(server: Server) -> None:
    files = server.media_file_mgr
    name = PurePosixPath(files.add(b"picture", "image/jpeg", "0.2")).stem
    files.clear_session_refs()  # at the start of a run
    use_the_app(files)
    assert files.read_file(name) is not None
    files.add(b"picture", "image/jpeg", "0.2")
    server.run_at(31)
    assert files.read_file(name) is not None


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
