"""A face with a grey square that the visitor moves over it."""

from __future__ import annotations

from base64 import b64encode

import numpy as np
import numpy.typing as npt
import streamlit as st

from emomusic.media.images import encode_png

COVERED = 0.25
"""The side of the square, as a share of the face's."""

_FIRST = (0.375, 0.6)  # left and top: the mouth

# A square that the pointer or the arrow keys move. It tells its place now and then while it moves, and at the end
_COVER = st.components.v2.component(
    "emomusic_cover",
    html="""<div><button type="button" aria-label="Grey square: the arrow keys move it"></button></div>""",
    css="""
div { position: relative; aspect-ratio: 1; background-size: cover; image-rendering: pixelated; touch-action: none; }
button { position: absolute; padding: 0; border: 0; background: #808080; cursor: move; }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
""",
    js="""
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
export default function ({ data, parentElement, setStateValue }) {
  const face = parentElement.querySelector("div"), square = face.querySelector("button");
  let [x, y] = square.emomusicPlace ?? data.place, told = 0;
  const show = () => Object.assign(square.style, { left: `${100 * x}%`, top: `${100 * y}%` });
  const move = (left, top, isLast) => {
    [x, y] = [left, top].map((part) => Math.min(Math.max(part, 0), 1 - data.share));
    square.emomusicPlace = [x, y];
    show();
    if (isLast || Date.now() - told > 250) { told = Date.now(); setStateValue("place", [x, y]); }
  };
  face.style.backgroundImage = `url(${data.face})`;
  square.style.width = square.style.height = `${100 * data.share}%`;
  show();
  const follow = (event, isLast) => {
    if (!square.hasPointerCapture(event.pointerId)) return;
    const { left, top, width } = face.getBoundingClientRect();
    const part = data.share / 2;
    move((event.clientX - left) / width - part, (event.clientY - top) / width - part, isLast);
  };
  square.onpointerdown = (event) => square.setPointerCapture(event.pointerId);
  square.onpointermove = (event) => follow(event, false);
  square.onpointerup = (event) => follow(event, true);
  square.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    move(x + step[0] / 12, y + step[1] / 12, true);
  };
}
""",
)


def place_square(face: npt.NDArray[np.uint8], *, key: str) -> tuple[float, float]:
    """Show the grey face, and return the left and the top edge of the square, as shares of its side."""
    address = f"data:image/png;base64,{b64encode(encode_png(np.repeat(face[..., None], 3, axis=2))).decode()}"
    data = {"face": address, "share": COVERED, "place": _FIRST}
    left, top = _COVER(data=data, on_place_change=lambda: None, key=key).place or _FIRST
    return left, top
