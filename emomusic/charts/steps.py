"""Charts of the How it works page, sized for a projector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.affect import EMOTION_POINTS, EMOTIONS, EmotionProbabilities, affect_of, quadrant_of, share_text
from emomusic.charts.affect import FacePoint, SongPoint, circumplex, quadrant_shape
from emomusic.charts.colours import EMOTION_COLOURS, HEAT, RIGHT, WRONG, faded
from emomusic.charts.layout import GRID, REVERSED, lay_out
from emomusic.faces.inspection import Insight

HEIGHT = 580  # pixels, of most drawings
LETTERS = 17  # pixels: the smallest font size
LEAST_WEIGHT = 0.01  # smallest probability with a line on the plane


def logit_bars(insight: Insight, probabilities: npt.NDArray[np.float64]) -> go.Figure:
    """Logits of the network on the left, the given probabilities and those before calibration on the right."""
    names = [emotion.value for emotion in EMOTIONS]
    colours = [EMOTION_COLOURS[emotion] for emotion in EMOTIONS]
    percents, before = 100 * probabilities, 100 * insight.averaged
    figure = go.Figure()
    for number, (title, row) in enumerate(zip(("the face", "its mirror image"), insight.logits, strict=False)):
        figure.add_bar(
            x=row.tolist(), y=names, orientation="h", name=title, xaxis="x", yaxis="y", offsetgroup=str(number),
            marker={"color": colours if number == 0 else [faded(colour, 0.45) for colour in colours]},
            hovertemplate=f"%{{y}}, {title}: %{{x:.2f}}<extra></extra>",
        )  # fmt: skip
    figure.add_bar(
        x=percents.tolist(), y=names, orientation="h", name="probability", xaxis="x2", yaxis="y2",
        marker={"color": colours}, hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )  # fmt: skip
    # The light rim separates the stroke from a grey bar
    for name, width, colour in (("rim", 7, "#FFFFFF"), ("before", 3, "#5A5A63")):
        figure.add_scatter(
            x=before.tolist(), y=names, mode="markers", name=name, xaxis="x2", yaxis="y2",
            marker={"symbol": "line-ns", "size": 24, "line": {"width": width, "color": colour}},
            hovertemplate="%{y}, before: %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    # To the right of both the bar and the stroke
    figure.add_scatter(
        x=np.maximum(percents, before).tolist(), y=names, mode="text", name="shares", xaxis="x2", yaxis="y2",
        text=[f"  {share_text(value / 100)}" for value in percents.tolist()], textposition="middle right",
        cliponaxis=False, hoverinfo="skip",
    )  # fmt: skip
    heading = {"y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "showarrow": False}
    # Explicit: otherwise bars and strokes give the two panels different rows
    lay_out(
        figure,
        HEIGHT - 40,
        x={},
        y={"range": [len(names) - 0.5, -0.5]},
        margin={"t": 40, "b": 48},
        bargap=0.25,
        xaxis=GRID | {"domain": [0, 0.46], "title": "logits, no unit"},
        xaxis2={"domain": [0.54, 1], "range": [0, 160], "visible": False},
        yaxis2={"anchor": "x2", "showticklabels": False},
        annotations=[
            heading | {"x": x, "text": text} for x, text in ((0, "<b>Scores</b>"), (0.54, "<b>Probabilities</b>"))
        ],
    )
    return readable(figure)


def face_on_plane(
    probabilities: EmotionProbabilities,
    label: str,
    *,
    weights: bool = False,
    quadrant: bool = False,
    songs: Sequence[SongPoint] = (),
) -> go.Figure:
    """The plane with a face and its songs.

    `weights` draws a line to each emotion of at least `LEAST_WEIGHT`, as wide as it is probable; `quadrant` highlights
    the quadrant, or the neutral centre, of the face.
    """
    point = affect_of(probabilities)
    figure = circumplex([FacePoint(label, point, probabilities.emotion)], songs, height=HEIGHT)
    if weights:
        figure.layout.shapes += tuple(
            {
                "type": "line", "x0": point.valence, "y0": point.arousal, "x1": end.valence, "y1": end.arousal,
                "line": {"color": faded(EMOTION_COLOURS[emotion], 0.8), "width": 1 + 14 * share}, "layer": "below",
                "name": emotion.value,
            }
            for emotion, end in EMOTION_POINTS.items()
            if (share := probabilities[emotion]) >= LEAST_WEIGHT
        )  # fmt: skip
    if quadrant:
        figure.add_shape(quadrant_shape(quadrant_of(point), 0.3), name="lit")
    return readable(figure)


def pixel_grid(grey: npt.NDArray[np.uint8]) -> go.Figure:
    """The brightness of pixels, with numbers if they are large enough. `grey` is square."""
    figure = go.Figure().add_heatmap(
        z=grey, zmin=0, zmax=255, colorscale=[[0, "black"], [1, "white"]], showscale=False, xgap=1, ygap=1,
        texttemplate="%{z}" if len(grey) <= _MOST_NUMBERS else None,
        hovertemplate="%{z} of 255<extra></extra>",
    )  # fmt: skip
    square = {"visible": False, "constrain": "domain"}
    return readable(lay_out(figure, HEIGHT, x=square, y=square | REVERSED | {"scaleanchor": "x"}))


_MOST_NUMBERS = 16  # in a row


def band_curves(styles: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> go.Figure:
    """What the network of sound hears by what the band was asked for: a solid and a dashed line for each style.

    Args:
        styles: pairs of an asked and a heard value from -1 to 1, by "valence" and "arousal", by name of the style.
    """
    figure = go.Figure()
    for colour, place, (name, heard) in zip((RIGHT, WRONG), ("bottom", "top"), styles.items(), strict=False):
        for axis, dash in (("valence", "solid"), ("arousal", "dash")):
            x, y = zip(*heard[axis], strict=True)
            text = [""] * (len(x) - 1) + [f" {name}, {axis}"]
            figure.add_scatter(
                x=x, y=y, mode="lines+markers+text", name=f"{name}, {axis}", text=text, cliponaxis=False,
                textposition=f"{place} right", line={"color": colour, "width": 3, "dash": dash},
                hovertemplate="asked %{x}, heard %{y:.2f}<extra></extra>",
            )  # fmt: skip
    ends = {"range": [-1, 1]}
    lay_out(
        figure, HEIGHT - 60, x=GRID | ends | {"title": "the face, from -1 to 1"}, y=GRID | ends | {"title": "heard"},
        margin={"b": 48, "r": 60},
    )  # fmt: skip
    return readable(figure)


def heard_song(mels: npt.NDArray[np.float32], duration_s: float) -> go.Figure:
    """The sound of a song: loudness by time and pitch. `mels` is from `songs.hearing.spectrogram_of`."""
    frames, bands = mels.shape
    step = -(-frames // _MAX_COLUMNS)
    columns = mels[: frames // step * step].reshape(-1, step, bands).mean(axis=1)
    loudness = np.interp(columns, (columns.min(), columns.max()), (0, 255)).round().astype(np.uint8).T
    figure = go.Figure().add_heatmap(
        z=loudness, dx=duration_s / loudness.shape[1], showscale=False, hoverinfo="skip",
        colorscale=[[number / (len(HEAT) - 1), colour] for number, colour in enumerate(HEAT)],
    )  # fmt: skip
    labels = {"tickvals": [bands * height for height in _PITCHES.values()], "ticktext": [f"{hz:,}" for hz in _PITCHES]}
    lay_out(
        figure,
        HEIGHT - 120,
        x={"title": "time, s", "range": [0, duration_s]},
        y=labels | {"title": "pitch, Hz", "range": [0, bands]},
        margin={"b": 48},
    )
    return readable(figure)


_MAX_COLUMNS = 360

_PITCHES = {100: 0.033, 500: 0.166, 1000: 0.332, 2000: 0.554, 4000: 0.777}
"""Heights in the spectrogram by pitch in Hz, from 0 to 1 at 8,000 Hz, on Slaney's mel scale."""


def readable(figure: go.Figure) -> go.Figure:
    """The figure with larger text and marks for a projector."""
    font = {"size": LETTERS}
    figure.update_layout(font=font)
    figure.update_annotations(font={"size": LETTERS - 2})  # two of them share a phone's width
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis.update(tickfont=font, title={"font": font})
    for trace in figure.data:
        if trace.type == "heatmap":
            continue
        on_colour = trace.name in ("faces", "songs")  # their text colour depends on the mark's colour
        trace.textfont = {"size": LETTERS, "color": trace.textfont.color} if on_colour else font
    for name, size in (("faces", 34), ("songs", 26)):
        for trace in figure.select_traces({"name": name}):
            trace.marker.size = size
    return figure
