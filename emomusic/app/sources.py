"""Your music: where songs come from, and the one panel of every page with songs.

The source, genres and traits are in the URL, options in the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app.choices import GENRE_FAMILIES, GENRE_NAMES, GENRES, HIDE_EXPLICIT, SONGS_FROM, TRAITS, Source
from emomusic.app.frame import local_date
from emomusic.app.own_music import TableState, draw_own_files, draw_own_table, own_recommender
from emomusic.app.state import SourceState, page_state, use_spotify
from emomusic.server.visitor import is_own_computer
from emomusic.songs import genres as all_genres
from emomusic.songs.genres import genres_of, names_of
from emomusic.songs.local_songs import load_bundled_recommender
from emomusic.songs.recommend import Recommender, load_recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Trait

LABELS: Mapping[Source, str] = {
    Source.SPOTIFY: "Spotify",
    Source.OWN: "Your files",
    Source.TABLE: "Your table",
    Source.BUNDLED: "EmoMusic's songs",
}

_AUDIO = (Source.OWN, Source.BUNDLED)
"""The sources of audio files, which are heard."""


@dataclass(frozen=True, slots=True, eq=False)
class YourMusic:
    """The songs of the visitor, as decided once for a run of a page.

    Attributes:
        chosen: the source that the visitor chose.
        shown: the same, or Spotify in place of files and tables that are not there yet. Its songs can be looked at.
        played: the source of the songs that play: another one than `shown` if Spotify is silent.
        recommender: the recommender for the songs of `played`.
        fallback: the recommender for songs in place of Spotify's; None if Spotify answers.
        genres: that the visitor chose on any page; empty for all.
        traits: that the visitor wants of audio files; empty for all.
        hides_explicit: whether the visitor hides explicit songs.
        seed: decides the order of songs that match equally well.
        num_asked: how often the visitor wanted to know whether Spotify answers.
    """

    chosen: Source
    shown: Source
    played: Source
    recommender: Recommender
    fallback: Recommender | None
    genres: frozenset[str]
    traits: frozenset[Trait]
    hides_explicit: bool
    seed: int
    num_asked: int

    @property
    def shown_recommender(self) -> Recommender:
        """The recommender for the songs of `shown`."""
        return self.recommender if self.played is self.shown else load_recommender()

    def after(self, before: YourMusic | None) -> YourMusic:
        """The same with the songs of an earlier run, if Spotify only answers again: the visitor decides."""
        is_back = before is not None and before.shown is self.played is Source.SPOTIFY
        if before is None or not is_back or before.num_asked != self.num_asked:
            return self
        return replace(self, played=before.played, recommender=before.recommender, traits=before.traits)

    def asked(self, request: Request, source: Source | None = None) -> Request:
        """A request with the visitor's genres and options, as far as the songs of the source have them."""
        source = source or self.played
        return replace(
            request,
            seed=self.seed,
            today=local_date(),
            hide_explicit=self.hides_explicit,
            genres=self.genres if source is Source.SPOTIFY else frozenset(),
            traits=self.traits if source in _AUDIO else frozenset(),
        )

    @property
    def substitution(self) -> str | None:
        """Why songs of another source than the chosen one play; None if they do not."""
        if self.chosen is self.played:
            return None
        if self.chosen is Source.SPOTIFY:
            if not page_state(SourceState).is_silent:
                return "Spotify answers again."
            words = f"Spotify {'still ' if self.num_asked > 1 else ''}does not answer."
            if self.played is Source.OWN and is_own_computer():
                words += " The music library of this computer plays, which all its browsers share."
            return words
        which = "table" if self.chosen is Source.TABLE else "file"
        return f"No {which} of yours is ready. Playing: {LABELS[self.played]}."


def your_music() -> YourMusic:
    """Decide where songs come from now, and which ones.

    Raises:
        EmomusicError: the catalogue, a model or the library is damaged.
    """
    here, source, found = page_state(SourceState), SONGS_FROM.value, None
    if source is Source.OWN:
        found = own_recommender()
    elif source is Source.TABLE:
        found = page_state(TableState).recommender
    elif source is Source.BUNDLED:
        found = load_bundled_recommender()
    shown = Source.SPOTIFY if found is None else source
    instead, fallback = _fallback() if here.is_silent else (shown, None)
    played = shown if found is not None else instead
    return YourMusic(
        source,
        shown,
        played=played,
        recommender=found or fallback or load_recommender(),
        fallback=fallback,
        genres=genres_of(GENRES.values),
        traits=frozenset(map(Trait, TRAITS.values)) if played in _AUDIO else frozenset(),
        hides_explicit=bool(HIDE_EXPLICIT.value),
        seed=here.seed,
        num_asked=here.num_asked,
    )


def _fallback() -> tuple[Source, Recommender]:
    """The songs in place of Spotify's."""
    own = own_recommender()
    return (Source.BUNDLED, load_bundled_recommender()) if own is None else (Source.OWN, own)


# The panel


def draw_music(music: YourMusic) -> DeltaGenerator:
    """Show the menu of the source, genres and options for songs. The next run of the page decides by the choice.

    Returns the menu, for more of a page.
    """
    names = names_of(music.genres)
    num_choices = len(names) + len(music.traits) + music.hides_explicit
    label = f"Your music · {num_choices}" if num_choices else "Your music"
    with st.popover(label, icon=":material/genres:", key="your-music") as menu:
        source = _draw_source(music)
        if source is Source.OWN:
            draw_own_files(music.recommender if music.chosen is Source.OWN else None)
        elif source is Source.TABLE:
            draw_own_table()
        # The session keeps the values of the widgets while another page, or another source, is shown
        if source is Source.SPOTIFY:
            _draw_genres(names)
        if source in _AUDIO:
            _draw_traits()
        HIDE_EXPLICIT.draw(st.toggle, "Hide explicit songs")
        with st.container(horizontal=True):
            st.button("Other songs", icon=":material/shuffle:", on_click=_shuffle, key="your-music-shuffle")
            is_changed = bool(num_choices or music.seed)
            st.button("Reset", icon=":material/undo:", on_click=_reset, disabled=not is_changed, key="your-music-reset")
    return menu


def _draw_source(music: YourMusic) -> Source:
    """Show the sources; returns the chosen one, which may have no songs yet."""
    shown = music.played if music.chosen is Source.SPOTIFY else music.chosen
    SONGS_FROM.draw(
        st.segmented_control, "Songs from", value=shown, format_func=LABELS.__getitem__, on_change=_store_source
    )
    return shown


def _store_source() -> None:
    SONGS_FROM.take()
    if SONGS_FROM.value is Source.SPOTIFY:
        use_spotify()


def _draw_genres(names: list[str]) -> None:
    titles = all_genres.FAMILY_TITLES
    GENRE_FAMILIES.draw(
        st.pills,
        "Music you like",
        list(titles),
        value=[name for name in titles if name in names],
        selection_mode="multi",
        format_func=titles.__getitem__,
        on_change=_store_genres,
        wrap=True,
    )
    GENRE_NAMES.draw(
        st.multiselect,
        "Single genres",
        all_genres.GENRES,
        value=[name for name in names if name not in titles],
        on_change=_store_genres,
        placeholder="All genres",
    )
    st.caption("The genres apply on every page with songs. Without a choice, songs of all genres play.")


def _draw_traits() -> None:
    options: dict[str, Any] = {"selection_mode": "multi", "wrap": True}
    TRAITS.draw(st.pills, "What is heard", format_func=lambda trait: trait.label.capitalize(), **options)
    st.caption("Songs that have all of these play. Without a choice, all songs play.")


def _store_genres() -> None:
    shown = [name for menu in (GENRE_FAMILIES, GENRE_NAMES) for name in menu.value or ()]
    GENRES.set(names_of(genres_of(shown)))


def _shuffle() -> None:
    page_state(SourceState).seed += 1


def _reset() -> None:
    page_state(SourceState).seed = 0
    show_all()


def show_all() -> None:
    """Let songs of all genres and explicit songs pass again; for callbacks."""
    GENRES.set(None)
    TRAITS.set(None)
    HIDE_EXPLICIT.renew()
