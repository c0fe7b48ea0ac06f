"""Pictures of the How it works page, sized for a projector."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.charts.colours import BOX_DROPPED, BOX_KEPT, HEAT, rgb_of
from emomusic.faces.detection import Landmarks
from emomusic.faces.inspection import FeatureMaps
from emomusic.faces.mtcnn import Boxes
from emomusic.marks.drawing import Look, Mark, draw_marks
from emomusic.media.images import Box, RgbImage, to_network_input
from emomusic.runtime import Float32Array

_SIDE = 1160  # pixels, of the network's input, twice the height of most drawings
_GAP = 6
_GAP_OF_STEPS = 8
_PROJECTED = Look(120, (3, 30, 22), True, 20.0)  # frames and labels for the last row of a class
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
