"""scripts/build_catalogue.py: one row for each song, from the published table of releases and genres."""

import numpy as np
import pandas as pd
import pytest

from emomusic.assets import find_dataset, sha256_of
from emomusic.songs.catalogue import Catalogue
from scripts.build_catalogue import SHA256, merge_releases

pytestmark = pytest.mark.slow  # builds the catalogue


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
