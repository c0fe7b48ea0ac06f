"""The addresses of live sessions, at which the server takes the frames of cameras.

An address takes a frame by POST, whose answer has the faces. With WebRTC, it takes the browser's offer by PUT, and GET
sends the faces as server-sent events. An address serves one visitor: it is unguessable, the page must be open, and the
requests must come from the visitor's browser. All other requests get status 404.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from streamlit import runtime

from emomusic.compat import XSRF_COOKIE, is_same_browser
from emomusic.media.images import read_image
from emomusic.server.capacity import capacity
from emomusic.server.files import base_path
from emomusic.server.gate import CLOSE, read_body

if TYPE_CHECKING:
    from emomusic.server.live import LiveSession  # loads pandas, for which no start waits

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 2**20
"""A frame of the page has about 60 kB, and with much noise ten times as much."""

FOLDER = "/app/static/live"
"""The prefix of the token of a session. Streamlit's pages accept addresses below /app/static/."""

_BEAT_S = 1.0  # longest time between two events: a closed page or session ends them


class Problem(StrEnum):
    """The reason that there is no video. `camera.js` reports the first six."""

    INSECURE = "insecure"
    FRAMED = "framed"
    UNSUPPORTED = "unsupported"
    ABSENT = "absent"
    REFUSED = "refused"
    BUSY = "busy"
    BLOCKED = "blocked"
    FULL = "full"
    LOST = "lost"


def routes() -> list[Route]:
    """The route of all addresses."""
    return [Route(f"{base_path()}{FOLDER}/{{token}}", _Frames)]


def _is_open(session: LiveSession, request: Request) -> bool:
    """Whether frames are taken, the page is open, and the request comes from its browser."""
    if not (session.is_live and runtime.exists() and runtime.get_instance().is_active_session(session.visitor)):
        return False
    return XSRF_COOKIE not in session.cookies or is_same_browser(session.cookies, request.cookies)


def _session_at(request: Request) -> LiveSession:
    token = request.path_params["token"]
    session: LiveSession | None = next((one for one in capacity().live_sessions if one.token == token), None)
    if session is None or not _is_open(session, request):
        raise HTTPException(404, headers=CLOSE)
    return session


class _Frames(HTTPEndpoint):
    """Takes frames. Threads work on them, never the event loop."""

    async def post(self, request: Request) -> Response:
        """Take a frame. The answer has the faces of the newest reading, at their places in this frame."""
        session, jpeg = _session_at(request), await read_body(request, MAX_BODY_BYTES)

        def answer() -> bytes:
            session.take_frame(lambda: read_image(jpeg))
            return session.faces_json()

        return Response(await run_in_threadpool(answer), media_type="application/json")

    async def put(self, request: Request) -> Response:
        """Take the offer of WebRTC."""
        session, offer = _session_at(request), await read_body(request, MAX_BODY_BYTES)
        try:
            return Response(await run_in_threadpool(session.connect, offer), media_type="application/json")
        except ConnectionError as error:
            log.warning("%s", error)
            raise HTTPException(400) from None

    async def get(self, request: Request) -> Response:
        """Send the faces after each frame."""
        return StreamingResponse(_events(_session_at(request), request), media_type="text/event-stream")


async def _events(session: LiveSession, request: Request) -> AsyncIterator[bytes]:
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    session.listener = lambda: loop.call_soon_threadsafe(news.set)
    while _is_open(session, request):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), _BEAT_S)
        news.clear()
        yield b"data: " + await run_in_threadpool(session.faces_json) + b"\n\n"
