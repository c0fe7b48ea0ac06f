"""Charts of a live session: the group over time, and the current faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from emomusic.affect import EMOTIONS, EmotionProbabilities
from emomusic.plots.colours import EMOTION_COLOURS, QUIET, faded, ink_on
from emomusic.text import format_clock

_BRIDGED_S = 3  # longest gap to fill; slow machines read less than one frame a second
_MIN_SPAN_S = 30  # narrowest time axis
_NAMED_SHARE = 0.22  # smallest bar segment with room for its name


@dataclass(frozen=True, slots=True)
class NamedFace:
    """A face or the group with its probabilities; `name` labels its bar."""

    name: str
    probabilities: EmotionProbabilities


def mood_areas(table: pd.DataFrame) -> go.Figure:
    """The group over time: stacked areas of the emotions, from the bottom in the order of `Emotion`.

    Args:
        table: from `Timeline.table`. Without faces the chart is empty.
    """
    seconds = _every_second(table)
    minutes = [format_clock(time_s) for time_s in seconds.index]
    figure = go.Figure()
    for emotion in EMOTIONS:
        colour = EMOTION_COLOURS[emotion]
        figure.add_trace(
            go.Scatter(
                x=list(seconds.index), y=(100 * seconds[emotion.value]).round(1).tolist(), name=emotion.value,
                mode="lines", stackgroup="group", line={"width": 0.5, "color": colour}, fillcolor=faded(colour, 0.85),
                customdata=minutes, hovertemplate="%{customdata}: %{y:.0f} %<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    first, last = (seconds.index[0], seconds.index[-1]) if len(seconds) else (0, 0)
    last = max(last, first + _MIN_SPAN_S)
    step = next((step for step in (10, 30, 60, 120, 300) if (last - first) / step <= 8), 600)
    ticks = np.arange(-(-first // step) * step, last + 1, step)
    figure.update_layout(
        height=240, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False, uirevision="mood areas",
        legend={"orientation": "h", "x": 0, "y": -0.18, "yanchor": "top", "traceorder": "normal", "title": ""},
    )  # fmt: skip
    figure.update_xaxes(
        range=[first, last], fixedrange=True, showgrid=False, zeroline=False, tickvals=ticks,
        ticktext=[format_clock(tick) for tick in ticks.tolist()],
    )  # fmt: skip
    figure.update_yaxes(
        range=[0, 100],
        fixedrange=True,
        tickvals=[0, 50, 100],
        ticktext=["0 %", "50 %", "100 %"],
        gridcolor=QUIET,
        zeroline=False,
    )
    return figure


def _every_second(table: pd.DataFrame) -> pd.DataFrame:
    """The shares for every second from the first to the last, short gaps filled, 0 without faces."""
    shares = table.set_index("time_s")[[emotion.value for emotion in EMOTIONS]].fillna(0.0)
    if shares.empty:
        return shares
    shares = shares.reindex(range(int(shares.index[0]), int(shares.index[-1]) + 1))
    return shares.ffill(limit=_BRIDGED_S - 1).fillna(0.0)


def face_rows(faces: Sequence[NamedFace]) -> go.Figure:
    """One stacked bar of seven probabilities per face; the larger segments show their name.

    Args:
        faces: from top to bottom.
    """
    names = [face.name for face in faces]
    figure = go.Figure()
    for emotion in EMOTIONS:
        shares = [face.probabilities[emotion] for face in faces]
        figure.add_trace(
            go.Bar(
                x=[100 * share for share in shares], y=names, orientation="h", name=emotion.value,
                marker={"color": EMOTION_COLOURS[emotion], "line": {"width": 0}},
                text=[emotion.value if share >= _NAMED_SHARE else "" for share in shares],
                textposition="inside", insidetextanchor="middle", textangle=0,
                textfont={"color": ink_on(EMOTION_COLOURS[emotion]), "size": 12},
                hovertemplate="%{y}: " + emotion.value + " %{x:.0f} %<extra></extra>",
            )
        )  # fmt: skip
    figure.update_layout(
        barmode="stack", bargap=0.3, height=46 * max(len(faces), 1) + 8, showlegend=False, dragmode=False,
        margin={"l": 0, "r": 0, "t": 4, "b": 4}, uirevision="face rows",
    )  # fmt: skip
    figure.update_xaxes(range=[0, 100], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticks="", showgrid=False, tickfont={"size": 14})
    return figure
