"""Fitting and evaluation of the places of songs (`train songs`, `evaluate songs`)."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from emomusic.affect import Mood
from emomusic.assets import CARD, METRICS, ModelKind, folder_of, prepare_model_folder, write_json
from emomusic.errors import DatasetError
from emomusic.records import filled_card
from emomusic.songs.catalogue import Catalogue, normalize_text, split_artists
from emomusic.songs.genres import GENRES, GENRES_OF_FAMILY
from emomusic.songs.hearing import MODEL, QUADRANTS
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MOODS
from emomusic.songs.names import artist_key, names_of
from emomusic.songs.place import (
    CORNERS,
    HEARD,
    NO_GENRE,
    PLACE_FILE,
    Floats,
    Pair,
    PlaceModel,
    PlaceWeights,
    genre_inputs,
    input_names,
    inputs_of,
)
from emomusic.songs.recommend import Recommender
from emomusic.songs.stored_moods import load_songs_and_moods
from emomusic.songs.training import Examples, read_labelled_songs

log = logging.getLogger(__name__)

# Chosen in folds by artist and by song, see docs/experiments.md
_PENALTY = 30.0
_LABEL_WEIGHT, _ARTIST_WEIGHT = 0.3, 0.1  # of a labelled song or clip, and of a tagged song known by its artist only
_ARTIST_SHRINKAGE = 8  # tagged songs at which an artist's own mean counts half
_GENRE_SHRINKAGE = 100  # the same for the spread of a genre
_NEVER, _TENSE = 0.02, 0.4  # shares of the songs of a genre or its family
_LEAST_SONGS = 10  # of a genre that has its own figures
_NUM_FOLDS, _SEED, _DIGITS = 10, 0, 5
_FIGURE_DIGITS = 4
_EDGES = np.linspace(-2, 2, 17)  # of the bins of the plot, in standard deviations of the tags

_PUBLISHED = {
    "name": "Sound and lyrics in a deep network (Delbouys et al., 2018)",
    "valence": 0.219,
    "arousal": 0.232,
    "note": "The published R² is quoted from memory. It is for all songs of their test part, ours for the catalogue's.",
}

# The places of labels. Labels of energetic songs do not contain their valence
_TARGETS = np.where((np.array(MOODS) == "energetic")[:, None], (0.0, 1.0), CORNERS)


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single truth value
class Tags:
    """Songs with the valence and arousal of people's tags.

    Attributes:
        titles: of each song.
        artists: of each song.
        points: shape (n, 2): valence and arousal; 0 is the middle.
        sha256: checksum of the file.
    """

    titles: list[str]
    artists: list[str]
    points: npt.NDArray[np.float64]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Tags:
        """Read a CSV with the columns title, artist, valence and arousal.

        Raises:
            DatasetError: it is no such file.
        """
        expected = f"expected a CSV with the columns title, artist, valence and arousal. Received: {path}"
        try:
            table = pd.read_csv(path, keep_default_na=False, dtype=str)
            values = table[["valence", "arousal"]].apply(pd.to_numeric).to_numpy(np.float64)
            names = [table[column].tolist() for column in ("title", "artist")]
        except (OSError, ValueError, KeyError) as error:
            raise DatasetError(f"{expected} ({error})") from error
        if not len(values) or not np.isfinite(values).all():
            raise DatasetError(f"{expected}, with no songs or with songs without a number")
        return cls(names[0], names[1], values, hashlib.sha256(path.read_bytes()).hexdigest())


def agreement(points: npt.NDArray[np.floating], tags: npt.NDArray[np.floating]) -> dict[str, Any]:
    """The agreement of places with people's tags, both of shape (n, 2): correlation, R² and share of equal quadrants.

    Places and standardized tags have one scale. The figures are None if all places, or all tags, are equal.
    """
    found: dict[str, Any] = {"n": len(tags)}
    for column, name in enumerate(("valence", "arousal")):
        own, true = points[:, column].astype(np.float64), tags[:, column]
        r = r2 = None
        if own.std() > 0 and true.std() > 0:
            r = round(float(np.corrcoef(own, true)[0, 1]), _FIGURE_DIGITS)
            r2 = round(float(1 - np.square(own - true).sum() / np.square(true - true.mean()).sum()), _FIGURE_DIGITS)
        found[name] = {"r": r, "r2": r2}
    same = ((points >= 0) == (tags >= 0)).all(axis=1)
    return found | {"quadrant": round(float(same.mean()), _FIGURE_DIGITS)}


def evaluate_places(tags: Tags, recommender: Recommender) -> dict[str, Any]:
    """The `agreement` of the tagged songs of a catalogue, also by genre.

    Raises:
        DatasetError: the catalogue has none of the songs.
    """
    rows, values = _found(tags, recommender.catalogue)
    log.info("%d of %d tagged songs are in the catalogue", len(rows), len(tags.titles))
    if not len(rows):
        raise DatasetError(f"expected songs of the catalogue. Received: none of these {len(tags.titles)} songs")
    points, by_genre = recommender.plane[rows], {}
    numbers, cells = recommender.catalogue.genre_cells
    for genre in GENRES:
        has_genre = np.array([genre in cell for cell in cells])[numbers[rows]]
        if has_genre.sum() >= _LEAST_SONGS:
            by_genre[genre] = agreement(points[has_genre], values[has_genre])
    return agreement(points, values) | {"by_genre": by_genre}


def _found(tags: Tags, catalogue: Catalogue) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The rows of the tagged songs of a catalogue, and their tags."""
    rows = names_of(catalogue).rows(tags.titles, tags.artists)
    return rows[rows >= 0], tags.points[rows >= 0]


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    """The training data of the regression: `kinds` are "tag", "artist", "label" and "clip"; `groups` share a fold."""

    inputs: Floats
    targets: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    kinds: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]

    def fit(self, chosen: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[np.float64]]]:
        """Weights of the inputs and, in the last row, the constant; and the gains of artists, from chosen examples."""
        inputs, targets = self.inputs[chosen].astype(np.float64), self.targets[chosen]
        weights = self.weights[chosen][:, None]
        means = (weights * inputs).sum(axis=0) / weights.sum(), (weights * targets).sum(axis=0) / weights.sum()
        inputs, targets = inputs - means[0], targets - means[1]
        squares = (weights * inputs).T @ inputs + _PENALTY * np.eye(inputs.shape[1])
        table = np.linalg.solve(squares, (weights * inputs).T @ targets)
        residuals = targets - inputs @ table
        is_tag = np.isin(self.kinds[chosen], ["tag", "artist"])
        gains: dict[str, npt.NDArray[np.float64]] = {}
        for artist, own in pd.DataFrame(residuals[is_tag]).groupby(self.groups[chosen][is_tag]):
            gains[str(artist)] = own.sum().to_numpy() / (len(own) + _ARTIST_SHRINKAGE)
        return np.vstack([table, means[1] - means[0] @ table]), gains

    def cross_validated(self, *, by_artist: bool) -> npt.NDArray[np.float64]:
        """Shape (n, 2): the points of examples by regressions that did not see them, or no song of their artists."""
        names, groups = np.unique(self.groups, return_inverse=True)
        random = np.random.default_rng(_SEED)
        folds = random.integers(0, _NUM_FOLDS, len(names))[groups] if by_artist else None
        folds = random.integers(0, _NUM_FOLDS, len(groups)) if folds is None else folds
        points = np.zeros_like(self.targets)
        for fold in range(_NUM_FOLDS):
            table, gains = self.fit(folds != fold)
            test = np.flatnonzero(folds == fold)
            own = np.array([gains.get(name, np.zeros(2)) for name in self.groups[test]])
            points[test] = self.inputs[test] @ table[:-1] + table[-1] + own
        return points


def _examples(
    tags: Tags, labelled: Examples, catalogue: Catalogue, predicted: Floats, scale: tuple[Floats, Floats]
) -> _Examples:
    """Tagged songs of the catalogue, and those of its artists; labelled songs; and clips with heard quadrants."""
    means, deviations = scale
    numbers, cells = catalogue.genre_cells
    genres = genre_inputs(cells, has_features=True)[numbers]
    inputs = np.hstack([inputs_of((catalogue.features - means) / deviations, predicted), genres])
    of_artist = defaultdict(list)
    for row, cell in enumerate(catalogue.table["artists"]):
        for name in split_artists(cell):
            of_artist[artist_key(name)].append(row)
    artists = np.array([artist_key(split_artists(cell)[0]) if cell.strip(" ;") else "" for cell in tags.artists])
    rows = names_of(catalogue).rows(tags.titles, tags.artists)
    is_song = rows >= 0
    is_artist = ~is_song & np.array([name in of_artist for name in artists])
    of_artists = np.array([inputs[of_artist[name]].mean(axis=0) for name in artists[is_artist]])

    known = np.load(folder_of(ModelKind.MUSIC, DEFAULT_MOOD_MODEL) / "predictions.npz")
    features = (labelled.inputs[:, : len(means)] - means) / deviations
    of_labels = inputs_of(features, known["probabilities"])
    of_labels = np.hstack([of_labels, genre_inputs([()] * len(of_labels), has_features=True)])
    singers = [artist_key(name) for name in labelled.artists]
    clips = np.load(folder_of(ModelKind.SOUND, MODEL) / "predictions.npz")
    columns = [[quadrant.mood for quadrant in QUADRANTS].index(mood) for mood in MOODS]
    nothing = np.full((len(clips["labels"]), len(means)), np.nan)
    heard = inputs_of(nothing, clips["probabilities"][:, columns])
    heard = np.hstack([heard, genre_inputs([()] * len(heard), has_features=False)])
    corners = CORNERS[[columns.index(label) for label in clips["labels"].tolist()]]
    parts = [
        ("tag", inputs[rows[is_song]], tags.points[is_song], 1.0, artists[is_song]),
        ("artist", of_artists, tags.points[is_artist], _ARTIST_WEIGHT, artists[is_artist]),
        (
            "label",
            of_labels,
            _TARGETS[labelled.labels],
            _LABEL_WEIGHT,
            singers,
        ),
        ("clip", heard, corners, _LABEL_WEIGHT, [f"clip {number}" for number in range(len(heard))]),
    ]
    return _Examples(
        np.vstack([part[1] for part in parts]),
        np.vstack([part[2] for part in parts]),
        np.concatenate([np.full(len(part[1]), part[3]) for part in parts]),
        np.concatenate([[part[0]] * len(part[1]) for part in parts]),
        np.concatenate([part[4] for part in parts]),
    )


def train_places(tags_path: Path, data: Path, out: Path) -> dict[str, Any]:
    """Fit the regression, and write it with its figures and card into a folder.

    Args:
        tags_path: see `Tags.read`.
        data: the table of labelled songs, `data_moods.csv`.
        out: folder for `weights.json`, `metrics.json` and `CARD.md`.

    Returns:
        Content of `metrics.json`: the `agreement` in folds by song and by artist, that of Spotify's valence and energy,
        the shares of labelled songs and clips in their quadrants, and the counts of songs by tag and place.

    Raises:
        DatasetError: a table is invalid.
        ModelError: the folder has other files or is not writable.
    """
    out = prepare_model_folder(out, (Path(PLACE_FILE).name, METRICS, CARD))
    tags, labelled = Tags.read(tags_path), read_labelled_songs(data)
    catalogue, predicted = load_songs_and_moods()
    scale = catalogue.features.mean(axis=0).round(_DIGITS), catalogue.features.std(axis=0).round(_DIGITS)
    examples = _examples(tags, labelled, catalogue, predicted, scale)
    by_song, by_artist = (examples.cross_validated(by_artist=by_artist) for by_artist in (False, True))
    is_tag, is_clip = examples.kinds == "tag", examples.kinds == "clip"
    rows, _ = _found(tags, catalogue)
    metrics = {
        "by_song": agreement(by_song[is_tag], examples.targets[is_tag]),
        "by_artist": agreement(by_artist[is_tag], examples.targets[is_tag]),
        "spotify": agreement(catalogue.measured[rows], examples.targets[is_tag]),
        "labelled": _shares_of_labels(by_artist[examples.kinds == "label"], labelled.labels),
        "clips": agreement(by_artist[is_clip], examples.targets[is_clip])["quadrant"],
        "bins": {
            name: np.histogram2d(examples.targets[is_tag, column], by_song[is_tag, column], (_EDGES, _EDGES))[
                0
            ].tolist()
            for column, name in enumerate(("valence", "arousal"))
        },
        "edges": _EDGES.tolist(),
        "published": _PUBLISHED,
        "num_tags": len(tags.titles),
        "tags_sha256": tags.sha256,
        "data_sha256": labelled.checksums[0],
    }
    residuals = examples.targets - by_song
    numbers, cells = catalogue.genre_cells
    of_tags = [cells[number] for number in numbers[rows]]
    weights = _weights(examples, scale, _spreads(residuals[is_tag], of_tags, residuals[is_clip]), catalogue)
    model = PlaceModel(weights)
    weights = msgspec.structs.replace(weights, **_habits(model.places(catalogue, predicted).points, catalogue))
    (out / Path(PLACE_FILE).name).write_bytes(msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n")
    write_json(out / METRICS, metrics)
    (out / CARD).write_text(filled_card(Path(__file__).with_name("place_card.md.j2"), **metrics), encoding="utf-8")
    log.info("wrote %s", out)
    return metrics


def _counts(tags: npt.NDArray[np.float64], places: npt.NDArray[np.float64]) -> list[list[int]]:
    """The numbers of songs by the bins of their tags (rows) and places (columns); the outer bins have all beyond."""
    bins = [np.clip(np.digitize(values, _EDGES) - 1, 0, len(_EDGES) - 2) for values in (tags, places)]
    counts = np.zeros((len(_EDGES) - 1, len(_EDGES) - 1), int)
    np.add.at(counts, tuple(bins), 1)
    return [list(map(int, row)) for row in counts]


def _pair(values: npt.NDArray[np.floating]) -> Pair:
    valence, arousal = values.round(_DIGITS).tolist()
    return valence, arousal


def _weights(
    examples: _Examples, scale: tuple[Floats, Floats], spreads: dict[str, Pair], catalogue: Catalogue
) -> PlaceWeights:
    """The regression on all examples, without what genres never are."""
    table, gains = examples.fit(np.ones(len(examples.targets), bool))
    names = {name for cell in catalogue.table["artists"].unique() for name in split_artists(cell)}
    keys = {name: artist_key(name) for name in sorted(names)}
    spelled = {normalize_text(name): gains[key] for name, key in keys.items() if key in gains}
    return PlaceWeights(
        means=tuple(scale[0].tolist()),
        deviations=tuple(scale[1].tolist()),
        constant=_pair(table[-1]),
        weights={name: _pair(row) for name, row in zip(input_names(), table, strict=False)},
        artists={name: _pair(gain) for name, gain in spelled.items()},
        spreads=spreads,
        never={},
        tense=(),
    )


def _spreads(residuals: npt.NDArray[np.float64], genres: list[frozenset[str]], heard: Floats) -> dict[str, Pair]:
    """The standard deviations of people's answers by genre, drawn to that of all songs where a genre has few."""
    everyone, spreads = np.square(residuals).mean(axis=0), {}
    for genre in GENRES:
        own = residuals[[genre in names for names in genres]]
        variance = (np.square(own).sum(axis=0) + _GENRE_SHRINKAGE * everyone) / (len(own) + _GENRE_SHRINKAGE)
        spreads[genre] = _pair(np.sqrt(variance))
    return spreads | {NO_GENRE: _pair(np.sqrt(everyone)), HEARD: _pair(np.sqrt(np.square(heard).mean(axis=0)))}


def _habits(points: Floats, catalogue: Catalogue) -> dict[str, Any]:
    """The moods that genres never have, and the tense genres, by the places of their and their families' songs."""
    numbers, cells = catalogue.genre_cells
    lies = np.array([((points >= 0) == (corner > 0)).all(axis=1) for corner in CORNERS])

    def shares(wanted: frozenset[str]) -> npt.NDArray[np.float64]:
        return np.asarray(lies[:, np.array([not wanted.isdisjoint(cell) for cell in cells])[numbers]].mean(axis=1))

    never, tense = {}, []
    for genres in GENRES_OF_FAMILY.values():
        of_family = shares(frozenset(genres))
        for genre in genres:
            own = shares(frozenset([genre]))
            is_never = (own < _NEVER) | (of_family < _NEVER)
            never[genre] = tuple(mood for mood, rare in zip(MOODS, is_never, strict=True) if rare)
            if own[MOODS.index(Mood.ENERGETIC)] >= _TENSE:
                tense.append(genre)
    return {"never": {genre: moods for genre, moods in never.items() if moods}, "tense": tuple(tense)}


def _shares_of_labels(points: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """The share of the labelled songs of each mood in its quadrant; of energetic ones, of those that are awake."""
    lies = (points >= 0) == (CORNERS[labels] > 0)
    lies[labels == MOODS.index(Mood.ENERGETIC), 0] = True
    return {
        mood.value: round(float(lies[labels == number].all(axis=1).mean()), _FIGURE_DIGITS)
        for number, mood in enumerate(MOODS)
    }
