"""What the visitor of the Live page asked for, the session that runs for it, its video and its readings.

The browser shows the camera itself. `browser/camera.js` sends its frames and draws the marks that come back. Fragments
show what is read now and over the last ten minutes; after STOP, the page has a summary.

Fragments and callbacks get the session from here: Streamlit would keep a session that they refer to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st
from streamlit import runtime

from emomusic.affect import EMOTIONS, EmotionProbabilities, list_shares, share_text
from emomusic.answer.answer import Answer
from emomusic.answer.others import MOST_SONGS, SessionAnswer
from emomusic.app.browser.components import mount
from emomusic.app.camera import CameraQuestion, ask_browser, show_problem
from emomusic.app.charts import outline_tile, show_chart, show_face_rows, show_tile
from emomusic.app.choices import PICTURE_FROM
from emomusic.app.frame import download_button, escape_markdown, escape_markdown_message
from emomusic.app.live.profiles import ProfilesState
from emomusic.app.player import show_queue
from emomusic.app.queues import PageQueue, PlayerState, forget_queue, play, play_for, weak_callback
from emomusic.app.state import CameraState, page_state
from emomusic.charts.face import expression_uri, share_bars
from emomusic.charts.live import mood_areas
from emomusic.compat import is_same_browser
from emomusic.errors import EmomusicError
from emomusic.faces.who import EVERYONE, MOMENT
from emomusic.server.capacity import capacity
from emomusic.server.frames import Problem
from emomusic.server.ice import IceSettings, ice_settings
from emomusic.server.live import LiveSession
from emomusic.server.settings import read_secrets, settings
from emomusic.server.shared import shared
from emomusic.server.visitor import LOCAL_HOSTS, session_id
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.stream.reader import LiveReader, LiveView
from emomusic.stream.timeline import mean_of
from emomusic.text import format_clock, join_names, pluralize


@dataclass
class LiveState(CameraQuestion):
    """How far a visitor is, whose question for the camera begins with the consent. Each method is a transition."""

    is_leaving: bool = False  # whether the next complete run of the page opens the Photo page
    mood: EmotionProbabilities | None = None  # that the songs are for; None before the first song
    answer: Answer = field(default_factory=Answer)  # to the mean of the session that is over, for its card

    def begin(self) -> None:
        """A session begins."""
        self.is_asking, self.mood, self.answer = False, None, Answer()


def live_session() -> LiveSession | None:
    """The visitor's session, running or ended; None before the first start."""
    session = page_state(CameraState).session
    return session if isinstance(session, LiveSession) else None


def with_session(act: Callable[..., object]) -> Callable[..., None]:
    """A callback that gets the visitor's session, and does nothing without one."""

    @wraps(act)
    def call(*args: Any) -> None:
        if (session := live_session()) is not None:
            act(session, *args)

    return call


def live_fragment(every_s: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function that shows the visitor's session a fragment, refreshed so often."""
    return lambda show: st.fragment(with_session(show), run_every=every_s)


def start_session(ice: IceSettings | None) -> None:
    """Begin the visitor's next session, or refuse it if all places are taken. The pictures of the last one are gone."""
    if ice is not None:
        from emomusic.server import webrtc  # noqa: F401 (loads in almost a second, and declares a component)
    live = page_state(LiveState)
    reader = LiveReader(shared().live_networks)
    new = LiveSession(reader, ice, visitor=session_id(), cookies=dict(st.context.cookies))
    _end_earlier(new)
    if not capacity().start_live(new):
        live.is_asking, live.problem = False, Problem.FULL
        return
    if (session := live_session()) is not None:
        session.observe(None, None)
    page_state(CameraState).session = new
    forget_queue("session")
    live.begin()


def _end_earlier(new: LiveSession) -> None:
    """End the sessions of the same visitor: of this page, and of pages that this browser has closed or reloaded."""
    for session in capacity().live_sessions:
        is_shown = runtime.exists() and runtime.get_instance().is_active_session(session.visitor)
        is_left = (session.no_frame_s or not is_shown) and is_same_browser(session.cookies, new.cookies)
        if is_left or session.visitor == new.visitor:
            session.end()


# The question for the camera, and the video


def show_live_problem(problem: Problem, *, again: Callable[[], None] | None = None) -> None:
    """Show a problem, its remedy, the alternatives to a webcam and, with a callback, the ways to try again."""
    with st.container(key=f"live-problem-{problem}"):
        show_problem(problem, "live", again=again)
        with st.container(horizontal=True):
            for name, source, icon in (
                ("Take a snapshot", "Camera", "photo_camera"),
                ("Choose a photo", "Upload", "upload"),
            ):
                st.button(
                    f"{name} instead",
                    icon=f":material/{icon}:",
                    on_click=_open_photo,
                    args=(source,),
                    key=f"live-{'snapshot' if source == 'Camera' else 'photo'}-{problem}",
                )


def _open_photo(source: str) -> None:
    """Let the next complete run open the Photo page: a run with the click may be interrupted by the camera's answer."""
    st.session_state[PICTURE_FROM.key] = source
    page_state(LiveState).is_leaving = True


def connection() -> IceSettings | None:
    """The settings of WebRTC, as `ice_settings` reads them; None if the page posts its frames."""
    given = settings({**os.environ, **read_secrets()})
    nearby = urlsplit(st.context.url or "").hostname in LOCAL_HOSTS
    return ice_settings(given, nearby=nearby) if given.live.lower() == "webrtc" else None


def request_camera() -> None:
    """Ask the browser for the camera."""
    page_state(LiveState).ask()


def mount_camera() -> None:
    """Send each camera request to the browser once, and begin a session with the camera."""
    ask_browser(LiveState, lambda: start_session(connection()), sends=connection() is None)


def show_video(session: LiveSession, *, has_plane: bool) -> None:
    """Show the camera with its marks and, with `has_plane`, the places of the faces on the affect plane."""
    ice = None if session.ice is None else session.ice.as_dict()
    with st.container(key="live-frames"):
        mount(
            "camera",
            key="live_frames",
            data={"address": session.address, "phase": session.phase, "hasPlane": has_plane, "ice": ice},
            on_changed_change=lambda: None,  # the run of the page shows what has changed
            on_lost_change=with_session(LiveSession.lose),
        )


# What is read


@live_fragment(1.0)
def show_words(session: LiveSession) -> None:
    """Show the emotion now in one sentence, the number of faces and their profiles."""
    view = session.view()
    show_trouble(session, view)
    answer = Answer(view.faces, EVERYONE)
    with st.container(key="live-sentence", gap="xsmall"):
        st.header(answer.sentence if view.faces else _status(view, session.no_frame_s), anchor=False)
        place = f" · {answer.probabilities.point.quadrant.description}" if answer.probabilities else ""
        st.caption(f"{pluralize(len(view.faces), 'face')}{place}")
        used = [one for one in page_state(ProfilesState).named if one.profile in view.profiles]
        if used:
            names = join_names([escape_markdown(one.name) for one in used])
            st.caption(f":material/face: Read with the profile of {names}")


@live_fragment(1.0)
def show_rates(session: LiveSession) -> None:
    """Show how often frames arrive and faces are read, and how late."""
    view = session.view()
    lag = "" if view.lag_s is None else f" · {1000 * view.lag_s:.0f} ms delay"
    rates = f"{view.frames_per_second:.1f} frames per second · {view.readings_per_second:.1f} readings per second"
    st.caption(f"{rates}{lag}")


@live_fragment(1.0)
def show_counted(session: LiveSession, num_players: int) -> None:
    """Say whose faces count if more are in view than take part."""
    faces = session.view().faces
    if len(faces) > num_players:
        sizes = {face.number: face.face.box.width * face.face.box.height for face in faces}
        largest = sorted(sorted(sizes, key=lambda number: -sizes[number])[:num_players])
        counted = f"Face {largest[0]} counts" if len(largest) == 1 else f"Faces {join_names(map(str, largest))} count"
        st.markdown(f":material/groups: {len(faces)} faces are in view. {counted}: the largest.")


@live_fragment(1.0)
def show_faces(session: LiveSession, is_large: bool) -> None:
    """Show the probabilities of the faces, or `is_large` those of the group in large type."""
    answer = Answer(session.view().faces, EVERYONE)
    group, faces = answer.probabilities, answer.faces
    if is_large or len(faces) <= 1 or group is None:
        shares: dict[str, float] = dict.fromkeys(EMOTIONS, 0.0) if group is None else group.as_dict()
        figure, size = share_bars(shares, height=230), 24 if is_large else 14
        figure.update_traces(textfont={"size": size}).update_yaxes(tickfont={"size": size})
        figure.update_layout(uniformtext={"minsize": 13, "mode": "show"})
        if group is None:
            figure.update_traces(text=[""] * len(EMOTIONS))
        with st.container(key="live-large-bars" if is_large else "live-small-bars"):
            alt = f"Probabilities: {'none' if group is None else list_shares(shares)}"
            show_chart(figure, key="live-bars", alt=alt, height="stretch" if is_large else "content")
        return
    with st.container(key="live-rows"):
        show_face_rows({EVERYONE.text: group} | {face.who.text: face.probabilities for face in faces})


@live_fragment(2.0)  # the chart has 70 kB
def show_timeline(session: LiveSession) -> None:
    """Show the emotions of the group over the last ten minutes."""
    st.markdown("**The last ten minutes**")
    _show_areas(session.reader.timeline(), key="live-timeline")


def _show_areas(table: pd.DataFrame, *, key: str, end_s: float | None = None) -> None:
    """Show a timeline as stacked areas."""
    alt = f"Shares of the seven emotions over {len(table)} seconds"
    show_chart(mood_areas(table, end_s=end_s), key=key, alt=alt)
    st.caption("The height of a colour is the mean share of an emotion over all faces. Gaps have no face.")


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


# After STOP


def show_session_songs(answer: SessionAnswer) -> None:
    """Show the songs of a session that is over."""
    show_queue(_queue_of(answer), "emomusic-session")


def show_summary(session: LiveSession, answer: SessionAnswer) -> None:
    """Show how a session went: a sentence, its strongest moments with their songs, the chart and the files."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(answer.sentence, anchor=False, width="content")
        if answer.moods is None:
            return
        queue = _queue_of(answer)
        with st.popover("Share", icon=":material/ios_share:", key="live-share"):
            _draw_files(session, Answer(who=MOMENT, moment=mean_of(answer.table), songs=queue))
    _draw_moments(answer, queue)
    _show_areas(answer.table, key="live-session", end_s=answer.end_s)
    st.markdown(" · ".join(f"{name}: **{figure}**" for name, figure in answer.figures.items()))


def _draw_moments(answer: SessionAnswer, queue: PageQueue) -> None:
    """The strongest second of each scene, one after another: a drawn face and the song, which a click plays."""
    picks = {pick.number: pick for pick in queue.playlist(MOST_SONGS)}
    playing = queue.current if page_state(PlayerState).playing is queue else None
    outline_tile("none" if playing is None else f"moment-{playing.number}")
    with st.container(horizontal=True, key="live-moments"):
        for number, moment in enumerate(answer.moments, 1):
            song = escape_markdown(picks[number].song.title) if number in picks else "no song fits"
            show_tile(
                "scene",
                f"moment-{number}",
                expression_uri(moment.emotion),
                f"**{format_clock(moment.start_s)}** {moment.emotion.adjective} "
                f"{share_text(moment.probabilities[moment.emotion])}  \n{song}",
                alt=f"Moment {number}",
                width=150,
                on_click=weak_callback(play, queue, number),
                args=(),
            )


def _draw_files(session: LiveSession, answer: Answer) -> None:
    """The session as a card and as a table."""
    live = page_state(LiveState)
    live.answer = answer

    def card(live: LiveState) -> bytes:
        return live.answer.card(with_faces=False)

    def table(session: LiveSession) -> str:
        return SessionAnswer(session.reader.timeline()).csv()

    options: dict[str, Any] = {"icon": ":material/download:"}
    download_button("Card (PNG)", live, card, "emomusic-card.png", key="live-png", **options)
    download_button("Timeline (CSV)", session, table, "emomusic-session.csv", key="live-csv", **options)


def _queue_of(answer: SessionAnswer) -> PageQueue:
    """One song for each of the longest scenes, in order of time, for the visitor's music; chosen once."""

    def choose(recommender: Recommender, like: Request) -> list[Pick]:
        with st.spinner("Choosing songs"):
            songs = one_song_each(answer.requests(like), recommender)
        return [song for song in songs if song is not None]

    return play_for(answer.request, "session", choose)
