"""`table`: what is read from a table, an export or a playlist of songs, before it is used."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from emomusic.cli import arguments
from emomusic.errors import DatasetError
from emomusic.text import escape_control_chars

if TYPE_CHECKING:
    from emomusic.songs.tables import TableReading

_SHOWN = 20  # songs without --json


def add_commands(parent: Any) -> None:
    """Add the command to the parser."""
    text = "What is read from a table, an export or a playlist of songs, before it is used."
    parser = arguments.add_command(parent, "table", table, _show_table, text)
    endings = "CSV, Excel, ODS, Parquet, JSON, XML, M3U, PLS, CUE, a crate, or lines of artist and title"
    parser.add_argument("file", type=arguments.path, metavar="FILE", help=endings)
    arguments.add_library_option(parser)


def table(options: argparse.Namespace) -> arguments.Outcome:
    """Read a table. Raises a `DatasetError` if it cannot be read or a scale is not known."""
    from emomusic.media.guarded import open_file
    from emomusic.songs.library import Library
    from emomusic.songs.recommend import load_recommender
    from emomusic.songs.tables import MAX_UPLOAD_BYTES, read_table

    with open_file(options.file, DatasetError, "a table of songs", options.file.name) as file:
        data = file.read(MAX_UPLOAD_BYTES + 1)
    with Library(options.library) as library:
        files = library.songs()
    folder = options.file.absolute().parent
    reading = read_table(data, name=options.file.name, known=load_recommender(), files=files, folder=folder)
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
            "found_by": found_by,
        }


def _show_table(record: dict[str, Any]) -> None:
    print(escape_control_chars(f"{record['file']}: {record['source']}"))
    for note in record["notes"]:
        print(f"  {escape_control_chars(note)}")
    songs = record["songs"]
    for song in songs[:_SHOWN]:
        names = ", ".join([song["title"], *song["artists"]])
        print(f"  {escape_control_chars(names)}: {song['mood']}")
    if len(songs) > _SHOWN:
        print(f"  and {len(songs) - _SHOWN:,} more songs")
    if not songs:
        print("  no songs")
