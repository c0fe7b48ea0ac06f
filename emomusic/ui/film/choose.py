"""Choose a film: the sample or an upload."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import BinaryIO

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from emomusic.assets import data_dir
from emomusic.compat import session_id
from emomusic.face.film import FilmNetworks, load_film_networks
from emomusic.face.film_formats import FILM_ENDINGS, FORMATS_IN_WORDS
from emomusic.ui.core import state
from emomusic.ui.core.address import choose, chosen
from emomusic.ui.core.sessions import WHEN_GONE
from emomusic.ui.core.shared import shared
from emomusic.ui.core.uploads import show_uploader
from emomusic.ui.film.job import MAX_MB, MAX_S, FilmHolder, FilmJob, stored_upload

_SAMPLE = "sample"  # the value in the URL


def current_job() -> FilmJob | None:
    """The visitor's film; None before the first. Starts the sample if the URL names it."""
    job = visitors_job()
    is_linked = chosen(state.FILM_SAMPLE) == _SAMPLE
    if is_linked and job is None:
        job = _start_sample()
    elif job is not None and not is_linked and st.session_state.get(state.FILM_LINKED):  # after Back
        forget_job()
        st.rerun()  # the empty page has another title
    st.session_state[state.FILM_LINKED] = is_linked
    return job


def choose_film() -> None:
    """Show the sample and the upload."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="film-chooser"):
        st.button(
            "Try the sample",
            icon=":material/play_circle:",
            type="primary",
            on_click=_choose_sample,
            key=state.film_widget("sample"),
        )
        with st.container(width="stretch"):
            show_uploader(
                st.file_uploader,
                f"Drop a film here: {FORMATS_IN_WORDS}, up to {MAX_S // 60} minutes and {MAX_MB} MB",
                state.FILM_UPLOAD,
                _store_film,
                type=list(FILM_ENDINGS),
                max_upload_size=MAX_MB,
                label_visibility="collapsed",
            )
    st.caption(
        f"{FORMATS_IN_WORDS}, up to {MAX_S // 60} minutes and {MAX_MB} MB. Use films of people who agree. Your film "
        "stays in an unnamed temporary file of this server until it is read and marked. The marked copy stays in "
        f"memory until you choose another film, or {WHEN_GONE}. To recognise a face after a cut, EmoMusic compares "
        "the faces of this film with each other and keeps no description of them."
    )


def visitors_job() -> FilmJob | None:
    """The visitor's film. Fragments call this: Streamlit would keep a film that they refer to."""
    holder: FilmHolder | None = st.session_state.get(state.FILM)
    return None if holder is None else holder.job


def _start_sample() -> FilmJob:
    """Read the bundled film."""
    path = data_dir() / "samples" / "faces.mp4"
    return _start(path.name, path.open("rb"))


def cancel_job() -> None:
    """Stop the reading and keep its results; for the `on_click` of a button.

    Streamlit keeps the function after the end of the session, and a method of the job would keep the job.
    """
    if (job := visitors_job()) is not None:
        job.cancel()


def forget_job() -> None:
    """Delete the film and its results; for the `on_click` of a button."""
    if (job := visitors_job()) is not None:
        job.close()
    for key in (state.FILM, state.FILM_SCENE, state.FILM_AT, state.FILM_SONGS, state.queue("film")):
        st.session_state.pop(key, None)
    _set_sample(None)


def _choose_sample() -> None:
    _start_sample()
    _set_sample(_SAMPLE)


def _set_sample(value: str | None) -> None:
    choose({state.FILM_SAMPLE: value})
    st.session_state[state.FILM_LINKED] = value is not None


def _store_film(files: Sequence[UploadedFile | DeletedFile]) -> None:
    """Read the uploaded film. The page then shows no uploader, so the visitor cannot remove the file there."""
    for file in files:
        if isinstance(file, UploadedFile):
            _set_sample(None)
            _start(file.name, stored_upload(file, file.size))


def _start(name: str, file: AbstractContextManager[BinaryIO]) -> FilmJob:
    if (before := visitors_job()) is not None:
        before.close()
    job = FilmJob(name, file, partial(_networks, session_id()))
    st.session_state[state.FILM] = FilmHolder(job)
    st.session_state.pop(state.FILM_SCENE, None)
    st.session_state.pop(state.FILM_AT, None)
    return job


def _networks(visitor: str) -> FilmNetworks:
    return FilmNetworks(*shared().visitor_networks(visitor), load_film_networks().identifier)
