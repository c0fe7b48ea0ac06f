"""A visitor's own table of songs, for this session: explored on the Music page, and a source of songs everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.app import state
from emomusic.app.frame import error_text, escape_markdown
from emomusic.app.uploads import listed, show_removal, show_uploader
from emomusic.assets import ModelKind, folder_of, load_once
from emomusic.errors import EmomusicError
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.mood import MOODS, MoodClassifier
from emomusic.songs.mood_models import DEFAULT_MOOD_MODEL
from emomusic.songs.recommend import Recommender
from emomusic.songs.table_import import MAX_UPLOAD_BYTES, read_catalogue


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
        ModelError: the mood model is absent or damaged.
    """
    if catalogue.has_features:
        return mood_classifier().predict_probabilities(catalogue.features, duration_s=catalogue.duration_s)
    own = catalogue.table["mood"].to_numpy(object)
    return np.column_stack([own == mood.value for mood in MOODS]).astype(np.float32)


def table_recommender() -> Recommender | None:
    """The recommender for the visitor's table; None without one."""
    own: Recommender | None = st.session_state.get(state.MUSIC_OWN)
    return own


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
    if (file := st.session_state.get(state.MUSIC_FILE)) is not None:
        with waiting, st.spinner(f"Reading {escape_markdown(file.name)}"):
            _read(file.name, file.getvalue())
        del st.session_state[state.MUSIC_FILE]  # last: an interrupted run reads it again
    if (own := table_recommender()) is not None:
        with waiting:
            note = f"Shown: **{escape_markdown(own.catalogue.name)}**"
            show_removal(state.MUSIC_UPLOAD, "Remove the table", _store, note)
    if (problem := st.session_state.get(state.MUSIC_PROBLEM)) is not None and listed(state.MUSIC_UPLOAD):
        st.error(problem, icon=":material/error:")


def _store(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Store the uploaded table in the session, until it is read."""
    for key in (state.MUSIC_FILE, state.MUSIC_OWN, state.MUSIC_OWN_SONGS, state.MUSIC_PROBLEM):
        st.session_state.pop(key, None)
    if files:
        st.session_state[state.MUSIC_FILE] = files[0]


def _read(name: str, data: bytes) -> None:
    """Store the recommender of a CSV, or the error message, so that reruns do not read the file again."""
    try:
        catalogue = read_catalogue(data, name=name)
        st.session_state[state.MUSIC_OWN] = Recommender(catalogue, mood_probabilities(catalogue))
    except EmomusicError as error:
        st.session_state[state.MUSIC_PROBLEM] = error_text(error)
