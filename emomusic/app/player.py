"""The songs of a place on its page: the current one with its reason, the next ones, and the playlist to take along.

The bar of the app (`bar.py`) plays them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from emomusic.affect import Mood
from emomusic.app.bar import show_bar
from emomusic.app.choices import Source
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.queues import PageQueue, PlayerState, play, start, weak_callback
from emomusic.app.sources import draw_music
from emomusic.app.state import SourceState, page_state, use_spotify
from emomusic.server.own_library import without_folders
from emomusic.songs.catalogue import normalize_text
from emomusic.songs.listing import songs_like
from emomusic.songs.request import Policy
from emomusic.songs.song import UNKNOWN_ARTIST, Pick, Player, Song
from emomusic.songs.spotify import search_url, songs_csv, songs_m3u, songs_txt, track_links, track_url
from emomusic.text import for_excel, join_names, pluralize

UP_NEXT, UP_NEXT_IN_LIST = 2, 4
PLAYLIST = 20
"""Songs to take along."""


def show_queue(
    queue: PageQueue,
    stem: str,
    show_more: Callable[[], None] = lambda: None,
    show_next: Callable[[], None] | None = None,
    reason: str = "",
) -> None:
    """Show the songs of a queue.

    Args:
        queue: as from `play_for` or `play_list`.
        stem: start of the names of downloaded files.
        show_more: shows buttons of the page.
        show_next: shows the next songs in another way.
        reason: why the songs have their mood.
    """
    player = page_state(PlayerState)
    place, is_list, current = queue.name, queue.is_list, queue.current
    show_bar()  # before all else: charts keep the browser busy for half a second
    with st.container(key=f"player-{place}", gap="xsmall"):
        _show_substitution(queue)
        # The menus keep their position and stay open if the number of elements before them does not change
        with st.container(gap="xsmall", key=f"song-{place}"):
            if current is not None:
                _show_song_text(current, queue, reason)
            else:
                has_any = is_list or bool(queue.playlist(1))
                reason = "The list ends here" if has_any else queue.recommender.why_none(queue.request)
                advice = "“Other songs” under Your music begins again" if has_any else "Choose other genres or options"
                reason += "" if is_list else f". {advice}"
                st.info(f"{reason}.", icon=":material/music_off:")
        _show_buttons(current, queue, is_playing=player.playing is queue)
        _show_up_next(queue) if show_next is None else show_next()
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            more = "More of this list"
            with st.popover(more, key=f"more-{place}") if is_list else draw_music(queue.music):
                _show_about(current, queue)
                _show_take_along(queue, stem)
            show_more()
        names = [escape_markdown(name) for name in player.skipped.values()]
        if names:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption(f"Skipped on this visit: {join_names(names)}", width="content")
                st.button("Undo", icon=":material/undo:", type="tertiary", on_click=_allow_last, key=f"allow-{place}")


def _show_substitution(queue: PageQueue) -> None:
    """Give the reason if other songs play than the chosen one, or than those of the chosen source."""
    reason, current = queue.music.substitution, queue.current
    heard = None if current is None else queue.sounding(current)
    if heard is not current:
        reason = "Spotify does not answer; "
        whose = "of this computer's library " if heard is not None and heard.song.player is Player.LIBRARY else ""
        reason += "no similar song is known." if heard is None else f"a similar song {whose}plays instead."
    if reason is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/info: {reason}", width="content")
            is_asked = page_state(SourceState).is_silent or queue.music.chosen is Source.SPOTIFY
            if queue.is_list and is_asked:  # the menu of others has it
                st.button("Use Spotify", type="tertiary", on_click=use_spotify, key=f"use-spotify-{queue.name}")


def show_start(queue: PageQueue) -> None:
    """Show the button that lets the bar play a queue."""
    st.button(
        "Play",
        icon=":material/play_arrow:",
        type="primary",
        on_click=weak_callback(start, queue),
        disabled=queue.current is None,
        key=f"start-{queue.name}",
    )


def _show_buttons(current: Pick | None, queue: PageQueue, *, is_playing: bool) -> None:
    """Show a button that plays the queue or its next song."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if current is not None and not (current.song.is_on_spotify or current.song.is_audio):
            address = search_url(f"{current.song.title} {current.song.byline}")
            st.link_button("Search on Spotify", address, icon=":material/open_in_new:")
        if is_playing:
            st.button(
                "Next song",
                icon=":material/skip_next:",
                type="primary",
                on_click=weak_callback(play, queue, "next"),
                disabled=current is None,
                key=f"next-{queue.name}",
            )
        else:
            show_start(queue)


def song_line(song: Song) -> str:
    """A song as Markdown: the title, with a link to Spotify, and the artists."""
    title = f"**{escape_markdown(song.title)}**"
    title = f"[{title}]({track_url(song.id)})" if song.is_on_spotify else title
    return f"{title} · {escape_markdown(song.byline)}"


def _show_song_text(pick: Pick, queue: PageQueue, because: str) -> None:
    """Show title, artists and reason, and the licence of a bundled song."""
    wished, pick = pick, queue.sounding(pick) or pick
    song = pick.song
    with st.container(key=f"title-{queue.name}"):
        st.markdown(f"**{escape_markdown(song.title)}**  \n{escape_markdown(song.byline)}")
    reason = escape_markdown(pick.reason)
    if pick is not wished:
        reason += f" · like {escape_markdown(wished.song.title)}, which Spotify would play"
    if pick.likeliest_mood not in pick.reason and not queue.is_list:  # on a journey
        reason = f"{pick.likeliest_mood.capitalize()}. {reason}"
    if song.licence is not None:
        reason += f" · {escape_markdown(song.licence)}"
    with st.container(key=f"reason-{queue.name}"):
        st.markdown(f"{escape_markdown(because)}  \n:small[{reason}]" if because else f":small[{reason}]")


def _show_up_next(queue: PageQueue) -> None:
    place, is_list = queue.name, queue.is_list
    with st.container(key=f"next-songs-{place}", gap=None):
        for pick in queue.up_next(UP_NEXT_IN_LIST if is_list else UP_NEXT):
            st.button(
                f"{pick.number}. **{escape_markdown(pick.song.title)}** · {escape_markdown(pick.song.byline)}",
                icon=":material/play_circle:",
                on_click=weak_callback(play, queue, pick.number),
                type="tertiary",
                width="stretch",
                wrap=False,
                key=f"play-{place}-{pick.number}",
            )
            with st.container(key=f"{'listed' if is_list else 'why'}-{place}-{pick.number}"):
                st.caption(escape_markdown(pick.reason))


def _skipped_by(pick: Pick) -> tuple[str, str]:
    """Key and name of what "Not for me" skips: the main artist, or the song if it is bundled or has no artist."""
    song = pick.song
    if song.licence is not None or song.artists[0] == UNKNOWN_ARTIST:
        return song.id, song.title
    return normalize_text(song.artists[0]), song.artists[0]


def _skip(queue: PageQueue) -> None:
    if (current := queue.current) is not None:
        if queue.request.policy is Policy.JOURNEY:
            queue.continue_with(queue.recommender)  # from the song that was heard
        key, name = _skipped_by(current)
        page_state(PlayerState).skipped[key] = name
        start(queue)


def _allow_last() -> None:
    """End the last skip. Its songs return to their places."""
    if skipped := page_state(PlayerState).skipped:
        skipped.popitem()


def _show_about(current: Pick | None, queue: PageQueue) -> None:
    """Show where the current song is from, a button that skips it, and songs like it to go on with."""
    if current is None:
        return
    song = current.song
    where = f"  \n[Source]({song.source})" if song.licence is not None else ""
    st.markdown(f"{song_line(song)}{where}")
    with st.container(horizontal=True, gap="small"):
        options: dict[str, Any] = {"on_click": weak_callback(_skip, queue), "key": f"skip-{queue.name}"}
        st.button("Not for me", help=f"Skip {escape_markdown(_skipped_by(current)[1])} on this visit", **options)
        for mood in (current.likeliest_mood, None) if current.point is not None else ():
            go_on = weak_callback(_go_on_with, queue, current, mood)
            key = f"alike-{queue.name}-{'any' if mood is None else 'same'}"
            st.button("More like this, in any mood" if mood is None else "More like this", on_click=go_on, key=key)


def _go_on_with(queue: PageQueue, pick: Pick, mood: Mood | None) -> None:
    assert pick.point is not None
    picks = songs_like(pick.song, queue.recommender, queue.request, point=pick.point, mood=mood)
    queue.continue_with(queue.recommender, picks)
    play(queue, "next")


# Files and links


def _show_take_along(queue: PageQueue, stem: str) -> None:
    """Show the playlist in several forms; nothing without songs."""
    picks = queue.playlist(PLAYLIST)
    if not picks:
        return
    st.markdown(f"**Take along** {pluralize(len(picks), 'song')} of this list")
    if links := track_links(picks):
        st.caption("Copy these links, and paste them into a playlist in Spotify's desktop app.")
        st.code(links, language=None, height=100)
    # No player opens links to Spotify, or finds the bundled songs
    if any(pick.song.path is not None and pick.song.player is not Player.BUNDLED for pick in picks):
        st.caption("The playlist is for VLC and other players. Save it in the folder of your music.")
        _offer("Playlist (M3U)", songs_m3u, f"{stem}.m3u", queue)
    with st.container(horizontal=True, gap="small"):
        _offer("List (text)", songs_txt, f"{stem}-songs.txt", queue)
        if not queue.is_list:  # their moods can be unknown
            _offer("Songs (CSV)", lambda picks: for_excel(songs_csv(picks)), f"{stem}-songs.csv", queue)


def _offer(label: str, write: Callable[[Sequence[Pick]], str | bytes], name: str, queue: PageQueue) -> None:
    """Show the button of a file with the songs of a queue, as they are when it is pressed."""

    def make(queue: PageQueue) -> str | bytes:
        return write(without_folders(queue.playlist(PLAYLIST)))

    download_button(label, queue, make, name, key=f"{label}-{queue.name}")
