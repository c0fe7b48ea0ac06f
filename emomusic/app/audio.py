"""The browser's player for an audio file: bundled, from the library, or uploaded."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from emomusic.app import state
from emomusic.app.frame import escape_markdown
from emomusic.app.own_computer import is_own_computer
from emomusic.app.own_files import own_song
from emomusic.errors import EmomusicError, LibraryError
from emomusic.media.audio_formats import HEAD_BYTES, mime_type_of
from emomusic.media.images import encode_jpeg, read_image, shrink
from emomusic.songs.bundled import songs_dir
from emomusic.songs.queue import SongQueue
from emomusic.songs.song import Player, Song

_COVER_SIDE = 256

# Events of media do not bubble, so the document captures them
_EVENTS = st.components.v2.component(
    "emomusic_audio_events",
    js="""
export default function ({ data, setTriggerValue }) {
  const listeners = ["ended", "error"].map((name) => {
    const listener = ({ target }) => {
      if (target.closest?.(data.within)) setTriggerValue(name, data.song);
    };
    document.addEventListener(name, listener, true);
    return () => document.removeEventListener(name, listener, true);
  });
  return () => listeners.forEach((stop) => stop());
}
""",
)


def start_song(queue: SongQueue) -> None:
    """Let the current song begin by itself, if it is a file, when it is shown next on this visit of the page."""
    if (current := queue.current) is not None:
        st.session_state[state.STARTED_SONG] = state.visit_number(), current.song.id


def show_audio(song: Song, *, place: str, on_end: Callable[[], None] | None = None) -> None:
    """Show the player of an audio file, with its cover.

    Args:
        song: of the library, an upload or a bundled song.
        place: name of the list, unique on the page.
        on_end: called when the song has ended; it may change the song.

    Raises:
        LibraryError: the file is gone, or not one that this session may hear.
    """
    content = content_of(song)
    head = content[:HEAD_BYTES] if isinstance(content, bytes) else _head(content)
    key, silent = f"audio-{place}", f"audio-{place}-silent"
    starts = st.session_state.get(state.STARTED_SONG) == (state.visit_number(), song.id)
    with st.container(key=key, horizontal=True, vertical_alignment="center", gap="small"):
        if (cover := _cover(song.id, content)) is not None:
            st.image(cover, alt=f"Cover of {song.title}", width=_COVER_SIDE // 4)
        st.audio(
            content if isinstance(content, bytes) else str(content),
            format=mime_type_of(head, song.path or ""),
            autoplay=starts,
        )

    def ended() -> None:
        if on_end is not None and st.session_state[f"{key}-events"].get("ended") == song.id:
            on_end()

    def failed() -> None:
        st.session_state[silent] = song.id

    _EVENTS(
        data={"within": f".st-key-{key}", "song": song.id},
        key=f"{key}-events",
        on_ended_change=ended,
        on_error_change=failed,
    )
    if st.session_state.get(silent) == song.id:
        st.caption(f":material/error: This browser cannot play {escape_markdown(Path(song.path or '').name)}.")


def content_of(song: Song) -> bytes | Path:
    """The content or the file of a song.

    Raises:
        LibraryError: the file is gone, or not one that this session may hear.
    """
    path = Path(song.path or "")
    if song.player is Player.UPLOAD and (content := own_song(song.id)) is not None:
        return content
    if song.player is Player.BUNDLED:
        path = songs_dir() / path.name
    may_hear = song.player is Player.BUNDLED or (song.player is Player.LIBRARY and is_own_computer())
    if not may_hear or not path.is_file():
        raise LibraryError(f"{song.title!r} is no longer there; choose another song.")
    return path


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _cover(song_id: str, content: bytes | Path) -> bytes | None:
    """A small JPEG of the cover, or None."""
    from emomusic.media.audio_file import read_cover

    covers: dict[str, bytes | None] = st.session_state.setdefault(state.COVER, {})
    if song_id not in covers:
        covers.clear()  # one is enough
        try:
            picture = read_cover(io.BytesIO(content) if isinstance(content, bytes) else content)
            image = None if picture is None else shrink(read_image(picture), _COVER_SIDE)[0]
        except EmomusicError:  # a song without a readable cover plays
            image = None
        covers[song_id] = None if image is None else encode_jpeg(image)
    return covers[song_id]
