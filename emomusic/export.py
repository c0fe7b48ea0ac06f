"""Readings and songs as records for JSON and CSV. The field names are a public contract."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emomusic.affect import Emotion, EmotionProbabilities, Mood, affect_of
from emomusic.faces.reading import PictureReading
from emomusic.faces.table import AFFECT_COLUMNS, FACE_COLUMNS, SHARES, Faces, affect_row, nested_row
from emomusic.songs.recommend import load_recommender
from emomusic.songs.request import Request, target_of
from emomusic.songs.song import Pick
from emomusic.songs.spotify import songs_m3u, track_url
from emomusic.text import csv_text, format_clock

if TYPE_CHECKING:
    from emomusic.stream.film import FilmFace, FilmReading  # loads FFmpeg, which pictures do not need
    from emomusic.stream.timeline import Scene


def song_record(pick: Pick) -> dict[str, Any]:
    """One recommended song. Songs of Spotify have a `url`, audio files a `path`, bundled ones a licence and source."""
    song = pick.song
    place = {"url": track_url(song.id)} if song.is_on_spotify else {}
    if song.path is not None:
        place["path"] = song.path
    if song.licence is not None:
        place |= {"licence": song.licence, "source": song.source or ""}
    return {
        "id": song.id,
        "title": song.title,
        "artists": list(song.artists),
        **place,
        "mood": pick.mood.value,
        "likeliest_mood": pick.likeliest_mood.value,
        "genres": list(song.genres),
        "score": pick.score,
        "reason": pick.reason,
    }


def answer_record(
    name: str, reading: PictureReading, request: Request, num_songs: int, *, decode_ms: float
) -> dict[str, Any]:
    """`picture_record` with songs of the catalogue for all faces together, by the policy and filters of a request."""
    started = time.perf_counter()
    songs: list[Pick] = []
    if num_songs and (group := reading.group) is not None:
        request = replace(request, point=affect_of(group), emotion=group.emotion)
        songs = load_recommender().songs(request, num_songs)
    recommend_ms = 1000 * (time.perf_counter() - started)
    return picture_record(name, reading, songs, request, decode_ms=decode_ms, recommend_ms=recommend_ms)


def picture_record(
    name: str,
    reading: PictureReading,
    songs: Sequence[Pick],
    request: Request,
    *,
    decode_ms: float,
    recommend_ms: float | None = None,
) -> dict[str, Any]:
    """One picture with its faces, the group and the songs.

    Args:
        name: name of the picture.
        reading: its faces.
        songs: recommended songs.
        request: the request for them.
        decode_ms: time to read the file.
        recommend_ms: None if not measured.
    """
    times = {"decode": decode_ms, "detect": reading.detect_ms, "classify": reading.classify_ms}
    return {
        **_picture(name, reading),
        **({} if reading.note is None else {"note": reading.note}),
        "group": _group(reading.group, request),
        "songs": [song_record(song) for song in songs],
        "elapsed_ms": {**times, "recommend": recommend_ms},
    }


def _picture(name: str, reading: PictureReading) -> dict[str, Any]:
    return {
        "image": name,
        "width": reading.width,
        "height": reading.height,
        "faces": reading.faces.records(),
    }


def _group(group: EmotionProbabilities | None, request: Request) -> dict[str, Any] | None:
    """The mean of all faces, and the mood of songs for them under the policy, without manual choices."""
    if group is None:
        return None
    _, mood = target_of(replace(request, point=affect_of(group), emotion=group.emotion, mood=None))
    return {**affect_row(group), "mood": mood.value}


def film_record(
    name: str,
    reading: FilmReading,
    scenes: Sequence[Scene],
    songs_of_scenes: Sequence[Sequence[Pick]],
    playlist: Sequence[Pick | None],
    request: Request,
    *,
    read_ms: float | None = None,
    recommend_ms: float | None = None,
    problem: str | None = None,
) -> dict[str, Any]:
    """One film with its faces, scenes and songs, and the tables of its readings.

    Args:
        name: name of the film.
        reading: its readings, at least one.
        scenes: its scenes.
        songs_of_scenes: the recommended songs of each scene.
        playlist: one song for each scene without repetition, as from `one_song_each`.
        request: a request for these songs. Only its policy counts here.
        read_ms: time to read the film; None if not measured.
        recommend_ms: time to choose the songs; None if not measured.
        problem: `FilmFile.problem` of the film.
    """
    duration_s = reading.end_s if reading.duration_s is None else reading.duration_s
    last_s = max(duration_s, reading.end_s - 1 / reading.rate)  # the last interval may reach beyond the film
    spans = [_span(scene, last_s) for scene in scenes]
    nothing = dict.fromkeys(["probabilities", *AFFECT_COLUMNS])
    record = {
        "video": name,
        "width": reading.width,
        "height": reading.height,
        **({"turn": reading.turn} if reading.turn else {}),
        "duration_s": duration_s,
        "faces": [_film_face(face) for face in reading.persons()],
        "scenes": [
            {
                **span,
                **(_group(scene.probabilities, request) or {}),
                "songs": [song_record(song) for song in songs],
            }
            for span, scene, songs in zip(spans, scenes, songs_of_scenes, strict=True)
        ],
        "rate": reading.rate,
        "readings": reading.faces().records(),
        "timeline": [
            # without faces, the values are null
            nested_row(row)
            if row["num_faces"]
            else {key: row[key] for key in ("time_s", "num_faces", "seconds")} | nothing
            for row in reading.timeline().to_dict("records")
        ],
        "playlist": [
            {**span, "song": song_record(song)} for span, song in zip(spans, playlist, strict=True) if song is not None
        ],
        "elapsed_ms": {"read": read_ms, "recommend": recommend_ms},
    }
    return record if problem is None else {**record, "error": problem}


def _span(scene: Scene, last_s: float) -> dict[str, float]:
    """The times of a scene, up to the end of the film. A scene that begins there keeps its length."""
    start_s, end_s = round(scene.start_s, 3), round(min(scene.end_s, last_s), 3)
    return {"start_s": start_s, "end_s": end_s if end_s > start_s else round(scene.end_s, 3)}


def _film_face(face: FilmFace) -> dict[str, Any]:
    affect = affect_row(face.probabilities)
    return {
        "face": face.number,
        "start_s": face.start_s,
        "end_s": face.end_s,
        "seconds": face.seconds,
        "emotion": affect["emotion"],
        "probabilities": face.probabilities.as_dict(),
        **affect,
        "highlight": face.highlight and {"emotion": face.highlight[0].value, "time_s": face.highlight[1]},
    }


def film_playlist(scenes: Sequence[Scene], playlist: Sequence[Pick | None]) -> str:
    """M3U playlist that follows a film, with the start of each scene in the titles: "0:31 Title, Artists"."""
    chosen = [(scene, pick) for scene, pick in zip(scenes, playlist, strict=True) if pick is not None]
    titles = (f"{format_clock(scene.start_s)} {pick.song.full_name}" for scene, pick in chosen)
    return songs_m3u([pick for _, pick in chosen], titles)


def film_faces_csv(reading: FilmReading) -> str:
    """The faces of each reading of a film as CSV, with the columns `FILM_COLUMNS` of `stream.film`."""
    table = reading.faces().table()
    table = table.round(dict.fromkeys(["confidence", *SHARES, "valence", "arousal"], 4))
    return csv_text(table.columns.tolist(), table.itertuples(index=False))


def request_record(
    request: Request, who: str, *, manual_emotion: Emotion | None = None, manual_mood: Mood | None = None
) -> dict[str, Any]:
    """A request for songs on a page: the listener, manual choices and options.

    Args:
        request: the request.
        who: the listener's name on the page.
        manual_emotion: the emotion that the visitor chose; None for the model's.
        manual_mood: the mood that the visitor chose; None for the policy's.
    """
    target, mood = target_of(request)
    return {
        "who": who,
        "manual_emotion": None if manual_emotion is None else manual_emotion.value,
        "manual_mood": None if manual_mood is None else manual_mood.value,
        "policy": request.policy.value,
        "mood": mood.value,
        "valence": target.valence,
        "arousal": target.arousal,
        "genres": sorted(request.genres),
        "hide_explicit": request.hide_explicit,
        "seed": request.seed,
    }


def gallery_record(
    names: Sequence[str],
    readings: Sequence[PictureReading],
    unread: Sequence[tuple[str, str]],
    songs: Sequence[Pick],
    request: Request,
) -> dict[str, Any]:
    """Many pictures with their faces, the mean of all faces, and the songs.

    Args:
        names: of the pictures.
        readings: the pictures, with the faces numbered over all of them.
        unread: name and reason of each file that could not be read.
        songs: for `request`.
        request: only its policy counts here.
    """
    pictures = [_picture(name, reading) for name, reading in zip(names, readings, strict=True)]
    group = Faces.joined([reading.faces for reading in readings]).mean()
    return {
        "pictures": pictures + [{"image": name, "error": reason} for name, reason in unread],
        "group": _group(group, request),
        "songs": [song_record(song) for song in songs],
    }


def gallery_csv(names: Sequence[str], readings: Sequence[PictureReading]) -> str:
    """The faces of pictures, numbered over all of them, as CSV."""
    number, *others = FACE_COLUMNS
    named = zip(names, readings, strict=True)
    rows = [row | {"picture": name} for name, reading in named for row in reading.faces.rows()]
    columns = [number, "picture", *others]
    return csv_text(columns, ([row[column] for column in columns] for row in rows))
