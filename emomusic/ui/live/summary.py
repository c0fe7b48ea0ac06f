"""Songs during a session, and its summary afterwards: metrics, chart, table and playlist."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from emomusic.affect import affect_of, describe
from emomusic.face.live.timeline import TIMELINE_SECONDS, Segment, SessionSummary, summarize
from emomusic.music.recommend import Recommender, Song
from emomusic.music.request import Request
from emomusic.text import format_clock
from emomusic.ui.core import state
from emomusic.ui.core.engine import engine
from emomusic.ui.core.files import download_button
from emomusic.ui.live.readings import show_areas
from emomusic.ui.live.session import LiveSession, Phase
from emomusic.ui.songs.choose import choose_explicit, choose_songs, list_songs
from emomusic.ui.songs.downloads import show_song_downloads
from emomusic.ui.songs.listener import NOW, Listener

MAX_SONGS = 10

_CARD: dict[str, Any] = {"border": True, "height": "stretch"}  # equal heights: one card has a second line


def show_play_button(session: LiveSession) -> None:
    """Show a button that stores the current mood of the group."""
    if session.phase is Phase.PLAYING:
        st.button(
            "Play songs for this mood",
            icon=":material/queue_music:",
            type="primary",
            on_click=_keep_mood,
            args=(session,),
            key="live-play",
        )
        if st.session_state.get(state.LIVE_MOOD) == "nobody":
            st.caption("There is no mood without a face. Show a face to the webcam and try again.")


def _keep_mood(session: LiveSession) -> None:
    group = session.view().group
    st.session_state[state.LIVE_MOOD] = (
        "nobody" if group is None else Listener(NOW, affect_of(group), group.emotion, None)
    )
    if group is not None:
        st.toast(f"{describe(group)}: the songs are below the video.")


def show_songs() -> None:
    """Show songs for the stored mood, with the policies of the Photo page."""
    listener = st.session_state.get(state.LIVE_MOOD)
    if isinstance(listener, Listener):
        choose_songs(listener)


def show_summary(session: LiveSession) -> None:
    """Show the summary of a session that is over."""
    table = session.reader.timeline()
    summary = summarize(table)
    if summary.mean is None:
        if summary.seconds:
            st.info("The session is over. It showed no face.", icon=":material/face:")
        elif session.problem is None:
            st.info("The session ended before the first reading. Press START to try again.", icon=":material/face:")
        return
    st.header(f"Session: {describe(summary.mean).lower()}", anchor=False)
    first_s, last_s = int(table["time_s"].iloc[0]), int(table["time_s"].iloc[-1])
    is_cut = last_s >= TIMELINE_SECONDS
    _show_metrics(summary, duration_s=last_s + 1 if is_cut else last_s - first_s + 1)
    if is_cut:
        minutes = TIMELINE_SECONDS // 60
        st.caption(f"All figures but the duration cover the last {minutes} minutes, from {format_clock(first_s)} on.")
    show_areas(table, key="live-session")
    _show_segments(summary, table)
    _show_playlist(summary)


def _show_metrics(summary: SessionSummary, *, duration_s: int) -> None:
    longest = summary.longest
    with st.container(horizontal=True):
        st.metric("Duration", format_clock(duration_s), **_CARD)
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


def _show_segments(summary: SessionSummary, table: pd.DataFrame) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "Start": [format_clock(segment.start_s) for segment in summary.segments],
                "Duration": [format_clock(segment.seconds) for segment in summary.segments],
                "Mood": [describe(segment.probabilities) for segment in summary.segments],
                "Quadrant": [f"{s.quadrant}, {s.quadrant.description}" for s in summary.segments],
            }
        ),
        hide_index=True,
    )
    make = partial(session_csv, table)
    download_button("Timeline (CSV)", make, "emomusic-session.csv", icon=":material/download:", key="live-csv")


def session_csv(table: pd.DataFrame) -> bytes:
    """Return a timeline as CSV, with four decimals."""
    text: str = table.to_csv(index=False, float_format="%.4f")
    return text.encode()


def _show_playlist(summary: SessionSummary) -> None:
    st.header("Playlist of the session", anchor=False)
    with st.spinner("Choosing songs"):
        recommender = engine().recommender()
    if isinstance(st.session_state.get(state.LIVE_MOOD), Listener):  # the songs above show the switch
        hide_explicit = bool(st.session_state.get(state.fresh(state.HIDE_EXPLICIT)))
    else:
        hide_explicit = choose_explicit(recommender.catalogue)
    songs = [song for _, song in session_songs(summary, recommender, hide_explicit=hide_explicit)]
    if not songs:
        st.info("No song fits. Allow explicit songs." if hide_explicit else "No song fits.")
        return
    st.caption(
        "One song for each row of the table."
        if len(summary.segments) <= MAX_SONGS
        else f"One song for each of the {MAX_SONGS} longest rows of the table."
    )
    list_songs(songs, name="session")
    with st.container(horizontal=True):
        show_song_downloads(songs, "emomusic-session", key="live-songs")


def session_songs(
    summary: SessionSummary, recommender: Recommender, *, hide_explicit: bool = False
) -> list[tuple[Segment, Song]]:
    """Return one song for each of the longest segments, in order of time and without repetition."""
    longest = sorted(summary.segments, key=lambda segment: -segment.seconds)[:MAX_SONGS]
    chosen: list[tuple[Segment, Song]] = []
    for segment in sorted(longest, key=lambda segment: segment.start_s):
        request = Request(point=segment.point, emotion=segment.emotion, hide_explicit=hide_explicit)
        taken = {song.track.id for _, song in chosen}
        fresh = (song for song in recommender.songs(request, MAX_SONGS) if song.track.id not in taken)
        if (song := next(fresh, None)) is not None:
            chosen.append((segment, song))
    return chosen
