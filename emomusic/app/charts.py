"""Charts, columns and rooms shared by the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
