"""Playlists that follow changing moods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from emomusic.music.recommend import Song
from emomusic.music.request import Request

_NUM_CANDIDATES = 10


class Recommends(Protocol):
    """Recommends songs. `Recommender` and the fakes of the tests implement it."""

    def songs(self, request: Request, count: int, /) -> Sequence[Song]:
        """At most `count` songs, the best first."""
        ...


def one_song_each(
    requests: Sequence[Request], recommender: Recommends, first: Sequence[Song | None] = ()
) -> list[Song | None]:
    """One song for each request without repetition; None where no other song fits.

    Args:
        requests: one for each song.
        recommender: chooses the songs.
        first: the songs of the first requests, if they are known.
    """
    chosen = list(first)
    for request in requests[len(first) :]:
        taken = {song.track.id for song in chosen if song is not None}
        songs = recommender.songs(request, max(_NUM_CANDIDATES, len(chosen) + 1))
        fresh = (song for song in songs if song.track.id not in taken)
        chosen.append(next(fresh, None))
    return chosen
