"""The first screen of the Photo page: a grid for the shape of the photo, and the photo with a button on each face."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.charts.colours import EMOTION_COLOURS, ink_on
from emomusic.faces.reading import FaceReading, PictureReading

PARTS = ("picture", "player", "bars", "plane", "actions")
"""The parts of the screen, in the order of a phone."""

_WIDE, _VERY_WIDE = 1.3, 2.1  # width / height
_NUMBERS_ONLY = 12  # more faces have no room for words

# The areas of the parts for a photo that is tall or square, wide, and very wide
_TALL_AREAS = '"picture bars player" "picture plane player" "actions plane player"'
_WIDE_AREAS = '"picture plane player" "bars plane player" "actions plane player"'
_VERY_WIDE_AREAS = '"picture picture player" "bars plane player" "actions plane player"'

# A container's key is also its CSS class, as documented; its wrapper is the item of the grid
_GRID = """<style>
.st-key-photo-answer { gap: 0.75rem; }
.st-key-sentence { min-height: 2.5rem; }
.st-key-sentence h1 { padding: 0 !important; }
.st-key-sentence > * { flex-shrink: 0; max-width: 100%; }
.st-key-who, .st-key-actions { overflow-x: auto; padding: 3px; }
.st-key-who { flex: none; height: 2.5rem; overflow-y: hidden; }  /* its buttons are higher while their code loads */
.st-key-who:has([data-testid="stSelectbox"]) { padding-block: 0; }
.st-key-actions { flex-wrap: nowrap; }
.st-key-actions button { padding-inline: 0.45rem; }
.st-key-screen {
  --height: clamp(31rem, 100dvh - 13.5rem, MAXIMUM);
  display: grid; gap: 1rem 1.5rem; min-height: var(--height); align-items: stretch;
  grid-template: AREAS; grid-template-columns: COLUMNS; grid-template-rows: ROWS;
}
@media (max-height: 800px) and (min-width: 641px) {  /* a laptop */
  [data-testid="stMainBlockContainer"] { padding-top: calc(5.3rem - 17px); /* the address takes 17 pixels */ }
  .st-key-small-samples > * { width: 40px; }
  .st-key-screen { --height: clamp(31rem, 100dvh - 12.5rem, MAXIMUM); }
}
.st-key-screen > * { min-width: 0; min-height: 0; }
/* The charts fill what the other parts leave */
.st-key-screen > :is(:has(> .st-key-part-bars), :has(> .st-key-part-plane)) { contain: size; }
PLACES
.st-key-part-bars [data-testid="stCaptionContainer"] p {
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
.st-key-photo-frame { container-type: size; width: 100%; }
FRAME
.st-key-photo-preview { position: relative; width: min(100cqw, 100cqh * RATIO) !important; }
.st-key-photo-preview > div:first-child, .st-key-photo-preview img { width: 100% !important; }
.st-key-photo-preview img { border-radius: 8px; }
.st-key-photo-preview [data-testid="stElementToolbar"] { display: none; }
[class*="st-key-photo-face-"] { position: absolute !important; }
[class*="st-key-photo-face-"] :is(div, button) { width: 100% !important; height: 100% !important; }
[class*="st-key-photo-face-"] button {
  min-height: 0; padding: 0; border: 2px solid var(--colour) !important; border-radius: 4px;
  box-shadow: 0 0 0 1px var(--ink), inset 0 0 0 1px var(--ink); overflow: visible; background: none !important;
}
[class*="st-key-photo-face-"] button > div { position: static; }
[class*="st-key-photo-face-"] p {
  position: absolute; left: -4px; bottom: calc(100% + 3px); width: max-content; padding: 0 6px; border-radius: 4px;
  background: var(--colour); color: var(--ink) !important; font-size: 13px; line-height: 19px;
}
[class*="st-key-photo-face-"]:is(:hover, :focus-within) { z-index: 3; }
[class*="st-key-photo-face-"] button:hover { border-width: 4px !important; }
CHOSEN { z-index: 2; }
CHOSEN button { outline: 3px solid #fff; outline-offset: 1px; box-shadow: 0 0 0 6px #000; }
FACES
@media (max-width: 1023px) {
  .st-key-screen {
    grid-template-areas: "picture player" "actions player" "bars plane";
    grid-template-columns: minmax(0, 1fr) minmax(20rem, 1fr); grid-template-rows: auto auto 26rem;
  }
  .st-key-part-picture > :has(> .st-key-photo-frame) { flex: none; }
  .st-key-photo-frame { aspect-ratio: RATIO; height: auto; max-height: 60vh; }
}
@media (max-width: 640px) {
  .st-key-photo-answer, .st-key-screen { gap: 0.5rem; }
  .st-key-screen {
    grid-template-areas: "picture" "player" "bars" "plane" "actions"; grid-template-columns: minmax(0, 1fr);
    grid-template-rows: auto auto 12rem 25rem auto;
  }
  .st-key-sentence h1 { min-height: 2.4em; }
  .st-key-photo-frame { max-height: 20vh; }
  [class*="st-key-photo-face-"] p { font-size: 0; padding: 0; }
  [class*="st-key-photo-face-"] strong { font-size: 13px; padding: 0 4px; }
}
</style>"""


# The photo is as high as its width asks for
_NATURAL = """.st-key-part-picture > :has(> .st-key-photo-frame) { flex: none; }
.st-key-photo-frame { aspect-ratio: RATIO; height: auto; }"""


_BY_HAND = ".st-key-screen > :has(> .st-key-part-bars) { contain: none; }"


def screen_style(reading: PictureReading, chosen: int | None, *, has_songs: bool, is_read: bool = True) -> str:
    """The style of the screen for the shape of a photo, its faces, and the chosen one."""
    shape = reading.width / reading.height
    frame = ""
    areas, rows, maximum = _TALL_AREAS, "clamp(11.25rem, var(--height) * 0.3, 14rem) minmax(0, 1fr) auto", "42rem"
    picture = f"minmax(16rem, min(64% - 20rem, (var(--height) - 3.5rem) * {shape:.4f}))"
    columns, frame = f"{picture} minmax(0, 1fr) minmax(21.5rem, 0.9fr)", ""
    if shape >= _WIDE:
        columns, rows = "minmax(0, 1fr) minmax(0, 1fr) minmax(21.5rem, 0.85fr)", "auto minmax(11.25rem, 1fr) auto"
        areas, frame = _VERY_WIDE_AREAS if shape >= _VERY_WIDE else _WIDE_AREAS, _NATURAL
        maximum = "42rem" if shape >= _VERY_WIDE else "36rem"
    if is_read and not reading.faces:  # the choice by hand is in the place of the bars
        rows, frame = "auto minmax(18rem, 1fr) auto", frame + "\n" + _BY_HAND
        if not has_songs:
            areas, columns = '"picture bars" "picture bars" "actions bars"', columns.rpartition(" minmax(21.5rem")[0]
    places = "\n".join(f".st-key-screen > :has(> .st-key-part-{part}) {{ grid-area: {part}; }}" for part in PARTS)
    faces = "\n".join(_face_style(number, face, reading) for number, face in enumerate(reading.faces, 1))
    is_one_of_many = chosen is not None and len(reading.faces) > 1
    values = {
        "AREAS": areas, "COLUMNS": columns, "ROWS": rows, "MAXIMUM": maximum, "FRAME": frame, "PLACES": places,
        "FACES": faces, "RATIO": f"{shape:.4f}", "CHOSEN": f".st-key-photo-face-{chosen if is_one_of_many else 'none'}",
    }  # fmt: skip
    style = _GRID
    for name, value in values.items():
        style = style.replace(name, value)
    return style


def _face_style(number: int, face: FaceReading, reading: PictureReading) -> str:
    box, colour = face.face.box, EMOTION_COLOURS[face.emotion]
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
    """Show a photo; returns the container for the buttons of its faces.

    Args:
        picture: JPEG.
        alt: its description.
    """
    with st.container(key="photo-frame", height="stretch"):
        preview = st.container(key="photo-preview", gap=None)
    preview.image(picture, alt=alt, width="stretch")
    return preview


def show_faces(reading: PictureReading, *, on_face: Callable[[int], None]) -> None:
    """Show a button on each face, numbered and named in the colour of its emotion.

    Args:
        reading: of the photo.
        on_face: called with the number of a clicked face.
    """
    for number, face in enumerate(reading.faces, 1):
        word = "" if len(reading.faces) > _NUMBERS_ONLY else f" {face.emotion}"
        st.button(f"**{number}**{word}", key=f"photo-face-{number}", type="tertiary", on_click=on_face, args=(number,))
