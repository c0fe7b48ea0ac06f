"""The choices of a visitor on the Film page."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emomusic.affect import AffectPoint, Emotion

if TYPE_CHECKING:
    from emomusic.answer.others import FilmAnswer  # loads pandas
    from emomusic.app.queues import PageQueue
    from emomusic.server.film_job import FilmJob  # loads OpenCV and FFmpeg
    from emomusic.songs.song import Pick
    from emomusic.stream.timeline import Scene


@dataclass
class FilmState:
    """The film of a visitor and what is shown of it."""

    # The film, reading or over; None before the first. Fragments look here: Streamlit would keep a film of theirs
    job: FilmJob | None = None
    is_linked: bool = False  # whether the URL named the sample at the last run
    drawn: tuple[object, ...] = ()  # what the page showed at its last run
    scene: int = 0  # index of the chosen scene
    at_s: float | None = None  # the time that the visitor chose; None before the first choice
    num_choices: int = 0  # number of these choices in the session
    # those of the chosen scenes, as first seen, so that their songs stay
    moods: dict[int, tuple[AffectPoint, Emotion]] = field(default_factory=dict)
    answer: FilmAnswer | None = None  # that of the last run, with the song of each scene; None before the first scene
    queue: PageQueue | None = None  # with these songs, from that of the chosen scene on
    skipped: Set[str] = frozenset()  # as in `PlayerState` when they were chosen
    mixed: Sequence[Pick | None] | None = None  # the songs that the visitor wanted in the film; None before
    _stop_job: Callable[[], object] = lambda: None

    @property
    def held_thing(self) -> str:
        """What the session has of the visitor."""
        return "film" if self.job is not None and not self.is_linked else ""

    def mood_of(self, number: int, scene: Scene) -> tuple[AffectPoint, Emotion]:
        """Position and emotion of a scene; of a chosen one, as first seen."""
        if number == self.scene:
            self.moods.setdefault(number, (scene.point, scene.emotion))
        return self.moods.get(number, (scene.point, scene.emotion))

    def show(self, job: FilmJob | None) -> None:
        """Show another film, or none. A film ends when its visitor has left, and nothing refers to this state."""
        self._stop_job()
        if job is not None:
            self._stop_job = weakref.finalize(self, job.end)
        self.job, self.scene, self.at_s = job, 0, None
        self.answer = self.queue = self.mixed = None
        self.moods.clear()
