"""The group's emotions over a session: one row per second, segments and a summary."""

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
"""Length of a timeline: ten minutes."""

SHARES = [emotion.value for emotion in EMOTIONS]
COLUMNS = ["time_s", "num_faces", *SHARES, "valence", "arousal", "quadrant"]

MIN_SEGMENT_S = 5
"""Shortest segment. A shorter one joins a neighbour."""


@dataclass(frozen=True, slots=True, eq=False)
class _Second:
    """The sum of the readings within one second."""

    time_s: int
    num_faces: int
    total: npt.NDArray[np.float64]  # shape (7,); all 0 without faces


class Timeline:
    """The group's emotions per second over the last ten minutes. Thread-safe."""

    def __init__(self) -> None:
        self._past: deque[tuple[int, _Row]] = deque()  # rows, because a page reads them every second
        self._current: _Second | None = None
        self._lock = threading.Lock()

    def add(self, time_s: float, group: EmotionProbabilities | None, num_faces: int) -> None:
        """Add one reading.

        Args:
            time_s: seconds from the start, not before the previous reading.
            group: the mean over the faces; None without faces.
            num_faces: number of faces.
        """
        shares = np.zeros(len(EMOTIONS)) if group is None else np.array([group[emotion] for emotion in EMOTIONS])
        with self._lock:
            current = self._current
            if current is not None and int(time_s) <= current.time_s:
                shares, num_faces = current.total + shares, max(current.num_faces, num_faces)
                self._current = _Second(current.time_s, num_faces, shares)
            else:
                if current is not None:
                    self._past.append((current.time_s, _row(current)))
                self._current = _Second(int(time_s), num_faces, shares)
                while self._past and self._past[0][0] <= int(time_s) - TIMELINE_SECONDS:
                    self._past.popleft()

    def table(self) -> pd.DataFrame:
        """One row for each second with a reading, the oldest first.

        Returns:
            Columns `COLUMNS`: `time_s` in whole seconds from the start; `num_faces`, the maximum of the second; the
            mean share of each emotion; `valence`, `arousal` and `quadrant` of that mean. In seconds without a face
            `num_faces` is 0 and the other values are missing.
        """
        with self._lock:
            rows = [*(row for _, row in self._past), *([_row(self._current)] if self._current is not None else [])]
        table = pd.DataFrame(rows, columns=COLUMNS)
        types = {"time_s": "int64", "num_faces": "int64", "quadrant": "string"}
        return table.astype({column: types.get(column, "float64") for column in COLUMNS})


_Row: TypeAlias = tuple[object, ...]


def _row(second: _Second) -> _Row:
    if (total := second.total.sum()) == 0:
        return (second.time_s, second.num_faces, *[np.nan] * (len(EMOTIONS) + 2), None)
    shares = second.total / total
    point = affect_of(EmotionProbabilities(shares.astype(np.float32)))
    affect = (point.valence, point.arousal, quadrant_of(point).value)
    return (second.time_s, second.num_faces, *shares.tolist(), *affect)


@dataclass(frozen=True, slots=True)
class Segment:
    """A time span with the group in one quadrant.

    Attributes:
        start_s: seconds from the start of the session.
        seconds: duration.
        probabilities: the mean over the span.
    """

    start_s: int
    seconds: int
    probabilities: EmotionProbabilities

    @property
    def emotion(self) -> Emotion:
        """The most probable emotion of the mean."""
        return self.probabilities.emotion

    @property
    def point(self) -> AffectPoint:
        """The position of the mean on the plane, which the recommender takes."""
        return affect_of(self.probabilities)

    @property
    def quadrant(self) -> Quadrant:
        """The quadrant of the mean."""
        return quadrant_of(self.point)


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """The main figures of a session.

    Attributes:
        seconds: number of seconds with a reading.
        seconds_with_faces: number of seconds with a face.
        most_faces: largest number of faces at once.
        mean: over the seconds with faces; None if there are none.
        segments: in order, as from `segments_of`.
    """

    seconds: int
    seconds_with_faces: int
    most_faces: int
    mean: EmotionProbabilities | None
    segments: tuple[Segment, ...]

    @property
    def longest(self) -> Segment | None:
        """The longest segment, the first of equal ones; None if there are none."""
        return max(self.segments, key=lambda segment: segment.seconds, default=None)


def summarize(table: pd.DataFrame) -> SessionSummary:
    """The summary of a timeline's table."""
    faces = table[table["num_faces"] > 0]
    return SessionSummary(
        seconds=len(table),
        seconds_with_faces=len(faces),
        most_faces=int(table["num_faces"].max()) if len(table) else 0,
        mean=_segment(0, len(faces), faces[SHARES].to_numpy().mean(axis=0)).probabilities if len(faces) else None,
        segments=tuple(segments_of(table)),
    )


def segments_of(table: pd.DataFrame, *, shortest_s: int = MIN_SEGMENT_S) -> list[Segment]:
    """The segments of a timeline, each in one quadrant, for a playlist that follows the session.

    A segment under `shortest_s` seconds joins its longer neighbour if it has one. A shorter gap without faces does not
    interrupt a segment.

    Args:
        table: output of `Timeline.table`, or a part of it.
        shortest_s: in seconds; 1 keeps every change.

    Returns:
        In order of time. Neighbours differ in their quadrant or have a gap between them.
    """
    faces = table[table["num_faces"] > 0]
    times = faces["time_s"].tolist()
    pieces = [
        _Piece(time_s, time_s + 1, row, 1, _segment(time_s, 1, row).quadrant)
        for time_s, row in zip(times, faces[SHARES].to_numpy(), strict=True)
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
    """A span of seconds with the sum of their shares."""

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
    segment = _segment(one.start_s, other.stop_s - one.start_s, total / rows)
    return _Piece(one.start_s, other.stop_s, total, rows, segment.quadrant)


def _joined(pieces: Sequence[_Piece], shortest_s: int) -> list[_Piece]:
    joined: list[_Piece] = []
    for piece in pieces:
        # Repeated, because the mean of a merged piece may lie in the quadrant of the previous piece
        while joined and joined[-1].quadrant == piece.quadrant and _touch(joined[-1], piece, shortest_s):
            piece = _merged(joined.pop(), piece)
        joined.append(piece)
    return joined


def _segment(start_s: int, seconds: int, shares: npt.NDArray[np.float64]) -> Segment:
    return Segment(start_s, seconds, EmotionProbabilities((shares / shares.sum()).astype(np.float32)))
