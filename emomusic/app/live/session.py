"""What the visitor of the Live page asked for, the session that runs for it, and its video.

The browser shows the camera itself. `browser/camera.js` sends its frames and draws the marks that come back.

Fragments and callbacks get the session from here: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit import runtime

from emomusic.affect import EmotionProbabilities
from emomusic.answer.answer import Answer
from emomusic.app.browser.components import mount
from emomusic.app.camera import CameraQuestion, ask_browser, show_problem
from emomusic.app.choices import PICTURE_FROM
from emomusic.app.queues import forget_queue
from emomusic.app.state import CameraState, page_state
from emomusic.compat import is_same_browser
from emomusic.server.capacity import capacity
from emomusic.server.frames import Problem
from emomusic.server.ice import IceSettings, ice_settings
from emomusic.server.live import LiveSession
from emomusic.server.settings import read_secrets, settings
from emomusic.server.shared import shared
from emomusic.server.visitor import LOCAL_HOSTS, session_id
from emomusic.stream.reader import LiveReader


@dataclass
class LiveState(CameraQuestion):
    """How far a visitor is, whose question for the camera begins with the consent. Each method is a transition."""

    is_leaving: bool = False  # whether the next complete run of the page opens the Photo page
    mood: EmotionProbabilities | None = None  # that the songs are for; None before the first song
    answer: Answer = field(default_factory=Answer)  # to the mean of the session that is over, for its card

    def begin(self) -> None:
        """A session begins."""
        self.is_asking, self.mood, self.answer = False, None, Answer()


def live_session() -> LiveSession | None:
    """The visitor's session, running or ended; None before the first start."""
    session = page_state(CameraState).session
    return session if isinstance(session, LiveSession) else None


def with_session(act: Callable[..., object]) -> Callable[..., None]:
    """A callback that gets the visitor's session, and does nothing without one."""

    @wraps(act)
    def call(*args: Any) -> None:
        if (session := live_session()) is not None:
            act(session, *args)

    return call


def live_fragment(every_s: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function that shows the visitor's session a fragment, refreshed so often."""
    return lambda show: st.fragment(with_session(show), run_every=every_s)


def start_session(ice: IceSettings | None) -> None:
    """Begin the visitor's next session, or refuse it if all places are taken. The pictures of the last one are gone."""
    if ice is not None:
        from emomusic.server import webrtc  # noqa: F401 (loads in almost a second, and declares a component)
    live = page_state(LiveState)
    reader = LiveReader(shared().live_networks)
    new = LiveSession(reader, ice, visitor=session_id(), cookies=dict(st.context.cookies))
    _end_earlier(new)
    if not capacity().start_live(new):
        live.is_asking, live.problem = False, Problem.FULL
        return
    if (session := live_session()) is not None:
        session.observe(None, None)
    page_state(CameraState).session = new
    forget_queue("session")
    live.begin()


def _end_earlier(new: LiveSession) -> None:
    """End the sessions of the same visitor: of this page, and of pages that this browser has closed or reloaded."""
    for session in capacity().live_sessions:
        is_shown = runtime.exists() and runtime.get_instance().is_active_session(session.visitor)
        is_left = (session.no_frame_s or not is_shown) and is_same_browser(session.cookies, new.cookies)
        if is_left or session.visitor == new.visitor:
            session.end()


# The question for the camera, and the video


def show_live_problem(problem: Problem, *, again: Callable[[], None] | None = None) -> None:
    """Show a problem, its remedy, the alternatives to a webcam and, with a callback, the ways to try again."""
    with st.container(key=f"live-problem-{problem}"):
        show_problem(problem, "live", again=again)
        with st.container(horizontal=True):
            for name, source, icon in (
                ("Take a snapshot", "Camera", "photo_camera"),
                ("Choose a photo", "Upload", "upload"),
            ):
                st.button(
                    f"{name} instead",
                    icon=f":material/{icon}:",
                    on_click=_open_photo,
                    args=(source,),
                    key=f"live-{'snapshot' if source == 'Camera' else 'photo'}-{problem}",
                )


def _open_photo(source: str) -> None:
    """Let the next complete run open the Photo page: a run with the click may be interrupted by the camera's answer."""
    st.session_state[PICTURE_FROM.key] = source
    page_state(LiveState).is_leaving = True


def connection() -> IceSettings | None:
    """The settings of WebRTC, as `ice_settings` reads them; None if the page posts its frames."""
    given = settings({**os.environ, **read_secrets()})
    nearby = urlsplit(st.context.url or "").hostname in LOCAL_HOSTS
    return ice_settings(given, nearby=nearby) if given.live.lower() == "webrtc" else None


def request_camera() -> None:
    """Ask the browser for the camera."""
    page_state(LiveState).ask()


def mount_camera() -> None:
    """Send each camera request to the browser once, and begin a session with the camera."""
    ask_browser(LiveState, lambda: start_session(connection()), sends=connection() is None)


def show_video(session: LiveSession, *, has_plane: bool) -> None:
    """Show the camera with its marks and, with `has_plane`, the places of the faces on the affect plane."""
    ice = None if session.ice is None else session.ice.as_dict()
    with st.container(key="live-frames"):
        mount(
            "camera",
            key="live_frames",
            data={"address": session.address, "phase": session.phase, "hasPlane": has_plane, "ice": ice},
            on_changed_change=lambda: None,  # the run of the page shows what has changed
            on_lost_change=with_session(LiveSession.lose),
        )
