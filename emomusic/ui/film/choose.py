"""Choose a film: the sample or an upload."""

from __future__ import annotations

from functools import partial

import streamlit as st

from emomusic.assets import data_dir
from emomusic.compat import release_upload, session_id
from emomusic.errors import EmomusicError
from emomusic.face.film import FilmNetworks
from emomusic.face.film_formats import FILM_ENDINGS, FORMATS_IN_WORDS
from emomusic.face.identity import FaceIdentifier
from emomusic.ui.core import state
from emomusic.ui.core.address import chosen_here, remembered, went_back, write
from emomusic.ui.core.engine import engine
from emomusic.ui.core.frame import escape_markdown_message
from emomusic.ui.core.sessions import WHEN_GONE
from emomusic.ui.film.job import MAX_MB, MAX_S, FilmJob, open_sample, store_upload

_SAMPLE = "sample"  # the value in the URL


def current_job() -> FilmJob | None:
    """The visitor's film; None before the first. Starts the sample if the URL names it."""
    job: FilmJob | None = st.session_state.get(state.FILM)
    is_back = went_back(state.FILM_SAMPLE)
    is_linked = remembered(state.FILM_SAMPLE) == _SAMPLE
    if is_linked and (job is None or is_back):
        start_sample()
        job = st.session_state[state.FILM]
    elif is_back and job is not None and not is_linked:
        forget_job()
        st.rerun()  # the empty page has another title
    if is_linked:
        write(state.FILM_SAMPLE, _SAMPLE)  # the URL is empty after a return from another page
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
            st.file_uploader(
                f"Drop a video here: {FORMATS_IN_WORDS}, up to {MAX_S // 60} minutes and {MAX_MB} MB",
                type=list(FILM_ENDINGS),
                max_upload_size=MAX_MB,
                key=state.fresh(state.FILM_UPLOAD),
                on_change=_store_upload,
                label_visibility="collapsed",
            )
    if problem := st.session_state.pop(state.FILM_PROBLEM, None):
        st.error(escape_markdown_message(problem), icon=":material/error:")
    st.caption(
        f"{FORMATS_IN_WORDS}, up to {MAX_S // 60} minutes and {MAX_MB} MB. Use videos of people who agree. Your video "
        "stays in an unnamed temporary file of this server until it is read and marked. The marked copy stays in "
        f"memory until you choose another video, or {WHEN_GONE}. To recognise a face after a cut, EmoMusic compares "
        "the faces of this video with each other and keeps no description of them."
    )


def start_sample() -> None:
    """Read the bundled film."""
    path = data_dir() / "samples" / "faces.mp4"
    _start(FilmJob(path.name, open_sample(path), partial(_networks, session_id())))


def cancel_job() -> None:
    """Stop the reading and keep its results; for the `on_click` of a button.

    Streamlit keeps the function after the end of the session, and a method of the job would keep the job.
    """
    job: FilmJob | None = st.session_state.get(state.FILM)
    if job is not None:
        job.cancel()


def forget_job() -> None:
    """Delete the film and its results; for the `on_click` of a button."""
    job: FilmJob | None = st.session_state.pop(state.FILM, None)
    if job is not None:
        job.close()
    for key in (state.FILM_SCENE, state.FILM_AT, state.queue("film")):
        st.session_state.pop(key, None)
    state.renew(state.FILM_UPLOAD)
    write(state.FILM_SAMPLE, None)
    chosen_here(state.FILM_SAMPLE)


def _choose_sample() -> None:
    start_sample()
    write(state.FILM_SAMPLE, _SAMPLE)


def _store_upload() -> None:
    file = st.session_state.get(state.fresh(state.FILM_UPLOAD))
    if file is None:
        return
    try:
        stored = store_upload(file, file.size)
    except EmomusicError as error:
        st.session_state[state.FILM_PROBLEM] = str(error)
        return
    finally:
        release_upload(file.file_id)
    state.renew(state.FILM_UPLOAD)
    write(state.FILM_SAMPLE, None)
    chosen_here(state.FILM_SAMPLE)
    _start(FilmJob(file.name, stored, partial(_networks, session_id())))


def _start(job: FilmJob) -> None:
    before: FilmJob | None = st.session_state.get(state.FILM)
    if before is not None:
        before.close()
    st.session_state[state.FILM] = job
    st.session_state.pop(state.FILM_SCENE, None)
    st.session_state.pop(state.FILM_AT, None)


@st.cache_resource(show_spinner=False)
def _identifier() -> FaceIdentifier:
    return FaceIdentifier()


def _networks(visitor: str) -> FilmNetworks:
    return FilmNetworks(*engine().reader_networks(visitor), _identifier())
