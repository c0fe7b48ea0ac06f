"""The browser's camera: is there one, may we use it? Asked before the connection, which would not tell us why it fails.

The connection's component (streamlit-webrtc) shows a refusal as an English error of the browser and tells the server
nothing. So a few lines of JavaScript ask first, and answer in one of the words of `Problem`.
"""

from __future__ import annotations

import secrets

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.live.session import Problem

VIDEO = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}, "facingMode": "user"}
"""What is asked of the camera: enough for faces at a desk, and little enough for two cores to decode and encode."""

# The module is loaded once a tab, so what stands outside the function is kept between runs of the page.
_JAVASCRIPT = """
let asked = "";
let looked = false;

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused",
  NotFoundError: "absent", OverconstrainedError: "absent",
  NotReadableError: "busy", AbortError: "busy",
};

function missing() {
  if (!window.isSecureContext) return "insecure";
  const devices = navigator.mediaDevices;
  return devices && devices.getUserMedia && window.RTCPeerConnection ? "" : "unsupported";
}

async function ask(video) {
  const lack = missing();
  if (lack) return lack;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    stream.getTracks().forEach((track) => track.stop());
    return "";
  } catch (error) {
    return PROBLEMS[error.name] || "unsupported";
  }
}

export default function ({ data, setTriggerValue }) {
  if (!looked) {
    looked = true;
    if (missing()) setTriggerValue("answer", { attempt: "", problem: missing() });
  }
  if (data.attempt && data.attempt !== asked) {
    asked = data.attempt;
    ask(data.video).then((problem) => setTriggerValue("answer", { attempt: data.attempt, problem }));
  }
}
"""
_CAMERA = st.components.v2.component("emomusic_camera", js=_JAVASCRIPT)


def ask_for_camera() -> None:
    """Carry the question to the browser, once each time that `want_camera` was called; takes no room on the page."""
    _CAMERA(
        key=state.LIVE_CAMERA,
        data={"attempt": st.session_state.get(state.LIVE_ATTEMPT, ""), "video": VIDEO},
        on_answer_change=_take_answer,
    )


def want_camera() -> None:
    """Ask the browser for its camera, anew; the answer comes with a later run of the page."""
    st.session_state[state.LIVE_ATTEMPT] = secrets.token_hex(4)
    st.session_state.pop(state.LIVE_ANSWER, None)


def is_lent() -> bool:
    """Whether the browser lends its camera, as far as it has said."""
    return st.session_state.get(state.LIVE_ANSWER) == ""


def camera_problem() -> Problem | None:
    """What the browser said is the matter with its camera."""
    answer = st.session_state.get(state.LIVE_ANSWER)
    return Problem(answer) if answer else None


def _take_answer() -> None:
    answer = st.session_state[state.LIVE_CAMERA].answer
    if answer is not None and answer["attempt"] == st.session_state.get(state.LIVE_ATTEMPT, ""):
        st.session_state[state.LIVE_ANSWER] = answer["problem"]
