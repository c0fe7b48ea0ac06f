"""A journey from a listener to a target: a path through songs in even steps, and what each step is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emomusic.affect import NEUTRAL_RADIUS, AffectPoint

# Costs of a step of a journey: of how far it is from an even one, in units of `NEAR`, and of a change of the tempo. A
# step away from the target costs so much that it is taken only if there is no other
_UNEVEN_COST, _TEMPO_COST, _BACKWARD_COST = 4.0, 0.25, 100.0
_TEMPO_BPM = 100.0

NEAR = 0.15
"""The distance from a waypoint that costs as much as an unknown song in place of a well-known one."""


def waypoints_between(start: AffectPoint, target: AffectPoint, num_points: int) -> list[AffectPoint]:
    """Evenly spaced points from start to target, both included. A single point is the start."""
    ends = ((start.valence, start.arousal), (target.valence, target.arousal))
    return [AffectPoint(*point) for point in np.linspace(*ends, num_points).tolist()]


def even_path(
    target: AffectPoint,
    points: Sequence[npt.NDArray[np.float32]],
    tempo_bpm: Sequence[npt.NDArray[np.float32]],
    costs: Sequence[npt.NDArray[np.float32]],
    step: npt.NDArray[np.float64],
) -> list[int]:
    """The path of the smallest cost through one song for each waypoint (Viterbi): the position of each song.

    Args:
        target: the last waypoint.
        points: for each waypoint the places of its songs, shape (k, 2).
        tempo_bpm: their tempo, shape (k,).
        costs: the cost of each song, without the cost of its step, shape (k,).
        step: valence and arousal from one waypoint to the next.
    """
    goal = np.array([target.valence, target.arousal])
    totals, origins = costs[0], list[npt.NDArray[np.intp]]()
    for before, after in zip(range(len(points)), range(1, len(points)), strict=False):
        moves = points[after] - points[before][:, None]
        uneven = np.square((moves - step) / NEAR).sum(axis=2)
        tempo = np.abs(tempo_bpm[after] - tempo_bpm[before][:, None]) / _TEMPO_BPM
        left = [np.linalg.norm(own - goal, axis=1) for own in (points[before], points[after])]
        is_backward = left[1] > left[0][:, None]
        links = totals[:, None] + _UNEVEN_COST * uneven + _TEMPO_COST * tempo + _BACKWARD_COST * is_backward
        origins.append(links.argmin(axis=0))
        totals = links.min(axis=0) + costs[after]
    path = [int(totals.argmin())]
    for own in reversed(origins):
        path.append(int(own[path[-1]]))
    return path[::-1]


def step_reason(points: Sequence[AffectPoint], step: int, target: AffectPoint) -> str:
    """The reason for a step of a journey, counted from 1, by the listener's point and those of the songs."""
    before, point = points[step - 1], points[step]
    valence, arousal = point.valence - before.valence, point.arousal - before.arousal
    character = character_of(point)
    if character != character_of(before):
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
