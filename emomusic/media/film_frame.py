"""Frames of films: their time, and their pixels upright, unstretched and in the colours of ordinary screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from emomusic.media.hdr import TRANSFERS, to_sdr
from emomusic.media.images import RgbImage

_SAME_SHAPE = 0.02  # sides that differ by less, as a share, are those of the film
_BLACK = (16, 128, 128)  # of Y, U and V


@dataclass(frozen=True, slots=True)
class FilmFrame:
    """One frame.

    Attributes:
        time_s: seconds from the first frame.
        share: of the film that is decoded, 0 to 1.
        frame: the decoded frame of PyAV.
    """

    time_s: float
    share: float
    frame: Any


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a decoded frame becomes upright: by swapping its axes, then mirroring it, then turning it."""

    swaps: bool = False
    mirrors: bool = False  # left and right
    flips: bool = False  # up and down
    num_turns: int = 0  # by 90 degrees, clockwise

    @property
    def is_turned(self) -> bool:
        """Whether width and height change places."""
        return self.swaps ^ bool(self.num_turns % 2)

    def upright(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A view of an image as it is shown."""
        if self.swaps:
            image = image.swapaxes(0, 1)
        image = image[:: -1 if self.flips else 1, :: -1 if self.mirrors else 1]
        return np.rot90(image, -self.num_turns)


def orientation_of(frame: Any, num_turns: int = 0) -> Orientation:
    """The orientation by the matrix of a frame. The viewer turns it further."""
    if (matrix := frame.side_data.get("DISPLAYMATRIX")) is None:
        return Orientation(num_turns=num_turns)
    across, up, _, along, down = np.frombuffer(matrix, np.int32)[:5].astype(np.int64)  # x' = across x + along y
    if abs(up) > abs(across):
        return Orientation(True, bool(along < 0), bool(up < 0), num_turns)
    return Orientation(False, bool(across < 0), bool(down < 0), num_turns)


@dataclass(frozen=True, slots=True)
class _Placed:
    """The place of a frame on a canvas of another shape: size of the decoded frame, and upright slices."""

    size: tuple[int, int]  # width and height
    rows: slice
    columns: slice
    is_whole: bool


def _place(frame: Any, ratio: float, orientation: Orientation, width: int, height: int) -> _Placed:
    """The largest place on a canvas that does not stretch the frame, in its middle."""
    sides = (frame.width * ratio, float(frame.height))
    shown = sides[::-1] if orientation.is_turned else sides
    scale = min(width / shown[0], height / shown[1])
    fitted = [max(round(side * scale), 1) for side in shown]
    for axis, side in enumerate((width, height)):
        if side - fitted[axis] < max(_SAME_SHAPE * side, 2):
            fitted[axis] = side
    left, top = ((whole - part) // 4 * 2 for whole, part in zip((width, height), fitted, strict=True))
    rows, columns = slice(top, top + fitted[1]), slice(left, left + fitted[0])
    size = (fitted[1], fitted[0]) if orientation.is_turned else (fitted[0], fitted[1])
    return _Placed(size, rows, columns, fitted == [width, height])


def rgb_picture(frame: Any, ratio: float, orientation: Orientation, width: int, height: int) -> RgbImage:
    """A frame as an upright image of this size, with black bars if its shape differs.

    Args:
        frame: of PyAV.
        ratio: of the width of its pixels to their height.
        orientation: of the frame.
        width: of the image.
        height: of the image.
    """
    place = _place(frame, ratio, orientation, width, height)
    is_hdr = int(frame.color_trc) in TRANSFERS
    found = frame.to_ndarray(
        format="rgb48le" if is_hdr else "rgb24",
        width=place.size[0],
        height=place.size[1],
        interpolation="AREA",
        threads=1,
    )
    image = to_sdr(found, int(frame.color_trc)) if is_hdr else found
    image = orientation.upright(image)
    if place.is_whole:
        return np.ascontiguousarray(image, np.uint8)
    canvas: RgbImage = np.zeros((height, width, 3), np.uint8)
    canvas[place.rows, place.columns] = image
    return canvas


def yuv_picture(frame: Any, ratio: float, orientation: Orientation, width: int, height: int) -> av.VideoFrame:
    """An upright copy of a frame in the format yuv420p and of an even size, with the film's colours."""
    if int(frame.color_trc) in TRANSFERS:
        image = rgb_picture(frame, ratio, orientation, width, height)
        return av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
    place = _place(frame, ratio, orientation, width, height)
    source = frame.reformat(*place.size, "yuv420p", interpolation="AREA", dst_color_range="MPEG", threads=1)
    copy = av.VideoFrame(width, height, "yuv420p")
    for number, (before, after) in enumerate(zip(yuv_planes(source), yuv_planes(copy), strict=True)):
        upright = orientation.upright(before)
        if not place.is_whole:
            after[:] = _BLACK[number]
            part = 2 if number else 1
            after = after[place.rows.start // part :, place.columns.start // part :]
        rows, columns = min(len(after), len(upright)), min(after.shape[1], upright.shape[1])
        after[:rows, :columns] = upright[:rows, :columns]
    return copy


def yuv_planes(frame: av.VideoFrame) -> list[npt.NDArray[np.uint8]]:
    """Views of a frame's planes: brightness, shape (height, width), and two of colour, of half the size."""
    planes = ((plane, np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)) for plane in frame.planes)
    return [pixels[: plane.height, : plane.width] for plane, pixels in planes]
