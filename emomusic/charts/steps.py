"""Charts and pictures of the How it works page, sized for a projector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from emomusic.affect import EMOTION_POINTS, EMOTIONS, EmotionProbabilities, affect_of, quadrant_of, share_text
from emomusic.charts.affect import FacePoint, SongPoint, circumplex, quadrant_shape
from emomusic.charts.layout import GRID, REVERSED, lay_out
from emomusic.colours import BOX_DROPPED, BOX_KEPT, EMOTION_COLOURS, HEAT, RIGHT, WRONG, faded, rgb_of
from emomusic.faces.detection import Landmarks
from emomusic.faces.inspection import FeatureMaps, Insight
from emomusic.faces.mtcnn import Boxes
from emomusic.marks.drawing import Mark, MarkStyle, draw_marks
from emomusic.media.images import Box, RgbImage, to_network_input
from emomusic.runtime import Float32Array

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


# Pictures

_SIDE = 1160  # pixels, of the network's input, twice the height of most drawings
_GAP = 6
_GAP_OF_STEPS = 8
_PROJECTED = MarkStyle(120, (3, 30, 22), True, 20.0)  # frames and labels for the last row of a class
_MAX_THICK_BOXES = 30  # more thick boxes would hide the image
_MAX_NAMED_BOXES = 8


def boxes_on_picture(
    image: RgbImage, dropped: Boxes, kept: Boxes, *, scale: float = 1.0, landmarks: Sequence[Landmarks] = ()
) -> RgbImage:
    """Draw the boxes of one of the detector's networks: dropped ones thin, kept ones thick, and landmarks as dots.

    A few kept boxes also have their confidence.

    Args:
        image: the displayed image.
        dropped: boxes in pixels of the original image.
        kept: boxes in pixels of the original image.
        scale: size of `image` as a share of the original's.
        landmarks: in pixels of the original image.
    """
    picture = image.copy()
    line = max(2, round(max(image.shape) / 450))
    # Hundreds of boxes would hide the face
    _draw_boxes(picture, dropped.corners * scale, BOX_DROPPED, line if len(dropped) <= 2 * _MAX_THICK_BOXES else 1)
    picture = np.asarray(cv2.addWeighted(image, 0.35, picture, 0.65, 0), np.uint8)  # keeps faces visible below boxes
    if len(kept) > _MAX_THICK_BOXES:
        _draw_boxes(picture, kept.corners * scale, BOX_KEPT, line)
        return picture
    marks = []
    for corners, confidence in zip((kept.corners * scale).round().astype(int).tolist(), kept.confidence, strict=True):
        left, top, right, bottom = corners
        box = Box(left, top, max(right - left, 1), max(bottom - top, 1))
        marks.append(Mark(box, _percent(float(confidence)) if len(kept) <= _MAX_NAMED_BOXES else "", BOX_KEPT))
    draw_marks(picture, marks, _PROJECTED)
    for face in landmarks:
        for x, y in face:
            centre = (round(x * scale), round(y * scale))
            cv2.circle(picture, centre, 3 * line + 2, (0, 0, 0), -1, cv2.LINE_AA)
            cv2.circle(picture, centre, 3 * line, rgb_of(BOX_KEPT), -1, cv2.LINE_AA)
    return picture


def _percent(confidence: float) -> str:
    return "> 99.9 %" if confidence > 0.9995 else f"{100 * confidence:.1f} %"  # no detection is certain


def _draw_boxes(picture: RgbImage, corners: npt.NDArray[np.float64], colour: str, line: int) -> None:
    for left, top, right, bottom in corners.round().astype(int).tolist():
        cv2.rectangle(picture, (left, top), (right, bottom), rgb_of(colour), line, cv2.LINE_AA)


def crop_steps(crop: RgbImage, network_input: npt.NDArray[np.uint8]) -> RgbImage:
    """A square face in colour above the same in grey, and to their right the pixels that the network receives."""
    width = max(_SIDE // len(network_input), 1) * len(network_input)  # equal squares need a multiple
    pixels = np.repeat(cv2.resize(network_input, (width, width), interpolation=cv2.INTER_NEAREST)[..., None], 3, axis=2)
    small = (len(pixels) - _GAP_OF_STEPS) // 2
    colour = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
    grey = np.repeat(to_network_input([crop], small)[0], 3, axis=2)
    left = np.full((len(pixels), small, 3), 128, np.uint8)
    left[:small], left[-small:] = colour, grey
    return np.concatenate([left, np.full((len(pixels), _GAP_OF_STEPS, 3), 128, np.uint8), pixels], axis=1)


def heat_on_face(face: npt.NDArray[np.uint8], heat: Float32Array, side: int) -> RgbImage:
    """A face coloured by the relevance of each pixel, from dark (none or negative) to light (most).

    `face` and `heat` have the shape (n, n); `side` is that of the result, in pixels.
    """
    grey = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)[..., None].astype(np.float32)
    share = np.maximum(heat, 0) / max(float(heat.max()), 1e-12)
    colours = _heat_colours(cv2.resize(share.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR))
    mixed: RgbImage = (0.45 * grey + 0.55 * colours).clip(0, 255).astype(np.uint8)
    return mixed


def map_strip(level: FeatureMaps, tile: int) -> RgbImage:
    """The feature maps of one layer side by side, each scaled from its minimum (dark) to its maximum (light)."""
    tiles = []
    for values in level.maps:
        span = max(float(np.ptp(values)), 1e-12)
        large = cv2.resize((values - values.min()) / span, (tile, tile), interpolation=cv2.INTER_NEAREST)
        tiles += [_heat_colours(large), np.full((tile, _GAP, 3), np.nan)]
    strip = np.concatenate(tiles[:-1], axis=1)
    # Transparent gaps suit both themes
    alpha = np.where(np.isnan(strip[..., :1]), 0, 255)
    return np.concatenate([np.nan_to_num(strip), alpha], axis=2).round().astype(np.uint8)


def _heat_colours(share: Float32Array) -> npt.NDArray[np.float64]:
    """Shape (h, w), 0 to 1, to shape (h, w, 3), 0 to 255."""
    stops = np.array([rgb_of(colour) for colour in HEAT], np.float64)
    levels = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(share, levels, stops[:, channel]) for channel in range(3)], axis=-1)
