"""The results of a film: video, timeline, scenes with songs, plane, faces and downloads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
import streamlit as st

from emomusic.affect import AffectPoint, affect_of, describe, group_probabilities
from emomusic.export import film_faces_csv, film_playlist, film_record
from emomusic.face.film import FilmReading, face_line
from emomusic.face.live.timeline import Segment, every_second
from emomusic.music.recommend import Recommender, Song, one_song_each
from emomusic.music.request import Request
from emomusic.music.sound.film_sound import SoundSpan
from emomusic.plots.affect import FacePoint, circumplex
from emomusic.plots.live import film_areas
from emomusic.text import for_excel, format_clock, join_names
from emomusic.ui.core import state
from emomusic.ui.core.charts import roomy_columns, show_chart
from emomusic.ui.core.frame import download_button, escape_markdown
from emomusic.ui.film.job import PORTRAIT, FilmJob, FilmStage, visitors_job
from emomusic.ui.songs.choose import ALL, NOW, Listener, request_of, song_line
from emomusic.ui.songs.player import queue_of, show_queue
from emomusic.ui.songs.sources import songs_recommender
from emomusic.ui.songs.your_music import with_your_music

_EVERY_S = 2.0
_MOST_BUTTONS = 10  # more scenes are in a menu
_MOST_POINTS = 60  # of the trail
_FACES_SHOWN = 12
_SONGS_OF_SCENE = 5  # in the JSON file, as from the command
_NEVER_S = 10**6  # later than the end of any film


def show_picture(job: FilmJob) -> None:
    """Show the marked film, or before that the current frame."""
    if job.marked is not None:
        at_s = st.session_state.get(state.FILM_AT)
        # Another end time for each choice makes another video element, so that the same second can be played again
        end_s = _NEVER_S + st.session_state.get(state.FILM_CHOICES, 0)
        st.video(
            job.marked, format="video/mp4", start_time=at_s or 0, end_time=end_s, autoplay=at_s is not None, muted=False
        )
        return

    @st.fragment(run_every=None if job.stage is FilmStage.OVER else 1.0)
    def frame() -> None:
        job = visitors_job()
        if job is not None and (preview := job.preview) is not None:
            st.image(preview, alt="The current frame with its faces", width="stretch")

    frame()


def show_answer(job: FilmJob, scene: int) -> None:
    """Show the chosen scene and its song."""
    scenes = job.scenes()
    if not scenes or not job.has_answer():
        if job.is_reading:
            st.title("Looking for the first scene", anchor=False)
            st.caption("Its song appears here, while the rest of the film is read.")
        elif job.reading is None:
            st.title("Nothing was read", anchor=False)
            st.markdown("The reading was stopped before it began. Choose the film again.")
        else:
            st.title("No face found", anchor=False)
            st.markdown("Faces must look towards the camera. Try another film.")
        return
    scene = min(scene, len(scenes) - 1)  # the last ones may have been joined meanwhile
    segment = scenes[scene]
    st.html(_STYLE)
    with st.container(key="film-answer"):
        st.title(describe(segment.probabilities, of_group=True), anchor=False)
        last = f" of {len(scenes)}" if not job.is_reading else ""
        st.caption(f"Scene {scene + 1}{last}, {_span(segment)}")
        _show_scene_buttons(job, scenes, scene)
        point, emotion = job.mood_of(scene)
        queue = queue_of(request_of(Listener(NOW, point, emotion, None)), "film")
    show_queue(queue, "film", "emomusic-scene")
    settled = scenes[: len(scenes) - job.is_reading]  # the last one may still change
    if scene + 1 < len(settled):
        following = settled[scene + 1]
        song = _songs(settled)[scene + 1]
        text = f"Next scene, {format_clock(following.start_s)}: {_words(following)}"
        st.button(
            f"{text} · **{escape_markdown(song.track.full_name)}**" if song is not None else text,
            icon=":material/skip_next:",
            type="tertiary",
            wrap=True,
            on_click=_choose,
            args=(scene + 1, int(following.start_s)),
            key=state.film_widget("next"),
        )


_STYLE = """<style>
.st-key-film-answer { gap: 0.5rem; }
.st-key-film-next button { text-align: left; }
</style>"""


def _show_scene_buttons(job: FilmJob, scenes: Sequence[Segment], scene: int) -> None:
    offered = len(scenes) - job.is_reading  # the last one may still change
    if offered < 2:
        return
    key = state.film_widget("scenes")
    st.session_state[key] = scene

    def on_change() -> None:
        if (chosen := st.session_state[key]) is not None:
            _choose(chosen, int(scenes[chosen].start_s))

    look: dict[str, Any] = {"key": key, "label_visibility": "collapsed", "on_change": on_change}
    if offered > _MOST_BUTTONS:
        st.selectbox("Scene", range(offered), format_func=lambda number: _line(number, scenes), **look)
    else:
        st.segmented_control(
            "Scene", range(offered), format_func=lambda number: format_clock(scenes[number].start_s), required=True,
            wrap=True, **look,
        )  # fmt: skip


def _choose(scene: int, at_s: int) -> None:
    st.session_state[state.FILM_SCENE] = scene
    st.session_state[state.FILM_AT] = at_s
    st.session_state[state.FILM_CHOICES] = st.session_state.get(state.FILM_CHOICES, 0) + 1


def show_growing() -> None:
    """Show the timeline and the scenes so far, refreshed while the film is read."""

    @st.fragment(run_every=_EVERY_S)
    def growing() -> None:
        job = visitors_job()
        if job is None or job.reading is None or not len(job.reading):
            return
        scenes = job.scenes()
        _show_chart(job.reading, scenes, None, key="film-growing")
        for number in range(len(scenes)):
            st.markdown(escape_markdown(_line(number, scenes)))

    growing()


def show_details(job: FilmJob) -> None:
    """Show what follows the first screen of a film that was read."""
    reading, scenes = job.reading, job.scenes()
    if reading is None or not scenes:
        return
    left, right = roomy_columns([3, 2], key="film", gap="large")
    with left:
        st.header("Scenes and their songs", anchor=False)
        _show_scenes(scenes)
    with right:
        st.header("The group's path", anchor=False)
        _show_plane(reading)
    _show_faces(job, reading)
    _show_downloads(job, reading, scenes)


def show_timeline(job: FilmJob, scene: int) -> None:
    """Show the timeline of a film that was read. A click moves the film and chooses the scene."""
    reading, scenes = job.reading, job.scenes()
    if reading is None or not len(reading):
        return
    # Another chart after each choice: in the old one the clicked second stays selected, and a second click deselects it
    key = f"{state.FILM_CLICKED}-{st.session_state.get(state.FILM_CHOICES, 0)}"

    def on_select() -> None:
        points = st.session_state[key]["selection"]["points"]
        clicked = next((int(np.ravel(point["customdata"])[0]) for point in points if "customdata" in point), None)
        if clicked is not None:
            within = (number for number, of in enumerate(scenes) if of.start_s < clicked + 1 and clicked < of.end_s)
            _choose(next(within, scene), clicked)

    sound = job.sound or ()
    chosen = scene if scenes else None
    _show_chart(reading, scenes, chosen, sound, key=key, on_select=on_select, selection_mode="points")
    band = "the lowest band is the mood of the film's own sound" if sound else "the film has no sound that can be heard"
    st.caption(
        "The height of a colour is the mean share of an emotion over all faces; the numbered bands are the scenes"
        f"{'' if job.sound is None else f'; {band}'}. Click to move the film there."
    )


def _show_chart(
    reading: FilmReading,
    scenes: Sequence[Segment],
    chosen: int | None,
    sound: Sequence[SoundSpan] = (),
    *,
    key: str,
    **options: Any,
) -> Any:
    table = every_second(reading.timeline())
    return show_chart(
        film_areas(table, scenes, chosen=chosen, sound=sound),
        key=key,
        alt=f"Shares of the seven emotions over {len(table)} seconds, in {len(scenes)} scenes"
        + (f"; the sound is {join_names(dict.fromkeys(span.mood for span in sound))}" if sound else ""),
        **options,
    )


def _span(segment: Segment) -> str:
    return f"{format_clock(segment.start_s)} to {format_clock(segment.end_s)}"


def _words(segment: Segment) -> str:
    return describe(segment.probabilities, of_group=True).lower()


def _line(number: int, scenes: Sequence[Segment]) -> str:
    return f"Scene {number + 1}, {_span(scenes[number])}: {_words(scenes[number])}"


def _requests(scenes: Sequence[Segment]) -> list[Request]:
    return [with_your_music(Request(point=segment.point, emotion=segment.emotion)) for segment in scenes]


def _songs(scenes: Sequence[Segment]) -> list[Song | None]:
    """One song for each scene, for the visitor's music. New scenes leave the songs of the earlier ones."""
    requests, recommender = _requests(scenes), songs_recommender()
    before: tuple[Recommender, list[Request], list[Song | None]]
    before = st.session_state.get(state.FILM_SONGS, (recommender, [], []))
    same = takewhile(lambda pair: pair[0] == pair[1], zip(before[1], requests, strict=False))
    num_same = sum(1 for _ in same) if before[0] is recommender else 0
    songs = before[2][:num_same]
    if num_same < len(requests):
        with st.spinner("Choosing songs"):
            songs = one_song_each(requests, recommender, songs)
    st.session_state[state.FILM_SONGS] = recommender, requests, songs
    return songs


def _show_scenes(scenes: Sequence[Segment]) -> None:
    for number, song in enumerate(_songs(scenes)):
        with st.container(gap=None):
            st.button(
                escape_markdown(_line(number, scenes)),
                type="tertiary",
                on_click=_choose,
                args=(number, int(scenes[number].start_s)),
                key=state.film_widget("play", str(number)),
            )
            st.markdown("no song fits" if song is None else song_line(song.track))


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


def _show_downloads(job: FilmJob, reading: FilmReading, scenes: Sequence[Segment]) -> None:
    st.header("Downloads", anchor=False)
    songs, requests, name, problem = _songs(scenes), _requests(scenes), job.name, job.problem
    recommender = songs_recommender()

    def make_json() -> str:  # outside of the page, without its session
        of_scenes = [recommender.songs(request, _SONGS_OF_SCENE) for request in requests]
        record = film_record(name, reading, scenes, of_scenes, songs, requests[0], problem=problem)
        return json.dumps(record, ensure_ascii=False, indent=2)

    with st.container(horizontal=True, gap="small"):
        if (marked := job.marked) is not None:
            download_button("Marked film (MP4)", lambda: marked, "emomusic-film.mp4", key="film-mp4", type="primary")
        make_csv = partial(film_faces_csv, reading)
        download_button("Readings (CSV)", lambda: for_excel(make_csv()), "emomusic-film.csv", key="film-csv")
        download_button("Everything (JSON)", make_json, "emomusic-film.json", key="film-json")
        make_list = partial(film_playlist, scenes, songs)
        download_button("Playlist (M3U)", make_list, "emomusic-film.m3u", key="film-m3u")
