"""Where songs come from: Spotify's catalogue, the visitor's files or table, or the songs that come with EmoMusic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import streamlit as st

from emomusic.app import state
from emomusic.app.address import choose, offered
from emomusic.app.own_computer import is_own_computer
from emomusic.app.own_files import own_recommender
from emomusic.app.own_table import table_recommender
from emomusic.app.state import page_state
from emomusic.assets import load_once
from emomusic.server.shared import shared
from emomusic.songs.local_songs import bundled_songs, load_bundled_recommender, recommender_of
from emomusic.songs.recommend import Recommender


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


@dataclass
class SourceState:
    """Whether Spotify's player did not answer, None if that is unknown; and how often the visitor wanted to know."""

    is_spotify_silent: bool | None = None
    num_asked: int = 1


def is_spotify_silent() -> bool:
    """Whether Spotify's player did not answer in this browser."""
    return page_state(SourceState).is_spotify_silent is True


def note_silence() -> None:
    """Play other songs, because Spotify's player did not answer."""
    page_state(SourceState).is_spotify_silent = True


def substitution() -> str | None:
    """Why songs of another source than the chosen one play; None if they do not."""
    chosen, current = _chosen() or Source.SPOTIFY, current_source()
    if chosen is current:
        return None
    if chosen is Source.SPOTIFY:
        return f"Spotify {'still ' if page_state(SourceState).num_asked > 1 else ''}does not answer."
    return f"No {'table' if chosen is Source.TABLE else 'file'} of yours is ready. Playing: {LABELS[current]}."


def use_spotify() -> None:
    """Play songs of Spotify, and ask again whether its player answers."""
    sources = page_state(SourceState)
    if sources.is_spotify_silent:
        sources.is_spotify_silent, sources.num_asked = None, sources.num_asked + 1
    choose({state.SONGS_FROM: None})


def _chosen() -> Source | None:
    names = offered(state.SONGS_FROM, list(Source))
    return Source(names[0]) if names else None


def current_source() -> Source:
    """The source of the songs that play. Files and tables that are not there yet have no songs."""
    source = ready_source()
    if source is not Source.SPOTIFY or not is_spotify_silent():
        return source
    return Source.BUNDLED if own_recommender() is None else Source.OWN


def ready_source() -> Source:
    """The chosen source, also if Spotify is silent; Spotify in place of files and tables that are not there yet."""
    chosen = _chosen()
    if chosen is Source.BUNDLED or (chosen is Source.TABLE and table_recommender() is not None):
        return chosen
    return Source.OWN if chosen is Source.OWN and own_recommender() is not None else Source.SPOTIFY


def songs_recommender(source: Source | None = None) -> Recommender:
    """The recommender for the songs of a source, by default of the current one.

    Raises:
        EmomusicError: the catalogue or a model is damaged.
    """
    source = source or current_source()
    if source is Source.OWN and (own := own_recommender()) is not None:
        return own
    if source is Source.TABLE and (table := table_recommender()) is not None:
        return table
    if source is Source.SPOTIFY:
        return shared().recommender()
    return load_bundled_recommender() if is_own_computer() else _bundled_without_folders()


@load_once
def _bundled_without_folders() -> Recommender:
    """The bundled songs for other people's playlists, which must not tell the folders of the server."""
    return recommender_of([replace(song, path=Path(song.path or "").name) for song in bundled_songs()])


def choose_source() -> Source:
    """Show the sources; returns the chosen one, which may have no songs yet."""
    shown = _chosen() or current_source()
    key = state.fresh(state.SONGS_FROM)
    if st.session_state.get(key, shown) != shown:  # after Back, a link or a fallback
        state.renew(state.SONGS_FROM)
        key = state.fresh(state.SONGS_FROM)
    st.segmented_control(
        "Songs from",
        list(Source),
        default=shown,
        format_func=LABELS.__getitem__,
        required=True,
        key=key,
        on_change=_store,
        args=(key,),
    )
    return shown


def _store(key: str) -> None:
    source = Source(st.session_state[key])
    use_spotify() if source is Source.SPOTIFY else choose({state.SONGS_FROM: source})
