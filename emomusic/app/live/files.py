"""Scripts of the Live page and loops of the band, at addresses of this server.

Streamlit would send the text of a script with each refresh of a component.
"""

from __future__ import annotations

import functools
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from emomusic.assets import data_dir
from emomusic.compat import add_route

_FOLDER = "/app/static/live"  # Streamlit's pages accept addresses below /app/static/
_TYPES = {".js": "text/javascript", ".opus": "audio/ogg", ".json": "application/json"}


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
    """The address of the folder. It changes with its files, which browsers keep.

    Raises:
        HookError: Streamlit's server takes no further routes.
    """
    newest = max(path.stat().st_mtime_ns for path in _files().values())
    add_route(lambda base: Route(f"{base}{_FOLDER}/{{version}}/{{name}}", _send_file))
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' if base else ''}{base}{_FOLDER}/{newest:x}"


@functools.cache
def _files() -> dict[str, Path]:
    folders = (Path(__file__).parent, data_dir() / "band")
    return {path.name: path for folder in folders for path in folder.iterdir() if path.suffix in _TYPES}


async def _send_file(request: Request) -> Response:
    path = _files().get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=86400, immutable"}
    return FileResponse(path, headers=headers, media_type=_TYPES[path.suffix])
