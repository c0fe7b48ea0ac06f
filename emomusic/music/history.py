"""What has been played: no song twice, in whatever version, and no artist again too soon."""

from __future__ import annotations

import re
from collections import deque

import numpy as np
import numpy.typing as npt

from emomusic.music.catalogue import normalize_text, split_artists

ARTIST_WINDOW = 10
"""In any so many songs in a row, no artist is heard twice."""


def song_key(title: str, artists: str) -> tuple[str, str]:
    """What all versions of a song share: albums, remasters and remixes have ids of their own.

    Args:
        title: with notes such as "Creep - Acoustic" or "Stay (feat. Mikky Ekko)".
        artists: as a cell of a table names them.
    """
    name = normalize_text(title)
    base, *note = _VERSION_NOTE.split(name, maxsplit=1)
    parts = _PART.findall(note[0]) if note else []  # of one work, and each a song of its own
    return " ".join([base.strip() or name, *parts]), normalize_text(split_artists(artists)[0])


class PlayHistory:
    """What has been played: which songs are not to be played again, and which artists have to pause."""

    def __init__(
        self, artists: npt.NDArray[np.object_], titles: npt.NDArray[np.object_], *, window: int = ARTIST_WINDOW
    ) -> None:
        self._artists = artists
        self._titles = titles
        self._songs: set[tuple[str, str]] = set()
        self._recent: deque[tuple[str, ...]] = deque(maxlen=window - 1)
        self._pausing: frozenset[str] = frozenset()

    def copy(self) -> PlayHistory:
        """The same memory, to try a list on."""
        other = PlayHistory(self._artists, self._titles)
        other._songs, other._recent, other._pausing = set(self._songs), self._recent.copy(), self._pausing
        return other

    def add(self, row: int) -> None:
        """Remember that a row was played."""
        self._songs.add(self._song_key(row))
        self._recent.append(self._artist_keys(row))
        self._pausing = frozenset().union(*self._recent)

    def knows(self, row: int) -> bool:
        """Whether this song was played, be it another version."""
        return self._song_key(row) in self._songs

    def allows(self, row: int) -> bool:
        """Whether a row may be played next."""
        return self._pausing.isdisjoint(self._artist_keys(row)) and not self.knows(row)

    def _artist_keys(self, row: int) -> tuple[str, ...]:
        return tuple(normalize_text(name) for name in split_artists(self._artists[row]))

    def _song_key(self, row: int) -> tuple[str, str]:
        return song_key(self._titles[row], self._artists[row])


_VERSION_NOTE = re.compile(r" - | \(| \[")
"""Where a title ends and notes begin: "Creep - Acoustic", "Stay (feat. Mikky Ekko)"."""
_PART = re.compile(r"\b(?:pt|part|no|act)\b\.? ?(?:\d+|[ivx]+)\b|^[ivx]+(?=\.)")
"""Of a note what numbers a part: "Symphony No. 5 - II. Andante", "Another Brick in the Wall (Part 1)"."""
