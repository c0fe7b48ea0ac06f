"""What belongs to a film that was read: its people, the plane and the files."""

from __future__ import annotations

import json

import streamlit as st

from emomusic.affect import AffectPoint, affect_of, group_probabilities
from emomusic.app import state
from emomusic.app.answer import ALL
from emomusic.app.charts import show_chart
from emomusic.app.film.job import FilmJob, FilmPhase, FilmView
from emomusic.app.film.songs import mix_songs, scene_picks
from emomusic.app.film.state import FilmState, ScenePicks
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.state import from_state, page_state
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.export import film_faces_csv, film_playlist, film_record
from emomusic.server.streaming import StreamedFile
from emomusic.stream.film import FilmReading, face_line
from emomusic.text import for_excel, format_clock

_MOST_POINTS = 60  # of the trail
_FACES_SHOWN = 12
_PORTRAIT_SIDE = 44
_SONGS_OF_SCENE = 5  # in the JSON file, as from the command
_LINK_STYLE = """<style>
a[download] {
  display: inline-flex; align-items: center; min-height: 2.5rem; font-size: 0.875rem; color: inherit;
  text-decoration: none;
}
a[download]:is(:hover, :focus-visible) { color: var(--st-primary-color); }
</style>"""


def show_people(job: FilmJob, reading: FilmReading) -> None:
    """Show the faces of a film: portraits, numbers, emotions and times."""
    faces = reading.faces()
    with st.container(horizontal=True, gap="medium", key="film-people"):
        for face in faces[:_FACES_SHOWN]:
            with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", width="content"):
                if (portrait := job.portrait(face.number)) is not None:
                    st.image(portrait, alt=f"Face {face.number}", width=_PORTRAIT_SIDE)
                when = f"In view for {format_clock(face.seconds)}, from {format_clock(face.start_s)} on"
                st.markdown(f"{escape_markdown(face_line(face))}  \n{when}", width="content")
        if len(faces) > _FACES_SHOWN:
            st.caption(f"{len(faces) - _FACES_SHOWN} more faces are in the files.", width="content")


def show_plane(reading: FilmReading) -> None:
    """Show the faces and the path of the group on the affect plane."""
    table = reading.timeline().dropna(subset=["valence", "arousal"])
    points = table[["valence", "arousal"]].to_numpy()
    step = -(-len(points) // _MOST_POINTS)
    trail = [AffectPoint(*points[start : start + step].mean(axis=0)) for start in range(0, len(points), step)]
    faces = reading.faces()[:_FACES_SHOWN]
    marks = [FacePoint(str(face.number), affect_of(face.probabilities), face.probabilities.emotion) for face in faces]
    group = group_probabilities([face.probabilities for face in faces])
    if group is not None and len(marks) > 1:
        marks.append(FacePoint(ALL, affect_of(group), group.emotion))
    show_chart(circumplex(marks, trail=trail, height=380), key="film-plane", alt="The group's path on the affect plane")
    st.caption("Circles are the faces, with their numbers; the line is the group over time, fainter at the start.")


def show_downloads(film: FilmView) -> None:
    """Show a menu with the film and its readings as files."""
    picks = scene_picks(film.scenes)  # also for the files, which are made outside of the page
    here = page_state(FilmState)
    with st.popover("Download", icon=":material/download:", key="film-downloads"):
        if film.marked is not None:
            _show_link(film.marked, "Marked film (MP4)")
            label = "Film with its songs (MP4)"
            if film.mixed is not None and here.mixed is picks:
                _show_link(film.mixed, label)
            elif any(pick is not None and pick.song.is_audio for pick in picks.picks):
                key, is_over = state.film_widget("mix"), film.phase is FilmPhase.OVER
                st.button(label, type="tertiary", on_click=mix_songs, disabled=not is_over, key=key)
        for label, make, name in (
            ("Readings (CSV)", _make_csv, "emomusic-film.csv"),
            ("Everything (JSON)", _make_json, "emomusic-film.json"),
            ("Playlist (M3U)", _make_list, "emomusic-film.m3u"),
        ):
            download_button(label, from_state(here, make), name, type="tertiary")


def _show_link(file: StreamedFile, label: str) -> None:
    # Looks like the buttons, whose files Streamlit would keep in memory
    st.html(f'{_LINK_STYLE}<a href="{file.download_address}" download>{label}</a>')


def _made_of(here: FilmState) -> tuple[str, FilmView, FilmReading, ScenePicks]:
    """What the files are made of."""
    assert here.holder is not None
    assert here.picks is not None
    film = here.holder.job.view()
    assert film.reading is not None
    return here.holder.job.name, film, film.reading, here.picks


def _make_csv(here: FilmState) -> bytes:
    return for_excel(film_faces_csv(_made_of(here)[2]))


def _make_json(here: FilmState) -> str:
    name, film, reading, chosen = _made_of(here)
    of_scenes = [chosen.recommender.songs(request, _SONGS_OF_SCENE) for request in chosen.requests]
    record = film_record(name, reading, film.scenes, of_scenes, chosen.picks, chosen.requests[0], problem=film.problem)
    return json.dumps(record, ensure_ascii=False, indent=2)


def _make_list(here: FilmState) -> str:
    _, film, _, chosen = _made_of(here)
    return film_playlist(film.scenes, chosen.picks)
