"""Images in full resolution, and tiles: images with a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

Kind = Literal["sample", "scene"]
"""Prefixes of the tiles' button keys; no other key may start with one, or its element gets the tile style."""

# Streamlit has no image button, so the button under each image is stretched over the whole tile. An element's key is
# also its CSS class, as documented.
_TILE_STYLE = """<style>
div[class*="st-key-tile-"] { position: relative; }
div[class*="st-key-KIND-"], div[class*="st-key-KIND-"] * { position: static !important; }
div[class*="st-key-KIND-"] button::after { content: ""; position: absolute; inset: 0; cursor: pointer; }
div[class*="st-key-tile-"]:hover img { filter: brightness(1.08); }
div[class*="st-key-KIND-"] button:focus-visible { box-shadow: none; outline: none; }
div[class*="st-key-KIND-"] button:focus-visible::after { outline: 3px solid; outline-offset: 2px; border-radius: 4px; }
.st-key-tile-CHOSEN img { outline: 4px solid; outline-offset: 1px; }
/* The image's toolbar lies below the stretched button: no mouse reaches it, and keyboard focus there is invisible */
div[class*="st-key-tile-"] [data-testid="stElementToolbar"] { display: none; }
</style>"""


def show_sharp(picture: bytes, *, alt: str, width: int) -> None:
    """Show an image with all of its pixels, also on high-density screens.

    With a width in pixels, `st.image` shrinks the image; with the width "stretch" it does not. The image is a JPEG,
    because Streamlit converts a PNG to JPEG at every run.
    """
    with st.container(width=width):
        st.image(picture, alt=alt, width="stretch")


def style_tiles(kind: Kind, *, chosen: str = "") -> None:
    """Make each tile of a kind a button as a whole, and outline one; a page calls this before the first tile."""
    st.html(_TILE_STYLE.replace("KIND", kind).replace("CHOSEN", chosen))


def show_tile(
    kind: Kind,
    name: str,
    picture: bytes | str,
    label: str,
    *,
    alt: str,
    width: int,
    on_click: Callable[..., None],
    args: tuple[Any, ...],
) -> None:
    """Show an image with a button under it; `name` is unique among the tiles of a kind, `width` is in pixels."""
    with st.container(width=width, gap=None, key=f"tile-{name}"):
        st.image(picture, alt=alt, width="stretch")  # see `show_sharp`
        st.button(label, key=f"{kind}-{name}", on_click=on_click, args=args, type="tertiary", width="stretch")
