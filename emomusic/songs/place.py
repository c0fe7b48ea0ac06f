"""The places of songs on the affect plane with their uncertainty: a ridge regression fitted to people's answers.

`songs.place_training` fits it to mood tags and labels (`train songs`). It knows the audio features, the mood model's
probabilities, the genres and their families, and the artist; of an audio file, the quadrants that are heard instead of
the features. The mood of a song is the quadrant of its place, so that each song has one answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from msgspec.structs import replace

from emomusic.affect import QUADRANT_CORNERS, Mood, Quadrant
from emomusic.assets import load_once, models_dir
from emomusic.errors import ModelError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue, normalize_text
from emomusic.songs.genres import GENRES, GENRES_OF_FAMILY, genres_in
from emomusic.songs.mood import MOODS
from emomusic.songs.song import FEATURE_NAMES, Hearing, Song

Floats = npt.NDArray[np.float32]
Pair = tuple[float, float]  # of valence and arousal

PLACE_FILE = "place/people/weights.json"
"""The regression, in `models/`."""

NO_GENRE, HEARD = "no genre", "heard"
"""Spreads that belong to no genre: of songs without one, and of audio files."""

MOST_DEVIATIONS = 3.0
"""Features in standard deviations are limited to this, so that no outlier leaves the plane."""

CORNERS = np.array([QUADRANT_CORNERS[next(q for q in Quadrant if q.mood is mood)] for mood in MOODS], np.float32)
"""Shape (4, 2): the signs of valence and arousal in the quadrant of each mood."""

_GENRE_SCALE, _MOOD_SCALE = 2.0, 3.0  # of inputs: the penalty of a larger one is smaller
_LOGISTIC = 1.702  # makes the logistic distribution like the normal one of the same spread
_INSIDE = 0.05  # how far over the axis a song moves out of an excluded quadrant
_COLUMN_OF = {genre: column for column, genre in enumerate(GENRES)}
_FAMILIES = np.array([[genre in own for own in GENRES_OF_FAMILY.values()] for genre in GENRES], np.float32)


class PlaceWeights(msgspec.Struct, frozen=True):
    """The regression as it is stored. All pairs are of valence and arousal.

    Attributes:
        means: those of the features in the catalogue, in the order of `song.FEATURES`.
        deviations: their standard deviations.
        constant: the place of a song whose inputs are 0.
        weights: of each of `input_names`.
        artists: what the place of an artist's songs gains, by normalized name.
        spreads: standard deviations of people's answers around the place, by genre, `NO_GENRE` and `HEARD`.
        never: the moods that practically no song of a genre has.
        tense: genres, most of whose songs are unpleasant and awake.
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    constant: Pair
    weights: dict[str, Pair]
    artists: dict[str, Pair]
    spreads: dict[str, Pair]
    never: dict[str, tuple[Mood, ...]]
    tense: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class Places:
    """The places of songs.

    Attributes:
        points: shape (n, 2), float32: valence and arousal, -1 to 1.
        spreads: shape (n, 2), float32: the standard deviations of people's answers around them.
        moods: shape (n, 4), float32: how probably people hear each mood, in the order of `Mood`; 1 for a label. The
            most probable one is the quadrant of the point.
    """

    points: Floats
    spreads: Floats
    moods: Floats

    def __getitem__(self, rows: Any) -> Places:
        return Places(self.points[rows], self.spreads[rows], self.moods[rows])

    def with_rows(self, rows: npt.NDArray[np.bool_], others: Places) -> Places:
        """The places, with those of some rows replaced."""
        tables = self.points.copy(), self.spreads.copy(), self.moods.copy()
        for table, other in zip(tables, (others.points, others.spreads, others.moods), strict=True):
            table[rows] = other
        return Places(*tables)


def input_names() -> list[str]:
    """The names of the inputs of the regression: those of `inputs_of`, then those of `genre_inputs`."""
    features = [*FEATURE_NAMES, *(f"{name} squared" for name in FEATURE_NAMES)]
    moods = [f"{source} {mood}" for source in ("predicted", HEARD) for mood in MOODS]
    return [*features, *moods, *GENRES, NO_GENRE, *(f"family {name}" for name in GENRES_OF_FAMILY)]


def inputs_of(features: npt.NDArray[np.floating], moods: Floats) -> Floats:
    """The inputs of songs without their genres, shape (n, 26).

    Args:
        features: shape (n, 9), in standard deviations; NaN where one is unknown.
        moods: shape (n, 4), in the order of `Mood`: the mood model's probabilities; of a song without all features,
            those of the analysed sound, or of its label.
    """
    is_known = np.isfinite(features).all(axis=1, keepdims=True)
    limited = np.where(is_known, np.clip(features, -MOST_DEVIATIONS, MOST_DEVIATIONS), 0).astype(np.float32)
    both = [_MOOD_SCALE * np.where(chosen, moods, 0) for chosen in (is_known, ~is_known)]
    return np.hstack([limited, limited**2, *both], dtype=np.float32)


def genre_inputs(cells: Sequence[Collection[str]], *, has_features: bool) -> Floats:
    """The inputs for the genres of songs and their families, shape (number of cells, 128).

    Several genres share their weight. A song without genres has `NO_GENRE`, if it has features.
    """
    known = np.zeros((len(cells), len(GENRES) + 1), np.float32)
    for row, own in zip(known, cells, strict=True):
        row[[_COLUMN_OF[genre] for genre in own if genre in _COLUMN_OF]] = 1
    families = np.minimum(known[:, :-1] @ _FAMILIES, 1)
    counts = known.sum(axis=1)
    known[:, -1] = has_features & (counts == 0)
    return np.hstack([_GENRE_SCALE * known / np.sqrt(np.maximum(counts, 1))[:, None], families], dtype=np.float32)


def mood_probabilities(points: Floats, spreads: Floats) -> Floats:
    """Shape (n, 4): the shares of a logistic distribution around each point in the quadrants of the moods."""
    positive = 1 / (1 + np.exp(-_LOGISTIC * points / spreads))
    shares = np.where(CORNERS[:, None] > 0, positive, 1 - positive)  # (4, n, 2)
    return np.asarray(shares.prod(axis=2).T, np.float32)


def places_within(points: Floats, spreads: Floats, allowed: npt.NDArray[np.bool_]) -> Places:
    """Places in quadrants where songs may lie: a song elsewhere moves to the most probable of them.

    Args:
        points: shape (n, 2).
        spreads: shape (n, 2).
        allowed: shape (n, 4), in the order of `Mood`; at least one for each song.
    """
    moods = np.where(allowed, mood_probabilities(points, spreads), 0)
    moods /= np.maximum(moods.sum(axis=1, keepdims=True), 1e-9)
    signs = CORNERS[moods.argmax(axis=1)]
    inside = np.where(points * signs > 0, points, _INSIDE * signs)
    return Places(np.clip(inside, -1, 1).astype(np.float32), spreads.astype(np.float32), moods.astype(np.float32))


class PlaceModel:
    """The regression, which threads may share."""

    def __init__(self, weights: PlaceWeights) -> None:
        """Prepare the weights."""
        self.weights = weights
        table = np.array([weights.weights[name] for name in input_names()], np.float32)
        self._table, self._genre_table = np.split(table, [len(table) - len(GENRES) - 1 - len(GENRES_OF_FAMILY)])

    @classmethod
    def load(cls, path: Path) -> PlaceModel:
        """Read stored weights.

        Raises:
            ModelError: they are absent or damaged.
        """
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=PlaceWeights))
        except (OSError, KeyError, msgspec.MsgspecError) as error:
            raise ModelError(f"expected the places of songs in {path}. Received: {error}. Restore the file") from error

    def standardized(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Features of shape (n, 9) in standard deviations of the catalogue."""
        return np.asarray((features - np.array(self.weights.means)) / np.array(self.weights.deviations))

    def places(self, catalogue: Catalogue, moods: Floats) -> Places:
        """The places of all songs of a catalogue; `moods` as in `inputs_of`. A label decides the quadrant."""
        weights, (numbers, cells) = self.weights, catalogue.genre_cells
        features = self.standardized(catalogue.features)
        has_features = np.asarray(np.isfinite(features).all(axis=1))
        of_cells = np.array([self._genre_points(cells, has_features=known) for known in (False, True)])
        points = inputs_of(features, moods) @ self._table + of_cells[has_features.astype(int), numbers]
        points += self._artist_gains(catalogue.table["artists"])
        by_genre = np.array([self._spread(own) for own in cells])[numbers]
        spreads = np.where(has_features[:, None], by_genre, weights.spreads[HEARD]).astype(np.float32)
        allowed = np.array([self._allowed(own) for own in cells])[numbers]
        labels = catalogue.labels[:, None]
        return places_within(points, spreads, np.where(labels >= 0, labels == np.arange(len(MOODS)), allowed))

    def _genre_points(self, cells: Sequence[Collection[str]], *, has_features: bool) -> Floats:
        """Shape (number of cells, 2): the constant, and what genres add to it."""
        constant = np.array(self.weights.constant, np.float32)
        return np.asarray(genre_inputs(cells, has_features=has_features) @ self._genre_table + constant)

    def _artist_gains(self, artists: pd.Series) -> Floats:
        """Shape (n, 2): what the place gains by the first artist of each cell that is known."""
        gains = self.weights.artists
        numbers, cells = pd.factorize(artists)
        names = [normalize_text(cell).split(ARTIST_SEPARATOR) for cell in cells]  # twice as fast as name by name
        of_cells = [next((gains[name] for name in own if name in gains), (0.0, 0.0)) for own in names]
        return np.array(of_cells, np.float32).reshape(-1, 2)[numbers]

    def is_tense(self, catalogue: Catalogue) -> npt.NDArray[np.bool_]:
        """Shape (n,): songs of a genre, most of whose songs are unpleasant and awake."""
        numbers, cells = catalogue.genre_cells
        return np.array([not own.isdisjoint(self.weights.tense) for own in cells], bool)[numbers]

    def moods_of_variants(self, song: Song, features: npt.NDArray[np.floating], predicted: Floats) -> Floats:
        """Shape (n, 4): the moods of a song with other features, as `Places.moods`; a label does not count.

        Args:
            song: its genres and artists stay.
            features: shape (n, 9), in the order of `song.FEATURES`.
            predicted: shape (n, 4), the mood model's probabilities.
        """
        genres = genres_in(ARTIST_SEPARATOR.join(song.genres))
        return self._alone(genres, song.artists, self.standardized(features), predicted, self._spread(genres)).moods

    def placed(self, hearing: Hearing, genres: Iterable[str], artists: Iterable[str]) -> Hearing:
        """The analysis, with the place and the probabilities, which also depend on the tags of the file."""
        moods = np.array([[hearing.moods[mood] for mood in MOODS]], np.float32)
        unknown, spread = np.full((1, len(FEATURE_NAMES)), np.nan), np.array(self.weights.spreads[HEARD])
        found = self._alone(genres_in(ARTIST_SEPARATOR.join(genres)), artists, unknown, moods, spread)
        shares = dict(zip(MOODS, found.moods[0].tolist(), strict=True))
        quadrants = {name: shares[Quadrant(name).mood] for name in hearing.probabilities}
        valence, arousal = found.points[0].tolist()
        return replace(hearing, probabilities=quadrants, valence=valence, arousal=arousal)

    def _alone(
        self,
        genres: frozenset[str],
        artists: Iterable[str],
        features: npt.NDArray[np.floating],
        moods: Floats,
        spread: npt.NDArray[np.floating],
    ) -> Places:
        """The places of variants of one song, with features in standard deviations."""
        genre_points = self._genre_points([genres], has_features=bool(np.isfinite(features).all()))
        points = inputs_of(features, moods) @ self._table + genre_points
        points += self._artist_gains(pd.Series([ARTIST_SEPARATOR.join(artists)]))
        spreads, allowed = np.tile(spread.astype(np.float32), (len(points), 1)), self._allowed(genres)
        return places_within(points, spreads, np.tile(allowed, (len(points), 1)))

    def _allowed(self, genres: Collection[str]) -> list[bool]:
        """Whether songs of these genres may have each mood. If the genres exclude all, each mood may be."""
        never = {mood for genre in genres for mood in self.weights.never.get(genre, ())}
        return [mood not in never or len(never) == len(MOODS) for mood in MOODS]

    def _spread(self, genres: Collection[str]) -> npt.NDArray[np.float64]:
        """Shape (2,): the quadratic mean of the spreads of the genres."""
        own = self.weights.spreads
        known = [own[genre] for genre in genres if genre in own] or [own[NO_GENRE]]
        return np.asarray(np.sqrt(np.square(known).mean(axis=0)))


@load_once
def load_place_model() -> PlaceModel:
    """The bundled regression, loaded once. Raise a `ModelError` if it is absent or damaged."""
    return PlaceModel.load(models_dir() / PLACE_FILE)


def hearing_of(song: Song) -> Hearing | None:
    """The analysis of an audio file, with its place by people's answers; None if it was not analysed."""
    return None if song.hearing is None else load_place_model().placed(song.hearing, song.genres, song.artists)
