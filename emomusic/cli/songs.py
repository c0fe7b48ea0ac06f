"""`analyze`: faces, emotions and songs for pictures and films, and the mood of songs."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emomusic.affect import list_shares, share_text
from emomusic.assets import require_writable, written_whole
from emomusic.cli import arguments
from emomusic.errors import AudioError, EmomusicError, FilmError, ImageError, ProfileError
from emomusic.faces.model_files import model_folder
from emomusic.media.formats import FILM_ENDINGS, Kind, has_ending, kind_of
from emomusic.songs.song import Trait
from emomusic.text import format_clock, pluralize

if TYPE_CHECKING:
    from emomusic.stream.film import FilmReading

log = logging.getLogger(__name__)

_MAX_STEM_BYTES = 240  # a file name may have 255
_READ_SHARE = 0.6  # part of the time for a film that is marked, too
_KEYS = {ImageError: "image", FilmError: "video", AudioError: "audio"}
"""The key of a file's name in its record, by the error of one that cannot be read."""


def analyze(options: argparse.Namespace) -> arguments.Outcome:
    """Read the faces of each picture or film and recommend songs, and hear the mood of each song.

    A file that cannot be read becomes an `error` entry. The status is 2 if a file could not be read or written.
    """
    if "" in options.images:
        raise ImageError("expected the names of pictures. Received: ''")
    model_folder(options.model)  # report a wrong name before seconds of loading, as an option without another one
    arguments.song_request(options)
    if options.annotate:
        require_writable(options.annotate)
    kinds = [kind_of(name) for name in options.images]
    if options.profile is not None:
        if Kind.FILM in kinds or Kind.SONG in kinds:
            raise ProfileError("expected --profile with pictures. Received: films or songs")
        options.profile = arguments.read_profile(options.profile)
    records: list[dict[str, Any]] = []
    status = 0
    with arguments.progress("files", len(kinds)) as on_progress:

        def on_share(share: float) -> None:
            on_progress(len(records) + share)

        for name, kind in zip(options.images, kinds, strict=True):
            try:
                record, found = _analyzed(name, kind, len(records) + 1, options, on_share)
            except tuple(_KEYS) as error:
                arguments.log_file_error(name, str(error))
                record, found = {_KEYS[type(error)]: name, "error": str(error)}, 2
            records.append(record)
            status = max(status, found)
            on_progress(len(records))
    return records, status


def _analyzed(
    name: str, kind: Kind, position: int, options: argparse.Namespace, on_share: Callable[[float], None]
) -> tuple[dict[str, Any], int]:
    """The record of a file and its exit status. `on_share` takes the finished share of a film, 0 to 1."""
    if kind is Kind.SONG:
        return _analyzed_song(name), 0
    if os.path.isdir(name):  # noqa: PTH112  Path.is_dir raises for a name that is too long
        raise ImageError(f"{name!r} is a folder; name its files, or use emomusic batch.")
    if kind is not Kind.PICTURE and has_ending(name, FILM_ENDINGS):  # its error as a film explains more
        kind = Kind.FILM
    out = None
    if options.annotate:  # numbered, as files of two folders may share a name
        stem = os.fsdecode(os.fsencode(Path(name).stem)[:_MAX_STEM_BYTES])
        out = options.annotate / f"{position:03d}-{stem}.{'mp4' if kind is Kind.FILM else 'png'}"
    if kind is Kind.FILM:
        return _analyzed_film(name, options, out=out, on_share=on_share)
    return _analyzed_picture(name, options, out=out)


def _analyzed_picture(name: str, options: argparse.Namespace, *, out: Path | None) -> tuple[dict[str, Any], int]:
    """The record of a picture and its exit status: 2 if it could not be written. Raises an `ImageError`."""
    import numpy as np

    from emomusic.api import read_picture
    from emomusic.export import answer_record
    from emomusic.media.images import read_picture_file
    from emomusic.songs.recommend import load_recommender

    picture = read_picture_file(name)
    picture = replace(picture, pixels=np.ascontiguousarray(np.rot90(picture.pixels, -options.turn // 90)))
    load_recommender()  # no part of the time to recommend
    reading = read_picture(picture, model=options.model, profile=options.profile, posed=options.posed)
    if options.profile is not None and not any(face.is_known for face in reading.faces):
        log.warning("%s: the profile is of another person and was not used.", name)
    request, status = arguments.song_request(options), 0
    record = answer_record(name, reading, request, options.songs)
    if reading.note is not None:
        log.warning("%s: %s", name, reading.note)
    if record["faces"] and not record["songs"]:
        log.warning("%s: no songs: %s", name, load_recommender().why_none(request))
    if out is not None:
        from emomusic.marks.drawing import annotated_picture
        from emomusic.media.images import encode_png

        try:
            arguments.write_file(out, encode_png(annotated_picture(picture.pixels, reading)))
        except EmomusicError as error:
            arguments.log_file_error(name, str(error))
            status = 2
    return record, status


def _analyzed_film(
    name: str, options: argparse.Namespace, *, out: Path | None, on_share: Callable[[float], None]
) -> tuple[dict[str, Any], int]:
    """Read the faces of a film and recommend songs for each scene.

    Args:
        name: path of the film.
        options: the options of `analyze`.
        out: file for the film with marked faces; None for none.
        on_share: takes the finished share, 0 to 1.

    Returns:
        The record and its exit status: 2 if the film is incomplete or cannot be written.

    Raises:
        FilmError: it cannot be read.
    """
    from emomusic.answer.others import FilmAnswer
    from emomusic.faces.reading import load_networks
    from emomusic.media.film_file import FilmFile
    from emomusic.songs.recommend import load_recommender, one_song_each
    from emomusic.stream.film import DEFAULT_RATE, FilmReading

    with FilmFile(name, stream=options.stream, turn=options.turn) as film:
        networks, recommender = load_networks(options.model, posed=options.posed), load_recommender()
        started = time.perf_counter()
        reading = FilmReading(film, options.rate or DEFAULT_RATE)
        read_share = 1.0 if out is None else _READ_SHARE
        is_every = options.every or options.rate is not None
        with contextlib.closing(reading.read(film, networks, every=is_every)) as moments:
            for moment in moments:
                on_share(read_share * moment.share)
        read_ms = 1000 * (time.perf_counter() - started)
    if film.note is not None:
        more = " Choose another with --stream." if film.num_videos > 1 else ""
        log.warning("%s: %s%s", name, film.note, more)
    if film.problem is not None:
        arguments.log_file_error(name, film.problem)
    status = 0 if film.problem is None else 2
    if out is not None:
        left = 1 - read_share
        status = max(status, _annotate(name, reading, out, options, lambda share: on_share(read_share + left * share)))
    started = time.perf_counter()
    scenes = reading.scenes()
    requests = [arguments.song_request(options, point=scene.point, emotion=scene.emotion) for scene in scenes]
    of_scenes = [recommender.songs(request, options.songs) for request in requests]
    picks = one_song_each(requests, recommender)
    recommend_ms = 1000 * (time.perf_counter() - started)
    answer = FilmAnswer(name, reading, scenes, requests, picks, problem=film.problem)
    record = answer.document(of_scenes, picks, read_ms=read_ms, recommend_ms=recommend_ms)
    return record if film.note is None else record | {"note": film.note}, status


def _annotate(
    name: str, reading: FilmReading, out: Path, options: argparse.Namespace, on_share: Callable[[float], None]
) -> int:
    """Write the film with marked faces. The exit status: 2 if it cannot be written."""
    from emomusic.marks.film import annotate_film
    from emomusic.media.film_file import FilmFile

    try:
        with (
            written_whole(out) as part,
            FilmFile(name, with_audio=True, stream=options.stream, turn=options.turn) as film,
            part.open("wb") as file,
        ):
            annotate_film(film, reading, file, on_progress=on_share)
    except (FilmError, OSError) as error:
        reason = f"expected to write {out}. Received: {error.strerror}" if isinstance(error, OSError) else str(error)
        arguments.log_file_error(name, reason)
        return 2
    return 0


def _analyzed_song(name: str) -> dict[str, Any]:
    """Hear the mood of an audio file. Raises an `AudioError` if it cannot be read."""
    from emomusic.media.audio_file import read_song
    from emomusic.songs.hearing import load_sound_model
    from emomusic.songs.place import load_place_model

    model = load_sound_model()
    started = time.perf_counter()
    song = read_song(Path(name))
    if song.note is not None:
        log.warning("emomusic: %s", song.note)
    decoded = time.perf_counter()
    heard = load_place_model().placed(model.analyse(song.windows), song.genres, song.artists)
    return {
        "audio": name,
        "title": song.title,
        "artists": list(song.artists),
        "duration_s": round(song.duration_s, 3),
        "quadrant": heard.quadrant.value,
        "probabilities": heard.probabilities,
        "valence": heard.valence,
        "arousal": heard.arousal,
        "mood": heard.mood.value,
        "tags": [{"name": tag, "probability": share} for tag, share in heard.tags],
        "traits": [trait.value for trait in heard.traits],
        "timeline": [
            {"time_s": time_s, "valence": valence, "arousal": arousal} for time_s, valence, arousal in heard.timeline
        ],
        "elapsed_ms": {
            "decode": round(1000 * (decoded - started), 1),
            "hear": round(1000 * (time.perf_counter() - decoded), 1),
        },
    }


def _show_records(records: list[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        if "error" in record and "faces" not in record:
            continue  # it is already on stderr. A film that breaks off has faces
        show = _show_song if "audio" in record else _show_film if "video" in record else _show_picture
        yield from show(record)


def _show_picture(record: dict[str, Any]) -> Iterator[str]:
    faces = record["faces"]
    yield f"{record['image']}: {pluralize(len(faces), 'face')}"
    for position, face in enumerate(faces, 1):
        turned = f", read after a turn of {face['turn']} degrees" if "turn" in face else ""
        shares = list_shares(face["probabilities"], most=3)
        yield f"  {position}. {shares} ({face['quadrant']}, box {face['box']}{turned})"
    if record["group"]:
        yield f"  {record['group']['mood']} songs for it:"
        yield from arguments.show_songs(record["songs"], indent="    ")
    else:
        yield "  no face found: turn it if it lies on its side, or try one with the whole face in better light"


def _show_film(record: dict[str, Any]) -> Iterator[str]:
    """The faces of a film, and its scenes with their songs."""
    faces = record["faces"]
    yield f"{record['video']}: {format_clock(record['duration_s'])}, {pluralize(len(faces), 'face')}"
    for face in faces:
        yield f"  Face {face['face']}: {list_shares(face['probabilities'], most=3)}"
    for scene in record["scenes"]:
        start, end = format_clock(scene["start_s"]), format_clock(scene["end_s"])
        yield f"  {start} to {end}: {scene['emotion']}, {scene['mood']} songs for it:"
        yield from arguments.show_songs(scene["songs"], indent="    ")
    if not faces:
        yield "  no face found: try a film with the whole face, from the front, in better light"


def _show_song(record: dict[str, Any]) -> Iterator[str]:
    """The mood of a song."""
    yield f"{record['audio']}: {arguments.names_of(record)}, {format_clock(record['duration_s'])}"
    yield f"  {record['mood']}: {list_shares(record['probabilities'], most=3)}"
    if record["traits"]:
        yield f"  heard: {', '.join(Trait(name).label for name in record['traits'])}"
    yield "  sounds like " + ", ".join(f"{tag['name']} {share_text(tag['probability'])}" for tag in record["tags"])


COMMANDS: dict[str, arguments.Command] = {"analyze": (analyze, _show_records)}
