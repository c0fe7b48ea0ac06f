"""Charts of model quality: confusion matrix, class scores, learning curves, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.affect import Emotion
from emomusic.charts.colours import CLASS_COLOURS, EMOTION_COLOURS, GUIDE, QUIET, RIGHT, WRONG, faded
from emomusic.charts.layout import GRID, PERCENTS, REVERSED, axis_title, lay_out
from emomusic.metrics import ClassScores, FloatArray, IntArray, Reliability, accuracy_interval
from emomusic.records import FaceBin

_STANDOFF = 18  # pixels from the names of classes to the title of their axis

# Pattern of the second model or of wrong answers
_STRIPES = {"shape": "/", "size": 6, "solidity": 0.35, "fillmode": "replace"}


def confusion_map(
    confusion: IntArray,
    classes: Sequence[str],
    *,
    chosen: tuple[str, str] | None,
    darkest: float,
    text_color: str | None,
) -> go.Figure:
    """A confusion matrix: true classes as rows, predictions as columns; correct cells cold, mistakes warm.

    Plotly cannot select heatmap cells, so the last trace has one invisible, selectable point per cell, row by row.

    Args:
        confusion: shape (classes, classes), counts.
        classes: names of the classes.
        chosen: the cell to frame, as true class and predicted class.
        darkest: the share of a row with the darkest brown, for comparable matrices.
        text_color: text colour of the page, for the frame; None for grey.
    """
    rows, share, right = confusion.sum(axis=1, keepdims=True), _shares(confusion), np.eye(len(classes), dtype=bool)
    worst = max(darkest, 0.05)
    # -1 is the most frequent mistake, 1 a class that is always correct
    shade = np.where(right, share, -np.maximum(share / worst, 1e-3))  # 0 has the colour of a correct cell
    # White numbers are legible on diagonal shares from 0.5 up, the page's text on all other cells
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
        text = f"{100 * share[i, j]:.0f}"
        font = {"size": 13} | ({"color": "white"} if i == j and share[i, j] >= 0.5 else {})
        numbers.append({"x": classes[j], "y": classes[i], "text": text, "showarrow": False, "font": font})
    figure.add_trace(
        go.Scatter(
            x=[classes[j] for _, j in cells], y=[classes[i] for i, _ in cells], mode="markers", name="cells",
            marker={"symbol": "square", "size": 30, "opacity": 0, "color": QUIET},
            selected={"marker": {"opacity": 0}}, unselected={"marker": {"opacity": 0}},
            customdata=[(f"{confusion[i, j]:,} of {int(rows[i, 0]):,}", f"{100 * share[i, j]:.1f}") for i, j in cells],
            hovertemplate="%{y}, predicted %{x}<br>%{customdata[0]}, %{customdata[1]} %<extra></extra>",
        )
    )  # fmt: skip
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
        hoverdistance=-1,
        hovermode="closest",
        clickmode="event+select",
        annotations=numbers,
    )


def largest_mistake(confusion: IntArray) -> float:
    """The largest off-diagonal share of a row, from 0 to 1."""
    return float(_shares(confusion)[~np.eye(len(confusion), dtype=bool)].max(initial=0))


def _shares(confusion: IntArray) -> npt.NDArray[np.float64]:
    """Counts as shares of their row; 0 in a row without examples."""
    rows = confusion.sum(axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = np.divide(confusion, rows, out=np.zeros(confusion.shape), where=rows > 0)
    return shares


def recall_bars(models: Mapping[str, Mapping[str, ClassScores]]) -> go.Figure:
    """Bars of the recall of every class, for one model name or two side by side."""
    figure = go.Figure()
    for number, (name, per_class) in enumerate(models.items()):
        percents = [100 * scores.recall for scores in per_class.values()]
        colours = [CLASS_COLOURS[label] for label in per_class]
        marker = {"color": colours, "cornerradius": 3} | ({"pattern": _STRIPES} if number else {})
        figure.add_trace(
            go.Bar(
                x=percents, y=list(per_class), orientation="h", name=name, marker=marker,
                text=[f"{value:.0f}" for value in percents], textposition="outside", cliponaxis=False,
                customdata=[scores.support for scores in per_class.values()],
                hovertemplate="%{y}: %{x:.1f} % of %{customdata:,}<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    return lay_out(
        figure,
        60 + sum((18 + 20 // len(models)) * len(per_class) for per_class in models.values()),
        x=PERCENTS | GRID | {"range": [0, 105], "title": ""},
        y=REVERSED | {"tickfont": {"size": 14}},
        margin={"r": 30},
        bargap=0.25,
        bargroupgap=0.08,
    )


_BIN_ROW = 30  # pixels


def accuracy_by_group(models: Mapping[str, Mapping[str, Sequence[FaceBin]]]) -> go.Figure:
    """Accuracy on bins of faces as points with their 95 % intervals, for one model or two.

    Args:
        models: bins by model name and by the title of their group. Empty bins are left out.
    """
    places, labels, headings = _bin_places(models)
    figure = go.Figure()
    for number, (model, groups) in enumerate(models.items()):
        shown = [(title, faces) for title, bins in groups.items() for faces in bins if faces.n]
        if not shown:
            continue
        share = np.array([faces.accuracy for _, faces in shown])
        low, high = np.array([_interval(faces) for _, faces in shown]).T
        offset = 0.0 if len(models) == 1 else 0.4 * (number - 0.5)
        y = [places[title, faces.name] + offset for title, faces in shown]
        figure.add_trace(
            go.Scatter(
                x=100 * share, y=y, mode="markers", name=model, cliponaxis=False,
                marker={"color": RIGHT, "size": 11, "symbol": "diamond-open" if number else "circle"},
                error_x={
                    "array": np.maximum(100 * (high - share), 0), "arrayminus": np.maximum(100 * (share - low), 0),
                    "color": RIGHT, "thickness": 1.5, "width": 0,
                },
                customdata=[
                    (faces.name, f"{faces.n:,}", f"{100 * start:.1f} to {100 * end:.1f}")
                    for (_, faces), start, end in zip(shown, low, high, strict=True)
                ],
                hovertemplate="%{customdata[0]}: %{x:.1f} % of %{customdata[1]} (%{customdata[2]})"
                f"<extra>{model}</extra>",
            )
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=100 * np.maximum(high, share + 0.03), y=y, mode="text", name=f"{model}, numbers",
                text=[f"\N{NO-BREAK SPACE}{100 * each:.0f}" for each in share],
                textposition="middle right", textfont={"size": 13}, cliponaxis=False, hoverinfo="skip",
            )
        )  # fmt: skip
    last = max(places.values(), default=0.0)
    rows = {"range": [last + 0.7, -0.7], "tickvals": list(places.values()), "ticktext": labels}
    return lay_out(
        figure,
        round(70 + _BIN_ROW * (last + 1) * (1.0 if len(models) == 1 else 1.4)),
        x=PERCENTS | GRID | {"range": [-2, 108], "title": "accuracy"},
        y=rows | {"tickfont": {"size": 14}},
        margin={"r": 24},
        hovermode="closest",
        annotations=headings,
    )


def _interval(faces: FaceBin) -> tuple[float, float]:
    """The 95 % interval of the accuracy on a bin that is not empty."""
    return accuracy_interval(round(faces.accuracy * faces.n), faces.n)


def _bin_places(
    models: Mapping[str, Mapping[str, Sequence[FaceBin]]],
) -> tuple[dict[tuple[str, str], float], list[str], list[dict[str, Any]]]:
    """The row of each bin, by the title of its group and its name, its label, and a heading above each group."""
    groups: dict[str, dict[str, dict[str, None]]] = {}  # the different sizes of each bin
    for named in models.values():
        for title, bins in named.items():
            for faces in bins:
                if faces.n:
                    groups.setdefault(title, {}).setdefault(faces.name, {})[f"{faces.n:,}"] = None
    places: dict[tuple[str, str], float] = {}
    labels, headings = [], []
    row = 0.0
    for title, sizes in groups.items():
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row}
        headings.append(place | {"text": f"<b>{title}</b>", "showarrow": False})
        places |= {(title, name): row + number for number, name in enumerate(sizes, 1)}
        labels += [f"{name}, {' / '.join(numbers)}" for name, numbers in sizes.items()]
        row += len(sizes) + 1.4
    return places, labels, headings


def learning_curves(
    training: FloatArray,
    validation: FloatArray,
    *,
    best_epoch: int,
    label: str,
    top: float,
    last_epochs: Sequence[int],
) -> go.Figure:
    """A metric over the epochs of a training, on the training and the validation set.

    Args:
        training: shape (epochs,).
        validation: shape (epochs,), on PublicTest.
        best_epoch: the epoch of the saved checkpoint, from 1; marked.
        label: title of the y axis.
        top: upper limit of the y axis.
        last_epochs: the last epoch of each training stage; a line separates stages.
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
            x=[best_epoch], y=[float(validation[best_epoch - 1])], mode="markers", name="best",
            marker={"symbol": "circle", "size": 10, "color": RIGHT, "line": {"width": 2, "color": "white"}},
            hovertemplate=f"best epoch {best_epoch}: %{{y:.3f}}<extra></extra>",
        )
    )  # fmt: skip
    for last in last_epochs[:-1]:
        figure.add_vline(last + 0.5, line={"color": GUIDE, "width": 1})
    return lay_out(
        figure,
        300,
        x={"title": "epoch", "rangemode": "tozero"},
        y=GRID | {"range": [0, top], "title": label},
        **_LEGEND_ABOVE,
    )


_LEGEND_ABOVE: dict[str, Any] = {
    "showlegend": True,
    "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": ""},
}


def reliability_diagram(found: Reliability) -> go.Figure:
    """Accuracy by confidence; a calibrated model lies on the diagonal. Bins with few answers have small points."""
    filled = found.counts > 0
    confidence, accuracy = (100 * values[filled] for values in (found.confidence, found.accuracy))
    counts = found.counts[filled]
    figure = go.Figure(
        go.Scatter(
            x=[0, 100], y=[0, 100], mode="lines", name="calibrated", hoverinfo="skip",
            line={"color": GUIDE, "dash": "dot", "width": 2},
        )
    )  # fmt: skip
    many = counts >= 10  # the accuracy of smaller bins is noise
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
            hovertemplate="confidence %{x:.0f} %, accuracy %{y:.0f} %<br>%{customdata:,} answers<extra></extra>",
        )
    )  # fmt: skip
    axis = PERCENTS | GRID | {"range": [0, 103]}
    return lay_out(figure, 360, x=axis | {"title": "confidence"}, y=axis | {"title": "accuracy"})


def confidence_histogram(found: Reliability, *, most: int, height: int) -> go.Figure:
    """Number of correct and wrong answers by confidence, with an axis for `most` answers, for comparable charts."""
    right = np.rint(np.nan_to_num(found.accuracy) * found.counts)
    middles = 50 * (found.edges[:-1] + found.edges[1:])
    width = 100 * (found.edges[1] - found.edges[0])
    figure = go.Figure()
    for counts, name, colour in ((right, "right", RIGHT), (found.counts - right, "wrong", WRONG)):
        marker = {"color": colour} | ({"pattern": _STRIPES} if name == "wrong" else {})
        figure.add_trace(
            go.Bar(
                x=middles, y=counts, width=0.92 * width, name=name, marker=marker,
                hovertemplate=f"confidence about %{{x:.0f}} %: %{{y:,}} {name}<extra></extra>",
            )
        )  # fmt: skip
    return lay_out(
        figure,
        height,
        x=PERCENTS | {"range": [0, 101], "title": "confidence"},
        y=GRID | {"range": [0, 1.05 * most], "title": "answers"},
        margin={"r": 24},  # space for the last tick label
        barmode="stack",
        **_LEGEND_ABOVE,
    )


def fold_spread(models: Mapping[str, npt.NDArray[np.float64]]) -> go.Figure:
    """Accuracy of every fold as a point, with quartiles and the mean, one row per model name."""
    figure = go.Figure()
    for name, accuracies in models.items():
        percents = 100 * accuracies.ravel()
        figure.add_trace(
            go.Box(
                x=percents, name=f"{name}<br>{percents.mean():.1f} %", orientation="h", boxpoints="all", boxmean=True,
                pointpos=0, jitter=0.8, fillcolor="rgba(0, 0, 0, 0)", line={"color": WRONG, "width": 2},
                marker={"color": RIGHT, "size": 6, "opacity": 0.85}, hoveron="points",
                hovertemplate="%{x:.1f} % in one fold<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    height = 60 + 70 * len(models)
    return lay_out(figure, height, x=GRID | {"title": "accuracy, %"}, y=REVERSED | {"tickfont": {"size": 14}})
