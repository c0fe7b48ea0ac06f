"""Camera permission, the video by WebRTC or over the page's own connection, and the problems of these."""

from __future__ import annotations

import logging
from collections.abc import Callable

import streamlit as st

from emomusic.app import state
from emomusic.app.live.ice import IceSettings
from emomusic.app.live.own_connection import VIDEO, show_camera
from emomusic.app.live.session import LiveSession, LiveState, Phase, Problem, Way, live_session, start_session
from emomusic.app.state import page_state
from emomusic.compat import close_stream, set_visitor_stayed
from emomusic.text import pluralize

_PROBLEMS = {
    Problem.INSECURE: (
        "This page needs HTTPS",
        "Browsers allow webcams only at https:// or localhost. Ask the owner of this server for an https:// address.",
    ),
    Problem.UNSUPPORTED: (
        "This browser cannot send video",
        "Open this page directly in a current Firefox, Chrome, Edge or Safari.",
    ),
    Problem.ABSENT: (
        "No webcam found",
        "Connect a webcam or switch it on, then try again.",
    ),
    Problem.REFUSED: (
        "The browser blocked the webcam",
        "Click the symbol at the left of the address and allow the camera, then try again.",
    ),
    Problem.BUSY: (
        "The webcam is in use",
        "Close the other program or tab, then try again.",
    ),
    Problem.BLOCKED: (
        "The video does not reach the server",
        "A firewall or VPN may block it. Try another network, or ask this server's owner for TURN (deploy/turn).",
    ),
    Problem.FULL: (
        "All live places are taken",
        "This server runs as many live sessions as it can serve well. Try again in some minutes, or take a snapshot.",
    ),
    Problem.LOST: (
        "The video stopped",
        "The connection or the webcam was lost. Press START for a new session; the last figures are below.",
    ),
}


def show_problem(problem: Problem, *, again: Callable[[], None] | None = None) -> None:
    """Show a problem, its remedy, the alternatives to a webcam and, with a callback, the button "Try again"."""
    title, advice = _PROBLEMS[problem]
    with st.container(key=f"live-problem-{problem}"):
        st.warning(f"**{title}.** {advice}", icon=":material/videocam_off:")
        with st.container(horizontal=True):
            if again is not None:
                st.button("Try again", icon=":material/refresh:", on_click=again, key=f"live-again-{problem}")
            snapshot = st.button(
                "Take a snapshot instead", icon=":material/photo_camera:", key=f"live-snapshot-{problem}"
            )
            photo = st.button("Choose a photo instead", icon=":material/upload:", key=f"live-photo-{problem}")
    if snapshot or photo:
        st.session_state[state.SOURCE] = "Camera" if snapshot else "Upload"
        st.switch_page("pages/photo.py")


# The browser loads the module once per tab, so the top-level variables survive reruns of the page.
_JAVASCRIPT = """
let lastAttempt = "";
let checked = false;
let tookKeys = false;
let lastPress = "";

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused",
  NotFoundError: "absent", OverconstrainedError: "absent",
  NotReadableError: "busy", AbortError: "busy",
};

function unavailable() {
  if (!window.isSecureContext) return "insecure";
  const devices = navigator.mediaDevices;
  return devices && devices.getUserMedia ? "" : "unsupported";
}

async function requestCamera(video) {
  const reason = unavailable();
  if (reason) return reason;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    stream.getTracks().forEach((track) => track.stop());
    return "";
  } catch (error) {
    return PROBLEMS[error.name] || "unsupported";
  }
}

// START of the stream component, for a visitor who has pressed START and agreed
function pressStart(triesLeft) {
  const frame = document.querySelector('iframe[title*="webrtc"]');
  const buttons = [...(frame?.contentDocument?.querySelectorAll("button:not(:disabled)") ?? [])];
  const start = buttons.find((button) => button.textContent.trim() === "START");
  if (start) start.click();
  else if (triesLeft) setTimeout(() => pressStart(triesLeft - 1), 200);
}

export default function ({ data, setTriggerValue }) {
  if (!checked) {
    checked = true;
    if (unavailable()) setTriggerValue("answer", { attempt: "", problem: unavailable() });
    if (!window.RTCPeerConnection) setTriggerValue("silent", true);
  }
  // After a click on START, keys would go to the frame of the video
  if (data.takesKeys && !tookKeys && document.activeElement?.tagName === "IFRAME") {
    document.activeElement.blur();
    window.focus();
  }
  tookKeys = data.takesKeys;
  if (data.press && data.press !== lastPress) {
    lastPress = data.press;
    pressStart(300);
  }
  if (data.attempt && data.attempt !== lastAttempt) {
    lastAttempt = data.attempt;
    requestCamera(data.video).then((problem) => setTriggerValue("answer", { attempt: data.attempt, problem }));
  }
}
"""
_CAMERA = st.components.v2.component("emomusic_camera", js=_JAVASCRIPT)


def mount_camera(*, takes_keys: bool) -> None:
    """Mount the invisible component that sends each camera request to the browser once.

    If the page starts to take keys, the component moves the focus from the video to the page.
    """
    live = page_state(LiveState)
    press = live.request if live.is_camera_allowed and live.starts_video and live.way is Way.WEBRTC else ""
    with st.container(height=1, border=False):  # until its code has loaded, a component is 40 px high
        _CAMERA(
            key=state.LIVE_CAMERA,
            data={"attempt": live.request, "video": VIDEO, "takesKeys": takes_keys, "press": press},
            on_answer_change=_take_answer,
            on_silent_change=_do_without_webrtc,
        )


def _take_answer() -> None:
    answer, live = st.session_state[state.LIVE_CAMERA].answer, page_state(LiveState)
    if answer is not None and answer["attempt"] == live.request:
        live.answer = answer["problem"]


def _do_without_webrtc() -> None:
    page_state(LiveState).way = Way.PAGE


log = logging.getLogger(__name__)

_VIDEO_ATTRS = {
    "autoPlay": True,
    "controls": False,
    "muted": True,
    "style": {"width": "100%", "borderRadius": "0.6rem", "display": "block"},
}
_TRANSLATIONS = {
    "start": "START",
    "stop": "STOP",
    "select_device": "Choose a webcam",
    "select_camera": "Webcam",
    "media_api_not_available": "This browser does not support webcams.",
    "device_ask_permission": "Allow this page to use the webcam.",
    "device_not_available": "No webcam found.",
    "device_access_denied": "The browser blocked the webcam.",
}


def sync_session() -> LiveSession | None:
    """Return this visitor's session, created or updated from the state of the camera or the stream.

    Call this in every run of the page. A callback is unreliable: a new message from the browser interrupts it.
    """
    session, stream, live = live_session(), st.session_state.get(state.LIVE_STREAM), page_state(LiveState)
    if live.way is Way.PAGE:
        if live.is_camera_allowed and live.starts_video:
            live.starts_video = False
            session = start_session(Way.PAGE) or session
    elif stream is None:
        return session
    elif stream.state.signalling and (session is None or not session.is_on):
        if (new := start_session(Way.WEBRTC)) is None:  # another visitor took the last place after this page was drawn
            st.session_state.pop(state.LIVE_STREAM, None)
        session = new or session
    elif session is not None:
        session.update(playing=stream.state.playing, signalling=stream.state.signalling)
    return session


def show_video(session: LiveSession | None, settings: IceSettings) -> None:
    """Show the video with START and STOP."""
    if page_state(LiveState).way is Way.WEBRTC:
        _show_stream(session, settings)
    elif session is not None and session.is_on:
        show_camera()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("STOP", icon=":material/stop:", on_click=_stop, key="live-stop")
            if session.phase is Phase.PLAYING:
                _show_rate()
    else:
        st.button("START", icon=":material/videocam:", type="primary", on_click=_restart, key="live-restart")


def _stop() -> None:
    if (session := live_session()) is not None:
        session.end()


def _restart() -> None:
    page_state(LiveState).request_camera()


@st.fragment(run_every=2.0)
def _show_rate() -> None:
    """Say that the connection is the slower one."""
    if (session := live_session()) is not None:
        rate = pluralize(round(session.view().readings_per_second), "reading")
        st.caption(f"Slower connection: about {rate} per second")


def _leave_webrtc(session: LiveSession | None) -> None:
    """Go on over the page's own connection, with the same session."""
    live = page_state(LiveState)
    live.way, live.starts_video = Way.PAGE, session is None
    if session is not None:
        session.way = Way.PAGE
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

    _report_visit()
    configuration = settings.as_dict()
    try:
        stream = webrtc_streamer(
            key=state.LIVE_STREAM,
            mode=WebRtcMode.SENDRECV,
            frontend_rtc_configuration=configuration,
            server_rtc_configuration={"iceServers": configuration["iceServers"]},
            media_stream_constraints={"video": VIDEO, "audio": False},
            video_frame_callback=None if session is None else session.on_frame,
            on_video_ended=None if session is None else session.on_ended,
            video_html_attrs=_VIDEO_ATTRS,
            translations=Translations(**_TRANSLATIONS),  # type: ignore[typeddict-item]  # its keys are all str
            media_toggle_controls=False,
            sendback_audio=False,
        )
    except SignallingTimeoutError:
        log.warning("signalling timed out")
        if not page_state(LiveState).is_way_fixed:
            _leave_webrtc(session)
        if session is not None:
            session.end()
        # Remove the stream from the page, because it would repeat its offer in every run
        page_state(LiveState).answer = Problem.BLOCKED.value
        st.session_state.pop(state.LIVE_STREAM, None)  # its state would remain "signalling"
        st.rerun()
    if session is not None and session.is_on and not (stream.state.playing or stream.state.signalling):
        session.end()  # the visitor opened another page, which stops the stream
        st.rerun()
    if session is not None and session.phase is Phase.CONNECTING:
        _wait_for_connection()


def _report_visit() -> None:
    """Tell the stream whether its visitor was on another page, because it must then restart."""
    live, visit = page_state(LiveState), state.visit_number()
    if (stream := st.session_state.get(state.LIVE_STREAM)) is not None:
        set_visitor_stayed(stream, stayed=live.visit == visit)
    live.visit = visit


@st.fragment(run_every=0.5)
def _wait_for_connection() -> None:
    """Show the status of the connection; after the timeout, go on without WebRTC, or show a warning."""
    session = live_session()
    if session is not None and session.is_slow:
        if not page_state(LiveState).is_way_fixed:
            _leave_webrtc(session)
        show_problem(Problem.BLOCKED)
    else:
        st.caption(":material/hourglass_top: Connecting to the server.")
