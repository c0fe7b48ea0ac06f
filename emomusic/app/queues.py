"""What the players of the pages play: queues of songs for a request, and lists."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Literal

from emomusic.affect import AffectPoint
from emomusic.app.audio import start_song
from emomusic.app.sources import is_spotify_silent, songs_recommender
from emomusic.app.state import page_state
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Pick


@dataclass
class PlayerState:
    """The players of a session.

    Attributes:
        queues: of the songs, by the place of the player.
        lists: identifies the list of a place, and whether Spotify was silent; absent where songs follow without end.
        skipped: what "Not for me" skipped: names by the key of an artist or the id of a song.
        frames: the last song of Spotify's player in a place, and whether it was in the second of two slots.
        large: the places with a large player.
        plane_clicks: number of clicks on the plane of the page.
    """

    queues: dict[str, SongQueue] = field(default_factory=dict)
    lists: dict[str, tuple[Hashable, bool]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    frames: dict[str, tuple[str, bool]] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    plane_clicks: int = 0


def queue_of(
    request: Request, place: str, choose: Callable[[Recommender, Request], Iterable[Pick]] | None = None
) -> SongQueue:
    """The queue of the player in a place. The same request and source keep its position.

    Args:
        request: for songs, with the visitor's music.
        place: names the player.
        choose: gives the songs of a list. Without it, songs for the request follow without end.
    """
    player, recommender = page_state(PlayerState), songs_recommender()
    queue, skipped = player.queues.get(place), player.skipped.keys()
    if queue is not None and queue.request == request:
        if queue.recommender is recommender:
            return queue
        if choose is None and (now := queue.current) is not None and recommender.catalogue.find(now.song.id):
            queue.continue_with(recommender)  # the source has further songs
            return queue
    if choose is None:
        queue = SongQueue(recommender, request, skipped=skipped)
    else:
        queue = SongQueue.of(choose(recommender, request), recommender, request, skipped=skipped)
    player.queues[place] = queue
    return queue


def play_list(picks: Iterable[Pick], place: str, key: Hashable) -> None:
    """Give the player of a place a list, which needs no request. The same list keeps its position.

    Args:
        picks: the songs, read when they are needed. In place of those of Spotify, audio files like them play if
            Spotify does not answer.
        place: names the player.
        key: identifies the list.
    """
    player, silent = page_state(PlayerState), is_spotify_silent()
    if player.lists.get(place) != (key, silent):
        source = songs_recommender()
        chosen = _substitutes(picks, source) if silent else picks
        player.queues[place] = SongQueue.of(chosen, source, Request(_ORIGIN), skipped=player.skipped.keys())
        player.lists[place] = key, silent


_ORIGIN = AffectPoint(0, 0)


def _substitutes(picks: Iterable[Pick], source: Recommender) -> Iterator[Pick]:
    """Songs of another source, near those whose point is known, and of the same mood."""
    for pick in picks:
        if not isnan(pick.song.valence):
            yield from source.songs(Request(pick.song.point, mood=pick.mood), 1)


def forget_list(place: str) -> None:
    """Let go of the songs of a list."""
    player = page_state(PlayerState)
    player.queues.pop(place, None)
    player.lists.pop(place, None)


def play(place: str, step: int | Literal["next", "previous"]) -> None:
    """Move the queue of a place to the next or the previous song, or to a number. An audio file starts by itself."""
    if (queue := page_state(PlayerState).queues.get(place)) is not None:
        if isinstance(step, int):
            queue.play(step)
        elif step == "next":
            queue.go_on()
        else:
            queue.go_back()
        if (current := queue.current) is not None:
            start_song(current.song.id)
