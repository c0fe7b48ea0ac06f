"""Where the listener is, and where music should take them: ranked songs for a place on the affect plane.

Three policies. *Match* plays songs where the face is. *Soothe* plays songs of the mood that the report "Music Mood
Lifter" prescribes for the emotion. *Journey* begins where the face is and walks to a better mood: the iso
principle of music therapy [1].

[1] I. M. Altshuler, "A psychiatrist's experience with music as a therapeutic agent", in D. M. Schullian &
M. Schoen (eds.), Music and Medicine, 1948.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import NEUTRAL_RADIUS, AffectPoint, Mood, share_text
from emomusic.assets import ModelKind, folder_of
from emomusic.music.catalogue import Catalogue, Track, catalogue_file, load_catalogue
from emomusic.music.history import ARTIST_WINDOW, PlayHistory
from emomusic.music.mood import MOODS, MoodClassifier
from emomusic.music.mood_models import DEFAULT_MOOD_MODEL
from emomusic.music.request import Policy, Request, target_of
from emomusic.music.stored_moods import read_stored_moods

# How a song's fit is made, in shares of one. The classifier alone cannot tell two happy faces apart, nearness alone
# would ignore seven of the nine features. The mood counts as probability and as standing among the other songs: where a
# mood is rare its probabilities are all near nothing, yet one song is still likelier to have it than another.
_PROBABILITY_SHARE = 0.25
_RANK_SHARE = 0.25
_CLOSENESS_SHARE = 0.5
_NEAR = 0.45  # at this distance on the plane (a diagonal is 2.8) closeness has fallen to 0.61

# Added to the fit for the order only, never shown as score: enough to settle near-ties, too little to overturn fit.
_POPULARITY_BONUS = 0.3  # people like songs they know; the best known song against one nobody plays
_SHUFFLE = 0.05  # the seed's share

_INDIFFERENT = 0.6  # at this much adventure popularity does not matter; beyond it, unknown songs come first

_FIRST_ROWS = 1024  # sorted at once; the rest only when a list goes on that long

# A journey weighs, in distances on the plane, how far a song lies from its waypoint, how far the tempo jumps (100 BPM
# count like this distance), popularity and the seed. Few songs lie near a waypoint, so the seed needs more room to
# find others; popularity has less, to keep the steps even.
_TEMPO_JUMP_COST = 0.25
_JOURNEY_POPULARITY_BONUS = 0.225
_JOURNEY_SHUFFLE = 0.08
_CLOSE = NEUTRAL_RADIUS  # on the plane


@dataclass(frozen=True, slots=True)
class Song:
    """A recommended track.

    Attributes:
        track: the song.
        mood: the mood it was chosen for; on a journey, which passes through several, the one it most probably has.
        score: how well it fits, 0 to 1. The order also weighs popularity and the seed, so scores need not fall evenly.
        point: its place on the affect plane.
        reason: why it was chosen, one short sentence.
        likeliest: the mood that it most probably has; None where no model was asked.
    """

    track: Track
    mood: Mood
    score: float
    point: AffectPoint
    reason: str
    likeliest: Mood | None = None


class Recommender:
    """Ranks the songs of one catalogue. Everything is computed once; afterwards it only reads, so threads share it.

    Attributes:
        catalogue: the songs.
        probabilities: shape (n, 4), float32, of the moods in the order of `Mood`, for every row of the catalogue.
        plane: shape (n, 2), float32: valence and arousal of every row, from -1 to 1.
    """

    def __init__(self, catalogue: Catalogue, moods: MoodClassifier | npt.NDArray[np.float32]) -> None:
        """Prepare to rank the songs of a catalogue.

        Args:
            catalogue: the songs.
            moods: their mood probabilities, shape (n, 4); or the classifier that is asked for them.
        """
        table = catalogue.table
        self.catalogue = catalogue
        if not isinstance(moods, np.ndarray):
            moods = moods.predict_probabilities(catalogue.features, duration_s=catalogue.duration_s)
        self.probabilities = moods
        self._rank_percentile = _rank_percentile(self.probabilities)
        self.plane = catalogue.plane
        self._tempo_bpm = table["tempo_bpm"].to_numpy(np.float32)
        self._artists = table["artists"].to_numpy(object)
        self._titles = table["title"].to_numpy(object)
        self._familiarity = _familiarity(table)

    def songs(self, request: Request, num_songs: int = 5, *, page: int = 0) -> list[Song]:
        """Choose songs.

        Pages are slices of one order, which the request alone decides: with the same `num_songs`, no page repeats a
        song of an earlier one, and no artist comes twice in `ARTIST_WINDOW` songs, across pages too. For a journey
        every page is a walk of its own from start to target.

        Args:
            request: what to find songs for.
            num_songs: how many, at least 1; where fewer are left there are fewer.
            page: 0 for the first songs, 1 for those after them.
        """
        if num_songs < 1:
            raise ValueError(f"num_songs must be at least 1. Received: {num_songs}")
        if page < 0:
            raise ValueError(f"page must be at least 0. Received: {page}")
        if request.policy is Policy.JOURNEY:
            return self._journey(request, num_songs, page)
        target, mood = target_of(request)
        scores = self._scores(target, mood)
        priorities = scores + self._bonus(request, popularity=_POPULARITY_BONUS, shuffle=_SHUFFLE)
        rows = islice(self._walk(priorities), page * num_songs, (page + 1) * num_songs)
        return [self._song(row, mood, float(scores[row]), self._reason(row, request, target, mood)) for row in rows]

    def _scores(self, target: AffectPoint, mood: Mood) -> npt.NDArray[np.float32]:
        """How well every song fits, 0 to 1.

        Which mood wins a song does not matter: some moods win hardly any song of a catalogue.
        """
        position = MOODS.index(mood)
        scores: npt.NDArray[np.float32] = (
            _PROBABILITY_SHARE * self.probabilities[:, position]
            + _RANK_SHARE * self._rank_percentile[:, position]
            + _CLOSENESS_SHARE * _closeness(self._distances(target))
        )
        np.minimum(scores, 1.0, out=scores)  # rounding in 32 bits may leave it a hair above
        return scores

    def _distances(self, point: AffectPoint) -> npt.NDArray[np.float32]:
        distances: npt.NDArray[np.float32] = np.hypot(
            self.plane[:, 0] - np.float32(point.valence), self.plane[:, 1] - np.float32(point.arousal)
        )
        return distances

    def _bonus(self, request: Request, *, popularity: float, shuffle: float) -> npt.NDArray[np.float32]:
        """What the order adds to the fit: popularity, the seed's shuffle, and minus infinity for what is left out."""
        luck = np.random.default_rng(request.seed).random(len(self.catalogue), np.float32)
        familiar = np.float32(popularity * (1 - request.adventure / _INDIFFERENT))
        bonus = familiar * self._familiarity + np.float32(shuffle) * luck
        passing = self.catalogue.passing(
            genres=request.genres,
            decades=request.decades,
            tempo_bpm=request.tempo_bpm,
            hide_explicit=request.hide_explicit,
        )
        bonus[~passing] = -np.inf
        return bonus

    def _walk(self, priorities: npt.NDArray[np.float32]) -> Iterator[int]:
        """Rows from the best priority down, a row waiting while one of its artists was just heard.

        Ends when every row left must wait: a shorter list is better than a broken promise.
        """
        order = takewhile(lambda row: priorities[row] > -np.inf, _best_first(priorities))
        heard = PlayHistory(self._artists, self._titles)
        waiting: list[int] = []  # in order of priority; all of them better than what `order` still holds
        while (row := _take_allowed(waiting, order, heard)) is not None:
            heard.add(row)
            yield row

    def _journey(self, request: Request, num_songs: int, page: int) -> list[Song]:
        target, _ = target_of(request)
        bonus = self._bonus(request, popularity=_JOURNEY_POPULARITY_BONUS, shuffle=_JOURNEY_SHUFFLE)
        heard = PlayHistory(self._artists, self._titles, window=max(ARTIST_WINDOW, num_songs))
        rows: list[int] = []
        for _ in range(page + 1):
            rows = self._rows_on_the_way(request.point, target, num_songs, bonus, heard)
            for row in rows:
                heard.add(row)
        waypoints = _waypoints(request.point, target, len(rows))
        away = [self._point(row).distance(waypoint) for row, waypoint in zip(rows, waypoints, strict=True)]
        scores = _closeness(np.array(away, np.float32)).tolist()
        reasons = [self._step_reason(rows, step, request.point, target) for step in range(len(rows))]
        moods = [self._likeliest(row) for row in rows]
        return [self._song(*song) for song in zip(rows, moods, scores, reasons, strict=True)]

    def _rows_on_the_way(
        self,
        start: AffectPoint,
        target: AffectPoint,
        num_songs: int,
        bonus: npt.NDArray[np.float32],
        heard: PlayHistory,
    ) -> list[int]:
        """One row near each of so many waypoints; of fewer where songs run out, which still gets where it is going."""
        rows = self._rows_at(_waypoints(start, target, num_songs), bonus, heard.copy())
        while len(rows) < num_songs:
            num_songs = len(rows)
            rows = self._rows_at(_waypoints(start, target, num_songs), bonus, heard.copy())
        return rows

    def _rows_at(self, waypoints: list[AffectPoint], bonus: npt.NDArray[np.float32], heard: PlayHistory) -> list[int]:
        """A row near each waypoint, its tempo near the tempo before it, until none is left that `heard` allows."""
        rows: list[int] = []
        passed: list[int] = []  # over, for all of this walk: looking again at each step would make long ones slow
        for waypoint in waypoints:
            costs = self._distances(waypoint) - bonus
            costs[passed] = np.inf
            if rows:
                costs += _TEMPO_JUMP_COST / 100.0 * np.abs(self._tempo_bpm - self._tempo_bpm[rows[-1]])
            row = _cheapest_allowed(costs, heard, passed)
            if row is None:
                break
            heard.add(row)
            rows.append(row)
        return rows

    def _song(self, row: int, mood: Mood, score: float, reason: str) -> Song:
        track = self.catalogue.track(row)
        return Song(track, mood, score, track.point, reason, self._likeliest(row))

    def _likeliest(self, row: int) -> Mood:
        return MOODS[int(self.probabilities[row].argmax())]

    def _reason(self, row: int, request: Request, target: AffectPoint, mood: Mood) -> str:
        aim = "the mood it answers" if request.policy is Policy.MATCH and request.mood is None else "asked for"
        difference = _difference(target, self._point(row))
        place = f"{difference} than" if difference else f"as {_character(target)} as"
        return f"{self._opinion(row, mood)}, {place} {aim}"

    def _opinion(self, row: int, mood: Mood) -> str:
        """What the model says of a song, also where that is another mood than the one it was chosen for."""
        likeliest = self._likeliest(row)
        share = float(self.probabilities[row].max())
        opinion = f"{'Probably' if share >= 0.5 else 'Perhaps'} {likeliest} ({share_text(share)})"
        standing = min(math.floor(100.0 * float(self._rank_percentile[row, MOODS.index(mood)])), 99)
        if likeliest is mood or standing < 50:
            return opinion
        return f"{opinion}, yet more likely to be {mood} than {standing} % of the songs"

    def _step_reason(self, rows: list[int], step: int, start: AffectPoint, target: AffectPoint) -> str:
        label = f"Step {step + 1} of {len(rows)}"
        here = self._point(rows[step])
        for end, place, name in ((0, start, "the start"), (len(rows) - 1, target, "the goal")):
            if step == end:
                nearness = "close to" if here.distance(place) <= _CLOSE else "the nearest left to"
                return f"{label}: {_character(here)}, {nearness} {name}"
        change = _difference(self._point(rows[step - 1]), here)
        return f"{label}: {change} than the last" if change else f"{label}: {_character(here)}, close to the last"

    def _point(self, row: int) -> AffectPoint:
        return AffectPoint(float(self.plane[row, 0]), float(self.plane[row, 1]))


def _take_allowed(waiting: list[int], order: Iterator[int], heard: PlayHistory) -> int | None:
    """The first row that may be played now, taken from those that wait or from `order`; those before it wait."""
    for row in waiting:
        if heard.allows(row):
            waiting.remove(row)
            return row
    for row in order:
        if heard.allows(row):
            return row
        if not heard.knows(row):
            waiting.append(row)
    return None


def _cheapest_allowed(costs: npt.NDArray[np.float32], heard: PlayHistory, passed: list[int]) -> int | None:
    """The row of the least cost that may be played; cheaper ones that may not are added to `passed`."""
    while True:
        row = int(costs.argmin())
        if costs[row] == np.inf:
            return None
        if heard.allows(row):
            return row
        costs[row] = np.inf
        passed.append(row)


def _best_first(priorities: npt.NDArray[np.float32]) -> Iterator[int]:
    """Rows from the highest priority down; the first ones without sorting the rest, which hardly anybody asks for."""
    first = np.empty(0, np.intp)
    if len(priorities) > 2 * _FIRST_ROWS:
        best = np.argpartition(-priorities, _FIRST_ROWS)[:_FIRST_ROWS]
        first = best[np.lexsort((best, -priorities[best]))]
        yield from first.tolist()
    rest = np.argsort(-priorities, kind="stable")
    yield from rest[~np.isin(rest, first)].tolist()


def _waypoints(start: AffectPoint, target: AffectPoint, num_points: int) -> list[AffectPoint]:
    """Evenly spaced points from start to target, both included; a single one is the start."""
    return [
        AffectPoint(float(valence), float(arousal))
        for valence, arousal in zip(
            np.linspace(start.valence, target.valence, num_points),
            np.linspace(start.arousal, target.arousal, num_points),
            strict=True,
        )
    ]


def _closeness(distances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """1 at the place itself, falling like a bell."""
    closeness: npt.NDArray[np.float32] = np.exp(-0.5 * (distances / _NEAR) ** 2)
    return closeness


def _familiarity(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    """How well each song is known, 0 to 1; one whose popularity is not known counts as a middling one."""
    if "popularity" not in table or table["popularity"].isna().all():
        return np.zeros(len(table), np.float32)
    popularity = table["popularity"].fillna(table["popularity"].median()).to_numpy(np.float32)
    # The root, because the step from 0 matters most: 0 marks odd re-issues, and Christmas songs out of season.
    return np.sqrt(popularity / np.float32(100.0))


def _rank_percentile(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The share of the other songs that have less of each mood, shape (n, 4): 0 for the least, 1 for the most."""
    have_less = np.stack([np.searchsorted(np.sort(column), column) for column in probabilities.T], axis=1)
    return (have_less / max(len(probabilities) - 1, 1)).astype(np.float32)


def _character(point: AffectPoint) -> str:
    """What a place on the plane sounds like: "bright and lively"."""
    valence = "bright" if point.valence >= 0.15 else "dark" if point.valence <= -0.15 else "mild"
    arousal = "lively" if point.arousal >= 0.15 else "quiet" if point.arousal <= -0.15 else "even"
    return f"{valence} and {arousal}"


def _difference(origin: AffectPoint, point: AffectPoint) -> str:
    """How a place compares with another: "a little brighter and quieter", or nothing where they are about the same."""
    valence, arousal = point.valence - origin.valence, point.arousal - origin.arousal
    words = [
        *(["brighter" if valence > 0 else "darker"] if abs(valence) >= 0.15 else []),
        *(["livelier" if arousal > 0 else "quieter"] if abs(arousal) >= 0.15 else []),
    ]
    if not words:
        return ""
    return ("a little " if max(abs(valence), abs(arousal)) < 0.5 else "much ") + " and ".join(words)


def load_recommender() -> Recommender:
    """The recommender over the shipped catalogue, with the moods that the default mood model gave its songs.

    Raises:
        DatasetError: the catalogue is absent or damaged.
        ModelError: no moods are stored for it, and the mood model is absent or damaged.
    """
    catalogue, moods = load_catalogue(), read_stored_moods(catalogue_file())
    if moods is not None and len(moods) == len(catalogue):
        return Recommender(catalogue, moods)
    return Recommender(catalogue, MoodClassifier.load(folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL)))
