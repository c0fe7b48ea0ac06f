"""One song for each scene: chosen once, played by the bar, and mixed into the film."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from emomusic.app.bar import content_of
from emomusic.app.film.state import FilmState, ScenePicks
from emomusic.app.frame import shown_errors
from emomusic.app.queues import PlayerState, start
from emomusic.app.sources import songs_recommender, with_your_music
from emomusic.app.state import FILM_FOLLOWS, page_state
from emomusic.media.film_songs import SceneSong
from emomusic.songs.queue import SongQueue
from emomusic.songs.recommend import one_song_each
from emomusic.songs.request import Request
from emomusic.stream.timeline import Scene

PLACE = "film"
"""Names the queue of the scenes."""

VIDEO = ".st-key-film-frame video"
"""Selects the film in the page."""


def scene_picks(scenes: Sequence[Scene]) -> ScenePicks:
    """One song for each scene, for the visitor's music. The queue of the bar holds the same songs."""
    here, recommender, player = page_state(FilmState), songs_recommender(), page_state(PlayerState)
    moods = (here.mood_of(number, scene) for number, scene in enumerate(scenes))
    requests = [with_your_music(Request(point, emotion=emotion)) for point, emotion in moods]
    skipped, picks = frozenset(player.skipped), here.picks
    if picks is None or (picks.recommender, picks.requests, picks.skipped) != (recommender, requests, skipped):
        with st.spinner("Choosing songs"):
            found = one_song_each(requests, recommender, skipped)
        picks = here.picks = ScenePicks(recommender, requests, skipped, found)
        _queue_scene()
    return picks


def _queue_scene() -> None:
    """Let the queue of the bar begin with the song of the chosen scene; the songs before it stay."""
    here, player = page_state(FilmState), page_state(PlayerState)
    if (picks := here.picks) is None:
        return
    songs = [pick for pick in picks.picks if pick is not None]
    queue = SongQueue(picks.recommender, picks.requests[0], picks=songs, skipped=player.skipped.keys())
    later = {pick.song.id for pick in picks.picks[here.scene :] if pick is not None}
    while queue.current is not None and queue.current.song.id not in later:
        queue.go_on()
    player.queues[PLACE] = queue
    player.fading.add(PLACE)
    player.videos[PLACE] = VIDEO


def play_scene_song(number: int) -> None:
    """Choose a scene, and let the bar play its song."""
    page_state(FilmState).scene = number
    _queue_scene()
    start(PLACE)


def stop_unless_following() -> None:
    """Stop the song of the scene, unless the visitor follows the film."""
    player = page_state(PlayerState)
    if player.playing == PLACE and not st.session_state.get(FILM_FOLLOWS):
        player.playing = ""


def choose_scene(number: int, at_s: float | None = None) -> None:
    """Choose a scene and play it: the film from a time, or from the start of the scene, and its song."""
    here = page_state(FilmState)
    job = here.job
    if job is not None and number < len(scenes := job.view().scenes):
        here.at_s = scenes[number].start_s if at_s is None else at_s
        here.num_choices += 1
        if st.session_state.get(FILM_FOLLOWS):
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
