"""The question for the camera on Photo and Live: whether it works, why not, and which other cameras there are."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from emomusic.app.browser.components import mount
from emomusic.app.frame import escape_markdown
from emomusic.app.state import CameraState, page_state
from emomusic.server.frames import Problem

_PROBLEMS = {
    Problem.INSECURE: "**This page needs HTTPS.** Browsers allow webcams only at https:// or localhost. Ask the owner "
    "of this server for an https:// address.",
    Problem.FRAMED: "**This page may not use the webcam inside another page.** Open it in its own tab.",
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
class CameraQuestion:
    """The question of a page for the camera, and its answer. The page has its own class.

    Attributes:
        request: identifies the last question; "" before the first.
        is_asking: whether this question is open.
        problem: the reason that no camera works; None if it works, or before the answer.
    """

    request: str = ""
    is_asking: bool = False
    problem: Problem | None = None

    def ask(self) -> None:
        """Ask for the camera. The answer arrives in a later run of the page."""
        self.is_asking, self.request, self.problem = True, secrets.token_hex(4), None


class PhotoCamera(CameraQuestion):
    """The question of the Photo page."""


_ASK_KEY = "camera-question"


def ask_browser(kind: type[CameraQuestion], on_camera: Callable[[], None], *, sends: bool = False) -> None:
    """Mount the invisible component that asks the browser for the camera, once for each question.

    A camera that is plugged in is asked for, if the last answer was that there is none.

    Args:
        kind: the class of the page's question.
        on_camera: called with the answer that the camera works.
        sends: whether the browser must be able to send pictures.
    """

    def take_answer() -> None:
        question, mounted = page_state(kind), st.session_state.get(_ASK_KEY)
        answer = None if mounted is None else mounted.answer  # a late answer finds no component
        if answer is None:
            return
        page_state(CameraState).others = tuple((str(device), str(name)) for device, name in answer["others"])
        if question.problem is Problem.ABSENT and answer["has_any"]:
            question.ask()
        elif answer["attempt"] != question.request or answer["problem"] is None:
            return
        elif answer["problem"]:
            question.is_asking, question.problem = False, Problem(answer["problem"])
        elif question.is_asking:
            on_camera()

    question = page_state(kind)
    data = {"attempt": question.request if question.is_asking else "", "sends": sends}
    with st.container(height=1, border=False):  # until its code has loaded, a component is 40 px high
        data["device"] = page_state(CameraState).device
        mount("question", key=_ASK_KEY, data=data, on_answer_change=take_answer)


def camera_works() -> bool:
    """Ask for the camera on the Photo page, and show why there is none; True before the answer, too."""
    question = page_state(PhotoCamera)
    if not question.request:
        question.ask()
    ask_browser(PhotoCamera, lambda: None)
    if question.problem is not None:
        show_problem(question.problem, "photo", again=_ask_again)
    else:
        show_other_cameras("photo", _ask_again)
    return question.problem is None


def _ask_again() -> None:
    page_state(PhotoCamera).ask()


def show_problem(problem: Problem, page: str, *, again: Callable[[], None] | None = None) -> None:
    """Show a problem and its remedy and, with a callback, a button to try again and one for each other camera.

    Keys begin with `page`.
    """
    st.warning(_PROBLEMS[problem], icon=":material/videocam_off:")
    if problem is Problem.FRAMED:
        st.link_button("Open in its own tab", st.context.url or "/", icon=":material/open_in_new:")
    if again is None:
        return
    with st.container(horizontal=True):
        st.button("Try again", icon=":material/refresh:", on_click=again, key=f"{page}-again-{problem}")
        show_other_cameras(page, again)


def show_other_cameras(page: str, again: Callable[[], None]) -> None:
    """Show a button for each camera that is not in use, after which `again` asks for it."""
    for position, (_, name) in enumerate(page_state(CameraState).others):
        label, key = f"Use {escape_markdown(name)}", f"{page}-camera-{position}"
        st.button(label, icon=":material/cameraswitch:", on_click=_use, args=(position, again), key=key)


def _use(position: int, again: Callable[[], None]) -> None:
    """Try another camera."""
    cameras = page_state(CameraState)
    if position < len(cameras.others):
        cameras.device = cameras.others[position][0]
    again()
