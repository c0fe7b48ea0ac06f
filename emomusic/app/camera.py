"""The question for the camera on Photo and Live: whether it works, why not, and which other cameras there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from emomusic.app.frame import escape_markdown
from emomusic.app.parts import read_beside
from emomusic.app.state import page_state

VIDEO = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}, "facingMode": "user"}
"""Camera constraints: enough for faces at a desk; two cores can decode and encode it."""


class Problem(StrEnum):
    """Why there is no video. `camera.js` reports the first five."""

    INSECURE = "insecure"
    UNSUPPORTED = "unsupported"
    ABSENT = "absent"
    REFUSED = "refused"
    BUSY = "busy"
    BLOCKED = "blocked"
    FULL = "full"
    LOST = "lost"


_PROBLEMS = {
    Problem.INSECURE: "**This page needs HTTPS.** Browsers allow webcams only at https:// or localhost. Ask the owner "
    "of this server for an https:// address.",
    Problem.UNSUPPORTED: "**This browser cannot send video.** Open this page directly in a current Firefox, Chrome, "
    "Edge or Safari.",
    Problem.ABSENT: "**No webcam found.** Connect a webcam or switch it on, then try again.",
    Problem.REFUSED: "**The browser blocked the webcam.** Click the symbol at the left of the address and allow the "
    "camera, then try again.",
    Problem.BUSY: "**The webcam is in use.** Close the other program or tab, then try again.",
    Problem.BLOCKED: "**The video does not reach the server.** A firewall or VPN may block it. Try another network, or "
    "ask this server's owner for TURN (deploy/turn).",
    Problem.FULL: "**All live places are taken.** This server runs as many live sessions as it can serve well. Try "
    "again in some minutes, or take a snapshot.",
    Problem.LOST: "**The video stopped.** The connection or the webcam was lost. Press START for a new session; the "
    "last figures are below.",
}


@dataclass
class Cameras:
    """The cameras of a visitor.

    Attributes:
        device: the chosen one; "" leaves the choice to the browser.
        others: id and name of those that were not tried, after one has failed.
        num_tries: on the Photo page.
        problem: of the last try there; None if the camera works, or before the answer.
    """

    device: str = ""
    others: tuple[tuple[str, str], ...] = ()
    num_tries: int = 0
    problem: Problem | None = None


_ASK_KEY = "camera-question"
_ASK = st.components.v2.component("emomusic_camera", js=read_beside(__file__, "camera.js"))


def ask_browser(attempt: str, on_answer: Callable[[], None]) -> None:
    """Mount the invisible component that asks the browser for the camera once for each attempt; "" asks nothing."""
    data = {"attempt": attempt, "video": VIDEO, "device": page_state(Cameras).device}
    with st.container(height=1, border=False):  # until its code has loaded, a component is 40 px high
        _ASK(key=_ASK_KEY, data=data, on_answer_change=on_answer)


def answer_to(attempt: str) -> str | None:
    """The problem of an attempt, "" if the camera works; None if another attempt was answered."""
    question = st.session_state.get(_ASK_KEY)
    answer = None if question is None else question.answer  # a late answer finds no component
    if answer is None or answer["attempt"] != attempt:
        return None
    page_state(Cameras).others = tuple((device, name) for device, name in answer.get("others", ()))
    return str(answer["problem"])


def camera_works() -> bool:
    """Ask for the camera on the Photo page, and show why there is none; True before the answer, too."""
    cameras = page_state(Cameras)
    ask_browser(f"photo-{cameras.num_tries}", _take_answer)
    if cameras.problem is not None:
        show_problem(cameras.problem, "photo", again=_try_again)
    return cameras.problem is None


def _take_answer() -> None:
    cameras = page_state(Cameras)
    if problem := answer_to(f"photo-{cameras.num_tries}"):
        cameras.problem = Problem(problem)


def _try_again() -> None:
    cameras = page_state(Cameras)
    cameras.num_tries, cameras.problem = cameras.num_tries + 1, None


def show_problem(problem: Problem, page: str, *, again: Callable[[], None] | None = None) -> None:
    """Show a problem and its remedy and, with a callback, a button to try again and one for each other camera.

    Keys begin with `page`.
    """
    st.warning(_PROBLEMS[problem], icon=":material/videocam_off:")
    if again is None:
        return
    with st.container(horizontal=True):
        st.button("Try again", icon=":material/refresh:", on_click=again, key=f"{page}-again-{problem}")
        for position, (_, name) in enumerate(page_state(Cameras).others):
            label, key = f"Use {escape_markdown(name)}", f"{page}-camera-{position}"
            st.button(label, icon=":material/cameraswitch:", on_click=_use, args=(position, again), key=key)


def _use(position: int, again: Callable[[], None]) -> None:
    """Try another camera."""
    cameras = page_state(Cameras)
    if position < len(cameras.others):
        cameras.device = cameras.others[position][0]
    again()
