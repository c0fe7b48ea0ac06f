"""Readings and songs as records for JSON and CSV. The field names are a public contract."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from emomusic.affect import EmotionProbabilities
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import Faces, affect_row
from emomusic.songs.recommend import load_recommender
from emomusic.songs.request import Request, target_of
from emomusic.songs.song import Pick
from emomusic.songs.spotify import track_url


def song_record(pick: Pick) -> dict[str, Any]:
    """One recommended song. Songs of Spotify have a `url`, audio files a `path`, bundled ones a licence and source."""
    song = pick.song
    found_at = {"url": track_url(song.id)} if song.is_on_spotify else {}
    if song.path is not None:
        found_at["path"] = song.path
    if song.licence is not None:
        found_at |= {"licence": song.licence, "source": song.source or ""}
    return {
        "id": song.id,
        "title": song.title,
        "artists": list(song.artists),
        **found_at,
        "mood": pick.mood.value,
        "likeliest_mood": pick.likeliest_mood.value,
        "genres": list(song.genres),
        **({"traits": [trait.value for trait in song.hearing.traits]} if song.hearing is not None else {}),
        "score": pick.score,
        "reason": pick.reason,
        "place": None if pick.point is None else asdict(pick.point),
    }


def answer_record(name: str, reading: PictureReading, request: Request, num_songs: int) -> dict[str, Any]:
    """`picture_record` with songs of the catalogue for all faces together, by the policy and filters of a request."""
    started = time.perf_counter()
    songs: list[Pick] = []
    group = reading.faces.for_songs() if num_songs else None
    if group is not None:
        request = replace(request, point=group.point, emotion=group.emotion)
        songs = load_recommender().songs(request, num_songs)
    recommend_ms = 1000 * (time.perf_counter() - started)
    return picture_record(name, reading, songs, request, recommend_ms=recommend_ms)


def picture_record(
    name: str, reading: PictureReading, songs: Sequence[Pick], request: Request, *, recommend_ms: float | None = None
) -> dict[str, Any]:
    """One picture with its faces, the group and the songs.

    Args:
        name: name of the picture.
        reading: its faces.
        songs: recommended songs.
        request: the request for them.
        recommend_ms: None if not measured.
    """
    times = {"decode": reading.decode_ms, "detect": reading.detect_ms, "classify": reading.classify_ms}
    return {
        **faces_record(name, reading),
        **({} if reading.note is None else {"note": reading.note}),
        "group": group_record(reading.faces, request),
        "songs": [song_record(song) for song in songs],
        "elapsed_ms": {**times, "recommend": recommend_ms},
    }


def faces_record(name: str, reading: PictureReading) -> dict[str, Any]:
    """One picture with its faces."""
    return {
        "image": name,
        "width": reading.width,
        "height": reading.height,
        "faces": reading.faces.records(),
    }


def group_record(faces: Faces, request: Request) -> dict[str, Any] | None:
    """The mean of all faces, and the mood of songs for them under the policy, without manual choices."""
    mean, for_songs = faces.mean(), faces.for_songs()
    return None if mean is None or for_songs is None else mean_record(mean, for_songs, request)


def mean_record(mean: EmotionProbabilities, for_songs: EmotionProbabilities, request: Request) -> dict[str, Any]:
    """The mean of faces, and the mood of songs for the emotions that songs are for, as `group_record`."""
    _, mood = target_of(replace(request, point=for_songs.point, emotion=for_songs.emotion, mood=None))
    return {**affect_row(mean), "mood": mood.value}
