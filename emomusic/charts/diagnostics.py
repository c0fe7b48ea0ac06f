"""Charts of model quality: confusion matrix, class scores, learning curves, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from textwrap import wrap
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.affect import Emotion, share_text
from emomusic.charts.layout import GRID, PERCENTS, REVERSED, axis_title, lay_out, numbered_cells
from emomusic.colours import EMOTION_COLOURS, GUIDE, QUIET, RIGHT, WRONG, faded
from emomusic.metrics import FloatArray, IntArray, Reliability, accuracy_interval
from emomusic.records import FaceBin
from emomusic.results.predictions import History, Thresholds

_STANDOFF = 18  # pixels from the names of classes to the title of their axis


def confusion_map(
    confusion: IntArray,
    classes: Sequence[str],
    *,
    chosen: tuple[str, str] | None,
    text_color: str | None,
    has_counts: bool = False,
) -> go.Figure:
    """A confusion matrix: true classes as rows, predictions as columns; correct cells cold, mistakes warm.

    The cells have shares of their row in percent, or counts (`has_counts`); the total of a row stands next to it.

    Plotly cannot select heatmap cells, so the last trace has one invisible, selectable point per cell, row by row.

    `chosen` is the cell to frame, as true and predicted class, in the text colour of the page, or in grey.
    """
    rows = confusion.sum(axis=1, keepdims=True)
    share = np.divide(confusion, rows, out=np.zeros(confusion.shape), where=rows > 0)
    cells = [(i, j) for i in range(len(classes)) for j in range(len(classes))]
    is_right = np.eye(len(classes), dtype=bool)
    mistakes = -np.clip(share / _DARK, 1e-3, 1)  # 0 has the colour of a correct cell
    # White numbers are legible on diagonal shares from 0.5 up, the page's text on all other cells
    shades = [(0.0, WRONG, 0.6), (0.4999, WRONG, 0.04), (0.5, RIGHT, 0.1), (0.7499, RIGHT, 0.35), (0.75, RIGHT, 0.85)]
    figure = numbered_cells(
        np.where(is_right, share, mistakes),
        [[f"{count:,}" for count in row] for row in confusion]
        if has_counts
        else [[f"{100 * part:.0f}" for part in row] for row in share],
        is_right & (share >= _DARK),
        [*shades, (1.0, RIGHT, 1.0)],
        x=list(classes),
        y=list(classes),
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[classes[j] for _, j in cells], y=[classes[i] for i, _ in cells], mode="markers", name="cells",
        marker={"symbol": "square", "size": 30, "opacity": 0, "color": QUIET},
        selected={"marker": {"opacity": 0}}, unselected={"marker": {"opacity": 0}},
        customdata=[(f"{confusion[i, j]:,} of {int(rows[i, 0]):,}", f"{100 * share[i, j]:.1f}") for i, j in cells],
        hovertemplate="%{y}, predicted %{x}<br>%{customdata[0]}, %{customdata[1]} %<extra></extra>",
    )  # fmt: skip
    _add_totals(figure, dict(zip(classes, rows[:, 0].tolist(), strict=True)))
    if chosen is not None:
        row, column = classes.index(chosen[0]), classes.index(chosen[1])
        figure.add_shape(
            type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5,
            line={"color": text_color or EMOTION_COLOURS[Emotion.NEUTRAL], "width": 3},
        )  # fmt: skip
    return lay_out(
        figure,
        430,
        x={"title": axis_title("predicted class", _STANDOFF), "tickfont": {"size": 13}},
        y=REVERSED | {"title": axis_title("true class", _STANDOFF), "tickfont": {"size": 13}},
        margin={"t": 26, "r": 52},
        hoverdistance=-1,
        hovermode="closest",
        clickmode="event+select",
    )


def _add_totals(figure: go.Figure, totals: Mapping[str, int]) -> None:
    """Write the number of each row on the right of a matrix."""
    beside = {"xref": "paper", "x": 1.01, "xanchor": "left", "showarrow": False}
    notes = [beside | {"y": name, "text": f"{n:,}"} for name, n in totals.items()]
    notes.append(beside | {"yref": "paper", "y": 0, "yanchor": "top", "yshift": -20, "text": "all"})
    figure.layout.annotations = [*figure.layout.annotations, *notes]


_DARK = 0.5
"""The share of a correct cell from which on its number is white, and that of the darkest mistake."""


_LONGEST_LINE, _LINE_PX, _ROW_PX = 20, 18, 14  # letters of a name, for a phone; its lines, and what is between rows
# The same in two charts that are compared; on the left as in `bar_margin`
_ACCURACY, _SIDES = PERCENTS | GRID | {"range": [0, 102], "title": "accuracy"}, {"l": 12 + 8 * _LONGEST_LINE, "r": 24}


def accuracy_by_group(groups: Mapping[str, Sequence[FaceBin]], *, height: int = 0) -> go.Figure:
    """Accuracy on groups of faces as points with their 95 % intervals, and their names.

    `groups` are by the title of their set; those without faces were not measured. Rows have room for the longest name.
    """
    rows, notes = list[tuple[int, FaceBin]](), list[dict[str, Any]]()
    for title, bins in groups.items():
        first = rows[-1][0] + 2 if rows else 0  # after a free row, for the heading
        notes.append({"xref": "paper", "y": first - 0.8, "text": f"<b>{title}</b>"})
        rows += enumerate(bins, first)
    notes += [{"y": place, "text": "not measured"} for place, faces in rows if not faces.n]
    lines = [wrap(f"{faces.name}, {faces.n:,}" if faces.n else faces.name, _LONGEST_LINE) for _, faces in rows]
    row_px, last = _ROW_PX + _LINE_PX * max(map(len, lines)), rows[-1][0]
    found = [(place, faces) for place, faces in rows if faces.n]
    share = np.array([faces.accuracy for _, faces in found])
    low, high = np.array([accuracy_interval(round(faces.accuracy * faces.n), faces.n) for _, faces in found]).T
    figure = go.Figure().add_scatter(
        x=100 * share, y=[place for place, _ in found], mode="markers+text", name="accuracy", cliponaxis=False,
        marker={"color": RIGHT, "size": 11},
        error_x={
            "array": np.maximum(100 * (high - share), 0), "arrayminus": np.maximum(100 * (share - low), 0),
            "color": RIGHT, "thickness": 1.5, "width": 0,
        },
        text=[f"{100 * part:.0f}" for part in share], textposition="top center",
        hoverinfo="text", hovertext=[
            f"{faces.name}: {100 * faces.accuracy:.1f} % of {faces.n:,} ({100 * start:.1f} to {100 * end:.1f})"
            for (_, faces), start, end in zip(found, low, high, strict=True)
        ],
    )  # fmt: skip
    names = {"tickvals": [place for place, _ in rows], "ticktext": ["<br>".join(name) for name in lines]}
    return lay_out(
        figure,
        max(height, 84 + row_px * (last + 1)),
        x=_ACCURACY,
        y=names | {"range": [last + 0.6, -1.2 if any(groups) else -0.7], "tickfont": {"size": 13}},
        margin=_SIDES,
        hovermode="closest",
        annotations=[note | {"x": 0, "xanchor": "left", "showarrow": False} for note in notes],
    )


def list_groups(bins: Sequence[FaceBin]) -> str:
    """The groups of `accuracy_by_group` as a text."""
    return ", ".join(f"{faces.name} {share_text(faces.accuracy)} of {faces.n:,}" for faces in bins if faces.n)


def _with_guide(x: Sequence[float], y: Sequence[float], name: str) -> go.Figure:
    """A figure with a dotted line to compare with; `x` and `y` are in percent."""
    style = {"color": GUIDE, "dash": "dot", "width": 2}
    return go.Figure().add_scatter(x=x, y=y, mode="lines", name=name, hoverinfo="skip", line=style)


def _mark(figure: go.Figure, x: float, y: float, name: str, colour: str, **options: Any) -> None:
    """Draw a large dot with a white rim at a point of a curve."""
    marker = {"size": 13, "color": colour, "line": {"width": 2, "color": "white"}}
    figure.add_scatter(
        x=[x], y=[y], mode="markers", name=name, marker=marker, **{"hoverinfo": "skip", "cliponaxis": False} | options
    )


def threshold_curves(found: Thresholds, *, chosen: int | None, share: float) -> tuple[go.Figure, go.Figure]:
    """Precision against recall, and recall against false alarms (ROC), each with a dot at the threshold.

    Args:
        found: the thresholds of one class.
        chosen: the position of the threshold in `found`; None without a dot.
        share: the part of the class among all examples, the precision of guessing.
    """
    panels = (
        ("recall", "precision", found.recall, found.precision, ([0, 100], [100 * share] * 2)),
        ("false alarms", "recall", found.false_alarms, found.recall, ([0, 100], [0, 100])),
    )
    figures = []
    for x_title, y_title, x, y, (guess_x, guess_y) in panels:
        figure = _with_guide(guess_x, guess_y, "guessing").add_scatter(
            x=100 * x, y=100 * y, mode="lines", name="model", line={"color": RIGHT, "width": 2.5},
            customdata=100 * found.thresholds,
            hovertemplate=f"{y_title} %{{y:.0f}} %, {x_title} %{{x:.0f}} %<extra>%{{customdata:.0f}} %</extra>",
        )  # fmt: skip
        if chosen is not None:
            _mark(figure, 100 * x[chosen], 100 * y[chosen], "threshold", WRONG)
        axis = PERCENTS | GRID | {"range": [0, 103]}
        figures.append(lay_out(figure, 300, x=axis | {"title": x_title}, y=axis | {"title": y_title}))
    return figures[0], figures[1]


def learning_curves(
    training: FloatArray, validation: FloatArray, history: History, *, label: str, top: float
) -> go.Figure:
    """A metric over the epochs of a training, on the training and the validation set.

    The best epoch of the history is marked, and lines separate its numbered stages. The y axis ends at `top`.
    """
    best_epoch = history.best_epoch
    figure = epoch_curves({"training": training, "validation": validation}, 1, label=label, top=top)
    about = f"best epoch {best_epoch}: %{{y:.3f}}<extra></extra>"
    _mark(figure, best_epoch, float(validation[best_epoch - 1]), "best", RIGHT, hoverinfo=None, hovertemplate=about)
    for number, (first, last) in zip(history.stages, pairwise((0, *history.last_epochs)), strict=True):
        above = {"x": (first + last + 1) / 2, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}
        figure.add_annotation(above, text=str(number))
        if first:
            figure.add_vline(first + 0.5, line={"color": GUIDE, "width": 1})
    return figure


def epoch_curves(
    curves: Mapping[str, FloatArray], first: int, *, label: str, top: float, last: int | None = None, height: int = 300
) -> go.Figure:
    """A metric by epoch from the `first` one on, on the training examples and on others, by the names at their ends.

    The axes end at `last`, where the training may still be going, and at `top`.
    """
    figure = go.Figure()
    for (name, values), (colour, dash) in zip(curves.items(), ((WRONG, "dot"), (RIGHT, "solid")), strict=True):
        figure.add_scatter(
            x=first + np.arange(len(values)), y=np.round(values, 4), name=name,
            mode="lines+markers" if len(values) < 2 else "lines",
            line={"color": colour, "width": 2.5, "dash": dash},
            hovertemplate=f"epoch %{{x}}: %{{y:.3f}}<extra>{name}</extra>",
        )  # fmt: skip
        is_lower = values[-1] < max(other[-1] for other in curves.values())
        end = {"x": first + len(values) - 1, "y": float(values[-1]), "xanchor": "left", "showarrow": False}
        figure.add_annotation(end, text=f" {name}", yanchor="top" if is_lower else "bottom")
    x = {"rangemode": "tozero"} if last is None else {"range": [0, last]}
    y = GRID | {"range": [0, top], "title": label}
    return lay_out(figure, height, x=x | {"title": "epoch"}, y=y, margin={"t": 24, "r": 76})


def reliability_diagram(found: Reliability) -> go.Figure:
    """Accuracy by confidence; a calibrated model lies on the diagonal. Bins with few answers have small points."""
    filled = found.counts > 0
    confidence, accuracy = (100 * values[filled] for values in (found.confidence, found.accuracy))
    counts = found.counts[filled]
    many = counts >= 10  # the accuracy of smaller bins is noise
    figure = _with_guide([0, 100], [0, 100], "calibrated").add_scatter(
        x=confidence[many], y=accuracy[many], mode="lines", name="line", hoverinfo="skip",
        line={"color": RIGHT, "width": 2},
    )  # fmt: skip
    figure.add_scatter(
        x=np.round(confidence, 2), y=np.round(accuracy, 2), mode="markers", name="model", cliponaxis=False,
        marker={"color": RIGHT, "size": 6 + 16 * np.sqrt(counts / counts.max()), "opacity": 0.9},
        customdata=counts,
        hovertemplate="confidence %{x:.0f} %, accuracy %{y:.0f} %<br>%{customdata:,} answers<extra></extra>",
    )  # fmt: skip
    axis = PERCENTS | GRID | {"range": [0, 103]}
    return lay_out(figure, 360, x=axis | {"title": "confidence"}, y=axis | {"title": "accuracy"})


def agreement_map(counts: Sequence[Sequence[int]], edges: Sequence[float], name: str) -> go.Figure:
    """The number of songs by tag and place on an axis of the plane. Dark cells have many songs, empty cells none.

    Args:
        counts: shape (b, b): rows are bins of the tags, columns those of the places.
        edges: shape (b + 1,): those of the bins, in standard deviations of the tags.
        name: of the axis.
    """
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    shares = [[count or None for count in row] for row in zip(*counts, strict=True)]  # a row for each place
    figure = _with_guide([edges[0], edges[-1]], [edges[0], edges[-1]], "equal").add_heatmap(
        x=middles, y=middles, z=shares, colorscale=[[0, faded(RIGHT, 0.15)], [1, faded(RIGHT, 1)]], showscale=False,
        hovertemplate="tags %{x:.1f}, place %{y:.1f}: %{z} songs<extra></extra>",
    )  # fmt: skip
    axis = GRID | {"range": [edges[0], edges[-1]]}
    return lay_out(figure, 320, x=axis | {"title": f"{name} by tags"}, y=axis | {"title": f"{name} of the place"})


def fold_spread(name: str, accuracies: npt.NDArray[np.float64]) -> go.Figure:
    """Accuracy of every fold of a model as a point, with quartiles and the mean."""
    percents = 100 * accuracies.ravel()
    figure = go.Figure().add_box(
        x=percents, name=f"{name}<br>{percents.mean():.1f} %", orientation="h", boxpoints="all", boxmean=True,
        pointpos=0, jitter=0.8, fillcolor="rgba(0, 0, 0, 0)", line={"color": WRONG, "width": 2},
        marker={"color": RIGHT, "size": 6, "opacity": 0.85}, hoveron="points",
        hovertemplate="%{x:.1f} % in one fold<extra>" + name + "</extra>",
    )  # fmt: skip
    return lay_out(figure, 130, x=_ACCURACY, y={"tickfont": {"size": 13}}, margin=_SIDES)
