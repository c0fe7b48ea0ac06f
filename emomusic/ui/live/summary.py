"""What stays of a session: its music for one moment, and afterwards figures, a chart, a table and a playlist."""

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

MOST_SONGS = 10

_CARD: dict[str, Any] = {"border": True, "height": "stretch"}  # all as high as the one with a second line


def show_play_button(session: LiveSession) -> None:
    """A button that keeps the mood of the moment, while the video runs."""
    if session.phase is Phase.PLAYING:
        st.button(
            "Play for this mood",
            icon=":material/queue_music:",
            type="primary",
            on_click=_keep_mood,
            args=(session,),
            key="live-play",
        )
        if st.session_state.get(state.LIVE_MOOD) == "nobody":
            st.caption("No face has been read, so there is no mood to play for. Try again with one in the picture.")


def _keep_mood(session: LiveSession) -> None:
    group = session.view().group
    st.session_state[state.LIVE_MOOD] = (
        "nobody" if group is None else Listener(NOW, affect_of(group), group.emotion, None)
    )
    if group is not None:
        st.toast(f"{describe(group)}: songs for this moment are below the video.")


def show_songs() -> None:
    """The songs for the mood that was kept, under the policies of the photo page."""
    listener = st.session_state.get(state.LIVE_MOOD)
    if isinstance(listener, Listener):
        choose_songs(listener)


def show_summary(session: LiveSession) -> None:
    """A session that is over, until the next start."""
    table = session.reader.timeline()
    summary = summarize(table)
    if summary.mean is None:
        if summary.seconds:
            st.info("The session is over. No face was seen in it.", icon=":material/face:")
        elif session.problem is None:
            st.info("The session ended before a picture was read. START begins a new one.", icon=":material/face:")
        return
    st.header(f"The session: {describe(summary.mean).lower()}", anchor=False)
    first_s, last_s = int(table["time_s"].iloc[0]), int(table["time_s"].iloc[-1])
    is_cut = last_s >= TIMELINE_SECONDS
    _show_figures(summary, lasted_s=last_s + 1 if is_cut else last_s - first_s + 1)
    if is_cut:
        st.caption(
            f"All but “Lasted” is of its last {TIMELINE_SECONDS // 60} minutes, from {format_clock(first_s)} on: no "
            "more is kept."
        )
    show_areas(table, key="live-session")
    _show_segments(summary, table)
    _show_playlist(summary)


def _show_figures(summary: SessionSummary, *, lasted_s: int) -> None:
    longest = summary.longest
    with st.container(horizontal=True):
        st.metric("Lasted", format_clock(lasted_s), **_CARD)
        # A share: on a busy machine a reading may take longer than a second
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
                "from": [format_clock(stretch.start_s) for stretch in summary.segments],
                "for": [format_clock(stretch.seconds) for stretch in summary.segments],
                "mood": [describe(stretch.probabilities) for stretch in summary.segments],
                "quadrant": [f"{s.quadrant}, {s.quadrant.description}" for s in summary.segments],
            }
        ),
        hide_index=True,
    )
    make = partial(session_csv, table)
    download_button("Every second (CSV)", make, "emomusic-session.csv", icon=":material/download:", key="live-csv")


def session_csv(table: pd.DataFrame) -> bytes:
    """A timeline as a file; shares and places with four digits."""
    text: str = table.to_csv(index=False, float_format="%.4f")
    return text.encode()


def _show_playlist(summary: SessionSummary) -> None:
    st.header("A playlist that follows the session", anchor=False)
    with st.spinner("Choosing songs"):
        recommender = engine().recommender()
    if isinstance(st.session_state.get(state.LIVE_MOOD), Listener):  # whose songs, above, have the switch
        hide_explicit = bool(st.session_state.get(state.fresh(state.HIDE_EXPLICIT)))
    else:
        hide_explicit = choose_explicit(recommender.catalogue)
    songs = [song for _, song in session_songs(summary, recommender, hide_explicit=hide_explicit)]
    if not songs:
        st.info("No song fits without explicit ones." if hide_explicit else "No song fits.")
        return
    st.caption(
        f"One song for each stretch of the table, where its mood was; at most {MOST_SONGS}, for the longest stretches."
        if len(summary.segments) > MOST_SONGS
        else "One song for each stretch of the table, where its mood was."
    )
    list_songs(songs, name="session")
    with st.container(horizontal=True):
        show_song_downloads(songs, "emomusic-session", key="live-songs")


def session_songs(
    summary: SessionSummary, recommender: Recommender, *, hide_explicit: bool = False
) -> list[tuple[Segment, Song]]:
    """One song for each stretch, in order and none twice; where there are many, for the longest of them."""
    longest = sorted(summary.segments, key=lambda stretch: -stretch.seconds)[:MOST_SONGS]
    chosen: list[tuple[Segment, Song]] = []
    for stretch in sorted(longest, key=lambda stretch: stretch.start_s):
        request = Request(point=stretch.point, emotion=stretch.emotion, hide_explicit=hide_explicit)
        taken = {song.track.id for _, song in chosen}
        fresh = (song for song in recommender.songs(request, MOST_SONGS) if song.track.id not in taken)
        if (song := next(fresh, None)) is not None:
            chosen.append((stretch, song))
    return chosen
