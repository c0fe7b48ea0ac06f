"""The WebRTC stream between the browser's camera and the server."""

from __future__ import annotations

import logging

import streamlit as st

from emomusic.compat import HookError, set_visitor_stayed
from emomusic.face.live.reader import LiveReader
from emomusic.ui.core import state
from emomusic.ui.core.capacity import capacity
from emomusic.ui.core.shared import shared
from emomusic.ui.live.camera import VIDEO
from emomusic.ui.live.ice import IceSettings
from emomusic.ui.live.problems import show_problem
from emomusic.ui.live.session import LiveSession, Phase, Problem

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
    """Return this visitor's session, created or updated from the state of the stream.

    Call this in every run of the page. A callback is unreliable: a new message from the browser interrupts it.
    """
    session: LiveSession | None = st.session_state.get(state.LIVE)
    stream = st.session_state.get(state.LIVE_STREAM)
    if stream is None:
        return session
    if stream.state.signalling and (session is None or not session.is_on):
        new = LiveSession(LiveReader(shared().live_networks))
        if not capacity().start_live(new):  # another visitor took the last place after this page was drawn
            st.session_state.pop(state.LIVE_STREAM, None)
            return session
        session = new
        st.session_state[state.LIVE] = session
        for key in (state.LIVE_MOOD, state.LIVE_FACELESS, state.LIVE_PLAYLIST):
            st.session_state.pop(key, None)
    elif session is not None:
        session.update(playing=stream.state.playing, signalling=stream.state.signalling)
    return session


def show_video(session: LiveSession | None, settings: IceSettings) -> None:
    """Show the video with START and STOP.

    Both buttons belong to the stream component: starting it from Python opens several connections. Always render the
    component at the same position of the page; moving it closes the connection.

    Args:
        session: this visitor's latest session; None before the first start.
        settings: of the connection.
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
        if session is not None:
            session.end()
        # Remove the stream from the page, because it would repeat its offer in every run
        st.session_state[state.LIVE_ANSWER] = Problem.BLOCKED.value
        st.session_state.pop(state.LIVE_STREAM, None)  # its state would remain "signalling"
        st.rerun()
    if session is not None and session.is_on and not (stream.state.playing or stream.state.signalling):
        session.end()  # the visitor opened another page, which stops the stream
        st.rerun()
    if session is not None and session.phase is Phase.CONNECTING:
        _wait_for_connection(session)


def _report_visit() -> None:
    """Tell the stream whether its visitor was on another page, because it must then restart."""
    stream, visit = st.session_state.get(state.LIVE_STREAM), st.session_state.get(state.VISIT)
    if stream is not None:
        stayed = st.session_state.get(state.LIVE_VISIT) == visit
        try:
            set_visitor_stayed(stream, stayed=stayed)
        except HookError:
            log.exception("a slow connection may be dropped")
    st.session_state[state.LIVE_VISIT] = visit


def _wait_for_connection(session: LiveSession) -> None:
    """Show the status of the connection, or a warning after the timeout."""

    @st.fragment(run_every=1.0)
    def waiting() -> None:
        if session.is_slow:
            show_problem(Problem.BLOCKED)
        else:
            st.caption(":material/hourglass_top: Connecting to the server.")

    waiting()
