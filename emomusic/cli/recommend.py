"""`recommend`: songs for an emotion or like another song, and playlists of them."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from emomusic.affect import AffectPoint, Emotion
from emomusic.cli import arguments
from emomusic.errors import EmomusicError
from emomusic.songs.song import Trait

if TYPE_CHECKING:
    from emomusic.songs.recommend import Recommender
    from emomusic.songs.request import Request
    from emomusic.songs.song import Pick, Song

log = logging.getLogger(__name__)


def recommend(options: argparse.Namespace) -> arguments.Outcome:
    """Recommend songs without a face, and write a playlist of them."""
    from emomusic.export import song_record

    emotion = options.emotion and Emotion(options.emotion)
    given = (emotion is not None, options.valence is not None, options.arousal is not None)
    if given == (True, False, False):
        point = emotion.point
    elif given[1:] == (True, True):
        point = AffectPoint(options.valence, options.arousal)
    elif options.like is not None and not any(given):
        point = AffectPoint(0, 0)
    else:
        raise EmomusicError("expected --emotion NAME, or --valence V and --arousal A together, or --like SONG")
    if options.out is not None and options.format is None:
        raise EmomusicError("expected --out with --format. Received: --out alone")
    if options.format is not None and options.out is None and options.json:
        raise EmomusicError("expected --out FILE for the playlist, as --json prints the songs")
    if options.same_mood and options.like is None:
        raise EmomusicError("expected --same-mood with --like. Received: --same-mood alone")
    request = replace(
        arguments.song_request(options, point=point, emotion=emotion), traits=frozenset(map(Trait, options.traits))
    )
    if options.like is not None:
        songs, recommender = _songs_like(options, request, any(given))
    else:
        recommender = _recommender(options.source or "catalogue", options)
        songs = recommender.songs(request, options.songs)
    if not songs:
        why = recommender.why_none(request) if options.like is None else "no other song passes the options"
        log.error("emomusic: no songs: %s", why)
    elif len(songs) < options.songs and request.policy == "journey":
        log.warning("emomusic: %d of %d songs: too few songs fit the journey", len(songs), options.songs)
    if options.format is not None:
        _write_playlist(options, songs)
    return [song_record(song) for song in songs], 0


def _recommender(source: str, options: argparse.Namespace) -> Recommender:
    from emomusic.songs.local_songs import load_bundled_recommender, load_library_recommender
    from emomusic.songs.recommend import load_recommender

    if options.traits and source == "catalogue":
        raise EmomusicError(
            "expected --traits with --source library or bundled. Received: the catalogue, not audio files"
        )
    if options.library is not None and source != "library":
        raise EmomusicError(f"expected --library only with --source library. Received: --source {source}")
    if source == "library":
        return load_library_recommender(options.library)
    return load_bundled_recommender() if source == "bundled" else load_recommender()


def _place_of(song: Song, recommender: Recommender) -> AffectPoint:
    """The place of a song from the songs of a recommender, from the catalogue or from an analysed file."""
    from emomusic.songs.place import hearing_of
    from emomusic.songs.recommend import load_recommender

    if (heard := hearing_of(song)) is not None:
        return heard.point
    known = recommender if recommender.catalogue.row_of(song.id) is not None else load_recommender()
    row = known.catalogue.row_of(song.id)
    assert row is not None
    return known.point_of(row)


def _songs_like(options: argparse.Namespace, request: Request, is_within: bool) -> tuple[list[Pick], Recommender]:
    """Songs like that of `--like`. A file of the library is compared with the library, unless another source is given.

    Args:
        options: the options of `recommend`.
        request: its filters count.
        is_within: whether only songs of the mood of the request are wanted.
    """
    from emomusic.songs.library import Library
    from emomusic.songs.listing import find_song, songs_like
    from emomusic.songs.names import names_of
    from emomusic.songs.place import hearing_of
    from emomusic.songs.recommend import load_recommender
    from emomusic.songs.request import target_of

    path, song = Path(os.path.expanduser(options.like)), None  # noqa: PTH111  it leaves a title "~ ~ ~" as it is
    is_file = os.path.isfile(path)  # noqa: PTH113  Path.is_file raises for a title that is too long
    if is_file:
        with Library(options.library) as library:
            song = next(iter(library.songs([path])), None)
    is_own = song is not None or options.library is not None
    recommender = _recommender(options.source or ("library" if is_own else "catalogue"), options)
    if song is None and is_file:
        song = _heard_song(path)
    elif song is None:
        song = find_song(options.like, recommender) or find_song(options.like, load_recommender())
    if song is None:
        raise EmomusicError(
            f"expected a file, or a Spotify id, link or title that is known here. Received: {options.like[:80]!r}"
        )
    row = -1
    if song.hearing is not None:
        row = int(names_of(recommender.catalogue).rows([song.title], [";".join(song.artists)])[0])
    if row >= 0 and recommender.catalogue.songs is None:  # features tell more than the mood
        song = recommender.catalogue.song(row)
    heard = hearing_of(song)
    mood = target_of(request)[1] if is_within else heard.mood if options.same_mood and heard else None
    if mood is None and options.same_mood:
        known = recommender.catalogue.row_of(song.id)
        mood = None if known is None else recommender.mood_of(known)
    picks = songs_like(song, recommender, request, point=_place_of(song, recommender), mood=mood)
    return list(islice(picks, options.songs)), recommender


def _heard_song(path: Path) -> Song:
    """The song in a file, with a new analysis."""
    from emomusic.media.audio_file import read_song
    from emomusic.songs.analysis import song_of
    from emomusic.songs.hearing import load_sound_model
    from emomusic.songs.song import Player

    song = read_song(path)
    return song_of(song, load_sound_model().analyse(song.windows), Player.UPLOAD, 0, str(path.absolute()))


def _write_playlist(options: argparse.Namespace, songs: Sequence[Pick]) -> None:
    """Write a playlist to a file, or let stdout have it and nothing else."""
    from emomusic.songs.playlists import playlist

    content = playlist(options.format, songs)
    if options.out is None:
        options.show = lambda _: [content]
    else:
        arguments.write_file(options.out, content)


COMMANDS: dict[str, arguments.Command] = {"recommend": (recommend, arguments.show_songs)}
