"""Recommenders for audio files: uploaded ones, those of the library, and the bundled ones.

`scripts.build_bundled_songs` writes the bundled songs: excerpts under free licences.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emomusic.assets import data_dir, load_once
from emomusic.errors import DatasetError, LibraryError
from emomusic.songs.analysis import local_song
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue
from emomusic.songs.genres import kinds_of
from emomusic.songs.library import Library
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import FEATURE_NAMES, Player, Song

SONGS = "songs.json"
"""File with a list of results of `analysis.record_of`, each with `number`, `file`, `licence` and `source`."""


def recommender_of(songs: Sequence[Song]) -> Recommender:
    """Recommender for audio files, with the moods that were heard.

    Args:
        songs: at least one, all from `analysis.local_song` and of one player.
    """
    columns: dict[str, list[object]] = {
        **{name: [getattr(song, name) for song in songs] for name in ("id", "title", "album", "duration_s", "year")},
        **{name: [getattr(song, name) for song in songs] for name in (*FEATURE_NAMES, "player")},
        **{name: [ARTIST_SEPARATOR.join(getattr(song, name)) for song in songs] for name in ("artists", "genres")},
    }
    table = pd.DataFrame(columns)
    table["kind"] = kinds_of(table)
    moods = [song.hearing.moods for song in songs if song.hearing is not None]
    probabilities = np.array([[shares[mood] for mood in MOODS] for shares in moods], np.float32)
    return Recommender(Catalogue(table, name=songs[0].player, is_local=True, songs=songs), probabilities)


def load_library_recommender(path: Path | None = None) -> Recommender:
    """Recommender for the library of one's own music.

    Args:
        path: of the library, by default `library.library_file()`.

    Raises:
        LibraryError: the library has no songs, or cannot be read.
    """
    with Library(path) as library:
        if songs := library.songs():
            return recommender_of(songs)
        raise LibraryError(f"expected songs in {library.path}. Received: none. Run: emomusic library add FOLDER")


def songs_dir() -> Path:
    """The folder of the excerpts and their list."""
    return data_dir() / "songs"


def bundled_songs() -> list[Song]:
    """The excerpts, with their licences and sources.

    Raises:
        DatasetError: the list is absent or damaged.
    """
    path = songs_dir() / SONGS
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        songs = [
            local_song(record, Player.BUNDLED, record["number"], str(path.with_name(record["file"])))
            for record in records
        ]
        if not songs:
            raise ValueError("no songs")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DatasetError(f"expected a list of songs in {path}. Received: {error!r}. Restore the file") from error
    return songs


@load_once
def load_bundled_recommender() -> Recommender:
    """Recommender for the bundled songs, loaded once. Threads may share it. Errors are those of `bundled_songs`."""
    return recommender_of(bundled_songs())
