"""The first screen of the Photo page: a grid for the shape of the photo, and the photo with a button on each face.

Several photos are a contact sheet, in rows of one height, as photo libraries show them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import describe
from emomusic.app import state
from emomusic.app.answer import ALL
from emomusic.app.charts import show_tile, style_tiles
from emomusic.app.parts import style_beside
from emomusic.app.photo.choices import who_of
from emomusic.app.photo.reading import Photo, Photos
from emomusic.colours import EMOTION_COLOURS, ink_on
from emomusic.faces.reading import FaceReading, PictureReading, group_of
from emomusic.text import pluralize

PARTS = ("picture", "player", "bars", "plane", "actions")
"""The parts of the screen, in the order of a phone."""

_NUMBERS_ONLY = 12  # more faces have no room for words

# The photo is as high as its width asks for
_NATURAL = """.st-key-part-picture > :has(> .st-key-photo-frame) { flex: none; }
.st-key-photo-frame { aspect-ratio: RATIO; height: auto; }"""
_BY_HAND = "\n.st-key-screen > :has(> .st-key-part-bars) { contain: none; }"
_PHONE = '"picture" auto "player" auto "bars" 12rem "plane" 25rem "actions" auto / minmax(0, 1fr)'


# The grid of the parts by word in `screen.css`: areas, rows and columns on a desktop, the largest height, the style of
# the photo, the areas of a tablet, and areas, rows and columns of a phone
_ANY = {"FRAME": _NATURAL, "TABLET": '"picture player" "actions player" "bars plane"', "PHONE": _PHONE}
_WIDE = _ANY | {
    "AREAS": '"picture plane player" "bars plane player" "actions plane player"',
    "ROWS": "auto minmax(11.25rem, 1fr) auto",
    "COLUMNS": "minmax(0, 1fr) minmax(0, 1fr) minmax(21.5rem, 0.85fr)",
    "MAXIMUM": "36rem",
}
# On a laptop, its plane is too small for the names of the quadrants
_VERY_WIDE = _WIDE | {
    "AREAS": '"picture picture player" "bars plane player" "actions plane player"',
    "MAXIMUM": "42rem",
    "FRAME": _NATURAL + "@media (max-height: 800px) { .st-key-plane .annotation { display: none; } "
    ".st-key-photo-frame { max-height: 11.5rem; } }",
}
_TALL = _ANY | {
    "AREAS": '"picture bars player" "picture plane player" "actions plane player"',
    "ROWS": "clamp(11.25rem, var(--height) * 0.3, 14rem) minmax(0, 1fr) auto",
    "COLUMNS": "minmax(16rem, min(64% - 20rem, (var(--height) - 3.5rem) * RATIO)) minmax(0, 1fr) "
    "minmax(21.5rem, 0.9fr)",
    "MAXIMUM": "42rem",
    "FRAME": "",
}
# The photo is beside the bars on a phone
_VERY_TALL = _TALL | {
    "PHONE": '"picture bars" 11rem "player player" auto "plane plane" 25rem "actions actions" auto / '
    "minmax(0, 1fr) minmax(0, 1.3fr)",
}


# The contact sheet is beside the plane
_GROUP = _TALL | {
    "AREAS": '"picture plane player" "picture bars player" "actions bars player"',
    "ROWS": "minmax(0, 1fr) clamp(11.25rem, var(--height) * 0.3, 14rem) auto",
    "COLUMNS": "minmax(0, 1.6fr) minmax(0, 1fr) minmax(21.5rem, 0.9fr)",
}


def screen_style(
    readings: Sequence[PictureReading],
    chosen: Sequence[int],
    *,
    has_songs: bool = True,
    has_faces: bool = True,
) -> str:
    """The style of the screen for the shape of a photo, its faces, and the chosen ones; or for several photos.

    Args:
        readings: of the photos.
        chosen: numbers of the chosen faces.
        has_songs: whether there is a player.
        has_faces: whether any photo has a face, or may have one.
    """
    shape, is_group = readings[0].width / readings[0].height, len(readings) > 1
    limits = ((1.0, _VERY_TALL), (1.3, _TALL), (2.1, _WIDE))
    layout = _GROUP if is_group else next((of for limit, of in limits if shape < limit), _VERY_WIDE)
    if not has_faces:  # the choice by hand is in the place of the bars
        phone = _PHONE.replace("12rem", "auto").replace("25rem", "25rem" if has_songs else "auto")
        layout = layout | {"ROWS": "auto minmax(18rem, 1fr) auto", "FRAME": layout["FRAME"] + _BY_HAND, "PHONE": phone}
    if not has_songs:
        columns = layout["COLUMNS"].rpartition(" minmax(21.5rem")[0]
        layout = layout | {"AREAS": '"picture bars" "picture bars" "actions bars"', "COLUMNS": columns}
    marked = chosen if sum(len(reading.faces) for reading in readings) > 1 else ()
    faces = [_face_style(face, reading) for reading in readings for face in reading.faces]
    shapes = [
        f".st-key-sheet > :nth-child({number}) {{ --ratio: {reading.width / reading.height:.3f}; }}"
        for number, reading in enumerate(readings, 1)
    ]
    values = layout | {
        "FACES": "\n".join([*faces, *shapes]),
        "CHOSEN": f":is({', '.join(f'.st-key-photo-face-{number}' for number in [0, *marked])})",  # 0 is none
        "RATIO": f"{shape:.4f}",
    }
    return style_beside(__file__, "screen.css", **values)


def _face_style(face: FaceReading, reading: PictureReading) -> str:
    number, box, colour = face.number, face.face.box, EMOTION_COLOURS[face.emotion]
    left, top, width, height = (
        100 * part / side
        for part, side in zip((box.x, box.y, box.width, box.height), (reading.width, reading.height) * 2, strict=True)
    )
    place = f"left: {left:.2f}%; top: {top:.2f}%; width: {width:.2f}% !important; height: {height:.2f}%;"
    both = f":is(.st-key-photo-face-{number}, .st-key-tile-face-{number})"  # on the photo, and in a row of faces
    style = f".st-key-photo-face-{number} {{ {place} }} {both} {{ --colour: {colour}; --ink: {ink_on(colour)}; }}"
    if top < 8:  # no room above the face
        style += f" .st-key-photo-face-{number} p {{ bottom: auto; top: 0; }}"
    if left > 75:
        style += f" .st-key-photo-face-{number} p {{ left: auto; right: -4px; }}"
    return style


def show_picture(picture: bytes, alt: str) -> DeltaGenerator:
    """Show a photo, given as JPEG; returns the container for the buttons of its faces."""
    with st.container(key="photo-frame", height="stretch"):
        preview = st.container(key="photo-preview", gap=None)
    preview.image(picture, alt=alt, width="stretch")
    return preview


def show_faces(reading: PictureReading, *, on_face: Callable[[str], None]) -> None:
    """Show a button on each face, numbered and named in the colour of its emotion; a click gives its number."""
    for face in reading.faces:
        number, word = str(face.number), "" if len(reading.faces) > _NUMBERS_ONLY else f" {face.emotion}"
        st.button(f"**{number}**{word}", key=f"photo-face-{number}", type="tertiary", on_click=on_face, args=(number,))


def show_sheet(photos: Sequence[Photo], readings: Sequence[PictureReading], *, on_face: Callable[[str], None]) -> None:
    """Show each photo with its sentence and a button on each face."""
    with st.container(key="sheet", horizontal=True, gap="small"):
        for number, (photo, reading) in enumerate(zip(photos, readings, strict=True), 1):
            with st.container(gap=None):
                with st.container(key=f"sheet-{number}", gap=None):
                    st.image(photo.small, alt=photo.name, width="stretch")
                    show_faces(reading, on_face=on_face)
                st.caption(" ".join(filter(None, [sentence_of(reading.faces), photo.note])))


def sentence_of(faces: Sequence[FaceReading]) -> str:
    """The emotion of faces together: "Mostly happy, a little sad." Without faces, that there is none."""
    shares = group_of(faces)
    return "No face found." if shares is None else f"{describe(shares, of_group=len(faces) > 1)}."


def choose_person(photos: Photos, label: str, *, on_choice: Callable[[str], None]) -> None:
    """Show everyone and the face of each person in one row; a click gives the label. `label` is the chosen one."""
    style_tiles("portrait", chosen=label)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", wrap=False, key="people"):
        kind: Literal["primary", "secondary"] = "primary" if label == ALL else "secondary"
        st.button(state.EVERYONE, key="everyone", type=kind, on_click=on_choice, args=(ALL,))
        for each, faces in photos.persons.items():
            name = f"{who_of(each)}, in {pluralize(len(faces), 'photo')}"
            options: dict[str, Any] = {"alt": name, "width": 40, "on_click": on_choice, "args": (each,)}
            show_tile("portrait", each, photos.faces[faces[0] - 1], name, **options)
