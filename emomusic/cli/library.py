"""`library` and `table`: one's own audio files, analysed once, and lists of songs."""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emomusic.assets import sound_checksum
from emomusic.cli import arguments
from emomusic.errors import DatasetError
from emomusic.text import pluralize

if TYPE_CHECKING:
    from emomusic.songs.song import Song
    from emomusic.songs.tables import TableReading

log = logging.getLogger(__name__)

_MAX_LINES = 50  # about files


def analyse(options: argparse.Namespace) -> arguments.Outcome:
    """Add folders, or find what changed in them, and analyse their files.

    The status is 2 if some cannot be read, and 130 after Ctrl+C.
    """
    from emomusic.runtime import num_cores
    from emomusic.songs.hearing import load_sound_model
    from emomusic.songs.library import Library

    status, paths = 0, options.paths or None
    with Library(options.library, create=True) as library:
        changes = library.add(options.paths) if options.action == "add" else library.update(paths)
        if options.action == "update" and options.all:
            library.hear_again(paths)
        counts = changes.new, changes.changed, changes.moved, changes.deleted, changes.num_others
        log.info("%d new, %d changed, %d moved, %d deleted; %d of other formats", *counts)
        problems = list(changes.problems)
        try:
            with arguments.progress("songs", 0, with_rate=True) as on_progress:
                unread = library.analyse(
                    load_sound_model,
                    sound_checksum(),
                    workers=num_cores(),
                    below=paths,
                    on_progress=on_progress,
                )
            problems += unread
            status = 2 if problems else 0
        except KeyboardInterrupt:
            problems.insert(0, "stopped. Continue with: emomusic library update")
            status = arguments.STOPPED
        for problem in problems[:_MAX_LINES]:
            log.error("emomusic: %s", problem)
        if len(problems) > _MAX_LINES:
            log.error("emomusic: and %s", pluralize(len(problems) - _MAX_LINES, "other problem"))
        return [_record(song) for song in library.songs(paths)], status


def manage(options: argparse.Namespace) -> arguments.Outcome:
    """Count the songs, list them, or forget those of folders and files and list these."""
    from emomusic.songs.library import Library

    with Library(options.library) as library:
        if options.action == "info":
            return library.info(), 0
        songs = library.remove(options.paths) if options.action == "remove" else library.songs()
        return [_record(song) for song in songs], 0


def tag(options: argparse.Namespace) -> arguments.Outcome:
    """Write the moods into the files. The status is 2 if some cannot be changed."""
    from emomusic.songs.library_tags import TaggedLibrary

    records, status = [], 0
    with TaggedLibrary(options.library) as library:
        for change in library.tag(options.paths, write=options.write):
            if isinstance(change, str):
                log.error("emomusic: %s", change)
                status = 2
            else:
                records.append(asdict(change))
    if records and not options.write:
        log.info("nothing was written. To write these moods, add --write")
    return records, status


def _record(song: Song) -> dict[str, Any]:
    """A song for JSON: a public contract."""
    from emomusic.songs.place import hearing_of
    from emomusic.songs.song import UNKNOWN_ARTIST

    heard = hearing_of(song)
    assert heard is not None  # the library gives only songs that were heard
    return {
        "path": song.path,
        "title": song.title,
        "artists": [name for name in song.artists if name != UNKNOWN_ARTIST],
        "duration_s": song.duration_s,
        "quadrant": heard.quadrant.value,
        "valence": heard.valence,
        "arousal": heard.arousal,
        "mood": heard.mood.value,
        "traits": [trait.value for trait in heard.traits],
    }


def _show_songs(songs: list[dict[str, Any]]) -> Iterator[str]:
    for song in songs:
        yield arguments.names_of(song)
        words = ", ".join([f"{song['mood']} ({song['quadrant']})", *song["traits"]])
        yield f"  {words}; {song['path']}"
    yield pluralize(len(songs), "song")


def _show_tags(changes: list[dict[str, Any]]) -> Iterator[str]:
    for change in changes:
        yield f"{change['path']}: {change['before'] or 'no mood'} -> {change['after']}"
    yield pluralize(len(changes), "file")


def _show_info(counts: dict[str, Any]) -> Iterator[str]:
    yield f"{pluralize(counts['songs'], 'song')} in {counts['file']}"
    yield ", ".join(f"{number:,} {mood}" for mood, number in counts["moods"].items())
    yield f"{counts['waiting']:,} not analysed yet, {counts['unreadable']:,} cannot be read"
    if counts["older"]:
        yield f"{counts['older']:,} heard by an older model. Run: emomusic library update"
    yield from (f"  {folder}" for folder in counts["folders"])


# Lists of songs

_SHOWN = 20  # songs without --json


def table(options: argparse.Namespace) -> arguments.Outcome:
    """Read a table. Raises a `DatasetError` if it cannot be read."""
    from emomusic.media.guarded import open_file
    from emomusic.songs.library import Library
    from emomusic.songs.recommend import load_recommender
    from emomusic.songs.tables import MAX_UPLOAD_BYTES, Chosen, read_table

    with open_file(options.file, DatasetError, "a table of songs", options.file.name) as file:
        data = file.read(MAX_UPLOAD_BYTES + 1)
    with Library(options.library) as library:
        files = library.songs()
    chosen = Chosen(options.title, options.artist)
    name = str(options.file.absolute())
    reading = read_table(data, name=name, known=load_recommender(), files=files, chosen=chosen)
    return {
        "file": str(options.file),
        "source": reading.source,
        "encoding": reading.encoding,
        "separator": reading.separator,
        "rows": reading.num_rows,
        "songs": list(_songs(reading)),
        "left_out": [{"row": row, "reason": reason} for row, reason in reading.left_out],
        "not_found": [{"row": row, "title": title, "artists": list(names)} for row, title, names in reading.not_found],
        "notes": reading.notes,
    }, 0


def _songs(reading: TableReading) -> Iterable[dict[str, Any]]:
    if reading.catalogue is None:
        return
    moods = reading.moods
    for row, found_by in zip(reading.rows.tolist(), reading.found_by, strict=True):
        song = reading.catalogue.song(row)
        yield {
            "id": song.id,
            "title": song.title,
            "artists": list(song.artists),
            "duration_s": song.duration_s,
            "valence": None if math.isnan(song.valence) else song.valence,
            "energy": None if math.isnan(song.energy) else song.energy,
            "mood": moods[row].value,
            "place": asdict(reading.recommender.point_of(row)),
            "found_by": found_by,
        }


def _show_table(record: dict[str, Any]) -> Iterator[str]:
    songs = record["songs"]
    yield f"{record['file']}: {record['source']}"
    yield from (f"  {note}" for note in record["notes"])
    yield from (f"  {arguments.names_of(song)}: {song['mood']}" for song in songs[:_SHOWN])
    if len(songs) > _SHOWN:
        yield f"  and {len(songs) - _SHOWN:,} more songs"
    if not songs:
        yield "  no songs"


COMMANDS: dict[str, arguments.Command] = {
    "table": (table, _show_table),
    **{f"library {action}": (analyse, _show_songs) for action in ("add", "update")},
    **{f"library {action}": (manage, _show_songs) for action in ("remove", "list")},
    "library info": (manage, _show_info),
    "library tag": (tag, _show_tags),
}
