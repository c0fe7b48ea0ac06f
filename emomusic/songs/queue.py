"""A queue of recommended songs: the current one, the next ones, and a playlist."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from emomusic.songs.catalogue import ARTIST_SEPARATOR, normalize_text
from emomusic.songs.history import song_key
from emomusic.songs.recommend import Recommender, Song
from emomusic.songs.request import Policy, Request, target_of

PAGE = 10
"""Songs that the recommender chooses at once; the length of a journey."""

_MOST_PAGES = 200  # ends the search for songs if nearly all artists are skipped


@dataclass(frozen=True, slots=True)
class QueuedSong:
    """A song with its number in the queue, counted from 1. The number stays if the order changes."""

    number: int
    song: Song


class SongQueue:
    """Songs for a request, chosen when they are needed. No song occurs twice. For one visitor, not thread-safe.

    After a journey, songs of its target mood follow.

    Attributes:
        request: of the listener.
        recommender: chooses the songs.
    """

    def __init__(self, recommender: Recommender, request: Request, *, skipped: Set[str] = frozenset()) -> None:
        """Start at the first song. Songs whose id or `artist_key` is in `skipped` are left out, also later ones."""
        self.request = request
        self.recommender = recommender
        self._skipped = skipped
        self._songs: list[QueuedSong] = []
        self._keys: set[tuple[str, str]] = set()
        self._position = 0
        self._pages = 0
        self._is_complete = False

    @classmethod
    def of(
        cls, songs: Iterable[Song], recommender: Recommender, request: Request, *, skipped: Set[str] = frozenset()
    ) -> SongQueue:
        """A queue of these songs only, such as the playlist of a session, which has several requests."""
        queue = cls(recommender, request, skipped=skipped)
        queue._add(songs)
        queue._is_complete = True
        return queue

    @property
    def current(self) -> QueuedSong | None:
        """The song to play; None after the last one."""
        self._drop_skipped()
        self._fill(self._position + 1)
        return self._songs[self._position] if self._position < len(self._songs) else None

    def up_next(self, num_songs: int) -> list[QueuedSong]:
        """The songs after the current one, at most `num_songs`."""
        self._drop_skipped()
        self._fill(self._position + 1 + num_songs)
        return self._songs[self._position + 1 : self._position + 1 + num_songs]

    def playlist(self, num_songs: int) -> list[Song]:
        """The songs of `numbered`."""
        return [queued.song for queued in self.numbered(num_songs)]

    def numbered(self, num_songs: int) -> list[QueuedSong]:
        """The first songs in the order of the queue, played or not, at most `num_songs`."""
        self._drop_skipped()
        self._fill(num_songs)
        return self._songs[:num_songs]

    def go_on(self) -> None:
        """Move to the next song."""
        if self.current is not None:
            self._position += 1

    def go_back(self) -> None:
        """Move to the song before the current one."""
        self._drop_skipped()
        self._position = max(self._position - 1, 0)

    @property
    def has_previous(self) -> bool:
        """Whether there is a song before the current one."""
        self._drop_skipped()
        return self._position > 0

    def play(self, number: int) -> None:
        """Move to a song of the queue. Songs that an upcoming one overtakes follow it."""
        position = next((at for at, queued in enumerate(self._songs) if queued.number == number), self._position)
        if position > self._position:
            self._songs.insert(self._position + 1, self._songs.pop(position))
            position = self._position + 1
        self._position = position

    def _drop_skipped(self) -> None:
        """Remove songs of skipped artists. The next song moves to the position of a removed current song."""
        kept = [queued for queued in self._songs if not self._is_skipped(queued.song)]
        if len(kept) < len(self._songs):
            self._position -= sum(self._is_skipped(queued.song) for queued in self._songs[: self._position])
            self._songs = kept

    def _is_skipped(self, song: Song) -> bool:
        return song.track.id in self._skipped or any(artist_key(name) in self._skipped for name in song.track.artists)

    def _fill(self, num_songs: int) -> None:
        while len(self._songs) < num_songs and not self._is_complete:
            request, page = self.request, self._pages
            if request.policy is Policy.JOURNEY and page > 0:
                point, mood = target_of(request)
                request, page = replace(request, point=point, mood=mood, policy=Policy.MATCH), page - 1
            songs = self.recommender.songs(request, PAGE, page=page)
            self._pages += 1
            is_journey = self.request.policy is Policy.JOURNEY and self._pages == 1
            self._is_complete = (len(songs) < PAGE and not is_journey) or self._pages >= _MOST_PAGES
            self._add(songs)

    def _add(self, songs: Iterable[Song]) -> None:
        """Append songs that were not in the queue and whose artists are not skipped."""
        for song in songs:
            key = song_key(song.track.title, ARTIST_SEPARATOR.join(song.track.artists))
            if key not in self._keys:
                self._keys.add(key)
                if not self._is_skipped(song):
                    self._songs.append(QueuedSong(len(self._keys), song))


def artist_key(name: str) -> str:
    """Key of an artist, for the set of what is skipped."""
    return normalize_text(name)
