"""Songs with their moods: by place, by mood, by likeness, and as a table; and songs like another one."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import AffectPoint, Mood, describe_shares, share_text
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_ID, TRACK_LINK, Catalogue, key_of, normalize_text, song_key
from emomusic.songs.genres import GENRES_OF_FAMILY, SongKind, genres_in
from emomusic.songs.mood import MOODS, MoodExplanation, distances_of_rows
from emomusic.songs.place import Floats, Places, load_place_model
from emomusic.songs.request import Request
from emomusic.songs.song import FEATURE_LABELS, FEATURE_NAMES, UNKNOWN_ARTIST, Pick, Song, Trait
from emomusic.songs.spotify import track_url
from emomusic.text import escape_formula, for_excel

if TYPE_CHECKING:
    from emomusic.songs.recommend import Recommender

Rows = npt.NDArray[np.int64]
Made = TypeVar("Made")

_NUM_NEAR = 20  # songs after one on the plane
_NUM_SIMILAR = 5
_CLEAR = 0.85  # probability of a mood
_MOST_CACHED = 8  # results, such as maps of searches, or songs by options
# Weights of likeness, added to the distance on the plane; from 60 known songs of ten families (docs/experiments.md)
_KINSHIP_WEIGHT, _FAMILIARITY_WEIGHT, _FEATURES_WEIGHT, _SOUND_WEIGHT = 2.0, 2.0, 1.5, 12.0
_FAMILY_SHARE = 0.65  # of the kinship; the rest is for the same genres
_MOST_GENRES = 114  # words on the plane; a browser shows those that fit


class Songs:
    """Songs with their moods. They never change, so visitors and threads can share them.

    Attributes:
        catalogue: the songs.
        predicted: shape (n, 4), float32: probabilities of the mood model, or of what is heard, in the order of `Mood`.
        places: where the songs lie, and how surely.
        probabilities: shape (n, 4), float32: how probably people hear each mood; 1 for a label.
        plane: shape (n, 2), float32: valence and arousal of each song.
        moods: shape (n,), positions in `Mood`: the most probable mood, in whose quadrant the song lies.
        num_labelled: songs with a label.
        num_all: songs without the visitor's options.
        token: a part of the keys of widgets.
    """

    def __init__(self, catalogue: Catalogue, predicted: Floats, num_all: int = 0, places: Places | None = None) -> None:
        """Find the places and moods of the songs, unless the places are known."""
        self.catalogue, self.predicted, self.num_all = catalogue, predicted, num_all or len(catalogue)
        self.token = uuid.uuid4().hex[:8]
        self._cache: dict[Hashable, Any] = {}
        self.num_labelled = int((catalogue.labels >= 0).sum())
        self.places = load_place_model().places(catalogue, predicted) if places is None else places
        self.plane, self.probabilities = self.places.points, self.places.moods
        self.moods = self.probabilities.argmax(axis=1)

    def __len__(self) -> int:
        return len(self.catalogue)

    def cached(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """A result of these songs, kept for a while. A Streamlit cache would keep a visitor's own songs."""
        made: Made = self._cache[key] if key in self._cache else make()  # two threads make the same
        self._cache = dict([*self._cache.items(), (key, made)][-_MOST_CACHED:])
        return made

    def point_of(self, row: int) -> AffectPoint:
        """The place of the song in a row."""
        return AffectPoint(float(self.plane[row, 0]), float(self.plane[row, 1]))

    def mood_of(self, row: int) -> Mood:
        """The mood of a song: its label, else the most probable one."""
        return MOODS[int(self.moods[row])]

    def passing_songs(self, genres: frozenset[str], traits: frozenset[Trait], hide_explicit: bool) -> Songs | None:
        """The songs that pass these options; None if none does."""
        passes = self.catalogue.passing(genres=genres, traits=traits, hide_explicit=hide_explicit)
        if not passes.any():
            return None
        return Songs(self.catalogue.of_rows(passes), self.predicted[passes], len(self), self.places[passes])

    @cached_property
    def numbers(self) -> Rows:
        """Shape (n,): a number per song, equal for all its versions."""
        keys = map(self.catalogue.key_of, range(len(self)))
        return pd.factorize(np.fromiter(keys, object, len(self)))[0].astype(np.int64)

    @cached_property
    def known_first(self) -> Rows:
        """All rows, the best known song first."""
        return self.catalogue.best_known_first(np.arange(len(self)))

    @cached_property
    def genre_places(self) -> list[tuple[str, float, float]]:
        """The genres with the median valence and arousal of their songs, those of the best known songs first."""
        if "genres" not in self.catalogue.table:
            return []
        names = self.catalogue.table["genres"].dropna().str.split(ARTIST_SEPARATOR).explode()
        names = names[~names.isin(["", *MOODS])]  # songs without one; two genres have the names of moods
        known = self.catalogue.table.get("popularity", pd.Series(1.0, self.catalogue.table.index))
        places = pd.DataFrame(
            {"x": self.plane[names.index, 0], "y": self.plane[names.index, 1], "known": known[names.index]}
        )
        groups = places.set_axis(names.index).groupby(names.to_numpy())
        table = groups[["x", "y"]].median().assign(known=groups["known"].sum()).nlargest(_MOST_GENRES, "known")
        return [(str(name).replace("-", " "), round(x, 3), round(y, 3)) for name, x, y, _ in table.itertuples()]

    def unique(self, rows: Rows) -> Rows:
        """The rows without later versions of the same song, in their order."""
        _, first = np.unique(self.numbers[rows], return_index=True)
        return rows[np.sort(first)]

    def picks(self, rows: Sequence[int] | Rows) -> Iterator[Pick]:
        """The songs of a list, each with its mood: "happy 93 %", or "happy, labelled"."""
        for row in map(int, rows):
            song, mood = self.catalogue.song(row), self.mood_of(row)
            probability = float(self.probabilities[row].max())
            words = f"{mood} {share_text(probability)}" if song.mood is None else f"{mood}, labelled"
            yield Pick(song, mood, probability, words, mood, point=self.point_of(row))

    def describe(self, rows: Rows) -> pd.DataFrame:
        """A table for display: title, mood, confidence in percent, artists, features and link, one row per song.

        Columns without a value are left out.
        """
        table = self.catalogue.table.iloc[rows]
        moods = np.array([mood.value for mood in MOODS])[self.moods[rows]]
        percents = 100 * self.probabilities[rows, self.moods[rows]]
        described = table[["title"]].assign(mood=moods, confidence=percents, artists=table["artists"])
        known = [column for column in ("genres", "year", "popularity", "explicit") if column in table]
        described = described.join(table[[*FEATURE_NAMES, *known]])
        for column in {"title", "artists", "genres"} & set(described):  # the page's table can be saved as CSV
            names = described[column].fillna("").astype(str).str.replace(ARTIST_SEPARATOR, ", ", regex=False)
            described[column] = names.map(escape_formula)
        addresses = table["id"].map(track_url).where(table["id"].str.fullmatch(TRACK_ID.pattern))
        described = described.assign(url=addresses).replace("", None)
        return described.dropna(axis="columns", how="all").reset_index(drop=True)

    def csv(self, rows: Rows) -> bytes:
        """Songs as CSV for spreadsheets, with the probability of each mood."""
        table = self.describe(rows).drop(columns="confidence")
        for position, mood in enumerate(MOODS):
            table[f"probability_{mood}"] = self.probabilities[rows, position].round(4)
        return for_excel(table.to_csv(index=False))

    def near(self, row: int) -> Rows:
        """The row, and those of the nearest songs on the plane, each song once."""
        away = np.linalg.norm(self.plane - self.plane[row], axis=1)
        away[row] = -1  # before other songs at the same point
        return self.unique(np.argsort(away, kind="stable")[: 3 * _NUM_NEAR])[: _NUM_NEAR + 1]

    def examples(self) -> Rows:
        """The row of the best known clear song of each mood, or of the most probable one; no song has a `SongKind`."""
        ordinary, rows = self.catalogue.passing(without_kinds=list(SongKind)), []
        for position in range(len(MOODS)):
            own = self.known_first[self.moods[self.known_first] == position]
            if ordinary[own].any():
                own = own[ordinary[own]]
            shares = self.probabilities[own, position]
            if own.size:
                rows.append(own[np.argmax(shares >= min(shares.max(), _CLEAR))])
        return np.array(rows, np.int64)

    def similar(self, row: int, features: npt.NDArray[np.float64]) -> list[int]:
        """The rows of the five songs with the most similar features, the nearest first.

        Each song appears once, with its nearest or else best known version. The song of `row` is left out.
        """
        order = self.known_first
        away = distances_of_rows(self.catalogue.features[order], features)
        near = self.unique(order[np.argsort(away, kind="stable")])
        others: list[int] = near[self.numbers[near] != self.numbers[row]].tolist()
        return others[:_NUM_SIMILAR]


def digest_of(rows: Sequence[int] | Rows) -> str:
    """A digest of row numbers, for keys."""
    return hashlib.sha256(np.asarray(rows, np.int64).tobytes()).hexdigest()[:12]


def describe_moods(probabilities: npt.NDArray[np.float32]) -> str:
    """A description of the probabilities, for example "Probably happy, or energetic"."""
    return describe_shares([mood.value for mood in MOODS], probabilities.tolist())


def main_reason(
    answer: MoodExplanation, features: npt.NDArray[np.float64], reference: npt.NDArray[np.float64], *, moved: bool
) -> str:
    """The feature that explains the mood, or its change, as a text."""
    strongest = int(answer.influences.argmax())  # a feature against the mood is no reason for it
    if answer.influences[strongest] < 1:
        return "no single feature"
    is_more = features[strongest] > reference[strongest]
    label = FEATURE_LABELS[strongest].lower()
    # Compared with the median instead of "high", because half of the songs can have a value near 0
    than_median = f"{label}, {'above' if is_more else 'below'} most songs"
    cause = f"{'higher' if is_more else 'lower'} {label}" if moved else than_median
    return f"mainly its {cause}, for {answer.mood}"


# Songs like a song


def songs_like(
    song: Song,
    recommender: Recommender,
    request: Request,
    *,
    point: AffectPoint,
    mood: Mood | None = None,
) -> Iterator[Pick]:
    """Songs that resemble a song by genre, sound, place and familiarity, the most similar first.

    Other versions of the song are left out.

    Args:
        song: a song of any source.
        recommender: the source of the songs.
        request: its filters count.
        point: place of the song.
        mood: only songs whose most probable mood it is; None for all moods.
    """
    catalogue = recommender.catalogue
    sounds = _sounds(song, catalogue.songs)
    own = np.array([getattr(song, name) for name in FEATURE_NAMES])
    costs = np.linalg.norm(recommender.plane - np.array([point.valence, point.arousal]), axis=1)
    costs += _KINSHIP_WEIGHT * (1 - _kinships(song.genres, catalogue))
    if song.popularity is not None and "popularity" in catalogue.table:
        apart = np.abs(catalogue.table["popularity"].to_numpy(np.float64) - song.popularity) / 100
        costs += _FAMILIARITY_WEIGHT * np.nan_to_num(apart, nan=0.5)
    if sounds is not None:
        costs, why = costs - _SOUND_WEIGHT * sounds, "sounds alike"
    elif catalogue.has_features and not np.isnan(own).any():
        costs, why = costs + _FEATURES_WEIGHT * distances_of_rows(catalogue.features, own), "similar audio features"
    else:  # one has features of sound, the other one audio features
        why = "a similar mood"
    order = np.argsort(costs, kind="stable")
    passes = recommender.passing(request)
    if mood is not None:
        passes &= recommender.moods == MOODS.index(mood)
    named = song.title if song.artists[0] == UNKNOWN_ARTIST else f"{song.title} by {song.byline}"
    played, number = {key_of(song), song_key(song.title, ARTIST_SEPARATOR.join(song.artists))}, 0
    for row in order[passes[order]].tolist():
        found = catalogue.song(row)
        if found.path == song.path is not None or catalogue.key_of(row) in played or not recommender.is_there(row):
            continue
        played.add(catalogue.key_of(row))
        number += 1
        likeliest = recommender.mood_of(row)
        score = float(np.exp(-max(costs[row], 0)) if sounds is None else np.clip(sounds[row], 0, 1))
        surest = share_text(float(recommender.probabilities[row].max()))
        reason = f"Like {named}: {why}; {likeliest} ({surest})"
        yield Pick(found, mood or likeliest, score, reason, likeliest, number, point=recommender.point_of(row))


def _kinships(genres: Collection[str], catalogue: Catalogue) -> npt.NDArray[np.float64]:
    """Shape (n,), 0 to 1: for a genre of the same family, and for the share of genres that are the same."""
    own, (numbers, cells) = genres_in(ARTIST_SEPARATOR.join(genres)), catalogue.genre_cells
    family = {genre for members in GENRES_OF_FAMILY.values() if not own.isdisjoint(members) for genre in members}
    of_cells = []
    for cell in cells:
        of_family = 0.0 if family.isdisjoint(cell) else _FAMILY_SHARE
        of_cells.append(of_family + (1 - _FAMILY_SHARE) * len(own & cell) / max(len(own | cell), 1))
    return np.array(of_cells)[numbers]


def _sounds(song: Song, songs: Sequence[Song] | None) -> npt.NDArray[np.float32] | None:
    """Similarity of the sound of each song, shape (n,), -1 to 1; None if their features of sound are unknown."""
    if songs is None or song.hearing is None:
        return None
    own, parts = song.hearing.features, [one.hearing.features if one.hearing is not None else b"" for one in songs]
    if not own or not all(len(part) == len(own) for part in parts):
        return None
    features = np.frombuffer(b"".join([own, *parts]), np.float16).astype(np.float32).reshape(len(parts) + 1, -1)
    features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-6)
    return np.asarray(features[1:] @ features[0])


def find_song(text: str, recommender: Recommender) -> Song | None:
    """The song of a source with this Spotify id or link, or with this title; the best known one of several.

    Args:
        text: may have the artist too, after or before the title.
        recommender: the source of the songs.
    """
    catalogue = recommender.catalogue
    if (link := TRACK_LINK.search(text)) is not None:
        return catalogue.find(link[1])
    words = re.sub(r"[-,\u2013]\s|\bby\b", " ", text)
    rows = np.flatnonzero(catalogue.matching(words))
    if not words.strip() or not rows.size:
        return None
    rows = catalogue.best_known_first(rows)
    titles, wanted = catalogue.table["title"].array, normalize_text(text).strip()
    same = [row for row in rows.tolist() if normalize_text(titles[row]) == wanted]
    return catalogue.song(int((same or rows)[0]))
