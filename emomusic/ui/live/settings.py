"""Settings of the video and of the readings."""

from __future__ import annotations

import streamlit as st

from emomusic.face.live.reader import LiveSettings
from emomusic.plots.picture import OverlayStyle
from emomusic.ui.core import state
from emomusic.ui.core.address import widget
from emomusic.ui.live.session import LiveSession

EACH_FACE, CLASS_VIEW = "Faces", "Classroom"

_DEFAULTS = LiveSettings()
_CLASS_SIDE = 640  # faces in the back rows are small


def choose_view() -> bool:
    """Let the visitor choose the view. Returns whether it is the class view."""
    views = [EACH_FACE, CLASS_VIEW]  # also the values in the URL
    view: str = st.segmented_control(
        "View", views, required=True, label_visibility="collapsed", **widget(state.LIVE_VIEW, views, EACH_FACE)
    )
    return bool(view == CLASS_VIEW)


def choose_settings(session: LiveSession | None, *, class_view: bool) -> None:
    """Show the options and apply them to a running session from its next frame on."""
    with st.popover("Options", icon=":material/tune:"):
        mirror = st.toggle("Mirror the video", value=True, key=state.LIVE_MIRROR, persist_state="session")
        boxes = st.toggle(
            "Boxes and emotions", value=True, key=state.LIVE_BOXES, disabled=class_view, persist_state="session"
        )
        landmarks = st.toggle(
            "Eyes, nose and mouth", key=state.LIVE_LANDMARKS, disabled=class_view, persist_state="session"
        )
        smoothing_s = st.slider(
            "Smoothing (seconds)",
            0.0,
            3.0,
            _DEFAULTS.smoothing_s,
            0.1,
            key=state.LIVE_SMOOTHING,
            help="Higher values make the figures follow a face more slowly. 0 turns smoothing off.",
            persist_state="session",
        )
        pace = st.segmented_control(
            "Reading rate",
            ["Automatic", "Fixed"],
            default="Automatic",
            required=True,
            key=state.LIVE_PACE,
            persist_state="session",
        )
        interval_s = None
        if pace == "Fixed":
            interval_s = st.slider(
                "Seconds between readings", 0.05, 2.0, 0.25, 0.05, key=state.LIVE_INTERVAL, persist_state="session"
            )
        else:
            st.caption("As fast as the server can, with a pause after each reading.")
    if session is not None:
        session.style = OverlayStyle(
            mirror=mirror, boxes=boxes and not class_view, landmarks=landmarks and not class_view
        )
        session.reader.settings = LiveSettings(
            interval_s=interval_s,
            smoothing_s=smoothing_s,
            detect_side=_CLASS_SIDE if class_view else _DEFAULTS.detect_side,
            mirrored=mirror,
        )
