"""Bundled songs: excerpts under free licences, each with its mood, written by `scripts.build_bundled_songs`."""

from __future__ import annotations

import json
from pathlib import Path

from emomusic.assets import data_dir, load_once
from emomusic.errors import DatasetError
from emomusic.songs.local_songs import recommender_of
from emomusic.songs.recommend import Recommender
from emomusic.songs.records import local_song
from emomusic.songs.song import Player, Song

SONGS = "songs.json"
"""File with a list of records of `records.record_of`, each with the song's `number`, `file`, `licence` and `source`."""


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
