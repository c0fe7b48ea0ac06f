from pathlib import Path

import pytest

from emomusic.assets import find_dataset, models_dir
from emomusic.songs.catalogue import Catalogue
from emomusic.songs.mood import DEFAULT_MOOD_MODEL, MoodClassifier
from emomusic.songs.recommend import Recommender, load_recommender


@pytest.fixture(scope="session")
def catalogue(recommender: Recommender) -> Catalogue:
    return recommender.catalogue


@pytest.fixture(scope="session")
def classifier() -> MoodClassifier:
    return MoodClassifier.load(models_dir() / "music" / DEFAULT_MOOD_MODEL)


@pytest.fixture(scope="session")
def recommender() -> Recommender:
    return load_recommender()


@pytest.fixture(scope="session")
def data_moods() -> Path:
    path = find_dataset("music/data_moods.csv") or find_dataset("data_moods.csv")
    if path is None:
        pytest.skip("needs data_moods.csv in $EMOMUSIC_DATA or data/")
    return path
