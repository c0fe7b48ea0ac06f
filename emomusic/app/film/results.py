"""The results of a film: video, timeline, scenes with songs, plane, faces and downloads. Scenes follow the playback."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from emomusic.affect import AffectPoint, affect_of, describe, group_probabilities
from emomusic.app import state
from emomusic.app.answer import ALL, NOW, Listener, answer
from emomusic.app.charts import roomy_columns, show_chart, styled_room
from emomusic.app.film.job import PORTRAIT, FilmJob, FilmStage, visitors_job
from emomusic.app.frame import download_button, escape_markdown, shown_errors
from emomusic.app.player import song_line
from emomusic.app.sources import songs_recommender
from emomusic.app.tiles import show_tile, style_tiles
from emomusic.app.your_music import with_your_music
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.charts.live import film_areas
from emomusic.export import film_faces_csv, film_playlist, film_record
from emomusic.songs.film_sound import SoundSpan
from emomusic.songs.recommend import Recommender, one_song_each
from emomusic.songs.request import Request
from emomusic.songs.song import Pick
from emomusic.stream.film import FilmReading, face_line
from emomusic.stream.timeline import Scene, every_second
from emomusic.text import for_excel, format_clock, join_names

_EVERY_S = 2.0
_MOST_TILES = 24  # more scenes are in a menu
_MOST_POINTS = 60  # of the trail
_FACES_SHOWN = 12
_PORTRAIT_SIDE, _TILE_SIDE = 44, 72
_SONGS_OF_SCENE = 5  # in the JSON file, as from the command

# Moves the video after a choice, draws the playhead, and reports the scene that plays when it changes
_FOLLOW = st.components.v2.component(
    "emomusic_film",
    html="<i></i>",
    css="""
:host { display: block; height: 100%; }
i {
  position: absolute; width: 2px; background: var(--st-text-color); box-shadow: 0 0 0 1px var(--st-background-color);
}
""",
    js="""
export default function ({ data, parentElement, setTriggerValue }) {
  const line = parentElement.querySelector("i");
  const [first, last] = data.range;
  let shown = data.scene;
  const look = () => {
    const video = document.querySelector(`${data.video} video`);
    if (!video?.readyState) return;
    if (video.emomusicChoice !== data.choice) {
      const isNew = video.emomusicChoice === undefined;
      video.emomusicChoice = data.choice;
      if (data.at !== null) video.currentTime = data.at;
      if (!isNew) video.play().catch(() => {});
    }
    const scene = Math.max(data.starts.findLastIndex((start) => start <= video.currentTime), 0);
    if (data.follows && scene !== shown) setTriggerValue("scene", shown = scene);
    const plot = document.querySelector(`${data.chart} .nsewdrag`)?.getBoundingClientRect();
    line.hidden = !plot;
    if (!plot) return;
    const here = line.offsetParent.getBoundingClientRect();
    const share = Math.min(Math.max((video.currentTime - first) / (last - first), 0), 1);
    line.style.left = `${plot.left - here.left + share * plot.width - 1}px`;
    line.style.top = `${plot.top - here.top}px`;
    line.style.height = `${plot.height}px`;
  };
  clearInterval(parentElement.emomusicTimer);
  parentElement.emomusicTimer = setInterval(look, 200);
  look();
  return () => clearInterval(parentElement.emomusicTimer);
}
""",
)

_STYLE = """<style>
.st-key-film-screen {
  display: grid; gap: 0.5rem 2rem; align-items: start; min-height: 760px;
  grid-template: "film answer" auto "timeline answer" auto "actions answer" 1fr / 1fr 1fr;
}
:has(> .st-key-film-scene), .st-key-film-scene, :is(.st-key-film-scene > div, .st-key-film-scene > div > div) {
  display: contents;  /* a fragment is a container in a container */
}
.st-key-film-screen > * { min-width: 0; }
PLACES
.st-key-film-frame {
  aspect-ratio: RATIO; max-height: max(12rem, 100dvh - 33rem); overflow: hidden; border-radius: 8px;
}
.st-key-film-frame { position: relative; }
.st-key-film-frame :not(video, img) { position: static !important; }
.st-key-film-frame :is(video, img) {
  position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; background: #000;
}
.st-key-film-frame [data-testid="stElementToolbar"] { display: none; }
.st-key-film-part-timeline { position: relative; min-height: 17rem; }
.st-key-film-follow { position: absolute; inset: 0; pointer-events: none; z-index: 1; }
.st-key-film-answer h1 { padding-bottom: 0; }
.st-key-film-tiles, .st-key-film-people { flex-wrap: nowrap; overflow-x: auto; padding: 5px 5px 8px; }
.st-key-film-tiles > *, .st-key-film-people > * { flex-shrink: 0; }
.st-key-film-tiles :is(img, div[class*="st-key-tile-"] > :first-child) { width: 100%; aspect-ratio: 1; }
.st-key-film-tiles img { object-fit: cover; border-radius: 8px; }
.st-key-film-tiles button { padding: 0; min-height: 0; }
.st-key-film-tiles p { font-size: 0.875rem; line-height: 1.2; }
.st-key-film-tiles strong { display: block; }
.st-key-film-part-answer { min-height: 36rem; }
.st-key-film-tiles-room { min-height: 7.75rem; }
.st-key-film-follows { flex: none; height: 1.75rem; }  /* its switch is higher while its code loads */
.st-key-film-people p { font-size: 0.875rem; line-height: 1.25; }
.st-key-film-people img { border-radius: 8px; }
@media (max-width: 800px) {
  .st-key-film-screen { grid-template: "film" "answer" "timeline" "actions" / minmax(0, 1fr); }
  .st-key-film-frame { max-height: 32dvh; }
}
</style>"""
_PARTS = {part: f"film-part-{part}" for part in ("film", "answer", "timeline", "actions")}


def show_screen(job: FilmJob) -> None:
    """Show the film, the chosen scene with its songs, the timeline and the downloads."""
    reading = job.reading
    ratio = 16 / 9 if reading is None else reading.width / reading.height
    places = "\n".join(f":has(> .st-key-{key}) {{ grid-area: {part}; }}" for part, key in _PARTS.items())
    st.html(_STYLE.replace("PLACES", places).replace("RATIO", f"{ratio:.4f}"))
    with styled_room("film-screen", 760):
        with st.container(key=_PARTS["film"]):
            _show_picture(job)
        with st.container(key="film-scene"):
            _show_scene()
        if not job.is_reading and job.scenes():
            with st.container(key=_PARTS["actions"], horizontal=True, vertical_alignment="center"):
                _show_downloads(job)
                st.caption(escape_markdown(job.name), width="content")


def _show_picture(job: FilmJob) -> None:
    """Show the marked film, or before that the current frame."""
    with st.container(key="film-frame"):
        if job.marked is not None:
            st.video(job.marked, format="video/mp4", muted=False)
            return

        @st.fragment(run_every=None if job.stage is FilmStage.OVER else 1.0)
        def frame() -> None:
            job = visitors_job()
            if job is not None and (preview := job.preview) is not None:
                st.image(preview, alt="The current frame with its faces", width="stretch")

        frame()


@st.fragment
def _show_scene() -> None:
    """Show the scene that plays or was chosen, with its songs, and the timeline."""
    job = visitors_job()
    if job is None:
        return
    scene = min(int(st.session_state.get(state.FILM_SCENE, 0)), max(len(job.scenes()) - 1, 0))
    with shown_errors():
        with st.container(key=_PARTS["answer"], gap="small"):
            _show_answer(job, scene)
        with st.container(key=_PARTS["timeline"], gap="xsmall"):
            if job.is_reading:
                _show_growing()
            else:
                _show_timeline(job, scene)


def _show_answer(job: FilmJob, scene: int) -> None:
    """Show the chosen scene and its song."""
    scenes = job.scenes()
    if not scenes or not job.has_answer():
        with st.container(key="film-answer", gap="xsmall"):
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
    segment = scenes[scene]
    with st.container(key="film-answer", gap="xsmall"):
        st.title(describe(segment.probabilities, of_group=True), anchor=False)
        has_several = job.is_reading or len(scenes) > 1
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="film-follows"
        ):
            last = f" of {len(scenes)}" if not job.is_reading else ""
            st.caption(f"Scene {scene + 1}{last}, {_span(segment)}", width="content")
            if has_several:
                st.toggle(
                    "Follow the film",
                    key=state.FILM_FOLLOWS,
                    disabled=job.marked is None,
                    help="The scene and its song change with the film",
                    persist_state="session",
                )
        if has_several:
            with st.container(key="film-tiles-room"):
                _show_scene_tiles(job, scenes, scene)
        point, emotion = job.mood_of(scene)
        songs = answer(Listener(NOW, point, emotion), "film")
    songs.show_player("emomusic-scene")


def _show_scene_tiles(job: FilmJob, scenes: Sequence[Scene], scene: int) -> None:
    """Show the scenes: time, emotion, and the face that is in view longest."""
    offered = len(scenes) - job.is_reading  # the last one may still change
    if offered < 2:
        st.caption("The scenes appear here.")  # without an element, the container would take no room
        return
    if offered > _MOST_TILES:
        key = state.film_widget("scenes")
        st.session_state[key] = scene
        st.selectbox(
            "Scene",
            range(offered),
            format_func=lambda number: _line(number, scenes),
            key=key,
            label_visibility="collapsed",
            on_change=lambda: _choose(chosen := st.session_state[key], int(scenes[chosen].start_s)),
        )
        return
    style_tiles("scene", chosen=f"scene-{scene}")
    with st.container(horizontal=True, gap="small", key="film-tiles"):
        for number, face in enumerate(job.main_faces()[:offered]):
            emotion = scenes[number].emotion
            show_tile(
                "scene",
                f"scene-{number}",
                job.portrait(face) or b"",
                f"**{format_clock(scenes[number].start_s)}** {emotion.adjective}",
                alt=f"Face {face}",
                width=_TILE_SIDE,
                on_click=_choose,
                args=(number, int(scenes[number].start_s)),
            )


def _choose(scene: int, at_s: int) -> None:
    """Choose a scene, and move the film there."""
    st.session_state[state.FILM_SCENE] = scene
    st.session_state[state.FILM_AT] = at_s
    st.session_state[state.FILM_CHOICES] = st.session_state.get(state.FILM_CHOICES, 0) + 1


def _show_growing() -> None:
    """Show the timeline so far, refreshed while the film is read."""

    @st.fragment(run_every=_EVERY_S)
    def growing() -> None:
        job = visitors_job()
        if job is not None and job.reading is not None and len(job.reading):
            _show_chart(job.reading, job.scenes(), None, key="film-growing")

    growing()


def show_people(job: FilmJob) -> None:
    """Show who is in a film that was read: the portraits, numbers and main emotions."""
    if job.reading is not None:
        with st.container(horizontal=True, gap="medium", key="film-people"):
            for face in job.reading.faces()[:_FACES_SHOWN]:
                with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", width="content"):
                    if (portrait := job.portrait(face.number)) is not None:
                        st.image(portrait, alt=f"Face {face.number}", width=_PORTRAIT_SIDE)
                    st.markdown(f"**Face {face.number}**  \n{face.probabilities.emotion.adjective}", width="content")


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


def _show_timeline(job: FilmJob, scene: int) -> None:
    """Show the timeline of a film that was read. A click moves the film and chooses the scene."""
    reading, scenes = job.reading, job.scenes()
    if reading is None or not len(reading):
        return
    # Another chart after each choice: in the old one the clicked second stays selected, and a second click deselects it
    choices = st.session_state.get(state.FILM_CHOICES, 0)
    key = f"{state.FILM_CLICKED}-{choices}"

    def on_select() -> None:
        points = st.session_state[key]["selection"]["points"]
        clicked = next((int(np.ravel(point["customdata"])[0]) for point in points if "customdata" in point), None)
        if clicked is not None:
            within = (number for number, of in enumerate(scenes) if of.start_s < clicked + 1 and clicked < of.end_s)
            _choose(next(within, scene), clicked)

    def on_scene() -> None:
        played = int(st.session_state[follow]["scene"])
        st.session_state[state.FILM_SCENE] = played
        st.session_state[state.FILM_AT] = int(scenes[played].start_s)

    sound, follow = job.sound or (), "film-follow"
    figure = _show_chart(
        reading, scenes, scene if scenes else None, sound, key=key, on_select=on_select, selection_mode="points"
    )
    band = "The lowest band is the film's own sound. " if sound else "The film has no sound to hear. "
    st.caption(f"{'' if job.sound is None else band}Click to move the film.")
    if job.marked is not None and scenes:
        _FOLLOW(
            data={
                "video": ".st-key-film-frame",
                "chart": f".st-key-{_PARTS['timeline']}",
                "range": list(figure.layout.xaxis.range),
                "starts": [of.start_s for of in scenes],
                "scene": scene,
                "follows": bool(st.session_state.get(state.FILM_FOLLOWS)),
                "at": st.session_state.get(state.FILM_AT),
                "choice": choices,
            },
            key=follow,
            on_scene_change=on_scene,
        )


def _show_chart(
    reading: FilmReading,
    scenes: Sequence[Scene],
    chosen: int | None,
    sound: Sequence[SoundSpan] = (),
    *,
    key: str,
    **options: Any,
) -> go.Figure:
    table = every_second(reading.timeline())
    figure = film_areas(table, scenes, chosen=chosen, sound=sound)
    show_chart(
        figure,
        key=key,
        alt=f"Shares of the seven emotions over {len(table)} seconds, in {len(scenes)} scenes"
        + (f"; the sound is {join_names(dict.fromkeys(span.mood for span in sound))}" if sound else ""),
        **options,
    )
    return figure


def _span(segment: Scene) -> str:
    return f"{format_clock(segment.start_s)} to {format_clock(segment.end_s)}"


def _words(segment: Scene) -> str:
    return describe(segment.probabilities, of_group=True).lower()


def _line(number: int, scenes: Sequence[Scene]) -> str:
    return f"Scene {number + 1}, {_span(scenes[number])}: {_words(scenes[number])}"


def _requests(scenes: Sequence[Scene]) -> list[Request]:
    return [with_your_music(Request(point=segment.point, emotion=segment.emotion)) for segment in scenes]


def _songs(scenes: Sequence[Scene]) -> list[Pick | None]:
    """One song for each scene, for the visitor's music. New scenes leave the songs of the earlier ones."""
    requests, recommender = _requests(scenes), songs_recommender()
    before: tuple[Recommender, list[Request], list[Pick | None]]
    before = st.session_state.get(state.FILM_SONGS, (recommender, [], []))
    same = takewhile(lambda pair: pair[0] == pair[1], zip(before[1], requests, strict=False))
    num_same = sum(1 for _ in same) if before[0] is recommender else 0
    songs = before[2][:num_same]
    if num_same < len(requests):
        with st.spinner("Choosing songs"):
            songs = one_song_each(requests, recommender, songs)
    st.session_state[state.FILM_SONGS] = recommender, requests, songs
    return songs


def _show_scenes(scenes: Sequence[Scene]) -> None:
    for number, pick in enumerate(_songs(scenes)):
        with st.container(gap=None):
            st.button(
                escape_markdown(_line(number, scenes)),
                type="tertiary",
                on_click=_choose,
                args=(number, int(scenes[number].start_s)),
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


def _show_downloads(job: FilmJob) -> None:
    """Show a menu with the film and its readings as files."""
    reading, scenes, name, problem = job.reading, job.scenes(), job.name, job.problem
    if reading is None:
        return
    songs, requests, recommender = _songs(scenes), _requests(scenes), songs_recommender()

    def make_json() -> str:  # outside of the page, without its session
        of_scenes = [recommender.songs(request, _SONGS_OF_SCENE) for request in requests]
        record = film_record(name, reading, scenes, of_scenes, songs, requests[0], problem=problem)
        return json.dumps(record, ensure_ascii=False, indent=2)

    with st.popover("Download", icon=":material/download:", key="film-downloads"):
        if (marked := job.marked) is not None:
            download_button("Marked film (MP4)", lambda: marked, "emomusic-film.mp4", type="tertiary")
        make_csv = partial(film_faces_csv, reading)
        download_button("Readings (CSV)", lambda: for_excel(make_csv()), "emomusic-film.csv", type="tertiary")
        download_button("Everything (JSON)", make_json, "emomusic-film.json", type="tertiary")
        make_list = partial(film_playlist, scenes, songs)
        download_button("Playlist (M3U)", make_list, "emomusic-film.m3u", type="tertiary")
