"""The live page: notice and consent, START and STOP, the video with its readings, and what stays of a session."""

from __future__ import annotations

import os

import streamlit as st

from emomusic.ui.core import state
from emomusic.ui.core.charts import roomy_columns
from emomusic.ui.core.secrets import read_secrets
from emomusic.ui.core.sessions import WHEN_GONE
from emomusic.ui.core.welcome import show_empty_plane
from emomusic.ui.live.camera import ask_for_camera, camera_problem, is_lent, want_camera
from emomusic.ui.live.ice import SETTING_NAMES, IceSettings, ice_settings
from emomusic.ui.live.problems import explain
from emomusic.ui.live.readings import show_now, show_timeline
from emomusic.ui.live.session import LiveSession, Phase, Problem
from emomusic.ui.live.settings import choose_settings, choose_view
from emomusic.ui.live.summary import show_play_button, show_songs, show_summary
from emomusic.ui.live.video import followed_session, helping_servers, show_video

_WHAT_WILL_BE = (
    (":material/videocam:", "The video", "mirrored, with a frame, a name and a bar for each face."),
    (":material/bar_chart:", "The readings", "seven probabilities a face, and everyone's on the plane, with a trail."),
    (":material/area_chart:", "The last ten minutes", "the mood of the group over time, to keep as a table."),
    (":material/queue_music:", "The songs", "for a moment you choose, and a playlist that follows the session."),
)


def show_live() -> None:
    """The whole page, in the order of the screen."""
    settings = connection_settings()
    session = followed_session()
    class_view = _show_head(session, settings)
    if not (is_lent() and st.session_state.get(state.LIVE_CONSENT)):
        _show_what_will_be()
    else:
        # The same columns for both views, only their widths differ: the video stays where it is
        left, right = roomy_columns([2, 3] if class_view else [3, 2], key="live", gap="large")
        with left:
            show_video(session, settings)
        with right:
            if session is not None and session.phase is Phase.PLAYING:
                show_play_button(session)  # above the figures: there it is on the first screen
                show_now(session, class_view=class_view)
            elif session is None or session.phase is Phase.CONNECTING:
                show_empty_plane()
    # Before what changes when the video ends: songs that play then go on
    show_songs()
    if session is not None and session.phase is Phase.PLAYING and not class_view:
        show_timeline(session)
    if session is not None and not session.is_on:
        show_summary(session)


def connection_settings() -> IceSettings:
    """The settings of connections in `.streamlit/secrets.toml`, else in the environment.

    Raises:
        SettingsError: one of them is malformed, or the file is.
    """
    values = {**os.environ, **read_secrets()}
    return ice_settings({name: str(values[name]) for name in SETTING_NAMES if name in values})


def _show_head(session: LiveSession | None, settings: IceSettings) -> bool:
    """All that stands above the video; tells whether the class view is chosen."""
    is_on = session is not None and session.is_on
    with st.container(key="live-head"):
        ask_for_camera()
        notice = st.container()  # also without one: what stands below keeps its place, and is not seen twice meanwhile
        if not is_on:
            with notice:
                _show_notice(settings)
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            # Shown while the video runs too, or Streamlit would forget it
            agreed = st.checkbox(
                "Everyone knows that faces are read, and agrees",
                key=state.LIVE_CONSENT,
                on_change=_agree,
                disabled=is_on,
                # Also while another page is looked at: a session that was left is ended below, where the video stands
                persist_state="session",
            )
            if agreed and state.LIVE_ATTEMPT not in st.session_state:
                # Ticked in a page that outlived its session, as after a server's restart: it brings the tick, no click
                want_camera()
                st.rerun()
            class_view = choose_view()
            choose_settings(session, class_view=class_view)
        if class_view:
            st.caption(
                "For a room: large type, the mood of all faces together, nobody marked. To show a class how it works, "
                "with volunteers who act; never to read pupils."
            )
        _show_state_of_camera(session)
    return class_view


def _show_notice(settings: IceSettings) -> None:
    """What this is and what happens to the picture: said before the camera starts."""
    st.markdown(
        "Your camera, read as it runs: the faces, where they are on the plane, and songs when you ask for them."
    )
    hosts = dict.fromkeys(host for server in helping_servers(settings) for host in server.hosts)
    helped = f" To find a way to each other, browser and server ask {', '.join(hosts)}." if hosts else ""
    st.markdown(
        ":material/visibility: While the camera runs, its picture goes to this server, which looks for faces in it "
        "and estimates their expressions. **No frame is kept:** each is gone once it is read. The figures of the last "
        f"ten minutes stay in memory until you start again, or {WHEN_GONE}. People must be "
        f"told that their expression is read: ask everyone whom the camera sees.{helped}"
    )


def _agree() -> None:
    """Everyone agrees: now, and not before, the browser is asked for its camera."""
    if st.session_state[state.LIVE_CONSENT]:
        want_camera()


def _show_state_of_camera(session: LiveSession | None) -> None:
    if (problem := camera_problem()) is not None:
        can_change = problem not in (Problem.INSECURE, Problem.UNSUPPORTED)
        explain(problem, again=want_camera if can_change else None)
    elif session is not None and session.problem is not None:
        explain(session.problem)
    elif st.session_state.get(state.LIVE_CONSENT) and not is_lent():
        st.caption(":material/videocam: Your browser asks whether this page may use the camera: allow it.")


def _show_what_will_be() -> None:
    """The empty page: what will stand here, beside the plane it will stand on."""
    left, right = st.columns([1, 1], gap="large", vertical_alignment="center")
    with left:
        for icon, title, text in _WHAT_WILL_BE:
            st.markdown(f"{icon} **{title}:** {text}")
    with right:
        show_empty_plane()
