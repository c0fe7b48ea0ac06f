"""Song recommendations for a point on the affect plane.

*Match* plays songs of the emotion's mood, close to the point. *Soothe* plays songs that calm tense emotions and lift
the others. *Journey* goes in steps from the point to that mood, the iso principle of music therapy [1]. *Report* plays
songs of the mood that the report "Music Mood Lifter" assigns to the emotion.

A song fits a mood if it is its most probable mood. Other songs follow only if the filters leave too few that fit.

[1] I. M. Altshuler, "A psychiatrist's experience with music as a therapeutic agent", in D. M. Schullian &
M. Schoen (eds.), Music and Medicine, 1948.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from functools import cache, cached_property
from itertools import chain, count, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import NEUTRAL_RADIUS, AffectPoint, Emotion, Mood, Quadrant, certainty, share_text
from emomusic.assets import load_once
from emomusic.songs.catalogue import Catalogue, PlayHistory, key_of, normalize_text
from emomusic.songs.genres import SongKind, included_kinds
from emomusic.songs.journey import character_of, like_steps, moods_of_waypoints, step_reason, waypoints_between
from emomusic.songs.listing import Songs
from emomusic.songs.mood import MOODS
from emomusic.songs.request import Policy, Request, start_mood, target_of
from emomusic.songs.song import Pick, Player
from emomusic.songs.stored_moods import load_songs_and_moods

# Weights of the score. The probability alone gives all happy faces the same songs; closeness alone uses two of nine
# features.
_PROBABILITY_WEIGHT = 0.4
_CLOSENESS_WEIGHT = 0.6
_CLOSENESS_SIGMA = 0.45  # on the plane, whose diagonal is 2.8

# What popularity and chance add to the score at most, for the order only. People want songs they know
_BONUSES = (2 / 3, 0.05)

_FIRST_ROWS = (8, 1024)  # found one by one, and sorted first; the others only for longer lists

# Of a journey. For each waypoint on the straight way, songs compete by their squared distance in units of `_NEAR`, by
# popularity and by chance. A path through the best of them has like steps
_NEAR = 0.22
_JOURNEY_BONUSES = (1.7 * 2 / 3, 0.08)
_MOST_NEAR = 6  # songs for each waypoint; more take longer, and make steps no more alike

# Columns of a song. The first two are valence and arousal, the last four the probabilities of `MOODS`
_FAMILIARITY, _PROBABILITIES = 2, 3

JOURNEY_STEPS = 10
"""Songs of a journey in `Recommender.walk`."""


class Recommender(Songs):
    """Ranking of the songs of a catalogue."""

    def __init__(self, catalogue: Catalogue, probabilities: npt.NDArray[np.float32]) -> None:
        """Prepare the ranking."""
        super().__init__(catalogue, probabilities)
        table = catalogue.table
        self._tempo_bpm = np.nan_to_num(table["tempo_bpm"].to_numpy(np.float32))  # unknown for audio files
        # The songs of a mood lie side by side: a slice is read several times faster than chosen rows
        self._sorted = np.argsort(self.moods, kind="stable")
        self._starts = np.searchsorted(self.moods[self._sorted], range(len(MOODS) + 1))
        popularity = table.get("popularity", pd.Series(np.nan, table.index)).astype(np.float64)
        known = popularity.fillna(popularity.median()).fillna(0.0).to_numpy() / 100  # the median for unknown values
        columns = (*self.plane.T, known, *probabilities.T)
        self._columns = np.array([column[self._sorted] for column in columns], np.float32)

    @cached_property
    def _ranks(self) -> npt.NDArray[np.float32]:
        """Shape (n, 2): ranks within the mood, evenly from -1 to 1. What is heard lies at the corners of the plane."""
        groups = pd.DataFrame(self.plane).groupby(self.moods)
        places = (groups.rank(method="first") - 1) / (groups.transform("size") - 1).clip(lower=1).to_numpy()[:, None]
        return np.asarray(2 * places - 1, np.float32)

    def songs(self, request: Request, num_songs: int = 5) -> list[Pick]:
        """Recommended songs, best first.

        A request always gives the same order. No song is repeated, and an artist occurs once in `ARTIST_WINDOW` songs.

        Args:
            request: target, policy and filters.
            num_songs: at least 1. The result is shorter if songs run out, and a journey if they allow fewer like steps.
        """
        if num_songs < 1:
            raise ValueError(f"num_songs must be at least 1. Received: {num_songs}")
        is_journey = request.policy is Policy.JOURNEY
        return self._journey(request, num_songs) if is_journey else list(islice(self.walk(request), num_songs))

    def walk(self, request: Request, played: Sequence[Pick] = ()) -> Iterator[Pick]:
        """All songs for a request, best first, each chosen when it is asked for. For one thread at a time.

        Songs of the target mood follow the `JOURNEY_STEPS` songs of a journey, and may repeat one of them.

        Args:
            request: target, policy and filters.
            played: songs that were played. If they are the steps of a journey, it continues from the last one.
        """
        if request.turns:
            yield from self._walk_in_turn(request, played)
            return
        target, mood = target_of(request)
        if request.policy is Policy.JOURNEY:
            if len(played) < JOURNEY_STEPS and all(pick.is_step for pick in played):
                yield from self._journey(request, JOURNEY_STEPS, played)
            request = replace(request, point=target, mood=mood, policy=Policy.MATCH)
        for number, row in enumerate(self._rows(target, mood, request), 1):
            probability, place = self.probabilities[row, MOODS.index(mood)], self.plane[row]
            score = float(_scores(probability, _distances(place, target)))
            likeliest, surest = self.mood_of(row), float(self.probabilities[row].max())
            is_labelled = self.num_labelled and self.catalogue.song(row).mood is not None
            words = f"{'labelled' if is_labelled else certainty(surest)} {likeliest}"
            words += "" if is_labelled else f" ({share_text(surest)})"
            words = words.capitalize() if likeliest is mood else f"Nearest to {mood}: {words}"
            yield self._pick(number, row, mood, score, f"{words}, {character_of(self.point_of(row))}")

    def _walk_in_turn(self, request: Request, played: Sequence[Pick]) -> Iterator[Pick]:
        """A song for each of several listeners, again and again; no song twice."""
        turns = deque(request.turns)
        turns.rotate(-len(played))
        walks = {name: self.walk(replace(request, point=at, emotion=of, turns=())) for name, at, of in turns}
        known = {key_of(pick.song) for pick in played}
        while walks:
            for name, walk in [*walks.items()]:
                pick = next((pick for pick in walk if key_of(pick.song) not in known), None)
                if pick is None:
                    del walks[name]
                else:
                    known.add(key_of(pick.song))
                    yield replace(pick, reason=f"For {name}: {pick.reason}")

    def passing(self, request: Request) -> npt.NDArray[np.bool_]:
        """Shape (n,): songs that pass the filters."""
        included = included_kinds(request.genres, request.today)
        return self.catalogue.passing(
            genres=request.genres,
            traits=request.traits,
            hide_explicit=request.hide_explicit,
            without_kinds=[kind for kind in SongKind if kind not in included],
        )

    def is_there(self, row: int) -> bool:
        """Whether a song can be played: its file, if it is one of the library, exists."""
        if self.catalogue.songs is None or (song := self.catalogue.song(row)).player is not Player.LIBRARY:
            return True
        return os.path.isfile(song.path or "")  # noqa: PTH113  Path.is_file raises for a disk that does not answer

    def why_none(self, request: Request) -> str:
        """A sentence on why a request has no songs."""
        passing = self.passing(request)
        if any(map(self.is_there, np.flatnonzero(passing).tolist())):
            return "All of these songs are skipped"
        if passing.any():
            return "The files of these songs are gone; connect their disk, or run emomusic library update"
        if request.genres or request.hide_explicit or request.traits:
            return "No song passes these genres and options"
        return f"All {len(passing):,} songs are speech, sleep sounds, children's or holiday songs, which are left out"

    def _rows(self, target: AffectPoint, mood: Mood, request: Request) -> Iterator[int]:
        """Rows that fit the mood, then other rows, by descending score and bonus.

        A row waits while one of its artists is in the window. The iterator ends if all remaining rows wait. Audio files
        may have few artists, so those that fit the mood do not wait for others.
        """
        passing = self.passing(request)
        both = (self._by_priority(target, mood, request, passing, fitting=fitting) for fitting in (True, False))
        orders = [filter(self.is_there, order) for order in both]
        is_local = self.catalogue.is_local
        history = PlayHistory(self.catalogue)
        for order in orders if is_local else [chain(*orders)]:
            waiting: list[int] = []  # before all rows of `order`
            while (row := _take_allowed(waiting, order, history, any_artist=is_local)) is not None:
                history.add(row)
                yield row

    def _by_priority(
        self, target: AffectPoint, mood: Mood, request: Request, passing: npt.NDArray[np.bool_], *, fitting: bool
    ) -> Iterator[int]:
        rows, columns, bonus = self._candidates(mood, request, passing, _BONUSES, fitting=fitting)
        if fitting and self.catalogue.is_local:
            priorities = -np.linalg.norm(self._ranks[rows] - _place_among_faces(target, mood), axis=1)
        else:
            priorities = _scores(columns[_PROBABILITIES + MOODS.index(mood)], _distances(columns, target))
        yield from _lowest_first(-priorities - bonus, rows)

    def _candidates(
        self, mood: Mood, request: Request, passing: npt.NDArray[np.bool_], most: tuple[float, float], *, fitting: bool
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Rows whose most probable mood is this one, or another; their columns; and what their scores gain.

        Songs gain at most the bonuses `most`; those that do not pass the filters gain minus infinity.
        """
        group = slice(*self._starts[MOODS.index(mood) :][:2])
        rows, columns = self._sorted[group], self._columns[:, group]
        if not fitting:
            others = np.delete(self._sorted, group)
            order = others.argsort()
            rows, columns = others[order], np.delete(self._columns, group, axis=1)[:, order]
        popularity, chance = map(np.float32, most)
        bonus = np.random.default_rng(request.seed).random(len(rows), np.float32) * chance
        bonus += popularity * columns[_FAMILIARITY]
        bonus[~passing[rows]] = -np.inf
        return rows, columns, bonus

    def _journey(self, request: Request, num_songs: int, played: Sequence[Pick] = ()) -> list[Pick]:
        """The steps of a journey of `num_songs` songs that follow the played ones. It is shorter if songs run out."""
        target, mood = target_of(request)
        num_left = num_songs - len(played)
        before = [request.point, *(pick.point for pick in played if pick.point is not None)]
        near = self._near_the_way(before[-1], num_left, request, played)
        ends = [position for position, row in enumerate(near) if self.mood_of(row) is mood]
        path = like_steps(before[-1], target, self.plane[near], self._tempo_bpm[near], ends, num_left)
        rows = [near[position] for position in path]
        points = [*before, *map(self.point_of, rows)]
        waypoints = waypoints_between(before[-1], target, len(rows))
        away = [self.point_of(row).distance(waypoint) for row, waypoint in zip(rows, waypoints, strict=True)]
        scores = _closeness(np.array(away, np.float32)).tolist()
        return [
            replace(self._pick(step, row, self.mood_of(row), score, step_reason(points, step, target)), is_step=True)
            for step, row, score in zip(count(len(before)), rows, scores, strict=False)
        ]

    def _near_the_way(self, start: AffectPoint, num_points: int, request: Request, played: Sequence[Pick]) -> list[int]:
        """Rows near the straight way from a point to the target: for each waypoint some with its mood, else others.

        They are different songs, and of different artists unless they are audio files, which may have few artists.
        """
        target, mood = target_of(request)
        window = 1 if self.catalogue.is_local else len(self.catalogue) + 1
        history = PlayHistory(self.catalogue, window=window)
        for pick in played:
            if (row := self.catalogue.row_of(pick.song.id)) is not None:
                history.add(row)
        passing = self.passing(request)

        @cache
        def candidates(mood: Mood, fitting: bool) -> tuple[npt.NDArray[Any], ...]:
            return self._candidates(mood, request, passing, _JOURNEY_BONUSES, fitting=fitting)

        def by_cost(waypoint: AffectPoint, mood: Mood) -> Iterator[int]:
            for fitting in (True, False):
                rows, columns, bonus = candidates(mood, fitting)
                yield from _lowest_first((_distances(columns, waypoint) / np.float32(_NEAR)) ** 2 - bonus, rows)

        waypoints = waypoints_between(start, target, num_points)
        moods = moods_of_waypoints(waypoints, mood if played else start_mood(request), mood)
        orders = [*map(by_cost, waypoints, moods)]
        found: list[int] = []
        for order in orders * _MOST_NEAR:
            if (row := next((row for row in order if history.allows(row) and self.is_there(row)), None)) is not None:
                history.add(row)
                found.append(row)
            elif len(found) < num_points:  # songs run out: the last waypoints need some, too
                return self._near_the_way(start, len(found), request, played) if found else []
        return found

    def _pick(self, number: int, row: int, mood: Mood, score: float, reason: str) -> Pick:
        song, likeliest = self.catalogue.song(row), self.mood_of(row)
        return Pick(song, mood, score, reason, likeliest, number, point=self.point_of(row))


def _place_among_faces(point: AffectPoint, mood: Mood) -> npt.NDArray[np.float32]:
    """Where a point lies between the faces of a mood: -1 is the darkest or quietest one, 1 the brightest or liveliest.

    Among audio files, the brightest happy face gets the brightest happy song.
    """
    faces = [emotion.point for emotion in Emotion if emotion.mood_at(emotion.point) is mood]
    points = np.array([(place.valence, place.arousal) for place in [*faces, Emotion.NEUTRAL.point]])
    low, high = points.min(axis=0), points.max(axis=0)
    if mood is Quadrant.N.mood:  # for the unpleasant half of the neutral faces
        low, high = np.array([-NEUTRAL_RADIUS, -NEUTRAL_RADIUS / 2]), np.array([0, NEUTRAL_RADIUS / 2])
    place = 2 * (np.array([point.valence, point.arousal]) - low) / (high - low) - 1
    return np.asarray(np.clip(place, -1, 1), np.float32)


def _take_allowed(waiting: list[int], order: Iterator[int], history: PlayHistory, *, any_artist: bool) -> int | None:
    """Next allowed row from `waiting` or `order`; skipped rows of `order` go to `waiting`.

    With `any_artist`, the first waiting row follows if none is allowed.
    """
    for row in waiting:
        if history.allows(row):
            waiting.remove(row)
            return row
    for row in order:
        if history.allows(row):
            return row
        if not history.knows(row):
            waiting.append(row)
    while any_artist and waiting:
        if not history.knows(row := waiting.pop(0)):
            return row
    return None


def _distances(columns: npt.NDArray[np.float32], point: AffectPoint) -> npt.NDArray[np.float32]:
    """Distances from a point to the places in the first two columns: valence and arousal."""
    valence, arousal = columns[0] - np.float32(point.valence), columns[1] - np.float32(point.arousal)
    return np.asarray(np.sqrt(valence**2 + arousal**2))  # `np.hypot` takes three times as long


def _scores(probabilities: npt.NDArray[np.float32], distances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores, 0 to 1."""
    scores = _PROBABILITY_WEIGHT * probabilities + _CLOSENESS_WEIGHT * _closeness(distances)
    return np.asarray(np.minimum(scores, 1.0))  # float32 rounding can exceed 1


def _lowest_first(costs: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]) -> Iterator[int]:
    """Rows of finite costs, by ascending cost. The first ones do not need a full sort. Changes the costs."""
    one_by_one, few = _FIRST_ROWS
    for _ in range(min(one_by_one, len(costs))):
        lowest = costs.argmin()
        if costs[lowest] == np.inf:
            return
        yield int(rows[lowest])
        costs[lowest] = np.inf
    for size in (few, len(costs)):
        best = np.argpartition(costs, size)[:size] if size < len(costs) else np.arange(len(costs))
        best = best[np.lexsort((best, costs[best]))]
        yield from rows[best[np.isfinite(costs[best])]].tolist()
        costs[best] = np.inf


def _closeness(distances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Gaussian of the distance, 1 at distance 0."""
    closeness: npt.NDArray[np.float32] = np.exp(-0.5 * (distances / _CLOSENESS_SIGMA) ** 2)
    return closeness


def one_song_each(
    requests: Sequence[Request], recommender: Recommender, skipped: Set[str] = frozenset()
) -> list[Pick | None]:
    """One song for each request without repetition, for changing moods; None where no other song fits.

    `skipped` are ids of songs and normalized names of artists that are left out.
    """
    chosen: list[Pick | None] = []
    taken = set(skipped)
    for request in requests:
        names = ((pick, {pick.song.id, *map(normalize_text, pick.song.artists)}) for pick in recommender.walk(request))
        pick = next((pick for pick, known in names if taken.isdisjoint(known)), None)
        chosen.append(pick)
        if pick is not None:
            taken.add(pick.song.id)
    return chosen


@load_once
def load_recommender() -> Recommender:
    """Recommender for the bundled catalogue and the default mood model, loaded once. Threads may share it.

    Raises:
        DatasetError: the catalogue is absent or damaged.
        ModelError: no moods are stored, and the mood model is absent or damaged.
    """
    return Recommender(*load_songs_and_moods())
