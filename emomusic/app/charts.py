"""Charts, images, tiles, columns and rooms shared by the pages. A tile is an image with a button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pandas  # noqa: F401  # Plotly fails while another thread is still importing pandas
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.app.frame import text_color
from emomusic.charts.colours import write_in


def show_chart(figure: go.Figure, *, key: str, alt: str, **options: Any) -> Any:
    """Show a chart in the page's text colour, without buttons or tips unless `config` enables them.

    Streamlit's grey text has a contrast of 3.5 on the light page; small text needs 4.5 (WCAG 2.2). The figure is
    changed in place, unless its text already has that colour. Figures shared by sessions must have it.
    """
    write_in(figure, text_color())
    config = {"displayModeBar": False, "showTips": False} | options.pop("config", {})
    return st.plotly_chart(figure, key=key, alt=alt, config=config, **options)


def clicked(key: str) -> Any:
    """The custom data of the point that was clicked in a chart, the last one of several; None for another click."""
    points = st.session_state[key]["selection"]["points"]
    data = next((point["customdata"] for point in points if point.get("customdata") is not None), None)
    return data[-1] if isinstance(data, list) else data


# Streamlit stacks columns only on phones. On a tablet, or at 200 % zoom, a third of the page is too narrow for a chart.
# A container's key is also its CSS class, as documented; columns have no documented class.
_ROOMY = """<style>
div[class*="st-key-roomy-"] > div > .stHorizontalBlock > .stColumn { min-width: min(20rem, 100%); }
</style>"""


def roomy_columns(widths: Sequence[int], *, key: str, **options: Any) -> list[DeltaGenerator]:
    """Columns side by side, stacked if one would be narrower than a phone."""
    with st.container(key=f"roomy-{key}"):
        st.html(_ROOMY)
        return st.columns(widths, **options)


def styled_room(key: str, height: int) -> DeltaGenerator:
    """A container of another layout than Streamlit's. The page gives its style with `st.html`.

    The browser loads the code of `st.html` after the first elements. Until then, the container is one pixel high in an
    empty room of `height` pixels, so that its parts do not move.
    """
    st.html(
        f"""<style>
:has(> .st-key-{key}-room), .st-key-{key}-room, :has(> .st-key-{key}), .st-key-{key} {{
  height: auto !important; overflow: visible !important; flex: none !important;
}}
</style>"""
    )
    with st.container(key=f"{key}-room", height=height, border=False):
        return st.container(key=key, height=1, border=False)


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
