"""The app with routes for operators: `streamlit run emomusic/server/asgi.py`.

`streamlit run app.py` serves the same pages without the routes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

import streamlit as st
from starlette.middleware import Middleware

from emomusic.assets import ROOT
from emomusic.server.api import routes
from emomusic.server.capacity import capacity, settings
from emomusic.server.drain import drain_on_sigterm, use_json_logs
from emomusic.server.gate import Gate
from emomusic.server.shared import shared

_SETTINGS = settings()  # a malformed one must stop the start, not the first visitor


@contextlib.asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    if os.environ.get("EMOMUSIC_LOG", "").lower() == "json":
        use_json_logs()
    shared()  # starts to load
    drain_on_sigterm(_SETTINGS.drain_s)
    yield
    capacity().is_draining = True  # also after a stop without SIGTERM


app = st.App(ROOT / "app.py", lifespan=_lifespan, routes=routes(_SETTINGS), middleware=[Middleware(Gate)])
