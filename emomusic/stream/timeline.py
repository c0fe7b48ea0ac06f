"""The group's emotions over a session: one row per second, and scenes."""

from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import (
    EMOTIONS,
    AffectPoint,
    EmotionProbabilities,
    WithEmotion,
    affect_of_rows,
    mean_of_rows,
    quadrant_of,
)
from emomusic.faces.reading import AFFECT_COLUMNS, SHARES

TIMELINE_SECONDS = 600
"""Length of a timeline: ten minutes."""

COLUMNS = ["time_s", "num_faces", *SHARES, *AFFECT_COLUMNS]

# Cost of a scene in squared distance times seconds, for each second of the shortest scene. The distance is that on
# the affect plane, and with this weight that of the probabilities: happy to angry has 2.7, 60 % to 80 % happy 0.1.
_CHANGE_COST, _PROBABILITY_WEIGHT = 0.3, 0.5

SESSION_CHANGE_COST = 0.08
"""Cost for `scenes_of` a session: lower, so that ten seconds count, as a second of a session has little noise."""

_COST_AT_CUT = 0.25  # relative: a change of mood at a cut is likely


class Timeline:
    """The group's emotions per second over the last ten minutes. Thread-safe."""

    def __init__(self) -> None:
        # Time, largest number of faces and sum of the readings of each second
        self._seconds: deque[tuple[int, int, npt.NDArray[np.float64]]] = deque()
        self._lock = threading.Lock()

    def add(self, time_s: float, group: EmotionProbabilities | None, num_faces: int) -> None:
        """Add the mean over the faces of one reading, in order of time, in seconds from the start."""
        total = np.zeros(len(EMOTIONS)) if group is None else np.array(list(group.as_dict().values()))
        second = int(time_s)
        with self._lock:
            if self._seconds and second <= self._seconds[-1][0]:
                second, most, before = self._seconds.pop()
                num_faces, total = max(most, num_faces), before + total
            self._seconds.append((second, num_faces, total))
            while self._seconds[0][0] <= second - TIMELINE_SECONDS:
                self._seconds.popleft()

    def table(self) -> pd.DataFrame:
        """One row for each second with a reading, the oldest first, as from `timeline_table`.

        `time_s` is in whole seconds from the start, and `num_faces` the maximum of the second.
        """
        with self._lock:
            seconds = list(self._seconds)
        times, counts = (np.array([second[column] for second in seconds], np.int64) for column in (0, 1))
        return timeline_table(times, counts, np.array([total for *_, total in seconds]).reshape(-1, len(EMOTIONS)))


def timeline_table(
    times: npt.NDArray[np.number], num_faces: npt.NDArray[np.int64], totals: npt.NDArray[np.float64]
) -> pd.DataFrame:
    """The columns `COLUMNS` at many times: mean shares of the emotions, and their `valence`, `arousal` and `quadrant`.

    Without a face, these are missing. `totals` has shape (n, 7), the sums of the probabilities over the faces.
    """
    shares, found = np.full(totals.shape, np.nan), num_faces > 0
    shares[found] = totals[found] / totals[found].sum(axis=1, keepdims=True)
    table = pd.DataFrame(shares, columns=SHARES)
    table.insert(0, "time_s", times)
    table.insert(1, "num_faces", num_faces)
    add_affect(table)
    return table.astype({"quadrant": "string"})


def add_affect(table: pd.DataFrame) -> None:
    """Add the columns `AFFECT_COLUMNS` to a table of probabilities; missing ones give missing values."""
    points = affect_of_rows(table[SHARES].to_numpy())
    table["valence"], table["arousal"] = points[:, 0], points[:, 1]
    table["quadrant"] = [None if np.isnan(v) else quadrant_of(AffectPoint(v, a)).value for v, a in points.tolist()]


def every_second(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of each second, like the rows of `Timeline.table`, of a table with other times."""
    seconds = table.groupby(table["time_s"].astype("int64"))
    totals, num_faces = seconds[SHARES].sum(), seconds["num_faces"].max()
    return timeline_table(totals.index.to_numpy(), num_faces.to_numpy(), totals.to_numpy())


@dataclass(frozen=True, slots=True)
class Scene(WithEmotion):
    """A time span in which the mood of the group is stable."""

    start_s: float  # seconds from the start of the session
    seconds: float  # duration
    probabilities: EmotionProbabilities  # the mean over the span

    @property
    def end_s(self) -> float:
        """Seconds from the start of the session to the end of the span."""
        return self.start_s + self.seconds


def mean_of(table: pd.DataFrame) -> EmotionProbabilities | None:
    """The mean over the rows of a timeline with faces; None without any."""
    return mean_of_rows(table.loc[table["num_faces"] > 0, SHARES].to_numpy())


def scenes_of(
    table: pd.DataFrame,
    *,
    shortest_s: float = 5,
    row_s: float = 1,
    cuts_s: Collection[float] = (),
    change_cost: float = _CHANGE_COST,
) -> list[Scene]:
    """The scenes of a timeline, each of a stable mood, for a playlist that follows it.

    The scenes are those of the smallest sum of squared distances to their mean, with a cost for each further scene
    (optimal partitioning: B. Jackson et al., IEEE Signal Processing Letters 12(2), 2005). So a change counts by its
    size and its duration. A gap without faces shorter than `shortest_s` does not interrupt a scene.

    Args:
        table: output of `Timeline.table` or `timeline_table`, or a part of it.
        shortest_s: in seconds. A shorter scene occurs only between two gaps.
        row_s: seconds between two rows.
        cuts_s: times of the rows after a cut of the film, where a scene costs less.
        change_cost: of a further scene, for each second of the shortest one.

    Returns:
        In order of time. Neighbours differ in their quadrant or their emotion, or have a gap between them.
    """
    faces = table[table["num_faces"] > 0]
    times, shares = faces["time_s"].tolist(), faces[SHARES].to_numpy()
    features = np.hstack([affect_of_rows(shares), shares * _PROBABILITY_WEIGHT**0.5])
    costs = np.where(faces["time_s"].isin(cuts_s), _COST_AT_CUT, 1.0) * change_cost * shortest_s / row_s
    gaps = [row for row in range(1, len(times)) if times[row] - times[row - 1] - row_s >= shortest_s]
    scenes = []
    for first, stop in itertools.pairwise([0, *gaps, len(times)] if times else []):
        pieces: list[tuple[int, int]] = []
        for start, end in _partition(features[first:stop], math.ceil(shortest_s / row_s), costs[first:stop]):
            piece = (first + start, first + end)
            # Repeated, because the mean of a joined piece may equal the previous piece
            while pieces and _kind(shares[slice(*pieces[-1])]) == _kind(shares[slice(*piece)]):
                piece = (pieces.pop()[0], piece[1])
            pieces.append(piece)
        for start, end in pieces:
            end_s = times[end - 1] + row_s if end == stop else min(times[end - 1] + row_s, times[end])
            scenes.append(_scene(times[start], end_s - times[start], shares[start:end].mean(axis=0)))
    return scenes


def _partition(
    features: npt.NDArray[np.float64], shortest: int, costs: npt.NDArray[np.float64]
) -> list[tuple[int, int]]:
    """The best partition of rows into pieces of at least `shortest` rows, as first row and row after the last.

    Args:
        features: shape (n, number of features), n at least 1.
        shortest: number of rows.
        costs: shape (n,), of a piece that starts there.
    """
    count = len(features)
    sums = np.concatenate([np.zeros((1, features.shape[1])), features.cumsum(axis=0)])
    squares = np.concatenate([[0.0], (features**2).sum(axis=1).cumsum()])
    best, starts = np.zeros(count + 1), np.zeros(count + 1, int)
    before = np.zeros(1, int)  # the possible starts of a piece
    worse: deque[npt.NDArray[np.int64]] = deque()  # starts that are worse than a later one, when that is possible
    for end in range(min(shortest, count), count + 1):
        if end >= 2 * shortest:
            before = np.setdiff1d(np.append(before, end - shortest), worse.popleft(), assume_unique=True)
        errors = squares[end] - squares[before] - ((sums[end] - sums[before]) ** 2).sum(axis=1) / (end - before)
        totals = best[before] + errors + costs[before]
        choice = totals.argmin()
        best[end], starts[end] = totals[choice], before[choice]
        worse.append(before[totals >= best[end] + (costs[end] if end < count else 0.0)])
    pieces = []
    while count:
        pieces.append((int(starts[count]), count))
        count = int(starts[count])
    return pieces[::-1]


def _kind(shares: npt.NDArray[np.float64]) -> tuple[str, str]:
    scene = _scene(0, 0, shares.mean(axis=0))
    return scene.quadrant, scene.emotion


def _scene(start_s: float, seconds: float, shares: npt.NDArray[np.float64]) -> Scene:
    return Scene(start_s, seconds, EmotionProbabilities((shares / shares.sum()).astype(np.float32)))
