"""Charts on a page: all are shown in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas  # noqa: F401  # first, and whole: Plotly takes a pandas that another thread is still importing
import streamlit as st

from emomusic.plots.colours import write_in
from emomusic.ui.frame import ink

if TYPE_CHECKING:
    import plotly.graph_objects as go


def show_chart(figure: go.Figure, *, key: str, alt: str, **options: Any) -> Any:
    """Show a chart, its letters in the page's colour of text, without buttons or tips unless `config` asks for them.

    Streamlit's own grey for them has a contrast of 3.5 on the light page, and small letters need 4.5 (WCAG 2.2).

    Args:
        figure: its letters change; not those of one that was written in `ink()` before, as one that visitors share
            must have been.
        key: of the chart on its page.
        alt: what it shows, for those who do not see it.
        options: as `st.plotly_chart` takes them.

    Returns:
        What `st.plotly_chart` returns: the selection, where one is asked for.
    """
    write_in(figure, ink())
    config = {"displayModeBar": False, "showTips": False} | options.pop("config", {})
    return st.plotly_chart(figure, key=key, alt=alt, config=config, **options)
