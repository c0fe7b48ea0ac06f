"""The mood of the visitor's own audio file: its quadrant, its path over the plane, its tags, and a face that fits."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.affect import AffectPoint, describe_shares, list_shares, share_text
from emomusic.app import state
from emomusic.app.charts import roomy_columns, show_chart, styled_room
from emomusic.app.frame import escape_markdown, shown_errors
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.state import STATES, page_state
from emomusic.app.uploads import hold, show_removal, show_uploader
from emomusic.charts.face import share_bars
from emomusic.charts.music import song_path
from emomusic.media.audio_file import MAX_S, PATCH_S, read_song, whole
from emomusic.media.formats import FORMATS, HEAD_BYTES, SONG_UPLOADS, Kind, mime_type_of
from emomusic.server.capacity import HeldBytes
from emomusic.server.shared import visitor_turn
from emomusic.songs.hearing import load_sound_model
from emomusic.songs.request import nearest_emotion
from emomusic.songs.song import Hearing
from emomusic.text import format_clock, join_names

MAX_MB = 100

_MOST_PARTS = 24  # of the path; each takes up to 0.3 s of one core

# Until the drop zone has loaded it is 40 pixels high
_DROP_PX = 96
_STYLE = f"<style>.st-key-own-song-drop {{ min-height: {_DROP_PX}px; }}</style>"

Timeline: TypeAlias = tuple[tuple[float, float, float], ...]


@dataclass(slots=True, eq=False)
class OwnSong:
    """The visitor's song and what was heard of it so far."""

    name: str = ""  # of the file; empty without one
    data: bytes = b""  # content of the file
    held: HeldBytes | None = None  # the bytes of `data` in the budget of the server
    title: str = ""  # of the song
    words: str = ""  # title, artists and length, in Markdown
    hearing: Hearing | None = None  # of the song; None until it is known
    step_s: float = 0.0  # seconds between the parts of the path
    path: Timeline | None = None  # of the song over the plane; None until it is known


def show_own_song() -> None:
    """Show the upload, and the mood of the uploaded song."""
    st.html(_STYLE)
    with styled_room("own-song-drop", _DROP_PX):
        show_uploader(
            st.file_uploader,
            f"Drop a song: {FORMATS[Kind.SONG]}, up to {MAX_MB} MB",
            state.MUSIC_SONG_UPLOAD,
            _store,
            type=list(SONG_UPLOADS),
            max_upload_size=MAX_MB,
        )
    own = page_state(OwnSong)
    if not own.name:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("See the mood of a song, its path over the plane, and a face that fits. It stays in memory.")
            with st.popover("Privacy", icon=":material/visibility:", type="tertiary"):
                st.markdown(f"The song is not stored or sent. It is deleted {WHEN_GONE}.")
        return
    show_removal(state.MUSIC_SONG_UPLOAD, "Remove the song", _store)
    with shown_errors():
        _show(own)


def _store(files: Sequence[UploadedFile | DeletedFile]) -> None:
    own = st.session_state[STATES][OwnSong] = OwnSong()
    for file in files:
        if isinstance(file, UploadedFile):
            own.held, own.name, own.data = hold(file), file.name, file.getvalue()


def describe_hearing(hearing: Hearing) -> str:
    """The mood of a song in one sentence: "Mostly calm: pleasant and drowsy (71 %)"."""
    quadrant = hearing.quadrant
    words = describe_shares([mood.value for mood in hearing.moods], list(hearing.moods.values()))
    return f"{words}: {quadrant.description} ({share_text(hearing.probabilities[quadrant])})"


def _show(own: OwnSong) -> None:
    """Show the answer as soon as it is known, then the path. Reruns hear nothing again.

    Raises:
        AudioError: the file cannot be read.
    """
    answer = st.container()
    with answer, st.spinner("Listening to the song"):
        hearing = _hear(own)
    point = AffectPoint(hearing.valence, hearing.arousal)
    answer.header(describe_hearing(hearing), anchor=False)
    answer.markdown(own.words)
    answer.audio(own.data, format=mime_type_of(own.data[:HEAD_BYTES], own.name), alt=own.title)
    chart, words = roomy_columns([3, 2], key="own-song", gap="large")
    with words:
        st.markdown(f"**It fits a face that looks {nearest_emotion(point).adjective}.**")
        shares = {mood.value: share for mood, share in hearing.moods.items()}
        show_chart(
            share_bars(shares, height=190, letters=14, bargap=0.3),
            key=state.music_widget("own-quadrants"),
            alt=f"Probabilities: {list_shares(shares)}",
        )
        st.markdown(f"**Tags:** {list_shares(dict(hearing.tags))}")
    with chart:
        with st.spinner("Following its mood through the song"):
            path = _follow(own)
        show_chart(
            song_path(path, point, hearing.mood),
            key=state.music_widget("own-path"),
            alt=f"The path of the song over the affect plane in {len(path)} parts",
        )
    st.caption(
        f"The note is the whole song; the dots are {len(path)} parts of {PATCH_S:.0f} s, larger towards the end. The "
        "face is that of the nearest emotion on the plane. The Models page shows how often the sound model is right."
    )


def _hear(own: OwnSong) -> Hearing:
    if own.hearing is None:
        with visitor_turn():
            song = read_song(io.BytesIO(own.data), own.name)
        artists = f" by {escape_markdown(join_names(song.artists))}" if song.artists else ""
        own.title = song.title
        own.words = f"**{escape_markdown(song.title)}**{artists}, {format_clock(song.duration_s)}"
        hearing = load_sound_model().hear(song.windows, visitor_turn)
        own.step_s = max(min(song.duration_s, MAX_S) / _MOST_PARTS, PATCH_S)
        own.path = hearing.timeline if len(song.windows) == 1 else None  # a short song was heard as a whole
        own.hearing = hearing
    return own.hearing


def _follow(own: OwnSong) -> Timeline:
    """The path of the song over the plane."""
    if own.path is None:
        with visitor_turn():
            parts = tuple(whole(io.BytesIO(own.data), own.step_s, own.name))
        own.path = load_sound_model().hear(parts, visitor_turn).timeline
    return own.path
