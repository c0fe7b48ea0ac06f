"""Small tables of synthetic songs, a fake classifier, and a recommender with both."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emomusic.affect import MOOD_POINTS
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.place import CORNERS, Places
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import FEATURE_NAMES, FEATURES, Pick
from emomusic.songs.tables import TableReading


def track_id(number: int) -> str:
    return f"{number:022d}"


def song_table(num_songs: int = 40, *, num_artists: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Songs spread evenly over the plane; by default each has a different artist."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.uniform(0, 1, num_songs) for name in FEATURE_NAMES}
    return pd.DataFrame(
        {
            "id": [track_id(number) for number in range(num_songs)],
            "title": [f"Song {number}" for number in range(num_songs)],
            "artists": [f"Artist {number % (num_artists or num_songs)}" for number in range(num_songs)],
            "album": "Album",
            "genres": "rock",
            "popularity": rng.integers(0, 101, num_songs),
            "explicit": rng.random(num_songs) < 0.3,
            "duration_s": 200.0,
            **columns,
            "loudness_db": rng.uniform(-20, 0, num_songs),
            "tempo_bpm": rng.uniform(60, 180, num_songs),
        }
    )


def mood_table(songs_per_mood: int = 25) -> pd.DataFrame:
    """A table like data_moods.csv whose moods differ in valence and energy."""
    rng = np.random.default_rng(0)
    tables = []
    for position, (mood, point) in enumerate(MOOD_POINTS.items()):
        table = song_table(songs_per_mood, seed=position)
        table["id"] = [track_id(position * songs_per_mood + number) for number in range(songs_per_mood)]
        for column, centre in (("valence", point.valence), ("energy", point.arousal)):
            table[column] = np.clip((centre + 1) / 2 + rng.normal(0, 0.03, songs_per_mood), 0, 1)
        table["mood"] = mood.value.capitalize()
        tables.append(table)
    table = pd.concat(tables, ignore_index=True).drop(columns=["genres", "explicit", "duration_s"])
    names = {"title": "name", "artists": "artist"} | {
        feature.name: feature.source_name for feature in FEATURES.values()
    }
    return table.rename(columns=names).assign(release_date="2001-01-01", length=200_000, key=5, time_signature=4)


class FakeClassifier:
    """Gives a mood a higher probability the closer a song is to its point on the plane."""

    def predict_probabilities(self, features: np.ndarray) -> np.ndarray:
        plane = 2 * features[:, [FEATURE_NAMES.index("valence"), FEATURE_NAMES.index("energy")]] - 1
        points = np.array([(point.valence, point.arousal) for point in MOOD_POINTS.values()])
        weights = np.exp(-4 * np.linalg.norm(plane[:, None] - points[None], axis=2))
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def ids(songs: Sequence[Pick]) -> list[str]:
    return [pick.song.id for pick in songs]


def places_by_moods(moods: np.ndarray, spread: float = 0.5) -> Places:
    """Places at the means of the corners of moods, as sure as each other, so that a test says where its songs lie."""
    points = (moods @ CORNERS).astype(np.float32)
    return Places(points, np.full_like(points, spread), moods.astype(np.float32))


def recommender_over(table: pd.DataFrame) -> Recommender:
    catalogue = Catalogue(table)
    moods = FakeClassifier().predict_probabilities(catalogue.features)
    is_labelled = catalogue.labels >= 0
    moods[is_labelled] = np.eye(len(MOOD_POINTS), dtype=np.float32)[catalogue.labels[is_labelled]]
    return Recommender(catalogue, moods, places_by_moods(moods))


def titles(reading: TableReading) -> list[str]:
    return reading.songs.table["title"].tolist()


def known_songs() -> Recommender:
    """Six songs by the names of real ones."""
    names = [
        ("3AJwUDP919kvQ9QcozQPxg", "Yellow", "Coldplay"),
        ("1zwMYTA5nlNjZxYrvBB2pV", "Someone Like You", "Adele"),
        (track_id(3), "D\u00e9j\u00e0 Vu", "Beyonc\u00e9;JAY-Z"),
        (track_id(4), "September", "Earth, Wind & Fire"),
        (track_id(5), "Hey, Soul Sister", "Train"),
        (track_id(6), "Here Comes The Sun - Remastered 2009", "The Beatles"),
    ]
    table = song_table(len(names)).assign(duration_s=266.773, album=None)
    for column, cells in zip(("id", "title", "artists"), zip(*names, strict=True), strict=True):
        table[column] = cells
    cells = (0.429, 0.661, 0.285, 0.0, 0.0, 0.234, 0.0281, -7.2, 173.372)
    first = dict(zip(FEATURE_NAMES, cells, strict=True))
    table.loc[0, list(first)] = list(first.values())
    return recommender_over(table)
