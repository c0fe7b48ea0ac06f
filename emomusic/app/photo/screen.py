"""The first screen of the Photo page: a grid for the shape of the photo, and the photo with a button on each face.

Several photos are a contact sheet, in rows of one height, as photo libraries show them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.answer.answer import Answer, sentence_of
from emomusic.app.charts import show_tile, style_tiles
from emomusic.app.parts import style_beside
from emomusic.colours import EMOTION_COLOURS, ink_on
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import FaceReading
from emomusic.faces.who import EVERYONE, Who
from emomusic.server.photos import Photo
from emomusic.text import pluralize

PARTS = ("picture", "player", "bars", "plane", "actions")
"""The parts of the screen, in the order of a phone."""

_NUMBERS_ONLY = 12  # more faces have no room for words

_SHAPES = {"VERY_TALL": 1.0, "TALL": 1.3, "WIDE": 2.1, "VERY_WIDE": np.inf, "GROUP": np.nan}
"""Layouts of `screen.css`, with their largest ratio of width to height. Several photos have their own."""


def screen_style(
    readings: Sequence[PictureReading],
    chosen: Sequence[int],
    *,
    is_group: bool = False,
    has_songs: bool = True,
    has_faces: bool = True,
) -> str:
    """The style of the screen for the shape of a photo, its faces, and the chosen ones; or for several photos.

    Args:
        readings: of the photos.
        chosen: numbers of the chosen faces.
        is_group: whether there are several photos.
        has_songs: whether there is a player.
        has_faces: whether any photo has a face, or may have one.
    """
    shape = readings[0].width / readings[0].height
    layout = "GROUP" if is_group else next(name for name, limit in _SHAPES.items() if shape < limit)
    conditions = {name: name == layout for name in _SHAPES}
    conditions |= {"SONGLESS": not has_songs, "FACELESS": not has_faces}
    marked = chosen if sum(len(reading.faces) for reading in readings) > 1 else ()
    faces = [_face_style(face, reading) for reading in readings for face in reading.faces]
    ratios = [
        f".st-key-sheet > :nth-child({number}) {{ --ratio: {reading.width / reading.height:.3f}; }}"
        for number, reading in enumerate(readings, 1)
    ]
    values = {
        **{f"IF_{name}": ":where(*)" if holds else ":where(none)" for name, holds in conditions.items()},
        "FACES": "\n".join([*faces, *ratios]),
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
    if not face.is_sure:
        style += f" {both} {{ --plate: var(--ink); --letters: var(--colour); --line: dashed; }}"
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


def show_faces(reading: PictureReading, *, on_face: Callable[[Who], None]) -> None:
    """Show a button on each face, numbered and named in the colour of its emotion; a click gives the face."""
    for face in reading.faces:
        number, word = (
            face.number,
            "" if len(reading.faces) > _NUMBERS_ONLY else f" {face.emotion}{'' if face.is_sure else '?'}",
        )
        options: dict[str, Any] = {"type": "tertiary", "on_click": on_face, "args": (face.who,)}
        st.button(f"**{number}**{word}", key=f"photo-face-{number}", **options)


def show_sheet(photos: Sequence[Photo], readings: Sequence[PictureReading], *, on_face: Callable[[Who], None]) -> None:
    """Show each photo with its sentence and a button on each face."""
    with st.container(key="sheet", horizontal=True, gap="small"):
        for number, (photo, reading) in enumerate(zip(photos, readings, strict=True), 1):
            with st.container(gap=None):
                with st.container(key=f"sheet-{number}", gap=None):
                    st.image(photo.small, alt=photo.name, width="stretch")
                    show_faces(reading, on_face=on_face)
                st.caption(" ".join(filter(None, [f"{sentence_of(reading.faces)}.", photo.note])))


def draw_persons(answer: Answer, *, on_choice: Callable[[Who], None]) -> None:
    """Show everyone and the face of each person in one row; a click gives that one."""
    portraits = answer.portraits
    style_tiles("portrait", chosen=answer.who.label)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", wrap=False, key="people"):
        kind: Literal["primary", "secondary"] = "primary" if answer.is_of_all else "secondary"
        st.button(EVERYONE.text, key="everyone", type=kind, on_click=on_choice, args=(EVERYONE,))
        for who in answer.faces.persons():
            numbers = answer.faces.where(who).number
            name = f"{who.text}, in {pluralize(len(numbers), 'photo')}"
            options: dict[str, Any] = {"alt": name, "width": 40, "on_click": on_choice, "args": (who,)}
            show_tile("portrait", who.label, portraits[numbers[0] - 1], name, **options)
