"""The song table of the Music page: the shipped one, a downloaded one, or the user's own."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic import downloads
from emomusic.app import state
from emomusic.app.address import choose_one
from emomusic.app.frame import download_button
from emomusic.app.own_computer import is_own_computer
from emomusic.app.own_table import TableState, choose_own_table, mood_probabilities, table_recommender
from emomusic.app.sessions import WHEN_GONE
from emomusic.app.state import page_state
from emomusic.app.your_music import choose_genres, chosen_genres
from emomusic.assets import ModelKind
from emomusic.errors import DatasetError
from emomusic.records import MoodRecord, read_record
from emomusic.server.shared import shared
from emomusic.songs.catalogue import TRACK_COLUMNS, Catalogue, song_key
from emomusic.songs.features import FEATURES
from emomusic.songs.mood import MOODS
from emomusic.songs.mood_models import DEFAULT_MOOD_MODEL
from emomusic.songs.table_import import read_catalogue
from emomusic.text import file_size, for_excel, join_names, pluralize

_T = TypeVar("_T")
_P = ParamSpec("_P")

SHIPPED, OWN = "All songs", "Yours"
LABELLED = "With moods"
_LABELLED_NAME = "moods"  # in `downloads`


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class MoodCatalogue:
    """A table of songs with the mood of each song. The songs never change, so visitors can share it."""

    digest: str  # unique to the table, for widget keys
    catalogue: Catalogue
    probabilities: npt.NDArray[np.float32]  # shape (n, 4), from the mood model, in the order of `Mood`
    moods: npt.NDArray[np.int64]  # shape (n,), positions in `Mood`: the label, else the most probable mood
    num_labelled: int
    num_all: int  # how many songs the table has without a choice of genres
    has_your_music: bool = False  # whether the visitor's genres apply to it
    is_example: bool = False  # shown until the visitor has chosen an own table
    cache: dict[Any, Any] = field(default_factory=dict, repr=False)  # of functions with `cached_per_catalogue`

    def __len__(self) -> int:
        return len(self.catalogue)

    @classmethod
    def of(
        cls, catalogue: Catalogue, digest: str, probabilities: npt.NDArray[np.float32] | None = None
    ) -> MoodCatalogue:
        """The table for a catalogue, with moods from labels, or from these probabilities or the mood model.

        Raises:
            ModelError: the mood model is absent or damaged.
        """
        if probabilities is None:
            probabilities = mood_probabilities(catalogue)
        moods = probabilities.argmax(axis=1).astype(np.int64)
        num_labelled = 0
        if "mood" in catalogue.table:
            positions = catalogue.table["mood"].map({mood.value: position for position, mood in enumerate(MOODS)})
            labelled = positions.notna().to_numpy(bool)
            moods[labelled] = positions[labelled].to_numpy(np.int64)
            num_labelled = int(labelled.sum())
        return cls(digest, catalogue, probabilities, moods, num_labelled, len(catalogue))


def cached_per_catalogue(
    compute: Callable[Concatenate[MoodCatalogue, _P], _T],
) -> Callable[Concatenate[MoodCatalogue, _P], _T]:
    """Cache the results of a function in its table.

    A Streamlit cache would keep a visitor's own songs after the visit.
    """
    name = f"{compute.__module__}.{compute.__qualname__}"

    @functools.wraps(compute)
    def of(songs: MoodCatalogue, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (name, args, tuple(kwargs.items()))
        if key not in songs.cache:  # two threads can both compute it, with the same result
            songs.cache[key] = compute(songs, *args, **kwargs)
        result: _T = songs.cache[key]
        return result

    return of


@cached_per_catalogue
def song_numbers(songs: MoodCatalogue) -> npt.NDArray[np.int64]:
    """Shape (n,): a number per song, equal for all its versions."""
    numbers: dict[tuple[str, str], int] = {}
    table = songs.catalogue.table
    keys = map(song_key, table["title"], table["artists"])
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def unique_songs(songs: MoodCatalogue, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rows without later versions of the same song, in their order."""
    _, first = np.unique(song_numbers(songs)[rows], return_index=True)
    return rows[np.sort(first)]


def choose_table() -> MoodCatalogue | None:
    """Let the user choose a table, and return it, or None while there is none.

    Raises:
        EmomusicError: the table or the mood model cannot be read.
    """
    path = downloads.find_download(_LABELLED_NAME)
    others = [LABELLED] if path is not None or is_own_computer() else []
    choice = choose_one("Table of songs", [SHIPPED, *others, OWN], state.MUSIC_TABLE)
    if choice == OWN:
        return _own_table()
    if choice == LABELLED and path is None:
        _offer_download()
        return None
    with st.spinner("Reading songs and moods"):
        return _downloaded(path) if choice == LABELLED and path else _shipped(tuple(sorted(chosen_genres())))


@st.cache_resource(max_entries=9, show_spinner=False)
def _shipped(genres: tuple[str, ...]) -> MoodCatalogue:
    """The shipped table with songs of these genres. No genres select all songs."""
    recommender = shared().recommender()  # it already has the probabilities
    catalogue, probabilities = recommender.catalogue, recommender.probabilities
    digest, num_all = f"shipped-{DEFAULT_MOOD_MODEL}", len(catalogue)
    if genres:
        rows = np.flatnonzero(catalogue.passing(genres=genres))
        catalogue, probabilities = Catalogue(catalogue.table.iloc[rows], name=catalogue.name), probabilities[rows]
        digest += f"-{hashlib.sha256(','.join(genres).encode()).hexdigest()[:8]}"
    return replace(MoodCatalogue.of(catalogue, digest, probabilities), num_all=num_all, has_your_music=True)


@st.cache_resource(max_entries=2, show_spinner=False)
def _downloaded(path: Path) -> MoodCatalogue:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"expected to read {path.name}. Received: {error.strerror}") from error
    return MoodCatalogue.of(read_catalogue(data, name=path.name), hashlib.sha256(data).hexdigest()[:16])


def _offer_download() -> None:
    """Describe a table that is not on this computer, and offer its download."""
    known = downloads.DOWNLOADS[_LABELLED_NAME]
    st.markdown(f"This table is not installed: {known.source}. Licence: {known.licence}.")
    if st.button(
        f"Download ({file_size(known.num_bytes)})",
        icon=":material/download:",
        type="primary",
        key=state.music_widget("download", _LABELLED_NAME),
    ):
        with st.spinner("Downloading the table"):
            downloads.ensure(_LABELLED_NAME)
        st.rerun()


def _own_table() -> MoodCatalogue:
    """Let the visitor choose an own table, and return it, or an example."""
    choose_own_table()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "A CSV with title, artists and a mood, or with audio features. Playlists from Exportify and published "
            "tables of Spotify songs fit too. The table stays in memory.",
            width="stretch",
        )
        with st.popover("Columns", icon=":material/help:", type="tertiary"):
            columns = join_names(" or ".join(dict.fromkeys((f.source_name, f.name))) for f in FEATURES.values())
            st.markdown(
                f"**Needed:** title, artists, and either mood ({', '.join(MOODS)}) or {columns}.\n\n"
                "**Useful:** id (of Spotify, for its player), path (of your file, for playlists), genres, year, "
                "popularity and duration_s."
            )
        with st.popover("Privacy", icon=":material/visibility:", type="tertiary"):
            st.markdown(f"The table is not stored or sent. It is deleted {WHEN_GONE}.")
        download_button(
            "Example (CSV)",
            example_csv,
            "example.csv",
            icon=":material/download:",
            key=state.music_widget("example"),
            help="Twelve songs in a supported format",
        )
    if (own := table_recommender()) is None:
        return _example()
    songs: MoodCatalogue | None = page_state(TableState).explored
    if songs is None or songs.catalogue is not own.catalogue:
        digest = hashlib.sha256(own.catalogue.table.to_csv().encode("utf-8", "surrogatepass")).hexdigest()[:16]
        songs = page_state(TableState).explored = MoodCatalogue.of(own.catalogue, digest, own.probabilities)
    return songs


@st.cache_resource(show_spinner=False)
def _example() -> MoodCatalogue:
    """The best known songs of each mood, as an example for a user's own table."""
    songs = _shipped(())
    known = unique_songs(songs, songs.catalogue.best_known_first(np.arange(len(songs))))
    rows = np.concatenate([known[songs.moods[known] == position][:3] for position in range(len(MOODS))])
    catalogue = Catalogue(songs.catalogue.table.iloc[rows].reset_index(drop=True), name="Example")
    return replace(MoodCatalogue.of(catalogue, "example", songs.probabilities[rows]), is_example=True)


def example_csv() -> bytes:
    """The songs of the example."""
    return for_excel(_example().catalogue.table[list(TRACK_COLUMNS)].to_csv(index=False))


def show_summary(songs: MoodCatalogue) -> DeltaGenerator:
    """Show the number of songs per mood. Returns the menu for `explain_numbers`."""
    counts = np.bincount(songs.moods, minlength=len(MOODS))
    order = np.argsort(-counts, kind="stable")
    which = f"{len(songs):,} of " if len(songs) != songs.num_all else ""
    title = f"{'Example: ' if songs.is_example else ''}{which}{pluralize(songs.num_all, 'song')}: "
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(title + ", ".join(f"{counts[position]:,} {MOODS[position]}" for position in order), anchor=False)
        if songs.has_your_music:
            choose_genres()
        return st.popover("What the numbers mean", icon=":material/help:")


def _origin(songs: MoodCatalogue) -> str:
    accuracy = _accuracy()
    if songs.num_labelled == len(songs):
        sentences = ["The moods are labels of the table."]
    elif songs.num_labelled:
        sentences = [f"{songs.num_labelled:,} moods are labels of the table. The others are predictions {accuracy}."]
    else:
        sentences = [f"The moods are predictions {accuracy}."]
    if (origin := songs.catalogue.origin) is not None:
        sentences += origin.sentences
    return " ".join(sentences)


@st.cache_data(show_spinner=False)
def _accuracy() -> str:
    """The accuracy of the mood model, from its saved metrics."""
    record = read_record(ModelKind.MUSIC, DEFAULT_MOOD_MODEL)
    assert isinstance(record, MoodRecord)
    return (
        f"by the model *{record.name}* from audio features, with an accuracy of {100 * record.mean_accuracy:.0f} ± "
        f"{100 * record.spread:.0f} % on {record.n} held-out songs"
    )


def explain_numbers(songs: MoodCatalogue) -> None:
    """Show the source of the moods, and the meaning of versions, plane, moods and features."""
    st.markdown(_origin(songs))
    if num_versions := len(songs) - int(song_numbers(songs).max()) - 1:
        st.markdown(
            f"**Songs.** {num_versions:,} of {len(songs):,} rows are other versions of a song in the table. Lists and "
            "playlists contain only the best known version."
        )
    st.markdown(
        "**Plane.** Valence is how positive a song sounds, energy how intense. Energy is the arousal axis. The plane "
        "scales both from \u22121 to 1, as for faces. Calm should be pleasant and drowsy, but many calm songs have a "
        "low valence and lie on the unpleasant side.\n\n"
        "**Moods.** Calm, happy, energetic and sad are the labels of the training set. The model confuses happy and "
        "energetic songs most often.\n\n"
        "**Features** from Spotify:\n\n"
        + "\n".join(
            f"- *{feature.label}*{f' ({feature.unit})' if feature.unit else ''}: {feature.description}"
            for feature in FEATURES.values()
        )
    )
