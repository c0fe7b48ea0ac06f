"""How good a model is, as charts: what it confuses, how it does by class, how it learnt, how honest its sureness is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.affect import Emotion
from emomusic.metrics import ClassScores, FloatArray, IntArray, Reliability
from emomusic.plots.colours import CLASS_COLOURS, EMOTION_COLOURS, GUIDE, QUIET, RIGHT, WRONG, faded

_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_PERCENTS = {"tickvals": [0, 25, 50, 75, 100], "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"]}
_STANDOFF = 18  # pixels from the names of classes to the title of their axis
_AXIS = {"fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}

# Of the second of two models in one chart: the same colours, and stripes that tell it from the first.
_STRIPES = {"shape": "/", "size": 6, "solidity": 0.35, "fillmode": "replace"}


def confusion_map(
    confusion: IntArray,
    classes: Sequence[str],
    *,
    shares: bool = True,
    chosen: tuple[str, str] | None = None,
    darkest: float | None = None,
    text_color: str | None = None,
) -> go.Figure:
    """What is called what: rows are the true classes, columns the answers; right ones cold, mistakes warm.

    The last trace is one unseen point a cell, row by row, which a click can select: a heatmap has nothing to select.

    Args:
        confusion: shape (classes, classes), counts.
        classes: their names.
        shares: write the percentage of the row into each cell instead of the count.
        chosen: the cell to frame, as its true class and the answer.
        darkest: the share of a row that has the darkest brown, for matrices side by side; None for this one's largest.
        text_color: the page's colour of text, for numbers on pale cells; None for the chart's.
    """
    rows, share, right = confusion.sum(axis=1, keepdims=True), _shares(confusion), np.eye(len(classes), dtype=bool)
    worst = max(largest_mistake(confusion) if darkest is None else darkest, 0.05)
    # From -1, the most frequent mistake, over 0 to 1, a class that is always right
    shade = np.where(right, share, -np.maximum(share / worst, 1e-3))  # 0 itself would have the colour of right
    # Dark enough for white numbers from one half right on, pale enough for the page's text elsewhere
    steps = [(0.0, WRONG, 0.6), (0.4999, WRONG, 0.04), (0.5, RIGHT, 0.1), (0.7499, RIGHT, 0.35), (0.75, RIGHT, 0.85)]
    steps.append((1.0, RIGHT, 1.0))
    figure = go.Figure(
        go.Heatmap(
            z=shade, x=list(classes), y=list(classes), zmin=-1, zmax=1, xgap=2, ygap=2, showscale=False,
            colorscale=[[place, faded(colour, opacity)] for place, colour, opacity in steps], hoverinfo="skip",
        )
    )  # fmt: skip
    cells = [(i, j) for i in range(len(classes)) for j in range(len(classes))]
    numbers = []
    for i, j in cells:
        text = f"{100 * share[i, j]:.0f}" if shares else f"{confusion[i, j]}"
        font = {"size": 13} | (
            {"color": "white"} if i == j and share[i, j] >= 0.5 else {"color": text_color} if text_color else {}
        )
        numbers.append({"x": classes[j], "y": classes[i], "text": text, "showarrow": False, "font": font})
    figure.add_trace(
        go.Scatter(
            x=[classes[j] for _, j in cells], y=[classes[i] for i, _ in cells], mode="markers", name="cells",
            marker={"symbol": "square", "size": 30, "opacity": 0, "color": QUIET},
            selected={"marker": {"opacity": 0}}, unselected={"marker": {"opacity": 0}},
            customdata=[(f"{confusion[i, j]:,} of {int(rows[i, 0]):,}", f"{100 * share[i, j]:.1f}") for i, j in cells],
            hovertemplate="%{y}, called %{x}<br>%{customdata[0]}, %{customdata[1]} %<extra></extra>",
        )
    )  # fmt: skip
    if chosen is not None:
        row, column = classes.index(chosen[0]), classes.index(chosen[1])
        figure.add_shape(
            type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5,
            line={"color": text_color or EMOTION_COLOURS[Emotion.NEUTRAL], "width": 3},
        )  # fmt: skip
    figure.update_layout(
        height=430, margin=_MARGIN, dragmode=False, showlegend=False, hoverdistance=-1, hovermode="closest",
        clickmode="event+select", annotations=numbers,
    )  # fmt: skip
    figure.update_xaxes(**_AXIS, title={"text": "what the model says", "standoff": _STANDOFF}, tickfont={"size": 13})
    figure.update_yaxes(
        **_AXIS, autorange="reversed", title={"text": "what the label says", "standoff": _STANDOFF},
        tickfont={"size": 13},
    )  # fmt: skip
    return figure


def largest_mistake(confusion: IntArray) -> float:
    """The largest share of a row off the diagonal, from 0 to 1."""
    return float(_shares(confusion)[~np.eye(len(confusion), dtype=bool)].max(initial=0))


def _shares(confusion: IntArray) -> npt.NDArray[np.float64]:
    """Every count as a share of its row; 0 in a row without examples."""
    rows = confusion.sum(axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = np.divide(confusion, rows, out=np.zeros(confusion.shape), where=rows > 0)
    return shares


def class_bars(models: Mapping[str, Mapping[str, ClassScores]], *, measure: str) -> go.Figure:
    """One score of every class as bars, of one model or of two side by side; the more bars, the higher.

    Args:
        models: by the name of the model, the scores by the name of the class; the same classes for all.
        measure: "recall", "precision" or "f1".
    """
    figure = go.Figure()
    for number, (name, per_class) in enumerate(models.items()):
        percents = [100 * float(getattr(scores, measure)) for scores in per_class.values()]
        colours = [CLASS_COLOURS[label] for label in per_class]
        marker = {"color": colours, "cornerradius": 3} | ({"pattern": _STRIPES} if number else {})
        figure.add_trace(
            go.Bar(
                x=percents, y=list(per_class), orientation="h", name=name, marker=marker,
                text=[f"{value:.0f}" for value in percents], textposition="outside", cliponaxis=False,
                customdata=[scores.support for scores in per_class.values()],
                hovertemplate="%{y}: %{x:.1f} % of %{customdata:,}<extra>" + name + "</extra>"
                if measure == "recall" else "%{y}: %{x:.1f} %<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    figure.update_layout(
        height=60 + sum((18 + 20 // len(models)) * len(per_class) for per_class in models.values()),
        margin=_MARGIN | {"r": 30},
        bargap=0.25,
        bargroupgap=0.08,
        dragmode=False,
        showlegend=False,
    )
    figure.update_xaxes(**_PERCENTS, range=[0, 105], fixedrange=True, gridcolor=QUIET, zeroline=False, title="")
    figure.update_yaxes(**_AXIS, autorange="reversed", tickfont={"size": 14})
    return figure


def learning_curves(
    training: FloatArray, validation: FloatArray, *, best_epoch: int, label: str, top: float
) -> go.Figure:
    """One figure of a training over its epochs, on the pictures learnt from and on others.

    Args:
        training: shape (epochs,).
        validation: likewise, on PublicTest.
        best_epoch: the epoch that was kept, from 1; marked.
        label: of the axis.
        top: where the axis ends; the same for two models only where their figures can be compared.
    """
    epochs = np.arange(1, len(training) + 1)
    figure = go.Figure()
    for values, name, colour, dash in (
        (training, "training", WRONG, "dot"),
        (validation, "validation", RIGHT, "solid"),
    ):
        figure.add_trace(
            go.Scatter(
                x=epochs, y=np.round(values, 4), mode="lines", name=name,
                line={"color": colour, "width": 2.5, "dash": dash},
                hovertemplate=f"epoch %{{x}}: %{{y:.3f}}<extra>{name}</extra>",
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[best_epoch], y=[float(validation[best_epoch - 1])], mode="markers", name="kept",
            marker={"symbol": "circle", "size": 10, "color": RIGHT, "line": {"width": 2, "color": "white"}},
            hovertemplate=f"epoch {best_epoch}, kept: %{{y:.3f}}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(height=300, margin=_MARGIN, dragmode=False, legend=_LEGEND_ABOVE)
    figure.update_xaxes(fixedrange=True, showgrid=False, zeroline=False, title={"text": "epoch"}, rangemode="tozero")
    figure.update_yaxes(fixedrange=True, gridcolor=QUIET, zeroline=False, range=[0, top], title={"text": label})
    return figure


_LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": ""}


def reliability_diagram(found: Reliability) -> go.Figure:
    """How often a model is right, by how sure it is; an honest one lies on the diagonal.

    Args:
        found: of `evaluation.reliability`; small bins have small points.
    """
    filled = found.counts > 0
    confidence, accuracy = (100 * values[filled] for values in (found.confidence, found.accuracy))
    counts = found.counts[filled]
    figure = go.Figure(
        go.Scatter(
            x=[0, 100], y=[0, 100], mode="lines", name="honest", hoverinfo="skip",
            line={"color": GUIDE, "dash": "dot", "width": 2},
        )
    )  # fmt: skip
    many = counts >= 10  # a line through a bin of one answer would tell of chance
    figure.add_trace(
        go.Scatter(
            x=confidence[many], y=accuracy[many], mode="lines", name="line", hoverinfo="skip",
            line={"color": RIGHT, "width": 2},
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=np.round(confidence, 2), y=np.round(accuracy, 2), mode="markers", name="model",
            marker={"color": RIGHT, "size": 6 + 16 * np.sqrt(counts / counts.max()), "opacity": 0.9},
            customdata=counts,
            hovertemplate="%{x:.0f} % sure, %{y:.0f} % right<br>%{customdata:,} answers<extra></extra>",
        )
    )  # fmt: skip
    axis = _PERCENTS | {"range": [0, 103], "fixedrange": True}
    figure.update_layout(height=360, margin=_MARGIN, dragmode=False, showlegend=False)
    figure.update_xaxes(**axis, gridcolor=QUIET, zeroline=False, title={"text": "how sure the model is"})
    figure.update_yaxes(**axis, gridcolor=QUIET, zeroline=False, title={"text": "how often it is right"})
    return figure


def confidence_histogram(found: Reliability, *, most: int | None = None, height: int = 260) -> go.Figure:
    """How many answers a model gives at each level of sureness, right and wrong ones.

    Args:
        found: of `evaluation.reliability`.
        most: answers at one level that the axis has room for, for charts side by side; None for this one's.
        height: of the figure, in pixels.
    """
    right = np.rint(np.nan_to_num(found.accuracy) * found.counts)
    middles = 50 * (found.edges[:-1] + found.edges[1:])
    width = 100 * (found.edges[1] - found.edges[0])
    figure = go.Figure()
    for counts, name, colour in ((right, "right", RIGHT), (found.counts - right, "wrong", WRONG)):
        marker = {"color": colour} | ({"pattern": _STRIPES} if name == "wrong" else {})
        figure.add_trace(
            go.Bar(
                x=middles, y=counts, width=0.92 * width, name=name, marker=marker,
                hovertemplate=f"about %{{x:.0f}} % sure: %{{y:,}} {name}<extra></extra>",
            )
        )  # fmt: skip
    layout = {"height": height, "margin": _MARGIN | {"r": 24}, "barmode": "stack"}  # room for the last percentage
    figure.update_layout(**layout, dragmode=False, legend=_LEGEND_ABOVE)
    figure.update_xaxes(
        **_PERCENTS, range=[0, 101], fixedrange=True, showgrid=False, title={"text": "how sure the model is"},
    )  # fmt: skip
    end = None if most is None else [0, 1.05 * most]
    figure.update_yaxes(fixedrange=True, gridcolor=QUIET, zeroline=False, title={"text": "answers"}, range=end)
    return figure


_FOLD_DOT, _FOLD_ROW = 6, 60  # pixels: a point, and about what a row has of the figure


def fold_spread(models: Mapping[str, npt.NDArray[np.float64]]) -> go.Figure:
    """Every fold's accuracy as a point, a row a model, the mean as a line: how far a single split can be off.

    Args:
        models: by name, the accuracies of any shape, from 0 to 1.
    """
    figure = go.Figure()
    lines, numbers = [], []
    for number, (name, accuracies) in enumerate(models.items()):
        percents = np.sort(100 * accuracies.ravel())
        # Equal accuracies are stacked: folds of the same size have few different ones
        _, counts = np.unique(np.round(percents, 6), return_counts=True)
        places = np.concatenate([np.arange(count) - (count - 1) / 2 for count in counts])
        figure.add_trace(
            go.Scatter(
                x=percents, y=-number + places * (_FOLD_DOT + 1) / _FOLD_ROW, mode="markers", name=name,
                marker={"color": RIGHT, "size": _FOLD_DOT, "opacity": 0.85},
                hovertemplate="%{x:.1f} % in one fold<extra>" + name + "</extra>",
            )
        )  # fmt: skip
        mean = float(percents.mean())
        low, high = -number - 0.38, -number + 0.38
        lines.append(
            {"type": "line", "x0": mean, "x1": mean, "y0": low, "y1": high, "line": {"color": WRONG, "width": 3}}
        )
        above = {"x": mean, "y": high, "yanchor": "bottom", "showarrow": False}
        numbers.append(above | {"text": f"{mean:.1f} %", "font": {"size": 13}})
    figure.update_layout(
        height=60 + 70 * len(models), margin=_MARGIN, dragmode=False, showlegend=False, hovermode="closest",
        shapes=lines, annotations=numbers,
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True, gridcolor=QUIET, zeroline=False, title={"text": "right, % of the songs"})
    figure.update_yaxes(
        **_AXIS, range=[-len(models) + 0.4, 0.7], tickvals=[-number for number in range(len(models))],
        ticktext=list(models), tickfont={"size": 14},
    )  # fmt: skip
    return figure
