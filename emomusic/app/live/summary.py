"""Songs during a session, and its summary afterwards: metrics, chart, table and playlist."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import MOOD_POINTS, Mood, affect_of, describe
from emomusic.app.answer import Listener, answer
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.live.music import PLACE
from emomusic.app.live.readings import show_areas
from emomusic.app.live.session import LiveSession, LiveState, Problem
from emomusic.app.player import show_queue, song_line
from emomusic.app.queues import queue_of, start
from emomusic.app.sources import with_your_music
from emomusic.app.state import CameraState, from_state, page_state
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.stream.timeline import TIMELINE_SECONDS, SessionSummary, summarize
from emomusic.text import format_clock

MAX_SONGS = 10

_CARD: dict[str, Any] = {"border": True, "height": 136}  # equal heights: one card has a second line. "stretch" overlaps


def show_player(session: LiveSession | None, listener: Listener | None) -> None:
    """Show the player for the listener of a game, or for the playlist of a session that is over."""
    if listener is not None:
        answer(listener, PLACE).show_player("emomusic-live")
    elif page_state(LiveState).plays_session and session is not None and not session.is_on:
        _session_queue(summarize(session.reader.timeline()))
        show_queue("session", "emomusic-session")


def show_session(summary: SessionSummary, problem: Problem | None) -> None:
    """Show how a session that is over went, in one sentence, and the button that plays its songs."""
    if summary.mean is None:
        if summary.seconds:
            st.info("The session is over. It showed no face.", icon=":material/face:")
        elif problem is None:
            st.info("The session ended before the first reading. Press START to try again.", icon=":material/face:")
        return
    st.header(f"Session: {describe(summary.mean).lower()}", anchor=False)
    st.button(
        "Play the songs of the session",
        icon=":material/queue_music:",
        type="primary",
        on_click=_play_session,
        disabled=page_state(LiveState).plays_session,
        key="live-play-session",
    )


def _play_session() -> None:
    page_state(LiveState).plays_session = True
    start("session")


def _show_metrics(summary: SessionSummary) -> None:
    longest, times = summary.longest, summary.table["time_s"]
    first_s, last_s = int(times.iloc[0]), int(times.iloc[-1])
    is_cut = last_s >= TIMELINE_SECONDS
    with st.container(horizontal=True):
        st.metric("Duration", format_clock(last_s + 1 if is_cut else last_s - first_s + 1), **_CARD)
        # A percentage, because a reading may take longer than a second on a busy machine
        st.metric("With a face", f"{100 * summary.seconds_with_faces / summary.seconds:.0f} %", **_CARD)
        st.metric("Most faces at once", summary.most_faces, **_CARD)
        if longest is not None:
            st.metric(
                "Longest mood",
                longest.emotion.adjective.capitalize(),
                f"{format_clock(longest.seconds)}, from {format_clock(longest.start_s)}",
                delta_color="off",
                delta_arrow="off",
                **_CARD,
            )
    if is_cut:
        minutes = TIMELINE_SECONDS // 60
        st.caption(f"All figures but the duration cover the last {minutes} minutes, from {format_clock(first_s)} on.")


def show_summary(summary: SessionSummary) -> None:
    """Show the figures, the chart, the moods and the songs of a session that is over."""
    if summary.mean is None:
        return
    _show_metrics(summary)
    show_areas(summary.table, key="live-session")
    st.dataframe(
        pd.DataFrame(
            {
                "Start": [format_clock(scene.start_s) for scene in summary.scenes],
                "Duration": [format_clock(scene.seconds) for scene in summary.scenes],
                "Mood": [describe(scene.probabilities) for scene in summary.scenes],
                "Quadrant": [scene.quadrant.description for scene in summary.scenes],
            }
        ),
        hide_index=True,
    )
    make = from_state(page_state(CameraState), _make_csv)
    download_button("Timeline (CSV)", make, "emomusic-session.csv", icon=":material/download:", key="live-csv")
    _show_playlist(summary)


def _make_csv(camera: CameraState) -> str:
    assert isinstance(camera.session, LiveSession)
    return str(camera.session.reader.timeline().to_csv(index=False, float_format="%.4f"))


def _show_playlist(summary: SessionSummary) -> None:
    st.header("Playlist of the session", anchor=False)
    picks = _session_queue(summary).playlist(MAX_SONGS)
    if not picks:
        st.info("No song fits. Choose other music.")
        return
    rows = "row" if len(summary.scenes) <= MAX_SONGS else f"of the {MAX_SONGS} longest rows"
    st.caption(f"One song for each {rows} of the table.")
    for pick in picks:
        st.markdown(f"{pick.number}. {song_line(pick.song)}  \n{escape_markdown(pick.reason)}")


def _session_queue(summary: SessionSummary) -> SongQueue:
    """The playlist of a session that is over, for the visitor's music; chosen once."""
    point = MOOD_POINTS[Mood.CALM] if summary.mean is None else affect_of(summary.mean)

    def choose(recommender: Recommender, request: Request) -> list[Pick]:
        with st.spinner("Choosing songs"):
            return session_songs(summary, recommender, request)

    return queue_of(with_your_music(Request(point=point)), "session", choose)


def session_songs(summary: SessionSummary, recommender: Recommender, like: Request) -> list[Pick]:
    """Return one song for each of the longest scenes, in order of time and without repetition."""
    longest = sorted(summary.scenes, key=lambda scene: -scene.seconds)[:MAX_SONGS]
    scenes = sorted(longest, key=lambda scene: scene.start_s)
    songs = one_song_each([replace(like, point=s.point, emotion=s.emotion) for s in scenes], recommender)
    return [song for song in songs if song is not None]
