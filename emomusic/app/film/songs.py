"""One song for each scene: chosen once, played by the bar, and mixed into the film."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from emomusic.app.bar import content_of
from emomusic.app.choices import FILM_FOLLOWS
from emomusic.app.film.state import FilmState, ScenePicks
from emomusic.app.frame import shown_errors
from emomusic.app.queues import PageQueue, PlayerState, start
from emomusic.app.sources import your_music
from emomusic.app.state import page_state
from emomusic.media.film_songs import SceneSong
from emomusic.songs.recommend import one_song_each
from emomusic.songs.request import Request
from emomusic.stream.timeline import Scene

VIDEO = ".st-key-film-frame video"
"""Selects the film in the page."""


def scene_picks(scenes: Sequence[Scene]) -> ScenePicks:
    """One song for each scene, for the visitor's music. `FilmState.queue` holds the same songs for the bar."""
    here, player = page_state(FilmState), page_state(PlayerState)
    music = your_music().after(None if here.picks is None else here.picks.music)
    moods = (here.mood_of(number, scene) for number, scene in enumerate(scenes))
    requests = [music.asked(Request(point, emotion=emotion)) for point, emotion in moods]
    skipped, picks = frozenset(player.skipped), here.picks
    is_same = picks is not None and picks.music.recommender is music.recommender
    if picks is None or not is_same or (picks.requests, picks.skipped) != (requests, skipped):
        with st.spinner("Choosing songs"):
            found = one_song_each(requests, music.recommender, skipped)
        picks = here.picks = ScenePicks(music, requests, skipped, found)
        _queue_scene(picks)
    if here.queue is not None:
        here.queue.music = music
    return picks


def _queue_scene(picks: ScenePicks) -> PageQueue:
    """Let the queue begin with the song of the chosen scene; the songs before it stay."""
    here = page_state(FilmState)
    songs = [pick for pick in picks.picks if pick is not None]
    queue = PageQueue("film", picks.music, picks.requests[0], songs, fades=True, video=VIDEO)
    here.queue = page_state(PlayerState).open(queue)
    later = {pick.song.id for pick in picks.picks[here.scene :] if pick is not None}
    while queue.current is not None and queue.current.song.id not in later:
        queue.go_on()
    return queue


def play_scene_song(number: int) -> None:
    """Choose a scene, and let the bar play its song, which waits with the film."""
    here = page_state(FilmState)
    here.scene = number
    if here.picks is not None:
        start(_queue_scene(here.picks), waits=True)


def stop_unless_following() -> None:
    """Stop the song of the scene, unless the visitor follows the film."""
    player = page_state(PlayerState)
    if player.playing is page_state(FilmState).queue and not FILM_FOLLOWS.value:
        player.playing = None


def set_scene(number: int, at_s: float | None = None) -> None:
    """Choose a scene and play it: the film from a time, or from the start of the scene, and its song."""
    here = page_state(FilmState)
    job = here.job
    if job is not None and number < len(scenes := job.view().scenes):
        here.at_s = scenes[number].start_s if at_s is None else at_s
        here.num_choices += 1
        if FILM_FOLLOWS.value:
            play_scene_song(number)
        else:
            here.scene = number


def mix_songs() -> None:
    """Let the thread of the film mix the songs of the scenes that are audio files."""
    here = page_state(FilmState)
    job = here.job
    if job is None or (picks := here.picks) is None:
        return
    with shown_errors():
        songs = [
            SceneSong(scene.start_s, scene.end_s, content_of(pick.song))
            for scene, pick in zip(job.view().scenes, picks.picks, strict=True)
            if pick is not None and pick.song.is_audio
        ]
        if job.mix(songs):
            here.mixed = picks
