"""The common layout of charts: fixed axes without lines, and no legend unless requested; lines and cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.colours import QUIET, faded

GRID = {"showgrid": True, "gridcolor": QUIET}
"""An axis with lines."""

PERCENTS = {"tickvals": [0, 25, 50, 75, 100], "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"]}
"""An axis of percentages."""

REVERSED = {"autorange": "reversed"}
"""An axis of names, from top to bottom."""

_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_AXIS = {"fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}


def lay_out(
    figure: go.Figure,
    height: float,
    *,
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    margin: Mapping[str, int] | None = None,
    **layout: Any,
) -> go.Figure:
    """Set the layout of a figure and of its axes, and return it. `margin` has the sides with other than 8 pixels."""
    figure.update_layout(height=height, margin=_MARGIN | dict(margin or {}), dragmode=False, showlegend=False)
    figure.update_xaxes(**_AXIS | dict(x))
    figure.update_yaxes(**_AXIS | dict(y))
    figure.update_layout(**layout)
    return figure


def bar_margin(names: Iterable[str]) -> dict[str, int]:
    """The margin of bars with names, with room for the letters of the largest window: Plotly keeps measured widths."""
    return {"l": 12 + 8 * max(map(len, names)), "t": 4, "b": 4}


def axis_title(text: str, standoff: int = 4) -> dict[str, Any]:
    """The title of an axis, near its tick labels."""
    return {"text": text, "standoff": standoff}


def legend_above(**options: Any) -> dict[str, Any]:
    """The layout of a legend in a row above a chart, with further options."""
    row = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": ""}
    return {"showlegend": True, "legend": row | options}


def line(x: tuple[float, float], y: tuple[float, float], **style: Any) -> dict[str, Any]:
    """A thin line below the traces, as a shape of a figure."""
    shape = {"type": "line", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "layer": "below"}
    return shape | {"line": {"color": QUIET, "width": 1} | style}


def numbered_cells(
    values: npt.NDArray[np.float64],
    texts: Sequence[Sequence[str]],
    is_dark: npt.NDArray[np.bool_],
    shades: Sequence[tuple[float, str, float]],
    **heatmap: Any,
) -> go.Figure:
    """A heatmap of values from -1 to 1 with a text in each cell, white in dark ones; none where the value is NaN.

    `shades` are places on the scale of colours, from 0 to 1, each with its colour and opacity. `heatmap` has the names
    of the columns and rows as `x` and `y`.
    """
    figure = go.Figure().add_heatmap(
        z=values, zmin=-1, zmax=1, xgap=2, ygap=2, showscale=False,
        colorscale=[[place, faded(colour, opacity)] for place, colour, opacity in shades], **heatmap,
    )  # fmt: skip
    numbers = []
    for row, column in np.argwhere(~np.isnan(values)).tolist():
        font = {"size": _LETTERS} | ({"color": "white"} if is_dark[row, column] else {})
        number = {"x": heatmap["x"][column], "y": heatmap["y"][row], "text": texts[row][column], "font": font}
        numbers.append(number | {"showarrow": False})
    figure.layout.annotations = numbers  # at once: Plotly validates all of them again for each that is added
    return figure


_LETTERS = 13  # pixels; Streamlit's charts have 12


def write_in(figure: go.Figure, text_color: str | None) -> None:
    """Set the text colour of a chart, except for text with its own colour, and a size of 13 pixels where none is set.

    Does nothing if `text_color` is None or already set, because sessions share some charts.
    """
    if text_color is None or figure.layout.font.color == text_color:
        return
    layout = figure.layout
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):  # assignments take half the time of `update`
        for font in (axis.tickfont, axis.title.font):
            font.color, font.size = text_color, font.size or _LETTERS
    for note in layout.annotations:
        if note.font.color is None:
            note.font.color = text_color
        note.font.size = note.font.size or _LETTERS
    for font in (layout.legend.font, layout.hoverlabel.font, layout.font):
        font.size = font.size or _LETTERS
    layout.legend.font.color = layout.hoverlabel.font.color = text_color
    layout.font.color = text_color  # last: the check above reads it
