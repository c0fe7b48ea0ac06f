"""The answer to a photo: one screen with the faces, their emotions and a song; cards and downloads below."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import affect_of, describe, list_shares, quadrant_of
from emomusic.app.charts import show_chart, styled_room
from emomusic.app.choose import FIRST_POINTS, MOST_POINTS, Listener, group_sentence, request_of, show_song_plane
from emomusic.app.frame import download_button
from emomusic.app.persons import choose_persons, persons_version, read_visitor, show_known, with_persons
from emomusic.app.photo.choices import Choices, choices_of, choose_by_hand, choose_face, choose_who
from emomusic.app.photo.screen import PARTS, screen_style, show_faces, show_picture
from emomusic.app.picture_chooser import Picture, keep_result, kept_result, show_turn
from emomusic.app.player import PLAYLIST, queue_of, show_queue
from emomusic.app.take_along import songs_json
from emomusic.app.tiles import show_sharp
from emomusic.charts.affect import FacePoint
from emomusic.charts.face import probability_bars
from emomusic.compat import return_free_memory
from emomusic.errors import EmomusicError
from emomusic.export import faces_csv, picture_record
from emomusic.faces.reading import PictureReading
from emomusic.marks.picture import ROOM_AROUND, annotated_picture
from emomusic.media.images import RgbImage, crop_face, encode_jpeg, encode_png, shrink
from emomusic.songs.queue import SongQueue

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
        show_faces(reading, on_face=lambda number: choose_face(number, picture.digest))
    queue = None
    if listener is not None:
        with parts["player"]:  # before the charts, whose code keeps the browser busy for half a second
            queue = queue_of(request_of(listener), "photo")
            show_queue(queue, "photo", _stem_of(result))
    with parts["bars"]:
        _show_bars(choices)
    if listener is not None and queue is not None:
        with parts["plane"]:
            faces = enumerate(reading.faces[:MOST_POINTS], 1)
            points = [FacePoint(str(number), face.point, face.emotion) for number, face in faces]

            def choose_mark(label: str) -> None:
                if label.isdecimal() and len(reading.faces) > 1:
                    choose_face(int(label), picture.digest)

            show_song_plane(listener, points, queue, on_face=choose_mark, height="stretch")
    with parts["actions"]:
        _show_actions(result, choices, queue)
    if len(reading.faces) > 1:
        _show_face_cards(result, choices)


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
        alt = f"Probabilities: {list_shares(shares.as_dict())}"
        show_chart(probability_bars(shares, height=150), key="bars", alt=alt, height="stretch")
        position = f"valence {point.valence:.2f}, arousal {point.arousal:.2f}"
        st.caption(f"{choices.who}: {quadrant.description}, {position}")


def _show_actions(result: PhotoResult, choices: Choices, queue: SongQueue | None) -> None:
    """Show the menus about the photo."""
    with st.container(horizontal=True, gap="xsmall", key="actions", wrap=False):
        if choices.reading.faces:
            chosen = [name for name in (choices.emotion and choices.emotion.adjective, choices.mood) if name]
            label = f"Your choice: {', '.join(chosen)}" if chosen else "Correct"
            with st.popover(label, icon=":material/edit:", key="correct"):
                choose_by_hand(choices)
        if queue is not None and choices.listener is not None:
            _show_downloads(result, choices, choices.listener, queue)
        choose_persons()
    show_known(choices.reading.faces)


def _show_downloads(result: PhotoResult, choices: Choices, listener: Listener, queue: SongQueue) -> None:
    """Show a menu with the photo and its readings as files. The player offers the songs."""
    stem = _stem_of(result)

    def annotated() -> bytes:
        return encode_png(annotated_picture(result.picture.read(), choices.reading))

    def everything() -> str:
        songs = queue.playlist(PLAYLIST)
        record = picture_record(result.picture.name, result.reading, songs, queue.request, decode_ms=result.decode_ms)
        return songs_json(record, listener, queue.request)

    with st.popover("Download", icon=":material/download:", key="photo-downloads"):
        if result.reading.faces:
            download_button("Photo with faces (PNG)", annotated, f"{stem}-faces.png", type="tertiary")
            download_button("Faces (CSV)", lambda: faces_csv(result.reading), f"{stem}-faces.csv", type="tertiary")
        download_button("Everything (JSON)", everything, f"{stem}.json", type="tertiary")
        if choices.corrected:
            st.caption("The table and the JSON have the app's estimates.")


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
                show_chart(
                    probability_bars(face.probabilities, height=190),
                    key=f"bars-{number}",
                    alt=f"Probabilities of face {number}: {list_shares(face.probabilities.as_dict())}",
                )
    if len(faces) > _CARDS_SHOWN:
        more = f"{len(faces) - _CARDS_SHOWN} more faces are in the downloads."
        st.caption(f"{more} {FIRST_POINTS}" if len(faces) > MOST_POINTS else more)
