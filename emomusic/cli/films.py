"""The films of `analyze`."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emomusic.affect import AffectPoint
from emomusic.assets import written_whole
from emomusic.cli.arguments import list_most, log_file_error, show_songs, song_request
from emomusic.errors import FilmError
from emomusic.export import film_record
from emomusic.faces.model_files import DEFAULT_MODEL
from emomusic.marks.film import annotate_film
from emomusic.media.film_file import FilmFile
from emomusic.songs.recommend import load_recommender, one_song_each
from emomusic.stream.film import FilmReading, load_film_networks, read_film
from emomusic.text import escape_control_chars, format_clock, pluralize

_READ_SHARE = 0.6  # of the time for a film that is marked, too


def analyze_film(
    name: str, options: argparse.Namespace, *, out: Path | None, on_share: Callable[[float], None]
) -> tuple[dict[str, Any], int]:
    """Read the faces of a film and recommend songs for each scene. Problems go to stderr.

    Args:
        name: path of the film.
        options: of `analyze`.
        out: file for the film with marked faces; None for none.
        on_share: takes the finished share, 0 to 1.

    Returns:
        The record and its exit status: 2 if the film is incomplete or cannot be read or written.
    """
    try:
        with FilmFile(name) as film:
            networks, recommender = load_film_networks(options.model or DEFAULT_MODEL), load_recommender()
            started = time.perf_counter()
            reading = FilmReading(film, options.rate)
            read_share = 1.0 if out is None else _READ_SHARE
            with contextlib.closing(read_film(film, networks, rate=reading.rate)) as moments:
                for moment in moments:
                    reading.add(moment)
                    on_share(read_share * moment.share)
            read_ms = 1000 * (time.perf_counter() - started)
    except FilmError as error:
        log_file_error(name, str(error))
        return {"video": name, "error": str(error)}, 2
    status = 0
    if film.problem is not None:
        log_file_error(name, film.problem)
        status = 2
    if out is not None:
        status = max(status, _annotate(name, reading, out, lambda s: on_share(read_share + (1 - read_share) * s)))
    started = time.perf_counter()
    scenes = reading.scenes()
    requests = [song_request(options, scene.point, scene.emotion) for scene in scenes]
    record = film_record(
        name,
        reading,
        scenes,
        [recommender.songs(request, options.songs) for request in requests],
        one_song_each(requests, recommender),
        song_request(options, AffectPoint(0, 0), None),
        read_ms=read_ms,
        recommend_ms=1000 * (time.perf_counter() - started),
        problem=film.problem,
    )
    return record, status


def _annotate(name: str, reading: FilmReading, out: Path, on_share: Callable[[float], None]) -> int:
    """Write the film with marked faces. The exit status: 2 if it cannot be written."""
    try:
        with written_whole(out) as part, FilmFile(name, with_audio=True) as film, part.open("wb") as file:
            annotate_film(film, reading, file, on_progress=on_share)
    except FilmError as error:
        log_file_error(name, str(error))
        return 2
    except OSError as error:
        log_file_error(name, f"expected to write {out}. Received: {error.strerror}")
        return 2
    return 0


def show_film(record: dict[str, Any]) -> None:
    """Print the record of a film: its faces, and its scenes with their songs."""
    faces = record["faces"]
    length = format_clock(record["duration_s"])
    print(f"{escape_control_chars(record['video'])}: {length}, {pluralize(len(faces), 'face')}")
    for face in faces:
        print(f"  Face {face['face']}: {list_most(face['probabilities'])}")
    for scene in record["scenes"]:
        start, end = format_clock(scene["start_s"]), format_clock(scene["end_s"])
        print(f"  {start} to {end}: {scene['emotion']}, {scene['mood']} songs for it:")
        show_songs(scene["songs"], indent="    ")
    if not faces:
        print("  no face found: try a film with the whole face, from the front, in better light")
