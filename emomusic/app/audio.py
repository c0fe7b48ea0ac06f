"""The browser's player for an audio file: bundled, from the library, or uploaded."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from emomusic.app import state
from emomusic.app.frame import escape_markdown
from emomusic.app.own_files import UPLOADED, library_song, own_song
from emomusic.errors import EmomusicError, LibraryError
from emomusic.media.audio_formats import HEAD_BYTES, demuxer_of
from emomusic.media.images import encode_jpeg, read_image, shrink
from emomusic.songs.bundled import load_bundled_recommender
from emomusic.songs.catalogue import Track
from emomusic.songs.queue import SongQueue

_MIME_TYPES = {"mp3": "audio/mpeg", "mov": "audio/mp4", "aiff": "audio/aiff"}
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
        st.session_state[state.STARTED_SONG] = state.visit_number(), current.song.track.id


def show_audio(track: Track, *, place: str, on_end: Callable[[], None] | None = None) -> None:
    """Show the player of an audio file, with its cover.

    Args:
        track: of the library, an upload or a bundled song.
        place: name of the list, unique on the page.
        on_end: called when the song has ended; it may change the song.

    Raises:
        LibraryError: the file is gone, or not one that this session may hear.
    """
    content = content_of(track)
    head = content[:HEAD_BYTES] if isinstance(content, bytes) else _head(content)
    kind = demuxer_of(head, track.path or "") or "mp3"
    key, silent = f"audio-{place}", f"audio-{place}-silent"
    starts = st.session_state.get(state.STARTED_SONG) == (state.visit_number(), track.id)
    with st.container(key=key, horizontal=True, vertical_alignment="center", gap="small"):
        if (cover := _cover(track.id, content)) is not None:
            st.image(cover, alt=f"Cover of {track.title}", width=_COVER_SIDE // 4)
        st.audio(
            content if isinstance(content, bytes) else str(content),
            format=_MIME_TYPES.get(kind, f"audio/{kind}"),
            autoplay=starts,
        )

    def ended() -> None:
        if on_end is not None and st.session_state[f"{key}-events"].get("ended") == track.id:
            on_end()

    def failed() -> None:
        st.session_state[silent] = track.id

    _EVENTS(
        data={"within": f".st-key-{key}", "song": track.id},
        key=f"{key}-events",
        on_ended_change=ended,
        on_error_change=failed,
    )
    if st.session_state.get(silent) == track.id:
        st.caption(f":material/error: This browser cannot play {escape_markdown(Path(track.path or '').name)}.")


def content_of(track: Track) -> bytes | Path:
    """The content or the file of a song, by its number.

    Raises:
        LibraryError: the file is gone, or not one that this session may hear.
    """
    kind, _, number = track.id.rpartition("-")
    content: bytes | None = None
    path: str | None = None
    if kind == UPLOADED:
        content = own_song(track.id)
    elif kind == "library":
        path = library_song(int(number))
    else:
        bundled = load_bundled_recommender().catalogue.find(track.id)
        path = None if bundled is None else bundled.path
    if content is None and (path is None or not Path(path).is_file()):
        raise LibraryError(f"{track.title!r} is no longer there; choose another song.")
    return content if content is not None else Path(str(path))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _cover(track_id: str, content: bytes | Path) -> bytes | None:
    """A small JPEG of the cover, or None."""
    from emomusic.media.audio_file import read_cover

    covers: dict[str, bytes | None] = st.session_state.setdefault(state.COVER, {})
    if track_id not in covers:
        covers.clear()  # one is enough
        try:
            picture = read_cover(io.BytesIO(content) if isinstance(content, bytes) else content)
            image = None if picture is None else shrink(read_image(picture), _COVER_SIDE)[0]
        except EmomusicError:  # a song without a readable cover plays
            image = None
        covers[track_id] = None if image is None else encode_jpeg(image)
    return covers[track_id]
