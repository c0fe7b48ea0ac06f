"""Charts of Russell's circumplex with faces and songs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import plotly.graph_objects as go

from emomusic.affect import EMOTION_POINTS, NEUTRAL_RADIUS, QUADRANT_CORNERS, AffectPoint, Emotion, Quadrant
from emomusic.charts.layout import axis_title, lay_out, line
from emomusic.colours import EMOTION_COLOURS, QUIET, TRAIL, faded, ink_on
from emomusic.faces.who import Who
from emomusic.songs.song import Pick
from emomusic.text import escape_html


@dataclass(frozen=True, slots=True)
class FacePoint:
    """A face or the group on the plane, with its label inside the circle.

    `picture` is the address of an image, such as a data URI, which takes the place of the circle. The circle of an
    unclear face (`is_sure`) is hollow.
    """

    who: Who
    point: AffectPoint
    emotion: Emotion
    picture: str = ""
    is_sure: bool = True


_Points: TypeAlias = Sequence[AffectPoint]

_RANGE = 1.12  # limit of both axes
_CIRCLE, _SONG = 0.17, 0.06  # diameters of face and song marks, in plane units on a phone-sized plane
_WORD = 0.18  # part of the circles that names need
_MAX_SHIFT = 1.5 * _CIRCLE  # largest distance between a mark and its true position
_AXIS_GAP = 0.01  # moved marks keep this distance from an axis, so that they stay in their quadrant
_MAX_ITERATIONS, _TOLERANCE = 60, 1e-3
_GOLDEN_ANGLE, _BIAS = np.pi * (3 - np.sqrt(5)), 0.02

# Pixels. Circles shrink as the number of faces grows, but their labels stay legible.
_NUM_FACES = (6, 30, 60)
_SIZES, _BORDERS = (22.0, 18.0, 17.0), (2.0, 1.5, 1.25)
_LABEL = 13  # the smallest letters of the app
_WIDER = 30 / 22  # factor for labels of three letters
_SONG_SIZE, _PLAYING_SIZE = 9.0, 13.0
# Sides of pictures, in plane units: all of them cover the plane as densely, within these limits
_PICTURES, _SIDES, _CHOSEN = 0.8, (0.12, 0.26), 1.35

_NAME_PLACES = {  # side of the dot, and diameter of the gap in pixels, which holds a name off a face on its dot
    Emotion.ANGRY: ("top center", 25),
    Emotion.DISGUST: ("bottom left", 7),
    Emotion.FEAR: ("middle left", 25),
    Emotion.HAPPY: ("top center", 25),
    Emotion.SAD: ("bottom center", 25),
    Emotion.SURPRISE: ("top center", 25),
    Emotion.NEUTRAL: ("bottom center", 30),
}
_NAME_SHIFTS = {
    "top center": (0, 0.11),
    "bottom center": (0, -0.11),
    "middle left": (-0.18, 0),
    "bottom left": (-0.18, -0.06),
}
# Each name as three circles, in plane units of a plane of 420 pixels, for the marks that must not cover it
_WORDS = [
    AffectPoint(at.valence + across + x, at.arousal + y)
    for emotion, at in EMOTION_POINTS.items()
    for x, y in [_NAME_SHIFTS[_NAME_PLACES[emotion][0]]]
    for across in (-0.1, 0.0, 0.1)
]
_DOT, _SMALL, _CORNER_SHIFT = 7, 300, 6  # pixels
_DARK = "#222222"  # letters in a hollow circle
_CLEAR = "rgba(0, 0, 0, 0)"
# A click dims no other mark
_CLICKABLE: Mapping[str, Any] = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}
# `Canvas` is the browser's page background, which Python does not know
_HALO = "paint-order: stroke; stroke: Canvas; stroke-width: 3px; stroke-linejoin: round"


def circumplex(
    faces: Sequence[FacePoint],
    picks: Sequence[Pick] = (),
    *,
    target: AffectPoint | None = None,
    playing: int | None = None,
    trail: Sequence[AffectPoint] = (),
    height: int = 420,
) -> go.Figure:
    """Draw the affect plane: valence across, arousal upwards, both from -1 to 1. A plane with pictures can be zoomed.

    Args:
        faces: drawn as labelled circles in the colour of their emotion. The last one is the listener.
        picks: songs, drawn as small grey diamonds: colours are for emotions. Those without a place are left out.
        target: end of a journey. A line joins the listener, the songs in order and the target, and Plotly reports
            a click anywhere on the plane.
        playing: number of the song that plays, to which a line leads from the listener.
        trail: earlier positions of the face or group, oldest first. Older points are fainter.
        height: the height of the figure, in pixels.
    """
    figure = go.Figure()
    _draw_plane(figure)
    if trail:
        _draw_trail(figure, trail)
    songs = [(pick, pick.point) for pick in picks if pick.point is not None]
    points = [*(face.point for face in faces), *(point for _, point in songs)]
    size = float(np.interp(len(faces), _NUM_FACES, _SIZES))
    sizes = [size * _WIDER if len(face.who.label) > 2 else size for face in faces]
    widths = [_CIRCLE * across / _SIZES[0] for across in sizes]
    num_pictures = sum(bool(face.picture) for face in faces)
    if num_pictures:
        side = float(np.clip(_PICTURES / np.sqrt(num_pictures), *_SIDES))
        widths = [side if face.picture else width for face, width in zip(faces, widths, strict=True)]
    held = [] if target is None else [target]
    shown = _separate(points, widths + [_SONG] * len(songs), len(songs), held)
    if target is not None:
        _draw_way(figure, shown[len(faces) - 1 :], target)
    if songs:
        _draw_songs(figure, songs, shown[len(faces) :], playing, () if target else shown[: len(faces)][-1:])
    names = _draw_pictures(figure, faces, shown, side) if num_pictures else [*EMOTION_POINTS]
    if faces:
        _draw_faces(figure, faces, shown[: len(faces)], sizes)
    _draw_names(figure, names)
    axis = {
        "fixedrange": not num_pictures,
        "range": [-_RANGE, _RANGE],
        "tickvals": [-1, 0, 1],
        "showticklabels": height >= _SMALL,
        "constrain": "domain",  # keeps the plane square and the axes next to it
    }
    return lay_out(
        figure,
        height,
        x=axis | {"title": axis_title("valence: unpleasant to pleasant", 8)},
        y=axis | {"title": axis_title("arousal: drowsy to awake"), "scaleanchor": "x"},
        hoverlabel={"align": "left"},
        dragmode="pan" if num_pictures else False,
        clickanywhere=target is not None,
    )


def _separate(points: _Points, widths: Sequence[float], num_songs: int, held: _Points) -> list[AffectPoint]:
    """Positions of the marks, moved apart so that they do not cover each other's labels, nor the last ones the words.

    Each mark stays within `_MAX_SHIFT`, in its quadrant and on the plane, so marks in a crowd still overlap. `widths`
    are the diameters of the marks, in plane units. Songs come last, and leave the `held` circles free, too.
    """
    words = [*_WORDS, *held] if num_songs else []
    true = np.array([(point.valence, point.arousal) for point in (*points, *words)], np.float64).reshape(-1, 2)
    sizes = np.array([*widths, *[_WORD] * len(_WORDS), *[_CIRCLE] * len(held)][: len(true)])
    edge = 1 - sizes[:, None] / 2  # the names of the quadrants are outside
    lowest = np.where(true > 0, np.minimum(true, _AXIS_GAP), -edge)
    highest = np.where(true < 0, np.maximum(true, -_AXIS_GAP), edge)
    spacing = np.add.outer(sizes, sizes) / 2
    moves = ~np.eye(len(true), dtype=bool)
    moves[len(points) :] = moves[: len(points) - num_songs, len(points) :] = False  # words stay, and faces ignore them
    # A different bias direction for each mark separates identical points and keeps the layout stable between updates
    angles = (np.pi + _GOLDEN_ANGLE) / 2 - _GOLDEN_ANGLE * np.arange(len(true))
    bias_x, bias_y = (_BIAS * np.subtract.outer(part, part) for part in (np.cos(angles), np.sin(angles)))
    positions = true.clip(lowest, highest)
    for _ in range(_MAX_ITERATIONS):
        x, y = (np.subtract.outer(part, part) for part in positions.T)
        overlap = np.maximum(spacing - np.sqrt(x * x + y * y), 0.0) * moves  # `np.hypot` takes four times as long
        if overlap.max(initial=0.0) < _TOLERANCE:
            break
        share = overlap / spacing
        x, y = x + bias_x * share, y + bias_y * share
        # Each mark moves half of the overlap, or less if it overlaps many marks, which prevents oscillation
        force = overlap / np.maximum(np.sqrt(x * x + y * y), 1e-9)
        push = np.stack([(x * force).sum(axis=1), (y * force).sum(axis=1)], axis=1)
        shift = positions + push / np.maximum(np.count_nonzero(overlap, axis=1), 4)[:, None] - true
        positions = true + shift * np.minimum(1.0, _MAX_SHIFT / np.maximum(np.hypot(*shift.T), 1e-9))[:, None]
        positions = positions.clip(lowest, highest)
    return [AffectPoint(x, y) for x, y in positions[: len(points)].tolist()]


def _at(points: Collection[AffectPoint]) -> dict[str, list[float]]:
    """The coordinates of a trace."""
    return {"x": [point.valence for point in points], "y": [point.arousal for point in points]}


def quadrant_shapes() -> list[dict[str, Any]]:
    """Plotly shapes that fill two opposite quadrants of the plane with grey, below the traces."""
    area = {"type": "rect", "x0": 0, "y0": 0, "layer": "below", "fillcolor": faded(TRAIL, 0.1), "line": {"width": 0}}
    corners = (QUADRANT_CORNERS[quadrant] for quadrant in (Quadrant.Q1, Quadrant.Q3))
    return [area | {"x1": side, "y1": level} for side, level in corners]


def corner_notes(gap: int = 0) -> list[dict[str, Any]]:
    """Plotly annotations with the name of each quadrant, above or below the plane, with a `gap` in pixels to it."""
    return [
        {
            "x": side, "y": level, "xanchor": "right" if side > 0 else "left",
            "yanchor": "bottom" if level > 0 else "top", "yshift": level * gap, "showarrow": False,
            "xshift": _CORNER_SHIFT * side,
            "text": quadrant.description.replace(" and ", ", "), "font": {"size": _LABEL}, "borderpad": 0,
        }
        for quadrant, (side, level) in QUADRANT_CORNERS.items()
    ]  # fmt: skip


def _ring(radius: float, x: float = 0.0, y: float = 0.0) -> dict[str, Any]:
    return {"type": "circle", "x0": x - radius, "x1": x + radius, "y0": y - radius, "y1": y + radius}


def _draw_plane(figure: go.Figure) -> None:
    thin = {"color": QUIET, "width": 1}
    outlines = [
        _ring(1.0) | {"line": thin | {"dash": "solid"}},
        _ring(NEUTRAL_RADIUS) | {"line": thin | {"dash": "dot"}},
        line((-1, 1), (0, 0)),
        line((0, 0), (-1, 1)),
    ]
    # One update: Plotly validates all shapes again for each shape that is added
    figure.update_layout(
        shapes=[
            *quadrant_shapes(),
            *(outline | {"layer": "below"} for outline in outlines),
        ],
        annotations=corner_notes(),
    )
    figure.add_scatter(
        **_at(EMOTION_POINTS.values()),
        mode="markers",
        text=[emotion.value for emotion in EMOTION_POINTS],
        marker={"symbol": "cross-thin", "size": _DOT, "line": {"width": 1.5, "color": list(EMOTION_COLOURS.values())}},
        hovertemplate="%{text}: valence %{x:.2f}, arousal %{y:.2f}<extra>Russell & Mehrabian 1977</extra>",
    )


def _draw_names(figure: go.Figure, emotions: Sequence[Emotion]) -> None:
    """Write emotion names above all marks, on the outer side of their dots. Faces lie on the inner side."""
    figure.add_scatter(
        **_at([emotion.point for emotion in emotions]),
        mode="markers+text",
        text=[f'<span style="{_HALO}">{emotion.value}</span>' for emotion in emotions],
        textposition=[_NAME_PLACES[emotion][0] for emotion in emotions],
        textfont={"size": _LABEL},
        marker={"size": [_NAME_PLACES[emotion][1] for emotion in emotions], "opacity": 0},
        hoverinfo="skip",
        name="names",
    )


def _draw_trail(figure: go.Figure, trail: Sequence[AffectPoint]) -> None:
    ages = [step / len(trail) for step in range(1, len(trail) + 1)]
    figure.add_scatter(
        **_at(trail),
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


def _draw_way(figure: go.Figure, points: _Points, target: AffectPoint) -> None:
    """Draw the way of a journey, and its target as a ring with a name."""
    x, y, radius = target.valence, target.arousal, _CIRCLE / 2
    figure.add_scatter(
        **_at([*points, target]),
        mode="lines",
        line={"color": QUIET, "width": 2},
        hoverinfo="skip",
        name="way",
    )
    figure.add_shape(_ring(radius, x, y) | {"line": {"color": TRAIL, "width": 3}})
    figure.add_annotation(x=x, y=y - radius, text="target", yanchor="top", showarrow=False, font={"size": _LABEL})


def _draw_songs(
    figure: go.Figure,
    songs: Sequence[tuple[Pick, AffectPoint]],
    shown: _Points,
    playing: int | None,
    listener: _Points,
) -> None:
    now = next((number for number, (pick, _) in enumerate(songs) if pick.number == playing), None)
    if now is not None and listener:
        way = {"mode": "lines", "line": {"color": TRAIL, "width": 2}, "hoverinfo": "skip", "name": "playing"}
        figure.add_scatter(**_at([*listener, shown[now]]), **way)
    figure.add_scatter(
        **_at(shown),
        mode="markers",
        marker={
            "symbol": "diamond",
            "size": [_PLAYING_SIZE if number == now else _SONG_SIZE for number in range(len(songs))],
            "color": TRAIL,
            "line": {"width": 1, "color": "white"},
        },
        **_CLICKABLE,
        customdata=[
            (escape_html(pick.song.full_name), pick.likeliest_mood.value, point.valence, point.arousal, pick.number)
            for pick, point in songs
        ],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}: valence %{customdata[2]:.2f}, "
        "energy %{customdata[3]:.2f}<extra></extra>",
        name="songs",
    )


def _draw_pictures(figure: go.Figure, faces: Sequence[FacePoint], shown: _Points, side: float) -> list[Emotion]:
    """Draw the pictures of faces, framed in the colour of their emotion, the listener larger.

    Returns the emotions whose names they do not hide.
    """
    images, frames = [], []
    for face, at in zip(faces, shown, strict=False):
        if face.picture:
            x, y, is_last = at.valence, at.arousal, face is faces[-1]
            across = side * _CHOSEN if is_last else side
            image = {"source": face.picture, "x": x, "y": y, "sizex": across, "sizey": across}
            images.append(image | {"xref": "x", "yref": "y", "xanchor": "center", "yanchor": "middle"})
            line = {"color": EMOTION_COLOURS[face.emotion], "width": 5 if is_last else 3}
            frames.append(_ring(across / 2, x, y) | {"type": "rect", "line": line})
    figure.update_layout(images=images, shapes=[*figure.layout.shapes, *frames])
    hidden = np.array([(image["x"], image["y"]) for image in images])
    away = {name: np.abs(hidden - (at.valence, at.arousal)).max(axis=1) for name, at in EMOTION_POINTS.items()}
    return [name for name in EMOTION_POINTS if away[name].min() >= side]


def _draw_faces(figure: go.Figure, faces: Sequence[FacePoint], shown: _Points, sizes: Sequence[float]) -> None:
    """Draw circles with labels. Those of pictures are transparent, for clicks, with the label below."""
    colours = [EMOTION_COLOURS[face.emotion] for face in faces]
    fills, rims, letters = zip(
        *(
            (_CLEAR,) * 3
            if face.picture
            else (colour, "white", ink_on(colour))
            if face.is_sure
            else ("white", colour, _DARK)
            for face, colour in zip(faces, colours, strict=True)
        ),
        strict=True,
    )
    figure.add_scatter(
        **_at(shown),
        mode="markers+text",
        text=[f"<b>{face.who.label}</b>" for face in faces],
        textfont={"size": _LABEL, "color": letters},
        marker={
            "size": [2 * size if face.picture else size for face, size in zip(faces, sizes, strict=True)],
            "color": fills,
            "opacity": 1,  # Plotly's default lets covered marks show through
            "line": {
                "width": float(np.interp(len(faces), _NUM_FACES, _BORDERS)),
                "color": rims,
            },
        },
        **_CLICKABLE,
        customdata=[(face.emotion.value, face.point.valence, face.point.arousal, face.who.label) for face in faces],
        hovertemplate="%{text}, %{customdata[0]}: valence %{customdata[1]:.2f}, arousal %{customdata[2]:.2f}"
        "<extra></extra>",
        name="faces",
    )
