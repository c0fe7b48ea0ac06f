"""What plays: queues of songs for a request, and lists. The bar plays one of them.

A page makes its queue in each run, and hands it to `player.show_queue` and `answer.show_plane`:

    queue = play_for(request)           # new songs begin by themselves
    queue = play_list(picks, key)       # the first part of the key names the list

The same request, or key, keeps the queue with its position. Buttons call `when_pressed(play, queue, "next")`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Concatenate, Literal, ParamSpec
from weakref import ref

from emomusic.affect import AffectPoint
from emomusic.app.address import Address
from emomusic.app.sources import SourceState, YourMusic, your_music
from emomusic.app.state import page_state
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import Recommender
from emomusic.songs.request import Request
from emomusic.songs.song import Pick

FADE_S = 3.0
"""How long a song fades into the next one where `PageQueue.fades`."""

Arguments = ParamSpec("Arguments")


class PageQueue(SongQueue):
    """The songs of one place of a page.

    Attributes:
        name: of the place, for the keys of widgets; unique in the app.
        key: identifies a list; None where songs follow without end.
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
        """Start at the first song, and take the place of the queue of this name, also in the bar."""
        player = page_state(PlayerState)
        super().__init__(music.recommender, request, picks=picks, skipped=player.skipped.keys())
        self.name, self.music, self.key, self.fades, self.video = name, music, key, fades, video
        if player.playing is not None and player.playing is player.queues.get(name):
            player.playing = self
        player.queues[name] = self

    @property
    def is_list(self) -> bool:
        """Whether the songs are a list, not those for a request."""
        return self.key is not None


@dataclass
class PlayerState:
    """What a session plays.

    Attributes:
        queues: the last ones, by name.
        skipped: what "Not for me" skipped: names by the key of an artist or the id of a song.
        playing: what the bar plays.
        starts: how often a song was to begin.
    """

    queues: dict[str, PageQueue] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    playing: PageQueue | None = None
    starts: int = 0


def play_for(
    request: Request,
    name: str = "",
    choose: Callable[[Recommender, Request], Iterable[Pick]] | None = None,
    *,
    fades: bool = False,
) -> PageQueue:
    """The queue of songs for a request and the visitor's music. The same request and source keep its position.

    Args:
        request: of a listener.
        name: of the queue, by default that of the page.
        choose: gives the songs. Without it, songs for the request follow without end, and the bar plays new ones.
        fades: whether the songs fade into each other.
    """
    player, music, name = page_state(PlayerState), your_music(), name or page_state(Address).page
    request, queue = music.asked(request), player.queues.get(name)
    if queue is not None and queue.request == request and _goes_on(queue, music.recommender, ends=choose is not None):
        queue.music = music
        return queue
    picks = None if choose is None else choose(music.recommender, request)
    queue = PageQueue(name, music, request, picks, fades=fades)
    if choose is None:
        start(queue)
    return queue


def _goes_on(queue: PageQueue, recommender: Recommender, *, ends: bool) -> bool:
    """Whether a queue keeps its position: its source is the same, or has the current song and further ones."""
    if queue.recommender is recommender:
        return True
    if ends or (now := queue.current) is None or recommender.catalogue.find(now.song.id) is None:
        return False
    queue.continue_with(recommender)
    return True


def play_list(picks: Iterable[Pick], key: tuple[Hashable, ...], music: YourMusic | None = None) -> PageQueue:
    """The queue of a list, which needs no request. The same list keeps its position.

    Args:
        picks: the songs, read when they are needed. In place of those of Spotify, audio files like them play if
            Spotify does not answer.
        key: identifies the list. Its first part names the queue.
        music: of the visitor, if the page has decided it.
    """
    silent, name = page_state(SourceState).is_spotify_silent, str(key[0])
    queue = page_state(PlayerState).queues.get(name)
    if queue is None or queue.key != (key, silent):
        music = music or your_music()
        chosen = _substitutes(picks, music.recommender) if silent else picks
        queue = PageQueue(name, music, Request(_ORIGIN), chosen, key=(key, silent))
    queue.music = music or queue.music
    return queue


_ORIGIN = AffectPoint(0, 0)


def _substitutes(picks: Iterable[Pick], source: Recommender) -> Iterator[Pick]:
    """Songs of another source, near those whose point is known, and of the same mood."""
    for pick in picks:
        if not isnan(pick.song.valence):
            yield from source.songs(Request(pick.song.point, mood=pick.mood), 1)


def start(queue: PageQueue) -> None:
    """Let the bar play a queue."""
    player = page_state(PlayerState)
    player.playing, player.starts = queue, player.starts + 1


def play(queue: PageQueue, step: int | Literal["next", "previous"]) -> None:
    """Move a queue to the next or the previous song, or to a number, and play it."""
    if isinstance(step, int):
        queue.play(step)
    elif step == "next":
        queue.go_on()
    else:
        queue.go_back()
    start(queue)


def when_pressed(
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
    if (queue := player.queues.pop(name, None)) is not None and player.playing is queue:
        player.playing = None


def follow_source() -> None:
    """Choose the songs that play from another source if Spotify turned silent while their page was not shown."""
    queue = page_state(PlayerState).playing
    if queue is None or queue.is_list or not page_state(SourceState).is_spotify_silent:
        return
    if (current := queue.current) is not None and current.song.is_on_spotify:
        play_for(queue.request, queue.name, fades=queue.fades).video = queue.video
