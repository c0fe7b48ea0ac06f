"""Your music: where songs come from, and the one panel of every page with songs.

The source and genres are in the URL, options in the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import msgspec
import streamlit as st

from emomusic.app import state
from emomusic.app.address import choose, chosen_all, offered
from emomusic.app.own_music import TableState, choose_files, choose_table, own_recommender
from emomusic.app.state import fresh, page_state, renew
from emomusic.assets import load_once
from emomusic.errors import DatasetError
from emomusic.server.capacity import is_own_computer
from emomusic.songs.genres import GENRE_FAMILIES, GENRES, genres_of, names_of
from emomusic.songs.local_songs import bundled_songs, load_bundled_recommender, recommender_of
from emomusic.songs.recommend import Recommender, load_recommender
from emomusic.songs.request import Request


class Source(StrEnum):
    """Where songs come from."""

    SPOTIFY = "spotify"
    OWN = "own"
    TABLE = "table"
    BUNDLED = "bundled"


LABELS: Mapping[Source, str] = {
    Source.SPOTIFY: "Spotify",
    Source.OWN: "Your files",
    Source.TABLE: "Your table",
    Source.BUNDLED: "EmoMusic's songs",
}

_MARKED_EXPLICIT = (Source.SPOTIFY, Source.TABLE)
"""The sources whose songs may be marked explicit. Only Spotify's have genres."""


@dataclass
class SourceState:
    """What the session knows of its sources.

    Attributes:
        is_spotify_silent: whether Spotify's player did not answer in this browser.
        num_asked: how often the visitor wanted to know.
        seed: of the order of songs that match equally well.
    """

    is_spotify_silent: bool = False
    num_asked: int = 1
    seed: int = 0


def note_silence() -> None:
    """Play other songs, because Spotify's player did not answer."""
    page_state(SourceState).is_spotify_silent = True


def use_spotify() -> None:
    """Play songs of Spotify, and ask again whether its player answers."""
    sources = page_state(SourceState)
    if sources.is_spotify_silent:
        sources.is_spotify_silent, sources.num_asked = False, sources.num_asked + 1
    choose({state.SONGS_FROM: None})


@dataclass(frozen=True, slots=True, eq=False)
class YourMusic:
    """The songs of the visitor, as decided once for a run of a page.

    Attributes:
        chosen: the source that the visitor chose.
        ready: the same, or Spotify in place of files and tables that are not there yet. Its songs can be looked at.
        ready_recommender: for the songs of `ready`.
        source: of the songs that play: another one than `ready` if Spotify is silent.
        recommender: for the songs of `source`.
        genres: that the visitor chose; empty for all.
        hides_explicit: whether the visitor hides explicit songs.
        seed: of the order of songs that match equally well.
    """

    chosen: Source
    ready: Source
    ready_recommender: Recommender
    source: Source
    recommender: Recommender
    genres: frozenset[str]
    hides_explicit: bool
    seed: int

    def asked(self, request: Request, source: Source | None = None) -> Request:
        """A request with the visitor's genres and options, as far as the songs of the source have them."""
        source = source or self.source
        return replace(
            request,
            seed=self.seed,
            hide_explicit=self.hides_explicit and source in _MARKED_EXPLICIT,
            genres=self.genres if source is Source.SPOTIFY else frozenset(),
        )

    @property
    def substitution(self) -> str | None:
        """Why songs of another source than the chosen one play; None if they do not."""
        if self.chosen is self.source:
            return None
        if self.chosen is Source.SPOTIFY:
            return f"Spotify {'still ' if page_state(SourceState).num_asked > 1 else ''}does not answer."
        which = "table" if self.chosen is Source.TABLE else "file"
        return f"No {which} of yours is ready. Playing: {LABELS[self.source]}."


def your_music() -> YourMusic:
    """Decide where songs come from now, and which ones.

    Raises:
        EmomusicError: the catalogue, a model or the library is damaged.
    """
    sources = page_state(SourceState)
    chosen = next(iter(offered(state.SONGS_FROM, list(Source))), Source.SPOTIFY)
    found = _recommender(chosen)
    ready, ready_recommender = (Source.SPOTIFY, load_recommender()) if found is None else (chosen, found)
    source, recommender = ready, ready_recommender
    if ready is Source.SPOTIFY and sources.is_spotify_silent:
        own = own_recommender()
        source = Source.BUNDLED if own is None else Source.OWN
        recommender = own or _bundled_recommender()
    return YourMusic(
        chosen,
        ready,
        ready_recommender,
        source,
        recommender,
        genres=_chosen_genres(),
        hides_explicit=bool(st.session_state.get(fresh(state.HIDE_EXPLICIT), False)),
        seed=sources.seed,
    )


def _recommender(source: Source) -> Recommender | None:
    match source:
        case Source.SPOTIFY:
            return load_recommender()
        case Source.OWN:
            return own_recommender()
        case Source.TABLE:
            return page_state(TableState).recommender
        case Source.BUNDLED:
            return _bundled_recommender()


def _bundled_recommender() -> Recommender:
    return load_bundled_recommender() if is_own_computer() else _bundled_without_folders()


@load_once
def _bundled_without_folders() -> Recommender:
    """The bundled songs for other people's playlists, which must not tell the folders of the server."""
    return recommender_of([msgspec.structs.replace(song, path=Path(song.path or "").name) for song in bundled_songs()])


def _chosen_genres() -> frozenset[str]:
    """The genres that the visitor chose on any page; empty for all."""
    known = []
    for name in chosen_all(state.GENRES):
        try:
            known.append(genres_of([name]))
        except DatasetError:  # from a link of another version
            continue
    return frozenset().union(*known)


# The panel


def choose_music(music: YourMusic) -> None:
    """Show the menu of the source, genres and options for songs. The next run of the page decides by the choice."""
    names = names_of(music.genres)
    num_choices = len(names) + st.session_state.setdefault(fresh(state.HIDE_EXPLICIT), False)
    label = f"Your music · {num_choices}" if num_choices else "Your music"
    with st.popover(label, icon=":material/genres:", key="your-music"):
        source = _choose_source(music)
        if source is Source.OWN:
            choose_files()
        elif source is Source.TABLE:
            choose_table()
        # The session keeps the values of the widgets while another page, or another source, is shown
        if source is Source.SPOTIFY:
            _choose_genres(names)
        if source in _MARKED_EXPLICIT:
            st.toggle("Hide explicit songs", key=fresh(state.HIDE_EXPLICIT), persist_state="session")
        with st.container(horizontal=True):
            st.button("Other songs", icon=":material/shuffle:", on_click=_shuffle, key="your-music-shuffle")
            is_changed = bool(num_choices or page_state(SourceState).seed)
            st.button("Reset", icon=":material/undo:", on_click=_reset, disabled=not is_changed, key="your-music-reset")


def _choose_source(music: YourMusic) -> Source:
    """Show the sources; returns the chosen one, which may have no songs yet."""
    shown = music.source if music.chosen is Source.SPOTIFY else music.chosen
    if st.session_state.get(fresh(state.SONGS_FROM), shown) != shown:  # after Back, a link or a fallback
        renew(state.SONGS_FROM)
    key = fresh(state.SONGS_FROM)
    st.segmented_control(
        "Songs from",
        list(Source),
        default=shown,
        format_func=LABELS.__getitem__,
        required=True,
        key=key,
        on_change=_store_source,
        args=(key,),
    )
    return shown


def _store_source(key: str) -> None:
    source = Source(st.session_state[key])
    use_spotify() if source is Source.SPOTIFY else choose({state.SONGS_FROM: source})


def _choose_genres(names: list[str]) -> None:
    if names != chosen_all(state.GENRES):
        choose({state.GENRES: names or None})
    is_shown = fresh(state.GENRE_NAMES) in st.session_state
    if is_shown and sorted(_shown_genres()) != sorted(names):  # after Back, Forward or a link
        renew(state.GENRE_FAMILIES)
        renew(state.GENRE_NAMES)
    titles = {family.key: family.title for family in GENRE_FAMILIES}
    st.pills(
        "Music you like",
        list(titles),
        selection_mode="multi",
        default=[name for name in names if name in titles],
        format_func=titles.__getitem__,
        key=fresh(state.GENRE_FAMILIES),
        on_change=_store_genres,
        persist_state="session",
        wrap=True,
    )
    st.multiselect(
        "Single genres",
        GENRES,
        default=[name for name in names if name not in titles],
        key=fresh(state.GENRE_NAMES),
        on_change=_store_genres,
        persist_state="session",
        placeholder="All genres",
    )
    st.caption("The genres apply on every page with songs. Without a choice, songs of all genres play.")


def _shown_genres() -> list[str]:
    """The names of families and genres that the menu shows."""
    keys = fresh(state.GENRE_FAMILIES), fresh(state.GENRE_NAMES)
    return [name for key in keys for name in st.session_state.get(key) or ()]


def _store_genres() -> None:
    choose({state.GENRES: names_of(genres_of(_shown_genres())) or None})


def _shuffle() -> None:
    page_state(SourceState).seed += 1


def _reset() -> None:
    page_state(SourceState).seed = 0
    show_all()


def show_all() -> None:
    """Let songs of all genres and explicit songs pass again; for callbacks."""
    choose({state.GENRES: None})
    renew(state.HIDE_EXPLICIT)
