"""The first screen of the Photo page: a grid for the shape of the photo, and the photo with a button on each face.

Of several photos, the faces lie on a large plane, and the photo of the chosen face is smaller.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app.parts import style_beside
from emomusic.colours import EMOTION_COLOURS, ink_on
from emomusic.faces.reading import FaceReading, PictureReading

PARTS = ("picture", "player", "bars", "plane", "actions")
"""The parts of the screen, in the order of a phone."""

_NUMBERS_ONLY = 12  # more faces have no room for words

# The photo is as high as its width asks for
_NATURAL = """.st-key-part-picture > :has(> .st-key-photo-frame) { flex: none; }
.st-key-photo-frame { aspect-ratio: RATIO; height: auto; }"""
_LOW = " .st-key-photo-frame { max-height: 14rem; }"
_BY_HAND = "\n.st-key-screen > :has(> .st-key-part-bars) { contain: none; }"
_PHONE = '"picture" auto "player" auto "bars" 12rem "plane" 25rem "actions" auto / minmax(0, 1fr)'


# The grid of the parts by word in `screen.css`: areas, rows and columns on a desktop, the largest height, the style of
# the photo, the areas of a tablet, and areas, rows and columns of a phone
_ANY = {"FRAME": _NATURAL, "TABLET": '"picture player" "actions player" "bars plane"', "PHONE": _PHONE}
_GROUP = {
    "AREAS": '"plane bars player" "plane picture player" "actions actions player"',
    "ROWS": "minmax(11.25rem, 1fr) auto auto",
    "COLUMNS": "minmax(0, 1.7fr) minmax(0, 1fr) minmax(21.5rem, 1.1fr)",
    "MAXIMUM": "44rem",
    "FRAME": _NATURAL + _LOW,
    "TABLET": '"actions player" "picture player" "bars plane"',
    "PHONE": '"player" auto "plane" 25rem "bars" 12rem "picture" auto "actions" auto / minmax(0, 1fr)',
}
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


def screen_style(
    reading: PictureReading,
    chosen: int | None,
    *,
    has_songs: bool = True,
    has_faces: bool = True,
    is_group: bool = False,
) -> str:
    """The style of the screen for the shape of a photo, its faces, and the chosen one.

    Args:
        reading: of the photo, or of the shown one of several.
        chosen: number of the chosen face.
        has_songs: whether there is a player.
        has_faces: whether any photo has a face, or may have one.
        is_group: whether there are several photos.
    """
    shape = reading.width / reading.height
    limits = ((1.0, _VERY_TALL), (1.3, _TALL), (2.1, _WIDE))
    layout = _GROUP if is_group else next((of for limit, of in limits if shape < limit), _VERY_WIDE)
    if not has_faces:  # the choice by hand is in the place of the bars
        phone = _PHONE.replace("12rem", "auto").replace("25rem", "25rem" if has_songs else "auto")
        layout = layout | {"ROWS": "auto minmax(18rem, 1fr) auto", "FRAME": layout["FRAME"] + _BY_HAND, "PHONE": phone}
    if not has_songs and is_group:
        layout = layout | {"AREAS": '"bars" "picture" "actions"', "COLUMNS": "minmax(0, 1fr)", "ROWS": "auto auto auto"}
    elif not has_songs:
        columns = layout["COLUMNS"].rpartition(" minmax(21.5rem")[0]
        layout = layout | {"AREAS": '"picture bars" "picture bars" "actions bars"', "COLUMNS": columns}
    is_one_of_many = chosen is not None and len(reading.faces) > 1
    values = layout | {
        "FACES": "\n".join(_face_style(face, reading) for face in reading.faces),
        "CHOSEN": f".st-key-photo-face-{chosen if is_one_of_many else 'none'}",
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
    style = f".st-key-photo-face-{number} {{ {place} --colour: {colour}; --ink: {ink_on(colour)}; }}"
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
