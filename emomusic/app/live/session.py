"""What the visitor of the Live page asked for, and the session that runs for it.

Fragments and callbacks get the session from here: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import streamlit as st
from streamlit import runtime

from emomusic.affect import EmotionProbabilities
from emomusic.answer.answer import Answer
from emomusic.app.camera import CameraQuestion
from emomusic.app.queues import forget_queue
from emomusic.app.state import CameraState, page_state
from emomusic.server.capacity import capacity
from emomusic.server.frames import Problem
from emomusic.server.ice import IceSettings
from emomusic.server.live import LiveSession
from emomusic.server.shared import shared
from emomusic.server.visitor import session_id
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
        is_same = session.visitor == new.visitor or (bool(new.cookies) and session.cookies == new.cookies)
        is_shown = runtime.exists() and runtime.get_instance().is_active_session(session.visitor)
        if is_same and (session.visitor == new.visitor or not is_shown):
            session.end()
