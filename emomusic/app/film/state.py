"""The film of a visitor, and one song for each scene: chosen once, and played by the bar."""

from __future__ import annotations

import weakref
from collections.abc import Set
from dataclasses import dataclass, field

import streamlit as st

from emomusic.affect import AffectPoint, Emotion
from emomusic.answer.others import FilmAnswer
from emomusic.app.choices import FILM_FOLLOWS
from emomusic.app.queues import PageQueue, PlayerState, start
from emomusic.app.sources import YourMusic, your_music
from emomusic.app.state import page_state
from emomusic.server.film_job import FilmJob, FilmView
from emomusic.server.kept import Kept
from emomusic.server.visitor import session_id
from emomusic.songs.recommend import one_song_each
from emomusic.songs.request import Request
from emomusic.stream.timeline import Scene

VIDEO = ".st-key-film-frame video"
"""Selects the film in the page."""


@dataclass
class FilmState(Kept):
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
    _end: weakref.finalize[..., FilmState] | None = None  # ends the job when nothing refers to this state

    @property
    def held_thing(self) -> str:
        """The visitor's data that the session has, in a word."""
        return "film" if self.job is not None and not self.is_linked else ""

    def mood_of(self, number: int, scene: Scene) -> tuple[AffectPoint, Emotion]:
        """Position and emotion of a scene; of a chosen one, as first seen."""
        if number == self.scene:
            self.moods.setdefault(number, (scene.point, scene.emotion))
        return self.moods.get(number, (scene.point, scene.emotion))

    def show(self, job: FilmJob | None) -> None:
        """Show another film, or none. A film ends when its visitor has left, and nothing refers to this state."""
        if self._end is not None:
            self._end()
        self._end = None if job is None else weakref.finalize(self, job.end)
        self.job, self.scene, self.at_s = job, 0, None
        self.answer = self.queue = None
        self.moods.clear()
        self.offer()

    def take_over(self, before: FilmState) -> None:
        """Show the film of an ended session, and the scene that its visitor chose."""
        job, scene = before.job, before.scene
        assert job is not None  # it had a film
        if before._end is not None:
            before._end.detach()
        before._end = None
        before.show(None)
        self.show(job)
        self.scene, job.visitor = scene, session_id()


def answer_to(job: FilmJob, film: FilmView) -> FilmAnswer:
    """The answer to a moment of the film, with one song for each scene, for the visitor's music; there are scenes.

    The session keeps it. `FilmState.queue` holds the same songs for the bar.
    """
    here, queue = page_state(FilmState), page_state(FilmState).queue
    music = your_music().after(None if queue is None else queue.music)
    moods = (here.mood_of(number, scene) for number, scene in enumerate(film.scenes))
    requests = [music.asked(Request(point, emotion=emotion)) for point, emotion in moods]
    skipped = frozenset(page_state(PlayerState).skipped)
    is_same = queue is not None and queue.music.recommender is music.recommender and here.skipped == skipped
    before, reading = here.answer, film.reading
    picks = before.picks if before is not None and is_same and before.requests == requests else None
    is_new = picks is None
    if picks is None:
        with st.spinner("Choosing songs"):
            picks = one_song_each(requests, music.recommender, skipped)
    assert reading is not None
    chosen = min(here.scene, len(film.scenes) - 1)
    answer = FilmAnswer(job.name, reading, film.scenes, requests, picks, chosen, film.is_reading, film.problem)
    here.answer, here.skipped = answer, skipped
    if queue is None or is_new:
        queue = _queue_scene(answer, music)
    queue.music = music
    return answer


def _queue_scene(answer: FilmAnswer, music: YourMusic) -> PageQueue:
    """Let the queue begin with the song of the chosen scene; the songs before it stay."""
    here = page_state(FilmState)
    songs = [pick for pick in answer.picks if pick is not None]
    queue = PageQueue("film", music, answer.requests[0], songs, fades=True, video=VIDEO)
    here.queue = page_state(PlayerState).open(queue)
    later = {pick.song.id for pick in answer.picks[here.scene :] if pick is not None}
    while queue.current is not None and queue.current.song.id not in later:
        queue.go_on()
    return queue


def choose_scene(number: int) -> None:
    """Choose a scene and its song. If the film is followed, the bar plays the song, which waits with the film."""
    here = page_state(FilmState)
    here.scene = number
    if here.answer is not None and here.queue is not None:
        queue = _queue_scene(here.answer, here.queue.music)
        if FILM_FOLLOWS.value:
            start(queue, waits=True)


def stop_unless_following() -> None:
    """Stop the song of the scene, unless the visitor follows the film."""
    player = page_state(PlayerState)
    if player.playing is page_state(FilmState).queue and not FILM_FOLLOWS.value:
        player.playing = None


def set_scene(number: int, at_s: float | None = None) -> None:
    """Choose a scene and play it: the film from a time, or from the start of the scene, and its song."""
    here = page_state(FilmState)
    job = here.job
    if job is None:
        return
    scenes = job.view().scenes
    if number < len(scenes):
        here.at_s = scenes[number].start_s if at_s is None else at_s
        here.num_choices += 1
        choose_scene(number)
