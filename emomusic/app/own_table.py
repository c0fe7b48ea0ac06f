"""A visitor's own table of songs, for this session: explored on the Music page, and a source of songs everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.frame import error_text, escape_markdown
from emomusic.app.state import page_state
from emomusic.app.uploads import hold, listed, show_removal, show_uploader
from emomusic.assets import ModelKind, folder_of, load_once
from emomusic.errors import DatasetError, EmomusicError
from emomusic.server.budget import HeldBytes
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.features import FEATURE_NAMES
from emomusic.songs.mood import MOODS, MoodClassifier
from emomusic.songs.mood_models import DEFAULT_MOOD_MODEL
from emomusic.songs.recommend import Recommender
from emomusic.songs.table_import import MAX_UPLOAD_BYTES, read_catalogue
from emomusic.text import join_names


@load_once
def mood_classifier() -> MoodClassifier:
    """The mood model of the recommender.

    Raises:
        ModelError: it is absent or damaged.
    """
    return MoodClassifier.load(folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL))


def mood_probabilities(catalogue: Catalogue) -> npt.NDArray[np.float32]:
    """Shape (n, 4): of the mood model; of songs without features, 1 for their mood.

    Raises:
        DatasetError: the table has neither all features nor all moods.
        ModelError: the mood model is absent or damaged.
    """
    if catalogue.has_features:
        return mood_classifier().predict_probabilities(catalogue.features, duration_s=catalogue.duration_s)
    if "mood" not in catalogue.table or catalogue.table["mood"].isna().any():
        absent = [name for name in FEATURE_NAMES if catalogue.table[name].isna().any()]
        raise DatasetError(
            f"{catalogue.name}: expected all audio features or a mood of each song. Received: songs without "
            f"{join_names(absent)} and without a mood. Fill in these columns or the moods."
        )
    own = catalogue.table["mood"].to_numpy(object)
    return np.column_stack([own == mood.value for mood in MOODS]).astype(np.float32)


@dataclass
class TableState:
    """The visitor's table.

    Attributes:
        file: before it is read.
        recommender: of its songs.
        explored: what the Music page made of it.
        problem: why it cannot be read.
        held: the bytes of the file in the budget of the server, also for its songs.
    """

    file: UploadedFile | None = None
    recommender: Recommender | None = None
    explored: Any = None
    problem: str | None = None
    held: HeldBytes | None = None


def table_recommender() -> Recommender | None:
    """The recommender for the visitor's table; None without one."""
    return page_state(TableState).recommender


def choose_own_table() -> None:
    """Show the uploader, and what happened to the last file."""
    show_uploader(
        st.file_uploader,
        "Your table of songs (CSV)",
        state.MUSIC_UPLOAD,
        _store,
        type="csv",
        max_upload_size=MAX_UPLOAD_BYTES // 2**20,
    )
    waiting = st.container()  # present without a file too, so that elements below keep their position
    table = page_state(TableState)
    if table.file is not None:
        with waiting, st.spinner(f"Reading {escape_markdown(table.file.name)}"):
            _read(table)
    if (own := table_recommender()) is not None:
        with waiting:
            note = f"Shown: **{escape_markdown(own.catalogue.name)}**"
            show_removal(state.MUSIC_UPLOAD, "Remove the table", _store, note)
    if table.problem is not None and listed(state.MUSIC_UPLOAD):
        st.error(table.problem, icon=":material/error:")


def _store(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the uploaded table in the session, until it is read."""
    table = page_state(TableState)
    table.file = table.recommender = table.explored = table.problem = table.held = None
    for file in files:
        if isinstance(file, UploadedFile):
            table.held, table.file = hold(file), file


def _read(table: TableState) -> None:
    """Store the recommender of the file, or the error message, so that reruns do not read it again."""
    assert table.file is not None
    try:
        catalogue = read_catalogue(table.file.getvalue(), name=table.file.name)
        table.recommender = Recommender(catalogue, mood_probabilities(catalogue))
    except EmomusicError as error:
        table.problem = error_text(error)
    except Exception:
        table.file = None
        raise
    table.file = None  # last: an interrupted run reads it again
