"""The Photo page: one screen with the faces, their emotions and a song, cards and downloads; or songs for a mood."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import Mood, affect_of
from emomusic.answer.answer import Answer, sentence_of
from emomusic.app.answer import FIRST_POINTS, MOST_POINTS, draw_policy, face_points, request_of, show_bars, show_plane
from emomusic.app.charts import reserve_space, roomy_columns, show_sharp, show_tile
from emomusic.app.choices import MOOD, SAYS
from emomusic.app.example import show_example
from emomusic.app.frame import download_button, escape_markdown_message, local_date, show_problems
from emomusic.app.page import Page, Part
from emomusic.app.parts import show_style
from emomusic.app.persons import PersonsState, draw_persons_menu, show_known
from emomusic.app.photo.choices import Controls, answer_of, draw_by_hand, draw_who, set_who
from emomusic.app.photo.screen import PARTS, draw_persons, screen_style, show_faces, show_picture, show_sheet
from emomusic.app.picture_chooser import (
    ALL_SAMPLES,
    draw_chooser,
    draw_small_chooser,
    set_sample,
    show_drop_zone,
    show_turn,
    shown_pictures,
)
from emomusic.app.player import PLAYLIST, show_queue
from emomusic.app.queues import PageQueue, play_for
from emomusic.app.state import page_state
from emomusic.charts.affect import FacePoint
from emomusic.faces.who import Who
from emomusic.server.own_library import without_folders
from emomusic.server.photos import Photos
from emomusic.server.pictures import Picture, PictureState, ShownPictures
from emomusic.text import escape_html, for_excel, pluralize

_CARDS_SHOWN, _FACES_SHOWN, _SONGS_PRINTED = 12, 24, 8


@dataclass(frozen=True, slots=True, eq=False)
class ShownPhotos:
    """What the page shows, for its files. The session keeps it.

    Attributes:
        answer: the answer to the photos.
        first: the file of the first photo.
        today: the date where the visitor is.
    """

    answer: Answer
    first: Picture
    today: date

    def card(self, *, with_faces: bool = True) -> bytes:
        """The card to send."""
        return self.answer.card(self.today, with_faces=with_faces)

    def annotated(self) -> bytes:
        """The photo with its faces."""
        return self.answer.annotated(self.first.read())

    def table(self) -> bytes:
        """The faces."""
        return for_excel(self.answer.csv())

    def record(self) -> str:
        """The faces, the request for songs and the songs."""
        assert self.answer.songs is not None  # the page offers it only then
        return self.answer.record(without_folders(self.answer.songs.playlist(PLAYLIST)))


@dataclass(frozen=True, slots=True, eq=False)
class _Screen:
    """What the parts of a run draw.

    Attributes:
        answer: the answer to the photos, or to a mood without one.
        queue: its songs; None without a listener.
        pictures: the files of the photos.
        controls: what draws the visitor's choices.
        photos: the photos, at least one if the parts about photos are drawn.
        on_photo: the container of the buttons on a single photo; None for several.
    """

    answer: Answer
    queue: PageQueue | None
    pictures: ShownPictures
    controls: Controls
    photos: Photos
    on_photo: DeltaGenerator | None = None

    @property
    def on_face(self) -> Callable[[Who], None]:
        """Chooses a face, for callbacks."""
        return partial(set_who, self.photos.digest)

    @property
    def stem(self) -> str:
        """Start of the names of downloaded files."""
        if not self.answer.photos:
            return f"emomusic-{self.answer.mood}"
        return (Path(self.photos.names[0]).stem or "picture") if self.answer.is_one else "photos"

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
    if shown.pictures or mood is not None:
        draw_small_chooser(shown)
    if shown.pictures:
        show_photos(shown)
    elif mood is not None:
        _show_mood(shown, Mood(mood))
    else:
        with open_start(), reserve_space("start", 700):  # a link may name no sample
            draw_chooser(shown)
            _draw_moods()
            show_example("A sample, your own photo or a mood replaces this example.")


def show_photos(shown: ShownPictures) -> None:
    """Read the photos and show the page for them. A single photo appears before its faces are found."""
    digest, persons = shown.digest, page_state(PersonsState)
    unread = Photos(digest, dict.fromkeys(picture.digest for picture in shown.pictures), persons.version)
    photos = shown.mine.kept(Photos, digest) or shown.mine.keep(digest, unread)
    style, on_photo = st.empty(), None
    num_photos = len(photos.by_digest)
    with reserve_space("photo-answer", 672):
        with st.container(key="sentence", horizontal=True, gap="small", vertical_alignment="center"):
            title, who = st.empty(), st.container(key="who", width="content")
        if not photos.is_read:
            title.title("Looking for faces", anchor=False, width="content")
        with st.container(key="screen"):
            places = {part: st.container(key=f"part-{part}", gap="xsmall", height="stretch") for part in PARTS}
    places |= {"style": style, "sentence": title, "who": who}
    if num_photos == 1 and not (first := photos.decoded(digest, shown)).problem:
        style.html(screen_style([first.reading], ()))
        with places["picture"]:
            on_photo = show_picture(first.preview, "The photo")

    def show_progress(number: int) -> None:
        if num_photos > 1:
            title.title(f"Reading photo {number + 1} of {num_photos}", anchor=False)

    photos.finish(shown, persons.known, persons.version, show_progress)
    if not photos.photos:
        title.title("This photo cannot be read" if num_photos == 1 else "No photo can be read", anchor=False)
        _show_unread(photos)
        show_drop_zone("upload_again")
        return
    answer, controls = answer_of(photos, is_linked=shown.sample is not None)
    queue = None
    if answer.has_listener:
        with places["player"]:
            queue = play_for(request_of(answer), "photo")
        answer = answer.with_songs(queue)
    shown.mine.keep(digest, ShownPhotos(answer, shown.pictures[0], local_date()))
    screen = _Screen(answer, queue, shown, controls, photos, on_photo)
    PHOTO.draw(screen, places | {"people": st.container()})


# Parts


def _draw_style(screen: _Screen) -> None:
    """The grid for the shape of the photo."""
    answer = screen.answer
    options = {"is_group": not answer.is_one, "has_songs": answer.has_listener, "has_faces": bool(answer.faces)}
    st.html(screen_style(answer.readings(answer.faces), answer.chosen, **options))


def _draw_player(screen: _Screen) -> None:
    """The policies and the song, and the songs for print."""
    assert screen.queue is not None  # as the part says
    if screen.answer.photos:
        draw_policy(screen.answer)
    show_queue(screen.queue, screen.stem)
    names = (escape_html(pick.song.full_name) for pick in screen.queue.playlist(_SONGS_PRINTED))
    st.html(f'<div class="printed"><b>Songs</b><ol><li>{"<li>".join(names)}</ol></div>')


def _draw_sentence(screen: _Screen) -> None:
    st.title(screen.answer.sentence, anchor=False, width="content")


def _draw_who(screen: _Screen) -> None:
    if screen.answer.is_one:
        draw_who(screen.answer, screen.controls)
    else:
        draw_persons(screen.answer, on_choice=screen.on_face)


def _draw_picture(screen: _Screen) -> None:
    """The buttons on the faces of the photo, which is drawn before; or the contact sheet."""
    answer, readings = screen.answer, screen.answer.readings(screen.answer.faces)
    if screen.on_photo is not None:
        with screen.on_photo:
            show_faces(readings[0], on_face=screen.on_face)
        if answer.photos[0].note:
            st.caption(answer.photos[0].note)
    else:
        st.markdown(answer.counts)
        show_sheet(screen.photos.photos, readings, on_face=screen.on_face)


def _draw_bars(screen: _Screen) -> None:
    """The seven probabilities of the listener; without a face, the choice by hand."""
    answer = screen.answer
    if not answer.faces:
        st.markdown(
            "Faces must look towards the camera and span at least 1/60 of the photo's longer side. Turn the photo if "
            "it lies on its side, or choose an emotion or a mood."
        )
        show_turn(screen.pictures)
        show_drop_zone("upload_again")
        draw_by_hand(screen.controls)
    elif answer.probabilities is not None:
        show_bars(answer.probabilities, key="bars", least_height=150, height="stretch")
        st.caption(answer.place)


def _draw_plane(screen: _Screen) -> None:
    assert screen.queue is not None  # as the part says
    answer, on_face = screen.answer, screen.on_face if screen.has_several_faces else None
    height: Literal["content", "stretch"] = "stretch" if answer.photos else "content"
    show_plane(screen.queue, answer.who, _points(answer), on_face=on_face, height=height)


def _points(answer: Answer) -> list[FacePoint]:
    """The faces of one photo on the plane; of several, each person, and the chosen face, as its picture."""
    if answer.is_one:
        return face_points(answer.faces)
    points, portraits = [], answer.portraits
    for who in dict.fromkeys([*answer.faces.persons()[:MOST_POINTS], *[answer.who] * bool(answer.chosen)]):
        faces = answer.faces.where(who)
        shares = faces.mean()
        assert shares is not None  # at least one face counts
        source = f"data:image/jpeg;base64,{b64encode(portraits[faces.number[0] - 1]).decode()}"
        points.append(FacePoint(who, affect_of(shares), shares.emotion, source))
    return points


def _draw_actions(screen: _Screen) -> None:
    """The menus about the photos."""
    answer, persons = screen.answer, page_state(PersonsState)
    with st.container(horizontal=True, gap="xsmall", key="actions", wrap=False):
        if answer.faces:
            label = f"Your choice: {', '.join(answer.choices)}" if answer.choices else "Correct"
            with st.popover(label, icon=":material/edit:", key="correct"):
                draw_by_hand(screen.controls)
        if answer.has_listener:
            _show_downloads(screen)
        draw_persons_menu(persons)
    show_known(answer.faces, persons)


def _show_downloads(screen: _Screen) -> None:
    """Show a menu with the card, the photo and its readings as files. The player offers the songs."""
    answer, mine, stem = screen.answer, screen.pictures.mine, screen.stem
    with st.popover("Download", icon=":material/download:", key="photo-downloads"):
        if answer.probabilities is not None:
            _offer(mine, "Card (PNG)", ShownPhotos.card, f"{stem}-card.png")
            without = partial(ShownPhotos.card, with_faces=False)
            _offer(mine, "Card without faces (PNG)", without, f"{stem}-card-without-faces.png")
        if answer.faces:
            if answer.is_one:
                _offer(mine, "Photo with faces (PNG)", ShownPhotos.annotated, f"{stem}-faces.png")
            _offer(mine, "Faces (CSV)", ShownPhotos.table, f"{stem}-faces.csv")
        _offer(mine, "Everything (JSON)", ShownPhotos.record, f"{stem}.json")
        if answer.faces.is_corrected.any():
            st.caption("The table and the JSON have the app's estimates.")


def _offer(mine: PictureState, label: str, make: Callable[[ShownPhotos], str | bytes], name: str) -> None:
    download_button(label, mine, lambda photo: make(photo.results[ShownPhotos][1]), name, type="tertiary")


def _draw_people(screen: _Screen) -> None:
    """A card for each face of a photo; of several photos, what the figures leave out and a row for each person."""
    if screen.answer.is_one:
        if screen.has_several_faces:
            _show_face_cards(screen.answer)
        return
    are_too_many = len(screen.answer.faces.persons()) > MOST_POINTS
    if few := [*screen.pictures.mine.notes, *[FIRST_POINTS] * are_too_many]:
        st.caption(" ".join(few))
    _show_unread(screen.photos)
    if screen.has_several_faces:
        _show_persons(screen)


PHOTO = Page(
    "photo",
    [
        Part("style", _draw_style),
        Part("player", _draw_player, lambda screen: screen.queue is not None),
        Part("sentence", _draw_sentence),
        Part("who", _draw_who, lambda screen: screen.has_several_faces),
        Part("picture", _draw_picture),
        Part("bars", _draw_bars),
        Part("plane", _draw_plane, lambda screen: screen.queue is not None),
        Part("actions", _draw_actions),
        Part("people", _draw_people),
    ],
)


def _show_unread(photos: Photos) -> None:
    if len(photos.by_digest) == 1:
        st.error(escape_markdown_message(photos.unread[0][1]), icon=":material/error:")
    elif unread := photos.unread:
        st.error(f"{pluralize(len(unread), 'file')} could not be read.", icon=":material/error:")
        show_problems([f"{name}: {reason}" for name, reason in unread])


def _show_persons(screen: _Screen) -> None:
    """Show a row for each person in several photos, and one of the other faces."""
    answer, portraits = screen.answer, screen.answer.portraits
    show_style(__file__, "persons.css", CHOSEN=answer.who.label)
    st.header("Each person", anchor=False)
    with st.container(key="each-person"):
        for name, faces in answer.persons(_CARDS_SHOWN).items():
            with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"row-{name}"):
                st.markdown(f"**{name}**: {pluralize(len(faces), 'face')}  \n{sentence_of(faces)}.", width=200)
                for face in faces[:_FACES_SHOWN]:
                    key, alt, emotion = f"face-{face.who.label}", face.who.text, str(face.emotion)
                    options: dict[str, Any] = {"width": 72, "on_click": screen.on_face, "args": (face.who,)}
                    show_tile("portrait", key, portraits[face.number - 1], emotion, alt=alt, **options)


def _show_face_cards(answer: Answer) -> None:
    """Show one card per face, in the order of the numbers on the photo."""
    show_style(__file__, "cards.css", CHOSEN="-".join(map(str, answer.chosen)) or "none")
    st.header("Each face", anchor=False)
    with st.container(horizontal=True, gap="small", key="face-cards"):
        for face, portrait in zip(answer.faces[:_CARDS_SHOWN], answer.portraits, strict=False):
            name = face.who.text
            with st.container(border=True, width=300, key=f"card-{face.number}"):
                with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                    show_sharp(portrait, alt=name, width=56)
                    st.markdown(f"**{name}**  \n{answer.words_of(face.who)}")
                show_bars(face.probabilities, key=f"bars-{face.number}", name=name.lower(), least_height=190)
    if len(answer.faces) > _CARDS_SHOWN:
        more = f"{len(answer.faces) - _CARDS_SHOWN} more faces are in the downloads."
        st.caption(f"{more} {FIRST_POINTS}" if len(answer.faces) > MOST_POINTS else more)


# A mood without a photo


def _draw_moods() -> None:
    """Show the moods in one row, and the samples as a group."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="without-face"):
        st.markdown("**No photo?** Choose a mood:", width="content")
        MOOD.draw(st.pills, "Mood", label_visibility="collapsed")
        st.button(
            "All samples as a group",
            icon=":material/photo_library:",
            type="tertiary",
            on_click=set_sample,
            args=(ALL_SAMPLES,),
            key="all-samples",
        )


def _show_mood(shown: ShownPictures, mood: Mood) -> None:
    """Show the parts of the page that need no photo."""
    answer = Answer(mood=mood)
    with st.container(key="mood-answer", gap="small"):
        title = st.empty()
        _draw_moods()
    player, plane = roomy_columns([1, 1], key="mood", gap="large")
    with player:
        queue = play_for(answer.request(), "photo")
    screen = _Screen(answer.with_songs(queue), queue, shown, Controls("", (), SAYS, MOOD), Photos("", {}, 0))
    PHOTO.draw(screen, {"player": player, "sentence": title, "plane": plane})
