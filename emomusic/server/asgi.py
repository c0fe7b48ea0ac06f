"""The server of the app: its routes, the gate before them, and what happens at its start and its stop.

`app.py` and this file hold the same `st.App`, so `streamlit run` starts the same server with either, and an ASGI server
with `emomusic.server.asgi:app`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
import webbrowser
from collections.abc import AsyncIterator
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware

from emomusic.assets import ROOT
from emomusic.compat import ignore_pages_folder, keep_messages, keep_page
from emomusic.server import api, files, frames
from emomusic.server.capacity import capacity
from emomusic.server.drain import drain_on_sigterm, use_json_logs
from emomusic.server.files import base_path
from emomusic.server.gate import LARGE, Gate
from emomusic.server.sessions import forget_closed_pages
from emomusic.server.settings import settings
from emomusic.server.shared import shared

_SETTINGS = settings()  # a malformed one must stop the start, not the first visitor


def set_up() -> None:
    """Change the libraries in ways that last as long as the process."""
    if _SETTINGS.log:
        use_json_logs()
    # Its warnings have the ids of sessions, with which a stranger could ask for their state
    logging.getLogger("streamlit.runtime.websocket_session_manager").setLevel(logging.ERROR)
    MultiPartParser.spool_max_size = LARGE  # photos and song tables stay in memory; films are larger
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own pool keeps 74 MB of the catalogue
    ignore_pages_folder()
    keep_messages()
    keep_page()


def send_at_once() -> None:
    """Let the sockets of this process, and the connections that they accept, send a small answer at once.

    asyncio does so for its own sockets. Streamlit's socket names no protocol, so each answer's body waited 40 ms.
    """
    for found in gc.get_objects():
        if type(found) is socket.socket and found.family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):  # closed, or not TCP
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextlib.asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    set_up()
    send_at_once()
    forget_closed_pages()
    shared()  # starts to load
    drain_on_sigterm(_SETTINGS.drain_s)
    _open_browser()
    yield
    capacity().is_draining = True  # also after a stop without SIGTERM


def _open_browser() -> None:
    """Open the app in the browser of this computer. Streamlit does so only without `st.App`."""
    if not st.get_option("server.headless"):
        host, port, is_secure = map(st.get_option, ("server.address", "server.port", "server.sslCertFile"))
        host = "localhost" if host in (None, "0.0.0.0", "::") else host
        address = f"{'https' if is_secure else 'http'}://{host}:{port}{base_path()}"
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, address)


OPTIONS: dict[str, Any] = {
    "lifespan": _lifespan,
    "routes": [*api.routes(_SETTINGS), *files.routes(), *frames.routes()],
    "middleware": [Middleware(Gate)],
}
"""The arguments that make `st.App` the server of the app."""

app = st.App(ROOT / "app.py", **OPTIONS)
