"""Russell's circumplex with faces, songs and a target on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.affect import EMOTION_POINTS, NEUTRAL_RADIUS, QUADRANT_CORNERS, AffectPoint, Emotion, Mood, Quadrant
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
_Floats: TypeAlias = npt.NDArray[np.float64]
_NamePlace: TypeAlias = tuple[tuple[int, int], int]  # the side of the dot, and across the room left free about it

_RANGE = 1.12  # of both axes, to either side
_CIRCLE, _SQUARE = 0.17, 0.12  # across the marks of a face and of a song, on a plane as large as on a phone
_REACH = 1.5 * _CIRCLE  # how far from where it belongs a mark may stand
_BESIDE_AXIS = 0.01  # how near to an axis a mark may be moved: not onto it, where the quarter is another
_ROUNDS_APART, _CLOSE_ENOUGH = 60, 1e-3
_GOLDEN_ANGLE, _LEAN = np.pi * (3 - np.sqrt(5)), 0.02

# Pixels: the more faces, the smaller their circles, as far as their numbers can still be read
_NUM_FACES = (6, 30, 60)
_SIZES, _LABELS, _BORDERS = (22.0, 16.0, 14.0), (12.0, 9.5, 9.0), (2.0, 1.5, 1.25)
_WIDER = 28 / 22  # for a label of three letters
_SONG_SIZE = 16.0

# Fear, anger and disgust lie close together: their names go to different sides.
_NAME_SIDES = {Emotion.FEAR: (-1, 0), Emotion.ANGRY: (1, 0), Emotion.DISGUST: (0, -1), Emotion.HAPPY: (0, -1)}
_ABOVE = (0, 1)
_SIDES = (_ABOVE, (0, -1), (-1, 0), (1, 0), (-1, 1), (1, 1), (-1, -1), (1, -1))
_ACROSS, _UPWARDS = {-1: "left", 0: "center", 1: "right"}, {-1: "bottom", 0: "middle", 1: "top"}

# Pixels: the dot of an emotion, how much about it its name leaves free, the name itself in a wide font, what stands in
# a corner, the plane on a phone, and what a figure is higher than its plane
_DOT, _GAPS = 7, (7, 20, 34, 48, 62, 76)
_NAME_SIZE, _LETTER_WIDTH = 11, 6.6
_CORNER, _PHONE_PLANE, _AXIS = 20, 245, 46
# What a name's place costs, in pixels of it that are hidden: each pixel away from the dot, a side that is not its own,
# each pixel of other words below it
_AWAY, _OTHER_SIDE, _ON_WORDS = 0.8, 20.0, 50.0
# `Canvas` is the paper of the theme that the browser shows, which is not known here
_HALO = "paint-order: stroke; stroke: Canvas; stroke-width: 3px; stroke-linejoin: round"


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
    size = float(np.interp(len(faces), _NUM_FACES, _SIZES))
    sizes = [size * _WIDER if len(face.label) > 2 else size for face in faces]
    widths = [_CIRCLE * across / _SIZES[0] for across in sizes] + [_SQUARE] * len(songs)
    shown = _beside_each_other(points, widths)
    if songs:
        _draw_songs(figure, songs, shown[len(faces) :], path=path)
    if faces:
        _draw_faces(figure, faces, shown[: len(faces)], sizes)
    _draw_names(figure, shown, sizes + [_SONG_SIZE] * len(songs), height=height)
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        dragmode=False,
        hoverlabel={"align": "left"},
    )
    axis = {"range": [-_RANGE, _RANGE], "fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}
    axis["constrain"] = "domain"  # the plane stays square, and its axes beside it
    figure.update_xaxes(**axis, tickvals=[-1, 0, 1], title={"text": "valence: unpleasant to pleasant", "standoff": 4})
    figure.update_yaxes(
        **axis, tickvals=[-1, 0, 1], title={"text": "arousal: drowsy to awake", "standoff": 4}, scaleanchor="x"
    )
    return figure


def _beside_each_other(points: Sequence[AffectPoint], widths: Sequence[float]) -> _Places:
    """Places moved apart until no mark hides another's label.

    Where there is a crowd they still overlap: a mark stays within reach of where it belongs, in its quarter and on the
    plane.

    Args:
        points: where the marks belong.
        widths: how much room each takes, in units of the plane.
    """
    true = np.array([(point.valence, point.arousal) for point in points], np.float64).reshape(-1, 2)
    lowest = np.where(true > 0, np.minimum(true, _BESIDE_AXIS), -1.0)
    highest = np.where(true < 0, np.maximum(true, -_BESIDE_AXIS), 1.0)
    room = np.add.outer(widths, widths) / 2
    # Each mark leans another way, the second away from the first to the right. It parts two in the very same place, and
    # in a crowd they seldom change places when they move a little, as they do every second on the live page.
    leaning = (np.pi + _GOLDEN_ANGLE) / 2 - _GOLDEN_ANGLE * np.arange(len(true))
    lean_x, lean_y = (_LEAN * np.subtract.outer(part, part) for part in (np.cos(leaning), np.sin(leaning)))
    at = true
    for _ in range(_ROUNDS_APART):
        x, y = (np.subtract.outer(part, part) for part in at.T)
        lack = np.maximum(room - np.sqrt(x * x + y * y), 0.0)  # `hypot` takes four times as long
        np.fill_diagonal(lack, 0.0)
        if lack.max(initial=0.0) < _CLOSE_ENOUGH:
            break
        share = lack / room
        x, y = x + lean_x * share, y + lean_y * share
        # Half of what is lacking, from both sides; less where many push, or they would fling each other to the rim
        force = lack / np.maximum(np.sqrt(x * x + y * y), 1e-9)
        push = np.stack([(x * force).sum(axis=1), (y * force).sum(axis=1)], axis=1)
        moved = at + push / np.maximum(np.count_nonzero(lack, axis=1), 4)[:, None] - true
        at = true + moved * np.minimum(1.0, _REACH / np.maximum(np.hypot(*moved.T), 1e-9))[:, None]
        at = at.clip(lowest, highest)
    return [(float(x), float(y)) for x, y in at]


def quarter(quadrant: Quadrant, opacity: float) -> dict[str, Any]:
    """A shape of Plotly's that fills a quarter of the plane, or its middle, with its colour, below everything."""
    if quadrant is Quadrant.N:
        place = _ring(NEUTRAL_RADIUS)
    else:
        side, level = QUADRANT_CORNERS[quadrant]
        place = {"type": "rect", "x0": 0, "x1": side, "y0": 0, "y1": level}
    fill = faded(QUADRANT_COLOURS[quadrant], opacity)
    return place | {"fillcolor": fill, "line": {"width": 0}, "layer": "below"}


def _ring(radius: float) -> dict[str, Any]:
    return {"type": "circle", "x0": -radius, "x1": radius, "y0": -radius, "y1": radius}


def _draw_plane(figure: go.Figure) -> None:
    line = {"color": QUIET, "width": 1}
    outlines = [
        _ring(1.0) | {"line": line | {"dash": "solid"}},
        _ring(NEUTRAL_RADIUS) | {"line": line | {"dash": "dot"}},
        {"type": "line", "x0": -1, "x1": 1, "y0": 0, "y1": 0, "line": line},
        {"type": "line", "x0": 0, "x1": 0, "y0": -1, "y1": 1, "line": line},
    ]
    # All at once, here and in other figures: each one that is added makes Plotly check those before it again
    figure.update_layout(
        shapes=[
            *(quarter(quadrant, 0.07) for quadrant in QUADRANT_CORNERS),
            *(outline | {"layer": "below"} for outline in outlines),
        ],
        annotations=[
            {
                "x": side, "y": level, "xanchor": _ACROSS[side], "yanchor": _UPWARDS[level], "showarrow": False,
                "text": f"<b>{quadrant}</b>", "font": {"size": 13},
            }
            for quadrant, (side, level) in QUADRANT_CORNERS.items()
        ],
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[point.valence for point in EMOTION_POINTS.values()],
            y=[point.arousal for point in EMOTION_POINTS.values()],
            mode="markers",
            text=[emotion.value for emotion in EMOTION_POINTS],
            marker={
                "symbol": "cross-thin",
                "size": _DOT,
                "line": {"width": 1.5, "color": list(EMOTION_COLOURS.values())},
            },
            hovertemplate="%{text}: valence %{x:.2f}, arousal %{y:.2f}<extra>Russell & Mehrabian 1977</extra>",
        )
    )


def _draw_names(figure: go.Figure, marks: _Places, sizes: Sequence[float], *, height: int) -> None:
    """Write the emotions' names over all marks, each where fewest lie."""
    places = _name_places(marks, sizes, height)
    figure.add_trace(
        go.Scatter(
            x=[point.valence for point in EMOTION_POINTS.values()],
            y=[point.arousal for point in EMOTION_POINTS.values()],
            mode="markers+text",
            text=[f'<span style="{_HALO}">{emotion.value}</span>' for emotion in EMOTION_POINTS],
            textposition=[f"{_UPWARDS[up]} {_ACROSS[right]}" for (right, up), _ in places],
            textfont={"size": _NAME_SIZE},
            marker={"size": [gap for _, gap in places], "opacity": 0},  # unseen, they keep the names off the dots
            hoverinfo="skip",
            name="names",
        )
    )


def _name_places(marks: _Places, sizes: Sequence[float], height: int) -> list[_NamePlace]:
    """The place of each emotion's name that leaves it within the plane, off other words, and least on marks.

    How wide the chart will be is not known here: what is hidden is added up over the smallest plane and the largest.

    Args:
        marks: where they stand.
        sizes: across them, in pixels.
        height: of the figure, in pixels.
    """
    places = [(side, gap) for gap in _GAPS for side in _SIDES]
    sides, gaps = np.array([side for side, _ in places]), np.array([[gap] for _, gap in places])
    words = np.array([(_LETTER_WIDTH * len(emotion), _NAME_SIZE) for emotion in EMOTION_POINTS])[:, None]
    # From here on in pixels; the axes are the two planes, the names, and the places of each
    scales = np.array([_PHONE_PLANE, height - _AXIS]).reshape(2, 1, 1) / (2 * _RANGE)
    dots = np.array([(point.valence, point.arousal) for point in EMOTION_POINTS.values()]) * scales
    centres = dots[:, :, None] + sides * (gaps / 1.6 + 1 + words / 2)  # Plotly adds a little to half the gap
    names = _boxes(centres, words)
    below = [_boxes(np.array(marks).reshape(-1, 2) * scales, np.array(sizes).reshape(-1, 1)), _boxes(dots, _DOT)]
    costs = _shared(names, np.concatenate(below, axis=1)[:, None, None])
    costs += _AWAY * (np.linalg.norm(sides * gaps, axis=1) - _DOT)
    own_sides = [_NAME_SIDES.get(emotion, _ABOVE) for emotion in EMOTION_POINTS]
    costs += [[_OTHER_SIDE * (side != own) for side, _ in places] for own in own_sides]
    costs[(np.abs(names) > _RANGE * scales[..., None]).any(axis=(0, -1))] = np.inf
    nearest = np.linalg.norm(centres[:, :, :, None] - dots[:, None, None], axis=-1).argmin(axis=-1)
    costs[(nearest != np.arange(len(own_sides))[:, None]).any(axis=0)] = np.inf  # it would seem to be another's name
    corners = _boxes(np.array(list(QUADRANT_CORNERS.values())) * (scales - _CORNER / 2), _CORNER)
    chosen = costs.argmin(axis=1)
    for name, row in enumerate(costs):
        others = np.delete(names[:, np.arange(len(chosen)), chosen], name, axis=1)
        on_words = _shared(names[:, name], np.concatenate([others, corners], axis=1)[:, None])
        chosen[name] = (row + _ON_WORDS * on_words).argmin()
    return [places[place] for place in chosen]


def _boxes(centres: _Floats, across: _Floats | float) -> _Floats:
    """Left, bottom, right and top of each."""
    return np.concatenate([centres - across / 2, centres + across / 2], axis=-1)


def _shared(boxes: _Floats, others: _Floats) -> _Floats:
    """How many square pixels of each box the others cover, on both planes (the first axis) together."""
    low = np.maximum(boxes[..., None, :2], others[..., :2])
    high = np.minimum(boxes[..., None, 2:], others[..., 2:])
    shared: _Floats = (high - low).clip(0.0).prod(axis=-1).sum(axis=(0, -1))
    return shared


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
                "size": _SONG_SIZE,
                "color": [MOOD_COLOURS[song.mood] for song in songs],
                "line": {"width": 1, "color": "white"},
            },
            customdata=[(song.title, song.mood.value, song.point.valence, song.point.arousal) for song in songs],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}: valence %{customdata[2]:.2f}, "
            "energy %{customdata[3]:.2f}<extra></extra>",
            name="songs",
        )
    )


def _draw_faces(figure: go.Figure, faces: Sequence[FacePoint], shown: _Places, sizes: Sequence[float]) -> None:
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in shown],
            y=[y for _, y in shown],
            mode="markers+text",
            text=[f"<b>{face.label}</b>" for face in faces],
            textfont={
                "size": float(np.interp(len(faces), _NUM_FACES, _LABELS)),
                "color": [ink_on(EMOTION_COLOURS[face.emotion]) for face in faces],
            },
            marker={
                "size": sizes,
                "color": [EMOTION_COLOURS[face.emotion] for face in faces],
                "opacity": 1,  # else Plotly lets what lies below show through
                "line": {"width": float(np.interp(len(faces), _NUM_FACES, _BORDERS)), "color": "white"},
            },
            customdata=[(face.emotion.value, face.point.valence, face.point.arousal) for face in faces],
            hovertemplate="%{text}, %{customdata[0]}: valence %{customdata[1]:.2f}, arousal %{customdata[2]:.2f}"
            "<extra></extra>",
            name="faces",
        )
    )
