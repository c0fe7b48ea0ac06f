"""Uploads and addresses before Streamlit sees them."""

import asyncio
import gc
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit import runtime
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from emomusic.app import uploads
from emomusic.server import asgi, gate
from emomusic.server.capacity import Capacity
from emomusic.server.gate import Gate, upload_of
from tests.fakes import own_capacity
from tests.server.asgi import answer_of
from tests.waiting import run_coroutine

FRAME = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n', b"\r\n--x--\r\n"
FILE = bytes(range(256)) * 1200
LENGTH = len(FILE) + sum(map(len, FRAME))

Ask = Callable[..., int]


class Server(SimpleNamespace):
    """Streamlit's server with one open session, "me"."""

    uploaded_file_mgr = MemoryUploadedFileManager("/upload")
    is_open = True

    def is_active_session(self, visitor: str) -> bool:
        return visitor == "me" and self.is_open


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Capacity:
    """The capacity of the server, which has admitted its visitor."""
    here = own_capacity(monkeypatch, gate, max_visitors=2, max_live=1, max_memory_mb=1, max_files_mb=1)
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    server = Server()
    assert here.admit("me") is None
    return here


@pytest.fixture
def ask(here: Capacity) -> Ask:
    """Requests through the gate to Streamlit's routes of uploads, and to its page at every other address."""
    server = runtime.get_instance()
    routes = create_upload_routes(server, server.uploaded_file_mgr, "")
    routes.append(Route("/{path:path}", lambda _: HTMLResponse("the page")))
    app = Gate(Starlette(routes=routes))
    token = generate_xsrf_token_string()

    def request(path: str, body: bytes | None = None, **headers: str) -> int:
        """The status. Without a body, a read of it fails."""
        sent = {"content-type": "multipart/form-data; boundary=x", "x-xsrftoken": token}
        sent |= {"cookie": f"_streamlit_xsrf={token}"} | headers
        content = None if body is None else FRAME[0] + body + FRAME[1]
        return answer_of(app, path, sent, "PUT" if "upload" in path else "GET", content)[0]

    return request


@pytest.mark.parametrize("is_large", [False, True])
def test_uploads_count_while_kept(ask: Ask, here: Capacity, is_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LARGE", LENGTH - 1 if is_large else LENGTH)
    budget, server = here.files if is_large else here.memory, runtime.get_instance()
    assert ask("/_stcore/upload_file/me/1", FILE, content_length=str(LENGTH), cookie="") == 403  # of another site
    assert budget.num_bytes == 0
    assert ask("/_stcore/upload_file/me/1", FILE, content_length=str(LENGTH)) == 204
    assert ask("/_stcore/upload_file/me/2", content_length=str(LENGTH)) == 413
    assert here.memory.num_bytes + here.files.num_bytes == budget.num_bytes == LENGTH
    upload = upload_of("me", "1")
    assert (upload.name, len(upload.data)) == ("a.mp4", 0 if is_large else len(FILE))
    monkeypatch.setattr(uploads, "capacity", lambda: here)
    monkeypatch.setattr(uploads, "session_id", lambda: "me")
    page_file = UploadedFile(upload, FileURLs())  # of a large one, Streamlit's has no content
    data, held = uploads.keep_upload(page_file)
    assert (data, held.num_bytes) == (FILE, len(FILE) if is_large else LENGTH)
    assert here.memory.num_bytes == held.num_bytes
    content, size = uploads.open_upload(page_file)
    assert (content.read(), size) == (FILE, len(FILE))
    del upload, page_file, held
    server.uploaded_file_mgr.remove_session_files("me")
    assert budget.num_bytes == (LENGTH if is_large else 0)  # as long as the page reads it
    del content
    assert budget.num_bytes == 0
    assert ask("/_stcore/upload_file/me/2", FILE, content_length=str(LENGTH)) == 204
    server.uploaded_file_mgr.remove_session_files("me")
    assert budget.num_bytes == 0
    assert upload_of("me", "1") is None


@pytest.mark.parametrize("is_large", [False, True])
def test_uploads_go_with_their_page(ask: Ask, here: Capacity, is_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LARGE", LENGTH - 1 if is_large else LENGTH)
    server, form = runtime.get_instance(), gate.Request.form

    async def close_and_read(request: Any, **limits: Any) -> Any:
        server.is_open = False  # the body has begun to arrive
        return await form(request, **limits)

    monkeypatch.setattr(gate.Request, "form", close_and_read)
    assert ask("/_stcore/upload_file/me/1", FILE, content_length=str(LENGTH)) == 400
    gc.collect()
    assert server.uploaded_file_mgr.get_files("me", ["1"]) == []
    assert here.memory.num_bytes + here.files.num_bytes == 0


def test_an_upload_that_does_not_arrive_ends(ask: Ask, here: Capacity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_PART_S", 0.01)
    for length in (LENGTH, gate.LARGE + 1):
        monkeypatch.setattr(here, "files", here.memory)
        monkeypatch.setattr(here.memory, "max_bytes", 2**40)
        assert ask("/_stcore/upload_file/me/1", content_length=str(length)) == 408
        gc.collect()
        assert here.memory.num_bytes == 0
    assert ask("/_stcore/upload_file/me/1", FILE, content_length=str(LENGTH), **{"content-type": "text/plain"}) == 400


def test_only_addresses_of_pages_are_found_and_uploads_refused_before_their_body(ask: Ask) -> None:
    paths = ("/", "/live", "/how_it_works", "/component/x/index.html", "/musik", "/live/more", "/photo", "/gallery")
    assert [ask(path) for path in paths] == [200, 200, 200, 200, 404, 404, 307, 307]
    for visitor, headers, status in (
        ("stranger", {"content_length": "9"}, 403),
        ("me", {}, 411),
        ("me", {"content_length": "9", "transfer-encoding": "chunked"}, 413),  # of any size
        ("me", {"content_length": str(2**20)}, 413),  # a visitor has half of the budget
        ("me", {"content_length": str(65 * 2**20)}, 413),
        ("me", {"content_length": str(502 * 2**20)}, 413),
    ):
        assert ask(f"/_stcore/upload_file/{visitor}/1", **headers) == status


@pytest.mark.parametrize(("peer", "most"), [("8.8.8.8", 2), ("127.0.0.1", 4)])
def test_an_address_has_as_many_connections_as_the_server_has_places(here: Capacity, peer: str, most: int) -> None:
    accepted, refused = 0, 0

    async def connected(*_: object) -> None:
        nonlocal accepted
        accepted += 1
        await over.wait()

    async def send(message: Any) -> None:
        nonlocal refused
        refused += message["type"] == "websocket.close"

    async def connect(*peers: str) -> None:
        scopes = [{"type": "websocket", "client": (peer, 1), "headers": []} for peer in peers]
        tasks = [asyncio.create_task(app(scope, send, send)) for scope in scopes]
        for _ in range(9):
            await asyncio.sleep(0)
        over.set()
        await asyncio.gather(*tasks)

    app = Gate(connected)
    for _ in range(2):  # their places are free again
        over, before = asyncio.Event(), accepted
        run_coroutine(connect(*[peer] * 9, "8.8.4.4"))
        assert accepted - before == most + 1
    assert refused == 2 * (9 - most)


def test_the_body_of_an_answer_does_not_wait_for_its_head() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # names no protocol, as Streamlit's
        asgi.send_at_once()
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
