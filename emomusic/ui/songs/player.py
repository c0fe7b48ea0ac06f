"""The player: one song of a queue, the next songs as text, and the playlist to take along.

A song of Spotify plays in Spotify's frame, an audio file in the browser's own player.
"""

from __future__ import annotations

import streamlit as st

from emomusic.affect import AffectPoint
from emomusic.music.queue import QueuedSong, SongQueue, artist_key
from emomusic.music.recommend import Song
from emomusic.music.request import Request
from emomusic.music.sound.local_songs import UNKNOWN_ARTIST
from emomusic.music.spotify.embeds import LARGE_PLAYER_HEIGHT, PLAYER_HEIGHT, embed_url
from emomusic.text import join_names
from emomusic.ui.core import state
from emomusic.ui.core.frame import escape_markdown, shown_errors
from emomusic.ui.songs.audio import show_audio, start_song
from emomusic.ui.songs.choose import song_line
from emomusic.ui.songs.sources import is_spotify_silent, songs_recommender, substitution, use_spotify
from emomusic.ui.songs.take_along import show_take_along
from emomusic.ui.songs.your_music import choose_music, with_your_music

# One question for each window; the answer to a request without CORS cannot be read, but it tells that there is one
_REACH = st.components.v2.component(
    "emomusic_reach",
    js="""
export default function ({ data, setTriggerValue }) {
  const ask = () =>
    fetch(data.address, { mode: "no-cors", method: "HEAD", signal: AbortSignal.timeout(data.timeout_ms) })
      .then(() => true, () => false);
  window.emomusicSpotify ??= ask();
  window.emomusicSpotify.then((answers) => answers || setTriggerValue("silent", true));
}
""",
)
_PATIENCE_MS = 3000


def _ask_spotify(address: str, place: str) -> None:
    """Find out whether Spotify's player answers in this browser, unless that is known."""
    if state.SPOTIFY_SILENT not in st.session_state:
        _REACH(
            data={"address": address, "timeout_ms": _PATIENCE_MS},
            key=f"reach-{place}",
            on_silent_change=lambda: state.put(state.SPOTIFY_SILENT, True),
        )


def show_player(track_id: str, name: str, *, place: str, height: int = PLAYER_HEIGHT) -> None:
    """Show Spotify's player of one song, and find out whether it answers.

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
        _ask_spotify(embed_url(track_id), place)


UP_NEXT = 4
PLAYLIST = 20
"""Songs to take along."""


def queue_of(request: Request, place: str) -> SongQueue:
    """The queue of a page's player for a request. The same request and source keep its position."""
    queue = st.session_state.get(state.queue(place))
    with st.spinner("Loading the songs"):
        recommender = songs_recommender()
    if not isinstance(queue, SongQueue) or queue.request != request or queue.recommender is not recommender:
        queue = SongQueue(recommender, request, skipped=skipped_artists().keys())
        st.session_state[state.queue(place)] = queue
    return queue


def skipped_artists() -> dict[str, str]:
    """What the visitor skipped in this session: names by the key of an artist or the id of a song."""
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
        _require_current(queue)
        current = queue.current
        # The menus keep their position and stay open if the number of elements before them does not change
        with st.container(gap="small", key=f"song-{place}"):
            if current is not None:
                _show_song(current, queue, place)
            else:
                st.info("The list ends here. Choose other genres or options.", icon=":material/music_off:")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                "Next song",
                icon=":material/skip_next:",
                type="primary",
                shortcut="N",
                on_click=_go_on,
                args=(queue,),
                disabled=current is None,
                key=f"next-{place}",
            )
            st.button(
                "Not for me",
                type="tertiary",
                help="Skip this song or artist for the rest of the visit",
                on_click=_skip,
                args=(current,),
                disabled=current is None,
                key=f"skip-{place}",
            )
            choose_music()
            _require_current(queue)  # again, because the menu may have heard new files
            show_take_along(queue.playlist(PLAYLIST), place, stem)
        _show_up_next(queue, place)
        _show_skipped(place)


def _require_current(queue: SongQueue) -> None:
    """Run the whole page again if the visitor's music has changed: other parts show the songs too."""
    if with_your_music(queue.request) != queue.request or songs_recommender() is not queue.recommender:
        st.rerun()


def _show_song(queued: QueuedSong, queue: SongQueue, place: str) -> None:
    track = queued.song.track
    _show_source()
    if track.path is None:
        show_player(track.id, track.full_name, place=place, height=LARGE_PLAYER_HEIGHT)
    else:
        with shown_errors():  # the file may be gone; the buttons stay
            show_audio(track, place=place, on_end=lambda: _go_on(queue))
    _show_song_text(queued.song)
    if not queued.song.fits:
        st.caption(f":material/info: Your music has few {queued.song.mood} songs. This is the nearest of another mood.")


def _show_source() -> None:
    """Say so if the songs are not those of the chosen source."""
    if (reason := substitution()) is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/info: {reason}", width="content")
            if is_spotify_silent():
                st.button("Use Spotify", type="tertiary", on_click=use_spotify, key="use-spotify")


def show_substitute(point: AffectPoint | None, *, place: str) -> None:
    """Show an audio file in place of a song of Spotify, which does not answer.

    Args:
        point: of that song on the plane; without it, no file is chosen.
        place: as for `show_player`.
    """
    _show_source()
    songs = [] if point is None else songs_recommender().songs(Request(point=point), 1)
    for song in songs:
        if song.track.path is not None:
            show_audio(song.track, place=place)
            _show_song_text(song)


def _show_song_text(song: Song) -> None:
    """Show title, artists and reason, and the licence of a bundled song."""
    track = song.track
    lines = [song_line(track), escape_markdown(song.reason)]
    if track.licence is not None:
        lines.append(f"Excerpt under {escape_markdown(track.licence)} · [source]({track.source})")
    st.markdown("  \n".join(lines))


def _go_on(queue: SongQueue) -> None:
    queue.go_on()
    _start(queue)


def _play(queue: SongQueue, number: int) -> None:
    queue.play(number)
    _start(queue)


def _start(queue: SongQueue) -> None:
    if (current := queue.current) is not None:
        start_song(current.song.track.id)


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
                on_click=_play,
                args=(queue, queued.number),
                type="tertiary",
                wrap=True,
                key=f"play-{place}-{queued.number}",
            )
            st.caption(escape_markdown(queued.song.reason))


def _skip(queued: QueuedSong) -> None:
    """Skip the main artist of a song; guests stay. Of the few bundled songs, and without an artist, skip the song."""
    track = queued.song.track
    if track.licence is not None or track.artists[0] == UNKNOWN_ARTIST:
        skipped_artists()[track.id] = track.title
    else:
        skipped_artists()[artist_key(track.artists[0])] = track.artists[0]


def _show_skipped(place: str) -> None:
    if names := [escape_markdown(name) for name in skipped_artists().values()]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"Skipped: {join_names(names)}", width="content")
            if st.button("Play them again", type="tertiary", key=f"allow-{place}"):
                skipped_artists().clear()
                for key in [key for key in st.session_state if str(key).startswith(state.queue(""))]:
                    del st.session_state[key]  # a queue without their songs starts again
                st.rerun()
