"""The group's emotions over a session: one row per second, and scenes."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import EMOTIONS, Emotion, EmotionProbabilities, WithEmotion, affect_of_rows
from emomusic.faces.table import AFFECT_COLUMNS, SHARES, affect_columns

TIMELINE_SECONDS = 600
"""Length of a timeline: ten minutes."""

COLUMNS = ["time_s", "num_faces", *SHARES, *AFFECT_COLUMNS]

# Cost of a scene in squared distance times seconds, for each second of the shortest scene. The distance is that on
# the affect plane, and with this weight that of the probabilities: happy to angry has 2.7, 60 % to 80 % happy 0.1.
_CHANGE_COST, _PROBABILITY_WEIGHT = 0.3, 0.5
_SESSION_CHANGE_COST = 0.08  # lower, so that ten seconds count, as a second of a session has little noise

_BRIDGED_S = 3  # longest time between two readings that counts as read; slow machines read less than one frame a second
_SHORTEST_MOOD_S = 2  # so that one second between two moods is none

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
    return table.assign(**affect_columns(affect_of_rows(shares))).astype({"quadrant": "string"})


def every_second(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of each second, like the rows of `Timeline.table`, of a table whose rows count for their `seconds`."""
    starts = table["time_s"].to_numpy(np.float64)
    ends = starts + table["seconds"].to_numpy()
    counts = np.maximum(np.ceil(ends - 1e-3) - np.floor(starts), 1).astype(np.int64)
    rows = np.repeat(np.arange(len(table)), counts)
    seconds = np.floor(starts[rows]).astype(np.int64) + np.concatenate([np.arange(0), *map(np.arange, counts)])
    parts = np.minimum(ends[rows], seconds + 1) - np.maximum(starts[rows], seconds)
    spread = table[SHARES].iloc[rows].mul(np.maximum(parts, 1e-3), axis=0).groupby(seconds)
    num_faces = table["num_faces"].iloc[rows].groupby(seconds).max()
    totals = spread.sum()
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
    return EmotionProbabilities.mean(table.loc[table["num_faces"] > 0, SHARES].to_numpy())


def unread_spans(table: pd.DataFrame) -> list[tuple[int, int]]:
    """The times without a reading in a timeline: the last second before each one, and the first one after it."""
    times = table["time_s"].astype(int).tolist()
    return [(last_s, next_s) for last_s, next_s in itertools.pairwise(times) if next_s - last_s > _BRIDGED_S]


@dataclass(frozen=True, slots=True)
class MoodTimes:
    """How long each emotion was the strongest one of the group, and how often another one became it.

    Attributes:
        shares: parts of the seconds with a face, the largest first, without emotions that never were the strongest.
        changes_per_minute: the changes in a minute with a face.
    """

    shares: Mapping[Emotion, float]
    changes_per_minute: float

    @property
    def sentence(self) -> str:
        """The moods as a person would say them: "Mostly happy, at times sad"."""
        (first, top), (second, next_) = [*self.shares.items(), (Emotion.NEUTRAL, 0.0)][:2]
        if top - next_ < 0.1:
            return f"As often {first.adjective} as {second.adjective}"
        if top >= 0.85:
            return f"{first.adjective.capitalize()} {'nearly ' if next_ else ''}all the time"
        return f"Mostly {first.adjective}, at times {second.adjective}"


def mood_times(table: pd.DataFrame) -> MoodTimes | None:
    """The times of the emotions in a timeline, as from `Timeline.table`; None without faces."""
    found = table.loc[table["num_faces"] > 0, SHARES]
    if found.empty:
        return None
    seconds = np.bincount(found.to_numpy().argmax(axis=1), minlength=len(EMOTIONS))
    order = [label for label in np.argsort(-seconds, kind="stable").tolist() if seconds[label]]
    moods = [scene.emotion for scene in scenes_of(table, shortest_s=_SHORTEST_MOOD_S)]
    changes = sum(before is not after for before, after in itertools.pairwise(moods))
    shares = {EMOTIONS[label]: seconds[label] / len(found) for label in order}
    return MoodTimes(shares, 60 * changes / len(found))


def scenes_of(table: pd.DataFrame, *, shortest_s: float = 5) -> list[Scene]:
    """The scenes of a session, each of a stable mood, for a playlist that follows it.

    The scenes are those of the smallest sum of squared distances to their mean, with a cost for each further scene
    (optimal partitioning: B. Jackson et al., IEEE Signal Processing Letters 12(2), 2005). So a change counts by its
    size and its duration. A gap without faces shorter than `shortest_s` does not interrupt a scene.

    Args:
        table: output of `Timeline.table`, or a part of it.
        shortest_s: the shortest scene in seconds. A shorter scene occurs only between two gaps.

    Returns:
        In order of time. Neighbours differ in their quadrant or their emotion, or have a gap between them.
    """
    finder = SceneFinder(shortest_s=shortest_s, change_cost=_SESSION_CHANGE_COST)
    finder.add(table)
    return finder.scenes()


_ROUNDING_S = 1e-6
_LONGEST = 60  # shortest scenes in a piece. A longer scene consists of several pieces of the same kind


class SceneFinder:
    """The scenes of a timeline that grows. The work for each new row does not depend on the length of the timeline.

    Attributes:
        num_compared: how many pieces of the timeline were compared, a measure of the work.
    """

    def __init__(self, *, shortest_s: float, change_cost: float = _CHANGE_COST) -> None:
        """Begin without rows.

        Args:
            shortest_s: as for `scenes_of`.
            change_cost: the cost of a further scene, for each second of the shortest one.
        """
        self.num_compared = 0
        self._shortest_s, self._cost = shortest_s, change_cost * shortest_s
        self._ended: list[Scene] = []  # the scenes before the last gap
        self._begin()

    def _begin(self) -> None:
        """Begin the rows after a gap. Entry n of the sums and of the best partitions is about the first n rows."""
        self._rows = np.zeros((0, 3))  # time, seconds, cost of a scene
        self._sums = np.zeros((1, 4 + len(EMOTIONS)))  # seconds, squares and features of the first rows
        self._best, self._starts = np.zeros(1), np.zeros(1, int)  # the smallest total, and the start of its last piece

    def add(self, table: pd.DataFrame, cuts_s: Collection[float] = ()) -> None:
        """Add the next rows of the timeline, with the times of those after a cut, where a scene costs less.

        A row counts for a second, or for its column `seconds`.
        """
        faces = table[table["num_faces"] > 0]
        times, shares = faces["time_s"].to_numpy(np.float64), faces[SHARES].to_numpy()
        seconds = faces["seconds"].to_numpy() if "seconds" in faces else np.ones(len(times))
        costs = np.where(faces["time_s"].isin(cuts_s), _COST_AT_CUT, 1.0) * self._cost
        ends = np.append(self._rows[-1:, :2].sum(axis=1) if len(self._rows) else times[:1], times + seconds)
        gaps = np.flatnonzero(times - ends[:-1] >= self._shortest_s - _ROUNDING_S).tolist()
        rows = np.column_stack([times, seconds, costs])
        for first, stop in itertools.pairwise(dict.fromkeys([0, *gaps, len(times)])):
            if first in gaps:
                self._ended = self.scenes()
                self._begin()
            self._extend(rows[first:stop], shares[first:stop])

    def _extend(self, rows: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> None:
        """Find the best partition up to each of these rows, into pieces of at least the shortest scene.

        `best[end]` is the least of `best[start] + cost[start] + spread(start, end)` over the starts of the last piece,
        where the spread is the sum of squared distances to the mean. Sums of all rows so far give it for any piece.
        """
        features = np.hstack([affect_of_rows(shares), shares * _PROBABILITY_WEIGHT**0.5])
        squares = (features**2).sum(axis=1, keepdims=True)
        weighted = np.hstack([np.ones_like(squares), squares, features]) * rows[:, 1:2]

        self._rows = np.vstack([self._rows, rows])
        self._sums = np.vstack([self._sums[:-1], np.vstack([self._sums[-1:], weighted]).cumsum(axis=0)])
        self._best = np.append(self._best, np.full(len(rows), np.inf))
        self._starts = np.append(self._starts, np.zeros(len(rows), int))

        elapsed, square_sums, sums = self._sums[:, 0], self._sums[:, 1], self._sums[:, 2:]
        shortest_s, costs = self._shortest_s - _ROUNDING_S, self._rows[:, 2]
        for end in range(len(elapsed) - len(rows), len(elapsed)):
            low, stop = elapsed[:end].searchsorted(
                [elapsed[end] - _LONGEST * self._shortest_s - _ROUNDING_S, elapsed[end] - shortest_s + 1e-9]
            )
            low = min(low, max(stop - 1, 0)) if np.isfinite(self._best[low:stop]).any() else 0
            if not stop:  # shorter than the shortest scene
                continue
            before = slice(low, stop)  # the possible starts of the last piece
            lengths_s = elapsed[end] - elapsed[before]
            away = ((sums[end] - sums[before]) ** 2).sum(axis=1) / lengths_s
            totals = self._best[before] + costs[before] + square_sums[end] - square_sums[before] - away
            choice = totals.argmin()
            self._best[end], self._starts[end] = totals[choice], low + choice
            self.num_compared += len(totals)

    def scenes(self) -> list[Scene]:
        """The scenes so far, as from `scenes_of`; the last one may still change."""
        ends = [len(self._rows)]
        while ends[-1]:
            ends.append(int(self._starts[ends[-1]]))
        found: list[tuple[int, Scene]] = []  # with the first row of each
        for start, end in itertools.pairwise(reversed(ends)):
            scene = self._scene(start, end)
            # Repeated, because the mean of a joined scene may equal the previous one
            while found and _kind(found[-1][1]) == _kind(scene):
                start, _ = found.pop()
                scene = self._scene(start, end)
            found.append((start, scene))
        return [*self._ended, *(scene for _, scene in found)]

    def _scene(self, start: int, end: int) -> Scene:
        """The scene from a row up to another one."""
        start_s, end_s = self._rows[start, 0], min([self._rows[end - 1, :2].sum(), *self._rows[end : end + 1, 0]])
        shares = (self._sums[end, 4:] - self._sums[start, 4:]).clip(0)  # rounding may make a 0 negative
        probabilities = EmotionProbabilities((shares / shares.sum()).astype(np.float32))
        return Scene(float(start_s), float(end_s - start_s), probabilities)


def _kind(scene: Scene) -> tuple[str, str]:
    return scene.quadrant, scene.emotion
