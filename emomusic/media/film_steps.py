"""The clock of a film, and its frames in steps of about a second."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from emomusic.media.film_frame import FilmFrame

MAX_GAP_S = 24 * 3600.0  # a longer film, or jump of its clock, is damage
_RESTART_S = 1.0  # a clock that goes back by more begins again
_ROUNDING_S = 0.02
_LONGEST_S, _MOST_BYTES, MOST_PACKETS = 2.1, 2**26, 4096  # of packets that wait for the next key frame
_BUSY, _BUSY_TO_MEDIAN = 0.5, 4  # a packet that exceeds these shares of the key frame and of the median is a cut


class FilmClock:
    """The times of a film, which never go back, also where those of the file begin again.

    Attributes:
        start_s: time of the first frame in the clock of the file; None before it.
        offset_s: what is added since the clock began again.
        last_s: time of the newest frame.
    """

    def __init__(self, spacing_s: float) -> None:
        """Begin before the first frame. Frames without a time have this distance."""
        self.start_s: float | None = None
        self.offset_s = self.last_s = 0.0
        self._spacing_s = spacing_s

    def at(self, given_s: float | None) -> float:
        """The time of the next frame; takes that in the clock of the file."""
        if self.start_s is None:
            self.start_s = given_s or 0.0
            return 0.0
        expected_s = self.last_s + self._spacing_s
        time_s = expected_s if given_s is None else self.of(given_s)
        if not self.last_s <= time_s <= self.last_s + MAX_GAP_S:
            if not self.last_s - _RESTART_S <= time_s < self.last_s:  # not two frames that changed places
                self.offset_s += expected_s - time_s
            time_s = expected_s
        self.last_s = time_s
        return time_s

    def of(self, given_s: float) -> float:
        """A time of the file in the clock of the film."""
        return given_s - (self.start_s or 0.0) + self.offset_s


def at_rate(frames: Iterable[FilmFrame], rate: float, after_s: float = -math.inf) -> Iterator[FilmFrame]:
    """The frames after a time, of which the first after each step of the rate is taken."""
    step = 0 if after_s < 0 else math.floor(after_s * rate + 1e-6) + 1
    for frame in frames:
        if frame.time_s > after_s and frame.time_s * rate >= step - 1e-6:
            step = math.floor(frame.time_s * rate + 1e-6) + 1
            yield frame


@dataclass(frozen=True, slots=True)
class FilmStep:
    """A frame about a second after that of the previous step.

    Attributes:
        frame: the frame.
        between: decodes the frames between the two, one after the other.
        is_busy: whether one of those is as large as a new picture.
    """

    frame: FilmFrame
    between: Callable[[], Iterable[FilmFrame]] = tuple
    is_busy: bool = False


class FilmSteps:
    """Divides the frames of a film into steps.

    Attributes:
        rate: frames per second between two steps.
        last: the frame of the newest step.
    """

    def __init__(self, first: FilmFrame, rate: float, step_s: float) -> None:
        """Begin with the first frame."""
        self.rate, self.last, self._step_s = rate, first, step_s - _ROUNDING_S
        self._held: list[FilmFrame] = []  # since the last step

    def is_due(self, time_s: float) -> bool:
        """Whether a frame of this time is a step; also where the clock goes back."""
        return abs(time_s - self.last.time_s) >= self._step_s

    def of(self, frames: Iterable[FilmFrame]) -> Iterator[FilmStep]:
        """The steps among further frames."""
        after_s = self._held[-1].time_s if self._held else self.last.time_s
        for frame in at_rate(frames, self.rate, after_s):
            if self.is_due(frame.time_s):
                yield self.take(frame)
            else:
                self._held.append(frame)

    def take(
        self, frame: FilmFrame, more: Callable[[], Iterable[FilmFrame]] = tuple, *, is_busy: bool = False
    ) -> FilmStep:
        """A step to this frame. `more` decodes the frames between them that `of` did not take."""
        held, after_s = tuple(self._held), self._held[-1].time_s if self._held else self.last.time_s

        def between() -> Iterable[FilmFrame]:
            later = at_rate((each for each in more() if each.time_s < frame.time_s), self.rate, after_s)
            return chain(held, later)

        self.last, self._held = frame, []
        return FilmStep(frame, between, is_busy)

    def end(self) -> Iterator[FilmStep]:
        """The step to the last frame."""
        if self._held:
            yield self.take(self._held.pop())


def is_long(packets: Sequence[Any]) -> bool:
    """Whether packets should not wait for a key frame any longer."""
    first, last = packets[0], packets[-1]
    if None in (first.pts, last.pts) or len(packets) > MOST_PACKETS or sum(each.size for each in packets) > _MOST_BYTES:
        return True
    return bool(abs(last.pts - first.pts) * first.time_base > _LONGEST_S)


def is_busy(packets: Sequence[Any]) -> bool:
    """Whether a packet after the key frame is as large as that of a new picture."""
    sizes = [each.size for each in packets if not each.is_keyframe]
    return bool(sizes) and max(sizes) > max(_BUSY * packets[0].size, _BUSY_TO_MEDIAN * statistics.median(sizes))
