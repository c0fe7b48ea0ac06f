"""Camera permission, the video by WebRTC or over the page's own connection, and the problems of these.

Over the page's connection, the browser shows the camera itself and moves the marks of the last answer over it. It sends
the next frame when the answer has the number of the last one.

Streamlit would send the text of a script with each refresh of a component, so scripts and the loops of the band have
addresses of this server.
"""

from __future__ import annotations

import functools
import logging
import secrets
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.app import state
from emomusic.app.live.ice import IceSettings
from emomusic.app.live.session import (
    LiveSession,
    LiveState,
    Phase,
    Problem,
    Way,
    live_fragment,
    live_session,
    start_session,
    with_session,
)
from emomusic.app.state import page_state
from emomusic.assets import data_dir
from emomusic.colours import EMOTION_COLOURS, ink_on
from emomusic.compat import close_stream, set_visitor_stayed
from emomusic.server.files import folder_url
from emomusic.text import pluralize


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
    """The address of the scripts and of the loops of the band."""
    folders = (Path(__file__).parent, data_dir() / "band")
    kinds = (".js", ".json", ".opus")
    return folder_url({path.name: path for each in folders for path in each.iterdir() if path.suffix in kinds})


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


log = logging.getLogger(__name__)

_VIDEO = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}, "facingMode": "user"}
"""Camera constraints: enough for faces at a desk; two cores can decode and encode it."""

_STREAM_STYLE = {"width": "100%", "borderRadius": "0.6rem", "display": "block"}

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


_ASK_KEY, _CAMERA_KEY = "live_camera", "live_frames"
_ASK = st.components.v2.component("emomusic_camera", js=script_that_calls("askForCamera"))
_CAMERA = st.components.v2.component(
    "emomusic_frames",
    html="<div><video aria-label='Your webcam' muted autoplay playsinline></video><canvas></canvas></div>",
    css="""
:host { display: block; }
div { position: relative; aspect-ratio: 4 / 3; border-radius: 0.6rem; overflow: hidden; background: #000; }
:is(video, canvas) { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
video { transform: scaleX(-1); }
""",
    js=script_that_calls("showCamera"),
)


def mount_camera(*, takes_keys: bool) -> None:
    """Mount the invisible component that sends each camera request to the browser once.

    If the page starts to take keys, the component moves the focus from the video to the page.
    """
    live = page_state(LiveState)
    press = live.request if live.is_camera_allowed and live.starts_video and live.way is Way.WEBRTC else ""
    attempt = live.request if live.answer is None else ""
    data = {"attempt": attempt, "video": _VIDEO, "takesKeys": takes_keys, "press": press, "folder": live_folder()}
    with st.container(height=1, border=False):  # until its code has loaded, a component is 40 px high
        _ASK(key=_ASK_KEY, data=data, on_answer_change=_take_answer, on_returned_change=lambda: None)


def _take_answer() -> None:
    camera, live = st.session_state.get(_ASK_KEY), page_state(LiveState)
    answer = None if camera is None else camera.answer  # a late answer finds no component
    if answer is not None and not answer["hasWebrtc"]:
        live.way = Way.PAGE
    if answer is not None and answer["attempt"] == live.request:
        live.answer = answer["problem"]


def sync_session() -> LiveSession | None:
    """Return this visitor's session, created or updated from the state of the camera or the stream.

    Call this in every run of the page. A callback is unreliable: a new message from the browser interrupts it.
    """
    session, stream, live = live_session(), st.session_state.get(state.LIVE_STREAM), page_state(LiveState)
    if live.way is Way.PAGE:
        if live.is_camera_allowed and live.starts_video:
            live.starts_video = False
            session = start_session(Way.PAGE) or session
    elif stream is not None and stream.state.signalling and (session is None or not session.is_on):
        if (new := start_session(Way.WEBRTC)) is None:  # another visitor took the last place after this page was drawn
            st.session_state.pop(state.LIVE_STREAM, None)
        session = new or session
    elif stream is not None and session is not None:
        session.update(playing=stream.state.playing, signalling=stream.state.signalling)
    return session


def show_video(session: LiveSession | None, settings: IceSettings) -> None:
    """Show the video with START and STOP."""
    if page_state(LiveState).way is Way.WEBRTC:
        _show_stream(session, settings)
    elif session is not None and session.is_on:
        _show_frames()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("STOP", icon=":material/stop:", on_click=_end, key="live-stop")
            if session.phase is Phase.PLAYING:
                _show_rate()
    else:
        st.button("START", icon=":material/videocam:", type="primary", on_click=request_camera, key="live-restart")


def request_camera() -> None:
    """Request the camera and then start the video. The answer arrives in a later run of the page."""
    live = page_state(LiveState)
    live.request, live.answer, live.starts_video = secrets.token_hex(4), None, True


_end = with_session(LiveSession.end)


@live_fragment(None, None)
def _show_frames(session: LiveSession) -> None:
    """Show the camera of a session, and take its frames."""
    if session.is_left and session.is_on:
        session.end(Problem.LOST)
    if session.phase is not page_state(LiveState).shown:
        st.rerun()
    data = {"answer": session.num_taken, "marks": marks_of(session), "points": points_of(session)}
    with st.container(key="live-frames"):
        _CAMERA(
            key=_CAMERA_KEY,
            data=data | {"folder": live_folder(), "video": _VIDEO},
            on_frame_change=_take_frame,
            on_lost_change=lambda: _end(Problem.LOST),
        )


@with_session
def _take_frame(session: LiveSession) -> None:
    camera = st.session_state.get(_CAMERA_KEY)
    if camera is not None and camera.frame is not None:  # a late frame finds no component
        session.take_frame(int(camera.frame["number"]), b64decode(camera.frame["jpeg"]))


@live_fragment(None, 2.0)
def _show_rate(session: LiveSession) -> None:
    """Say that the connection is the slower one."""
    if not session.is_on:
        st.rerun()  # the session ended in a run of a fragment, and no frame follows that would run the page
    rate = pluralize(round(session.view().readings_per_second), "reading")
    st.caption(f"Slower connection: about {rate} per second")


def _leave_webrtc(session: LiveSession | None) -> None:
    """Go on over the page's own connection, with the same session."""
    live = page_state(LiveState)
    live.way, live.starts_video = Way.PAGE, session is None
    if session is not None:
        session.way, session.frame_s = Way.PAGE, time.monotonic()
    if (stream := st.session_state.get(state.LIVE_STREAM)) is not None:
        close_stream(stream)  # it stays in the session, because the browser may still report its state
    st.rerun()


def _show_stream(session: LiveSession | None, settings: IceSettings) -> None:
    """Show the video of WebRTC.

    Its buttons belong to the stream component: starting it from Python opens several connections. Always render the
    component at the same position of the page; moving it closes the connection.
    """
    # The import takes almost a second, so only this page pays for it
    from streamlit_webrtc import Translations, WebRtcMode, webrtc_streamer
    from streamlit_webrtc.webrtc import SignallingTimeoutError

    live, visit = page_state(LiveState), page_state(state.Visit).number
    if (before := st.session_state.get(state.LIVE_STREAM)) is not None:
        set_visitor_stayed(before, stayed=live.visit == visit)  # after another page, the stream must restart
    live.visit = visit
    configuration = settings.as_dict()
    try:
        stream = webrtc_streamer(
            key=state.LIVE_STREAM,
            mode=WebRtcMode.SENDRECV,
            frontend_rtc_configuration=configuration,
            server_rtc_configuration={"iceServers": configuration["iceServers"]},
            media_stream_constraints={"video": _VIDEO, "audio": False},
            video_frame_callback=None if session is None else session.on_frame,
            on_video_ended=None if session is None else session.on_ended,
            video_html_attrs={"autoPlay": True, "controls": False, "muted": True, "style": _STREAM_STYLE},
            translations=Translations(
                start="START", stop="STOP", select_device="Choose a webcam", select_camera="Webcam"
            ),
            media_toggle_controls=False,
            sendback_audio=False,
        )
    except SignallingTimeoutError:
        log.warning("signalling timed out")
        if not live.is_way_fixed:
            _leave_webrtc(session)
        _end()
        # Remove the stream from the page, because it would repeat its offer in every run
        live.answer = Problem.BLOCKED.value
        st.session_state.pop(state.LIVE_STREAM, None)  # its state would remain "signalling"
        st.rerun()
    if session is not None and session.is_on and not (stream.state.playing or stream.state.signalling):
        session.end()  # the visitor opened another page, which stops the stream
        st.rerun()
    if session is not None and session.phase is Phase.CONNECTING:
        _wait_for_connection()


@live_fragment(0.5, None)
def _wait_for_connection(session: LiveSession) -> None:
    """Show the status of the connection; after the timeout, go on without WebRTC, or show a warning."""
    if session.is_slow:
        if not page_state(LiveState).is_way_fixed:
            _leave_webrtc(session)
        show_problem(Problem.BLOCKED)
    else:
        st.caption(":material/hourglass_top: Connecting to the server.")
