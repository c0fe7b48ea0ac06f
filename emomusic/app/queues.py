"""What plays: queues of songs for a request, and lists. Each has a place; the bar plays the queue of one place.

New songs for a request begin by themselves with `starts=True`. The callback of a button calls `start`,
or `play` with a step.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Literal

from emomusic.affect import AffectPoint
from emomusic.app.sources import SourceState, songs_recommender
from emomusic.app.state import page_state
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Pick

FADE_S = 3.0
"""How long a song fades into the next one in `PlayerState.fading`."""


@dataclass
class PlayerState:
    """What a session plays.

    Attributes:
        queues: of the songs, by place.
        lists: identifies the list of a place, and whether Spotify was silent; absent where songs follow without end.
        skipped: what "Not for me" skipped: names by the key of an artist or the id of a song.
        playing: the place that the bar plays.
        starts: how often a song was to begin.
        fading: the places whose songs fade into each other.
        videos: the video of a place, as a selector, whose pauses its songs share.
    """

    queues: dict[str, SongQueue] = field(default_factory=dict)
    lists: dict[str, tuple[Hashable, bool]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    playing: str = ""
    starts: int = 0
    fading: set[str] = field(default_factory=set)
    videos: dict[str, str] = field(default_factory=dict)


def queue_of(
    request: Request,
    place: str,
    choose: Callable[[Recommender, Request], Iterable[Pick]] | None = None,
    *,
    starts: bool = False,
) -> SongQueue:
    """The queue of a place. The same request and source keep its position.

    Args:
        request: for songs, with the visitor's music.
        place: names the queue.
        choose: gives the songs of a list. Without it, songs for the request follow without end.
        starts: whether the bar plays new songs at once.
    """
    player, recommender = page_state(PlayerState), songs_recommender()
    queue, skipped = player.queues.get(place), player.skipped.keys()
    if queue is not None and queue.request == request:
        if queue.recommender is recommender:
            return queue
        if choose is None and (now := queue.current) is not None and recommender.catalogue.find(now.song.id):
            queue.continue_with(recommender)  # the source has further songs
            return queue
    picks = None if choose is None else choose(recommender, request)
    queue = SongQueue(recommender, request, picks=picks, skipped=skipped)
    player.queues[place] = queue
    if starts:
        start(place)
    return queue


def play_list(picks: Iterable[Pick], place: str, key: Hashable) -> None:
    """Give a place a list, which needs no request. The same list keeps its position.

    Args:
        picks: the songs, read when they are needed. In place of those of Spotify, audio files like them play if
            Spotify does not answer.
        place: names the queue.
        key: identifies the list.
    """
    player, silent = page_state(PlayerState), page_state(SourceState).is_spotify_silent
    if player.lists.get(place) != (key, silent):
        source = songs_recommender()
        chosen = _substitutes(picks, source) if silent else picks
        player.queues[place] = SongQueue(source, Request(_ORIGIN), picks=chosen, skipped=player.skipped.keys())
        player.lists[place] = key, silent


_ORIGIN = AffectPoint(0, 0)


def _substitutes(picks: Iterable[Pick], source: Recommender) -> Iterator[Pick]:
    """Songs of another source, near those whose point is known, and of the same mood."""
    for pick in picks:
        if not isnan(pick.song.valence):
            yield from source.songs(Request(pick.song.point, mood=pick.mood), 1)


def start(place: str) -> None:
    """Let the bar play the songs of a place."""
    player = page_state(PlayerState)
    player.playing, player.starts = place, player.starts + 1


def play(place: str, step: int | Literal["next", "previous"]) -> None:
    """Move the queue of a place to the next or the previous song, or to a number, and play it."""
    if (queue := page_state(PlayerState).queues.get(place)) is not None:
        if isinstance(step, int):
            queue.play(step)
        elif step == "next":
            queue.go_on()
        else:
            queue.go_back()
        start(place)


def follow_source() -> None:
    """Choose the songs that play from another source if Spotify turned silent while their page was not shown."""
    player = page_state(PlayerState)
    queue = player.queues.get(player.playing)
    if queue is None or player.playing in player.lists or not page_state(SourceState).is_spotify_silent:
        return
    if (current := queue.current) is not None and current.song.is_on_spotify:
        queue_of(queue.request, player.playing)
