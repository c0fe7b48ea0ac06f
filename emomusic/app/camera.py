"""The question for the camera on Photo and Live: whether it works, why not, and which other cameras there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from emomusic.app.browser.components import mount
from emomusic.app.frame import escape_markdown
from emomusic.app.state import page_state
from emomusic.server.frames import Problem

VIDEO = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}, "facingMode": "user"}
"""Camera constraints: enough for faces at a desk; two cores can decode and encode it."""


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
class Cameras:
    """The cameras of a visitor.

    Attributes:
        device: the chosen one; "" leaves the choice to the browser.
        others: id and name of those that are not in use.
        num_tries: on the Photo page.
        problem: of the last try there; None if the camera works, or before the answer.
    """

    device: str = ""
    others: tuple[tuple[str, str], ...] = ()
    num_tries: int = 0
    problem: Problem | None = None


_ASK_KEY = "camera-question"


def ask_browser(
    attempt: str, on_answer: Callable[[], None], on_plugged: Callable[[], None], *, sends: bool = False
) -> None:
    """Mount the invisible component that asks the browser for the camera once for each attempt; "" asks nothing.

    Args:
        attempt: identifies the question.
        on_answer: called with the answer.
        on_plugged: called after a camera was plugged in, if the last answer was that there is none.
        sends: whether the browser must be able to send pictures.
    """

    def note_devices() -> None:
        told = st.session_state[_ASK_KEY]["devices"]
        _note_others(told)
        if told["has_any"]:
            on_plugged()

    data = {"attempt": attempt, "video": VIDEO, "device": page_state(Cameras).device, "sends": sends}
    with st.container(height=1, border=False):  # until its code has loaded, a component is 40 px high
        options = {"on_answer_change": on_answer, "on_devices_change": note_devices}
        mount("camera", "question", key=_ASK_KEY, data=data, **options)


def answer_to(attempt: str) -> str | None:
    """The problem of an attempt, "" if the camera works; None if another attempt was answered."""
    question = st.session_state.get(_ASK_KEY)
    answer = None if question is None else question.answer  # a late answer finds no component
    if answer is None or answer["attempt"] != attempt:
        return None
    _note_others(answer)
    return str(answer["problem"])


def _note_others(answer: Mapping[str, Any]) -> None:
    page_state(Cameras).others = tuple((str(device), str(name)) for device, name in answer.get("others", ()))


def camera_works() -> bool:
    """Ask for the camera on the Photo page, and show why there is none; True before the answer, too."""
    cameras = page_state(Cameras)
    ask_browser(f"photo-{cameras.num_tries}", _take_answer, _try_plugged)
    if cameras.problem is not None:
        show_problem(cameras.problem, "photo", again=_try_again)
    else:
        show_other_cameras("photo", _try_again)
    return cameras.problem is None


def _take_answer() -> None:
    cameras = page_state(Cameras)
    if problem := answer_to(f"photo-{cameras.num_tries}"):
        cameras.problem = Problem(problem)


def _try_plugged() -> None:
    if page_state(Cameras).problem is Problem.ABSENT:
        _try_again()


def _try_again() -> None:
    cameras = page_state(Cameras)
    cameras.num_tries, cameras.problem = cameras.num_tries + 1, None


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
    for position, (_, name) in enumerate(page_state(Cameras).others):
        label, key = f"Use {escape_markdown(name)}", f"{page}-camera-{position}"
        st.button(label, icon=":material/cameraswitch:", on_click=_use, args=(position, again), key=key)


def _use(position: int, again: Callable[[], None]) -> None:
    """Try another camera."""
    cameras = page_state(Cameras)
    if position < len(cameras.others):
        cameras.device = cameras.others[position][0]
    again()
