"""Current faces, their trail and the last ten minutes, in fragments; and the summary of a session that is over."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import EMOTIONS, AffectPoint, EmotionProbabilities, describe, list_shares
from emomusic.answer.answer import Answer, sentence_of
from emomusic.answer.others import MOST_SONGS, SessionAnswer
from emomusic.app.charts import show_chart
from emomusic.app.frame import download_button, escape_markdown, escape_markdown_message
from emomusic.app.live.session import LiveState, Stage, live_fragment, live_session
from emomusic.app.page import Page, Part
from emomusic.app.plane import draw_policy, face_points, request_of
from emomusic.app.player import show_queue, song_line
from emomusic.app.queues import PageQueue, play_for, start, weak_callback
from emomusic.app.state import page_state
from emomusic.charts.affect import circumplex
from emomusic.charts.face import share_bars
from emomusic.charts.live import face_bars, mood_areas
from emomusic.errors import EmomusicError
from emomusic.faces.who import EVERYONE, MOMENT
from emomusic.server.capacity import capacity
from emomusic.server.live import LiveSession
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.stream.game import GameView
from emomusic.stream.reader import LiveView
from emomusic.text import join_names, pluralize

_TRAIL_S = 20
_FACES_SHOWN = 6
_PLANE_HEIGHT, _BARS_HEIGHT = 430, 230
_LARGE_FONT_PX = 24
_CARD: dict[str, Any] = {"border": True, "height": 136}  # equal heights: one card has a second line. "stretch" overlaps


@live_fragment(1.0)
def show_words(session: LiveSession) -> None:
    """Show the current emotion in one sentence; the page calls this and the next four during the video."""
    view = session.view()
    show_trouble(session, view)
    words = sentence_of(view.faces, is_everyone=True) if view.faces else _status(view, session.no_frame_s)
    st.header(words, anchor=False)
    lag = "" if view.lag_s is None else f" · {1000 * view.lag_s:.0f} ms delay"
    st.caption(
        f"{pluralize(len(view.faces), 'face')} · {_rate(view.frames_per_second)} frames per second · "
        f"{_rate(view.readings_per_second)} readings per second{lag}"
    )
    if view.known:
        names = join_names([escape_markdown(person.name) for person in view.known])
        st.caption(f":material/face: Read with the profile of {names}")


@live_fragment(1.0)
def show_plane(session: LiveSession) -> None:
    """Show the faces and their trail on the plane."""
    view = session.view()
    points = face_points(view.faces, with_group=True)
    table = session.reader.timeline()
    recent = table[table["time_s"] > table["time_s"].max() - _TRAIL_S].dropna(subset=["valence"])
    trail = [AffectPoint(*row) for row in recent[["valence", "arousal"]].itertuples(index=False)]  # oldest first
    show_chart(
        circumplex(points, trail=trail, height=_PLANE_HEIGHT),
        key="live-plane",
        alt=f"Valence and arousal of the faces, and of the group in the last {_TRAIL_S} seconds",
    )


@live_fragment(1.0)
def show_faces(session: LiveSession) -> None:
    """Show the probabilities of the faces."""
    view = session.view()
    group = view.faces.mean()
    if len(view.faces) <= 1 or group is None:
        _show_bars(group, 14)
        return
    rows = {EVERYONE.text: group} | {face.who.text: face.probabilities for face in view.faces[:_FACES_SHOWN]}
    alt = "; ".join(f"{name}: {describe(probabilities)}" for name, probabilities in rows.items())
    show_chart(face_bars(rows), key="live-rows", alt=alt)
    if len(view.faces) > _FACES_SHOWN:
        st.caption(f"{len(view.faces) - _FACES_SHOWN} more faces are in the video.")


@live_fragment(1.0)
def show_large(session: LiveSession) -> None:
    """Show the mood of the group in large type, without names or numbers of faces."""
    view = session.view()
    group = view.faces.mean()
    show_trouble(session, view)
    heading = _status(view, session.no_frame_s) if group is None else describe(group)
    st.html(f'<p class="live-large">{heading}</p>')
    if group is not None:
        quadrant = group.point.quadrant
        faces = "1 face" if len(view.faces) == 1 else f"the mean of {len(view.faces)} faces"
        with st.container(key="live-large-words"):
            st.markdown(f"{quadrant.description.capitalize()}; {faces}")
    with st.container(key="live-large-bars"):
        _show_bars(group, _LARGE_FONT_PX, height="stretch")


def _show_bars(group: EmotionProbabilities | None, font_px: int, **options: Any) -> None:
    """Show the seven probabilities; empty bars without a face."""
    shares: dict[str, float] = dict.fromkeys(EMOTIONS, 0.0) if group is None else group.as_dict()
    figure = share_bars(shares, height=_BARS_HEIGHT)
    figure.update_traces(textfont={"size": font_px}).update_yaxes(tickfont={"size": font_px})
    figure.update_layout(uniformtext={"minsize": 13, "mode": "show"})
    if group is None:
        figure.update_traces(text=[""] * len(EMOTIONS))
    alt = f"Probabilities: {'none' if group is None else list_shares(shares)}"
    show_chart(figure, key="live-bars", alt=alt, **options)


@live_fragment(2.0)  # the chart has 70 kB
def show_timeline(session: LiveSession) -> None:
    """Show the emotions of the group over the last ten minutes."""
    st.markdown("**The last ten minutes**")
    show_areas(session.reader.timeline(), key="live-timeline")
    st.caption("The height of a colour is the mean share of an emotion over all faces. Gaps: no face, or no reading.")


def show_areas(table: pd.DataFrame, *, key: str) -> None:
    """Show a timeline as stacked areas."""
    show_chart(mood_areas(table), key=key, alt=f"Shares of the seven emotions over {len(table)} seconds")


def show_trouble(session: LiveSession, view: LiveView) -> None:
    """Show whether the server restarts, and the error of the last frame."""
    if capacity().is_draining:
        with st.container(key="live-restart"):
            st.warning(
                "This server restarts in a moment, which ends the video. Press START again afterwards.",
                icon=":material/restart_alt:",
            )
    error = view.error or session.frame_error
    if error is None:
        return
    # The message of an EmomusicError is for visitors. The log has the traceback of all others
    message = str(error) if isinstance(error, EmomusicError) else "The last frame could not be read. The video goes on."
    st.warning(escape_markdown_message(message), icon=":material/error:")


def _status(view: LiveView, no_frame_s: float) -> str:
    """Return the reason why there is no emotion."""
    if not view.num_frames:
        return "Waiting for the first frame"
    if no_frame_s:
        return f"No frame for {no_frame_s:.0f} seconds. Check the webcam."
    if view.num_readings:
        return "No face in the video"
    if view.error is not None:
        return "Faces cannot be read"
    return "Reading the first frame"


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if 0 < per_second < 1.95 else f"{per_second:.0f}"


def show_player(session: LiveSession, game: GameView | None) -> None:
    """Show the player for the strongest face of a game, or for the playlist of a session that is over."""
    if game is not None and game.strongest is not None and game.strongest.probabilities is not None:
        answer = Answer(who=MOMENT, moment=game.strongest.probabilities)
        queue = play_for(request_of(answer), "live")
        draw_policy(answer)
        st.caption(answer.reason(queue.request))
        show_queue(queue, "emomusic-live")
    elif page_state(LiveState).stage is Stage.PLAYLIST and not session.is_on:
        show_queue(_session_queue(_answer_to(session)), "emomusic-session")


def _answer_to(session: LiveSession) -> SessionAnswer:
    return SessionAnswer(session.reader.timeline())


def show_session(session: LiveSession) -> None:
    """Show how a session that is over went, in one sentence, and the button that plays its songs."""
    answer = _answer_to(session)
    if answer.moods is None:
        if len(answer.table):
            st.info("The session is over. It showed no face.", icon=":material/face:")
        elif session.problem is None:
            st.info("The session ended before the first reading. Press START to try again.", icon=":material/face:")
        return
    st.header(answer.sentence, anchor=False)
    st.caption(f"{answer.moods.listed.capitalize()} of the time with a face.")
    st.button(
        "Play the songs of the session",
        icon=":material/queue_music:",
        type="primary",
        on_click=weak_callback(_play_session, _session_queue(answer)),
        disabled=page_state(LiveState).stage is Stage.PLAYLIST,
        key="live-play-session",
    )


def _play_session(queue: PageQueue) -> None:
    page_state(LiveState).play()
    start(queue)


def show_summary(session: LiveSession) -> None:
    """Show the figures, the chart, the moods and the songs of a session that is over."""
    answer = _answer_to(session)
    if answer.moods is not None:
        places = {part.name: st.container() for part in SUMMARY.parts}
        SUMMARY.draw(answer, places)


def _draw_figures(answer: SessionAnswer) -> None:
    with st.container(horizontal=True):
        for name, figure in answer.figures.items():
            st.metric(name, figure, **_CARD)
    if answer.note:
        st.caption(answer.note)


def _draw_timeline(answer: SessionAnswer) -> None:
    show_areas(answer.table, key="live-session")
    st.dataframe(answer.rows(), hide_index=True)


def _draw_file(_: SessionAnswer) -> None:
    if (session := live_session()) is not None:
        options = {"icon": ":material/download:", "key": "live-csv"}
        download_button("Timeline (CSV)", session, _session_csv, "emomusic-session.csv", **options)


def _session_csv(session: LiveSession) -> str:
    return _answer_to(session).csv()


def _draw_playlist(answer: SessionAnswer) -> None:
    """The songs of the longest scenes."""
    st.header("Playlist of the session", anchor=False)
    picks = _session_queue(answer).playlist(MOST_SONGS)
    if not picks:
        st.info("No song fits. Choose other music.")
        return
    st.caption(answer.which_rows)
    for pick in picks:
        st.markdown(f"{pick.number}. {song_line(pick.song)}  \n{escape_markdown(pick.reason)}")


SUMMARY = Page(
    "session",
    [
        Part("figures", _draw_figures),
        Part("timeline", _draw_timeline),
        Part("file", _draw_file),
        Part("playlist", _draw_playlist),
    ],
)


def _session_queue(answer: SessionAnswer) -> PageQueue:
    """One song for each of the longest scenes, in order of time, for the visitor's music; chosen once."""

    def choose(recommender: Recommender, like: Request) -> list[Pick]:
        with st.spinner("Choosing songs"):
            songs = one_song_each(answer.requests(like), recommender)
        return [song for song in songs if song is not None]

    return play_for(answer.request, "session", choose)
