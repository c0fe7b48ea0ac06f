"""Song recommendations for a point on the affect plane.

*Match* plays songs of the emotion's mood, close to the point; loud emotions get loud songs. *Soothe* plays songs at the
place that helps the emotion (`affect.BETTER_POINTS`). *Journey* goes in steps from the point to that place, the iso
principle of music therapy [1]. *Report* plays songs of the mood that the report "Music Mood Lifter" assigns to the
emotion.

A song fits a mood if it is its most probable mood. If too few fit, the nearest others on the same side of the arousal
axis follow. The distance of a song includes the uncertainty of its place: a song with an uncertain place is not mild.

[1] I. M. Altshuler, "A psychiatrist's experience with music as a therapeutic agent", in D. M. Schullian &
M. Schoen (eds.), Music and Medicine, 1948.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from functools import cached_property
from itertools import chain, count, islice

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import DOMINANCE, AffectPoint, Mood, Quadrant, certainty, share_text
from emomusic.assets import load_once
from emomusic.songs.catalogue import Catalogue, PlayHistory, key_of, normalize_text
from emomusic.songs.genres import SongKind, has_words, included_kinds
from emomusic.songs.journey import NEAR, character_of, even_path, step_reason, waypoints_between
from emomusic.songs.listing import Songs
from emomusic.songs.mood import MOODS
from emomusic.songs.place import Floats, Places, load_place_model
from emomusic.songs.request import Policy, Request, nearest_emotion, target_of
from emomusic.songs.song import Pick, Player
from emomusic.songs.stored_moods import load_songs_and_moods

# Weights of the score: how probably people hear the mood, and how near the song is
_PROBABILITY_WEIGHT, _CLOSENESS_WEIGHT = 0.4, 0.6
_CLOSENESS_SIGMA = 0.45  # on the plane, whose diagonal is 2.8
_LOUDNESS_WEIGHT = 0.3  # of the order only, for songs whose loudness among those of their mood suits the listener
_LOUDEST_AT = 0.7  # arousal

# The most that popularity and chance add to the score, for the order only. People want songs they know
_BONUSES = (1.0, 0.05)

_FIRST_ROWS = (8, 1024)  # found one by one, and sorted first; the others only for longer lists

# Of a journey. For each waypoint, songs compete by their squared distance in units of `NEAR`, by popularity, by chance
# and by their loudness
_JOURNEY_BONUSES = (1.2, 0.08)
_JOURNEY_LOUDNESS = 0.5
_MOST_NEAR = 12  # songs for each waypoint; more take longer and do not make steps more even

# Columns of a song. The first two are valence and arousal, the next two how much its doubt widens the closeness, and
# the last four the probabilities of `MOODS`
_VARIANCES, _FAMILIARITY, _LOUDNESS, _PROBABILITIES = 2, 4, 5, 6

JOURNEY_STEPS = 10
"""Songs of a journey in `Recommender.walk`."""


class Recommender(Songs):
    """Ranking of the songs of a catalogue."""

    def __init__(self, catalogue: Catalogue, predicted: Floats, places: Places | None = None) -> None:
        """Prepare the ranking."""
        super().__init__(catalogue, predicted, places=places)
        table = catalogue.table
        self._tempo_bpm = np.nan_to_num(table["tempo_bpm"].to_numpy(np.float32))  # unknown for audio files
        # The songs of a mood lie side by side: a slice is read several times faster than chosen rows
        self._sorted = np.argsort(self.moods, kind="stable")
        self._starts = np.searchsorted(self.moods[self._sorted], range(len(MOODS) + 1))
        popularity = table.get("popularity", pd.Series(np.nan, table.index)).astype(np.float64)
        known = popularity.fillna(popularity.median()).fillna(0.0).to_numpy() / 100  # the median for unknown values
        spreads = self.places.spreads
        doubt = spreads - spreads.min(axis=0, initial=np.inf)  # people disagree even about the most certain songs
        groups = table[["energy", "loudness_db"]].groupby(self.moods)
        loud = ((groups.rank() - 0.5) / groups.transform("count")).mean(axis=1, skipna=False)
        loudness = 2 * loud.fillna(0.5).to_numpy() - 1  # -1 to 1 among the songs of the mood
        wider = (_CLOSENESS_SIGMA**2 + doubt**2) / _CLOSENESS_SIGMA**2
        columns = (*self.plane.T, *wider.T, known, loudness, *self.probabilities.T)
        self._columns = np.array([column[self._sorted] for column in columns], np.float32)

    @cached_property
    def _is_gentle(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): songs whose titles are neither rude nor violent."""
        violent = has_words(self.catalogue.table["title"], "violent").to_numpy(bool)
        return np.asarray(~(self.catalogue.has_rude_title | violent))

    @cached_property
    def _soothes(self) -> npt.NDArray[np.bool_]:
        """Shape (n,): gentle songs without a tense genre."""
        return np.asarray(self._is_gentle & ~load_place_model().is_tense(self.catalogue))

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
            probability = self.probabilities[row, MOODS.index(mood)]
            score = float(_scores(probability, _closeness(_distances(self.plane[row], target))))
            yield self._pick(number, row, mood, score, self._reason(row, mood))

    def _reason(self, row: int, mood: Mood) -> str:
        """Why a song plays for a mood: "Probably sad (52 %), dark and quiet"."""
        likeliest, surest, point = self.mood_of(row), float(self.probabilities[row].max()), self.point_of(row)
        if self.catalogue.labels[row] >= 0:
            words = f"labelled {likeliest}"
        elif point.quadrant is Quadrant.N:
            words = f"near the middle, rather {likeliest} ({share_text(surest)})"
        else:
            words = f"{certainty(surest)} {likeliest} ({share_text(surest)})"
        words = words.capitalize() if likeliest is mood else f"Nearest to {mood}: {words}"
        return f"{words}, {character_of(point)}"

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
        """Shape (n,): songs that pass the filters of a request."""
        included = included_kinds(request.genres, request.today)
        return self.catalogue.passing(
            genres=request.genres,
            traits=request.traits,
            hide_explicit=request.hide_explicit,
            without_kinds=[kind for kind in SongKind if kind not in included],
        )

    def is_there(self, row: int) -> bool:
        """Whether a song can be played: its file, if it is one of the library, exists."""
        if self.catalogue.songs is None:
            return True
        song = self.catalogue.song(row)
        if song.player is not Player.LIBRARY:
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
        is_middle = target.quadrant is Quadrant.N or request.policy is Policy.SOOTHE
        if is_middle and not request.genres and (passing & self._soothes).any():
            passing &= self._soothes
        side = self.plane[:, 1] >= 0 if target.arousal >= 0 else self.plane[:, 1] < 0
        beside = passing & side if (passing & side).any() else passing  # never across the arousal axis, if it can be
        fitting = self._by_priority(target, mood, request, passing, fitting=True)
        others = self._by_priority(target, mood, request, beside, fitting=False)
        orders = [filter(self.is_there, order) for order in (fitting, others)]
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
        if not fitting:
            priorities = -_distances(columns, target)
        else:
            priorities = _scores(columns[_PROBABILITIES + MOODS.index(mood)], _expected_closeness(columns, target))
            priorities += _LOUDNESS_WEIGHT * _closeness(columns[_LOUDNESS] - np.float32(_loudness_of(request, target)))
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
        target, _ = target_of(request)
        before = [request.point, *(pick.point for pick in played if pick.point is not None)]
        layers = self._near_the_way(before[-1], num_songs - len(played), request, played)
        waypoints = waypoints_between(before[-1], target, len(layers))
        if not layers:
            return []
        ends = np.array([(point.valence, point.arousal) for point in (waypoints[0], waypoints[-1])])
        step = (ends[1] - ends[0]) / max(len(layers) - 1, 1)
        costs = [np.array([cost for cost, _ in layer], np.float32) for layer in layers]
        numbers = [[row for _, row in layer] for layer in layers]
        points, tempo = ([own[rows] for rows in numbers] for own in (self.plane, self._tempo_bpm))
        path = even_path(target, points, tempo, costs, step)
        rows = [own[position] for own, position in zip(numbers, path, strict=True)]
        points_on_way = [*before, *map(self.point_of, rows)]
        away = [self.point_of(row).distance(waypoint) for row, waypoint in zip(rows, waypoints, strict=True)]
        scores = _closeness(np.array(away, np.float32)).tolist()
        return [
            replace(
                self._pick(number, row, self.mood_of(row), score, step_reason(points_on_way, number, target)),
                is_step=True,
            )
            for number, row, score in zip(count(len(before)), rows, scores, strict=False)
        ]

    def _near_the_way(
        self, start: AffectPoint, num_points: int, request: Request, played: Sequence[Pick]
    ) -> list[list[tuple[float, int]]]:
        """For each waypoint on the straight way to the target, the costs and rows of the songs near it, the best first.

        They are different songs, and of different artists unless they are audio files, which may have few artists.
        """
        target, mood = target_of(request)
        window = 1 if self.catalogue.is_local else len(self.catalogue) + 1
        history = PlayHistory(self.catalogue, window=window)
        for pick in played:
            if (row := self.catalogue.row_of(pick.song.id)) is not None:
                history.add(row)
        waypoints = waypoints_between(start, target, num_points)
        passing = self.passing(request)
        if (passing & self._is_gentle).any():
            passing &= self._is_gentle
        random = np.random.default_rng(request.seed).random(len(self), np.float32)
        columns = self._columns[:, self._sorted.argsort()]
        known, chance = _JOURNEY_BONUSES
        bonus = known * columns[_FAMILIARITY] + chance * random

        def by_cost(waypoint: AffectPoint, is_last: bool) -> Iterator[tuple[float, int]]:
            allowed = passing
            if waypoint.quadrant is not Quadrant.Q2 and not request.genres and (passing & self._soothes).any():
                allowed = passing & self._soothes
            if is_last and (allowed & (self.moods == MOODS.index(mood))).any():
                allowed = allowed & (self.moods == MOODS.index(mood))
            costs = (_distances(columns, waypoint) / np.float32(NEAR)) ** 2 - bonus
            costs += 2 * _remoteness(columns, waypoint)
            if waypoint.arousal < 0:  # calming songs are soft
                costs += _JOURNEY_LOUDNESS * (columns[_LOUDNESS] - np.float32(_loudness_at(waypoint))) ** 2
            costs[~allowed] = np.inf
            own = costs.copy()
            return ((float(own[row]), row) for row in _lowest_first(costs, np.arange(len(costs))))

        orders = [by_cost(waypoint, number == num_points) for number, waypoint in enumerate(waypoints, 1)]
        layers: list[list[tuple[float, int]]] = [[] for _ in waypoints]
        for layer, order in [*zip(layers, orders, strict=True)] * _MOST_NEAR:
            found = next(((cost, row) for cost, row in order if history.allows(row) and self.is_there(row)), None)
            if found is not None:
                history.add(found[1])
                layer.append(found)
            elif not layer:  # songs run out: each waypoint needs one
                num_found = sum(map(len, layers))
                return self._near_the_way(start, num_found, request, played) if num_found else []
        return layers

    def _pick(self, number: int, row: int, mood: Mood, score: float, reason: str) -> Pick:
        song, likeliest = self.catalogue.song(row), self.mood_of(row)
        return Pick(song, mood, score, reason, likeliest, number, point=self.point_of(row))


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
        row = waiting.pop(0)
        if not history.knows(row):
            return row
    return None


def _loudness_of(request: Request, target: AffectPoint) -> float:
    """The loudness among the songs of a mood that suits a listener, -1 to 1. A soft emotion wants softer songs."""
    wanted = _loudness_at(target)
    if request.mood is not None:
        return wanted
    own = DOMINANCE[request.emotion or nearest_emotion(request.point)] / max(DOMINANCE.values())
    return own if request.policy is Policy.MATCH else (wanted + min(own, wanted)) / 2


def _loudness_at(point: AffectPoint) -> float:
    """The loudness among the songs of a mood that suits a place, -1 to 1: lively songs are loud."""
    return float(np.clip(point.arousal / _LOUDEST_AT, -1, 1))


def _distances(columns: npt.NDArray[np.float32], point: AffectPoint) -> npt.NDArray[np.float32]:
    """Distances from a point to the places in the first two columns: valence and arousal."""
    valence, arousal = columns[0] - np.float32(point.valence), columns[1] - np.float32(point.arousal)
    return np.asarray(np.sqrt(valence**2 + arousal**2))  # `np.hypot` takes three times as long


def _expected_closeness(columns: Floats, point: AffectPoint) -> Floats:
    """The mean closeness to a point over the places where people may hear each song."""
    return np.asarray(np.exp(-_remoteness(columns, point)))


def _remoteness(columns: Floats, point: AffectPoint) -> Floats:
    """The negative logarithm of the expected closeness."""
    found = np.zeros(columns.shape[1:], np.float32)
    for axis, value in enumerate((point.valence, point.arousal)):
        wider = columns[_VARIANCES + axis]
        found += (columns[axis] - np.float32(value)) ** 2 / (wider * np.float32(_CLOSENESS_SIGMA**2)) + np.log(wider)
    return np.asarray(found / 2, np.float32)


def _scores(probabilities: Floats, closeness: Floats) -> Floats:
    """Scores, 0 to 1."""
    scores = _PROBABILITY_WEIGHT * probabilities + _CLOSENESS_WEIGHT * closeness
    return np.asarray(np.minimum(scores, 1.0))  # float32 rounding can exceed 1


def _lowest_first(costs: Floats, rows: npt.NDArray[np.intp]) -> Iterator[int]:
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
