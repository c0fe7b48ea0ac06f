"""Import of published and private CSV tables of songs; `read_catalogue` recognizes the form by its columns.

Cells are read as text, because type inference reads the title "1999" as a number and "None" as a missing cell.
A table with names only takes its features from the songs of a catalogue with these names.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import pandas as pd

from emomusic.affect import MOOD_POINTS, Mood
from emomusic.errors import DatasetError
from emomusic.songs.catalogue import (
    ARTIST_SEPARATOR,
    MOOD_RULE,
    TRACK_COLUMNS,
    Catalogue,
    Origin,
    listed,
    missed,
    require_valid,
    split_artists,
)
from emomusic.songs.song import FEATURE_NAMES, FEATURES, UNKNOWN_ARTIST, Player
from emomusic.text import pluralize, size_over

MAX_UPLOAD_BYTES = 50 * 2**20
"""Largest table: 2.5 times the largest published one (114,000 tracks, 20 MB)."""

MAX_COLUMNS = 1000
"""Limit because each column needs memory, even an empty one."""

MAX_LINES, MAX_LINE_BYTES = 250_000, 100_000
"""Limits of the whole file, which are checked before it is decoded."""

MAX_CELL_LETTERS = 5_000
"""Limit of the cells that are used."""

UNTITLED = "Untitled"
"""Title of a song without title, artists and album. Its id still plays."""

_INTEGERS = {"popularity", "year", "duration_ms"}
_NUMBERS = {*FEATURE_NAMES, "duration_s", *_INTEGERS}
_DECIMAL_COMMA = r"^\s*([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)\s*$"  # Excel writes 1,5E-05
_DECIMAL_ZERO = r"^\s*(\d+),(0)\s*$"
_ABSENT = ("", "NA", "NaN", "nan", "null", "NULL", "None")  # in a column of numbers


class TableForm(StrEnum):
    """A known form of tables, with its name for people."""

    OWN = "table of songs (title, artists, and features or a mood)"
    MOODS = "labelled songs (data_moods.csv)"
    EXPORTIFY = "Exportify playlist"
    NAMES = "titles and artists"


_ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "track_id", "track uri", "spotify id", "spotify track id", "track id", "spotify - id"),
    "title": ("title", "name", "track_name", "track name"),
    "artists": ("artists", "artist", "track_artist", "artist name(s)", "artist name", "artist names"),
    "artist_ids": ("artist uri(s)", "artist uri", "artist ids"),
    "album": ("album", "track_album_name", "album_name", "album name"),
    "genres": ("genres", "genre", "playlist_genre", "track_genre", "artist genres"),
    "popularity": ("popularity", "track_popularity"),
    "duration_ms": ("duration_ms", "length", "track duration (ms)", "duration (ms)"),
    "released": ("release_date", "track_album_release_date", "album release date", "release date"),
    **{name: (name,) for name in ("explicit", "kind", "duration_s", "year", "mood", "path")},
    **{feature.name: (feature.source_name, feature.name) for feature in FEATURES.values()},
}
"""Our columns, and `artist_ids` and `released`, with their lower-case names in tables, the usual name first."""

_MARKS = {
    "length": TableForm.MOODS,
    **dict.fromkeys(("track uri", "spotify id", "spotify track id", "track id"), TableForm.EXPORTIFY),
}
"""Columns that only one form has."""

_EXPORTIFY_HINT = "Select audio features in the settings of Exportify."

# A list as Python writes it: ['Dan + Shay', "Screamin' Jay Hawkins"]
_QUOTED = r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\""""
_PYTHON_LIST = re.compile(rf"\s*\[\s*(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*\s*\]\s*")

# An Exportify table in any language has these columns in this order, and "Tempo" is the name in all Latin ones
_BEFORE_TEMPO: tuple[str, ...] = ("danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness")
_BEFORE_TEMPO += ("instrumentalness", "liveness", "valence")
_ARTIST_WORDS = re.compile("artist|artiest|künstler|sanatç|アーティスト|艺人|藝人|歌手|فنان|καλλιτέχν")


def read_catalogue(data: bytes, *, name: str = "table", known: Catalogue | None = None) -> Catalogue:
    """Read a table of songs in any `TableForm`.

    A song needs no Spotify id, and either all features or a mood, which then gives its valence and energy. Only the
    first of several rows with the same id is kept. Local files, episodes and songs without features in an
    Exportify playlist are skipped, as are empty rows. `Catalogue.origin` has all counts.

    Args:
        data: a CSV in UTF-8, or in UTF-16 with a byte order mark, separated by commas, semicolons or tabs. Numbers can
            have decimal commas if semicolons or tabs separate the cells.
        name: name in messages.
        known: songs with features. A table with neither features nor moods gives the songs of this catalogue that have
            its ids or its titles and artists. None refuses such a table.

    Raises:
        DatasetError: the table is unreadable, its form is unknown, a column is missing, or a row is invalid.
    """
    cells, has_decimal_commas = _read_cells(data, name)
    num_rows = len(cells)
    cells = _in_english(cells[cells.apply(lambda column: column.str.strip() != "").any(axis="columns")])
    form, names = _recognize(list(cells.columns), name, has_known=known is not None)
    table = cells[list(names.values())].set_axis(list(names), axis="columns")
    if table.empty:
        raise DatasetError(f"{name}: expected songs. Received: a table without rows. Add a row for each song.")
    for column in table:
        rule = f"{column} must have at most {MAX_CELL_LETTERS:,} letters"
        require_valid(table[column].str.len() > MAX_CELL_LETTERS, table[column], rule, name=name)
        if column in ("artists", "genres"):
            table[column] = table[column].map(_without_brackets)
    if form is TableForm.NAMES and known is not None:
        return _matched(table, known, name=name, num_rows=num_rows)
    if has_decimal_commas:
        for column in _NUMBERS & set(table.columns):
            # In columns of integers, a comma could separate thousands: 215,000 ms is not 215
            comma = _DECIMAL_ZERO if column in _INTEGERS else _DECIMAL_COMMA
            table[column] = table[column].str.replace(comma, r"\1.\2", regex=True)
    table = _unified(table, form)
    if form is TableForm.EXPORTIFY:
        ids = table["id"].fillna("")
        is_track = ~(ids.isin(["", "null"]) | ids.str.startswith(("spotify:local:", "spotify:episode:")))
        table = table[is_track & table[list(FEATURE_NAMES)].notna().any(axis="columns")]
        if table.empty:
            raise DatasetError(
                f"{name}: expected songs with audio features. Received: {len(cells)} rows without features. "
                f"{_EXPORTIFY_HINT}"
            )
    num_usable = len(table)
    table = table[~(table["id"].duplicated() & table["id"].notna())]
    origin = Origin(form, num_rows, num_usable - len(table), num_rows - num_usable)
    is_local = not set(FEATURE_NAMES) <= names.keys() or (
        "player" in table and bool((table["player"] == Player.NONE).any())
    )
    return Catalogue(table, name=name, origin=origin, is_local=is_local)


def _read_cells(data: bytes, name: str) -> tuple[pd.DataFrame, bool]:
    """Cells as text with the names of the file, and whether commas can be decimal commas."""
    if len(data) > MAX_UPLOAD_BYTES:
        raise DatasetError(
            f"{name}: expected at most {MAX_UPLOAD_BYTES // 2**20} MB. Received: {size_over(len(data))}. "
            "Split the table or keep fewer columns."
        )
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero((codes == ord("\n")) | (codes == ord("\r")))
    longest = int(np.diff(ends, prepend=-1, append=len(codes)).max()) - 1
    for number, limit, unit in ((len(ends), MAX_LINES, "lines"), (longest, MAX_LINE_BYTES, "bytes in a line")):
        if number > limit:
            raise DatasetError(
                f"{name}: expected at most {limit:,} {unit}. Received: {number:,}. Split the table or its cells."
            )
    try:
        text = data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
        if "\0" in text:
            raise ValueError("a NUL byte")
    except ValueError as error:
        # Only UTF-8: charset-normalizer takes Windows-1252 tables of songs for cp1250 or cp1257, which alters names
        received = f"the byte 0x{data[error.start]:02x}" if isinstance(error, UnicodeDecodeError) else error
        raise DatasetError(
            f'{name}: expected a CSV in UTF-8. Received: {received}. Save the table as "CSV UTF-8".'
        ) from error
    if declared := re.match(r'"?sep=([,;\t])"?[ ,;\t]*\r?\n', text, re.IGNORECASE):  # a line of Excel
        text = text[declared.end() :]
    if blank := re.match(r"(?:[ ,;\t]*[\r\n])+", text):
        text = text[blank.end() :]
    separator = declared[1] if declared else max(",;\t", key=re.split("[\r\n]", text, maxsplit=1)[0].count)
    try:
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        if len(header) > MAX_COLUMNS:
            raise DatasetError(
                f"{name}: expected at most {MAX_COLUMNS} columns. Received: {len(header)}. "
                "Keep the columns of songs and features."
            )
        cells = pd.read_csv(io.StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False)
    except (ValueError, csv.Error) as error:
        received = str(error).strip().removeprefix("Error tokenizing data. C error: ").partition("\n")[0]
        raise DatasetError(
            f"{name}: expected a CSV with a header. Received: {received}. "
            "Quote text that contains the separator or a line break."
        ) from error
    table = cells.iloc[1:].set_axis(cells.iloc[0].str.strip(), axis="columns").reset_index(drop=True)
    return table, separator != ","


def _in_english(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells of an Exportify table in another language, with the English names of the columns that are used."""
    columns = [str(column).casefold() for column in cells.columns]
    are_ids = (cells.iloc[:, place].str.startswith("spotify:track:").to_numpy(bool) for place in range(len(columns)))
    ids, is_song = next(((place, each) for place, each in enumerate(are_ids) if each.any()), (0, None))
    if is_song is None or columns[ids] in _ALIASES["id"]:
        return cells
    first = cells.iloc[int(is_song.argmax())].tolist()
    artists = [
        place
        for place, column in enumerate(columns)
        if _ARTIST_WORDS.search(column) and not str(first[place]).startswith("spotify:artist:")
    ]
    renamed = {ids: "track uri", ids + 1: "track name"} | ({artists[0]: "artist name(s)"} if artists else {})
    if "danceability" not in columns and "tempo" in columns and (start := columns.index("tempo") - 10) > 0:
        renamed |= dict(enumerate(_BEFORE_TEMPO, start))
    return cells.set_axis([renamed.get(place, column) for place, column in enumerate(columns)], axis="columns")


def _without_brackets(cell: str) -> str:
    """The names of a Python list, separated like other names; another cell as it is."""
    if not _PYTHON_LIST.fullmatch(cell):
        return cell
    names = (single or double for single, double in re.findall(_QUOTED, cell))
    return ARTIST_SEPARATOR.join(re.sub(r"\\(.)", r"\1", name) for name in names)


def _matched(table: pd.DataFrame, known: Catalogue, *, name: str, num_rows: int) -> Catalogue:
    """The songs of a catalogue that have the ids, or else the titles and artists, of a table."""
    ids = table["id"].str.removeprefix("spotify:track:") if "id" in table else [""] * len(table)
    names = zip(table["title"], table["artists"], strict=True) if {"title", "artists"} <= set(table) else ()
    found = [known.row_of(song_id) for song_id in ids]
    for place, (title, artists) in enumerate(names):
        if found[place] is None and title.strip() and split_artists(artists):
            found[place] = known.row_of_name(title, artists)
    rows = list(dict.fromkeys(row for row in found if row is not None))
    num_unknown = found.count(None)
    if not rows:
        raise DatasetError(
            f"{name}: expected audio features, moods, or songs of the catalogue. Received: no features, and "
            f"{pluralize(num_unknown, 'title')} that the catalogue does not have."
        )
    num_repeated = len(found) - num_unknown - len(rows)
    origin = Origin(TableForm.NAMES, num_rows, num_repeated, num_rows - len(found), num_unknown)
    return Catalogue(known.table.iloc[rows].reset_index(drop=True), name=name, origin=origin)


def _recognize(columns: list[str], name: str, *, has_known: bool) -> tuple[TableForm, dict[str, str]]:
    """The form, and a mapping of our column names to those of the table."""
    keys = [str(column).casefold() for column in columns]
    originals = dict(zip(reversed(keys), reversed(columns), strict=True))  # the first of several equal names
    form = next((form for mark, form in _MARKS.items() if mark in originals), TableForm.OWN)
    if form is TableForm.MOODS and "release_date" not in originals:
        form = TableForm.OWN
        del originals["length"]  # perhaps of another unit
    pairs = ((ours, alias) for ours, aliases in _ALIASES.items() for alias in reversed(aliases))
    names = {ours: alias for ours, alias in pairs if alias in originals}  # the first alias of each column
    received = listed(columns)
    if len({"id", "title", "artists"} & names.keys()) < 2:
        raise DatasetError(
            f"{name}: expected the columns of one of these tables: {'; '.join(TableForm)}. "
            f"Received the columns: {received}"
        )
    optional = set() if form is TableForm.EXPORTIFY else {"id"}
    has_no_features = names.keys().isdisjoint(FEATURE_NAMES)
    if form is TableForm.OWN and "mood" in names:
        optional |= set(FEATURE_NAMES)
    elif has_known and has_no_features:
        form, optional = TableForm.NAMES, set(TRACK_COLUMNS)
    if missing := [_ALIASES[column][0] for column in TRACK_COLUMNS if column not in names.keys() | optional]:
        advice = _EXPORTIFY_HINT if form is TableForm.EXPORTIFY else "Add them or choose another table."
        what = f"missing audio features ({missed(missing)})" if has_no_features else f"missing {missed(missing)}"
        raise DatasetError(f"{name}, read as {form}: {what}. Received: {received}. {advice}")
    if ambiguous := {key for key in names.values() if keys.count(key) > 1}:
        raise DatasetError(f"{name}: expected unique columns. Received twice: {', '.join(sorted(ambiguous))}")
    return form, {ours: originals[alias] for ours, alias in names.items()}


def _unified(table: pd.DataFrame, form: TableForm) -> pd.DataFrame:
    """Convert to our columns, units and separators. Invalid cells stay; `Catalogue` reports them with their row."""
    table = table.copy()
    if form is TableForm.EXPORTIFY:
        ids = table.pop("artist_ids") if "artist_ids" in table else None
        table["artists"] = _exportify_artists(table["artists"], ids)
        table["id"] = table["id"].str.removeprefix("spotify:track:")
        if "genres" in table:
            table["genres"] = table["genres"].str.replace(r"\s*[,;]\s*", ARTIST_SEPARATOR, regex=True)
    if "released" in table:
        years = table.pop("released").str.extract(r"\b((?:1[89]|20)\d\d)\b", expand=False)
        table["year"] = table.get("year", years)
    for column in table.columns:
        if column in _NUMBERS:
            table[column] = _without(table[column], _ABSENT)
        elif column in ("album", "genres", "mood"):
            table[column] = _without(table[column], ("",))
    if "duration_ms" in table:
        cells = table.pop("duration_ms")
        seconds = pd.to_numeric(cells, errors="coerce").astype(np.float64) / 1000.0
        table["duration_s"] = seconds.astype(object).where(seconds.notna(), cells)
    if "explicit" in table:
        words = table["explicit"].str.strip().str.casefold()
        known = words.map({"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False})
        table["explicit"] = known.astype(object).where(known.notna(), table["explicit"])
    if "id" in table:  # name songs that Spotify has removed; R writes their names as NA
        names = table[[column for column in ("title", "artists", "album") if column in table]]
        is_unnamed = (names.isna() | names.isin(["", "NA"])).all(axis="columns") & (table["id"] != "")
        table.loc[is_unnamed, names.columns] = [UNTITLED, UNKNOWN_ARTIST, None][: len(names.columns)]
    return table if form is TableForm.EXPORTIFY else _fill_missing_facts(table)


def _fill_missing_facts(table: pd.DataFrame) -> pd.DataFrame:
    """A table with ids for songs without one; without all features, with the valence and energy of their moods."""
    ids = table["id"] if "id" in table else pd.Series("", index=table.index)
    numbers = pd.Series([f"table-{row + 1}" for row in table.index], index=table.index)
    has_no_id = ids.str.strip() == ""
    table["id"] = ids.mask(has_no_id, numbers)
    table["player"] = has_no_id.map({True: Player.NONE, False: Player.SPOTIFY})
    if set(FEATURE_NAMES) <= set(table.columns):
        return table
    moods = table["mood"].str.strip().str.casefold()
    known = [mood.value for mood in Mood]
    require_valid(~moods.isin(known), table["mood"], MOOD_RULE, name="songs without features")
    for column, axis in (("valence", "valence"), ("energy", "arousal")):
        if column not in table:
            table[column] = moods.map({mood.value: (getattr(MOOD_POINTS[mood], axis) + 1) / 2 for mood in Mood})
    others = [column for column in FEATURE_NAMES if column not in ("valence", "energy")]
    return table.assign(**dict.fromkeys(others, np.nan))


def _exportify_artists(names: pd.Series, ids: pd.Series | None) -> pd.Series:
    r"""Artists separated by `ARTIST_SEPARATOR`.

    The newest Exportify uses semicolons, an older one commas with escaped commas in names ("\,"), and the oldest one
    plain commas. For the oldest, the number of ids shows whether "Tyler, The Creator" is one name.
    """
    names = names.fillna("")
    if names.str.contains(ARTIST_SEPARATOR, regex=False).any():
        return names
    several = names.notna() if ids is None else ids.fillna("").str.contains(",", regex=False)
    split = names.str.replace(r"(?<!\\),\s*", ARTIST_SEPARATOR, regex=True)
    return split.where(several, names).str.replace("\\,", ",", regex=False)


def _without(cells: pd.Series, words: tuple[str, ...]) -> pd.Series:
    """Replace cells that equal one of the words by None."""
    return cells.mask(cells.str.strip().isin(words), None)
