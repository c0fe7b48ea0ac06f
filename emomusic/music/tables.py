"""The tables of songs that people have, read into one: `read_catalogue` recognises a table by its columns.

Everything arrives as text and is checked here or by `Catalogue`: left to guess, a reader takes the song "1999" for a
number and a song named "None" for an absent one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from emomusic.errors import DatasetError
from emomusic.music.catalogue import (
    ARTIST_SEPARATOR,
    OPTIONAL_COLUMNS,
    TRACK_COLUMNS,
    Catalogue,
    Origin,
    listed,
    missed,
)
from emomusic.music.features import FEATURE_NAMES, FEATURES
from emomusic.music.table_files import read_cells

UNTITLED = "Untitled"
UNKNOWN_ARTIST = "Unknown artist"
"""What a song is called whose title, artists and album are all empty: it plays by its id all the same."""

_WHOLE = {"popularity", "year", "duration_ms"}
_NUMBERS = {*FEATURE_NAMES, "duration_s", *_WHOLE}
_TEXTS = {"id", "title", "artists", "artist_ids", "album", "genre", "mood"}
_DECIMAL_COMMA = r"^\s*([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)\s*$"  # Excel writes small numbers as 1,5E-05
_DECIMAL_ZERO = r"^\s*(\d+),(0)\s*$"
_ABSENT = ("", "NA", "NaN", "nan", "null", "NULL", "None")  # in a column of numbers


@dataclass(frozen=True, slots=True)
class TableForm:
    """A form in which tables of songs are published.

    Attributes:
        name: in words.
        columns: our column to the names it goes by there, in small letters; the features' stand in `features.FEATURES`.
        hint: what to do where a column is missing; may be empty.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    hint: str = ""

    @property
    def all_columns(self) -> dict[str, tuple[str, ...]]:
        """`columns` and those of the features."""
        features = {feature.name: (feature.source_name,) for feature in FEATURES.values()}
        return features | dict(self.columns)


OWN_FORM = TableForm(
    "table of your own (id, title, artists and features)",
    {column: (column,) for column in (*TRACK_COLUMNS, *OPTIONAL_COLUMNS)}
    | {feature.name: (feature.name, feature.source_name) for feature in FEATURES.values()},
)
MOODS_FORM = TableForm(
    "labelled songs (data_moods.csv)",
    {
        "id": ("id",),
        "title": ("name",),
        "artists": ("artist",),
        "album": ("album",),
        "mood": ("mood",),
        "popularity": ("popularity",),
        "duration_ms": ("length",),
        "year": ("release_date",),
    },
)
TIDYTUESDAY_FORM = TableForm(
    "TidyTuesday's songs (spotify_songs.csv)",
    {
        "id": ("track_id",),
        "title": ("track_name",),
        "artists": ("track_artist",),
        "album": ("track_album_name",),
        "genre": ("playlist_genre",),
        "popularity": ("track_popularity",),
        "duration_ms": ("duration_ms",),
        "year": ("track_album_release_date",),
    },
)
KAGGLE_FORM = TableForm(
    "tracks by genre from Kaggle (dataset.csv)",
    {
        "id": ("track_id",),
        "title": ("track_name",),
        "artists": ("artists",),
        "album": ("album_name",),
        "genre": ("track_genre",),
        "popularity": ("popularity",),
        "explicit": ("explicit",),
        "duration_ms": ("duration_ms",),
    },
)
EXPORTIFY_FORM = TableForm(
    "playlist from Exportify",
    {
        "id": ("track uri", "spotify id", "spotify track id", "track id"),
        "title": ("track name",),
        "artists": ("artist name(s)", "artist name", "artist names"),
        "artist_ids": ("artist uri(s)", "artist uri", "artist ids"),
        "album": ("album name",),
        "genre": ("genres", "artist genres"),
        "popularity": ("popularity",),
        "explicit": ("explicit",),
        "duration_ms": ("track duration (ms)", "duration (ms)"),
        "year": ("album release date", "release date"),
    },
    hint="Export the playlist with its audio features: Exportify's settings offer them.",
)

TABLE_FORMS: tuple[TableForm, ...] = (OWN_FORM, MOODS_FORM, TIDYTUESDAY_FORM, KAGGLE_FORM, EXPORTIFY_FORM)


def read_catalogue(source: Path | bytes, *, name: str | None = None) -> Catalogue:
    """Read a table of songs in any of `TABLE_FORMS`.

    A song that stands several times is read once, where it first stands. An Exportify playlist also holds local files,
    episodes, and songs without features: these are left out. `Catalogue.origin` counts both.

    Args:
        source: path of a CSV or Parquet file, or the bytes of a CSV, as uploaded. CSV is UTF-8, with or without a byte
            order mark, separated by commas, or by semicolons or tabs: then numbers may have decimal commas.
        name: what to call it in messages; a path's own name unless given.

    Raises:
        DatasetError: it cannot be read, has none of the forms, lacks a column, or a row holds something that cannot be
            true; the message says which, and what to do.
    """
    name = name or (source.name if isinstance(source, Path) else "table")
    cells = read_cells(source, name)
    form, names = _recognise(list(cells.table.columns), name)
    table = cells.table[list(names.values())].set_axis(list(names), axis="columns")
    if table.empty:
        raise DatasetError(f"{name}: expected songs. Received: a table without rows. Add a row for each song.")
    if cells.has_decimal_commas:
        for column in _NUMBERS & set(table.columns):
            # 215,000 ms are no 215: what can be a comma of thousands stays, to be refused by its name
            comma = _DECIMAL_ZERO if column in _WHOLE else _DECIMAL_COMMA
            table[column] = table[column].str.replace(comma, r"\1.\2", regex=True)
    table, num_rows = _unified(table, form), len(table)
    table = table[_is_usable(table, form)]
    if table.empty:
        raise DatasetError(
            f"{name}: expected songs with audio features. Received: {num_rows} rows without. {form.hint}"
        )
    num_usable = len(table)
    table = table[~(table["id"].duplicated() & table["id"].notna())]
    origin = Origin(form.name, num_rows, num_usable - len(table), num_rows - num_usable)
    return Catalogue(table, name=name, origin=origin)


def _recognise(columns: list[str], name: str) -> tuple[TableForm, dict[str, str]]:
    """The form that explains most of the columns, and our names to the names here."""
    there: dict[str, str] = {}
    twice: set[str] = set()
    for column in columns:
        key = str(column).casefold()
        twice |= {key} & there.keys()
        there.setdefault(key, column)

    def matches(form: TableForm) -> dict[str, str]:
        found = {
            ours: next((alias for alias in aliases if alias in there), None)
            for ours, aliases in form.all_columns.items()
        }
        return {ours: alias for ours, alias in found.items() if alias is not None}

    def rank(form: TableForm) -> tuple[int, int]:
        matched = matches(form)
        return len({"id", "title", "artists"} & matched.keys()), len(matched)

    form = max(TABLE_FORMS, key=rank)
    received = listed(columns)
    if rank(form)[0] < 2:
        raise DatasetError(
            f"{name}: expected the columns of one of these: {'; '.join(form.name for form in TABLE_FORMS)}. "
            f"Received the columns: {received}"
        )
    matched = matches(form)
    missing = [form.all_columns[column][0] for column in TRACK_COLUMNS if column not in matched]
    if missing:
        raise DatasetError(
            f"{name}, read as {form.name}: expected {missed(missing)}. Received: {received}. "
            f"{form.hint or 'Add them, or take another table.'}"
        )
    if unclear := twice & set(matched.values()):
        raise DatasetError(f"{name}: expected every column once. Received twice: {', '.join(sorted(unclear))}")
    return form, {ours: there[alias] for ours, alias in matched.items()}


def _unified(table: pd.DataFrame, form: TableForm) -> pd.DataFrame:
    """Our columns, units and separators; what cannot be true stays for `Catalogue` to refuse with its row."""
    table = table.copy()
    for column in _TEXTS & set(table.columns):  # Parquet may hold numbers there
        if pd.api.types.is_numeric_dtype(table[column]):
            table[column] = table[column].astype("str")
    if form is EXPORTIFY_FORM:
        _unify_exportify(table)
    if "year" in table and form is not OWN_FORM:
        table["year"] = table["year"].astype("str").str.extract(r"\b((?:1[89]|20)\d\d)\b", expand=False)
    for column in table.columns:
        if column in _NUMBERS:
            table[column] = _without(table[column], _ABSENT)
        elif column in ("album", "genre", "mood"):
            table[column] = _without(table[column], ("",))
    if "duration_ms" in table:
        table["duration_s"] = _seconds(table.pop("duration_ms"))
    if "explicit" in table:
        table["explicit"] = _truths(table["explicit"])
    if form in (TIDYTUESDAY_FORM, KAGGLE_FORM):
        _name_the_unnamed(table)
    return table


def _unify_exportify(table: pd.DataFrame) -> None:
    """Ids, artists and the first of several genres, in place."""
    ids = table.pop("artist_ids") if "artist_ids" in table else None
    table["artists"] = _exportify_artists(table["artists"], ids)
    table["id"] = table["id"].str.removeprefix("spotify:track:")
    if "genre" in table:  # of the artists, several
        table["genre"] = table["genre"].str.split("[,;]", n=1, regex=True).str[0].str.strip()


def _seconds(milliseconds: pd.Series) -> pd.Series:
    """Seconds; what is no number is kept, to be refused by its name."""
    numbers = pd.to_numeric(milliseconds, errors="coerce").astype(np.float64)
    return (numbers / 1000.0).astype(object).where(numbers.notna(), milliseconds)


def _truths(cells: pd.Series) -> pd.Series:
    """True and false from words or from 1 and 0; what is neither is kept, to be refused by its name."""
    if pd.api.types.is_bool_dtype(cells):
        return cells
    words = cells.astype("str").str.strip().str.casefold()
    known = words.map({"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False})
    return known.astype(object).where(known.notna(), cells)


def _name_the_unnamed(table: pd.DataFrame) -> None:
    """Give songs that Spotify took down something to be called by, in place: R writes their names as NA."""
    columns = [column for column in ("title", "artists", "album") if column in table]
    gone = (table[columns].isna() | table[columns].isin(["", "NA"])).all(axis="columns")
    table.loc[gone, ["title", "artists"]] = [UNTITLED, UNKNOWN_ARTIST]
    if "album" in table:
        table.loc[gone, "album"] = None


def _is_usable(table: pd.DataFrame, form: TableForm) -> pd.Series:
    """Rows that can be songs of a catalogue. Only Exportify's tables are meant to hold others."""
    if form is not EXPORTIFY_FORM:
        return pd.Series(True, index=table.index)
    ids = table["id"].fillna("")
    is_track = ~(ids.isin(["", "null"]) | ids.str.startswith(("spotify:local:", "spotify:episode:")))
    return is_track & table[list(FEATURE_NAMES)].notna().any(axis="columns")


def _exportify_artists(names: pd.Series, ids: pd.Series | None) -> pd.Series:
    r"""Artists separated as ours are.

    Exportify's newest form separates by semicolons, an older one by commas with those in names escaped ("\,"), the
    oldest by bare commas. There the ids tell whether the cell is one name: "Tyler, The Creator".
    """
    names = names.fillna("")
    if names.str.contains(ARTIST_SEPARATOR, regex=False).any():
        return names
    several = names.notna() if ids is None else ids.fillna("").str.contains(",", regex=False)
    split = names.str.replace(r"(?<!\\),\s*", ARTIST_SEPARATOR, regex=True)
    return split.where(several, names).str.replace("\\,", ",", regex=False)


def _without(cells: pd.Series, words: tuple[str, ...]) -> pd.Series:
    """The cells, those that hold one of the words as absent."""
    if pd.api.types.is_numeric_dtype(cells):
        return cells
    return cells.mask(cells.str.strip().isin(words), None)
