"""Messages that explain why there is no video, with alternatives."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.live.session import Problem

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
        "Allow it in the address bar (on a phone, in the browser's settings), then try again.",
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
    """Show a problem, its remedy and the alternatives to a webcam.

    Args:
        problem: why there is no video.
        again: callback of "Try again"; None hides the button.
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
