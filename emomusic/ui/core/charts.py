"""Charts on a page: all are shown in one way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas  # noqa: F401  # first, and whole: Plotly takes a pandas that another thread is still importing
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emomusic.plots.colours import write_in
from emomusic.ui.core.frame import text_color

if TYPE_CHECKING:
    import plotly.graph_objects as go


def show_chart(figure: go.Figure, *, key: str, alt: str, **options: Any) -> Any:
    """Show a chart, its letters in the page's colour of text, without buttons or tips unless `config` asks for them.

    Streamlit's own grey for them has a contrast of 3.5 on the light page, and small letters need 4.5 (WCAG 2.2).

    Args:
        figure: changed in place, unless its text has that colour already. Figures shared by visitors must have it.
        key: of the chart on its page.
        alt: what it shows, for those who do not see it.
        options: as `st.plotly_chart` takes them.

    Returns:
        What `st.plotly_chart` returns: the selection, where one is asked for.
    """
    write_in(figure, text_color())
    config = {"displayModeBar": False, "showTips": False} | options.pop("config", {})
    return st.plotly_chart(figure, key=key, alt=alt, config=config, **options)


# Streamlit sets columns below each other on phones only: on a tablet, or enlarged twice, a third of the page is too
# little for a chart. Keyed containers carry their key as a class, which is documented; that of columns is not.
_ROOMY = """<style>
div[class*="st-key-roomy-"] > div > .stHorizontalBlock > .stColumn { min-width: min(20rem, 100%); }
</style>"""


def roomy_columns(widths: Sequence[int], *, key: str, **options: Any) -> list[DeltaGenerator]:
    """Columns beside each other, or below each other where one of them would be narrower than a phone.

    Args:
        widths: of the columns, in parts.
        key: of these columns on their page.
        options: as `st.columns` takes them.
    """
    with st.container(key=f"roomy-{key}"):
        st.html(_ROOMY)
        return st.columns(widths, **options)
