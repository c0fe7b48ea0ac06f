"""The Live page: before START a loop and cards, then the video with what is read, then the moments of the session."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, Mood
from emomusic.answer.answer import Answer
from emomusic.answer.others import SessionAnswer
from emomusic.app.browser.components import mount
from emomusic.app.camera import show_other_cameras
from emomusic.app.choices import LIVE_MUSIC, LIVE_VIEW, View
from emomusic.app.live.game import show_game, show_rounds
from emomusic.app.live.guess import show_guess
from emomusic.app.live.profiles import ProfilesState
from emomusic.app.live.session import (
    LiveState,
    connection,
    live_fragment,
    live_session,
    mount_camera,
    request_camera,
    show_counted,
    show_faces,
    show_live_problem,
    show_rates,
    show_session_songs,
    show_summary,
    show_timeline,
    show_video,
    show_words,
    with_session,
)
from emomusic.app.live.teach import show_lesson
from emomusic.app.page import Part, draw_parts
from emomusic.app.plane import draw_policy, request_of
from emomusic.app.player import show_queue
from emomusic.app.queues import forget_queue, play_for
from emomusic.app.state import page_state
from emomusic.assets import data_dir
from emomusic.charts.face import expression_uri
from emomusic.faces.who import MOMENT
from emomusic.server.frames import Problem
from emomusic.server.live import LiveSession, Phase
from emomusic.server.sessions import WHEN_GONE
from emomusic.songs.request import Request, target_of
from emomusic.stream.game import ORDER, GamePhase, GameView
from emomusic.stream.reader import DETECT_SIDE
from emomusic.stream.timeline import mean_of

_CLASS_SIDE = 640  # faces in the back rows are small


@dataclass(frozen=True, slots=True, eq=False)
class _Screen:
    """What the parts of a run draw.

    Attributes:
        session: the session of the visitor, running or over.
        view: the chosen view.
        answer: the answer to the session so far.
        result: the result of a game; None before it, and in other views.
    """

    session: LiveSession
    view: View
    answer: SessionAnswer
    result: GameView | None = None

    @property
    def is_over(self) -> bool:
        """Whether the view shows the summary of the session."""
        return not self.session.is_on and self.view in (View.FACES, View.CLASSROOM)

    @property
    def has_music(self) -> bool:
        """Whether the faces of the video choose the music."""
        return self.session.phase is Phase.PLAYING and self.view in (View.FACES, View.CLASSROOM)


def show_live() -> None:
    """Show the page, in the order of the screen."""
    live, session = page_state(LiveState), live_session()
    if live.is_leaving:
        live.is_leaving = False
        st.switch_page("pages/photo.py")
    if session is not None and session.is_on and session.is_left:
        session.lose()
    view = LIVE_VIEW.value
    _show_head(session, view)
    if view is View.GUESS:  # needs no camera
        show_guess()
    elif session is None:
        _show_opening(view)
    else:
        draw_parts(LIVE, _screen_of(session, view), _lay_out(view))


def _screen_of(session: LiveSession, view: View) -> _Screen:
    screen = _Screen(session, view, SessionAnswer(session.reader.timeline()))
    session.reader.profiles = page_state(ProfilesState).persons
    session.boxes = view is not View.CLASSROOM  # from the next frame on
    session.reader.detect_side = DETECT_SIDE if session.boxes else _CLASS_SIDE
    if view is View.GAME and session.game is not None:
        now = session.game.view()
        if now.phase is GamePhase.OVER or not session.is_on:  # STOP ends a game too
            return replace(screen, result=now)
    return screen


def _lay_out(view: View) -> Mapping[str, DeltaGenerator]:
    """The containers of the parts: that of the video is the same one in all views, so it stays connected."""
    with st.container(key="live-screen"):
        with st.container(key="live-stage", gap=None):
            places = {name: st.container(key=f"live-{name}", gap="xsmall") for name in ("words", "video", "strip")}
        places["controls"] = st.container(key="live-controls", horizontal=True, vertical_alignment="center")
        places |= {name: st.container(key=f"live-{name}") for name in ("summary", "below")}
        return places | {"side": st.container(key=f"live-side-{view.name.lower()}")}


# Parts


def _draw_controls(screen: _Screen) -> None:
    """STOP, the choice of music, and in the game and the lesson whose faces count."""
    st.button("STOP", icon=":material/stop:", on_click=with_session(LiveSession.end), key="live-stop")
    if screen.has_music:
        _draw_music()
    elif screen.session.phase is Phase.PLAYING:
        game = screen.session.game if screen.view is View.GAME else None
        show_counted(1 if game is None else game.num_players)


def _draw_game(screen: _Screen) -> None:
    """The game, or its result with a song for the strongest face."""
    show_game(screen.session, screen.result)
    strongest = None if screen.result is None else screen.result.strongest
    if strongest is not None and strongest.probabilities is not None:
        _show_song_of(strongest.probabilities)


def _draw_rounds(screen: _Screen) -> None:
    assert screen.session.game is not None  # it has a result
    show_rounds(screen.session.game)


def _draw_lesson(screen: _Screen) -> None:
    """The lesson, or before the video what it is."""
    show_lesson(screen.session if screen.session.phase is Phase.PLAYING else None)


LIVE: list[Part[_Screen]] = [
    # First, as the choice of music decides what plays
    Part("controls", _draw_controls, lambda shown: shown.session.is_on),
    Part("side", lambda _: _show_songs(), lambda shown: shown.has_music and LIVE_MUSIC.value == SONGS),
    Part("side", lambda shown: show_session_songs(shown.answer), lambda shown: shown.is_over and shown.answer.moods),
    Part("strip", lambda _: _show_band(), lambda shown: shown.has_music and LIVE_MUSIC.value != SONGS),
    Part("words", lambda _: show_words(), lambda shown: shown.has_music),
    Part("video", lambda of: show_video(of.session, has_plane=of.view is View.FACES), lambda of: of.session.is_on),
    Part("side", lambda shown: show_faces(shown.view is View.CLASSROOM), lambda shown: shown.has_music),
    Part("side", _draw_game, lambda shown: shown.view is View.GAME),
    Part("side", _draw_lesson, lambda shown: shown.view is View.TEACH),
    Part("below", _draw_rounds, lambda shown: shown.result is not None),
    Part("below", lambda _: show_timeline(), lambda shown: shown.has_music and shown.view is View.FACES),
    Part("summary", lambda shown: show_summary(shown.session, shown.answer), lambda shown: shown.is_over),
]


# Music during a session: the band that the faces conduct, with a clip to keep, or songs for their mood.
# `browser/layers.js` plays and draws the band in the browser

SONGS = "Songs"
"""The choice of songs instead of the band."""

_MOOD_S = 10


def _draw_music() -> None:
    """Show the choice between the styles of the band and songs."""
    band = json.loads((data_dir() / "band" / "band.json").read_bytes())
    styles = [style["name"] for style in band["styles"]]
    LIVE_MUSIC.draw(
        st.segmented_control,
        "Music",
        [*styles, SONGS],
        format_func=str.capitalize,
        label_visibility="collapsed",
        on_change=_forget_mood,
    )


def _forget_mood() -> None:
    page_state(LiveState).mood = None
    forget_queue("live")


def _show_band() -> None:
    """Let the band play the chosen style for the faces, and show its layers."""
    mount("layers", key="live-band", data={"style": LIVE_MUSIC.value})


def _show_songs() -> None:
    """Let songs follow the mood of the last ten seconds, one fading into the next, and show them."""
    _follow_mood()
    if (mood := page_state(LiveState).mood) is not None:
        show_queue(play_for(Answer(who=MOMENT, moment=mood).request(), "live", fades=True), "emomusic-live")


def _show_song_of(moment: EmotionProbabilities) -> None:
    """Show the policies and the songs for the strongest face of a game."""
    answer = Answer(who=MOMENT, moment=moment)
    queue = play_for(request_of(answer), "live")
    draw_policy(answer)
    st.caption(answer.reason(queue.request))
    show_queue(queue, "emomusic-live")


@live_fragment(1.0)
def _follow_mood(session: LiveSession) -> None:
    live, table = page_state(LiveState), session.reader.timeline()
    now = mean_of(table[table["time_s"] > table["time_s"].max() - _MOOD_S])
    if now is not None and (live.mood is None or _mood_of(now) != _mood_of(live.mood)):
        live.mood = now
        st.rerun()
    if live.mood is None:
        st.caption("A face on the webcam chooses the first song.")


def _mood_of(mean: EmotionProbabilities) -> Mood:
    return target_of(Request(mean.point, emotion=mean.emotion))[1]


# Before START and above the video

_CARDS: Mapping[View, tuple[str, str, Sequence[Emotion], str]] = {
    View.FACES: ("Band", "music_note", (), "Your faces conduct a band, or change the song."),
    View.GAME: ("Mirror game", "sports_esports", EMOTIONS, "Show seven emotions, alone or in two."),
    View.TEACH: ("Teach it your face", "school", ORDER, "A minute makes the readings yours."),
    View.CLASSROOM: ("Classroom", "groups", (), "The mood of volunteers who act, in large type."),
    View.GUESS: ("Guess first", "how_to_vote", (), "A class votes before the machine; no camera."),
}
"""What can begin: name, symbol, drawn faces, and what it does."""


def _show_opening(view: View) -> None:
    """Show a loop, START on it, and a card for each view."""
    with st.container(key="live-opening"):
        with st.container(key="loop-live"):
            alt = "One face after another, framed with its emotion; below it the layers of the band, which follow it"
            mount("loop", key="live-loop", data={"file": "live.mp4", "alt": alt})
        with st.container(key="live-begin", gap="small"):
            _show_start()
    with st.container(key="live-cards"):
        for card, (name, icon, emotions, text) in _CARDS.items():
            with st.container(border=True, gap="xsmall", key=f"live-card-{card.name.lower()}"):
                faces = [f'<img src="{expression_uri(emotion)}" alt="">' for emotion in emotions]
                st.html(f'<div class="live-moving">{"".join(faces) or "<i></i>" * 4}</div>')
                symbol, args = "check_circle" if card is view else icon, (None if card is View.FACES else card,)
                options: dict[str, Any] = {"type": "tertiary", "on_click": LIVE_VIEW.set, "args": args}
                st.button(name, icon=f":material/{symbol}:", key=f"live-view-{card.name.lower()}", **options)
                st.caption(text)


def _show_start() -> None:
    """Show START, which the consent enables, and the notice."""
    agrees = st.checkbox(
        "Everyone in view agrees to face analysis", value=bool(page_state(LiveState).request), key="live-agrees"
    )
    options: dict[str, Any] = {"type": "primary", "disabled": not agrees, "on_click": request_camera}
    st.button("START", icon=":material/videocam:", key="live-start", **options)
    ice = connection()
    contacts = f" To connect, browser and server contact {', '.join(ice.hosts)}." if ice and ice.hosts else ""
    st.markdown("The video goes to this server, which estimates expressions. **No frame is kept.**")
    with st.popover("Privacy", icon=":material/visibility:", type="tertiary"):
        st.markdown(
            "Your pictures in the mirror game and the lesson stay in memory until you leave. The "
            "figures of the last ten minutes stay in memory until you start again, or "
            f"{WHEN_GONE}.{contacts}"
        )


def _show_head(session: LiveSession | None, view: View) -> None:
    """Show the choice of a view, the options, and a problem; before START, cards are the choice."""
    live = page_state(LiveState)
    with st.container(key="live-head"):
        mount_camera()
        if session is not None or view is View.GUESS:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                LIVE_VIEW.draw(st.segmented_control, "View", label_visibility="collapsed")
                if session is not None:
                    _draw_options(session)
                    if session.is_on:
                        st.caption(":material/check: Everyone in view agrees", width="content")  # for whoever joins
                    else:
                        options: dict[str, Any] = {"type": "primary", "on_click": request_camera, "key": "live-restart"}
                        st.button("START", icon=":material/videocam:", **options)
                if view is View.CLASSROOM:
                    st.caption("Use it with volunteers who act; do not analyse pupils.", width="content")
        if view is View.GUESS:
            return
        if live.is_asking:
            st.caption(":material/videocam: Your browser asks for the webcam. Allow it.")
        elif live.problem is not None:
            can_change = live.problem not in (Problem.INSECURE, Problem.FRAMED, Problem.UNSUPPORTED)
            show_live_problem(live.problem, again=request_camera if can_change else None)
        elif session is not None and session.problem is not None:
            show_live_problem(session.problem)


def _draw_options(session: LiveSession) -> None:
    """The other cameras, how faces are read and how often."""
    with st.popover("Options", icon=":material/tune:"):
        if session.is_on:
            show_other_cameras("live-options", request_camera)
            show_rates()
        st.caption(
            "Here all seven emotions count as equally likely, because people pull faces for a camera. On "
            "photographs, the app expects few angry, disgusted or afraid faces."
        )
