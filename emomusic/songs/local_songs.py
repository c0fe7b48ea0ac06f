"""Audio files as a catalogue, so that recommendations work with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emomusic.errors import LibraryError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue
from emomusic.songs.features import FEATURE_NAMES
from emomusic.songs.library import Library
from emomusic.songs.mood import MOODS
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import Song
from emomusic.songs.song_kinds import kinds_of


def recommender_of(songs: Sequence[Song]) -> Recommender:
    """Recommender for audio files, with the moods that were heard.

    Args:
        songs: at least one, all from `records.local_song` and of one player.
    """
    hearings = [song.hearing for song in songs if song.hearing is not None]
    columns: dict[str, list[object]] = {
        **{name: [getattr(song, name) for song in songs] for name in ("id", "title", "album", "duration_s", "year")},
        **{name: [getattr(song, name) for song in songs] for name in (*FEATURE_NAMES, "player")},
        **{name: [ARTIST_SEPARATOR.join(getattr(song, name)) for song in songs] for name in ("artists", "genres")},
    }
    table = pd.DataFrame(columns)
    table["kind"] = kinds_of(table)
    probabilities = np.array([[hearing.moods[mood] for mood in MOODS] for hearing in hearings], np.float32)
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
