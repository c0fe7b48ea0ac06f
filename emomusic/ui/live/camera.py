"""Camera permission, requested before the connection: streamlit-webrtc does not report a refusal to the server."""

from __future__ import annotations

import secrets

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.live.session import Problem

VIDEO = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 24}, "facingMode": "user"}
"""Camera constraints: enough for faces at a desk; two cores can decode and encode it."""

# The browser loads the module once per tab, so the top-level variables survive reruns of the page.
_JAVASCRIPT = """
let lastAttempt = "";
let checked = false;

const PROBLEMS = {
  NotAllowedError: "refused", SecurityError: "refused",
  NotFoundError: "absent", OverconstrainedError: "absent",
  NotReadableError: "busy", AbortError: "busy",
};

function unavailable() {
  if (!window.isSecureContext) return "insecure";
  const devices = navigator.mediaDevices;
  return devices && devices.getUserMedia && window.RTCPeerConnection ? "" : "unsupported";
}

async function requestCamera(video) {
  const reason = unavailable();
  if (reason) return reason;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    stream.getTracks().forEach((track) => track.stop());
    return "";
  } catch (error) {
    return PROBLEMS[error.name] || "unsupported";
  }
}

export default function ({ data, setTriggerValue }) {
  if (!checked) {
    checked = true;
    if (unavailable()) setTriggerValue("answer", { attempt: "", problem: unavailable() });
  }
  if (data.attempt && data.attempt !== lastAttempt) {
    lastAttempt = data.attempt;
    requestCamera(data.video).then((problem) => setTriggerValue("answer", { attempt: data.attempt, problem }));
  }
}
"""
_CAMERA = st.components.v2.component("emomusic_camera", js=_JAVASCRIPT)


def mount_camera() -> None:
    """Mount the invisible component that sends each camera request to the browser once."""
    _CAMERA(
        key=state.LIVE_CAMERA,
        data={"attempt": st.session_state.get(state.LIVE_ATTEMPT, ""), "video": VIDEO},
        on_answer_change=_take_answer,
    )


def request_camera() -> None:
    """Request the camera again. The answer arrives in a later run of the page."""
    st.session_state[state.LIVE_ATTEMPT] = secrets.token_hex(4)
    st.session_state.pop(state.LIVE_ANSWER, None)


def is_camera_allowed() -> bool:
    """Return whether the browser has allowed the camera."""
    return st.session_state.get(state.LIVE_ANSWER) == ""


def camera_problem() -> Problem | None:
    """The camera problem that the browser reported, or None."""
    answer = st.session_state.get(state.LIVE_ANSWER)
    return Problem(answer) if answer else None


def _take_answer() -> None:
    answer = st.session_state[state.LIVE_CAMERA].answer
    if answer is not None and answer["attempt"] == st.session_state.get(state.LIVE_ATTEMPT, ""):
        st.session_state[state.LIVE_ANSWER] = answer["problem"]
