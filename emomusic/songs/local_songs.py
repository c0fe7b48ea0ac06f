"""Recommenders for audio files: uploaded ones, those of the library, and the bundled ones.

The bundled songs are excerpts under free licences; `scripts.build_bundled_songs` hears them again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import pandas as pd
from msgspec.structs import replace

from emomusic.assets import data_dir, load_once
from emomusic.errors import DatasetError, LibraryError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, Catalogue, key_of, named, normalize_text
from emomusic.songs.genres import KIND_GENRES, kinds_of
from emomusic.songs.library import Library
from emomusic.songs.mood import MOODS
from emomusic.songs.names import artist_keys
from emomusic.songs.recommend import Recommender
from emomusic.songs.song import FEATURE_NAMES, UNKNOWN_ARTIST, Player, Song

log = logging.getLogger(__name__)

SONGS = "songs.json"
"""File with a list of `song.Song`, each with the name of its file as `path`."""

_LOSSLESS = (".flac", ".wav", ".wave", ".aif", ".aiff", ".aifc")
_SAME_S = 2.0  # lossy formats add silence
_COLUMNS = ("id", "title", "artists", "album", "genres", "duration_s", "year", "player", *FEATURE_NAMES)


def recommender_of(songs: Sequence[Song]) -> Recommender:
    """Recommender for audio files, with the moods that were heard; of several copies of a song, the best one.

    Args:
        songs: at least one, all from `analysis.song_of` and of one player.
    """
    songs = _best_copies(songs)
    table = pd.DataFrame({name: [getattr(song, name) for song in songs] for name in _COLUMNS})
    for name in ("artists", "genres"):
        table[name] = table[name].map(ARTIST_SEPARATOR.join)
    table["kind"] = kinds_of(table)
    moods = [song.hearing.moods for song in songs if song.hearing is not None]
    probabilities = np.array([[own[mood] for mood in MOODS] for own in moods], np.float32)
    return Recommender(Catalogue(table, name=songs[0].player, is_local=True, songs=songs), probabilities)


def _best_copies(songs: Sequence[Song]) -> list[Song]:
    """The songs without worse copies: with the same title, one of the artists, and a length within `_SAME_S`."""
    kept, places = list[Song](), dict[tuple[str, ...], list[int]]()
    for song in songs:
        title, artists = named(song)
        keys = [(normalize_text(title), key_of(song)[0], name) for name in artist_keys(artists)]
        known = (at for key in keys for at in places.get(key, ()))
        length_s = song.duration_s or 0.0
        at = next((at for at in known if abs((kept[at].duration_s or 0.0) - length_s) <= _SAME_S), len(kept))
        if at < len(kept):
            kept[at] = max(kept[at], song, key=_quality)
        else:
            kept.append(song)
        for key in keys:
            places.setdefault(key, []).append(at)
    return kept


def _quality(song: Song) -> tuple[bool, bool, bool, int]:
    """Whether a file of the library exists, is lossless, and has tags, and its bytes."""
    path, size = Path(song.path or ""), -1
    with contextlib.suppress(OSError):
        size = path.stat().st_size if song.player is Player.LIBRARY else 0
    return size >= 0, path.suffix.lower() in _LOSSLESS, song.artists != (UNKNOWN_ARTIST,), size


def load_library_recommender(path: Path | None = None) -> Recommender:
    """Recommender for the user's music library.

    Args:
        path: the file of the library, by default `library.library_file()`.

    Raises:
        LibraryError: the library has no songs, or cannot be read.
    """
    with Library(path) as library:
        if songs := library.songs():
            if num_older := library.num_older():
                log.warning("%d songs were heard by an older model. Run: emomusic library update", num_older)
            recommender = recommender_of(songs)
            kinds = recommender.catalogue.table["kind"].isin([kind.value for kind in KIND_GENRES])
            num_others = int(kinds.sum())
            if num_others:
                log.info("%d files are left out: speech, sleep sounds or children's songs", num_others)
            return recommender
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
        songs = msgspec.json.decode(path.read_bytes(), type=Annotated[list[Song], msgspec.Meta(min_length=1)])
        return [replace(song, path=str(path.with_name(song.path or ""))) for song in songs]
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise DatasetError(f"expected a list of songs in {path}. Received: {error!r}. Restore the file") from error


@load_once
def load_bundled_recommender() -> Recommender:
    """Recommender for the bundled songs, loaded once. Threads may share it. Errors are those of `bundled_songs`."""
    return recommender_of(bundled_songs())
