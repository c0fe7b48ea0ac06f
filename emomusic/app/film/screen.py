"""The screen of a film: the video, the scene that plays with its song, and the timeline.

Besides these, what belongs to a film that was read: its people, the plane and the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from emomusic.answer.others import FilmAnswer
from emomusic.app.browser.components import mount
from emomusic.app.charts import clicked, outline_tile, show_chart, show_tile
from emomusic.app.choices import ANSWER_TAB, FILM_FOLLOWS
from emomusic.app.film.state import (
    VIDEO,
    FilmState,
    answer_to,
    choose_scene,
    set_scene,
    stop_unless_following,
)
from emomusic.app.frame import download_button, escape_markdown, shown_errors
from emomusic.app.page import Part, draw_parts
from emomusic.app.player import show_queue
from emomusic.app.state import page_state
from emomusic.charts import live
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.faces.who import EVERYONE, Who
from emomusic.server.files import ServedFile
from emomusic.server.film_job import FilmJob, FilmPhase, FilmView
from emomusic.server.own_library import without_folders
from emomusic.stream.film import FilmFace, FilmReading
from emomusic.stream.timeline import every_second
from emomusic.text import for_excel, format_clock, join_names

_FACES_SHOWN = 12
_SONGS_OF_SCENE = 5  # in the JSON file, as from the command


def _show_plane(answer: FilmAnswer) -> None:
    """Show the faces and the path of the group on the affect plane."""
    persons = answer.reading.persons()[:_FACES_SHOWN]
    marks = [FacePoint(Who.face(person.number), person.point, person.emotion) for person in persons]
    group = answer.reading.faces().mean() if len(marks) > 1 else None
    if group is not None:
        marks.append(FacePoint(EVERYONE, group.point, group.emotion))
    figure = circumplex(marks, trail=answer.trail, height=380)
    show_chart(figure, key="film-plane", alt="The group's path on the affect plane")
    st.caption("Circles are the faces, with their numbers; the line is the group over time, fainter at the start.")


def _draw_actions(screen: _Screen) -> None:
    """A menu with the film and its readings as files."""
    here, film, picks = page_state(FilmState), screen.film, _answer_of(page_state(FilmState)).picks
    with shown_errors(), st.popover("Download", icon=":material/download:", key="film-downloads"):
        if film.marked is not None:
            # Looks like the buttons, whose files Streamlit would keep in memory
            st.html(f'<a href="{film.marked.download_url}" download>Marked film (MP4)</a>')
        else:
            st.button(
                "Make the marked film (MP4)",
                type="tertiary",
                on_click=_mark_film,
                disabled=film.phase is not FilmPhase.OVER,
                help="With the frames that were read, four a second, and the sound",
                key="film-mark",
            )
        for label, make, name in (
            ("Readings (CSV)", lambda here: for_excel(_answer_of(here).csv()), "emomusic-film.csv"),
            ("Everything (JSON)", _make_json, "emomusic-film.json"),
            ("Playlist (M3U)", _make_playlist, "emomusic-film.m3u"),
        ):
            download_button(label, here, make, name, type="tertiary")
        if any(pick is not None and pick.song.is_on_spotify for pick in picks):
            st.caption("The playlist has links to Spotify: paste them into a playlist in its desktop app.")


def _mark_film() -> None:
    job = page_state(FilmState).job
    if job is not None:
        job.mark()


def _answer_of(here: FilmState) -> FilmAnswer:
    assert here.answer is not None  # the page offers files only then
    return here.answer


def _make_json(here: FilmState) -> str:
    assert here.queue is not None
    songs = here.queue.music.recommender.songs
    return _answer_of(here).record(lambda request: songs(request, _SONGS_OF_SCENE), without_folders)


def _make_playlist(here: FilmState) -> str:
    answer = _answer_of(here)
    return answer.playlist(without_folders(answer.picks))


_MOST_TILES = 24  # a click on the timeline reaches further scenes
_LEAST_TILE, _LONGEST_STRIP = 112, 6000  # pixels of a scene on average, and of all
_PORTRAIT_SIDE = 34  # less than a row of the strip


@dataclass(frozen=True, slots=True, eq=False)
class _Screen:
    """What the parts of a run draw.

    Attributes:
        job: the film.
        film: the moment of it that the run shows.
        answer: the answer with songs; None before the first scene is known.
    """

    job: FilmJob
    film: FilmView
    answer: FilmAnswer | None

    @property
    def video(self) -> ServedFile | None:
        """The film itself, or a marked copy of one that no browser plays as it was read."""
        return self.film.source or self.film.marked


def show_screen(job: FilmJob, film: FilmView) -> None:
    """Show the film, the chosen scene with its song, the timeline and the downloads."""
    reading, answer = film.reading, None
    ratio = 16 / 9 if reading is None else reading.width / reading.height
    first = live.ABOVE + live.CURVES
    sizes = {"left": live.LEFT, "right": live.RIGHT, "tiles": live.TILES, "row": live.ROW, "top": first}
    pixels = "; ".join(f"--{name}: {size}px" for name, size in (sizes | {"people": first + live.TILES}).items())
    st.html(f"<style>.st-key-film-screen {{ --film: {ratio:.4f}; {pixels}; }}</style>")
    with st.container(key="film-screen"):
        places = {part.name: st.container(key=f"film-part-{part.name}", gap="xsmall") for part in FILM}
    if film.scenes and film.has_answer:
        with places["answer"], shown_errors():
            answer = answer_to(job, film)
    draw_parts(FILM, _Screen(job, film, answer), places)


def _draw_film(screen: _Screen) -> None:
    """The film with its faces; below it a frame that was read, for a film that the browser cannot play."""
    film, video = screen.film, screen.video
    with st.container(key="film-frame"):
        if video is not None:
            st.video(video.address, format="video/mp4", muted=False, alt=f"{screen.job.name} with its faces")
        if film.source is not None and film.marks is not None:
            data = {
                "video": VIDEO,
                "address": film.marks.url,
                "isOver": not film.is_reading,
                "copy": film.marked and film.marked.url,
            }
            mount("facemarks", key="film-marks", data=data)

        if film.is_reading:
            _show_preview()
        elif screen.answer is not None:
            st.image(screen.job.frame_of(screen.answer.scene), alt="A frame of the scene", width="stretch")
        elif film.preview is not None:
            st.image(film.preview, alt="The last frame", width="stretch")
    with st.container(key=f"film-unplayable-{video is None}"):
        if not film.is_reading and film.marked is None:
            st.caption("This film does not play here. Its marked copy does: make it under Download.")


@st.fragment(run_every=1.0)
def _show_preview() -> None:
    job = page_state(FilmState).job
    preview = None if job is None else job.view().preview
    if preview is not None:
        st.image(preview, alt="The current frame with its faces", width="stretch")


def _draw_answer(screen: _Screen) -> None:
    """The chosen scene with its song, and the plane in a tab; or why there is none."""
    if screen.answer is None:
        with st.container(key="film-answer", gap="xsmall"):
            _show_no_answer(screen.film)
        return
    song, plane = ANSWER_TAB.draw(st.tabs, ["Song", "Map"])
    with song, shown_errors(), st.container(key="film-answer", gap="xsmall"):
        st.title(screen.answer.sentence, anchor=False)
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="film-follows"
        ):
            st.caption(screen.answer.span, width="content")
            FILM_FOLLOWS.draw(
                st.toggle,
                "Follow the film",
                on_change=stop_unless_following,
                disabled=screen.video is None,
                help="The songs play with the film, and change with its scenes",
            )
        if (queue := page_state(FilmState).queue) is not None:
            show_queue(queue, "emomusic-scene", show_next=lambda: None)  # the strip has the next songs
    if plane.open:
        with plane:
            _show_plane(screen.answer)


def _show_no_answer(film: FilmView) -> None:
    if film.is_reading:
        st.title("Looking for the first scene", anchor=False)
        st.caption("Its song appears here, while the rest of the film is read.")
    elif film.reading is None:
        st.title("Nothing was read", anchor=False)
        st.markdown("The reading was stopped before it began. Choose the film again.")
    elif not film.scenes:
        st.title("No face found", anchor=False)
        st.markdown("Faces must look towards the camera. Try another film.")


def _draw_timeline(screen: _Screen) -> None:
    """The strip: the curves of the film, below them the scenes with their songs, and a row for each person."""
    film, reading = screen.film, screen.film.reading
    if reading is None or not (reading.duration_s or len(reading)):
        return
    people = reading.persons()
    width_px = min(max(len(film.scenes) * _LEAST_TILE, 1), _LONGEST_STRIP)
    with st.container(key="film-strip"), st.container(key="film-track"):
        st.html(f"<style>.st-key-film-track {{ min-width: {width_px}px; }}</style>")
        _show_chart(film, reading, people[:_FACES_SHOWN])
        if screen.answer is not None:
            _show_scenes(screen.job, screen.answer)
            if screen.video is not None:
                _follow_film([scene.start_s for scene in film.scenes], screen.answer.chosen)
    with st.container(key="film-people", gap=None):
        for face in people[:_FACES_SHOWN]:
            portrait = screen.job.portrait(face.number)
            st.image(portrait, alt=face.line, width=_PORTRAIT_SIDE) if portrait else st.caption(" ")
    silent = film.sound is not None and not film.sound
    more = f"{len(people) - _FACES_SHOWN} more faces are in the files. " if len(people) > _FACES_SHOWN else ""
    st.caption(f"{more}{'The film has no sound to hear. ' * silent}Click to move the film.")


def _show_scenes(job: FilmJob, answer: FilmAnswer) -> None:
    """Show a frame, the time, the emotion and the song of the chosen scene and of those around it."""
    offered = len(answer.scenes) - answer.is_growing  # the last one may still change
    first = max(min(answer.chosen - _MOST_TILES // 2, offered - _MOST_TILES), 0)
    shown = range(first, min(first + _MOST_TILES, offered))
    outline_tile(f"scene-{answer.chosen}")
    with st.container(horizontal=True, key="film-tiles"):
        end_s, rules = answer.reading.duration_s or answer.reading.end_s, []
        for number in shown:
            start_s, until_s = answer.scenes[number].start_s, min(answer.scenes[number].end_s, end_s)
            place = f"left: {100 * start_s / end_s:.3f}%; width: {100 * (until_s - start_s) / end_s:.3f}%"
            rules.append(f":has(> .st-key-tile-scene-{number}) {{ {place} !important }}")
        st.html(f"<style>{' '.join(rules)}</style>")
        for number in shown:
            scene, pick = answer.scenes[number], answer.picks[number]
            label = f"**{format_clock(scene.start_s)}** {scene.emotion.adjective}"
            song = "no song fits" if pick is None else f"{escape_markdown(pick.song.title)}"
            show_tile(
                "scene",
                f"scene-{number}",
                job.frame_of(scene),
                f"{label}  \n{song}",
                alt=f"Scene {number + 1}",
                width=_LEAST_TILE,
                on_click=set_scene,
                args=(number,),
            )


FILM = [
    Part("film", _draw_film),
    Part("answer", _draw_answer),
    Part("timeline", _draw_timeline),
    Part("actions", _draw_actions, lambda screen: screen.answer is not None and not screen.film.is_reading),
]


def _show_chart(film: FilmView, reading: FilmReading, people: Sequence[FilmFace]) -> None:
    """Show the curves, the sound and the rows of the people. A click moves the film and chooses the scene."""
    # Another chart after each choice: in the old one the clicked second stays selected, and a second click deselects it
    key = f"film-timeline-{page_state(FilmState).num_choices}"

    def on_select() -> None:
        second, job = clicked(key), page_state(FilmState).job
        if isinstance(second, int) and job is not None:
            scenes = enumerate(job.view().scenes)
            within = (n for n, scene in scenes if scene.start_s < second + 1 and second < scene.end_s)
            set_scene(next(within, page_state(FilmState).scene), second)

    table, sound = every_second(reading.timeline()), film.sound or ()
    show_chart(
        live.film_strip(table, film.scenes, end_s=reading.duration_s or reading.end_s, sound=sound, people=people),
        key=key,
        alt=f"Shares of the seven emotions over {len(table)} seconds, in {len(film.scenes)} scenes"
        + (f"; the sound is {join_names(dict.fromkeys(span.mood for span in sound))}" if sound else ""),
        on_select=on_select,
        selection_mode="points",
    )


def _follow_film(starts: Sequence[float], number: int) -> None:
    """Move the film to the chosen second, change the scene with the playback, and lower the film below its song."""
    here, key = page_state(FilmState), "film-follow"

    def on_scene() -> None:
        follow = st.session_state.get(key)
        if follow is None or not FILM_FOLLOWS.value or follow["scene"] >= len(starts):
            return  # the visitor left the page, switched it off, or has older scenes while the film is read
        played = int(follow["scene"])
        page_state(FilmState).at_s = starts[played]
        choose_scene(played)

    mount(
        "playhead",
        key=key,
        data={
            "video": VIDEO,
            "chart": ".st-key-film-part-timeline .js-plotly-plot",
            "starts": list(starts),
            "scene": number,
            "follows": bool(FILM_FOLLOWS.value),
            "at": here.at_s,
            "choice": here.num_choices,
        },
        on_scene_change=on_scene,
    )
