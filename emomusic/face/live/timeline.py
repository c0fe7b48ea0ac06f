"""What a group of faces showed over a session: one row a second, and what can be said of them afterwards."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS, AffectPoint, Emotion, EmotionProbabilities, Quadrant, affect_of, quadrant_of

TIMELINE_SECONDS = 600
"""How far back a timeline goes: ten minutes; the oldest seconds go first."""

SHARES = [emotion.value for emotion in EMOTIONS]
COLUMNS = ["time_s", "num_faces", *SHARES, "valence", "arousal", "quadrant"]

MIN_SEGMENT_S = 5
"""A mood that lasts less is taken for a flicker."""


@dataclass(frozen=True, slots=True, eq=False)
class _Second:
    """What was read within one second: a sum, so that it is a few numbers however often it was read."""

    time_s: int
    num_faces: int
    total: npt.NDArray[np.float64]  # shape (7,); all 0 where no face was seen


class Timeline:
    """The group's emotions, second by second; bounded, and safe under threads."""

    def __init__(self) -> None:
        self._over: deque[tuple[int, _Row]] = deque()  # as rows: asked for once a second, made only once
        self._current: _Second | None = None
        self._lock = threading.Lock()

    def add(self, time_s: float, group: EmotionProbabilities | None, num_faces: int) -> None:
        """Add one reading.

        Args:
            time_s: when, in seconds from the start; never before what was added last.
            group: the mean over the faces; None where there is none.
            num_faces: how many they are.
        """
        shares = np.zeros(len(EMOTIONS)) if group is None else np.array([group[emotion] for emotion in EMOTIONS])
        with self._lock:
            current = self._current
            if current is not None and int(time_s) <= current.time_s:
                shares, num_faces = current.total + shares, max(current.num_faces, num_faces)
                self._current = _Second(current.time_s, num_faces, shares)
            else:
                if current is not None:
                    self._over.append((current.time_s, _row(current)))
                self._current = _Second(int(time_s), num_faces, shares)
                while self._over and self._over[0][0] <= int(time_s) - TIMELINE_SECONDS:
                    self._over.popleft()

    def table(self) -> pd.DataFrame:
        """One row for each second in which a reading was made, the oldest first.

        Returns:
            Columns `COLUMNS`: `time_s` whole seconds from the start; `num_faces` the most seen at once; a share for
            each emotion, the mean over the second's readings; `valence`, `arousal` and `quadrant` of that mean. In
            seconds without a face `num_faces` is 0 and the rest is missing.
        """
        with self._lock:
            rows = [*(row for _, row in self._over), *([_row(self._current)] if self._current is not None else [])]
        table = pd.DataFrame(rows, columns=COLUMNS)
        kinds = {"time_s": "int64", "num_faces": "int64", "quadrant": "string"}
        return table.astype({column: kinds.get(column, "float64") for column in COLUMNS})


_Row: TypeAlias = tuple[object, ...]


def _row(second: _Second) -> _Row:
    if (total := second.total.sum()) == 0:
        return (second.time_s, second.num_faces, *[np.nan] * (len(EMOTIONS) + 2), None)
    shares = second.total / total
    point = affect_of(EmotionProbabilities(shares.astype(np.float32)))
    place = (point.valence, point.arousal, quadrant_of(point).value)
    return (second.time_s, second.num_faces, *shares.tolist(), *place)


@dataclass(frozen=True, slots=True)
class Segment:
    """A time in which the group stayed in one quarter of the plane.

    Attributes:
        start_s: seconds from the start of the session.
        seconds: how long it lasted.
        probabilities: the mean over it.
    """

    start_s: int
    seconds: int
    probabilities: EmotionProbabilities

    @property
    def emotion(self) -> Emotion:
        """The most probable emotion of its mean."""
        return self.probabilities.emotion

    @property
    def point(self) -> AffectPoint:
        """Where its mean lies: what a recommender needs to go with it."""
        return affect_of(self.probabilities)

    @property
    def quadrant(self) -> Quadrant:
        """The quarter its mean lies in."""
        return quadrant_of(self.point)


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What can be said of a session in a few figures.

    Attributes:
        seconds: rows of the timeline: seconds in which a reading was made.
        seconds_with_faces: of these, with at least one face.
        most_faces: the most seen at once.
        mean: over the seconds with faces; None where there were none.
        stretches: in order, as `segments_of` finds them.
    """

    seconds: int
    seconds_with_faces: int
    most_faces: int
    mean: EmotionProbabilities | None
    segments: tuple[Segment, ...]

    @property
    def longest(self) -> Segment | None:
        """The longest stretch, the first of several; None where there is none."""
        return max(self.segments, key=lambda stretch: stretch.seconds, default=None)


def summarize(table: pd.DataFrame) -> SessionSummary:
    """Sum up a timeline's table."""
    seen = table[table["num_faces"] > 0]
    return SessionSummary(
        seconds=len(table),
        seconds_with_faces=len(seen),
        most_faces=int(table["num_faces"].max()) if len(table) else 0,
        mean=_segment(0, len(seen), seen[SHARES].to_numpy().mean(axis=0)).probabilities if len(seen) else None,
        segments=tuple(segments_of(table)),
    )


def segments_of(table: pd.DataFrame, *, shortest_s: int = MIN_SEGMENT_S) -> list[Segment]:
    """Cut a timeline into stretches of one quadrant: what a playlist that follows the session is made from.

    What lasts less than `shortest_s` seconds belongs to the longer of its neighbours, unless it stands alone; and
    nobody being there for less does not interrupt a stretch.

    Args:
        table: a timeline's, as `Timeline.table` gives it, or a part of it.
        shortest_s: in seconds; 1 keeps every change.

    Returns:
        In order of time; neighbours differ in their quadrant, or nobody was there in between.
    """
    seen = table[table["num_faces"] > 0]
    times = seen["time_s"].tolist()
    pieces = [
        _Piece(time_s, time_s + 1, row, 1, _segment(time_s, 1, row).quadrant)
        for time_s, row in zip(times, seen[SHARES].to_numpy(), strict=True)
    ]
    pieces = _joined(pieces, shortest_s)
    while True:
        choices = [
            (piece.seconds, -pieces[other].seconds, index, other)
            for index, piece in enumerate(pieces)
            if piece.seconds < shortest_s
            for other in (index - 1, index + 1)
            if 0 <= other < len(pieces) and _touch(pieces[min(index, other)], pieces[max(index, other)], shortest_s)
        ]
        if not choices:
            return [_segment(piece.start_s, piece.seconds, piece.total / piece.rows) for piece in pieces]
        _, _, index, other = min(choices)
        first = min(index, other)
        pieces[first : first + 2] = [_merged(pieces[first], pieces[first + 1])]
        pieces = _joined(pieces, shortest_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A stretch in the making: a span of seconds, and the sum of the shares of those that have a face."""

    start_s: int
    stop_s: int
    total: npt.NDArray[np.float64]
    rows: int
    quadrant: Quadrant

    @property
    def seconds(self) -> int:
        return self.stop_s - self.start_s


def _touch(one: _Piece, other: _Piece, shortest_s: int) -> bool:
    return other.start_s - one.stop_s < shortest_s


def _merged(one: _Piece, other: _Piece) -> _Piece:
    total, rows = one.total + other.total, one.rows + other.rows
    whole = _segment(one.start_s, other.stop_s - one.start_s, total / rows)
    return _Piece(one.start_s, other.stop_s, total, rows, whole.quadrant)


def _joined(pieces: Sequence[_Piece], shortest_s: int) -> list[_Piece]:
    joined: list[_Piece] = []
    for piece in pieces:
        # Again and again: two of a quarter may together lie in the middle, and so be like the one before
        while joined and joined[-1].quadrant == piece.quadrant and _touch(joined[-1], piece, shortest_s):
            piece = _merged(joined.pop(), piece)
        joined.append(piece)
    return joined


def _segment(start_s: int, seconds: int, shares: npt.NDArray[np.float64]) -> Segment:
    return Segment(start_s, seconds, EmotionProbabilities((shares / shares.sum()).astype(np.float32)))
