"""What the Live page gives its browser: scripts, the loops of the band, and the faces of a frame.

Streamlit would send the text of a script with each refresh of a component, so both have addresses of this server.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from emomusic.app.live.session import LiveSession
from emomusic.assets import data_dir
from emomusic.charts.colours import EMOTION_COLOURS, ink_on
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
    """The address of the folder. It changes with its files, which browsers keep.

    Raises:
        AttributeError: Streamlit's server takes no further routes.
    """
    newest = max(path.stat().st_mtime_ns for path in _files().values())
    add_route(lambda base: Route(f"{base}{_FOLDER}/{{version}}/{{name}}", _send_file))
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' if base else ''}{base}{_FOLDER}/{newest:x}"


@functools.cache
def _files() -> dict[str, Path]:
    folders = (Path(__file__).parent, data_dir() / "band")
    return {path.name: path for each in folders for path in each.iterdir() if path.suffix in (".js", ".json", ".opus")}


async def _send_file(request: Request) -> Response:
    path = _files().get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, headers={"Cache-Control": "public, max-age=86400, immutable"})


def points_of(session: LiveSession) -> list[dict[str, Any]]:
    """The places of the faces on the affect plane, from left to right."""
    points = []
    for face in session.view().faces:
        valence, arousal = round(face.point.valence, 3), round(face.point.arousal, 3)
        points.append({"valence": valence, "arousal": arousal, "colour": EMOTION_COLOURS[face.emotion]})
    return points


def marks_of(session: LiveSession) -> list[dict[str, Any]]:
    """The marks of the faces, with boxes in shares of the frame; none if the view has none."""
    view, marks = session.view(), []
    for face in view.faces if session.boxes else ():
        box, colour = face.face.box, EMOTION_COLOURS[face.emotion]
        shares = (box.x / view.width, box.y / view.height, box.width / view.width, box.height / view.height)
        label = f"{face.number} {face.emotion}"
        marks.append({"number": face.number, "box": shares, "label": label, "colour": colour, "ink": ink_on(colour)})
    return marks
