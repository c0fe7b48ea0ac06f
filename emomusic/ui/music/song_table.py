"""The table of songs that the music page shows: the one that ships, the labelled one, or the visitor's own."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic import downloads
from emomusic.assets import ModelKind, folder_of, read_metrics
from emomusic.errors import DatasetError, EmomusicError
from emomusic.music.catalogue import TRACK_COLUMNS, Catalogue
from emomusic.music.features import FEATURES
from emomusic.music.history import song_key
from emomusic.music.mood import MOODS, MoodClassifier
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL
from emomusic.music.table_files import MAX_UPLOAD_BYTES
from emomusic.music.tables import read_catalogue
from emomusic.results.records import version_of
from emomusic.text import file_size, for_excel, join_names, pluralize
from emomusic.ui.core import state
from emomusic.ui.core.engine import engine
from emomusic.ui.core.files import download_button
from emomusic.ui.core.frame import escape_markdown, escape_markdown_message
from emomusic.ui.core.sessions import WHEN_GONE
from emomusic.ui.core.uploads import show_lost_uploads

_T = TypeVar("_T")
_P = ParamSpec("_P")

SHIPPED, OWN = "Shipped", "Your CSV"
DOWNLOADABLE = {"Labelled": "moods", "TidyTuesday": "tidytuesday"}
"""What the choice says, and the name the download has; each is fetched where the visitor asks for it."""


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class SongTable:
    """A table of songs with the mood of each. Shared between visitors, or one visitor's own; its songs never change.

    Attributes:
        name: what to call it.
        digest: tells it from every other table; widgets carry it in their keys.
        catalogue: the songs.
        probabilities: shape (n, 4), float32, of the moods in the order of `Mood`, by the mood model.
        moods: shape (n,), positions in `Mood`: the label where the table has one, else the most probable.
        num_labelled: how many songs have a label.
        kept: what `kept` functions made of it.
    """

    name: str
    digest: str
    catalogue: Catalogue
    probabilities: npt.NDArray[np.float32]
    moods: npt.NDArray[np.int64]
    num_labelled: int
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.catalogue)

    def row_of(self, track_id: str) -> int:
        """The row of a song that the catalogue has."""
        return self.catalogue.row_of(track_id)

    @classmethod
    def of(cls, catalogue: Catalogue, digest: str) -> SongTable:
        """Give every song of a catalogue its mood.

        Raises:
            ModelError: the mood model is absent or damaged.
        """
        said = mood_classifier().predict_probabilities(catalogue.features, duration_s=catalogue.duration_s)
        return cls.from_probabilities(catalogue, digest, said)

    @classmethod
    def from_probabilities(cls, catalogue: Catalogue, digest: str, probabilities: npt.NDArray[np.float32]) -> SongTable:
        """Give every song its label where the table has one, else its most probable mood."""
        moods = probabilities.argmax(axis=1).astype(np.int64)
        num_labelled = 0
        if "mood" in catalogue.table:
            positions = catalogue.table["mood"].map({mood.value: position for position, mood in enumerate(MOODS)})
            labelled = positions.notna().to_numpy(bool)
            moods[labelled] = positions[labelled].to_numpy(np.int64)
            num_labelled = int(labelled.sum())
        return cls(catalogue.name, digest, catalogue, probabilities, moods, num_labelled)


def kept(compute: Callable[Concatenate[SongTable, _P], _T]) -> Callable[Concatenate[SongTable, _P], _T]:
    """Compute something of a table once for all its arguments, and keep it with the table.

    It is gone with the table. In a cache of Streamlit's, a visitor's own songs would stay after the visitor.
    """
    name = f"{compute.__module__}.{compute.__qualname__}"

    @functools.wraps(compute)
    def of(songs: SongTable, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (name, args, tuple(kwargs.items()))
        if key not in songs.kept:  # two visitors at once may both compute it, and get the same
            songs.kept[key] = compute(songs, *args, **kwargs)
        result: _T = songs.kept[key]
        return result

    return of


@kept
def song_numbers(songs: SongTable) -> npt.NDArray[np.int64]:
    """Shape (n,): a number for each song, the same for all its releases and versions."""
    numbers: dict[tuple[str, str], int] = {}
    table = songs.catalogue.table
    keys = map(song_key, table["title"], table["artists"])
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def each_once(songs: SongTable, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rows in their order, of each song the first: one recording may stand in a table under many ids."""
    _, first = np.unique(song_numbers(songs)[rows], return_index=True)
    return rows[np.sort(first)]


def mood_classifier() -> MoodClassifier:
    """The mood model of this server, the one that recommends.

    Raises:
        ModelError: it is absent or damaged.
    """
    return _mood_classifier(*version_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL))


@st.cache_resource(max_entries=1, show_spinner=False)
def _mood_classifier(folder: Path, changed: float) -> MoodClassifier:  # noqa: ARG001  # trained anew, loaded anew
    return MoodClassifier.load(folder)


def choose_table() -> SongTable | None:
    """Offer the tables; returns the one chosen, or None while there is none to show.

    Raises:
        EmomusicError: the table or the mood model cannot be read.
    """
    choice = st.segmented_control(
        "Table of songs",
        [SHIPPED, *DOWNLOADABLE, OWN],
        default=SHIPPED,
        required=True,
        key=state.MUSIC_TABLE,
        bind="query-params",
        label_visibility="collapsed",
    )
    if choice == OWN:
        songs = _own_table()
    elif choice in DOWNLOADABLE:
        songs = _downloadable_table(DOWNLOADABLE[choice])
    else:
        with st.spinner("Reading the songs and their moods"):
            songs = _shipped()
    if songs is not None:
        _say_what_it_is(songs)
    return songs


@st.cache_resource(show_spinner=False)
def _shipped() -> SongTable:
    recommender = engine().recommender()  # which has asked the model already
    name = f"shipped-{DEFAULT_MOOD_MODEL}"
    return SongTable.from_probabilities(recommender.catalogue, name, recommender.probabilities)


@st.cache_resource(max_entries=2, show_spinner=False)
def _downloaded(path: Path, changed: float) -> SongTable:  # noqa: ARG001  # a changed file is another table
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"expected to read {path.name}. Received: {error.strerror}") from error
    return SongTable.of(read_catalogue(data, name=path.name), hashlib.sha256(data).hexdigest()[:16])


def _downloadable_table(name: str) -> SongTable | None:
    path = downloads.find_download(name)
    if path is None:
        _offer_download(name)
        return None
    with st.spinner("Reading the songs and their moods"):
        return _downloaded(path, path.stat().st_mtime)


def _offer_download(name: str) -> None:
    """Say what would be fetched, and fetch it when asked to; a failure is one message and nothing half-written."""
    known = downloads.DOWNLOADS[name]
    st.markdown(f"This table does not come with the app: {known.source}. Licence: {known.licence}.")
    if st.button(
        f"Download it ({file_size(known.num_bytes)})",
        icon=":material/download:",
        type="primary",
        key=state.music_widget("download", name),
    ):
        bar = st.progress(0.0, "Asking the server")

        def report(done: int, total: int | None) -> None:
            bar.progress(_share(done, total or known.num_bytes), f"{file_size(done)} have arrived")

        try:
            downloads.ensure(name, report)
        finally:
            bar.empty()
        st.rerun()


def _share(done: int, total: int) -> float:
    return min(done / max(total, 1), 1.0)


def _own_table() -> SongTable | None:
    file = st.file_uploader(
        "Your table of songs: a CSV with Spotify ids and audio features",
        type="csv",
        max_upload_size=MAX_UPLOAD_BYTES // 2**20,
        key=state.MUSIC_UPLOAD,
        on_change=_forget_own,
    )
    show_lost_uploads(state.MUSIC_UPLOAD)
    st.caption(
        "Read as they are: an Exportify export of your playlists, TidyTuesday's spotify_songs.csv, Kaggle's table of "
        f"114,000 tracks, data_moods.csv, and any CSV with the columns id, title, artists, {_feature_columns()}. "
        f"It stays in memory, and is gone {WHEN_GONE}."
    )
    download_button(
        "Example (CSV)",
        example_csv,
        "example.csv",
        icon=":material/download:",
        key=state.music_widget("example"),
        help="Ten songs in a form that this page reads",
    )
    waiting = st.container()  # also where nothing is read: what stands below keeps its place, and no player starts anew
    if state.MUSIC_OWN not in st.session_state and file is not None:
        with waiting, st.spinner(f"Reading {escape_markdown(file.name)}"):
            st.session_state[state.MUSIC_OWN] = _read_own(file.name, file.getvalue())
    own = st.session_state.get(state.MUSIC_OWN)
    if isinstance(own, SongTable) and file is None:  # the uploader forgets when another page is shown
        with waiting, st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Shown: **{escape_markdown(own.name)}**", width="content")
            st.button("Take the table away", icon=":material/delete:", on_click=_forget_own)
    if isinstance(own, str) and file is not None:
        st.error(escape_markdown_message(own), icon=":material/error:")
    return own if isinstance(own, SongTable) else None


def example_csv() -> bytes:
    """Ten songs of the table that ships, as a visitor's own table may look."""
    songs = _shipped()
    rows = each_once(songs, songs.catalogue.best_known_first(np.arange(len(songs))))[:10]
    return for_excel(songs.catalogue.table.iloc[rows][list(TRACK_COLUMNS)].to_csv(index=False))


def _feature_columns() -> str:
    """The columns of features that a table may have, as a sentence lists them."""
    return join_names(" or ".join(dict.fromkeys((f.source_name, f.name))) for f in FEATURES.values())


def _forget_own() -> None:
    st.session_state.pop(state.MUSIC_OWN, None)


def _read_own(name: str, data: bytes) -> SongTable | str:
    """The table in a CSV, or what is wrong with it; kept either way, so that no rerun reads it again."""
    try:
        return SongTable.of(read_catalogue(data, name=name), hashlib.sha256(data).hexdigest()[:16])
    except EmomusicError as error:
        return str(error)


def _say_what_it_is(songs: SongTable) -> None:
    """The answer first: how many songs of each mood; then where the moods come from."""
    counts = np.bincount(songs.moods, minlength=len(MOODS))
    order = np.argsort(-counts, kind="stable")
    st.header(
        f"{pluralize(len(songs), 'song')}: "
        + ", ".join(f"{counts[position]:,} {MOODS[position]}" for position in order),
        anchor=False,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_origin(songs), width="stretch")
        with st.popover("What the numbers mean", icon=":material/help:"):
            _explain(songs)


def _origin(songs: SongTable) -> str:
    accuracy = _accuracy()
    if songs.num_labelled == len(songs):
        words = ["The moods are the table's own labels, not predictions."]
    elif songs.num_labelled:
        words = [f"{songs.num_labelled:,} moods are the table's own labels, the others predictions {accuracy}."]
    else:
        words = [f"The moods are predictions from audio features {accuracy}."]
    if (origin := songs.catalogue.origin) is not None:
        words.append(f"Read as: {origin.form}.")
        if origin.num_duplicates:
            words.append(f"{origin.num_duplicates:,} of its {origin.num_rows:,} rows repeat a song and are left out.")
        if origin.num_left_out:
            words.append(f"{pluralize(origin.num_left_out, 'row')} without a Spotify id or features left out.")
    return " ".join(words)


@st.cache_data(show_spinner=False)
def _accuracy() -> str:
    """How good the model is, from the figures that its training wrote."""
    metrics = read_metrics(folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL))
    mean, spread = 100 * metrics["accuracy"]["mean"], 100 * metrics["accuracy"]["std"]
    return (
        f"by the model *{metrics['model']}*, right for {mean:.0f} ± {spread:.0f} % of {metrics['n']} labelled songs "
        "that it had not seen"
    )


def _explain(songs: SongTable) -> None:
    num_versions = len(songs) - len(np.unique(song_numbers(songs)))
    if num_versions:
        st.markdown(
            f"**The songs.** Of {len(songs):,} rows, {num_versions:,} are other releases, remixes or live versions of "
            "a song in the table. Lists and playlists have each song once, in its best known version."
        )
    st.markdown(
        "**The plane.** Valence is how positive a song sounds, energy how intense. Both are shares from 0 to 1 in the "
        "table; on the plane they run from \u22121 to 1, so that faces and songs share one map. Energy stands for "
        "arousal.\n\n"
        "**The moods.** Calm, happy, energetic and sad are the four labels of the table the model learnt from. "
        "Happy and energetic songs are the ones it mixes up most.\n\n"
        "**The features**, as Spotify measured them:\n\n"
        + "\n".join(
            f"- *{feature.label}*{f' ({feature.unit})' if feature.unit else ''}: {feature.description}"
            for feature in FEATURES.values()
        )
    )
