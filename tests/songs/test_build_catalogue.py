"""scripts/build_catalogue.py: one row for each song, from the published table of releases and genres."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from emomusic.assets import find_dataset, sha256_of
from emomusic.songs.catalogue import Catalogue
from scripts.build_catalogue import RENAMES, SHA256, merge_releases

from .tables import song_table

pytestmark = pytest.mark.slow  # builds the catalogue

PUBLISHED = {ours: theirs for theirs, ours in RENAMES.items()}


def published(*releases: dict[str, Any]) -> pd.DataFrame:
    """Rows like those of the published table; each release changes some of our columns."""
    table = song_table(len(releases)).drop(columns=["genres", "duration_s"]).assign(genre="rock", duration_ms=200_500)
    table = table.astype({"title": object, "artists": object, "album": object})
    table[["speechiness", "instrumentalness"]] = 0.1
    for row, cells in enumerate(releases):
        for column, value in cells.items():
            table.loc[row, column] = value
    return table.rename(columns=PUBLISHED).assign(key=1, mode=0, time_signature=4)


def test_the_published_table_gives_the_bundled_catalogue(catalogue: Catalogue) -> None:
    path = find_dataset("music/spotify_tracks_114000.parquet")
    if path is None:
        pytest.skip("needs music/spotify_tracks_114000.parquet in $EMOMUSIC_DATA")
    assert sha256_of(path) == SHA256[".parquet"]
    rows = pd.read_parquet(path)
    assert len(rows) == 114_000
    songs, num_broken = merge_releases(rows[rows["track_name"].str.strip().str.startswith("S", na=False)])  # for speed
    assert num_broken == 10
    table = catalogue.table[catalogue.table["title"].str.startswith("S")]
    made = Catalogue(songs).table
    for column in ("id", "title", "artists", "album", "genres", "popularity"):
        assert made[column].tolist() == table[column].tolist()
    assert made["kind"].fillna("").tolist() == table["kind"].fillna("").tolist()
    np.testing.assert_allclose(Catalogue(songs).features, catalogue.features[table.index], atol=1e-6)
