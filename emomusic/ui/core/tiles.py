"""Pictures as sharp as the screen, and pictures to click, in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

Kind = Literal["sample", "hung"]
"""What keys of tiles' buttons begin with; no other key may, or its element would be stretched likewise."""

# A button under each picture, stretched over its whole tile, so that a click on the picture counts: Streamlit has no
# button that is a picture. Keyed elements carry their key as a class, which is documented.
_WHOLE_TILE = """<style>
div[class*="st-key-tile-"] { position: relative; }
div[class*="st-key-KIND-"], div[class*="st-key-KIND-"] * { position: static !important; }
div[class*="st-key-KIND-"] button::after { content: ""; position: absolute; inset: 0; cursor: pointer; }
div[class*="st-key-tile-"]:hover img { filter: brightness(1.08); }
div[class*="st-key-KIND-"] button:focus-visible { box-shadow: none; outline: none; }
div[class*="st-key-KIND-"] button:focus-visible::after { outline: 3px solid; outline-offset: 2px; border-radius: 4px; }
.st-key-tile-CHOSEN img { outline: 4px solid; outline-offset: 1px; }
/* The picture's own button lies below the tile's: no mouse reaches it, and the keyboard would stop there unseen */
div[class*="st-key-tile-"] [data-testid="stElementToolbar"] { display: none; }
</style>"""


def show_sharp(picture: bytes, *, alt: str, width: int, caption: str | None = None) -> None:
    """Show a picture with all of its pixels, on screens that have several for one of the page.

    `st.image` with a width in pixels first shrinks the picture to as many; stretched over a box, it does not.

    Args:
        picture: the bytes of a picture file; of a JPEG, since Streamlit turns a PNG into one at every run.
        alt: what it shows.
        width: on the page, in its pixels; a narrower page makes it narrower.
        caption: below it, Markdown.
    """
    with st.container(width=width):
        st.image(picture, alt=alt, caption=caption, width="stretch")


def style_tiles(kind: Kind, *, chosen: str = "") -> None:
    """Let the whole of each tile of a kind be its button; once on a page, before the first of them.

    Args:
        kind: of the tiles.
        chosen: name of the one that has a ring around it, or nothing.
    """
    st.html(_WHOLE_TILE.replace("KIND", kind).replace("CHOSEN", chosen))


def show_tile(
    kind: Kind,
    name: str,
    picture: bytes,
    label: str,
    *,
    alt: str,
    width: int,
    on_click: Callable[..., None],
    args: tuple[Any, ...],
) -> None:
    """Show a picture with a button under it.

    Args:
        kind: of the tile; with `name` it is the key of the button.
        name: of this tile among its kind.
        picture: the bytes of a picture file.
        label: of the button.
        alt: what the picture shows.
        width: of the tile, in pixels.
        on_click: what a click does.
        args: of `on_click`.
    """
    with st.container(width=width, gap=None, key=f"tile-{name}"):
        st.image(picture, alt=alt, width="stretch")  # see `show_sharp`
        st.button(label, key=f"{kind}-{name}", on_click=on_click, args=args, type="tertiary", width="stretch")
