"""Charts and pictures of the How it works page, sized for a projector."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emomusic.affect import EMOTION_POINTS, EmotionProbabilities
from emomusic.charts.affect import FacePoint, circumplex
from emomusic.charts.layout import REVERSED, lay_out, line
from emomusic.colours import BOX_DROPPED, BOX_KEPT, EMOTION_COLOURS, HEAT, faded, rgb_of
from emomusic.faces.detection import Landmarks
from emomusic.faces.inspection import FeatureMaps, Occlusion
from emomusic.faces.mtcnn import Boxes
from emomusic.faces.who import Who
from emomusic.marks.drawing import Mark, MarkStyle, draw_marks
from emomusic.media.images import Box, RgbImage, encode_png, to_network_input
from emomusic.runtime import Float32Array
from emomusic.songs.song import Pick

HEIGHT = 580  # pixels, of most drawings
LETTERS = 17  # pixels: the smallest font size
_LEAST_WEIGHT = 0.01  # smallest probability with a line on the plane


def face_on_plane(
    probabilities: EmotionProbabilities,
    who: Who,
    *,
    weights: bool = False,
    picks: Sequence[Pick] = (),
) -> go.Figure:
    """The plane with a face and its songs; `weights` draws a line to each emotion, as wide as it is probable."""
    point = probabilities.point
    figure = circumplex([FacePoint(who, point, probabilities.emotion)], picks, height=HEIGHT)
    if weights:
        for emotion, end in EMOTION_POINTS.items():
            if (share := probabilities[emotion]) >= _LEAST_WEIGHT:
                way = {"color": faded(EMOTION_COLOURS[emotion], 0.8), "width": 1 + 14 * share}
                shape = line((point.valence, end.valence), (point.arousal, end.arousal), **way)
                figure.layout.shapes += (shape | {"name": emotion.value},)
    return readable(figure)


def heats(face: npt.NDArray[np.uint8], grad_cam: Float32Array, occlusion: Occlusion) -> go.Figure:
    """A face twice: with Grad-CAM, and with the change of the answer, in points, if a square covers a part.

    `face` and `grad_cam` have the shape (n, n).
    """
    side, step = len(face), 2
    points, middles = 100 * occlusion.drops, [start + occlusion.patch / 2 for start in occlusion.starts]
    text = np.full(points.shape, "", dtype=object)
    text[::step, ::step] = [[f"{-value:+.0f}" for value in row] for row in points[::step, ::step].tolist()]
    heat: dict[str, Any] = {"colorscale": list(HEAT), "opacity": 0.55, "zmin": 0, "zsmooth": "best", "showscale": False}
    pixels = np.arange(side) + 0.5
    figure = make_subplots(
        cols=2, horizontal_spacing=0.02, subplot_titles=("Grad-CAM", "Occlusion: change in points")
    ).add_heatmap(z=grad_cam, x=pixels, y=pixels, hoverinfo="skip", **heat, row=1, col=1)
    figure.add_heatmap(
        z=points, x=middles, y=middles, row=1, col=2, zmax=max(float(points.max()), 1), **heat,
        text=text, texttemplate="<b>%{text}</b>", textfont={"size": LETTERS, "color": "white"},
        hovertemplate="%{z:.1f} points lower<extra></extra>",
    )  # fmt: skip
    figure.add_layout_image(
        source=picture_address(face), x=0, y=0, sizex=side, sizey=side, layer="below", yanchor="top", row=1, col="all"
    )
    hidden = {"visible": False, "constrain": "domain"}
    lay_out(figure, HEIGHT - 120, x=hidden | {"range": [0, side]}, y=hidden | {"range": [side, 0]}, margin={"t": 34})
    figure.update_layout(yaxis_scaleanchor="x", yaxis2_scaleanchor="x2")
    return readable(figure)


def picture_address(grey: npt.NDArray[np.uint8]) -> str:
    """The address of a grey picture: a data URI."""
    return f"data:image/png;base64,{b64encode(encode_png(grey)).decode()}"


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


def heard_song(mels: npt.NDArray[np.float32], duration_s: float) -> go.Figure:
    """The sound of a song: loudness by time and pitch. `mels` is from `songs.hearing.spectrogram_of`."""
    frames, bands = mels.shape
    step = -(-frames // _MAX_COLUMNS)
    columns = mels[: frames // step * step].reshape(-1, step, bands).mean(axis=1)
    loudness = np.interp(columns, (columns.min(), columns.max()), (0, 255)).round().astype(np.uint8).T
    figure = go.Figure().add_heatmap(
        z=loudness, dx=duration_s / loudness.shape[1], showscale=False, hoverinfo="skip",
        colorscale=list(HEAT),
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
    figure.update_traces(textfont=font, selector=lambda trace: trace.type != "heatmap")
    for name, size in (("faces", 34), ("songs", 26)):
        figure.update_traces(marker_size=size, selector={"name": name})
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
        text = "> 99.9 %" if confidence > 0.9995 else f"{100 * confidence:.1f} %"  # no detection is certain
        marks.append(Mark(box, text if len(kept) <= _MAX_NAMED_BOXES else "", BOX_KEPT))
    draw_marks(picture, marks, _PROJECTED)
    for face in landmarks:
        for x, y in face:
            centre = (round(x * scale), round(y * scale))
            cv2.circle(picture, centre, 3 * line + 2, (0, 0, 0), -1, cv2.LINE_AA)
            cv2.circle(picture, centre, 3 * line, rgb_of(BOX_KEPT), -1, cv2.LINE_AA)
    return picture


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


def map_strip(level: FeatureMaps, tile: int) -> RgbImage:
    """The feature maps of one layer side by side, each scaled from its minimum (dark) to its maximum (light)."""
    tiles, stops = [], np.array([rgb_of(colour) for colour in HEAT], np.float64)
    for values in level.maps:
        span = max(float(np.ptp(values)), 1e-12)
        large = cv2.resize((values - values.min()) / span, (tile, tile), interpolation=cv2.INTER_NEAREST)
        colours = [np.interp(large, np.linspace(0, 1, len(stops)), channel) for channel in stops.T]
        tiles += [np.stack(colours, axis=-1), np.full((tile, _GAP, 3), np.nan)]
    strip = np.concatenate(tiles[:-1], axis=1)
    # Transparent gaps suit both themes
    alpha = np.where(np.isnan(strip[..., :1]), 0, 255)
    return np.concatenate([np.nan_to_num(strip), alpha], axis=2).round().astype(np.uint8)
