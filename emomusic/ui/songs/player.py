"""The player: one song of a queue in a Spotify player, the next songs as text, and the playlist to take along."""

from __future__ import annotations

import streamlit as st

from emomusic.music.queue import QueuedSong, SongQueue, artist_key
from emomusic.music.request import Request
from emomusic.music.spotify.embeds import LARGE_PLAYER_HEIGHT, PLAYER_HEIGHT, embed_url
from emomusic.text import join_names
from emomusic.ui.core import state
from emomusic.ui.core.frame import escape_markdown, shown_errors
from emomusic.ui.core.shared import shared
from emomusic.ui.songs.choose import song_line
from emomusic.ui.songs.take_along import show_take_along
from emomusic.ui.songs.your_music import choose_music, with_your_music


def show_player(track_id: str, name: str, *, place: str, height: int = PLAYER_HEIGHT) -> None:
    """Show the player of one song.

    Another song needs a new frame: a changed frame address would be a step of the browser's history, and Back would
    change the players one by one. The keyed container creates the frame in one of two alternating slots. In the same
    slot, a slow server could load the old song into the new frame.

    Args:
        track_id: of the song on Spotify.
        name: of the song, for screen readers.
        place: the name of the list, unique on the page.
        height: of the player, in pixels.
    """
    slot = state.player_at(place)
    before, is_second = st.session_state.get(slot, (track_id, False))
    is_second ^= before != track_id
    st.session_state[slot] = track_id, is_second
    with st.container(gap=None):
        slots = st.container(), st.container()
        slots[not is_second].empty()  # at once: a stale player would stay until the end of the run
        with slots[is_second].container(key=state.player(place, track_id)):
            st.iframe(embed_url(track_id), height=height, alt=f"Spotify player: {name}")


UP_NEXT = 4
PLAYLIST = 20
"""Songs to take along."""


def queue_of(request: Request, place: str) -> SongQueue:
    """The queue of a page's player for a request. The same request keeps its position."""
    queue = st.session_state.get(state.queue(place))
    if not isinstance(queue, SongQueue) or queue.request != request:
        with st.spinner("Loading the songs"):
            recommender = shared().recommender()
        queue = SongQueue(recommender, request, skipped=skipped_artists().keys())
        st.session_state[state.queue(place)] = queue
    return queue


def skipped_artists() -> dict[str, str]:
    """Artists that the visitor skipped in this session: names by key."""
    skipped: dict[str, str] = st.session_state.setdefault(state.SKIPPED_ARTISTS, {})
    return skipped


# Each title of the next songs directly above its reason
_STYLE = """<style>
div[class*="st-key-play-"] button { min-height: 0; padding: 0; text-align: left; }
div[class*="st-key-play-"] + div p { margin: 0; }
</style>"""


@st.fragment
def show_queue(queue: SongQueue, place: str, stem: str) -> None:
    """Show the player of a queue; its buttons rerun only this fragment, so the plane can still show a skipped song.

    `place` is unique on the page, and the names of downloaded files start with `stem`.
    """
    with shown_errors(), st.container(key=f"player-{place}", gap="small"):
        current = queue.current
        # The menus keep their position and stay open if the number of elements before them does not change
        with st.container(gap="small", key=f"song-{place}"):
            if current is not None:
                _show_song(current, place)
            else:
                st.info("The list ends here. Choose other genres or options.", icon=":material/music_off:")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                "Next song",
                icon=":material/skip_next:",
                type="primary",
                shortcut="N",
                on_click=queue.go_on,
                disabled=current is None,
                key=f"next-{place}",
            )
            st.button(
                "Not for me",
                type="tertiary",
                help="Skip this artist for the rest of the visit",
                on_click=_skip,
                args=(current,),
                disabled=current is None,
                key=f"skip-{place}",
            )
            choose_music()
            if with_your_music(queue.request) != queue.request:
                st.rerun()  # the whole page: other parts show the songs too
            show_take_along(queue.playlist(PLAYLIST), place, stem)
        _show_up_next(queue, place)
        _show_skipped(place)


def _show_song(queued: QueuedSong, place: str) -> None:
    track = queued.song.track
    show_player(track.id, track.full_name, place=place, height=LARGE_PLAYER_HEIGHT)
    st.markdown(f"{song_line(track)}  \n{escape_markdown(queued.song.reason)}")
    if not queued.song.fits:
        st.caption(f":material/info: Your music has few {queued.song.mood} songs. This is the nearest of another mood.")


def _show_up_next(queue: SongQueue, place: str) -> None:
    songs = queue.up_next(UP_NEXT)
    if not songs:
        return
    st.html(_STYLE)
    st.header("Up next", anchor=False)
    for queued in songs:
        track = queued.song.track
        with st.container(gap=None):
            st.button(
                f"{queued.number}. **{escape_markdown(track.title)}** · {escape_markdown(track.byline)}",
                on_click=queue.play,
                args=(queued.number,),
                type="tertiary",
                wrap=True,
                key=f"play-{place}-{queued.number}",
            )
            st.caption(escape_markdown(queued.song.reason))


def _skip(queued: QueuedSong) -> None:
    """Skip the main artist of a song; guests stay."""
    name = queued.song.track.artists[0]
    skipped_artists()[artist_key(name)] = name


def _show_skipped(place: str) -> None:
    if names := [escape_markdown(name) for name in skipped_artists().values()]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"Skipped: {join_names(names)}", width="content")
            if st.button("Play them again", type="tertiary", key=f"allow-{place}"):
                skipped_artists().clear()
                for key in [key for key in st.session_state if str(key).startswith(state.queue(""))]:
                    del st.session_state[key]  # a queue without their songs starts again
                st.rerun()
