"""The Photo page: one screen with the faces, their emotions and a song; cards and downloads below."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import affect_of, describe, quadrant_of
from emomusic.app.answer import FIRST_POINTS, MOST_POINTS, Answer, answer, face_points, group_sentence, show_bars
from emomusic.app.charts import styled_room
from emomusic.app.frame import download_button
from emomusic.app.persons import choose_persons, persons_version, read_visitor, show_known, with_persons
from emomusic.app.photo.choices import Choices, choices_of, choose_by_hand, choose_face, choose_who
from emomusic.app.photo.screen import PARTS, screen_style, show_faces, show_picture
from emomusic.app.picture_chooser import Picture, PictureState, keep_result, kept_result, show_turn
from emomusic.app.state import from_state, page_state
from emomusic.app.tiles import show_sharp
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError
from emomusic.export import faces_csv, picture_record
from emomusic.faces.reading import PictureReading
from emomusic.marks.picture import ROOM_AROUND, annotated_picture
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, encode_png, shrink
from emomusic.songs.request import Request
from emomusic.songs.song import Pick

_PREVIEW_SIDE = 1400  # pixels; Streamlit shrinks images wider than 1460 pixels on every run
_FACE_SIDE = 96
_CARDS_SHOWN = 12


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """A photo that was read, with the images that the page shows."""

    picture: Picture
    reading: PictureReading
    decode_ms: float
    preview: bytes  # JPEG in screen size
    faces: tuple[bytes, ...]  # JPEG of each face
    persons_version: int  # of the persons with whose profiles the faces were read


@dataclass(frozen=True, slots=True, eq=False)
class ShownPhoto:
    """What the page shows, for its files."""

    result: PhotoResult
    choices: Choices
    songs: Answer | None

    def annotated(self) -> bytes:
        """The photo with its faces."""
        return encode_png(annotated_picture(self.result.picture.read(), self.choices.reading))

    def table(self) -> str:
        """The faces."""
        return faces_csv(self.result.reading)

    def record(self) -> str:
        """The faces, the request for songs and the songs."""
        result = self.result

        def record(picks: Sequence[Pick], request: Request) -> dict[str, Any]:
            return picture_record(result.picture.name, result.reading, picks, request, decode_ms=result.decode_ms)

        return "" if self.songs is None else self.songs.json(record)


def _stored(picture: Picture) -> PhotoResult | None:
    """The result of an earlier run."""
    result = kept_result(PhotoResult, picture)
    return None if result is None or result.persons_version != persons_version() else result


def _read(picture: Picture, image: RgbImage, preview: bytes, decode_ms: float) -> PhotoResult:
    """Find and read the faces of a photo, and store the result."""
    reading = with_persons(image, read_visitor(image))
    return_free_memory()
    faces = tuple(
        encode_jpeg(shrink(crop_face(image, face.face.box, margin=ROOM_AROUND), _FACE_SIDE)[0])
        for face in reading.faces
    )
    result = PhotoResult(picture, reading, decode_ms, preview, faces, persons_version())
    keep_result(picture, result)
    return result


def show_photo(picture: Picture) -> None:
    """Read a photo and show the page for it. The photo appears before its faces are found.

    Raises:
        EmomusicError: the photo cannot be read, or a model is missing.
    """
    result = _stored(picture)
    style = st.empty()
    with styled_room("photo-answer", 672):
        sentence = st.container(key="sentence", horizontal=True, gap="small", vertical_alignment="center")
        with sentence:
            title = st.empty()
        if result is None:
            title.title("Looking for faces", anchor=False, width="content")
            started = time.perf_counter()
            try:
                image = picture.read()
            except EmomusicError:
                title.title("This photo cannot be read", anchor=False)
                raise
            decode_ms = 1000 * (time.perf_counter() - started)
            preview = encode_jpeg(shrink(image, _PREVIEW_SIDE)[0])
            unread = PictureReading(image.shape[1], image.shape[0], (), 0, 0)
            style.html(screen_style(unread, None, has_songs=True, is_read=False))
        with st.container(key="screen"):
            parts = {part: st.container(key=f"part-{part}", gap="xsmall", height="stretch") for part in PARTS}
    with parts["picture"]:
        if result is None:
            on_photo = show_picture(preview, "The photo")
            result = _read(picture, image, preview, decode_ms)
        else:
            on_photo = show_picture(result.preview, "The photo")
    choices = choices_of(result.reading, picture.digest)
    reading, listener = choices.reading, choices.listener
    style.html(screen_style(reading, choices.face, has_songs=listener is not None))
    with sentence:
        _show_sentence(choices, title)
    with on_photo:
        show_faces(reading, on_face=partial(choose_face, picture.digest))
    songs = None
    if listener is not None:
        with parts["player"]:  # before the charts, whose code keeps the browser busy for half a second
            songs = answer(listener, "photo")
            songs.show_player(_stem_of(result))
    with parts["bars"]:
        _show_bars(choices)
    if songs is not None:
        with parts["plane"]:
            choose = partial(_choose_mark, picture.digest) if len(reading.faces) > 1 else None
            songs.show_plane(face_points(reading.faces), on_face=choose, height="stretch")
    keep_result(picture, ShownPhoto(result, choices, songs))
    with parts["actions"]:
        _show_actions(result, choices)
    if len(reading.faces) > 1:
        _show_face_cards(result, choices)


def _choose_mark(digest: str, label: str) -> None:
    if label.isdecimal():
        choose_face(digest, int(label))


def _show_sentence(choices: Choices, title: DeltaGenerator) -> None:
    """Show the emotion as the title, and buttons for everyone and each face."""
    faces, shares = choices.reading.faces, choices.probabilities
    sentence = "No face found"
    if faces and choices.emotion is not None:
        sentence = f"{'' if choices.face else 'Together: '}{choices.emotion.adjective}, as you say".capitalize()
    elif faces and shares is not None:
        sentence = group_sentence(shares, group_of=1 if choices.face else len(faces))
    title.title(sentence, anchor=False, width="content")
    with st.container(key="who", width="content"):
        choose_who(choices)


def _show_bars(choices: Choices) -> None:
    """Show the seven probabilities of the chosen face or of everyone; without a face, the choice by hand."""
    shares = choices.probabilities
    if not choices.reading.faces:
        st.markdown(
            "Faces must look towards the camera and span at least 1/60 of the photo's longer side. Turn the photo if "
            "it lies on its side, or choose an emotion or a mood."
        )
        show_turn()
        choose_by_hand(choices)
    elif shares is not None:
        point = affect_of(shares)
        quadrant = quadrant_of(point)
        show_bars(shares, key="bars", least_height=150, height="stretch")
        position = f"valence {point.valence:.2f}, arousal {point.arousal:.2f}"
        st.caption(f"{choices.who}: {quadrant.description}, {position}")


def _show_actions(result: PhotoResult, choices: Choices) -> None:
    """Show the menus about the photo."""
    with st.container(horizontal=True, gap="xsmall", key="actions", wrap=False):
        if choices.reading.faces:
            chosen = [name for name in (choices.emotion and choices.emotion.adjective, choices.mood) if name]
            label = f"Your choice: {', '.join(chosen)}" if chosen else "Correct"
            with st.popover(label, icon=":material/edit:", key="correct"):
                choose_by_hand(choices)
        if choices.listener is not None:
            _show_downloads(result, choices)
        choose_persons()
    show_known(choices.reading.faces)


def _show_downloads(result: PhotoResult, choices: Choices) -> None:
    """Show a menu with the photo and its readings as files. The player offers the songs."""
    stem = _stem_of(result)
    with st.popover("Download", icon=":material/download:", key="photo-downloads"):
        if result.reading.faces:
            _offer("Photo with faces (PNG)", ShownPhoto.annotated, f"{stem}-faces.png")
            _offer("Faces (CSV)", ShownPhoto.table, f"{stem}-faces.csv")
        _offer("Everything (JSON)", ShownPhoto.record, f"{stem}.json")
        if choices.corrected:
            st.caption("The table and the JSON have the app's estimates.")


def _offer(label: str, make: Callable[[ShownPhoto], str | bytes], name: str) -> None:
    def make_now(photo: PictureState) -> str | bytes:
        _, shown = photo.results[ShownPhoto]
        return make(shown)

    download_button(label, from_state(page_state(PictureState), make_now), name, type="tertiary")


def _stem_of(result: PhotoResult) -> str:
    """Start of the names of downloaded files."""
    return Path(result.picture.name).stem or "picture"


# On a phone the cards form one row that scrolls sideways
_CARDS = """<style>
@media (max-width: 640px) {
  .st-key-face-cards { flex-wrap: nowrap; overflow-x: auto; }
  .st-key-face-cards > * { flex-shrink: 0; }
}
.st-key-card-CHOSEN { outline: 2px solid; }
</style>"""


def _show_face_cards(result: PhotoResult, choices: Choices) -> None:
    """Show one card per face, in the order of the numbers on the photo."""
    faces = choices.reading.faces
    st.html(_CARDS.replace("CHOSEN", str(choices.face or "none")))
    st.header("Each face", anchor=False)
    with st.container(horizontal=True, gap="small", key="face-cards"):
        for number, (face, portrait) in enumerate(zip(faces[:_CARDS_SHOWN], result.faces, strict=False), 1):
            with st.container(border=True, width=300, key=f"card-{number}"):
                said = number in choices.corrected
                words = f"{face.emotion.adjective.capitalize()}, as you say" if said else describe(face.probabilities)
                with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                    show_sharp(portrait, alt=f"Face {number}", width=56)
                    st.markdown(f"**Face {number}**  \n{words}")
                show_bars(face.probabilities, key=f"bars-{number}", name=f"face {number}", least_height=190)
    if len(faces) > _CARDS_SHOWN:
        more = f"{len(faces) - _CARDS_SHOWN} more faces are in the downloads."
        st.caption(f"{more} {FIRST_POINTS}" if len(faces) > MOST_POINTS else more)
