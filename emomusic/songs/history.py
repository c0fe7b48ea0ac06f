"""Play history: no repeated song in any version, and a pause between songs of an artist."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from emomusic.songs.catalogue import normalize_text, song_key, split_artists

ARTIST_WINDOW = 10
"""An artist occurs once in this number of consecutive songs."""


class PlayHistory:
    """Played songs and recent artists."""

    def __init__(self, artists: Sequence[str], titles: Sequence[str], *, window: int = ARTIST_WINDOW) -> None:
        """Start without songs. `artists` and `titles` are columns of a catalogue, `window` as `ARTIST_WINDOW`."""
        self._artists = artists
        self._titles = titles
        self._songs: set[tuple[str, str]] = set()
        self._recent: deque[tuple[str, ...]] = deque(maxlen=window - 1)
        self._recent_artists: frozenset[str] = frozenset()

    def add(self, row: int) -> None:
        """Record a played row."""
        self._songs.add(self._song_key(row))
        self._recent.append(self._artist_keys(row))
        self._recent_artists = frozenset().union(*self._recent)

    def knows(self, row: int) -> bool:
        """Whether any version of this song was played."""
        return self._song_key(row) in self._songs

    def allows(self, row: int) -> bool:
        """Whether neither the song was played nor its artists are recent."""
        return self._recent_artists.isdisjoint(self._artist_keys(row)) and not self.knows(row)

    def _artist_keys(self, row: int) -> tuple[str, ...]:
        return tuple(normalize_text(name) for name in split_artists(self._artists[row]))

    def _song_key(self, row: int) -> tuple[str, str]:
        return song_key(self._titles[row], self._artists[row])
