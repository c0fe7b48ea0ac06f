"""Addresses of the Live page for its browser: scripts, the loops of the band, and the frames of the camera.

Streamlit would send the text of a script with each refresh of a component.
"""

from __future__ import annotations

import functools
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, WebSocketRoute

from emomusic.app.live.connection import serve_frames
from emomusic.app.live.session import LiveSession
from emomusic.assets import data_dir
from emomusic.compat import add_route

_FOLDER = "/app/static/live"  # Streamlit's pages accept addresses below /app/static/


def script_that_calls(function: str) -> str:
    """The script of a component that calls a function of `screen.js`. The component's data have the `folder`."""
    return f"""
export default async (component) => {{
  const screen = await import(new URL(`${{component.data.folder}}/screen.js`, location.href));
  screen.{function}(component);
}}
"""


@functools.cache
def live_folder() -> str:
    """The address of the files. It changes with them, because browsers keep them.

    Raises:
        AttributeError: Streamlit's server takes no further routes.
    """
    newest = max(path.stat().st_mtime_ns for path in _files().values())
    add_route(lambda base: Route(f"{base}{_FOLDER}/{{version}}/{{name}}", _send_file))
    add_route(lambda base: WebSocketRoute(f"{base}{_FOLDER}/frames/{{key}}", serve_frames))
    return f"{_base()}{_FOLDER}/{newest:x}"


def frames_address(session: LiveSession) -> str:
    """The address of the WebSocket for the frames of a session, after `live_folder`."""
    return f"{_base()}{_FOLDER}/frames/{session.key}"


def _base() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


@functools.cache
def _files() -> dict[str, Path]:
    folders = (Path(__file__).parent, data_dir() / "band")
    return {path.name: path for each in folders for path in each.iterdir() if path.suffix in (".js", ".json", ".opus")}


async def _send_file(request: Request) -> Response:
    path = _files().get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, headers={"Cache-Control": "public, max-age=86400, immutable"})
