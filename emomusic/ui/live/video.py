"""The stream itself: from this browser's camera to the server and back, and how far its connection is."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import streamlit as st

from emomusic.compat import HookError, set_visitor_stayed
from emomusic.face.live.reader import LiveReader
from emomusic.ui.core import state
from emomusic.ui.core.engine import engine
from emomusic.ui.live.camera import VIDEO
from emomusic.ui.live.ice import IceServer, IceSettings, browser_configuration, server_configuration
from emomusic.ui.live.problems import explain
from emomusic.ui.live.session import LiveSession, Phase, Problem, current_session

log = logging.getLogger(__name__)

_HERE = ("localhost", "127.0.0.1", "::1")
_VIDEO_LOOK = {
    "autoPlay": True,
    "controls": False,
    "muted": True,
    "style": {"width": "100%", "borderRadius": "0.6rem", "display": "block"},
}
_WORDS = {
    "start": "START",
    "stop": "STOP",
    "select_device": "Choose a camera",
    "select_camera": "Camera",
    "media_api_not_available": "This browser has no access to cameras.",
    "device_ask_permission": "Allow this page to use the camera.",
    "device_not_available": "No camera was found.",
    "device_access_denied": "The browser did not lend its camera.",
}


def helping_servers(settings: IceSettings) -> tuple[IceServer, ...]:
    """The servers outside that this visitor's connection needs."""
    return settings.servers(nearby=urlsplit(st.context.url or "").hostname in _HERE)


def followed_session() -> LiveSession | None:
    """This visitor's session, begun or brought in line with what the browser's side of the stream said last.

    To be asked for with every run of the page. A callback of the stream would not do: Streamlit cuts it short when the
    browser sends its next message meanwhile, as it does with each way it finds to the server, and the stream tells of
    a change once. A session that did not begin so was a video without readings.
    """
    session, stream = current_session(), st.session_state.get(state.LIVE_STREAM)
    if stream is None:
        return session
    if stream.state.signalling and (session is None or not session.is_on):
        session = LiveSession(LiveReader(engine().networks))
        st.session_state[state.LIVE] = session
        st.session_state.pop(state.LIVE_MOOD, None)
    elif session is not None:
        session.follow(playing=stream.state.playing, signalling=stream.state.signalling)
    return session


def show_video(session: LiveSession | None, settings: IceSettings) -> None:
    """The video with its START and STOP.

    Both belong to the stream's own part of the page, and START has to be pressed there: told from here to start, it
    starts again with every run of the page until its camera is open, so several times over. It must stay at one place
    of the page: moved to another, it would be made anew and the connection lost.

    Args:
        session: this visitor's latest; None before the first start.
        settings: of the connection.
    """
    # Takes most of a second, with what it needs to decode video: no other page, and no first look, pays for it
    from streamlit_webrtc import Translations, WebRtcMode, webrtc_streamer
    from streamlit_webrtc.webrtc import SignallingTimeoutError

    _say_whether_left()
    servers = helping_servers(settings)
    try:
        stream = webrtc_streamer(
            key=state.LIVE_STREAM,
            mode=WebRtcMode.SENDRECV,
            frontend_rtc_configuration=browser_configuration(servers, relay_only=settings.relay_only),
            server_rtc_configuration=server_configuration(servers),
            media_stream_constraints={"video": VIDEO, "audio": False},
            video_frame_callback=None if session is None else session.on_frame,
            on_video_ended=None if session is None else session.on_ended,
            video_html_attrs=_VIDEO_LOOK,
            translations=Translations(**_WORDS),  # type: ignore[typeddict-item]  # its keys are all str
            media_toggle_controls=False,
            sendback_audio=False,
        )
    except SignallingTimeoutError:
        log.warning("the connection could not be answered in time")
        if session is not None:
            session.end()
        # Takes the stream off the page: there it would offer the same again with every run
        st.session_state[state.LIVE_ANSWER] = Problem.BLOCKED.value
        st.session_state.pop(state.LIVE_STREAM, None)  # it would say for ever that it is being answered
        st.rerun()
    if session is not None and session.is_on and not (stream.state.playing or stream.state.signalling):
        session.end()  # its visitor went to another page, where a stream does not go on
        st.rerun()
    if session is not None and session.phase is Phase.CONNECTING:
        _wait_for_connection(session)


def _say_whether_left() -> None:
    """Tell the stream whether its visitor was on another page meanwhile, after which it is to begin anew."""
    stream, visit = st.session_state.get(state.LIVE_STREAM), st.session_state.get(state.VISIT)
    if stream is not None:
        stayed = st.session_state.get(state.LIVE_VISIT) == visit
        try:
            set_visitor_stayed(stream, stayed=stayed)
        except HookError:
            log.exception("a connection that comes up slowly may be dropped")
    st.session_state[state.LIVE_VISIT] = visit


def _wait_for_connection(session: LiveSession) -> None:
    """Say what is waited for, and when it takes too long; asks the clock by itself."""

    @st.fragment(run_every=1.0)
    def waiting() -> None:
        if session.is_slow:
            explain(Problem.BLOCKED)
        else:
            st.caption(":material/hourglass_top: Looking for a way from this browser to the server.")

    waiting()
