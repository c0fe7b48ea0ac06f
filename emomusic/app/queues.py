"""Queues of songs for a request, and lists of songs. The bar plays one of them.

A page makes its queue in each run, and hands it to `player.show_queue` and `plane.show_plane`:

    queue = play_for(request, "photo")  # new songs begin by themselves
    queue = play_list(picks, key)       # the first part of the key names the list

The same request, or key, keeps the queue with its position. Buttons call `weak_callback(play, queue, "next")`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Concatenate, Literal, ParamSpec
from weakref import ref

from emomusic.affect import AffectPoint
from emomusic.app.own_music import own_recommender
from emomusic.app.sources import YourMusic, your_music
from emomusic.app.state import SourceState, page_state
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Pick, Player

FADE_S = 3.0
"""The time in which a song fades into the next one if `PageQueue.fades`."""

_MOST_INSTEAD = 100  # songs that may sound instead of one

Arguments = ParamSpec("Arguments")


class PageQueue(SongQueue):
    """The songs of one place of a page.

    Attributes:
        name: the name of the place, for the keys of widgets; unique in the app.
        key: identifies a list; None for songs for a request.
        ends: whether its songs are chosen, instead of following without end.
        music: decided in the last run of the page.
        fades: whether its songs fade into each other.
        video: selects the video whose pauses its songs share.
    """

    def __init__(
        self,
        name: str,
        music: YourMusic,
        request: Request,
        picks: Iterable[Pick] | None = None,
        *,
        key: Hashable = None,
        fades: bool = False,
        video: str | None = None,
    ) -> None:
        super().__init__(music.recommender, request, picks=picks, skipped=page_state(PlayerState).skipped.keys())
        self.name, self.music, self.key, self.fades, self.video = name, music, key, fades, video
        self.ends = picks is not None
        self._instead: dict[str, Pick] = {}  # replacements of silent songs, by their ids

    @property
    def is_list(self) -> bool:
        """Whether the songs are a list, not those for a request."""
        return self.key is not None

    @property
    def heard(self) -> Pick | None:
        """The song that the bar plays: the current one, or its replacement."""
        current = self.current
        return None if current is None else self.sounding(current)

    def sounding(self, pick: Pick) -> Pick | None:
        """The song that plays for one of this queue: itself, or one near it if Spotify does not answer; else None.

        No song sounds again instead of others before all near ones were heard.
        """
        source, skipped = self.music.fallback, self._skipped
        if source is None or not pick.song.is_on_spotify:
            return pick
        known = self._instead.get(pick.song.id)
        if known is not None and known.song.id not in skipped and source.catalogue.find(known.song.id) is not None:
            return known
        self._instead.pop(pick.song.id, None)
        if pick.point is None:
            return None
        uses = Counter(each.song.id for each in self._instead.values())
        near = islice(source.walk(Request(pick.point)), _MOST_INSTEAD)
        allowed = [each for each in near if each.song.id not in skipped]
        if not allowed:
            return None
        found = min(allowed, key=lambda each: uses[each.song.id])  # of several, the nearest
        self._instead[pick.song.id] = replace(found, number=pick.number)
        return self._instead[pick.song.id]


@dataclass
class PlayerState:
    """The queues that a session plays.

    Attributes:
        queues: the last ones, by name.
        skipped: songs that no queue plays: names by the key of an artist, for "Not for me", or by the id of a song,
            also for one that this browser cannot play.
        playing: the queue that the bar plays.
        starts: grows with each request to begin or end a song, also from one session to a later one. The browser may
            call the bar out of order, and keeps to the largest.
        waits: whether the song waits for the video of its queue, because it follows the video.
    """

    queues: dict[str, PageQueue] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    playing: PageQueue | None = None
    starts: int = field(default_factory=lambda: round(1000 * time.time()))
    waits: bool = False

    def open(self, queue: PageQueue) -> PageQueue:
        """Replace the queue of the same name, also in the bar unless it is a list."""
        if not queue.is_list and self.playing is not None and self.playing is self.queues.get(queue.name):
            self.playing = queue
        self.queues[queue.name] = queue
        return queue


def play_for(
    request: Request,
    name: str,
    choose: Callable[[Recommender, Request], Iterable[Pick]] | None = None,
    *,
    fades: bool = False,
) -> PageQueue:
    """The queue of songs for a request and the visitor's music. The same request and source keep its position.

    Args:
        request: the request of a listener.
        name: the name of the queue: that of the page, if it has one.
        choose: gives the songs. Without it, songs for the request follow without end, and the bar plays new ones.
        fades: whether the songs fade into each other.
    """
    player = page_state(PlayerState)
    queue = player.queues.get(name)
    music = your_music().after(None if queue is None else queue.music)
    request = music.asked(request)
    if queue is not None and queue.request == request and _goes_on(queue, music.recommender):
        queue.music, queue.request = music, request  # perhaps of another day
        return queue
    picks = None if choose is None else choose(music.recommender, request)
    queue = player.open(PageQueue(name, music, request, picks, fades=fades))
    if choose is None:
        start(queue)
    return queue


def _goes_on(queue: PageQueue, recommender: Recommender) -> bool:
    """Whether a queue keeps its position: its source is the same, or has the current song and further ones.

    A song of another mood, chosen before the others were heard, gives way to one that fits.
    """
    if queue.recommender is recommender:
        return True
    now = None if queue.ends else queue.current
    if now is None or recommender.catalogue.find(now.song.id) is None:
        return False
    best = next(iter(recommender.walk(queue.request)), now)
    if now.likeliest_mood is not now.mood and best.likeliest_mood is best.mood and not now.is_step:
        return False
    queue.continue_with(recommender)
    return True


def play_list(picks: Iterable[Pick], key: tuple[Hashable, ...], music: YourMusic | None = None) -> PageQueue:
    """The queue of a list, which needs no request. The same list keeps its position; another one begins with a click.

    Args:
        picks: the songs, read when they are needed.
        key: identifies the list. Its first part names the queue.
        music: the music of the visitor, if the page has decided it.
    """
    player, name = page_state(PlayerState), str(key[0])
    queue = player.queues.get(name)
    if queue is None or queue.key != key:
        queue = player.open(PageQueue(name, music or your_music(), Request(AffectPoint(0, 0)), picks, key=key))
    queue.music = music or queue.music
    return queue


def start(queue: PageQueue, *, waits: bool = False) -> None:
    """Let the bar play a queue. If it `waits`, only while its video plays; else its video plays too."""
    player = page_state(PlayerState)
    player.playing, player.starts, player.waits = queue, player.starts + 1, waits


def play(queue: PageQueue, step: int | Literal["next", "previous"]) -> None:
    """Move a queue to the next or the previous song, or to a number, and play it."""
    if isinstance(step, int):
        queue.play(step)
    elif step == "next":
        queue.go_on()
    else:
        queue.go_back()
    start(queue)


def weak_callback(
    act: Callable[Concatenate[PageQueue, Arguments], None],
    queue: PageQueue,
    *args: Arguments.args,
    **options: Arguments.kwargs,
) -> Callable[[], None]:
    """The callback of a widget. It does not keep the queue, because Streamlit keeps callbacks after the session."""
    weak = ref(queue)

    def act_now() -> None:
        if (found := weak()) is not None:
            act(found, *args, **options)

    return act_now


def forget_queue(name: str) -> None:
    """Delete a queue, and stop its song."""
    player = page_state(PlayerState)
    player.queues.pop(name, None)
    if player.playing is not None and player.playing.name == name:
        player.playing = None


def follow_source(player: PlayerState) -> None:
    """Choose the songs that play from another source if theirs is gone while their page was not shown.

    Those of Spotify change if it is silent. A song of a removed folder ends.
    """
    queue = player.playing
    current = None if queue is None else queue.current
    if queue is None or current is None:
        return
    if current.song.player is Player.LIBRARY:
        own = own_recommender()
        if own is None or own.catalogue.find(current.song.id) is None:
            player.playing = None
    elif current.song.is_on_spotify and page_state(SourceState).is_silent != (queue.music.fallback is not None):
        if queue.ends:
            queue.music = your_music()
        else:
            play_for(queue.request, queue.name, fades=queue.fades).video = queue.video
