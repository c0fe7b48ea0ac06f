"""What a visitor may set while the camera runs: the look of the video, and how often faces are read."""

from __future__ import annotations

import streamlit as st

from emomusic.face.live.reader import LiveSettings
from emomusic.plots.picture import OverlayStyle
from emomusic.ui.core import state
from emomusic.ui.live.session import LiveSession

EACH_FACE, CLASS_VIEW = "Faces", "Classroom"

_DEFAULTS = LiveSettings()
_CLASS_SIDE = 640  # people in the back rows are small


def choose_view() -> bool:
    """Let the visitor choose between the faces and the large type for a room; tells whether it is the latter."""
    view = st.segmented_control(
        "View",
        [EACH_FACE, CLASS_VIEW],  # as they stand in the address too
        default=EACH_FACE,
        required=True,
        key=state.LIVE_VIEW,
        bind="query-params",
        label_visibility="collapsed",
    )
    return view == CLASS_VIEW


def choose_settings(session: LiveSession | None, *, class_view: bool) -> None:
    """Offer the switches, and set them on a running session: the next frame has them."""
    # All of them hold while another page is looked at, as consent does
    with st.popover("Options", icon=":material/tune:"):
        mirror = st.toggle("Mirror the picture", value=True, key=state.LIVE_MIRROR, persist_state="session")
        boxes = st.toggle(
            "Frames and names", value=True, key=state.LIVE_BOXES, disabled=class_view, persist_state="session"
        )
        landmarks = st.toggle(
            "Eyes, nose and mouth", key=state.LIVE_LANDMARKS, disabled=class_view, persist_state="session"
        )
        smoothing_s = st.slider(
            "Smoothing, seconds",
            0.0,
            3.0,
            _DEFAULTS.smoothing_s,
            0.1,
            key=state.LIVE_SMOOTHING,
            help="How slowly the figures follow a face. 0 shows every reading as it is",
            persist_state="session",
        )
        pace = st.segmented_control(
            "How often faces are read",
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
            st.caption("As often as this server can, with a rest after each reading.")
    if session is not None:
        session.look = OverlayStyle(
            mirror=mirror, boxes=boxes and not class_view, landmarks=landmarks and not class_view
        )
        session.reader.settings = LiveSettings(
            interval_s=interval_s,
            smoothing_s=smoothing_s,
            detect_side=_CLASS_SIDE if class_view else _DEFAULTS.detect_side,
            mirrored=mirror,
        )
