"""The songs of the Music page: those of the visitor's music, with their moods, their lists and their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from emomusic import assets
from emomusic.affect import AffectPoint
from emomusic.app.choices import MUSIC_TAB, MUSIC_TRACK, WHAT_IF, choose
from emomusic.app.frame import escape_markdown
from emomusic.app.player import show_queue
from emomusic.app.queues import PageQueue, forget_queue, play, play_list, weak_callback
from emomusic.app.sources import YourMusic
from emomusic.app.state import MusicState, page_state
from emomusic.songs.genres import FAMILY_TITLES, names_of
from emomusic.songs.listing import Rows, Songs, digest_of
from emomusic.songs.request import Request
from emomusic.songs.song import Trait
from emomusic.songs.tables import read_table
from emomusic.text import escape_html, join_names

EXPLORE, SIMILAR, FOUND, ON_SPOTIFY = LISTS = ("music", "music-similar", "music-table", "music-spotify")
"""The names of the lists of the page; each keeps its song while another one is shown."""

_NUM_ROWS = 7


def shown_songs(music: YourMusic) -> Songs | None:
    """The songs of the visitor's music that pass its options; None if none does.

    Raises:
        EmomusicError: the catalogue or a model is damaged.
    """
    songs, options = music.shown_recommender, _options(music)
    return songs.cached(options, partial(songs.passing_songs, *options))


def _options(music: YourMusic) -> tuple[frozenset[str], frozenset[Trait], bool]:
    request = music.asked(Request(AffectPoint(0, 0)), music.shown)
    return request.genres, request.traits, request.hide_explicit


def hiding_options(music: YourMusic) -> list[str]:
    """The options of the visitor's music that hide songs, for people."""
    genres, traits, hides_explicit = _options(music)
    named = [f"the genres {join_names(FAMILY_TITLES.get(name, name) for name in names_of(genres))}"] if genres else []
    return [*named, *map(str, sorted(traits)), *(["“Hide explicit songs”"] if hides_explicit else [])]


def labelled_songs() -> Songs | None:
    """The songs with a mood label that the mood models learned from, if they are on this computer.

    Raises:
        EmomusicError: the file or a model is damaged.
    """
    path = assets.find_download("moods")
    return None if path is None else _labelled(path)


@st.cache_resource(max_entries=1, show_spinner=False)
def _labelled(path: Path) -> Songs:
    return read_table(path.read_bytes(), name=path.name).recommender


def forget_other_source(music: YourMusic) -> None:
    """Drop the lists with songs of another source, which may have been the visitor's own."""
    mine = page_state(MusicState)
    if mine.source is not music.shown:
        mine.source = music.shown
        for name in LISTS:
            forget_queue(name)


def show_songs(
    songs: Songs,
    rows: Sequence[int] | Rows,
    name: str,
    music: YourMusic,
    show_next: Callable[[PageQueue], None] | None = None,
) -> None:
    """Show one of `LISTS`; its first song plays at once after a click that asks for it."""
    if len(rows):
        mine = page_state(MusicState)
        queue = play_list(songs.picks(rows), (name, songs.token, digest_of(rows)), music)
        if mine.starts == name:
            play(queue, 1)
        shown = None if show_next is None else partial(show_next, queue)
        show_queue(queue, "music", partial(show_question, queue, songs), shown)


def show_rows(queue: PageQueue) -> None:
    """Show the first songs of a list, each with a button that plays it."""
    playing = queue.current
    for pick in sorted(queue.playlist(_NUM_ROWS), key=lambda pick: pick.number):
        song = pick.song
        facts = [
            word for word in (song.genres[0].replace("-", " ") if song.genres else "", str(song.year or "")) if word
        ]
        levels = {name: getattr(song, name) for name in ("energy", "valence", "danceability")}
        listed = ", ".join(f"{name} {100 * level:.0f} %" for name, level in levels.items() if level == level)
        bars = "".join(f'<u style="height:{100 * level:.0f}%"></u>' for level in levels.values() if level == level)
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"row-{queue.name}-{pick.number}"
        ):
            st.button(
                f"Play {escape_markdown(song.title)}",
                icon=":material/graphic_eq:" if pick is playing else ":material/play_arrow:",
                type="tertiary",
                key=f"play-{queue.name}-{pick.number}",
                on_click=weak_callback(play, queue, pick.number),
            )
            st.html(
                f'<div class="song"><b>{escape_html(song.title)}</b><span>{pick.likeliest_mood}</span>'
                f"<small>{escape_html(song.byline)}</small><small>{escape_html(' · '.join(facts))}</small>"
                f'<i role="img" aria-label="{listed}" title="{listed}">{bars}</i></div>'
            )


def show_question(queue: PageQueue, songs: Songs) -> None:
    """Show the button that explains the mood of a list's song, if its features are known."""
    current = queue.current
    if current is None or songs.catalogue.find(current.song.id) is None or not songs.catalogue.has_features:
        return
    act, key = weak_callback(_ask_mood, queue), f"music-ask-{queue.name}"
    st.button("What mood is it?", icon=":material/tune:", type="tertiary", on_click=act, key=key)


def _ask_mood(queue: PageQueue) -> None:
    if (current := queue.current) is not None:
        choose({MUSIC_TAB: WHAT_IF, MUSIC_TRACK: current.song.id})
