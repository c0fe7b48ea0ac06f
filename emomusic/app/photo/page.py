"""The Photo page: the faces and a song for them, a map, corrections and downloads; or songs for a mood."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import Mood
from emomusic.answer.answer import Answer, sentence_of
from emomusic.app.charts import outline_tile, roomy_columns, show_face_rows, show_tile
from emomusic.app.choices import ANSWER_TAB, FACE, MOOD, SAMPLE, STEP
from emomusic.app.frame import download_button, escape_markdown_message, show_problems
from emomusic.app.page import Part, draw_parts
from emomusic.app.photo.screen import (
    PARTS,
    answer_of,
    draw_by_hand,
    draw_frame,
    draw_who,
    screen_style,
    set_who,
    show_faces,
    show_picture,
    show_sheet,
    show_strip,
)
from emomusic.app.picture_chooser import draw_chooser, draw_menu, show_drop_zone, show_turn, shown_pictures
from emomusic.app.plane import FIRST_POINTS, MOST_POINTS, draw_policy, face_points, request_of, show_plane
from emomusic.app.player import PLAYLIST, show_queue
from emomusic.app.queues import PageQueue, play_for
from emomusic.app.state import page_state
from emomusic.charts.affect import FacePoint
from emomusic.faces.who import EVERYONE, Kind, Who
from emomusic.server.own_library import without_folders
from emomusic.server.photos import Photos, Picture, PictureState
from emomusic.text import escape_html, for_excel, pluralize

_PERSONS_SHOWN, _FACES_SHOWN, _SONGS_PRINTED = 12, 24, 8


@dataclass(frozen=True, slots=True, eq=False)
class _Screen:
    """The content that the parts of a run draw.

    Attributes:
        answer: the answer to the photos, or to a mood without one.
        queue: its songs; None without a listener.
        pictures: the files of the photos.
        photos: the photos, at least one if the parts about photos are drawn.
        on_photo: the container of the buttons on a single photo; None for several.
        unmarked: the containers of the marks and the words of each of several photos that has none in this run.
    """

    answer: Answer
    queue: PageQueue | None
    pictures: PictureState
    photos: Photos
    on_photo: DeltaGenerator | None = None
    unmarked: Mapping[str, tuple[DeltaGenerator, DeltaGenerator]] = field(default_factory=dict)

    @property
    def on_face(self) -> Callable[[Who], None]:
        """Chooses a face, for callbacks."""
        return partial(set_who, self.photos.digest)

    @property
    def stem(self) -> str:
        """Start of the names of downloaded files."""
        if not self.answer.photos:
            return f"emomusic-{self.answer.mood}"
        return (Path(self.photos.photos[0].name).stem or "picture") if self.answer.is_one else "photos"

    @property
    def has_several_faces(self) -> bool:
        """Whether there is somebody to choose."""
        return len(self.answer.faces) > 1


def show_page(open_start: Callable[[], DeltaGenerator]) -> None:
    """Show the photos and their answer, or songs for a mood, or before a choice the start in its container.

    Raises:
        EmomusicError: a model is missing or damaged.
    """
    shown = shown_pictures()
    mood = MOOD.value if shown.sample is None and not shown.pictures else None
    if shown.pictures:
        show_photos(shown)
    elif mood is not None:
        _show_mood(shown, Mood(mood))
    else:
        with open_start(), st.container(key="start"):  # a link may name no sample
            draw_chooser(shown)
            _draw_moods("Or start from a mood:")


def show_photos(shown: PictureState) -> None:
    """Read the photos and show the page for them. The photos appear before their faces are found."""
    digest = shown.digest
    unread = Photos(digest, dict.fromkeys(picture.digest for picture in shown.pictures))
    photos = shown.kept(Photos, digest) or shown.keep(digest, unread)
    style, on_photo, num_photos = st.empty(), None, len(photos.by_digest)
    stage = st.empty()
    with stage.container(key="photo-answer"):
        with st.container(key="sentence", horizontal=True, gap="small", vertical_alignment="center"):
            title = st.empty()
            places = {name: st.container(key=name, width="content") for name in ("who", "menus")}
        with st.container(key="screen"):
            places |= {part: st.container(key=f"part-{part}", gap="xsmall") for part in PARTS}
    if not photos.is_read:
        words = "Looking for faces" if num_photos == 1 else f"Reading {num_photos} photos"
        title.title(words, anchor=False, width="content")
    unmarked: dict[str, tuple[DeltaGenerator, DeltaGenerator]] = {}
    with places["picture"]:
        if num_photos > 1:
            style.html(screen_style([], (), number=num_photos))
            unmarked = show_sheet(photos.glance(shown))
        else:
            first = photos.decoded(digest, shown)
            if not first.problem:
                style.html(screen_style([first.reading], ()))
                on_photo = show_picture(first.preview, "The photo")

    def show_read(read: str) -> None:
        if read in unmarked and read in photos.digests:
            answer = Answer(photos.faces, photos=photos.photos)
            style.html(screen_style(answer.readings(answer.faces), ()))
            _mark(*unmarked.pop(read), answer, photos.digests.index(read), partial(set_who, digest))

    photos.finish(shown, show_read)
    if not photos.photos:
        with stage.container(key="photo-problem"):  # in place of the screen, which is as high as the window
            st.title("This photo cannot be read" if num_photos == 1 else "No photo can be read", anchor=False)
            _show_unread(photos)
            show_drop_zone("upload_again")
        return
    answer = answer_of(photos)
    queue = None
    if answer.has_listener:
        with places["player"]:
            queue = play_for(request_of(answer), "photo")
        answer = replace(answer, songs=queue)
    shown.keep(digest, answer)  # for its files
    screen = _Screen(answer, queue, shown, photos, on_photo, unmarked)
    draw_parts(PHOTO, screen, places | {"style": style, "title": title, "people": st.container()})


# Parts


def _draw_style(screen: _Screen) -> None:
    """The faces of the photo, and the chosen ones."""
    answer, request = screen.answer, None if screen.queue is None else screen.queue.request
    emotion = None if request is None or request.mood is not None else request.emotion
    st.html(screen_style(answer.readings(answer.faces), answer.chosen, emotion))


def _draw_player(screen: _Screen) -> None:
    """The songs, also for print, and the map with the faces: in tabs, or side by side without a photo."""
    queue, answer = screen.queue, screen.answer
    assert queue is not None  # as the part says
    if answer.photos:
        draw_policy(answer)
        song, plane = ANSWER_TAB.draw(st.tabs, ["Song", "Map"])
    else:
        plane, song = roomy_columns([3, 2], key="mood", gap="large")
    with song:
        show_queue(queue, screen.stem, reason=answer.reason(queue.request))
    if plane.open or not answer.photos:
        with plane:
            on_face = screen.on_face if screen.has_several_faces else None
            show_plane(queue, answer.who, _points(answer), on_face=on_face)
            if answer.probabilities is not None:
                st.caption(answer.place)
    names = (escape_html(pick.song.full_name) for pick in queue.playlist(_SONGS_PRINTED))
    st.html(f'<div class="printed"><b>Songs</b><ol><li>{"<li>".join(names)}</ol></div>')


def _draw_picture(screen: _Screen) -> None:
    """The buttons on the faces of the photo, which is drawn before; or on those of the contact sheet."""
    answer = screen.answer
    for digest, places in screen.unmarked.items():
        _mark(*places, answer, screen.photos.digests.index(digest), screen.on_face)
    if screen.on_photo is not None:
        with screen.on_photo:
            show_faces(answer.readings(answer.faces)[0], on_face=screen.on_face)
            if screen.photos.is_marking:
                draw_frame(_take_frame)


def _mark(
    on_photo: DeltaGenerator, words: DeltaGenerator, answer: Answer, row: int, on_face: Callable[[Who], None]
) -> None:
    """Show the buttons on the faces of one of several photos, and its sentence."""
    photo, reading = answer.photos[row], answer.readings(answer.faces)[row]
    with on_photo:
        show_faces(reading, on_face=on_face)
    words.caption(" ".join(filter(None, [f"{sentence_of(reading.faces)}.", photo.note])))


def _draw_bars(screen: _Screen) -> None:
    """The seven probabilities of the listener and the actions for the face; without a face, the choice by hand."""
    answer = screen.answer
    if not answer.is_one:
        st.markdown(answer.counts)
    show_strip(answer)
    if answer.is_one and screen.has_several_faces:
        portraits = [answer.portraits[face.number - 1] for face in answer.faces]
        show_face_rows({face.who.text: face.probabilities for face in answer.estimates}, portraits)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="about-face"):
        if answer.who.kind is Kind.FACE:
            _draw_about_face(screen)
        if screen.on_photo is not None:
            is_on = screen.photos.is_marking
            label = "Stop marking" if is_on else "Mark a face"
            st.button(label, icon=":material/crop_free:", type="tertiary", on_click=_set_marking, args=(not is_on,))
            if is_on:
                st.caption("Draw a frame around the face on the photo.", width="content")
        _show_undo(screen.photos)
    if answer.is_one and answer.photos[0].note:
        st.caption(answer.photos[0].note)
    if not answer.faces:
        st.markdown("Mark the face with a frame, turn the photo, or choose an emotion or a mood.")
        show_turn(screen.pictures)
        draw_by_hand(screen.photos.digest, answer.who)


def _draw_about_face(screen: _Screen) -> None:
    """Why the chosen face has its emotion, and a button that removes a detected face that is none."""
    photo, number = screen.photos.photos[0], screen.answer.who.number
    is_first = screen.answer.is_one or screen.pictures.named
    if is_first and number <= len(photo.portraits) - photo.num_marked:  # the other page reads the first photo again
        about = {STEP.name: "cover", FACE.name: str(number), SAMPLE.name: screen.pictures.sample}
        query = {name: value for name, value in about.items() if value is not None}
        st.page_link("pages/how_it_works.py", label="Why?", icon=":material/help:", query_params=query)
    options: dict[str, Any] = {"icon": ":material/face_retouching_off:", "type": "tertiary", "key": f"no-face-{number}"}
    st.button("Not a face", on_click=_remove_face, args=(number,), **options)


def _photos() -> Photos:
    """The photos of the page, for callbacks."""
    photos: Photos = page_state(PictureState).results[Photos][1]
    return photos


def _remove_face(number: int) -> None:
    _photos().removed.add(number)
    set_who(_photos().digest, EVERYONE)


def _bring_back() -> None:
    _photos().removed.clear()


def _show_undo(photos: Photos) -> None:
    """Show how many faces the visitor removed, and a button that brings them back."""
    num_removed = len(photos.removed)
    if num_removed:
        st.caption(f"{pluralize(num_removed, 'face')} removed.", width="content")
        st.button("Undo", icon=":material/undo:", type="tertiary", on_click=_bring_back, key="bring-back")


def _set_marking(is_on: bool) -> None:
    _photos().is_marking = is_on


def _take_frame() -> None:
    """Read the framed face."""
    (photo,) = _photos().photos
    photo.mark([float(side) for side in st.session_state["mark-face"]["box"]])
    _set_marking(False)


def _points(answer: Answer) -> list[FacePoint]:
    """The faces of one photo on the plane; of several, each person, and the chosen face, as its picture."""
    if answer.is_one:
        return face_points(answer.faces)
    points, portraits = [], answer.portraits
    chosen = [answer.who] if answer.chosen else []
    for who in dict.fromkeys([*answer.faces.persons()[:MOST_POINTS], *chosen]):
        faces = answer.faces.where(who)
        shares = faces.mean()
        assert shares is not None  # at least one face counts
        source = f"data:image/jpeg;base64,{b64encode(portraits[faces.number[0] - 1]).decode()}"
        points.append(FacePoint(who, shares.point, shares.emotion, source))
    return points


def _draw_menus(screen: _Screen) -> None:
    """The menus about the photos."""
    answer = screen.answer
    with st.container(horizontal=True, gap="xsmall", wrap=False):
        draw_menu(screen.pictures)
        label = f"Your choice: {', '.join(answer.choices)}" if answer.choices else "More"
        with st.popover(label, icon=":material/more_horiz:", key="more"):
            correct, files = st.tabs(["Correct", "Download"])
            with correct:
                if answer.faces:
                    draw_by_hand(screen.photos.digest, answer.who)
            with files:
                if answer.has_listener:
                    _show_downloads(screen)
                st.button("Print", icon=":material/print:", key="print")  # `runtime.js` prints


def _show_downloads(screen: _Screen) -> None:
    """Show the card, the photo and its readings as files. The player offers the songs."""
    answer = screen.answer
    files: dict[str, tuple[str, Callable[[Answer, Picture], str | bytes]]] = {}
    if answer.probabilities is not None:
        files["Card (PNG)"] = "-card.png", lambda answer, _: answer.card()
        files["Card without faces (PNG)"] = "-card-without-faces.png", lambda answer, _: answer.card(with_faces=False)
    if answer.faces:
        if answer.is_one:
            files["Photo with faces (PNG)"] = "-faces.png", lambda answer, one: answer.annotated(one.decode().pixels)
        files["Faces (CSV)"] = "-faces.csv", lambda answer, _: for_excel(answer.csv())
    files["Everything (JSON)"] = ".json", _record
    for label, (ending, make) in files.items():
        now = partial(lambda make, shown: make(shown.results[Answer][1], shown.first), make)
        download_button(label, screen.pictures, now, f"{screen.stem}{ending}", type="tertiary")
    if answer.faces.is_corrected.any():
        st.caption("The table and the JSON have the app's estimates.")


def _record(answer: Answer, _: Picture) -> str:
    assert answer.songs is not None  # the page offers it only then
    return answer.record(without_folders(answer.songs.playlist(PLAYLIST)))


def _draw_people(screen: _Screen) -> None:
    """The faces that the figures leave out, and for several photos a row for each person."""
    faces = screen.answer.faces
    notes = list(screen.pictures.notes)
    if len(faces if screen.answer.is_one else faces.persons()) > MOST_POINTS:
        notes.append(FIRST_POINTS)
    if notes:
        st.caption(" ".join(notes))
    if not screen.answer.is_one:
        _show_unread(screen.photos)
        if screen.has_several_faces:
            _show_persons(screen)


PHOTO: list[Part[_Screen]] = [
    Part("style", _draw_style),
    Part("player", _draw_player, lambda screen: screen.queue is not None),
    Part("title", lambda screen: st.title(screen.answer.sentence, anchor=False, width="content")),
    Part("who", lambda screen: draw_who(screen.answer, screen.photos.digest), lambda screen: screen.has_several_faces),
    Part("menus", _draw_menus),
    Part("picture", _draw_picture),
    Part("bars", _draw_bars),
    Part("people", _draw_people),
]


def _show_unread(photos: Photos) -> None:
    unread = photos.unread
    if len(photos.by_digest) == 1:
        st.error(escape_markdown_message(unread[0][1]), icon=":material/error:")
    elif unread:
        st.error(f"{pluralize(len(unread), 'file')} could not be read.", icon=":material/error:")
        show_problems([reason if name in reason else f"{name}: {reason}" for name, reason in unread])


def _show_persons(screen: _Screen) -> None:
    """Show a row for each person in several photos, and one of the other faces."""
    answer, portraits = screen.answer, screen.answer.portraits
    outline_tile(f"face-{answer.who.label}")
    st.header("Each person", anchor=False)
    with st.container(key="each-person"):
        for name, faces in answer.persons(_PERSONS_SHOWN).items():
            with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"row-{name}"):
                with st.container(width=200, gap=None):
                    number, words = int(faces.person[0]), f"**{name}**: {pluralize(len(faces), 'face')}"
                    options: dict[str, Any] = {"type": "tertiary", "on_click": screen.on_face}
                    if number:
                        st.button(words, key=f"all-of-{number}", args=(Who.person(number),), **options)
                    else:
                        st.markdown(words)
                    st.caption(f"{sentence_of(faces)}.")
                for face in faces[:_FACES_SHOWN]:
                    key, alt, emotion = f"face-{face.who.label}", face.who.text, face.word
                    options = {"width": 72, "on_click": screen.on_face, "args": (face.who,)}
                    show_tile("portrait", key, portraits[face.number - 1], emotion, alt=alt, **options)


# A mood without a photo


def _draw_moods(label: str) -> None:
    """Show the moods in one row, behind a label."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="without-face"):
        st.markdown(label, width="content")
        MOOD.draw(st.pills, "Mood", label_visibility="collapsed")


def _show_mood(shown: PictureState, mood: Mood) -> None:
    """Show the moods, the songs of the chosen one, and the map next to them."""
    answer = Answer(mood=mood)
    with st.container(key="mood-answer"):
        with st.container(key="sentence", horizontal=True, gap="small", vertical_alignment="center"):
            title = st.empty()
            _draw_moods("Another mood:")
            st.space("stretch")
            draw_menu(shown)
        player = st.container()
    with player:
        queue = play_for(answer.request(), "photo")
    screen = _Screen(replace(answer, songs=queue), queue, shown, Photos("", {}))
    draw_parts(PHOTO, screen, {"player": player, "title": title})
