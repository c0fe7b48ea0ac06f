"""The Film page: choose a film, watch the reading, then the marked film with its scenes and songs."""

from __future__ import annotations

import streamlit as st

from emomusic.text import format_clock
from emomusic.ui.core import state
from emomusic.ui.core.frame import escape_markdown, escape_markdown_message
from emomusic.ui.core.welcome import show_parts
from emomusic.ui.film.choose import cancel_job, choose_film, current_job, forget_job, visitors_job
from emomusic.ui.film.job import FilmJob, FilmStage
from emomusic.ui.film.results import choose_scene, show_answer, show_details, show_growing, show_picture, show_timeline

_FEATURES = (
    (":material/movie:", "The film", "with a box, a number and an emotion for each face; its sound stays."),
    (":material/area_chart:", "The timeline", "the mood of the group over time. A click moves the film there."),
    (":material/queue_music:", "The scenes", "spans of a stable mood, each with songs; the playlist follows them."),
    (
        ":material/face:",
        "The faces",
        "one line for each person, recognised after cuts, and the readings as CSV or JSON.",
    ),
)

_EVERY_S = 1.0


def show_film() -> None:
    """Show the page, in the order of the screen."""
    job = current_job()
    if job is None:
        choose_film()
        if visitors_job() is not None:  # an upload arrived
            st.rerun()
        show_parts(_FEATURES)
        return
    st.session_state[state.FILM_DRAWN] = _drawn(job)
    if job.error is not None:
        st.title("This film cannot be read", anchor=False)
        st.error(escape_markdown_message(job.error), icon=":material/error:")
        st.button("Another film", icon=":material/movie:", on_click=forget_job, key=state.film_widget("another"))
        return
    scene = choose_scene(job)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _show_head(job)
        show_picture(job)
        if job.is_reading:
            show_growing()
        else:
            show_timeline(job, scene)
    with right:
        show_answer(job, scene)
    if not job.is_reading:
        show_details(job)


def _drawn(job: FilmJob) -> tuple[object, ...]:
    """What decides the elements of the page. The page runs again when it changes."""
    return job.stage, job.error, job.reading is not None, job.has_answer(), len(job.scenes())


def _show_head(job: FilmJob) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="film-head"):
        with st.container(width="stretch"):
            _show_progress()
        if job.is_reading:
            st.button(
                "Cancel",
                icon=":material/stop_circle:",
                on_click=cancel_job,
                help="Stop here and keep the results",
                key=state.film_widget("cancel"),
            )
        else:
            st.button("Another film", icon=":material/movie:", on_click=forget_job, key=state.film_widget("another"))
    if not job.is_reading:
        if job.is_cancelled and job.reading is not None:
            st.caption(f":material/stop_circle: Stopped at {format_clock(job.reading.end_s)}. The results end there.")
        elif job.problem is not None:
            st.warning(escape_markdown_message(job.problem), icon=":material/broken_image:")


def _show_progress() -> None:
    """Show the state of the film, refreshed while its thread runs."""
    job = visitors_job()

    @st.fragment(run_every=None if job is None or job.stage is FilmStage.OVER else _EVERY_S)
    def progress() -> None:
        job = visitors_job()
        if job is None:
            return
        if _drawn(job) != st.session_state.get(state.FILM_DRAWN):
            st.rerun()
        if job.stage is FilmStage.WAITING:
            st.progress(0.0, "Waiting for the networks, or for the films of others")
        elif job.stage is FilmStage.OVER:
            st.markdown(f"**{escape_markdown(job.name)}**")
        else:
            st.progress(job.share, _progress_text(job))

    progress()


def _progress_text(job: FilmJob) -> str:
    left_s, reading = job.seconds_left(), job.reading
    left = "" if left_s is None else f", {format_clock(left_s)} left"
    if job.stage is FilmStage.MARKING or reading is None:
        return f"Drawing the faces into the film: {100 * job.share:.0f} %{left}"
    of = "" if reading.duration_s is None else f" of {format_clock(reading.duration_s)}"
    return f"Reading: {format_clock(reading.end_s)}{of}{left}"
