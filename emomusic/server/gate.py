"""The server's decisions before Streamlit: the connections and uploads it accepts, and the addresses of pages.

The document of a page is Streamlit's, with the style of the app, and a sentence for browsers that cannot connect; or
says where a page is.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from string import Template
from typing import Any, cast

from starlette.datastructures import Headers, MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit import get_option, runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from emomusic.assets import ROOT
from emomusic.compat import XSRF_COOKIE, has_upload_token
from emomusic.errors import CapacityError
from emomusic.server.capacity import MB, HeldBytes, capacity
from emomusic.server.files import StreamedFile, base_path
from emomusic.server.visitor import address_of

_START = ("index", "home", "start", "photo", "photos", "gallery")  # other names of the first page

_HERE = Path(__file__).parent
# Streamlit shows a style of the app after the first elements, which then move
_SHEETS = ["frame", "roomy", "player", "tiles", "picture_chooser", "photo/screen", "photo/persons", "live/live"]
_SHEETS += ["film/screen", *(f"{page}/page" for page in ("music", "models", "how_it_works"))]
_STYLE = "".join((_HERE.parent / f"app/{name}.css").read_text(encoding="utf-8") for name in _SHEETS)
# Scripts cannot run where a proxy's policy forbids them, so a style shows the sentence
_BEGIN = f"<style>\n{_STYLE}</style>".encode() + (_HERE / "no_connection.html").read_bytes()
_NO_PAGE = Template((_HERE / "no_page.html").read_text(encoding="utf-8"))


def page_at(path: str, pages: set[str]) -> str | None:
    """The name of the page that a mistyped address means, or None."""
    name = re.sub(r"[- ]", "_", re.sub(r"\.(html?|php|py)$", "", path.strip("/").lower()))
    return "" if name in _START else name if name in pages else None


LARGE = 64 * MB
"""A larger upload is a film, a song or own music. It goes to an unnamed temporary file, never to memory."""

CLOSE = {"Connection": "close"}
"""Headers of a refusal: without them, the unread body stays in the connection."""

_PART_S = 60.0  # for the next part of an upload to arrive
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")
_OF_FILE = ("content-length", "etag", "last-modified", "accept-ranges")  # headers of a document that is not changed
_NO_PAGES = ("/component/", "/_stcore/", "/media/", "/app/")


class Upload(UploadedFileRec):
    """A file as Streamlit keeps it, until its uploader or its session is gone.

    Attributes:
        held: its bytes in a budget of the server.
        file: the content of a large one, whose `data` are empty. Its readers keep its place in the budget.
    """

    held: HeldBytes
    file: StreamedFile | None = None


def upload_of(session: str, file_id: str) -> Upload | None:
    """The file that Streamlit keeps; None if the page has released it."""
    kept = runtime.get_instance().uploaded_file_mgr.get_files(session, [file_id]) if runtime.exists() else []
    return kept[0] if kept and isinstance(kept[0], Upload) else None


def release_upload(file_id: str) -> None:
    """Delete an uploaded file from Streamlit's store, which keeps it for the whole session."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file_id)


def has_token(cookies: Mapping[str, str]) -> bool:
    """Whether a browser that sends these cookies can upload files."""
    return XSRF_COOKIE in cookies or not get_option("server.enableXsrfProtection")


class Gate:
    """An ASGI app that bounds connections and uploads, and tells browsers which pages exist.

    Uploads of strangers and beyond the budget are refused.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._connections: Counter[str] = Counter()  # the open WebSockets, by the browser's address
        self._base = base_path()
        self._documents = BaseHTTPMiddleware(app, self._document)
        self._pages = {"", *(path.stem for path in (ROOT / "pages").glob("*.py"))} - {*_START}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on to Streamlit."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(self._base)
        upload = _UPLOAD.fullmatch(path) if scope["method"] == "PUT" else None
        if upload is not None:
            response = await store_upload(Request(scope, partial(_receive_in_time, receive)), upload[1], upload[2])
            await response(scope, receive, send)
        elif scope["method"] == "GET" and not path.startswith(_NO_PAGES):
            await self._documents(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _document(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Streamlit's answer to a GET; for an unknown address, its document only if the address is a page."""
        path, asked = request.scope["path"].removeprefix(self._base), MutableHeaders(scope=request.scope)
        exists = path.strip("/") in self._pages
        for name in ("accept-encoding", "if-none-match", "if-modified-since", "range"):
            if exists:
                del asked[name]  # the document is changed, so it comes whole and uncompressed
        response: Any = await call_next(request)
        if response.status_code != 200 or not response.headers.get("content-type", "").startswith("text/html"):
            return cast("Response", response)
        if exists:
            content = b"".join([part async for part in response.body_iterator])
            kept = {name: value for name, value in response.headers.items() if name not in _OF_FILE}
            return Response(content.replace(b'<div id="root">', _BEGIN + b'<div id="root">', 1), headers=kept)
        if (page := page_at(path, self._pages)) is not None:
            query = "sample=all" if "wall" in request.query_params else request.url.query  # a link to the old gallery
            return RedirectResponse(f"{self._base}/{page}?{query}" if query else f"{self._base}/{page}")
        return HTMLResponse(_NO_PAGE.substitute(base=self._base), 404)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a page connect. An address has as many connections as the server has places; others need memory only."""
        address = address_of((scope.get("client") or [""])[0], Headers(scope=scope).get("x-forwarded-for", ""))
        # Behind some proxies the addresses of all visitors are unknown. Then as many may wait as have a place
        most = capacity().max_visitors * (1 if address else 2)
        if self._connections[address] >= most:
            await WebSocketClose()(scope, receive, send)
            return
        self._connections[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._connections[address] -= 1
            self._connections += Counter()  # forgets addresses without one


async def read_body(request: Request, most: int, on_part: Callable[[int], object] = lambda _: None) -> bytes:
    """The body of a request, of at most `most` bytes. `on_part` takes the number of bytes of each part.

    Raises:
        HTTPException: the body is larger, or the connection ends before it.
    """
    too_large = HTTPException(413, f"expected at most {most // 2**20} MB", CLOSE)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large
    body = bytearray()
    try:
        async for part in request.stream():
            on_part(len(part))
            body += part
            if len(body) > most:
                raise too_large
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the body") from None
    return bytes(body)


async def _receive_in_time(receive: Receive) -> Message:
    """The next part of a body. Raises a `TimeoutError` if it does not arrive."""
    async with asyncio.timeout(_PART_S):
        return await receive()


async def store_upload(request: Request, session: str, file_id: str) -> Response:
    """Hold the bytes of an upload, and store it. Starlette writes a film to a temporary file without a name."""
    refused, length = partial(Response, headers=CLOSE), request.headers.get("content-length", "")
    if not (capacity().is_admitted(session) and has_upload_token(request.headers, request.cookies)):
        return refused(status_code=403)
    size, most = int(length) if length.isdecimal() else -1, (get_option("server.maxUploadSize") + 1) * MB
    if not 0 <= size <= most or "transfer-encoding" in request.headers:  # which would not keep to the size
        return refused(status_code=411 if size < 0 else 413)
    is_large = size > LARGE
    try:
        held = HeldBytes(capacity().files if is_large else capacity().memory, session, size)
        form = await request.form(max_files=1, max_fields=1)
        (file,) = (value for value in form.values() if isinstance(value, UploadFile))
    except CapacityError:
        return refused(status_code=413)
    except TimeoutError:
        return refused(status_code=408)
    except OSError:
        return refused(status_code=507)
    except (ClientDisconnect, HTTPException, MultiPartException, ValueError):
        return refused(status_code=400)
    content = b"" if is_large else await file.read()
    upload = Upload(file_id, file.filename or "", file.content_type or "", content)
    upload.held, server = held, runtime.get_instance()
    if is_large:
        upload.file = StreamedFile(held, file=file.file)
    await file.close()
    # Nothing would delete the file of a page that has closed meanwhile. Sessions end on this thread only
    if not server.is_active_session(session):
        return Response(status_code=400)
    assert isinstance(server.uploaded_file_mgr, MemoryUploadedFileManager)
    server.uploaded_file_mgr.add_file(session, upload)
    return Response(status_code=204)
