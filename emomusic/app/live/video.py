"""The camera with its marks, and the problems of it.

The browser shows the camera itself. `browser/camera.js` sends its frames and draws the marks that come back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from emomusic.app.browser.components import mount
from emomusic.app.camera import VIDEO, ask_browser, show_problem
from emomusic.app.choices import PICTURE_FROM
from emomusic.app.live.session import LiveState, start_session, with_session
from emomusic.app.secrets import read_secrets
from emomusic.app.state import page_state
from emomusic.server.frames import Problem
from emomusic.server.ice import IceSettings, ice_settings
from emomusic.server.live import LiveSession
from emomusic.server.settings import settings
from emomusic.server.visitor import LOCAL_HOSTS


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
    data = {"address": session.address, "phase": session.phase, "hasPlane": has_plane}
    ice = None if session.ice is None else session.ice.as_dict()
    with st.container(key="live-frames"):
        mount(
            "camera",
            "camera",
            key="live_frames",
            data=data | {"video": VIDEO, "ice": ice},
            on_changed_change=lambda: None,  # the run of the page shows what has changed
            on_lost_change=with_session(LiveSession.lose),
        )
