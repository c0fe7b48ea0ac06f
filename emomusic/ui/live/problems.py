"""Why there is no video, in words a person can act on, and what works without."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.live.session import Problem

_PROBLEMS = {
    Problem.INSECURE: (
        "This page was not opened over HTTPS",
        "Browsers lend a camera only to pages at an https:// address, or on this very machine at localhost. "
        "Ask whoever runs this server for an https:// address.",
    ),
    Problem.UNSUPPORTED: (
        "This browser cannot send its camera's picture",
        "Open the page in a current Firefox, Chrome, Edge or Safari, not inside another app.",
    ),
    Problem.ABSENT: (
        "No camera was found",
        "Connect one, or switch on the one that is built in; then try again.",
    ),
    Problem.REFUSED: (
        "The browser did not lend its camera",
        "Permission was refused. Allow the camera in the sign beside the address of this page (and, on a phone, in the "
        "settings for the browser); then try again.",
    ),
    Problem.BUSY: (
        "The camera is in use elsewhere",
        "Close the other program or tab that shows its picture; then try again.",
    ),
    Problem.BLOCKED: (
        "The connection does not come up",
        "The camera works, but its picture does not reach the server: a firewall or a VPN in between may block video. "
        "Try another network, such as a phone's. Whoever runs this server can set up a TURN server, which finds a way "
        "through (README, Live page).",
    ),
    Problem.LOST: (
        "No more pictures came",
        "The connection was lost, or the camera was unplugged or taken by another program. What was read until then "
        "stands below. START begins a new session.",
    ),
}


def explain(problem: Problem, *, again: Callable[[], None] | None = None) -> None:
    """Which it is, what to do, and what works without a running camera.

    Args:
        problem: what is the matter.
        again: what "Try again" does; None for no such button.
    """
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
