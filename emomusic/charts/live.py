"""Charts of a live session or a film: the group over time, and the current faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from emomusic.affect import EMOTIONS, EmotionProbabilities, list_shares
from emomusic.charts.layout import BAR_MARGIN, GRID, REVERSED, lay_out, line
from emomusic.colours import EMOTION_COLOURS, GUIDE, HATCHED, MOOD_COLOURS, TRAIL, faded, ink_on
from emomusic.faces.table import SHARES
from emomusic.stream.timeline import Scene, unread_spans
from emomusic.text import format_clock

if TYPE_CHECKING:
    from emomusic.songs.hearing import SoundSpan

_MIN_SPAN_S = 30  # narrowest time axis
_BAND_BOTTOM, _BAND_TOP = 102, 114  # of the scenes, in the unit of the areas
_NUMBERED_SCENES = 24
_SOUND_BOTTOM, _SOUND_TOP = -22, -6  # of the film's sound, in the same unit
_NAMED_SHARE = 0.2  # smallest area with room for its name
_FITTING = {"uniformtext": {"mode": "hide", "minsize": 13}}  # the names in bars that have room for them

CLICKED, SOUND = "clicked", "sound"
"""Names of the traces of `film_areas` that take clicks."""


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
            notes.append({"x": x, "y": y, "text": emotion.value, "font": font, "showarrow": False})
    return notes


def film_areas(
    table: pd.DataFrame,
    scenes: Sequence[Scene],
    *,
    end_s: float | None = None,
    chosen: int | None = None,
    sound: Sequence[SoundSpan] = (),
) -> go.Figure:
    """The group over a film: the areas of `mood_areas` with the numbered scenes above and the sound below them.

    The trace `CLICKED` has a transparent bar for each second, which takes clicks, as do the bars of the sound: the
    `customdata` of both is the second. `table` is from `timeline.every_second`, `end_s` the end of the film, and
    `chosen` the index of the outlined scene.
    """
    figure = mood_areas(table, end_s=end_s)
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    found = table[table["num_faces"] > 0]
    seconds = found["time_s"].astype(int).tolist()
    strongest = [list_shares(dict(row.nlargest(2))) for _, row in found[SHARES].iterrows()]
    figure.add_bar(
        x=[second + 0.5 for second in seconds], y=[_BAND_TOP] * len(seconds), width=1, name=CLICKED,
        marker={"color": "rgba(0, 0, 0, 0)", "line": {"width": 0}}, showlegend=False, customdata=seconds,
        hovertext=[f"{format_clock(time_s)}: {text}" for time_s, text in zip(seconds, strongest, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    for number, scene in enumerate(scenes, 1):
        colour, is_chosen = MOOD_COLOURS[scene.quadrant.mood], number - 1 == chosen
        figure.add_shape(
            type="rect", x0=scene.start_s, x1=scene.end_s, y0=_BAND_BOTTOM, y1=_BAND_TOP, layer="above",
            fillcolor=colour, line={"width": 3 if is_chosen else 1, "color": GUIDE},
        )  # fmt: skip
        figure.add_shape(line((scene.start_s, scene.start_s), (0, _BAND_BOTTOM), dash="dot") | {"layer": "above"})
        if len(scenes) <= _NUMBERED_SCENES:
            figure.add_annotation(
                x=(scene.start_s + scene.end_s) / 2, y=(_BAND_BOTTOM + _BAND_TOP) / 2, text=str(number),
                showarrow=False, font={"size": 13, "color": ink_on(colour)},
            )  # fmt: skip
    figure.update_layout(barmode="overlay", bargap=0, clickmode="event+select", hovermode="closest")
    figure.update_yaxes(range=[0, _BAND_TOP])
    if sound:
        _draw_sound(figure, sound)
    return figure


def _draw_sound(figure: go.Figure, sound: Sequence[SoundSpan]) -> None:
    """Draw the moods of the sound as a band below the areas, within the time axis, and name the long ones."""
    first, last = figure.layout.xaxis.range
    spans = [(max(span.start_s, first), min(span.end_s, last), span.mood) for span in sound]
    spans = [(start_s, end_s, mood) for start_s, end_s, mood in spans if start_s < end_s]
    colours = [MOOD_COLOURS[mood] for *_, mood in spans]
    for mood in dict.fromkeys(mood for *_, mood in spans):  # of the legend
        square = {"symbol": "square", "size": 10, "color": MOOD_COLOURS[mood], "line": {"width": 1, "color": GUIDE}}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=square, name=f"{mood} sound")
    figure.add_bar(
        x=[(start_s + end_s) / 2 for start_s, end_s, _ in spans], width=[end - start for start, end, _ in spans],
        y=[_SOUND_TOP - _SOUND_BOTTOM] * len(spans), base=_SOUND_BOTTOM, name=SOUND, showlegend=False,
        marker={"color": colours, "line": {"width": 1, "color": GUIDE}},
        text=[mood.value for *_, mood in spans], textposition="inside", insidetextanchor="middle", textangle=0,
        textfont={"size": 13, "color": [ink_on(colour) for colour in colours]},
        customdata=[int(start_s) for start_s, *_ in spans],
        hovertext=[f"{format_clock(start)} to {format_clock(end)}: {mood} sound" for start, end, mood in spans],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(_FITTING)
    middle = (_SOUND_BOTTOM + _SOUND_TOP) / 2
    figure.update_yaxes(
        range=[_SOUND_BOTTOM - 1, _BAND_TOP], tickvals=[middle, 50, 100], ticktext=["sound", "50 %", "100 %"]
    )


def face_bars(faces: Mapping[str, EmotionProbabilities]) -> go.Figure:
    """One stacked bar of seven probabilities per named face, from top to bottom; those with room show their emotion."""
    figure = go.Figure()
    for emotion in EMOTIONS:
        shares = [probabilities[emotion] for probabilities in faces.values()]
        figure.add_bar(
            x=[100 * share for share in shares], y=list(faces), orientation="h", name=emotion.value,
            marker={"color": EMOTION_COLOURS[emotion], "line": {"width": 0},
                    "pattern": {"shape": HATCHED.get(emotion, ""), "fillmode": "overlay", "solidity": 0.1}},
            text=[emotion.value if share else "" for share in shares],
            textposition="inside", insidetextanchor="middle", textangle=0,
            textfont={"color": ink_on(EMOTION_COLOURS[emotion]), "size": 13},
            hovertemplate="%{y}: " + emotion.value + " %{x:.0f} %<extra></extra>",
        )  # fmt: skip
    return lay_out(
        figure,
        46 * max(len(faces), 1) + 8,
        x={"range": [0, 100], "visible": False},
        y=REVERSED | {"tickfont": {"size": 14}},
        margin=BAR_MARGIN | {"r": 0},
        barmode="stack",
        bargap=0.3,
        uirevision="face rows",
        **_FITTING,
    )
