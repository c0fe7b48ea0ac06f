"""The bar at the bottom of every page: the one player of the app.

`queues.py` decides which song plays. `browser/player.js` keeps the sound in the browser's window, so that a change of
the page does not interrupt it.
"""

from __future__ import annotations

import contextlib
from base64 import b64encode
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from emomusic.app.browser.components import mount
from emomusic.app.frame import escape_markdown
from emomusic.app.own_music import own_song
from emomusic.app.queues import FADE_S, PageQueue, PlayerState, follow_source, start
from emomusic.app.state import Visit, page_state
from emomusic.errors import EmomusicError, LibraryError
from emomusic.media.edges import Edges
from emomusic.media.formats import HEAD_BYTES, mime_type_of
from emomusic.media.images import encode_jpeg, read_image, shrink
from emomusic.server.files import DecodedFile, ServedFile
from emomusic.server.visitor import is_own_computer
from emomusic.songs.local_songs import songs_dir
from emomusic.songs.song import Player, Song
from emomusic.songs.spotify import embed_url
from emomusic.text import join_names, pluralize

_COVER_SIDE = 256
_WHOSE = {
    Player.SPOTIFY: "Spotify",
    Player.LIBRARY: "your folder",
    Player.UPLOAD: "your file",
    Player.BUNDLED: "EmoMusic's own",
    Player.NONE: "your list",
}
_NUM_SERVED = 3  # songs besides the newest: the song that fades out, and the two of the last run


@dataclass(frozen=True, slots=True)
class _Served:
    """A song that the browser may get: its file, the same as WAV, where it sounds, and its cover."""

    song: Song
    file: ServedFile
    decoded: ServedFile
    edges: Edges
    cover: str | None


@dataclass
class BarState:
    """The data of the songs that the browser needs.

    Attributes:
        gone: songs without a file that were passed over, until a message names them.
        served: the last songs that the browser got, by their ids.
        shown: the id of the song in the last run; None without one.
    """

    gone: str = ""
    served: dict[str, _Served] = field(default_factory=dict)
    shown: str | None = None


def show_bar() -> None:
    """Show what plays, once in each run of a page: after its first queue, or else after the page, by `app.py`."""
    visit = page_state(Visit)
    place, visit.bar = visit.bar, None
    if place is None:
        return
    player, bar = page_state(PlayerState), page_state(BarState)
    data: dict[str, Any] = {"song": None, "next": None, "has_previous": False, "is_gapless": False}
    # The next song may be gone too, or the page has told of damaged files
    with contextlib.suppress(EmomusicError, OSError):
        follow_source(player)
        if (queue := player.playing) is not None:
            _pass_over_gone(queue, bar)
            if (heard := queue.heard) is not None:
                data["song"] = _playable(heard.song, bar)
                data["has_previous"] = queue.has_previous
                following = next(filter(None, map(queue.sounding, queue.up_next(1))), None)
                data["next"] = None if following is None else _playable(following.song, bar)
                data["is_gapless"] = data["next"] is not None and _is_gapless(data, bar)
    song = data["song"]
    now = song["id"] if song else None
    if now != bar.shown:
        bar.shown, player.starts = now, player.starts + 1  # also for the end of a song, which nothing has started
    queue = player.playing
    fade_s = FADE_S if queue is not None and queue.fades else 0
    video = None if queue is None else queue.video
    with place, st.container(key="player-bar"):
        mount(
            "bar",
            key="bar",
            data=data | {"start": player.starts, "fade_s": fade_s, "video": video, "waits": player.waits},
            on_next_change=_go_on,
            on_previous_change=_go_back,
            on_failed_change=_pass_over_failed,
        )


def _pass_over_gone(queue: PageQueue, bar: BarState) -> None:
    """Move to the next song that is still there. The page then runs again and names the missing ones."""
    gone = list[str]()
    while (current := queue.heard) is not None and current.song.is_audio and _is_gone(current.song):
        gone.append(current.song.title)
        queue.go_on()
    if gone:
        bar.gone = join_names([gone[0], pluralize(len(gone) - 1, "other song")][: len(gone)])
        st.rerun()
    if bar.gone:
        st.toast(f"No longer there: {escape_markdown(bar.gone)}", icon=":material/music_off:")
        bar.gone = ""


def _pass_over_failed() -> None:
    """Never choose a song again that the browser cannot play. If it is the current one, move to the next one."""
    player, served = page_state(PlayerState), page_state(BarState).served.get(st.session_state["bar"].get("failed"))
    queue = player.playing
    if served is None or queue is None:  # two triggers at once, or a folder was removed
        return
    current = queue.heard
    is_now = current is not None and current.song.id == served.song.id
    player.skipped[served.song.id] = served.song.title
    if is_now:
        start(queue)


def _go_on() -> None:
    """Move to the next song, unless the browser reports an earlier one."""
    queue = page_state(PlayerState).playing
    current = None if queue is None else queue.heard
    if queue is None or current is None:
        return
    if current.song.id == st.session_state["bar"].get("next"):
        queue.go_on()
        start(queue)


def _go_back() -> None:
    if (queue := page_state(PlayerState).playing) is not None:
        queue.go_back()
        start(queue)


def _playable(song: Song, bar: BarState) -> dict[str, Any]:
    """A song for the browser: with the address of its sound or of Spotify's frame, if it has one.

    Raises:
        LibraryError: the file is gone, or not one that this session may hear.
    """
    artist = f"{song.byline} · {_WHOSE[song.player]}"
    found: dict[str, Any] = {"id": song.id, "title": song.title, "artist": artist, "url": None, "spotify": None}
    if song.is_on_spotify:
        found["spotify"] = embed_url(song.id)
    elif song.is_audio:
        served = _served(song, bar)
        found |= {"url": served.file.url, "decoded": served.decoded.url, "cover": served.cover} | asdict(served.edges)
    return found


def _served(song: Song, bar: BarState) -> _Served:
    """The files of a song for this session, which keeps the last ones: one may fade out.

    Raises:
        LibraryError: as `content_of`.
    """
    content, known = content_of(song), bar.served.get(song.id)
    if known is None or known.song.path != song.path:  # a file that has moved keeps its id
        file = ServedFile(content, mime_type_of(_head(content), song.path or ""))
        # The bundled ones are excerpts without silence and covers
        edges, cover = (Edges(), None) if song.player is Player.BUNDLED else (_edges(song, content), _cover(content))
        known = _Served(song, file, DecodedFile(content), edges, cover)
    others = [pair for pair in bar.served.items() if pair[0] != song.id and not _is_gone(pair[1].song)]
    bar.served = dict([*others[-_NUM_SERVED:], (song.id, known)])
    return known


def _edges(song: Song, content: bytes | Path) -> Edges:
    """Where a song sounds."""
    from emomusic.media.playback import edges_of  # loads FFmpeg, which takes 16 MB

    with contextlib.suppress(EmomusicError, OSError):  # the browser may play it
        return edges_of(content, song.path)
    return Edges()


def _is_gapless(data: dict[str, Any], bar: BarState) -> bool:
    """Whether the next song is the next track of the same album."""
    song, following = (bar.served.get(data[name]["id"]) for name in ("song", "next"))
    return song is not None and following is not None and song.edges.leads_to(following.edges)


def _is_gone(song: Song) -> bool:
    try:
        content_of(song)
    except LibraryError:
        return True
    return False


def content_of(song: Song) -> bytes | Path:
    """The content or the file of a song.

    Raises:
        LibraryError: the file is gone or cannot be read, or it is not one that this session may hear.
    """
    path = Path(song.path or "")
    content = own_song(song.id) if song.player is Player.UPLOAD else None
    if content is not None:
        return content
    if song.player is Player.BUNDLED:
        path = songs_dir() / path.name
    may_hear = song.player is Player.BUNDLED or (song.player is Player.LIBRARY and is_own_computer())
    with contextlib.suppress(OSError):
        if may_hear and _head(path):
            return path
    raise LibraryError(f"{song.title!r} is no longer there; choose another song.")


def _head(content: bytes | Path) -> bytes:
    if isinstance(content, bytes):
        return content[:HEAD_BYTES]
    with content.open("rb") as file:
        return file.read(HEAD_BYTES)


def _cover(content: bytes | Path) -> str | None:
    """A small JPEG of the cover of an audio file, as an address of data, or None."""
    from emomusic.media.audio_file import AudioFile

    with contextlib.suppress(EmomusicError, OSError):  # a song without a readable cover plays
        with AudioFile(content) as file:
            picture = file.cover()
        if picture is not None:
            image = encode_jpeg(shrink(read_image(picture), _COVER_SIDE)[0])
            return f"data:image/jpeg;base64,{b64encode(image).decode()}"
    return None
