"""The Live page: consent, options, video, readings, music and session summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import streamlit as st

from emomusic.affect import EMOTIONS, Emotion
from emomusic.app.browser.components import show_loop
from emomusic.app.charts import roomy_columns
from emomusic.app.choices import LIVE_GUESS, LIVE_TEACH, LIVE_VIEW
from emomusic.app.live.game import show_game, show_rounds
from emomusic.app.live.guess import show_guess
from emomusic.app.live.music import SONGS, draw_music, show_band, show_songs
from emomusic.app.live.readings import (
    show_faces,
    show_large,
    show_plane,
    show_player,
    show_session,
    show_summary,
    show_timeline,
    show_words,
)
from emomusic.app.live.session import LiveState, Stage, live_session
from emomusic.app.live.teach import show_lesson
from emomusic.app.live.video import connection, mount_camera, request_camera, show_live_problem, show_video
from emomusic.app.parts import show_style
from emomusic.app.persons import PersonsState
from emomusic.app.state import page_state
from emomusic.charts.face import expression_uri
from emomusic.server.frames import Problem
from emomusic.server.live import LiveSession, Phase
from emomusic.server.sessions import WHEN_GONE
from emomusic.stream.game import ORDER, GamePhase, GameView
from emomusic.stream.reader import DETECT_SIDE

_CLASS_SIDE = 640  # faces in the back rows are small


class View(StrEnum):
    """What the page shows of the video; its names are on the page and in the URL."""

    FACES = "Faces"
    CLASSROOM = "Classroom"
    GAME = "Mirror game"
    TEACH = LIVE_TEACH
    GUESS = LIVE_GUESS


def _apply_view(session: LiveSession | None, *, class_view: bool) -> None:
    """Let a running session read for a view from its next frame on."""
    if session is not None:
        session.reader.known = page_state(PersonsState).known
        session.boxes = not class_view
        session.reader.detect_side = _CLASS_SIDE if class_view else DETECT_SIDE


# Widths of the columns: the video, what is read, and the music
_COLUMNS = {View.FACES: (10, 8, 8), View.CLASSROOM: (6, 10, 7), View.GAME: (10, 15, 7), View.TEACH: (10, 15, 7)}


def show_live() -> None:
    """Show the page, in the order of the screen."""
    live, session = page_state(LiveState), live_session()
    if live.stage is Stage.LEAVING:
        live.stay()
        st.switch_page("pages/photo.py")
    if session is not None and session.is_on and session.is_left:
        session.lose()
    view = _show_head(session)
    show_style(__file__, "live.css")
    if view is View.GUESS:
        show_guess()
        return
    if session is None:
        _show_opening(view)
        return
    if session.is_on:
        show_style(__file__, "video_on.css")
    game, result = session.game, None
    if view is View.GAME and game is not None:
        now = game.view()
        result = now if now.phase is GamePhase.OVER or not session.is_on else None  # STOP ends a game too
    _show_columns(session, view, result)
    if game is not None and result is not None:
        show_rounds(game)
    elif session.phase is Phase.PLAYING and view is View.FACES:
        show_timeline()
    elif not session.is_on:
        show_summary(session)


_CLASS: Sequence[Emotion] = [*EMOTIONS, *[Emotion.HAPPY, Emotion.NEUTRAL] * 9]
_GAME = "Show seven emotions to the camera, alone or in two. The song of your strongest face plays at the end."
# Drawn faces before START, their width in pixels, and what the view does
_OPENINGS: Mapping[View, tuple[Sequence[Emotion], int, str]] = {
    View.CLASSROOM: (_CLASS, 64, "The mood of all faces together, in type that the last row can read."),
    View.GAME: (EMOTIONS, 136, _GAME),
    View.TEACH: (ORDER, 136, "A minute with your neutral face and six others makes the readings yours."),
}


def _show_opening(view: View) -> None:
    """Show what the view is like before the first START."""
    if view not in _OPENINGS:
        show_loop(
            "live",
            "One face after another, framed with its emotion; below it the four layers of the band, which follow it",
            "A band follows the faces before your webcam. START begins, with sound.",
        )
        return
    emotions, width, text = _OPENINGS[view]
    faces = "".join(f'<img src="{expression_uri(emotion)}" width="{width}" alt="">' for emotion in emotions)
    with st.container(key="live-faces"):
        st.html(f'<div style="display: flex; flex-wrap: wrap; gap: 0.75rem; max-width: 70rem">{faces}</div>')
    st.markdown(text)


def _show_columns(session: LiveSession, view: View, result: GameView | None) -> None:
    """Show the video, what is read, and the music: in all views in the same columns, so the video stays connected."""
    playing = session if session.phase is Phase.PLAYING else None
    left, middle, right = roomy_columns(_COLUMNS[view], key="live", gap="medium")
    with left:
        with st.container(key="live-words", gap="xsmall"):
            if playing is not None and view is View.FACES:
                show_words()
        show_video(session)
    with middle:
        if view is View.GAME:
            show_game(session, result)
        elif view is View.TEACH:
            show_lesson(playing)
        elif playing is not None:
            show_large() if view is View.CLASSROOM else show_plane()
        elif not session.is_on:
            show_session(session)
        else:
            st.caption(":material/hourglass_top: The reading appears here.")
    with right:
        if result is None and playing is not None and view is not View.TEACH:
            style = draw_music()
            show_songs() if style == SONGS else show_band(style)
        if playing is not None and view is View.FACES:
            show_faces()
        show_player(session, result)


def _show_head(session: LiveSession | None) -> View:
    """Show everything above the video. Returns the chosen view."""
    live = page_state(LiveState)
    with st.container(key="live-head"):
        mount_camera()
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            view = View(LIVE_VIEW.draw(st.segmented_control, "View", list(View), label_visibility="collapsed"))
            _apply_view(session, class_view=view is View.CLASSROOM)
            with st.popover("How faces are read", icon=":material/help:"):
                st.caption(
                    "Here all seven emotions count as equally likely, because people pull faces for a camera. On "
                    "photographs, the app expects few angry, disgusted or afraid faces."
                )
            if live.request:  # whoever joins sees what was agreed
                st.caption(":material/check: Everyone on camera agrees to face analysis", width="content")
        if view is View.GUESS:  # needs no camera
            return view
        if view is View.CLASSROOM:
            st.caption(
                "Large type, and the mood of the whole group without marks on faces. Use it with volunteers who act; "
                "do not analyse pupils."
            )
        if not live.request:
            _show_start()
        if live.stage is Stage.REFUSED and live.problem is not None:
            can_change = live.problem not in (Problem.INSECURE, Problem.FRAMED, Problem.UNSUPPORTED)
            show_live_problem(live.problem, again=request_camera if can_change else None)
        elif live.stage is Stage.ASKING:
            st.caption(":material/videocam: Your browser asks for the webcam. Allow it.")
        elif session is not None and session.problem is not None:
            show_live_problem(session.problem)
    return view


def _show_start() -> None:
    """Show START, which gives the consent, and the notice."""
    ice = connection()
    contacts = f" To connect, browser and server contact {', '.join(ice.hosts)}." if ice and ice.hosts else ""
    with (
        st.container(border=True, key="live-begin"),
        st.container(horizontal=True, vertical_alignment="center", gap="medium"),
    ):
        st.button(
            "START: everyone on camera agrees to face analysis",
            icon=":material/videocam:",
            type="primary",
            on_click=request_camera,
            key="live-start",
        )
        st.markdown("The video goes to this server, which estimates expressions. **No frame is kept.**")
        with st.popover("Privacy", icon=":material/visibility:", type="tertiary"):
            st.markdown(
                "Your pictures in the mirror game and the lesson stay in memory until you leave. The "
                "figures of the last ten minutes stay in memory until you start again, or "
                f"{WHEN_GONE}.{contacts}"
            )
