"""Your music: the one panel of every page with songs. Source and genres are in the URL, options in the session."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from emomusic.app import state
from emomusic.app.address import choose, chosen_all
from emomusic.app.own_files import choose_files
from emomusic.app.own_table import choose_own_table
from emomusic.app.sources import Source, choose_source, current_source
from emomusic.app.state import page_state
from emomusic.errors import DatasetError
from emomusic.songs.genres import GENRE_FAMILIES, GENRES, genres_of, names_of
from emomusic.songs.request import Request

_MARKED_EXPLICIT = (Source.SPOTIFY, Source.TABLE)
"""The sources whose songs may be marked explicit. Only Spotify's have genres."""


@dataclass
class Shuffle:
    """The seed of the order of songs that match equally well."""

    seed: int = 0


_TITLES = {family.key: family.title for family in GENRE_FAMILIES}


def chosen_genres() -> frozenset[str]:
    """The genres that the visitor chose on any page; empty for all."""
    known = []
    for name in chosen_all(state.GENRES):
        try:
            known.append(genres_of([name]))
        except DatasetError:  # from a link of another version
            continue
    return frozenset().union(*known)


def with_your_music(request: Request, source: Source | None = None) -> Request:
    """A request with the visitor's genres and options, as far as the songs of the source have them."""
    source = source or current_source()
    hides = bool(st.session_state.get(state.fresh(state.HIDE_EXPLICIT), False)) and source in _MARKED_EXPLICIT
    genres = chosen_genres() if source is Source.SPOTIFY else frozenset[str]()
    return replace(request, seed=page_state(Shuffle).seed, hide_explicit=hides, genres=genres)


def choose_music() -> None:
    """Show the menu of the source, genres and options for songs. `with_your_music` reads the choice."""
    names = names_of(chosen_genres())
    num_choices = len(names) + st.session_state.setdefault(state.fresh(state.HIDE_EXPLICIT), False)
    label = f"Your music · {num_choices}" if num_choices else "Your music"
    with st.popover(label, icon=":material/genres:", key="your-music"):
        source = choose_source()
        if source is Source.OWN:
            choose_files()
        elif source is Source.TABLE:
            choose_own_table()
        # The session keeps the values of the widgets while another page, or another source, is shown
        if source is Source.SPOTIFY:
            _choose_genres(names)
        if source in _MARKED_EXPLICIT:
            st.toggle("Hide explicit songs", key=state.fresh(state.HIDE_EXPLICIT), persist_state="session")
        with st.container(horizontal=True):
            st.button("Other songs", icon=":material/shuffle:", on_click=_shuffle, key="your-music-shuffle")
            is_changed = bool(num_choices or page_state(Shuffle).seed)
            st.button("Reset", icon=":material/undo:", on_click=_reset, disabled=not is_changed, key="your-music-reset")


def _shuffle() -> None:
    page_state(Shuffle).seed += 1


def _choose_genres(names: list[str]) -> None:
    if names != chosen_all(state.GENRES):
        choose({state.GENRES: names or None})
    is_shown = state.fresh(state.GENRE_NAMES) in st.session_state
    if is_shown and sorted(_shown_genres()) != sorted(names):  # after Back, Forward or a link
        state.renew(state.GENRE_FAMILIES)
        state.renew(state.GENRE_NAMES)
    families, single = [name for name in names if name in _TITLES], [name for name in names if name not in _TITLES]
    st.pills(
        "Music you like",
        list(_TITLES),
        selection_mode="multi",
        default=families,
        format_func=_TITLES.__getitem__,
        key=state.fresh(state.GENRE_FAMILIES),
        on_change=_store_genres,
        persist_state="session",
        wrap=True,
    )
    st.multiselect(
        "Single genres",
        GENRES,
        default=single,
        key=state.fresh(state.GENRE_NAMES),
        on_change=_store_genres,
        persist_state="session",
        placeholder="All genres",
    )
    st.caption("The genres apply on every page with songs. Without a choice, songs of all genres play.")


def _shown_genres() -> list[str]:
    """The names of families and genres that the menu shows."""
    keys = state.fresh(state.GENRE_FAMILIES), state.fresh(state.GENRE_NAMES)
    return [name for key in keys for name in st.session_state.get(key) or ()]


def _store_genres() -> None:
    choose({state.GENRES: names_of(genres_of(_shown_genres())) or None})


def _reset() -> None:
    choose({state.GENRES: None})
    page_state(Shuffle).seed = 0
    state.renew(state.HIDE_EXPLICIT)
