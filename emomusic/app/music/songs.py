"""The songs of the Music page: those of the visitor's music, with their moods, their lists and their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from weakref import WeakKeyDictionary

import streamlit as st

from emomusic import assets
from emomusic.affect import AffectPoint
from emomusic.app.choices import MUSIC_TAB, MUSIC_TRACK, Source, choose
from emomusic.app.player import show_queue
from emomusic.app.queues import PageQueue, forget_queue, play, play_list
from emomusic.app.sources import YourMusic
from emomusic.app.state import page_state
from emomusic.errors import DatasetError
from emomusic.songs.genres import GENRE_FAMILIES, names_of
from emomusic.songs.listing import Rows, Songs, digest_of, passing_songs
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.stored_moods import predict_moods
from emomusic.songs.tables import read_table
from emomusic.text import join_names

EXPLORE, SIMILAR, FOUND, ON_SPOTIFY = LISTS = ("music", "music-similar", "music-table", "music-spotify")
"""The names of the lists of the page; each keeps its song while another one is shown."""

YOUR_SONG = "Your song"
"""The title of the tab on one song."""


_MOST_KEPT = 6
_kept: WeakKeyDictionary[Recommender, Callable[[frozenset[str], bool], Songs | None]] = WeakKeyDictionary()
"""The songs of each recommender by options; they go with the recommender, also when a visitor removes a table."""


def shown_songs(music: YourMusic) -> Songs | None:
    """The songs of the visitor's music that pass its options; None if none does.

    Raises:
        EmomusicError: the catalogue or a model is damaged.
    """
    recommender = music.shown_recommender
    if recommender not in _kept:
        songs = partial(passing_songs, recommender.catalogue, recommender.probabilities)  # holds no recommender
        _kept[recommender] = lru_cache(_MOST_KEPT)(songs)
    return _kept[recommender](*_options(music))


def _options(music: YourMusic) -> tuple[frozenset[str], bool]:
    request = music.asked(Request(AffectPoint(0, 0)), music.shown)
    return request.genres, request.hide_explicit


def hiding_options(music: YourMusic) -> list[str]:
    """The options of the visitor's music that hide songs, for people."""
    genres, hides_explicit = _options(music)
    titles = {family.key: family.title for family in GENRE_FAMILIES}
    named = [f"the genres {join_names(titles.get(name, name) for name in names_of(genres))}"] if genres else []
    return [*named, *(["“Hide explicit songs”"] if hides_explicit else [])]


def labelled_songs() -> Songs | None:
    """The songs with a mood label that the mood models learned from, if they are on this computer.

    Raises:
        EmomusicError: the file or a model is damaged.
    """
    path = assets.find_download("moods")
    return None if path is None else _labelled(path)


@st.cache_resource(max_entries=1, show_spinner=False)
def _labelled(path: Path) -> Songs:
    try:
        catalogue = read_table(path.read_bytes(), name=path.name).songs
    except OSError as error:
        raise DatasetError(f"expected to read {path.name}. Received: {error.strerror}") from error
    return Songs(catalogue, predict_moods(catalogue), len(catalogue))


@dataclass
class MusicState:
    """What the visitor clicked, and what the lists hold."""

    source: Source | None = None  # of the songs in the lists
    row: int | None = None  # of the song that was clicked on the plane; None without one
    token: str = ""  # of the songs of this row
    starts: str = ""  # the list whose first song is to play in the next run; empty for none


def forget_other_source(music: YourMusic) -> None:
    """Let go of the lists with songs of another source, which may have been the visitor's own."""
    mine = page_state(MusicState)
    if mine.source is not music.shown:
        mine.source = music.shown
        for name in LISTS:
            forget_queue(name)


def show_songs(songs: Songs, rows: Sequence[int] | Rows, name: str, music: YourMusic) -> None:
    """Show one of `LISTS`; its first song plays at once after a click that asks for it."""
    if len(rows):
        mine = page_state(MusicState)
        queue = play_list(songs.picks(rows), (name, songs.token, digest_of(rows)), music)
        if mine.starts == name:
            play(queue, 1)
        show_queue(queue, "music", partial(show_question, queue, songs))


def show_question(queue: PageQueue, songs: Songs) -> None:
    """Show the button that explains the mood of a list's song, if its features are known."""
    current = queue.current
    if current is None or songs.catalogue.find(current.song.id) is None or not songs.catalogue.has_features:
        return
    if st.button("What mood is it?", icon=":material/tune:", type="tertiary", key=f"music-ask-{queue.name}"):
        choose({MUSIC_TAB: YOUR_SONG, MUSIC_TRACK: current.song.id})
        st.rerun()
