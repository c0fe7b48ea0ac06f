"""The Film page: choose a film, and watch it with its faces, scenes and songs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from emomusic.app.browser.components import mount
from emomusic.app.choices import FILM_SAMPLE
from emomusic.app.film.screen import show_screen
from emomusic.app.film.state import FilmState
from emomusic.app.frame import escape_markdown, escape_markdown_message
from emomusic.app.queues import forget_queue
from emomusic.app.state import page_state
from emomusic.app.uploads import open_upload, show_uploader
from emomusic.assets import data_dir
from emomusic.media.formats import FILM_ENDINGS, FORMATS, Kind
from emomusic.server.files import ServedFile
from emomusic.server.film_job import MAX_MB, MAX_S, FilmJob, FilmPhase, FilmView, has_room
from emomusic.server.sessions import WHEN_GONE
from emomusic.server.shared import shared
from emomusic.server.visitor import session_id
from emomusic.text import format_clock, pluralize


def show_film() -> None:
    """Show the page, in the order of the screen."""
    job = _current_job()
    if job is None:
        with st.container(key="film-start"):
            with st.container(key="film-begin"):
                _draw_start()
            with st.container(key="loop-film"):
                alt = "A film with framed faces; below it the emotions of the group over time, in seven numbered scenes"
                mount("loop", key="film-loop", data={"file": "film.mp4", "alt": alt})
        return
    film = job.view()
    page_state(FilmState).drawn = _drawn(film)
    if film.error is not None:
        st.title("This film cannot be read", anchor=False)
        st.error(escape_markdown_message(film.error), icon=":material/error:")
        _show_way_back()
        return
    _show_head(job, film)
    show_screen(job, film)


def _current_job() -> FilmJob | None:
    """The visitor's film; None before the first. Starts the sample if the URL names it."""
    here = page_state(FilmState)
    job = here.job
    is_linked = FILM_SAMPLE.value is not None
    if is_linked and job is not None and not here.is_linked:  # after Back; the visitor's own film stays
        FILM_SAMPLE.set(None)
        is_linked = False
    if is_linked and job is None:
        path = data_dir() / "samples" / "faces.mp4"
        job = _start(path.name, path.open("rb"), source=ServedFile(path, "video/mp4"))
    elif job is not None and here.is_linked and not is_linked:  # after Back
        _forget_job()
        st.rerun()  # the empty page has another title
    here.is_linked = is_linked
    return job


def _draw_start() -> None:
    """Show the sample and the upload."""
    st.markdown("A film becomes scenes, and each scene gets its song.")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Try the sample",
            icon=":material/play_circle:",
            type="primary",
            on_click=FILM_SAMPLE.set,
            args=(FILM_SAMPLE.options,),
            key="film-sample",
        )
        with st.popover("Privacy", type="tertiary", icon=":material/lock:"):
            st.markdown(
                "Your film and its marked copy stay in unnamed temporary files of this server until you choose another "
                f"film, or {WHEN_GONE}. To recognise a face after a cut, EmoMusic compares the faces of this film with "
                "each other and keeps no description of them."
            )
    if not has_room():
        no_room = "This server has no room for films now. Watch the sample; its owner can set TMPDIR to another folder."
        st.info(no_room, icon=":material/info:")
        return
    st.caption(f"Or your own film of people who agree. It is deleted {WHEN_GONE}.")
    with st.container(key="film-drop"):
        show_uploader(
            f"Drop a film here: {FORMATS[Kind.FILM]}, up to {MAX_S // 60} minutes and {MAX_MB} MB",
            "film_upload",
            _store_film,
            type=list(FILM_ENDINGS),
            max_upload_size=MAX_MB,
        )


def _store_film(files: Sequence[UploadedFile]) -> None:
    """Read the uploaded film. The page then shows no uploader, so the visitor cannot remove the file there."""
    for file in files:
        FILM_SAMPLE.set(None)
        _start(file.name, open_upload(file)[0])


def _start(name: str, file: BinaryIO, **options: Any) -> FilmJob:
    if (before := page_state(FilmState).job) is not None:
        before.close()
    job = FilmJob(name, file, partial(shared().visitor_networks, session_id()), session_id(), **options)
    page_state(FilmState).show(job)
    return job


def _read_again(turn: int, stream: int | None) -> None:
    """Read the same film again: turned clockwise, in degrees, or another video of it."""
    job = page_state(FilmState).job
    file = None if job is None else job.take()
    if job is not None and file is not None:
        forget_queue("film")
        _start(job.name, file, turn=turn % 360, stream=stream)


def _cancel_job() -> None:
    """Stop the reading and keep its results.

    Streamlit keeps the function after the end of the session, and a method of the job would keep the job.
    """
    if (job := page_state(FilmState).job) is not None:
        job.cancel()


def _forget_job() -> None:
    """Delete the film and its results."""
    if (job := page_state(FilmState).job) is not None:
        job.close()
    page_state(FilmState).show(None)
    forget_queue("film")
    FILM_SAMPLE.set(None)


def _show_way_back() -> None:
    st.button("Another film", icon=":material/movie:", on_click=_forget_job, key="film-another")


def _drawn(film: FilmView) -> tuple[object, ...]:
    """What decides the elements of the page. The page runs again when it changes."""
    return film.phase, film.error, film.source, film.reading is not None, film.has_answer, len(film.scenes)


def _show_head(job: FilmJob, film: FilmView) -> None:
    """Show the progress or the people of the film, and the way to another film."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="film-head", wrap=False):
        with st.container(width="stretch"):
            if film.phase is not FilmPhase.OVER:
                _show_progress()
            elif film.reading is not None:
                parts = pluralize(len(film.scenes), "scene"), pluralize(len(film.reading.persons()), "face")
                st.markdown(" · ".join([f"**{escape_markdown(job.name)}**", format_clock(film.reading.end_s), *parts]))
        if film.is_reading:
            st.button(
                "Cancel",
                icon=":material/stop_circle:",
                on_click=_cancel_job,
                help="Stop here and keep the results",
                key="film-cancel",
            )
        else:
            _show_way_back()
    if not film.is_reading:
        if film.is_cancelled and film.reading is not None:
            st.caption(f":material/stop_circle: Stopped at {format_clock(film.reading.end_s)}. The results end there.")
        elif film.problem is not None:
            st.warning(escape_markdown_message(film.problem), icon=":material/broken_image:")
        if film.unmarked is not None:
            st.warning(escape_markdown_message(film.unmarked), icon=":material/broken_image:")
        if film.phase is FilmPhase.OVER and film.may_differ:
            _offer_other_reading(film)


def _offer_other_reading(film: FilmView) -> None:
    """Offer to turn the film, and its other videos."""
    others = [number for number in range(1, film.num_videos + 1) if number != film.stream]
    turned = film.reading.turn if film.reading is not None else 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="film-again"):
        st.caption(f"{film.note or ''} {f'The faces were read turned by {turned}°, clockwise.' if turned else ''}")
        for label, icon, turn, number in (
            *((f"Video {number}", "movie", film.turn, number) for number in others),
            ("Turn by 90°", "rotate_right", film.turn + 90, film.stream),
        ):
            icon, choice = f":material/{icon}:", (turn, number)
            st.button(label, icon=icon, type="tertiary", on_click=_read_again, args=choice, key=f"film-{label}")


@st.fragment(run_every=1.0)
def _show_progress() -> None:
    """Show the state of the film, refreshed while its thread runs."""
    if (job := page_state(FilmState).job) is None:
        return
    film = job.view()
    if _drawn(film) != page_state(FilmState).drawn:
        st.rerun()
    done, left_s, reading = f": {100 * film.share:.0f} %", film.seconds_left(), film.reading
    if film.phase is FilmPhase.WAITING:
        done = ""
    elif film.phase is FilmPhase.READING and reading is not None:
        of = "" if reading.duration_s is None else f" of {format_clock(reading.duration_s)}"
        done = f": {format_clock(reading.end_s)}{of}"
    left = "" if left_s is None else f", {format_clock(left_s)} left"
    st.progress(film.share, f"{film.phase}{done}{left}")
