"""A queue of recommended songs: the current one, the next ones, and a playlist."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from emomusic.songs.catalogue import key_of, normalize_text
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Pick

_MOST_SONGS = 2000  # ends the search for songs if nearly all artists are skipped


class SongQueue:
    """Songs for a request, chosen when they are needed. No song occurs twice. Thread-safe.

    Attributes:
        request: the request of the listener.
        recommender: chooses the songs.
    """

    def __init__(
        self,
        recommender: Recommender,
        request: Request,
        *,
        picks: Iterable[Pick] | None = None,
        skipped: Set[str] = frozenset(),
    ) -> None:
        """Start at the first song.

        Args:
            recommender: chooses the songs.
            request: the request of the listener.
            picks: the only songs, such as the playlist of a session, which has several requests.
            skipped: ids of songs and normalized names of artists. The set may change at any time: its songs leave the
                queue at once, and return to their places when they are no longer in it.
        """
        self.request = request
        self.recommender = recommender
        self._skipped = skipped
        self._source: Iterator[Pick] = recommender.walk(request) if picks is None else iter(picks)
        self._picks: list[Pick] = []  # with the skipped ones
        self._keys: set[tuple[str, str]] = set()
        self._num_chosen = 0
        self._position = 0  # place of the current song, or of the skipped ones before it
        self._lock = threading.RLock()

    def continue_with(self, recommender: Recommender, picks: Iterable[Pick] | None = None) -> None:
        """Keep the songs up to the current one, and choose the next ones again, from songs that were added since.

        Args:
            recommender: chooses the songs.
            picks: the only next songs, such as those like the current one.
        """
        with self._lock:
            self._position, is_over = self._now(), self.current is None
            del self._picks[self._position + (not is_over) :]
            self._keys = {key_of(pick.song) for pick in self._picks}
            self._num_chosen = max((pick.number for pick in self._picks), default=0)
            self.recommender = recommender
            self._source = recommender.walk(self.request, self._picks) if picks is None else iter(picks)

    @property
    def current(self) -> Pick | None:
        """The song to play; None after the last one."""
        return next(iter(self._allowed(self._position, 1)), None)

    def up_next(self, num_songs: int) -> list[Pick]:
        """The songs after the current one, at most `num_songs`."""
        return self._allowed(self._position, num_songs + 1)[1:]

    def playlist(self, num_songs: int) -> list[Pick]:
        """The first songs in the order of the queue, played or not, at most `num_songs`."""
        return self._allowed(0, num_songs)

    def go_on(self) -> None:
        """Move to the next song."""
        with self._lock:
            if self.current is not None:
                self._position = self._now() + 1

    def go_back(self) -> None:
        """Move to the song before the current one."""
        with self._lock:
            self._position = next(iter(self._before()), self._position)

    @property
    def has_previous(self) -> bool:
        """Whether there is a song before the current one."""
        with self._lock:
            return any(True for _ in self._before())

    def play(self, number: int) -> None:
        """Move to a song of the queue. Songs that an upcoming one overtakes follow it."""
        with self._lock:
            now = self._now()
            position = next((at for at, pick in enumerate(self._picks) if pick.number == number), now)
            if position > now:
                self._picks.insert(now + 1, self._picks.pop(position))
                position = now + 1
            self._position = position

    def _now(self) -> int:
        """Position of the current song."""
        current = self.current
        return self._position if current is None else self._picks.index(current)

    def _before(self) -> Iterator[int]:
        """Positions of the allowed songs before the current one, the nearest first."""
        return (at for at in reversed(range(self._position)) if not self._is_skipped(self._picks[at]))

    def _allowed(self, start: int, num_songs: int) -> list[Pick]:
        """Songs from a position on that are not skipped."""
        with self._lock:
            known = (self._picks[at] for at in range(start, len(self._picks)))
            allowed = [pick for pick in known if not self._is_skipped(pick)][:num_songs]
            while len(allowed) < num_songs and len(self._picks) < _MOST_SONGS:
                if (pick := self._next()) is None:
                    break
                if not self._is_skipped(pick):
                    allowed.append(pick)
            return allowed

    def _next(self) -> Pick | None:
        """Append the next song of the source; None at its end."""
        for pick in self._source:
            key = key_of(pick.song)
            if key not in self._keys:
                self._keys.add(key)
                self._num_chosen += 1
                self._picks.append(replace(pick, number=self._num_chosen))
                return self._picks[-1]
        return None

    def _is_skipped(self, pick: Pick) -> bool:
        return pick.song.id in self._skipped or any(normalize_text(name) in self._skipped for name in pick.song.artists)
