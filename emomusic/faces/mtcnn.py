"""Box arithmetic of MTCNN, as in the package `mtcnn` 1.0.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", IEEE Signal
Processing Letters 23(10), 2016.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from emomusic.media.images import RgbImage

Float64Array = npt.NDArray[np.float64]

# P-Net returns a map of boxes of 12 pixels with a stride of 2.
_CELL, _STRIDE = 12, 2
_FIRST_SCALE = 12 / 20
_LARGEST_FROM_SUMS = 0.25  # OpenCV is faster for larger copies

MAX_BOXES = 8000
"""Suppression keeps at most this many boxes, those of highest confidence. A page of 400 portraits gives 6,400."""

_MAX_PAIRS = 2**18  # bounds memory


def level(pixels: npt.NDArray[np.float32], sums: npt.NDArray[np.int32], scale: float) -> npt.NDArray[np.float32]:
    """A smaller copy of an image for P-Net, -1 to 1, whose samples are means of areas, as with `cv2.INTER_AREA`.

    OpenCV reads the whole image for each copy. Sums at the corners of the areas give the same values of a small copy
    much sooner.

    Args:
        pixels: shape (height, width, 3), float32, 0 to 255.
        sums: the sums of the pixels above and to the left of each corner, shape (height + 1, width + 1, 3), int32.
        scale: the size of the copy, relative to the image.
    """
    height, width = pixels.shape[:2]
    num_rows, num_columns = int(height * scale), int(width * scale)
    if scale >= _LARGEST_FROM_SUMS:
        return _normalize(cv2.resize(pixels, (num_columns, num_rows), interpolation=cv2.INTER_AREA))
    # The corners of areas lie between those of pixels
    (top, below), (left, after) = _corners(height, num_rows), _corners(width, num_columns)
    upper, lower = sums.take(top, axis=0), sums.take(top + 1, axis=0)
    first, second = (
        _between(upper.take(columns, axis=1), lower.take(columns, axis=1), below[:, None, None])
        for columns in (left, left + 1)
    )
    areas = np.diff(np.diff(_between(first, second, after[:, None]), axis=0), axis=1)
    areas *= num_rows * num_columns / (height * width)
    return _normalize(areas.astype(np.float32))


def _corners(length: int, count: int) -> tuple[npt.NDArray[np.intp], Float64Array]:
    """The corners of equal parts of a length: whole numbers, and the rest of 0 to 1."""
    corners = np.linspace(0, length, count + 1)
    whole = np.minimum(corners.astype(np.intp), length - 1)
    return whole, corners - whole


def _between(first: npt.NDArray[Any], second: npt.NDArray[Any], share: Float64Array) -> Float64Array:
    """Values between two, of this share of the second."""
    values: Float64Array = share * (second - first)
    values += first
    return values


def _normalize(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Map 0 to 255 to -1 to 1, in place."""
    pixels -= np.float32(127.5)
    pixels *= np.float32(1 / 128)
    return pixels


def planes(image: RgbImage) -> npt.NDArray[np.float32]:
    """An image as R-Net and O-Net expect it: shape (1, 3, height, width), -1 to 1."""
    # Not by cv2.split, which fails where another thread lists all objects meanwhile: it fills a tuple without the GIL
    channels = [cv2.extractChannel(image, channel) for channel in range(3)]
    return _normalize(np.stack(channels, dtype=np.float32)[None])


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes with their confidence.

    Attributes:
        corners: shape (n, 4), float64: left, top, right, bottom in pixels.
        confidence: shape (n,), float64.
        landmarks: shape (n, 2, 5), float64: x and y of the five points; None before O-Net.
    """

    corners: Float64Array
    confidence: Float64Array
    landmarks: Float64Array | None = None

    def __len__(self) -> int:
        return len(self.confidence)

    def take(self, chosen: npt.NDArray[Any]) -> Boxes:
        """The boxes at these positions or of this mask."""
        landmarks = None if self.landmarks is None else self.landmarks[chosen]
        return Boxes(self.corners[chosen], self.confidence[chosen], landmarks)

    def suppressed(self, threshold: float, *, overlap: Literal["union", "min"] = "union") -> Boxes:
        """The boxes that overlap no box of higher confidence, most confident first.

        A suppressed box also suppresses others, as in `mtcnn`; `cv2.dnn.NMSBoxes` differs there and has no `min`
        overlap.

        Args:
            threshold: largest allowed overlap of two boxes.
            overlap: the shared area as a share of the union or of the smaller box.
        """
        order = np.argsort(self.confidence)[::-1][:MAX_BOXES]
        left, top, right, bottom = np.ascontiguousarray(self.corners[order].T)
        areas = (right - left) * (bottom - top)
        stays = np.ones(len(order), np.bool_)
        step = max(1, _MAX_PAIRS // max(len(order), 1))
        for start in range(0, len(order), step):
            end = min(start + step, len(order))
            rows, columns = (slice(start, end), None), (None, slice(end))
            shared = np.minimum(right[rows], right[columns]) - np.maximum(left[rows], left[columns])
            height = np.minimum(bottom[rows], bottom[columns]) - np.maximum(top[rows], top[columns])
            np.maximum(shared, 0, out=shared)
            shared *= np.maximum(height, 0, out=height)
            sizes = areas[rows], areas[columns]
            total = np.minimum(*sizes) if overlap == "min" else np.add(*sizes) - shared
            is_higher = np.arange(end) < np.arange(start, end)[:, None]
            stays[start:end] = ~((shared > threshold * total) & is_higher).any(axis=1)
        return self.take(order[stays])

    def squared(self) -> Boxes:
        """Each box extended to a square around its center."""
        return replace(self, corners=squares(self.corners))


def concatenated(boxes: Sequence[Boxes]) -> Boxes:
    """All boxes in one set."""
    if not boxes:
        return Boxes(np.empty((0, 4)), np.empty(0), np.empty((0, 2, 5)))
    landmarks = [part.landmarks for part in boxes if part.landmarks is not None]
    return Boxes(
        np.concatenate([part.corners for part in boxes]),
        np.concatenate([part.confidence for part in boxes]),
        np.concatenate(landmarks) if landmarks else None,
    )


def scales(width: int, height: int, sides: tuple[float, float], factor: float = 0.709) -> Float64Array:
    """Scales of the image pyramid as factors of the image size; empty for an image of a few pixels.

    `sides`: sides of the smallest and the largest faces to find, in pixels. `factor`: of a scale to the next.
    """
    count = round(-(math.log(min(width, height) / _CELL) / math.log(factor) + 1))
    found = _FIRST_SCALE * factor ** np.arange(max(count, 0))
    return np.asarray(found[(found * sides[0] <= _CELL) & (found * sides[1] >= _CELL)])


def strips(height: int, width: int, num_pixels: int) -> list[slice]:
    """Rows of overlapping strips of about this many pixels, for which P-Net gives the rows of its output in turn."""
    num_rows = max(num_pixels // width - (_CELL - _STRIDE), _STRIDE) // _STRIDE * _STRIDE
    last = max(height - (_CELL - _STRIDE), 1)
    ends = range(num_rows, last + num_rows, num_rows)
    return [slice(end - num_rows, height if end >= last else end + _CELL - _STRIDE) for end in ends]


def decode_proposals(output: npt.NDArray[np.float32], scale: float, least: float = 0.6) -> Boxes:
    """The boxes above a confidence in the output of P-Net at one scale, in pixels of the image."""
    offsets, logits = output[0, :4], output[0, 4]
    rows, columns = np.nonzero(logits > math.log(least / (1 - least)))
    positions = _STRIDE * np.column_stack([columns, rows])
    cells = np.concatenate([positions + 1, positions + _CELL], axis=1)  # `mtcnn` counts a cell as 11 pixels wide
    corners = (cells + (_CELL - 1) * offsets[:, rows, columns].T.astype(np.float64)) / scale
    return Boxes(corners, 1 / (1 + np.exp(-logits[rows, columns].astype(np.float64))))


def squares(corners: Float64Array) -> Float64Array:
    """Boxes extended to squares around their centers."""
    sides = corners[:, 2:] - corners[:, :2]
    largest = sides.max(axis=1, keepdims=True)
    starts = corners[:, :2] + sides * 0.5 - largest * 0.5
    return np.concatenate([starts, starts + largest], axis=1)


def patches(planes: npt.NDArray[np.float32], corners: Float64Array, side: int) -> tuple[npt.NDArray[np.float32], ...]:
    """Inputs of R-Net and O-Net: the planes, the region of each box, and a mask of the samples inside the image.

    The first and last sample of a row lie on the edges of the box, as in TensorFlow's `crop_and_resize`. The networks
    begin with ONNX's `RoiAlign`, whose samples lie in the middle of bins.
    """
    limits = np.array(planes.shape[:1:-1]) - 1
    edges = corners * np.tile(limits / (limits + 1), 2)
    starts, steps = edges[:, :2], (edges[:, 2:] - edges[:, :2]) / (side - 1)
    bins = np.concatenate([starts, starts + side * steps], axis=1) - np.tile(steps / 2, 2) + 0.5
    samples = starts[:, :, None] + steps[:, :, None] * np.arange(side)
    is_inside = (samples >= 0) & (samples <= limits[:, None])
    inside = is_inside[:, 1, :, None] & is_inside[:, 0, None, :]
    return planes, bins.astype(np.float32), inside[:, None].astype(np.float32)
