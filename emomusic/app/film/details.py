"""What belongs to a film that was read: its people, all scenes with songs, the plane, the faces and the files."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from emomusic.affect import AffectPoint, affect_of, group_probabilities
from emomusic.app import state
from emomusic.app.answer import ALL
from emomusic.app.charts import roomy_columns, show_chart
from emomusic.app.film.job import PORTRAIT, FilmJob, FilmView
from emomusic.app.film.state import FilmState, ScenePicks, choose_scene, scene_line
from emomusic.app.frame import download_button, escape_markdown
from emomusic.app.player import song_line
from emomusic.app.sources import songs_recommender
from emomusic.app.state import from_state, page_state
from emomusic.app.your_music import with_your_music
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.export import film_faces_csv, film_playlist, film_record
from emomusic.songs.recommend import one_song_each
from emomusic.songs.request import Request
from emomusic.stream.film import FilmReading, face_line
from emomusic.stream.timeline import Scene
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


def show_people(job: FilmJob, film: FilmView) -> None:
    """Show who is in a film that was read: the portraits, numbers and main emotions."""
    if film.reading is not None:
        with st.container(horizontal=True, gap="medium", key="film-people"):
            for face in film.reading.faces()[:_FACES_SHOWN]:
                with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", width="content"):
                    if (portrait := job.portrait(face.number)) is not None:
                        st.image(portrait, alt=f"Face {face.number}", width=_PORTRAIT_SIDE)
                    st.markdown(f"**Face {face.number}**  \n{face.probabilities.emotion.adjective}", width="content")


def show_details(job: FilmJob, film: FilmView) -> None:
    """Show what follows the first screen of a film that was read."""
    if film.reading is None or not film.scenes:
        return
    left, right = roomy_columns([3, 2], key="film", gap="large")
    with left:
        st.header("Scenes and their songs", anchor=False)
        _show_scenes(film.scenes)
    with right:
        st.header("The group's path", anchor=False)
        _show_plane(film.reading)
    _show_faces(job, film.reading)


def _picks(scenes: Sequence[Scene]) -> ScenePicks:
    """One song for each scene, for the visitor's music; chosen once."""
    here, recommender = page_state(FilmState), songs_recommender()
    requests = [with_your_music(Request(point=scene.point, emotion=scene.emotion)) for scene in scenes]
    picks = here.picks
    if picks is None or picks.recommender is not recommender or picks.requests != requests:
        with st.spinner("Choosing songs"):
            picks = here.picks = ScenePicks(recommender, requests, one_song_each(requests, recommender))
    return picks


def _show_scenes(scenes: Sequence[Scene]) -> None:
    for number, (scene, pick) in enumerate(zip(scenes, _picks(scenes).picks, strict=True)):
        with st.container(gap=None):
            st.button(
                escape_markdown(scene_line(number, scene)),
                type="tertiary",
                on_click=choose_scene,
                args=(number,),
                key=state.film_widget("play", str(number)),
            )
            st.markdown("no song fits" if pick is None else song_line(pick.song))


def _show_plane(reading: FilmReading) -> None:
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


def _show_faces(job: FilmJob, reading: FilmReading) -> None:
    faces = reading.faces()
    st.header("Faces", anchor=False)
    columns = roomy_columns([1, 1], key="film-faces", gap="large")
    shown = faces[:_FACES_SHOWN]
    for number, face in enumerate(shown):
        with (
            columns[2 * number // max(len(shown), 2)],
            st.container(horizontal=True, vertical_alignment="center", gap="small"),
        ):
            when = f"In view for {format_clock(face.seconds)}, from {format_clock(face.start_s)} on"
            if (portrait := job.portrait(face.number)) is not None:
                st.image(portrait, alt=f"Face {face.number}", width=PORTRAIT // 2)
            st.markdown(f"{escape_markdown(face_line(face))}  \n{when}")
    if len(faces) > _FACES_SHOWN:
        st.caption(f"{len(faces) - _FACES_SHOWN} more faces are in the files.")


def show_downloads(film: FilmView) -> None:
    """Show a menu with the film and its readings as files."""
    _picks(film.scenes)  # for the files, which are made outside of the page
    here = page_state(FilmState)
    with st.popover("Download", icon=":material/download:", key="film-downloads"):
        if film.marked is not None:
            # Looks like the buttons below, whose files Streamlit would keep in memory
            st.html(f'{_LINK_STYLE}<a href="{film.marked.download_address}" download>Marked film (MP4)</a>')
        for label, make, name in (
            ("Readings (CSV)", _make_csv, "emomusic-film.csv"),
            ("Everything (JSON)", _make_json, "emomusic-film.json"),
            ("Playlist (M3U)", _make_list, "emomusic-film.m3u"),
        ):
            download_button(label, from_state(here, make), name, type="tertiary")


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
