"""Audio files as a catalogue, so that recommendations work with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emomusic.errors import LibraryError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue
from emomusic.songs.features import FEATURE_NAMES
from emomusic.songs.library import Library, LocalSong
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.song_kinds import kinds_of

UNKNOWN_ARTIST = "Unknown artist"


def recommender_of(songs: Sequence[LocalSong], source: str) -> Recommender:
    """Recommender for audio files, with the moods that were heard.

    Args:
        songs: at least one.
        source: begins the ids, such as "library".
    """
    columns: dict[str, list[object]] = {
        "id": [f"{source}-{song.number}" for song in songs],
        "title": [song.title for song in songs],
        "artists": [ARTIST_SEPARATOR.join(song.artists) or UNKNOWN_ARTIST for song in songs],
        **{name: [np.nan] * len(songs) for name in FEATURE_NAMES},
        "valence": [(song.valence + 1) / 2 for song in songs],
        "energy": [(song.arousal + 1) / 2 for song in songs],
        "genres": [ARTIST_SEPARATOR.join(song.genres) for song in songs],
        "duration_s": [song.duration_s for song in songs],
        **{name: [getattr(song, name) for song in songs] for name in ("album", "year", "path", "licence", "source")},
    }
    # Arrow strings cannot hold file names outside Unicode
    table = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    table["kind"] = kinds_of(table)
    probabilities = np.array([[song.moods[mood] for mood in MOODS] for song in songs], np.float32)
    return Recommender(Catalogue(table, name=source, is_local=True), probabilities)


def load_library_recommender(path: Path | None = None) -> Recommender:
    """Recommender for the library of one's own music.

    Args:
        path: of the library, by default `library.library_file()`.

    Raises:
        LibraryError: the library has no songs, or cannot be read.
    """
    with Library(path) as library:
        if songs := library.songs():
            return recommender_of(songs, "library")
        raise LibraryError(f"expected songs in {library.path}. Received: none. Run: emomusic library add FOLDER")
