"""Russell's circumplex with faces, songs and a target on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import plotly.graph_objects as go

from emomusic.affect import EMOTION_POINTS, NEUTRAL_RADIUS, AffectPoint, Emotion, Mood, Quadrant
from emomusic.plots.colours import EMOTION_COLOURS, MOOD_COLOURS, QUADRANT_COLOURS, QUIET, TRAIL, faded, ink_on


@dataclass(frozen=True, slots=True)
class FacePoint:
    """A face, or the group, on the plane; `label` is at most three letters and stands inside the circle."""

    label: str
    point: AffectPoint
    emotion: Emotion


@dataclass(frozen=True, slots=True)
class SongPoint:
    """A song on the plane; `number` is its place in the list beside the chart."""

    number: int
    title: str
    point: AffectPoint
    mood: Mood


_Places: TypeAlias = list[tuple[float, float]]

_CORNERS = {
    Quadrant.Q1: (1, 1, "right", "top"),
    Quadrant.Q2: (-1, 1, "left", "top"),
    Quadrant.Q3: (-1, -1, "left", "bottom"),
    Quadrant.Q4: (1, -1, "right", "bottom"),
}

_CIRCLE, _SQUARE = 0.17, 0.12  # across the marks of a face and of a song, on a plane as large as on a phone
_ROUNDS_APART, _EDGE = 60, 1.04

# Fear, anger and disgust lie close together: their names go to different sides.
_LABEL_PLACES = {
    Emotion.FEAR: "middle left",
    Emotion.ANGRY: "middle right",
    Emotion.DISGUST: "bottom center",
    Emotion.HAPPY: "bottom center",
}


def circumplex(
    faces: Sequence[FacePoint],
    songs: Sequence[SongPoint] = (),
    *,
    path: bool = False,
    trail: Sequence[AffectPoint] = (),
    height: int = 420,
) -> go.Figure:
    """Draw the affect plane: valence across, arousal upwards, both from -1 to 1.

    Args:
        faces: drawn as large labelled points in the colour of their emotion.
        songs: drawn as numbered squares in the colour of their mood.
        path: join the songs in their order, as a journey from one mood to another.
        trail: where the faces, or the group, came from, the oldest first; it fades towards the past.
        height: of the figure, in pixels.
    """
    figure = go.Figure()
    _draw_plane(figure)
    if trail:
        _draw_trail(figure, trail)
    points = [*(face.point for face in faces), *(song.point for song in songs)]
    shown = _beside_each_other(points, [_CIRCLE] * len(faces) + [_SQUARE] * len(songs))
    if songs:
        _draw_songs(figure, songs, shown[len(faces) :], path=path)
    if faces:
        _draw_faces(figure, faces, shown[: len(faces)])
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        dragmode=False,
        hoverlabel={"align": "left"},
    )
    axis = {"range": [-1.12, 1.12], "fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}
    axis["constrain"] = "domain"  # the plane stays square, and its axes beside it
    figure.update_xaxes(**axis, tickvals=[-1, 0, 1], title={"text": "valence: unpleasant to pleasant", "standoff": 4})
    figure.update_yaxes(
        **axis, tickvals=[-1, 0, 1], title={"text": "arousal: drowsy to awake", "standoff": 4}, scaleanchor="x"
    )
    return figure


def _beside_each_other(points: Sequence[AffectPoint], widths: Sequence[float]) -> _Places:
    """Places moved apart until no mark hides another's label, but not off the plane.

    Where there is a crowd they still overlap: a mark moves by a width or two, not across the plane.

    Args:
        points: where the marks belong.
        widths: how much room each takes, in units of the plane.
    """
    at = np.array([(point.valence, point.arousal) for point in points], np.float64).reshape(-1, 2)
    room = np.add.outer(widths, widths) / 2
    order = np.arange(len(at))
    # Two in the very same place part sideways, the earlier to the left
    sideways = np.sign(np.subtract.outer(order, order))[..., None] * np.array([1.0, 0.0])
    for _ in range(_ROUNDS_APART):
        away = at[:, None] - at[None]
        distance = np.linalg.norm(away, axis=2)
        direction = np.where(distance[..., None] > 1e-6, away / np.maximum(distance, 1e-6)[..., None], sideways)
        lack = np.maximum(room - distance, 0.0)
        np.fill_diagonal(lack, 0.0)
        at = at + (direction * lack[..., None]).sum(axis=1) / 4  # half of what is lacking, from both sides
        at = at.clip(-_EDGE, _EDGE)
    return [(float(x), float(y)) for x, y in at]


def _draw_plane(figure: go.Figure) -> None:
    for quadrant, (side, level, x_anchor, y_anchor) in _CORNERS.items():
        figure.add_shape(
            type="rect", x0=0, x1=side, y0=0, y1=level, line_width=0, layer="below",
            fillcolor=faded(QUADRANT_COLOURS[quadrant], 0.07),
        )  # fmt: skip
        figure.add_annotation(
            x=side, y=level, xanchor=x_anchor, yanchor=y_anchor, showarrow=False, text=f"<b>{quadrant}</b>",
            font={"size": 13},
        )  # fmt: skip
    for radius in (1.0, NEUTRAL_RADIUS):
        figure.add_shape(
            type="circle", x0=-radius, x1=radius, y0=-radius, y1=radius, layer="below",
            line={"color": QUIET, "width": 1, "dash": "solid" if radius == 1.0 else "dot"},
        )  # fmt: skip
    for start, end in (((-1, 0), (1, 0)), ((0, -1), (0, 1))):
        figure.add_shape(
            type="line",
            x0=start[0],
            y0=start[1],
            x1=end[0],
            y1=end[1],
            line={"color": QUIET, "width": 1},
            layer="below",
        )
    figure.add_trace(
        go.Scatter(
            x=[point.valence for point in EMOTION_POINTS.values()],
            y=[point.arousal for point in EMOTION_POINTS.values()],
            mode="markers+text",
            text=[emotion.value for emotion in EMOTION_POINTS],
            textposition=[_LABEL_PLACES.get(emotion, "top center") for emotion in EMOTION_POINTS],
            textfont={"size": 11},
            marker={"symbol": "cross-thin", "size": 7, "line": {"width": 1.5, "color": list(EMOTION_COLOURS.values())}},
            hovertemplate="%{text}: valence %{x:.2f}, arousal %{y:.2f}<extra>Russell & Mehrabian 1977</extra>",
        )
    )


def _draw_trail(figure: go.Figure, trail: Sequence[AffectPoint]) -> None:
    ages = [step / len(trail) for step in range(1, len(trail) + 1)]
    figure.add_trace(
        go.Scatter(
            x=[point.valence for point in trail],
            y=[point.arousal for point in trail],
            mode="lines+markers",
            line={"color": QUIET, "width": 1, "shape": "spline", "smoothing": 0.6},
            marker={
                "size": [4 + 6 * age for age in ages],
                "color": [faded(TRAIL, round(0.8 * age, 3)) for age in ages],
                "line": {"width": 0},
            },
            hoverinfo="skip",
            name="trail",
        )
    )


def _draw_songs(figure: go.Figure, songs: Sequence[SongPoint], shown: _Places, *, path: bool) -> None:
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in shown],
            y=[y for _, y in shown],
            mode="lines+markers+text" if path else "markers+text",
            line={"color": QUIET, "width": 2},
            text=[str(song.number) for song in songs],
            textfont={"size": 11, "color": [ink_on(MOOD_COLOURS[song.mood]) for song in songs]},
            marker={
                "symbol": "square",
                "size": 16,
                "color": [MOOD_COLOURS[song.mood] for song in songs],
                "line": {"width": 1, "color": "white"},
            },
            customdata=[(song.title, song.mood.value, song.point.valence, song.point.arousal) for song in songs],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}: valence %{customdata[2]:.2f}, "
            "energy %{customdata[3]:.2f}<extra></extra>",
            name="songs",
        )
    )


def _draw_faces(figure: go.Figure, faces: Sequence[FacePoint], shown: _Places) -> None:
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in shown],
            y=[y for _, y in shown],
            mode="markers+text",
            text=[f"<b>{face.label}</b>" for face in faces],
            textfont={"size": 12, "color": [ink_on(EMOTION_COLOURS[face.emotion]) for face in faces]},
            marker={
                "size": [28 if len(face.label) > 2 else 22 for face in faces],
                "color": [EMOTION_COLOURS[face.emotion] for face in faces],
                "opacity": 1,  # else Plotly lets what lies below show through
                "line": {"width": 2, "color": "white"},
            },
            customdata=[(face.emotion.value, face.point.valence, face.point.arousal) for face in faces],
            hovertemplate="%{text}, %{customdata[0]}: valence %{customdata[1]:.2f}, arousal %{customdata[2]:.2f}"
            "<extra></extra>",
            name="faces",
        )
    )
