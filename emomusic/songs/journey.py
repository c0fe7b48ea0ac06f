"""A journey from a listener to a target: a path through songs in steps of like length, and what each step is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emomusic.affect import NEUTRAL_RADIUS, AffectPoint, Mood

_STEP_COST = 10.0  # per squared distance on the plane
_TEMPO_JUMP_COST = 0.25  # per 100 BPM
_LATER_COST = 0.02  # the cost of each song for a waypoint that is better
_ENDS = 4.0  # weight of the ways from the listener to the first song, and from the last one to the target
_LONGEST_STEP = 1.6  # in mean steps
_NEAREST = 0.15  # the first song is at most so much farther from the listener than the nearest one on the way


def waypoints_between(start: AffectPoint, target: AffectPoint, num_points: int) -> list[AffectPoint]:
    """Evenly spaced points from start to target, both included. A single point is the start."""
    ends = ((start.valence, start.arousal), (target.valence, target.arousal))
    return [AffectPoint(*point) for point in np.linspace(*ends, num_points).tolist()]


def moods_of_waypoints(waypoints: list[AffectPoint], first: Mood, last: Mood) -> list[Mood]:
    """Mood of each waypoint; a single one has the first mood."""
    moods = [waypoint.quadrant.mood for waypoint in waypoints]
    return [first, *moods[1:-1], last][: len(moods)]


def like_steps(
    start: AffectPoint,
    target: AffectPoint,
    points: npt.NDArray[np.float32],
    tempo_bpm: npt.NDArray[np.float32],
    ends: Sequence[int],
    most: int,
) -> list[int]:
    """The positions of songs that lead from a point to a target in steps of like length, each nearer to the target.

    Of each number of steps, the path with the smallest sum of squared steps is found (Viterbi). The result is the
    longest one without a step that is much longer than the others.

    Args:
        start: point before the first song.
        target: point after the last song.
        points: valence and arousal of the songs, shape (n, 2), the better ones first.
        tempo_bpm: the tempo of the songs, shape (n,); it changes little between neighbours.
        ends: positions of the songs that may be the last one; all if there is none.
        most: number of songs.
    """
    first, last = (((points - (at.valence, at.arousal)) ** 2).sum(axis=1) for at in (start, target))
    steps = ((points[:, None] - points) ** 2).sum(axis=2)
    costs = _LATER_COST * np.arange(len(points)) / most
    links = _STEP_COST * steps + _TEMPO_JUMP_COST / 100 * np.abs(tempo_bpm[:, None] - tempo_bpm) + costs
    links[last >= last[:, None]] = np.inf
    final = np.full(len(points), np.inf if ends else 0.0)
    final[[*ends]] = 0.0
    final += _ENDS * _STEP_COST * last
    away = np.where(last <= (start.distance(target) + NEUTRAL_RADIUS) ** 2, first, np.inf)  # none far behind
    away = away if np.isfinite(away).any() else first
    totals = np.where(
        away <= (away.min(initial=np.inf) ** 0.5 + _NEAREST) ** 2, _ENDS * _STEP_COST * first + costs, np.inf
    )
    before, best = list[npt.NDArray[np.intp]](), list[int]()
    for _ in range(most if len(points) else 0):
        path = [int((totals + final).argmin())]
        for origins in reversed(before):
            path.append(int(origins[path[-1]]))
        lengths = np.sqrt(steps[path[:-1], path[1:]])
        is_even = len(path) < 3 or lengths.max() <= _LONGEST_STEP * lengths.mean()
        if (totals + final).min() < np.inf and (is_even or not best):
            best = path[::-1]
        before.append((totals[:, None] + links).argmin(axis=0))
        totals = (totals[:, None] + links).min(axis=0)
    return best


def step_reason(points: Sequence[AffectPoint], step: int, target: AffectPoint) -> str:
    """The reason for a step of a journey, counted from 1, by the listener's point and those of the songs."""
    before, point = points[step - 1], points[step]
    valence, arousal = point.valence - before.valence, point.arousal - before.arousal
    if (character := character_of(point)) != character_of(before):
        words = f"from {character_of(before)} to {character}"
    else:
        small = (_word(4 * valence, "darker", "", "brighter"), _word(4 * arousal, "quieter", "", "livelier"))
        words = ", a little ".join(filter(None, [f"still {character}", " and ".join(filter(None, small))]))
    there = ", close to the target" if point.distance(target) <= NEUTRAL_RADIUS else ""
    return f"Step {step} of {len(points) - 1}: {words}{there}"


def character_of(point: AffectPoint) -> str:
    """Description of a point: "bright and lively"."""
    return f"{_word(point.valence, 'dark', 'mild', 'bright')} and {_word(point.arousal, 'quiet', 'even', 'lively')}"


def _word(value: float, low: str, middle: str, high: str) -> str:
    return high if value >= 0.15 else low if value <= -0.15 else middle
