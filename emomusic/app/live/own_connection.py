"""The camera without WebRTC: one frame after the other over the page's own connection.

The browser shows the camera itself, draws the marks of the last answer over it, and sends the next frame when the
answer has the number of the last one.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import streamlit as st

from emomusic.app import state
from emomusic.app.live.files import live_folder, script_that_calls
from emomusic.app.live.session import LiveSession, LiveState, Problem, live_session
from emomusic.app.state import page_state
from emomusic.charts.colours import EMOTION_COLOURS, ink_on
from emomusic.faces.reading import FaceReading

VIDEO = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}, "facingMode": "user"}
"""Camera constraints: enough for faces at a desk; two cores can decode and encode it."""

_CAMERA = st.components.v2.component(
    "emomusic_frames",
    html="<div><video muted autoplay playsinline></video><canvas></canvas></div>",
    css="""
:host { display: block; }
div { position: relative; aspect-ratio: 4 / 3; border-radius: 0.6rem; overflow: hidden; background: #000; }
:is(video, canvas) { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
""",
    js=script_that_calls("showCamera"),
)


@st.fragment
def show_camera() -> None:
    """Show the camera of a session, and take its frames; the page calls this during the video."""
    session = live_session()
    if session is None or not session.is_on:
        return
    if session.is_left:
        session.end(Problem.LOST)
    if session.phase is not page_state(LiveState).shown:
        st.rerun()
    with st.container(key="live-frames"):
        _CAMERA(
            key=state.LIVE_FRAMES,
            data={
                "folder": live_folder(),
                "video": VIDEO,
                "answer": session.num_taken,
                "isMirrored": session.reader.settings.mirrored,
                "marks": marks_of(session),
                "points": points_of(session),
            },
            on_frame_change=_take_frame,
            on_lost_change=_lose_camera,
        )


def marks_of(session: LiveSession) -> list[dict[str, Any]]:
    """The marks of the faces for the browser, in shares of the frame; none if the visitor wants none."""
    view = session.view()
    if not (session.boxes and view.width):
        return []

    def mark(face: FaceReading) -> dict[str, Any]:
        box = face.face.box
        shares = (box.x / view.width, box.y / view.height, box.width / view.width, box.height / view.height)
        return {
            "box": [round(share, 4) for share in shares],
            "label": f"{face.number} {face.emotion}",
            "colour": EMOTION_COLOURS[face.emotion],
            "ink": ink_on(EMOTION_COLOURS[face.emotion]),
        }

    return [mark(face) for face in view.faces]


def points_of(session: LiveSession) -> list[dict[str, Any]]:
    """The places of the faces for the browser, from left to right."""
    return [
        {
            "valence": round(face.point.valence, 3),
            "arousal": round(face.point.arousal, 3),
            "colour": EMOTION_COLOURS[face.emotion],
        }
        for face in session.view().faces
    ]


def _take_frame() -> None:
    session, camera = live_session(), st.session_state.get(state.LIVE_FRAMES)
    if session is not None and camera is not None and camera.frame is not None:  # a late frame finds no component
        session.take_frame(int(camera.frame["number"]), b64decode(camera.frame["jpeg"]))


def _lose_camera() -> None:
    if (session := live_session()) is not None:
        session.end(Problem.LOST)
