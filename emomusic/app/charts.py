"""Charts, images, tiles and columns shared by the pages. A tile is an image with a button."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Literal

import pandas  # noqa: F401  # Plotly fails while another thread is still importing pandas
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.affect import EmotionProbabilities, list_shares
from emomusic.app.frame import text_color
from emomusic.charts.layout import write_in
from emomusic.colours import EMOTION_COLOURS, ink_on

_ROWS = 7  # more would leave the first screen
_WORDS = {"locale": "en", "locales": {"en": {"dictionary": {"Download plot as a PNG": "PNG of the chart"}}}}
_ZOOM = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"]


def show_chart(figure: go.Figure, *, key: str, alt: str, **options: Any) -> Any:
    """Show a chart in the page's text colour. The pointer finds buttons for PNG, CSV (`charts.js`) and full screen.

    Streamlit's grey text has a contrast of 3.5 on the light page; small text needs 4.5 (WCAG 2.2). The figure is
    changed in place, unless its text already has that colour. Figures shared by sessions must have it.
    """
    write_in(figure, text_color())
    image = {"filename": f"emomusic-{key}", "scale": 2}  # pixels for print
    config = {"showTips": False, "modeBarButtonsToRemove": _ZOOM, "toImageButtonOptions": image, **_WORDS}
    config |= options.pop("config", {})
    return st.plotly_chart(figure, key=key, alt=alt, config=config, **options)


def show_face_rows(faces: Mapping[str, EmotionProbabilities], portraits: Sequence[bytes] = ()) -> None:
    """Show the first faces, by name, as rows of seven shares; names without room are hidden. Portraits are JPEG."""
    rows = []
    for (name, of), portrait in zip_longest([*faces.items()][:_ROWS], portraits[: min(_ROWS, len(faces))]):
        parts = "".join(
            f'<i class="{emotion}" style="flex: {of[emotion]:.3f}; background-color: {colour}; '
            f'color: {ink_on(colour)}">{emotion}</i>'
            for emotion, colour in EMOTION_COLOURS.items()
        )
        picture = f'<img alt="" src="data:image/jpeg;base64,{b64encode(portrait).decode()}">' if portrait else ""
        words = f"{name}: {list_shares(of.as_dict())}"
        rows.append(f'<div role="img" aria-label="{words}">{picture}<b>{name}</b><span>{parts}</span></div>')
    st.html(f'<div class="rows">{"".join(rows)}</div>')


def clicked(key: str) -> Any:
    """The custom data of the point that was clicked in a chart, the last one of several; None for another click."""
    points = st.session_state[key]["selection"]["points"]
    data = next((point["customdata"] for point in points if point.get("customdata") is not None), None)
    return data[-1] if isinstance(data, list) else data


def roomy_columns(widths: Sequence[int], *, key: str, **options: Any) -> list[DeltaGenerator]:
    """Columns side by side, stacked if one would be narrower than a phone."""
    with st.container(key=f"roomy-{key}"):
        return st.columns(widths, **options)


Kind = Literal["sample", "scene", "portrait"]
"""Prefixes of the tiles' button keys, as in `tiles.css`; no other key may start with one, or it gets their style."""


def show_sharp(picture: bytes, *, alt: str, width: int) -> None:
    """Show an image with all of its pixels, also on high-density screens.

    With a width in pixels, `st.image` shrinks the image; with the width "stretch" it does not. The image is a JPEG,
    because Streamlit converts a PNG to JPEG at every run.
    """
    with st.container(width=width):
        st.image(picture, alt=alt, width="stretch")


def outline_tile(name: str) -> None:
    """Outline the tile of this name, if there is one; a page calls this before the first tile."""
    st.html(f"<style>.st-key-tile-{name} img {{ outline: 4px solid; outline-offset: 1px; }}</style>")


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
