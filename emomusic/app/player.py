"""The player: one song of a queue, the next songs as text, and the playlist to take along.

A song of Spotify plays in Spotify's frame, an audio file in the browser's own player.
"""

from __future__ import annotations

import streamlit as st

from emomusic.affect import AffectPoint
from emomusic.app import state
from emomusic.app.audio import show_audio, start_song
from emomusic.app.choose import song_line
from emomusic.app.frame import escape_markdown, shown_errors
from emomusic.app.sources import is_spotify_silent, songs_recommender, substitution, use_spotify
from emomusic.app.take_along import show_take_along
from emomusic.app.your_music import choose_music, with_your_music
from emomusic.songs.queue import SongQueue, artist_key
from emomusic.songs.request import Request
from emomusic.songs.song import UNKNOWN_ARTIST, Pick
from emomusic.songs.spotify.embeds import LARGE_PLAYER_HEIGHT, PLAYER_HEIGHT, embed_url, search_url
from emomusic.text import join_names

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


UP_NEXT = 3
PLAYLIST = 20
"""Songs to take along."""


def queue_of(request: Request, place: str) -> SongQueue:
    """The queue of a page's player for a request. The same request and source keep its position."""
    queue = st.session_state.get(state.queue(place))
    recommender = songs_recommender()
    if not isinstance(queue, SongQueue) or queue.request != request or queue.recommender is not recommender:
        queue = SongQueue(recommender, request, skipped=skipped_artists().keys())
        st.session_state[state.queue(place)] = queue
    return queue


def skipped_artists() -> dict[str, str]:
    """What the visitor skipped in this session: names by the key of an artist or the id of a song."""
    skipped: dict[str, str] = st.session_state.setdefault(state.SKIPPED_ARTISTS, {})
    return skipped


# The player keeps its height, so that nothing below it moves with the next song of the same source
_AUDIO_HEIGHT = 56
_STYLE = f"""<style>
:is([class*="st-key-title-"], [class*="st-key-why-"]) p {{
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}}
[class*="st-key-reason-"] {{ min-height: 2.75rem; }}
[class*="st-key-reason-"] p {{ line-height: 1.3rem; }}
[class*="st-key-heard-"] {{ min-height: {_AUDIO_HEIGHT}px; justify-content: center; }}
[class*="st-key-framed-"] > div > [class*="st-key-heard-"] {{ min-height: {PLAYER_HEIGHT}px; }}
/* Icons whose names are for screen readers */
:is([class*="st-key-previous-"], [class*="st-key-size-"]) p {{
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}}
[class*="st-key-play-"] {{ height: 2rem; }}
[class*="st-key-play-"] button {{ min-height: 2rem; padding: 0.125rem 0.5rem; justify-content: flex-start; }}
[class*="st-key-play-"] button > div {{ width: 100%; justify-content: flex-start; }}
[class*="st-key-why-"] {{ padding-left: 2.2rem; }}
@media (max-height: 850px), (max-width: 640px) {{ div:has(> [class*="st-key-why-"]) {{ display: none; }} }}
[class*="st-key-play-"] button:hover {{ background: var(--st-secondary-background-color, rgb(128 128 138 / 15%)); }}
</style>"""


@st.fragment
def show_queue(queue: SongQueue, place: str, stem: str) -> None:
    """Show the player of a queue; its buttons rerun only this fragment, so the plane can still show a skipped song.

    `place` is unique on the page, and the names of downloaded files start with `stem`.
    """
    with shown_errors(), st.container(key=f"player-{place}", gap="xsmall"):
        st.html(_STYLE)
        _require_current(queue)
        current = queue.current
        # The menus keep their position and stay open if the number of elements before them does not change
        with st.container(gap="xsmall", key=f"song-{place}"):
            if current is not None:
                _show_song(current, queue, place)
            else:
                st.info("The list ends here. Choose other genres or options.", icon=":material/music_off:")
        _show_buttons(queue, place)
        _show_up_next(queue, place)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            choose_music()
            _require_current(queue)  # again, because the menu may have heard new files
            show_take_along(queue.playlist(PLAYLIST), place, stem)
            if current is not None and current.song.is_on_spotify:
                is_large = bool(st.session_state.get(state.player_size(place)))
                st.button(
                    "Smaller player" if is_large else "Larger player",
                    icon=f":material/{'close_fullscreen' if is_large else 'open_in_full'}:",
                    type="tertiary",
                    help="Smaller player" if is_large else "Larger player",
                    on_click=state.put,
                    args=(state.player_size(place), not is_large),
                    key=f"size-{place}",
                )
        _show_skipped(place)


def _show_buttons(queue: SongQueue, place: str) -> None:
    current = queue.current
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Previous",
            icon=":material/skip_previous:",
            on_click=_go_back,
            args=(queue,),
            disabled=not queue.has_previous,
            key=f"previous-{place}",
        )
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
            help="Skip it" if current is None else f"Skip {escape_markdown(_skipped_by(current)[1])} on this visit",
            on_click=_skip,
            args=(current,),
            disabled=current is None,
            key=f"skip-{place}",
        )


def _require_current(queue: SongQueue) -> None:
    """Run the whole page again if the visitor's music has changed: other parts show the songs too."""
    if with_your_music(queue.request) != queue.request or songs_recommender() is not queue.recommender:
        st.rerun()


def _show_song(pick: Pick, queue: SongQueue, place: str) -> None:
    song = pick.song
    _show_source()
    _show_song_text(pick, place)
    kind = "framed" if song.is_on_spotify else "unframed"
    with st.container(key=f"{kind}-{place}"), st.container(key=f"heard-{place}", gap=None):
        if song.is_on_spotify:
            is_large = st.session_state.get(state.player_size(place))
            height = LARGE_PLAYER_HEIGHT if is_large else PLAYER_HEIGHT
            show_player(song.id, song.full_name, place=place, height=height)
        elif not song.is_audio:
            address = search_url(f"{song.title} {song.byline}")
            st.link_button("Search on Spotify", address, icon=":material/open_in_new:")
        else:
            with shown_errors():  # the file may be gone; the buttons stay
                show_audio(song, place=place, on_end=lambda: _go_on(queue))


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
    picks = [] if point is None else songs_recommender().songs(Request(point=point), 1)
    for pick in picks:
        if pick.song.is_audio:
            show_audio(pick.song, place=place)
            _show_song_text(pick, place)


def _show_song_text(pick: Pick, place: str) -> None:
    """Show title, artists, mood and reason, and the licence of a bundled song."""
    song = pick.song
    with st.container(key=f"title-{place}"):
        st.markdown(song_line(song))
    reason = escape_markdown(pick.reason)
    if pick.likeliest_mood not in pick.reason:  # on a journey
        reason = f"{pick.likeliest_mood.capitalize()}. {reason}"
    if not pick.fits:
        reason += f". Your music has few {pick.mood} songs"
    if song.licence is not None:
        reason += f" · {escape_markdown(song.licence)}, [source]({song.source})"
    with st.container(key=f"reason-{place}"):
        st.markdown(f":small[{reason}]")  # a link in a caption has too little contrast


def _go_on(queue: SongQueue) -> None:
    queue.go_on()
    start_song(queue)


def _go_back(queue: SongQueue) -> None:
    queue.go_back()
    start_song(queue)


def _play(queue: SongQueue, number: int) -> None:
    queue.play(number)
    start_song(queue)


def _show_up_next(queue: SongQueue, place: str) -> None:
    with st.container(key=f"next-songs-{place}", gap=None):
        for pick in queue.up_next(UP_NEXT):
            st.button(
                f"{pick.number}. **{escape_markdown(pick.song.title)}** · {escape_markdown(pick.song.byline)}",
                icon=":material/play_circle:",
                on_click=_play,
                args=(queue, pick.number),
                type="tertiary",
                width="stretch",
                wrap=False,
                key=f"play-{place}-{pick.number}",
            )
            with st.container(key=f"why-{place}-{pick.number}"):
                st.caption(escape_markdown(pick.reason))


def _skipped_by(pick: Pick) -> tuple[str, str]:
    """Key and name of what "Not for me" skips: the main artist; of the few bundled songs, or of nobody, the song."""
    song = pick.song
    if song.licence is not None or song.artists[0] == UNKNOWN_ARTIST:
        return song.id, song.title
    return artist_key(song.artists[0]), song.artists[0]


def _skip(pick: Pick) -> None:
    key, name = _skipped_by(pick)
    skipped_artists()[key] = name


def _show_skipped(place: str) -> None:
    if names := [escape_markdown(name) for name in skipped_artists().values()]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"Skipped on this visit: {join_names(names)}", width="content")
            if st.button("Undo", icon=":material/undo:", type="tertiary", key=f"allow-{place}"):
                skipped_artists().popitem()  # the last one; its songs return to their places
                st.rerun()
