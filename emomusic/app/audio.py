"""The browser's player for an audio file: bundled, from the library, or uploaded."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import streamlit as st

from emomusic.app.frame import escape_markdown
from emomusic.app.own_computer import is_own_computer
from emomusic.app.own_files import own_song
from emomusic.app.state import page_state, visit_number
from emomusic.errors import EmomusicError, LibraryError
from emomusic.media.formats import HEAD_BYTES, mime_type_of
from emomusic.media.images import encode_jpeg, read_image, shrink
from emomusic.songs.local_songs import songs_dir
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


@dataclass
class AudioState:
    """The audio players of a session.

    Attributes:
        started: the visit, and the id of the song that starts by itself.
        shown: the id of the shown song by the place of its player.
        failed: the id of the last song that the browser could not play, by place.
        cover: the id of a song and its cover, as JPEG; one is enough.
    """

    started: tuple[int, str] = (0, "")
    shown: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    cover: tuple[str, bytes | None] = ("", None)


def start_song(song_id: str) -> None:
    """Let a song begin by itself, if it is a file, when it is shown next on this visit of the page."""
    page_state(AudioState).started = visit_number(), song_id


def show_audio(song: Song, *, place: str, on_end: Callable[[], None] | None = None) -> None:
    """Show the player of an audio file, with its cover.

    Args:
        song: of the library, an upload or a bundled song.
        place: name of the list, unique on the page.
        on_end: called when the song has ended; it may change the song, and holds no visitor's data.

    Raises:
        LibraryError: the file is gone, or not one that this session may hear.
    """
    content = content_of(song)
    head = content[:HEAD_BYTES] if isinstance(content, bytes) else _head(content)
    key, player = f"audio-{place}", page_state(AudioState)
    player.shown[place] = song.id
    with st.container(key=key, horizontal=True, vertical_alignment="center", gap="small"):
        if (cover := _cover(song.id, content)) is not None:
            st.image(cover, alt=f"Cover of {song.title}", width=_COVER_SIDE // 4)
        st.audio(
            content if isinstance(content, bytes) else str(content),
            format=mime_type_of(head, song.path or ""),
            autoplay=player.started == (visit_number(), song.id),
        )
    _EVENTS(
        data={"within": f".st-key-{key}", "song": song.id},
        key=f"{key}-events",
        on_ended_change=partial(_end, place, on_end),
        on_error_change=partial(_fail, place),
    )
    if player.failed.get(place) == song.id:
        st.caption(f":material/error: This browser cannot play {escape_markdown(Path(song.path or '').name)}.")


def _end(place: str, on_end: Callable[[], None] | None) -> None:
    ended = st.session_state[f"audio-{place}-events"].get("ended")
    if on_end is not None and ended == page_state(AudioState).shown.get(place):
        on_end()


def _fail(place: str) -> None:
    player = page_state(AudioState)
    player.failed[place] = player.shown[place]


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

    player = page_state(AudioState)
    if player.cover[0] != song_id:
        try:
            picture = read_cover(io.BytesIO(content) if isinstance(content, bytes) else content)
            image = None if picture is None else shrink(read_image(picture), _COVER_SIDE)[0]
        except EmomusicError:  # a song without a readable cover plays
            image = None
        player.cover = song_id, None if image is None else encode_jpeg(image)
    return player.cover[1]
