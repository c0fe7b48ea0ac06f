"""The player: one song of a queue, the next songs as text, and the playlist to take along.

A song of Spotify plays in Spotify's frame, an audio file in the browser's own player.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from emomusic.app.audio import show_audio
from emomusic.app.frame import download_button, escape_markdown, shown_errors
from emomusic.app.queues import PlayerState, play
from emomusic.app.sources import (
    SourceState,
    is_spotify_silent,
    note_silence,
    songs_recommender,
    substitution,
    use_spotify,
)
from emomusic.app.state import from_state, page_state
from emomusic.app.your_music import choose_music, with_your_music
from emomusic.songs.queue import SongQueue, artist_key
from emomusic.songs.song import UNKNOWN_ARTIST, Pick, Song
from emomusic.songs.spotify.embeds import (
    LARGE_PLAYER_HEIGHT,
    PLAYER_HEIGHT,
    embed_url,
    search_url,
    songs_csv,
    songs_m3u,
    songs_txt,
    track_links,
    track_url,
)
from emomusic.text import for_excel, join_names, pluralize

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
    if page_state(SourceState).is_spotify_silent is None:
        _REACH(
            data={"address": address, "timeout_ms": _PATIENCE_MS},
            key=f"reach-{place}",
            on_silent_change=note_silence,
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
    frames = page_state(PlayerState).frames
    before, is_second = frames.get(place, (track_id, False))
    is_second ^= before != track_id
    frames[place] = track_id, is_second
    with st.container(gap=None):
        slots = st.container(), st.container()
        slots[not is_second].empty()  # at once: a stale player would stay until the end of the run
        with slots[is_second].container(key=f"player-{place}-{track_id}"):
            st.iframe(embed_url(track_id), height=height, alt=f"Spotify player: {name}")
        _ask_spotify(embed_url(track_id), place)


UP_NEXT, UP_NEXT_IN_LIST = 3, 4
PLAYLIST = 20
"""Songs to take along."""


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
:is([class*="st-key-why-"], [class*="st-key-mood-"]) {{ padding-left: 2.2rem; }}
@media (max-height: 850px), (max-width: 640px) {{ div:has(> [class*="st-key-why-"]) {{ display: none; }} }}
[class*="st-key-play-"] button:hover {{ background: var(--st-secondary-background-color, rgb(128 128 138 / 15%)); }}
</style>"""


@st.fragment
def show_queue(place: str, stem: str, show_more: Callable[[], None] = lambda: None) -> None:
    """Show the player of a queue; its buttons rerun only this fragment, so the plane can still show a skipped song.

    Args:
        place: as for `queue_of` or `play_list`, which the page calls first; unique on the page.
        stem: start of the names of downloaded files.
        show_more: shows buttons of the page.
    """
    queue, is_list = page_state(PlayerState).queues[place], place in page_state(PlayerState).lists
    with shown_errors(), st.container(key=f"player-{place}", gap="xsmall"):
        st.html(_STYLE)
        _require_current(queue, place)
        current = queue.current
        # The menus keep their position and stay open if the number of elements before them does not change
        with st.container(gap="xsmall", key=f"song-{place}"):
            if current is not None:
                _show_song(current, place)
            else:
                advice = "" if is_list else " Choose other genres or options."
                st.info(f"The list ends here.{advice}", icon=":material/music_off:")
        _show_buttons(queue, place)
        _show_up_next(queue, place)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if not is_list:
                choose_music()
                _require_current(queue, place)  # again, because the menu may have heard new files
            show_more()
            _show_take_along(queue, place, stem)
            if current is not None and current.song.is_on_spotify:
                is_large = place in page_state(PlayerState).large
                st.button(
                    "Smaller player" if is_large else "Larger player",
                    icon=f":material/{'close_fullscreen' if is_large else 'open_in_full'}:",
                    type="tertiary",
                    help="Smaller player" if is_large else "Larger player",
                    on_click=_resize,
                    args=(place,),
                    key=f"size-{place}",
                )
        _show_skipped(place)


def _show_buttons(queue: SongQueue, place: str) -> None:
    current = queue.current
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Previous",
            icon=":material/skip_previous:",
            on_click=play,
            args=(place, "previous"),
            disabled=not queue.has_previous,
            key=f"previous-{place}",
        )
        st.button(
            "Next song",
            icon=":material/skip_next:",
            type="primary",
            shortcut=None if place in page_state(PlayerState).lists else "N",  # a page may have two lists
            on_click=play,
            args=(place, "next"),
            disabled=current is None,
            key=f"next-{place}",
        )
        st.button(
            "Not for me",
            type="tertiary",
            help="Skip it" if current is None else f"Skip {escape_markdown(_skipped_by(current)[1])} on this visit",
            on_click=_skip,
            args=(place,),
            disabled=current is None,
            key=f"skip-{place}",
        )


def _require_current(queue: SongQueue, place: str) -> None:
    """Run the whole page again if the visitor's music has changed: other parts show the songs too."""
    lists = page_state(PlayerState).lists
    if place in lists:
        if lists[place][1] != is_spotify_silent():
            st.rerun()
    elif with_your_music(queue.request) != queue.request or songs_recommender() is not queue.recommender:
        st.rerun()


def _resize(place: str) -> None:
    page_state(PlayerState).large ^= {place}


def _show_song(pick: Pick, place: str) -> None:
    song = pick.song
    _show_source()
    _show_song_text(pick, place)
    kind = "framed" if song.is_on_spotify else "unframed"
    with st.container(key=f"{kind}-{place}"), st.container(key=f"heard-{place}", gap=None):
        if song.is_on_spotify:
            height = LARGE_PLAYER_HEIGHT if place in page_state(PlayerState).large else PLAYER_HEIGHT
            show_player(song.id, song.full_name, place=place, height=height)
        elif not song.is_audio:
            address = search_url(f"{song.title} {song.byline}")
            st.link_button("Search on Spotify", address, icon=":material/open_in_new:")
        else:
            with shown_errors():  # the file may be gone; the buttons stay
                show_audio(song, place=place, on_end=partial(play, place, "next"))


def song_line(song: Song) -> str:
    """A song as Markdown: the title, with a link to Spotify, and the artists."""
    title = f"**{escape_markdown(song.title)}**"
    title = f"[{title}]({track_url(song.id)})" if song.is_on_spotify else title
    return f"{title} · {escape_markdown(song.byline)}"


def _show_source() -> None:
    """Say so if the songs are not those of the chosen source."""
    if (reason := substitution()) is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/info: {reason}", width="content")
            if is_spotify_silent():
                st.button("Use Spotify", type="tertiary", on_click=use_spotify, key="use-spotify")


def _show_song_text(pick: Pick, place: str) -> None:
    """Show title, artists, mood and reason, and the licence of a bundled song."""
    song = pick.song
    with st.container(key=f"title-{place}"):
        st.markdown(song_line(song))
    reason = escape_markdown(pick.reason)
    is_list = place in page_state(PlayerState).lists
    if pick.likeliest_mood not in pick.reason and not is_list:  # on a journey
        reason = f"{pick.likeliest_mood.capitalize()}. {reason}"
    if not pick.fits:
        reason += f". Your music has few {pick.mood} songs"
    if song.licence is not None:
        reason += f" · {escape_markdown(song.licence)}, [source]({song.source})"
    with st.container(key=f"reason-{place}"):
        st.markdown(f":small[{reason}]")  # a link in a caption has too little contrast


def _show_up_next(queue: SongQueue, place: str) -> None:
    is_list = place in page_state(PlayerState).lists
    with st.container(key=f"next-songs-{place}", gap=None):
        for pick in queue.up_next(UP_NEXT_IN_LIST if is_list else UP_NEXT):
            st.button(
                f"{pick.number}. **{escape_markdown(pick.song.title)}** · {escape_markdown(pick.song.byline)}",
                icon=":material/play_circle:",
                on_click=play,
                args=(place, pick.number),
                type="tertiary",
                width="stretch",
                wrap=False,
                key=f"play-{place}-{pick.number}",
            )
            with st.container(key=f"{'mood' if is_list else 'why'}-{place}-{pick.number}"):
                st.caption(escape_markdown(pick.reason))


def _skipped_by(pick: Pick) -> tuple[str, str]:
    """Key and name of what "Not for me" skips: the main artist; of the few bundled songs, or of nobody, the song."""
    song = pick.song
    if song.licence is not None or song.artists[0] == UNKNOWN_ARTIST:
        return song.id, song.title
    return artist_key(song.artists[0]), song.artists[0]


def _skip(place: str) -> None:
    player = page_state(PlayerState)
    if (current := player.queues[place].current) is not None:
        key, name = _skipped_by(current)
        player.skipped[key] = name


def _show_skipped(place: str) -> None:
    skipped = page_state(PlayerState).skipped
    if names := [escape_markdown(name) for name in skipped.values()]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"Skipped on this visit: {join_names(names)}", width="content")
            if st.button("Undo", icon=":material/undo:", type="tertiary", key=f"allow-{place}"):
                skipped.popitem()  # the last one; its songs return to their places
                st.rerun()


# Files and links


_COPY = st.components.v2.component(
    "emomusic_copy",
    html="""<button type="button"></button><span role="status"></span>""",
    css="""
:host { display: block; }
button {
  font: inherit; width: 100%; min-height: 2.5rem; padding: 0.25rem 0.75rem; cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.6rem);
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 3px solid; outline-offset: 2px; }
span { display: block; font-size: 0.875rem; min-height: 1.3em; margin-top: 0.25rem; }
""",
    js="""
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {  // no permission, or a page without HTTPS
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("span");
  button.textContent = data.label;
  button.onclick = async () => {
    status.textContent = (await copy(data.text)) ? data.copied : data.failed;
  };
}
""",
)


def _show_take_along(queue: SongQueue, place: str, stem: str) -> None:
    """Show a menu with the playlist in several forms; nothing without songs."""
    picks = queue.playlist(PLAYLIST)
    if not picks:
        return
    with st.popover("Take it along", key=f"take-{place}"):
        st.markdown(f"**{pluralize(len(picks), 'song')}** of this list")
        if on_spotify := [pick for pick in picks if pick.song.is_on_spotify]:
            _COPY(
                data={
                    "label": "Copy for Spotify",
                    "text": track_links(on_spotify),
                    "copied": f"{pluralize(len(on_spotify), 'link')} copied.",
                    "failed": "The browser does not allow copying. Download the list instead.",
                },
                key=f"copy-{place}",
            )
            st.caption("Tip: paste the links into a playlist in Spotify's desktop app.")
        if any(pick.song.path is not None for pick in picks):  # no player opens links to Spotify
            _offer("Playlist (M3U)", songs_m3u, f"{stem}.m3u", place)
        _offer("List (text)", songs_txt, f"{stem}-songs.txt", place)
        if place not in page_state(PlayerState).lists:  # their moods can be unknown
            _offer("Songs (CSV)", lambda picks: for_excel(songs_csv(picks)), f"{stem}-songs.csv", place)


def _offer(label: str, write: Callable[[Sequence[Pick]], str | bytes], name: str, place: str) -> None:
    """Show the button of a file with the songs of a queue, as they are when it is pressed."""

    def make(player: PlayerState) -> str | bytes:
        return write(player.queues[place].playlist(PLAYLIST))

    download_button(label, from_state(page_state(PlayerState), make), name, key=f"{label}-{place}")
