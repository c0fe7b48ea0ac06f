"""Charts of a live session or a film: the group over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from emomusic.affect import EMOTIONS, list_shares
from emomusic.charts.layout import GRID, lay_out, line
from emomusic.colours import EMOTION_COLOURS, GUIDE, HATCHED, MOOD_COLOURS, TRAIL, faded, ink_on
from emomusic.faces.table import SHARES
from emomusic.stream.timeline import Scene, unread_spans
from emomusic.text import format_clock

if TYPE_CHECKING:
    from emomusic.songs.hearing import SoundSpan
    from emomusic.stream.film import FilmFace

_MIN_SPAN_S = 30  # narrowest time axis
_NAMED_SHARE = 0.2  # smallest area with room for its name

CLICKED, ROWS = "clicked", "rows"
"""Names of the traces of `film_strip` that take clicks."""

LEFT, RIGHT = 72, 8
ABOVE, CURVES, TILES, ROW, BELOW = 10, 120, 96, 40, 28
"""Pixels of the strip of a film: left and right of the time axis, and from top to bottom."""


def mood_areas(table: pd.DataFrame, *, end_s: float | None = None) -> go.Figure:
    """The group over a `Timeline.table`: stacked areas of the emotions, from the bottom in the order of `Emotion`.

    `end_s` is the end of the time axis, by default that of the table, which has at least `_MIN_SPAN_S`.
    """
    seconds, unread = table.set_index("time_s")[SHARES].fillna(0.0), unread_spans(table)
    if len(seconds):  # every second from the first to the last, 0 without faces and where nothing was read
        every = range(int(seconds.index[0]), int(seconds.index[-1]) + 1)
        seconds = seconds.reindex(every, method="ffill")
        for last_s, next_s in unread:
            seconds.loc[last_s + 1 : next_s - 1] = 0.0
        if end_s is not None and end_s > every[-1]:
            seconds.loc[min(end_s, every[-1] + 1)] = seconds.iloc[-1]  # the last second, too, has a width
    minutes = [format_clock(time_s) for time_s in seconds.index]
    figure = go.Figure()
    for emotion in EMOTIONS:
        colour = EMOTION_COLOURS[emotion]
        figure.add_scatter(
            x=list(seconds.index), y=(100 * seconds[emotion.value]).round(1).tolist(), name=emotion.value,
            mode="lines", stackgroup="group", line={"width": 0.5, "color": colour}, fillcolor=faded(colour, 0.85),
            fillpattern={"shape": HATCHED.get(emotion, ""), "fillmode": "overlay", "fgcolor": "white", "solidity": 0.1},
            customdata=minutes, hovertemplate="%{customdata}: %{y:.0f} %<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.layout.annotations = _names_in_areas(seconds)
    for last_s, next_s in unread:
        grey = {"fillcolor": faded(TRAIL, 0.3), "line": {"width": 0}}
        figure.add_shape(type="rect", x0=last_s, x1=next_s, y0=0, y1=100, **grey)
        figure.add_annotation(x=(last_s + next_s) / 2, y=50, text="not read", showarrow=False, font={"size": 13})
    first, last = (seconds.index[0], seconds.index[-1]) if len(seconds) else (0, 0)
    last = max(last, first + _MIN_SPAN_S if end_s is None else end_s)
    step = next((step for step in (1, 2, 5, 10, 30, 60, 120, 300) if (last - first) / step <= 8), 600)
    ticks = np.arange(-(-first // step) * step, last + 1, step)
    times = [format_clock(tick) for tick in ticks.tolist()]
    return lay_out(
        figure,
        240,
        x={"range": [first, last], "tickvals": ticks, "ticktext": times},
        y=GRID | {"range": [0, 100], "tickvals": [0, 50, 100], "ticktext": ["0 %", "50 %", "100 %"]},
        uirevision="mood areas",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": -0.18, "yanchor": "top", "traceorder": "normal", "title": ""},
    )


def _names_in_areas(seconds: pd.DataFrame) -> list[dict[str, Any]]:
    """Plotly annotations with the name of each emotion where its area is widest, if it has room."""
    shares, width, notes = seconds[SHARES].to_numpy(), len(seconds) // 8 + 1, []
    for number, emotion in enumerate(EMOTIONS):
        lowest = seconds[emotion.value].rolling(width, center=True).min().fillna(0.0).to_numpy()
        if lowest.max(initial=0.0) >= _NAMED_SHARE:
            row = int(lowest.argmax())
            y = 100 * (shares[row, :number].sum() + shares[row, number] / 2)
            font = {"size": 13, "color": ink_on(EMOTION_COLOURS[emotion])}
            x = seconds.index.to_numpy()[row]
            side = "left" if row < width else "right" if row + width >= len(seconds) else "center"  # in the areas
            notes.append({"x": x, "y": y, "text": emotion.value, "font": font, "showarrow": False, "xanchor": side})
    return notes


def film_strip(
    table: pd.DataFrame,
    scenes: Sequence[Scene],
    *,
    end_s: float | None = None,
    sound: Sequence[SoundSpan] = (),
    people: Sequence[FilmFace] = (),
) -> go.Figure:
    """The timeline of a film: the areas of `mood_areas`, room for a frame of each scene, and rows of sound and people.

    The traces `CLICKED`, with a transparent bar for each second, and `ROWS` take clicks: the `customdata` of both is
    the second. `table` is from `timeline.every_second`, and `end_s` the end of the film.
    """
    figure = mood_areas(table, end_s=end_s)
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    found = table[table["num_faces"] > 0]
    seconds = found["time_s"].astype(int).tolist()
    strongest = [list_shares(dict(row.nlargest(2))) for _, row in found[SHARES].iterrows()]
    figure.add_bar(
        x=[second + 0.5 for second in seconds], y=[100] * len(seconds), width=1, name=CLICKED,
        marker={"color": "rgba(0, 0, 0, 0)", "line": {"width": 0}}, customdata=seconds,
        hovertext=[f"{format_clock(time_s)}: {text}" for time_s, text in zip(seconds, strongest, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    starts = (line((scene.start_s, scene.start_s), (0, 100), dash="dot") for scene in scenes)
    figure.layout.shapes += tuple(start | {"layer": "above"} for start in starts)
    rows: list[tuple[float, float, str, str, str, str]] = []  # as in `_draw_rows`
    for face in people:
        own = ((start_s, end_s, emotion.value, EMOTION_COLOURS[emotion]) for start_s, end_s, emotion in face.spans)
        rows += [(*span, str(face.number), f"<br>{face.line}") for span in own]
    rows += [(span.start_s, span.end_s, span.mood.value, MOOD_COLOURS[span.mood], "sound", " sound") for span in sound]
    names = [*dict.fromkeys(row for *_, row, _ in rows)] or [""]
    _draw_rows(figure, rows, names)
    height = CURVES + TILES + ROW * len(names)
    figure.update_layout(
        uniformtext={"mode": "hide", "minsize": 13},  # the names in bars that have room for them
        height=ABOVE + height + BELOW, margin={"l": LEFT, "r": RIGHT, "t": ABOVE, "b": BELOW}, showlegend=False,
        barmode="overlay", bargap=0, clickmode="event+select", hovermode="closest",
        xaxis={"anchor": "free", "position": 0}, yaxis_domain=[1 - CURVES / height, 1],
        yaxis2={
            "domain": [0, ROW * len(names) / height], "range": [len(names) - 0.5, -0.5], "fixedrange": True,
            "showgrid": False, "zeroline": False, "tickvals": [*range(len(names))], "ticktext": names,
        },
    )  # fmt: skip
    return figure


def _draw_rows(figure: go.Figure, rows: Sequence[tuple[float, float, str, str, str, str]], names: list[str]) -> None:
    """Draw spans in rows on the second y-axis: start, end, text, colour, name of the row, and more for the pointer."""
    first, last = figure.layout.xaxis.range
    spans = [(max(start_s, first), min(end_s, last), *more) for start_s, end_s, *more in rows]
    spans = [span for span in spans if span[0] < span[1]]
    figure.add_bar(
        x=[end - start for start, end, *_ in spans], base=[start for start, *_ in spans], orientation="h",
        y=[names.index(row) for *_, row, _ in spans], width=0.8, yaxis="y2", name=ROWS,
        marker={"color": [colour for *_, colour, _, _ in spans], "line": {"width": 1, "color": GUIDE},
                "pattern": {"shape": [HATCHED.get(text, "") for _, _, text, *_ in spans], "fillmode": "overlay",
                            "fgcolor": "white", "solidity": 0.1}},
        text=[text for _, _, text, *_ in spans], textposition="inside", insidetextanchor="middle", textangle=0,
        textfont={"size": 13, "color": [ink_on(colour) for *_, colour, _, _ in spans]},
        customdata=[int(start) for start, *_ in spans],
        hovertext=[f"{format_clock(span[0])} to {format_clock(span[1])}: {span[2]}{span[-1]}" for span in spans],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
