"""Build `data/catalogue/songs.parquet` from Kaggle's Spotify Tracks Dataset (114,000 rows, ODbL 1.0).

python -m scripts.build_catalogue path/to/dataset.csv
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from emomusic.assets import data_dir, sha256_of, write_checksums
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue
from emomusic.songs.genres import GENRES, kinds_of
from emomusic.songs.song import FEATURES
from emomusic.songs.stored_moods import CATALOGUE_FILE, predict_moods, write_catalogue

SHA256 = {
    ".csv": "b202fa49909b2d5cef71a04b1d21243cfeb36414535f2ca9272aa646721177bd",
    ".parquet": "5eb3e2f69859168a7fda02a721990edada20a5a28d315e092de5b48b274410bf",
}
"""Checksums of the published table, and of a Parquet file with the same rows and without the index column."""

RENAMES = {"track_id": "id", "track_name": "title", "album_name": "album", "track_genre": "genre"} | {
    feature.source_name: feature.name for feature in FEATURES.values()
}


def build(source: Path, folder: Path) -> None:
    """Write the catalogue and its source note into `folder`."""
    checksum = sha256_of(source)
    if checksum != SHA256.get(source.suffix):
        sys.exit(f"expected the published dataset.csv. Received: {source} with the checksum {checksum}")
    rows = pd.read_csv(source, index_col=0) if source.suffix == ".csv" else pd.read_parquet(source)
    songs, num_broken = merge_releases(rows)
    if unknown := set(songs["genres"].str.split(ARTIST_SEPARATOR).explode()) - set(GENRES):
        sys.exit(f"expected genres of emomusic.songs.genres. Received: {', '.join(sorted(unknown))}")
    catalogue = Catalogue(songs, name=source.name)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / CATALOGUE_FILE
    write_catalogue(target, catalogue, predict_moods(catalogue))
    note = Path(__file__).with_name("catalogue_source.md").read_text(encoding="utf-8")
    counts = {"num_songs": len(songs), "num_genres": len(GENRES), "num_rows": len(rows), "num_broken": num_broken}
    text = note.format(**counts, source_sha256=SHA256[".csv"])
    (folder / "SOURCE.md").write_text(text, encoding="utf-8")
    write_checksums()
    print(f"{target}: {len(songs):,} songs, {target.stat().st_size / 2**20:.1f} MiB")


def merge_releases(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Songs of the published table, most popular first, and the number of songs left out as broken."""
    rows = rows.rename(columns=RENAMES)
    rows = rows.sort_values(["popularity", "id"], ascending=[False, True], kind="stable")
    rows[["title", "artists"]] = rows[["title", "artists"]].apply(lambda cells: cells.fillna("").str.strip())
    is_whole = (rows["title"] != "") & (rows["artists"] != "") & (rows["tempo_bpm"] > 0) & (rows["danceability"] > 0)
    song = ["title", "artists"]
    num_songs = len(rows[song].drop_duplicates())
    rows = rows[is_whole]
    by_song = rows.groupby(song, sort=False)
    genres = by_song["genre"].agg(lambda own: ARTIST_SEPARATOR.join(sorted(set(own))))
    rows = rows.join(genres.rename("genres"), on=song)
    # A song is a holiday song only if it is on no other album
    kinds = kinds_of(rows)
    is_special = kinds.notna().groupby([rows["title"], rows["artists"]], sort=False).transform("all")
    rows["kind"] = kinds.where(is_special, None)
    rows["duration_s"] = rows["duration_ms"] / 1000.0
    songs = rows.drop_duplicates(song).reset_index(drop=True)
    return songs, num_songs - len(songs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="the published dataset.csv, or a Parquet file with its rows")
    build(parser.parse_args().source, data_dir() / "catalogue")
