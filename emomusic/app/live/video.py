"""The video with START and STOP, and the problems of the camera and its connection.

`screen.js` shows the camera and the marks, and sends the frames: see `connection.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from emomusic.app import state
from emomusic.app.live.browser import frames_address, live_folder, script_that_calls
from emomusic.app.live.ice import IceSettings, Way
from emomusic.app.live.session import LiveSession, LiveState, Phase, Problem, live_session, start_session
from emomusic.app.state import page_state
from emomusic.text import pluralize

_VIDEO = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}, "facingMode": "user"}
"""Camera constraints: enough for faces at a desk; two cores can decode it."""

_PROBLEMS = {
    Problem.INSECURE: "**This page needs HTTPS.** Browsers allow webcams only at https:// or localhost. Ask the owner "
    "of this server for an https:// address.",
    Problem.UNSUPPORTED: "**This browser cannot send video.** Open this page directly in a current Firefox, Chrome, "
    "Edge or Safari.",
    Problem.ABSENT: "**No webcam found.** Connect a webcam or switch it on, then try again.",
    Problem.REFUSED: "**The browser blocked the webcam.** Click the symbol at the left of the address and allow the "
    "camera, then try again.",
    Problem.BUSY: "**The webcam is in use.** Close the other program or tab, then try again.",
    Problem.BLOCKED: "**The video does not reach the server.** A firewall or VPN may block it. Try another network, or "
    "ask this server's owner for TURN (deploy/turn).",
    Problem.FULL: "**All live places are taken.** This server runs as many live sessions as it can serve well. Try "
    "again in some minutes, or take a snapshot.",
    Problem.LOST: "**The video stopped.** The connection or the webcam was lost. Press START for a new session; the "
    "last figures are below.",
}


def show_problem(problem: Problem, *, again: Callable[[], None] | None = None) -> None:
    """Show a problem, its remedy, the alternatives to a webcam and, with a callback, the button "Try again"."""
    with st.container(key=f"live-problem-{problem}"):
        st.warning(_PROBLEMS[problem], icon=":material/videocam_off:")
        with st.container(horizontal=True):
            if again is not None:
                st.button("Try again", icon=":material/refresh:", on_click=again, key=f"live-again-{problem}")
            for name, source, icon in (
                ("Take a snapshot", "Camera", "photo_camera"),
                ("Choose a photo", "Upload", "upload"),
            ):
                st.button(
                    f"{name} instead",
                    icon=f":material/{icon}:",
                    on_click=_choose_photo,
                    args=(source,),
                    key=f"live-{'snapshot' if source == 'Camera' else 'photo'}-{problem}",
                )


def _choose_photo(source: str) -> None:
    """Let the next complete run open the Photo page: a run with the click may be interrupted by the camera's answer."""
    st.session_state[state.SOURCE] = source
    page_state(LiveState).leaves = True


_CAMERA = st.components.v2.component(
    "emomusic_frames",
    html="<div><video aria-label='Your webcam' muted autoplay playsinline></video><canvas></canvas></div>"
    "<select aria-label='Choose a webcam' hidden></select>",
    css="""
:host { display: block; }
div { position: relative; aspect-ratio: 4 / 3; border-radius: 0.6rem; overflow: hidden; background: #000; }
:is(video, canvas) { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
video { transform: scaleX(-1); }
select { font: inherit; color: inherit; background: var(--st-background-color); min-height: 2.25rem; max-width: 100%; }
""",
    js=script_that_calls("showCamera"),
)


def sync_session(settings: IceSettings) -> LiveSession | None:
    """Return this visitor's session, a new one after START.

    Call this in every run of the page. A callback is unreliable: a new message from the browser interrupts it.
    """
    live = page_state(LiveState)
    if live.starts_video:
        live.starts_video = False
        return start_session(settings) or live_session()
    return live_session()


def start_video() -> None:
    """Start the video in the next run of the page."""
    live = page_state(LiveState)
    live.has_agreed = live.starts_video = True


def show_video(session: LiveSession | None, fixed: Way | None) -> None:
    """Show the video with START and STOP. Its frames may have only one, `fixed` way."""
    if session is None or not session.is_on:
        st.button("START", icon=":material/videocam:", type="primary", on_click=start_video, key="live-restart")
        return
    data = {"folder": live_folder(), "video": _VIDEO, "address": frames_address(session), "fixed": fixed}
    with st.container(key="live-frames"):
        _CAMERA(
            key=state.LIVE_FRAMES,
            data=data | {"ice": session.ice.as_dict()},
            on_began_change=lambda: None,  # the page then runs
            on_problem_change=_take_problem,
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("STOP", icon=":material/stop:", on_click=_end, key="live-stop")
        st.fragment(_show_connection, run_every=1.0)(fixed)


def _end() -> None:
    if (session := live_session()) is not None:
        session.end()


def _take_problem() -> None:
    session, camera = live_session(), st.session_state.get(state.LIVE_FRAMES)
    if session is not None and session.is_on and camera is not None and camera.problem:
        session.end(Problem(camera.problem))


def _show_connection(fixed: Way | None) -> None:
    """Say that the video connects, or that its connection is the slower one."""
    session = live_session()
    if session is not None and session.is_on and session.is_left:
        session.end(Problem.LOST)
    if session is None or not session.is_on:
        st.rerun()  # it ended in a run of a fragment
    if session.phase is Phase.CONNECTING and session.is_slow and fixed is Way.WEBRTC:
        show_problem(Problem.BLOCKED)
    elif session.phase is Phase.CONNECTING:
        st.caption(":material/hourglass_top: Connecting to the server. If your browser asks for the webcam, allow it.")
    elif session.way is Way.PAGE and session.is_slow:
        rate = pluralize(round(session.view().readings_per_second), "reading")
        st.caption(f"Slower connection: about {rate} per second")
