"""Your music: the one panel of every page with songs. Source and genres are in the URL, options in the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

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

_ADVENTURES = {"well known": 0.0, "familiar": 0.2, "any": 0.6, "adventurous": 1.0}
_TEMPO_RANGE = (40, 220)
_DEFAULTS: Mapping[str, Any] = {
    state.ADVENTURE: "familiar",
    state.TEMPO: _TEMPO_RANGE,
    state.HIDE_EXPLICIT: False,
}
"""Defaults of the options, kept so that Reset can restore them."""

_MARKED_EXPLICIT = (Source.SPOTIFY, Source.TABLE)
"""The sources whose songs may be marked explicit. Only Spotify's have genres, tempo and fame."""


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
    options = {key: st.session_state.get(state.fresh(key), default) for key, default in _DEFAULTS.items()}
    request = replace(request, seed=page_state(Shuffle).seed)
    if source in _MARKED_EXPLICIT:
        request = replace(request, hide_explicit=bool(options[state.HIDE_EXPLICIT]))
    if source is not Source.SPOTIFY:
        return request
    tempo = tuple(options[state.TEMPO])
    return replace(
        request,
        genres=chosen_genres(),
        adventure=_ADVENTURES[options[state.ADVENTURE]],
        tempo_bpm=None if tempo == _TEMPO_RANGE else tempo,
    )


def choose_music() -> None:
    """Show the menu of the source, genres and options for songs. `with_your_music` reads the choice."""
    names = names_of(chosen_genres())
    num_changed = sum(
        st.session_state.setdefault(state.fresh(key), default) != default for key, default in _DEFAULTS.items()
    )
    num_choices = len(names) + num_changed
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
            familiarity, tempo = state.fresh(state.ADVENTURE), state.fresh(state.TEMPO)
            st.select_slider("Familiarity", list(_ADVENTURES), key=familiarity, persist_state="session")
            st.slider("Tempo (BPM)", *_TEMPO_RANGE, step=5, key=tempo, persist_state="session")
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
    for key in _DEFAULTS:
        state.renew(key)
