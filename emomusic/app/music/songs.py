"""The songs of the Music page: those of the visitor's music, with their moods, their lists and their table."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from emomusic import downloads
from emomusic.affect import AffectPoint, places_of_moods, share_text
from emomusic.app.choices import MUSIC_TAB, MUSIC_TRACK, Source, choose
from emomusic.app.player import show_queue
from emomusic.app.queues import PageQueue, forget_queue, play, play_list
from emomusic.app.sources import YourMusic
from emomusic.app.state import page_state
from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_ID, Catalogue
from emomusic.songs.genres import GENRE_FAMILIES, names_of
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import FEATURE_NAMES, Pick
from emomusic.songs.spotify import TRACK_ADDRESS
from emomusic.songs.stored_moods import predict_moods
from emomusic.songs.tables import read_table
from emomusic.text import escape_formula, for_excel, join_names

Rows = npt.NDArray[np.int64]
Made = TypeVar("Made")

EXPLORE, SIMILAR, FOUND, ON_SPOTIFY = LISTS = ("music", "music-similar", "music-table", "music-spotify")
"""The names of the lists of the page; each keeps its song while another one is shown."""

YOUR_SONG = "Your song"
"""The title of the tab on one song."""


class Songs:
    """Songs with their moods. They never change, so visitors can share them."""

    def __init__(self, catalogue: Catalogue, probabilities: npt.NDArray[np.float32], num_all: int) -> None:
        self.catalogue = catalogue
        self.probabilities = probabilities  # shape (n, 4), of the moods, in the order of `Mood`
        self.num_all = num_all  # songs without the visitor's options
        self.plane = places_of_moods(probabilities, catalogue.measured)
        # Shape (n,), positions in `Mood`: the label of a song, else its most probable mood
        self.moods = probabilities.argmax(axis=1).astype(np.int64)
        self.num_labelled = 0
        self.token = uuid.uuid4().hex[:8]  # for the keys of widgets
        self._cache: dict[Hashable, Any] = {}
        if "mood" in catalogue.table:
            positions = catalogue.table["mood"].map({mood.value: position for position, mood in enumerate(MOODS)})
            labelled = positions.notna().to_numpy(bool)
            self.moods[labelled] = positions[labelled].to_numpy(np.int64)
            self.num_labelled = int(labelled.sum())

    def __len__(self) -> int:
        return len(self.catalogue)

    def cached(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """A result of these songs, made once. A Streamlit cache would keep a visitor's own songs after the visit."""
        if key not in self._cache:  # two threads can both make it, with the same result
            self._cache[key] = make()
        made: Made = self._cache[key]
        return made

    @cached_property
    def numbers(self) -> Rows:
        """Shape (n,): a number per song, equal for all its versions."""
        keys = map(self.catalogue.key_of, range(len(self)))
        return pd.factorize(np.fromiter(keys, object, len(self)))[0].astype(np.int64)

    @cached_property
    def known_first(self) -> Rows:
        """All rows, the best known song first."""
        return self.catalogue.best_known_first(np.arange(len(self)))

    def unique(self, rows: Rows) -> Rows:
        """The rows without later versions of the same song, in their order."""
        _, first = np.unique(self.numbers[rows], return_index=True)
        return rows[np.sort(first)]

    def picks(self, rows: Sequence[int] | Rows) -> Iterator[Pick]:
        """The songs of a list, each with its mood: "happy 93 %", or "happy, labelled"."""
        for row in map(int, rows):
            song, mood = self.catalogue.song(row), MOODS[int(self.moods[row])]
            probability = float(self.probabilities[row].max())
            words = f"{mood} {share_text(probability)}" if song.mood is None else f"{mood}, labelled"
            yield Pick(song, mood, probability, words, mood, point=AffectPoint(*self.plane[row].tolist()))

    def describe(self, rows: Rows) -> pd.DataFrame:
        """A table for display: title, mood, confidence in percent, artists, features and link, one row per song.

        Columns without a value are left out.
        """
        table = self.catalogue.table.iloc[rows]
        moods = np.array([mood.value for mood in MOODS])[self.moods[rows]]
        percents = 100 * self.probabilities[rows, self.moods[rows]]
        described = table[["title"]].assign(mood=moods, confidence=percents, artists=table["artists"])
        known = [column for column in ("genres", "year", "popularity", "explicit") if column in table]
        described = described.join(table[[*FEATURE_NAMES, *known]])
        for column in {"title", "artists", "genres"} & set(described):  # the page's table can be saved as CSV
            names = described[column].fillna("").astype(str).str.replace(ARTIST_SEPARATOR, ", ", regex=False)
            described[column] = names.map(escape_formula)
        addresses = (TRACK_ADDRESS + table["id"]).where(table["id"].str.fullmatch(TRACK_ID.pattern))
        described = described.assign(url=addresses).replace("", None)
        return described.dropna(axis="columns", how="all").reset_index(drop=True)

    def csv(self, rows: Rows) -> bytes:
        """Songs as CSV for spreadsheets, with the probability of each mood."""
        table = self.describe(rows).drop(columns="confidence")
        for position, mood in enumerate(MOODS):
            table[f"probability_{mood}"] = self.probabilities[rows, position].round(4)
        return for_excel(table.to_csv(index=False))


_MOST_KEPT = 6
_kept: WeakKeyDictionary[Recommender, Callable[[frozenset[str], bool], Songs | None]] = WeakKeyDictionary()
"""The songs of each recommender by options; they go with the recommender, also when a visitor removes a table."""


def shown_songs(music: YourMusic) -> Songs | None:
    """The songs of the visitor's music that pass its options; None if none does.

    Raises:
        EmomusicError: the catalogue or a model is damaged.
    """
    recommender = music.ready_recommender
    if recommender not in _kept:
        songs = partial(_passing, recommender.catalogue, recommender.probabilities)  # holds no recommender
        _kept[recommender] = lru_cache(_MOST_KEPT)(songs)
    return _kept[recommender](*_options(music))


def _options(music: YourMusic) -> tuple[frozenset[str], bool]:
    request = music.asked(Request(AffectPoint(0, 0)), music.ready)
    return request.genres, request.hide_explicit


def hiding_options(music: YourMusic) -> list[str]:
    """The options of the visitor's music that hide songs, for people."""
    genres, hides_explicit = _options(music)
    titles = {family.key: family.title for family in GENRE_FAMILIES}
    named = [f"the genres {join_names(titles.get(name, name) for name in names_of(genres))}"] if genres else []
    return [*named, *(["“Hide explicit songs”"] if hides_explicit else [])]


def _passing(
    catalogue: Catalogue, probabilities: npt.NDArray[np.float32], genres: frozenset[str], hide_explicit: bool
) -> Songs | None:
    passes = catalogue.passing(genres=genres, hide_explicit=hide_explicit)
    if not passes.any():
        return None
    if not passes.all():
        catalogue = Catalogue(catalogue.table[passes], name=catalogue.name, is_local=catalogue.is_local)
    return Songs(catalogue, probabilities[passes], len(passes))


def labelled_songs() -> Songs | None:
    """The songs with a mood label that the mood models learned from, if they are on this computer.

    Raises:
        EmomusicError: the file or a model is damaged.
    """
    path = downloads.find_download("moods")
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
    if mine.source is not music.ready:
        mine.source = music.ready
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


def digest_of(rows: Sequence[int] | Rows) -> str:
    """A digest of row numbers, for keys."""
    return hashlib.sha256(np.asarray(rows, np.int64).tobytes()).hexdigest()[:12]


def show_question(queue: PageQueue, songs: Songs) -> None:
    """Show the button that explains the mood of a list's song, if its features are known."""
    current = queue.current
    if current is None or songs.catalogue.find(current.song.id) is None or not songs.catalogue.has_features:
        return
    if st.button("What mood is it?", icon=":material/tune:", type="tertiary", key=f"music-ask-{queue.name}"):
        choose({MUSIC_TAB: YOUR_SONG, MUSIC_TRACK: current.song.id})
        st.rerun()
