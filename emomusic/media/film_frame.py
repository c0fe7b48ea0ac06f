"""Frames of films: their pixels upright and in the colours of ordinary screens, their clock, and steps of a second."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from emomusic.media.hdr import TRANSFERS, to_sdr
from emomusic.media.pixels import Orientation, RgbImage

_SAME_SHAPE = 0.02  # sides that differ by less, as a share, are those of the film
_BLACK = (16, 128, 128)  # Y, U and V


def orientation_of(frame: Any, num_turns: int) -> Orientation:
    """The orientation by the matrix of a frame. The viewer turns it further by 90 degrees, clockwise."""
    across, up, _, along, down = (1, 0, 0, 0, 1)  # x' = across x + along y
    if (matrix := frame.side_data.get("DISPLAYMATRIX")) is not None:
        across, up, _, along, down = np.frombuffer(matrix, np.int32)[:5].tolist()
    swaps = abs(up) > abs(across)
    mirrors, flips = (along < 0, up < 0) if swaps else (across < 0, down < 0)
    for _ in range(num_turns):
        swaps, mirrors, flips = not swaps, not flips, mirrors
    return Orientation(swaps, mirrors, flips)


@dataclass(frozen=True, slots=True)
class FilmFrame:
    """One frame.

    Attributes:
        time_s: seconds from the first frame.
        share: the decoded share of the film, 0 to 1.
        frame: the decoded frame of PyAV.
        ratio: the width of its pixels, relative to their height.
        num_turns: the turns by 90 degrees clockwise, for the viewer.
    """

    time_s: float
    share: float
    frame: Any
    ratio: float = 1.0
    num_turns: int = 0

    @property
    def duration_s(self) -> float:
        """How long the file says that it is shown, in seconds; 0 if unknown."""
        return float((self.frame.duration or 0) * (self.frame.time_base or 0))

    def _placed(self, width: int, height: int) -> tuple[Orientation, tuple[int, int], tuple[slice, slice] | None]:
        """The largest place on a canvas that does not stretch the frame, in its middle.

        Returns:
            How the frame becomes upright; its width and height before that; its rows and columns, None for the whole
            canvas.
        """
        orientation = orientation_of(self.frame, self.num_turns)
        sides = (self.frame.width * self.ratio, float(self.frame.height))
        shown = sides[::-1] if orientation.swaps else sides
        scale = min(width / shown[0], height / shown[1])
        fitted = [max(round(side * scale), 1) for side in shown]
        for axis, side in enumerate((width, height)):
            if side - fitted[axis] < max(_SAME_SHAPE * side, 2):
                fitted[axis] = side
        left, top = ((whole - part) // 4 * 2 for whole, part in zip((width, height), fitted, strict=True))
        place = slice(top, top + fitted[1]), slice(left, left + fitted[0])
        size = (fitted[1], fitted[0]) if orientation.swaps else (fitted[0], fitted[1])
        return orientation, size, None if fitted == [width, height] else place

    def picture(self, width: int, height: int) -> RgbImage:
        """The frame as an upright image of this size, with black bars if its shape differs."""
        orientation, size, place = self._placed(width, height)
        transfer = int(self.frame.color_trc)
        form = "rgb48le" if transfer in TRANSFERS else "rgb24"
        image = self.frame.to_ndarray(format=form, width=size[0], height=size[1], interpolation="AREA", threads=1)
        image = orientation.upright(to_sdr(image, transfer) if transfer in TRANSFERS else image)
        if place is None:
            return np.ascontiguousarray(image, np.uint8)
        canvas: RgbImage = np.zeros((height, width, 3), np.uint8)
        canvas[place] = image
        return canvas

    def yuv(self, width: int, height: int) -> av.VideoFrame:
        """An upright copy in the format yuv420p and of an even size, with the film's colours."""
        if int(self.frame.color_trc) in TRANSFERS:
            return av.VideoFrame.from_ndarray(self.picture(width, height), "rgb24").reformat(format="yuv420p")
        orientation, size, place = self._placed(width, height)
        source = self.frame.reformat(*size, "yuv420p", interpolation="AREA", dst_color_range="MPEG", threads=1)
        copy = av.VideoFrame(width, height, "yuv420p")
        for number, (before, after) in enumerate(zip(yuv_planes(source), yuv_planes(copy), strict=True)):
            upright = orientation.upright(before)
            if place is not None:
                after[:] = _BLACK[number]
                part = 2 if number else 1
                after = after[place[0].start // part :, place[1].start // part :]
            rows, columns = min(len(after), len(upright)), min(after.shape[1], upright.shape[1])
            after[:rows, :columns] = upright[:rows, :columns]
        return copy


def yuv_planes(frame: av.VideoFrame) -> list[npt.NDArray[np.uint8]]:
    """Views of a frame's planes: brightness, shape (height, width), and two of colour, of half the size."""
    planes = ((plane, np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)) for plane in frame.planes)
    return [pixels[: plane.height, : plane.width] for plane, pixels in planes]


MAX_GAP_S = 24 * 3600.0  # a longer film, or jump of its clock, is damage
_RESTART_S = 1.0  # a clock that goes back by more begins again
_ROUNDING_S = 0.02
_LONG_STEPS = 2.0  # steps of a rate


class FilmClock:
    """The times of a film, which never go back, also where those of the file begin again.

    Attributes:
        start_s: time of the first frame in the clock of the file; None before it.
    """

    def __init__(self, spacing_s: float) -> None:
        """Begin before the first frame. Frames without a time have this distance."""
        self.start_s: float | None = None
        self._offset_s = self._last_s = 0.0  # the offset is added since the clock began again
        self._spacing_s = spacing_s

    def at(self, given_s: float | None) -> float:
        """The time of the next frame; takes that in the clock of the file."""
        if self.start_s is None:
            self.start_s = given_s or 0.0
            return 0.0
        expected_s = self._last_s + self._spacing_s
        time_s = expected_s if given_s is None else given_s - self.start_s + self._offset_s
        if not self._last_s <= time_s <= self._last_s + MAX_GAP_S:
            if not self._last_s - _RESTART_S <= time_s < self._last_s:  # not two frames that changed places
                self._offset_s += expected_s - time_s
            time_s = expected_s
        self._last_s = time_s
        return time_s


def at_rate(frames: Iterable[FilmFrame], rate: float) -> Iterator[FilmFrame]:
    """The first frame after each step of the rate, and others that are shown for two steps."""
    step = 0
    left: FilmFrame | None = None
    for frame in frames:
        if left is not None and (frame.time_s - left.time_s) * rate > _LONG_STEPS:
            yield left
        left = None
        if frame.time_s * rate < step - 1e-6:
            left = frame
        else:
            step = math.floor(frame.time_s * rate + 1e-6) + 1
            yield frame
    if left is not None and left.duration_s * rate > _LONG_STEPS:
        yield left


@dataclass(frozen=True, slots=True)
class FilmStep:
    """A frame about a second after that of the previous step.

    Attributes:
        frame: the frame.
        between: the frames between the two.
    """

    frame: FilmFrame
    between: Sequence[FilmFrame] = ()


def steps_of(frames: Iterable[FilmFrame], step_s: float) -> Iterator[FilmStep]:
    """Divide frames in order of time into steps of about this length. The last frame ends a step."""
    last_s, between = -math.inf, list[FilmFrame]()
    for frame in frames:
        if frame.time_s - last_s >= step_s - _ROUNDING_S:
            yield FilmStep(frame, tuple(between))
            last_s, between = frame.time_s, []
        else:
            between.append(frame)
    if between:
        yield FilmStep(between[-1], tuple(between[:-1]))
