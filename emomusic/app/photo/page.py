"""The Photo page: one screen with the faces, their emotions and a song, cards and downloads; or songs for a mood."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import EMOTIONS, Mood, affect_of, describe, quadrant_of
from emomusic.app.answer import (
    FIRST_POINTS,
    MOST_POINTS,
    Listener,
    choose_policy,
    face_points,
    group_sentence,
    show_bars,
    show_plane,
)
from emomusic.app.charts import reserve_space, roomy_columns, show_sharp, show_tile
from emomusic.app.choices import MOOD
from emomusic.app.example import show_example
from emomusic.app.frame import download_button, escape_markdown_message, local_date, show_problems
from emomusic.app.own_music import without_folders
from emomusic.app.parts import show_style
from emomusic.app.persons import PersonsState, choose_persons, show_known
from emomusic.app.photo.choices import Choices, choices_of, choose_by_hand, choose_face, choose_who
from emomusic.app.photo.reading import Photos
from emomusic.app.photo.screen import (
    PARTS,
    choose_person,
    screen_style,
    sentence_of,
    show_faces,
    show_picture,
    show_sheet,
)
from emomusic.app.picture_chooser import (
    ALL_SAMPLES,
    Picture,
    PictureState,
    ShownPictures,
    choose_other_pictures,
    choose_picture,
    choose_sample,
    show_drop_zone,
    show_turn,
    shown_pictures,
)
from emomusic.app.player import PLAYLIST, show_queue
from emomusic.app.queues import play_for
from emomusic.app.state import page_state
from emomusic.charts.affect import FacePoint
from emomusic.export import gallery_csv, gallery_record, picture_record, request_record
from emomusic.faces.who import NOBODY, Kind, Who
from emomusic.marks.card import PICTURE_SIZE, card_title, draw_card, framed
from emomusic.marks.picture import annotated_picture, annotated_preview
from emomusic.media.images import encode_png, read_image
from emomusic.songs.queue import SongQueue
from emomusic.text import escape_html, for_excel, pluralize

_CARDS_SHOWN, _FACES_SHOWN, _SONGS_PRINTED = 12, 24, 8


@dataclass(frozen=True, slots=True, eq=False)
class ShownPhotos:
    """What the page shows, for its files."""

    photos: Photos
    first: Picture
    choices: Choices
    songs: SongQueue | None
    today: date

    def annotated(self) -> bytes:
        """The photo with its faces."""
        return encode_png(annotated_picture(self.first.read(), self.photos.readings(self.choices.faces)[0]))

    def table(self) -> bytes:
        """The faces."""
        return for_excel(gallery_csv(self.photos.names, self.photos.readings(self.photos.faces)))

    def record(self) -> str:
        """The faces, the request for songs and the songs."""
        assert self.songs is not None  # the page offers it only then
        photos, choices, request = self.photos, self.choices, self.songs.request
        picks = without_folders(self.songs.playlist(PLAYLIST))
        if (one := photos.one) is not None:
            found = picture_record(one.name, one.reading, picks, request, decode_ms=one.decode_ms)
        else:
            found = gallery_record(photos.names, photos.readings(photos.faces), photos.unread, picks, request)
        asked = request_record(request, choices.who.text, manual_emotion=choices.emotion, manual_mood=choices.mood)
        return json.dumps({**found, "request": asked}, ensure_ascii=False, indent=2)

    def card(self, *, with_faces: bool = True) -> bytes:
        """The card to send."""
        shares, one = self.choices.probabilities, self.photos.one
        pick = None if self.songs is None else self.songs.current
        assert shares is not None  # the page offers it only then
        pictures = []
        if with_faces and one is not None:
            pictures = [
                annotated_preview(read_image(one.preview), self.photos.readings(self.choices.faces)[0], *PICTURE_SIZE)
            ]
        elif with_faces:
            faces = zip(self.photos.portraits, self.choices.faces, strict=True)
            pictures = [framed(read_image(portrait), face.emotion) for portrait, face in faces]
        title = card_title(shares.emotion, self.today, pick)
        return encode_png(draw_card(title, _sentence(self.choices), shares, pick, pictures))


def show_page(open_start: Callable[[], DeltaGenerator]) -> None:
    """Show the photos and their answer, or songs for a mood, or before a choice the start in its container.

    Raises:
        EmomusicError: a model is missing or damaged.
    """
    shown = shown_pictures()
    mood = MOOD.value if shown.sample is None and not shown.each else None
    if shown.each or mood is not None:
        choose_other_pictures(shown)
    if shown.each:
        show_photos(shown)
    elif mood is not None:
        _show_mood(Mood(mood))
    else:
        with open_start(), reserve_space("start", 700):  # a link may name no sample
            choose_picture(shown)
            _choose_mood()
            show_example("A sample, your own photo or a mood replaces this example.")


def show_photos(shown: ShownPictures) -> None:
    """Read the photos and show the page for them. A single photo appears before its faces are found."""
    digest, persons = shown.digest, page_state(PersonsState)
    unread = Photos(digest, dict.fromkeys(each.digest for each in shown.each), persons.version)
    photos = shown.mine.kept(Photos, digest) or shown.mine.keep(digest, unread)
    style, on_photo = st.empty(), None
    num_photos = len(photos.each)
    with reserve_space("photo-answer", 672):
        with st.container(key="sentence", horizontal=True, gap="small", vertical_alignment="center"):
            title, who = st.empty(), st.container(key="who", width="content")
        if not photos.is_read:
            title.title("Looking for faces", anchor=False, width="content")
        with st.container(key="screen"):
            parts = {part: st.container(key=f"part-{part}", gap="xsmall", height="stretch") for part in PARTS}
    parts |= {"style": style, "title": title, "who": who}
    if num_photos == 1 and not (first := photos.decoded(digest, shown)).problem:
        style.html(screen_style([first.reading], ()))
        with parts["picture"]:
            on_photo = show_picture(first.preview, "The photo")

    def show_progress(number: int) -> None:
        if num_photos > 1:
            title.title(f"Reading photo {number + 1} of {num_photos}", anchor=False)

    photos.finish(shown, persons, show_progress)
    if photos.photos:
        _show_answer(photos, shown, persons, parts, on_photo)
    else:
        title.title("This photo cannot be read" if num_photos == 1 else "No photo can be read", anchor=False)
        _show_unread(photos)
        show_drop_zone("upload_again")


def _show_answer(
    photos: Photos,
    shown: ShownPictures,
    persons: PersonsState,
    parts: Mapping[str, DeltaGenerator],
    on_photo: DeltaGenerator | None,
) -> None:
    """Show the parts of the screen: of one photo, or of several as a contact sheet."""
    choices = choices_of(photos.faces, photos.digest, is_linked=shown.sample is not None)
    readings = photos.readings(choices.faces)
    listener, choose = choices.listener, partial(choose_face, photos.digest)
    options = {"is_group": photos.one is None, "has_songs": listener is not None, "has_faces": bool(choices.faces)}
    parts["style"].html(screen_style(readings, choices.chosen, **options))
    songs = None
    if listener is not None:
        with parts["player"]:  # before the rest: the sound waits for nothing
            songs = play_for(choose_policy(listener), "photo")
            show_queue(songs, _stem(photos))
            names = (escape_html(each.song.full_name) for each in songs.playlist(_SONGS_PRINTED))
            st.html(f'<div class="printed"><b>Songs</b><ol><li>{"<li>".join(names)}</ol></div>')
    parts["title"].title(_sentence(choices), anchor=False, width="content")
    with parts["who"]:
        if photos.one is not None:
            choose_who(choices)
        elif len(choices.faces) > 1:
            choose_person(photos, choices.who, on_choice=choose)
    with parts["picture"]:
        if on_photo is not None:
            with on_photo:
                show_faces(readings[0], on_face=choose)
            if photos.photos[0].note:
                st.caption(photos.photos[0].note)
        else:
            st.markdown(_counts(photos, choices))
            show_sheet(photos.photos, readings, on_face=choose)
    with parts["bars"]:
        _show_bars(choices, shown)
    if songs is not None and listener is not None:
        with parts["plane"]:
            on_face = choose if len(choices.faces) > 1 else None
            show_plane(songs, listener.who, _points(photos, choices), on_face=on_face, height="stretch")
    shown.mine.keep(photos.digest, ShownPhotos(photos, shown.each[0], choices, songs, local_date()))
    with parts["actions"]:
        _show_actions(photos, choices, shown.mine, persons)
    if photos.one is None:
        # What the figures leave out
        if few := [*shown.mine.notes, *[FIRST_POINTS] * (len(choices.faces.persons()) > MOST_POINTS)]:
            st.caption(" ".join(few))
        _show_unread(photos)
        if len(choices.faces) > 1:
            _show_persons(photos, choices, choose)
    elif len(choices.faces) > 1:
        _show_face_cards(photos, choices)


def _sentence(choices: Choices) -> str:
    """The emotion of the chosen face or person, or of everyone."""
    shares, is_everyone = choices.probabilities, not choices.chosen
    if not choices.faces or shares is None:
        return "No face found"
    if choices.emotion is not None:
        return f"{'Together: ' if is_everyone else ''}{choices.emotion.adjective}, as you say".capitalize()
    return group_sentence(shares, group_of=len(choices.faces)) if is_everyone else sentence_of(choices.shown)[:-1]


def _counts(photos: Photos, choices: Choices) -> str:
    """How many faces show which emotion."""
    counts = Counter(choices.faces.emotions)
    shown = ", ".join(f"{counts[emotion]} {emotion.adjective}" for emotion in EMOTIONS if counts[emotion])
    num_faces, num_photos = pluralize(len(choices.faces), "face"), pluralize(len(photos.photos), "photo")
    return f"{num_faces} in {num_photos}{': ' if shown else ''}{shown}."


def _points(photos: Photos, choices: Choices) -> list[FacePoint]:
    """The faces of one photo on the plane; of several, each person, and the chosen face, as its picture."""
    if photos.one is not None:
        return face_points(choices.faces)
    points = []
    for who in dict.fromkeys([*choices.faces.persons()[:MOST_POINTS], *[choices.who] * bool(choices.chosen)]):
        faces = choices.faces.where(who)
        shares = faces.mean()
        assert shares is not None  # at least one face counts
        source = f"data:image/jpeg;base64,{b64encode(photos.portraits[faces.number[0] - 1]).decode()}"
        points.append(FacePoint(who, affect_of(shares), shares.emotion, source))
    return points


def _show_unread(photos: Photos) -> None:
    if len(photos.each) == 1:
        st.error(escape_markdown_message(photos.unread[0][1]), icon=":material/error:")
    elif unread := photos.unread:
        st.error(f"{pluralize(len(unread), 'file')} could not be read.", icon=":material/error:")
        show_problems([f"{name}: {reason}" for name, reason in unread])


def _show_bars(choices: Choices, shown: ShownPictures) -> None:
    """Show the seven probabilities of the chosen face or of everyone; without a face, the choice by hand."""
    shares = choices.probabilities
    if not choices.faces:
        st.markdown(
            "Faces must look towards the camera and span at least 1/60 of the photo's longer side. Turn the photo if "
            "it lies on its side, or choose an emotion or a mood."
        )
        show_turn(shown)
        show_drop_zone("upload_again")
        choose_by_hand(choices)
    elif shares is not None:
        point = affect_of(shares)
        quadrant = quadrant_of(point)
        show_bars(shares, key="bars", least_height=150, height="stretch")
        position = f"valence {point.valence:.2f}, arousal {point.arousal:.2f}"
        st.caption(f"{choices.who.text}: {quadrant.description}, {position}")


def _show_actions(photos: Photos, choices: Choices, mine: PictureState, persons: PersonsState) -> None:
    """Show the menus about the photos."""
    with st.container(horizontal=True, gap="xsmall", key="actions", wrap=False):
        if choices.faces:
            chosen = [name for name in (choices.emotion and choices.emotion.adjective, choices.mood) if name]
            label = f"Your choice: {', '.join(chosen)}" if chosen else "Correct"
            with st.popover(label, icon=":material/edit:", key="correct"):
                choose_by_hand(choices)
        if choices.listener is not None:
            _show_downloads(photos, choices, mine)
        choose_persons(persons)
    show_known(choices.faces, persons)


def _stem(photos: Photos) -> str:
    """Start of the names of downloaded files."""
    return (Path(photos.names[0]).stem or "picture") if photos.one is not None else "photos"


def _show_downloads(photos: Photos, choices: Choices, mine: PictureState) -> None:
    """Show a menu with the card, the photo and its readings as files. The player offers the songs."""
    stem = _stem(photos)
    with st.popover("Download", icon=":material/download:", key="photo-downloads"):
        if choices.probabilities is not None:
            _offer(mine, "Card (PNG)", ShownPhotos.card, f"{stem}-card.png")
            without = partial(ShownPhotos.card, with_faces=False)
            _offer(mine, "Card without faces (PNG)", without, f"{stem}-card-without-faces.png")
        if choices.faces:
            if photos.one is not None:
                _offer(mine, "Photo with faces (PNG)", ShownPhotos.annotated, f"{stem}-faces.png")
            _offer(mine, "Faces (CSV)", ShownPhotos.table, f"{stem}-faces.csv")
        _offer(mine, "Everything (JSON)", ShownPhotos.record, f"{stem}.json")
        if choices.faces.is_corrected.any():
            st.caption("The table and the JSON have the app's estimates.")


def _offer(mine: PictureState, label: str, make: Callable[[ShownPhotos], str | bytes], name: str) -> None:
    download_button(label, mine, lambda photo: make(photo.results[ShownPhotos][1]), name, type="tertiary")


def _show_persons(photos: Photos, choices: Choices, on_face: Callable[[Who], None]) -> None:
    """Show a row for each person in several photos, and one of the other faces."""
    show_style(__file__, "persons.css", CHOSEN=choices.who.label)
    st.header("Each person", anchor=False)
    persons = [who for who in choices.faces.persons() if who.kind is Kind.PERSON]
    rows = {who.text: choices.faces.where(who) for who in persons[:_CARDS_SHOWN]}
    if len(others := choices.faces[choices.faces.person == 0]):
        rows["In one photo"] = others
    with st.container(key="each-person"):
        for name, faces in rows.items():
            with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"row-{name}"):
                st.markdown(f"**{name}**: {pluralize(len(faces), 'face')}  \n{sentence_of(faces)}", width=200)
                for face in faces[:_FACES_SHOWN]:
                    who, picture = face.who, photos.portraits[face.number - 1]
                    options: dict[str, Any] = {"width": 72, "on_click": on_face, "args": (who,)}
                    show_tile("portrait", f"face-{who.label}", picture, str(face.emotion), alt=who.text, **options)


def _show_face_cards(photos: Photos, choices: Choices) -> None:
    """Show one card per face, in the order of the numbers on the photo."""
    show_style(__file__, "cards.css", CHOSEN="-".join(map(str, choices.chosen)) or "none")
    st.header("Each face", anchor=False)
    said, portraits = choices.faces.is_corrected, photos.photos[0].portraits
    with st.container(horizontal=True, gap="small", key="face-cards"):
        for row, face in enumerate(choices.faces[:_CARDS_SHOWN]):
            number = face.number
            with st.container(border=True, width=300, key=f"card-{number}"):
                corrected = f"{face.emotion.adjective.capitalize()}, as you say"
                words = corrected if said[row] else describe(face.probabilities)
                with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                    show_sharp(portraits[row], alt=f"Face {number}", width=56)
                    st.markdown(f"**Face {number}**  \n{words}")
                show_bars(face.probabilities, key=f"bars-{number}", name=f"face {number}", least_height=190)
    if len(choices.faces) > _CARDS_SHOWN:
        more = f"{len(choices.faces) - _CARDS_SHOWN} more faces are in the downloads."
        st.caption(f"{more} {FIRST_POINTS}" if len(choices.faces) > MOST_POINTS else more)


# A mood without a photo


def _choose_mood() -> None:
    """Show the moods in one row, and the samples as a group."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="without-face"):
        st.markdown("**No photo?** Choose a mood:", width="content")
        MOOD.draw(st.pills, "Mood", label_visibility="collapsed")
        st.button(
            "All samples as a group",
            icon=":material/photo_library:",
            type="tertiary",
            on_click=choose_sample,
            args=(ALL_SAMPLES,),
            key="all-samples",
        )


def _show_mood(mood: Mood) -> None:
    """Show the player and the plane for a mood."""
    with st.container(key="mood-answer", gap="small"):
        st.title(f"{mood.capitalize()} songs", anchor=False)
        _choose_mood()
    songs = play_for(Listener(NOBODY, None, mood).request, "photo")
    player, plane = roomy_columns([1, 1], key="mood", gap="large")
    with player:
        show_queue(songs, f"emomusic-{mood}")
    with plane:
        show_plane(songs, NOBODY, [])
