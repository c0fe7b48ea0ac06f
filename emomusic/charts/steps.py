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
from emomusic.charts.layout import lay_out, line
from emomusic.colours import EMOTION_COLOURS, HEAT, faded, rgb_of
from emomusic.faces.inspection import FeatureMaps, Occlusion
from emomusic.faces.who import Who
from emomusic.media.images import RgbImage, encode_png, to_network_input
from emomusic.runtime import Float32Array
from emomusic.songs.song import Pick

HEIGHT = 580  # pixels, of most drawings
LETTERS = 17  # pixels: the smallest font size
_BELOW_LABELS = 32  # pixels: a browser may draw before the page sets the large font, and the labels grow later
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
    side = len(face)
    points, middles = 100 * occlusion.drops, [start + occlusion.patch / 2 for start in occlusion.starts]
    text = np.full(points.shape, "", dtype=object)
    numbered = tuple(slice(place % 2, None, 2) for place in np.unravel_index(points.argmax(), points.shape))
    text[numbered] = [
        [f"{-round(value):+d}" if round(value) else "0" for value in row] for row in points[numbered].tolist()
    ]
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
    figure.update_xaxes(title_standoff=_BELOW_LABELS)
    figure.update_traces(textfont=font, selector=lambda trace: trace.type != "heatmap")
    for name, size in (("faces", 34), ("songs", 26)):
        figure.update_traces(marker_size=size, selector={"name": name})
    return figure


# Pictures

_SIDE = 1160  # pixels, of the network's input, twice the height of most drawings
_GAP = 6
_GAP_OF_STEPS = 8


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
