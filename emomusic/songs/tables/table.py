"""A list of songs while it is read: its cells, then the cells of each field of a song, without rows that are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, listed
from emomusic.songs.names import Finder
from emomusic.songs.song import FEATURES
from emomusic.songs.tables.cells import numbers, series, track_ids
from emomusic.songs.tables.columns import advice_of, columns_of, key_of, word_set
from emomusic.text import size_over

MAX_COLUMNS = 1000
"""Limit because each column needs memory, even an empty one."""

MAX_LINES, MAX_LINE_BYTES = 250_000, 100_000
"""Limits of the rows and of a line, which are checked before it is decoded."""

MAX_UNPACKED_BYTES = 300 * 2**20
"""Limit of workbooks and Parquet files, which are compressed."""

MAX_CELL_BYTES = 5_000
"""Limit of the cells that are used."""

SHORTEST_PLAY_MS = 30_000
"""A shorter play of a history does not count, as in Spotify's own statistics."""

TRUE, FALSE = ("true", "1", "1.0", "yes", "y", "explicit", "e", "x"), ("false", "0", "0.0", "no", "n", "clean")
_OUR_EXPORT = {"mood", "score", "valence", "arousal", "reason"}
_MOST_NAMED = 20  # rows in a sentence


@dataclass(slots=True)
class Table:
    """A list of songs.

    Attributes:
        name: of the file.
        rows: cells of text in columns that are numbered from 0; the index has the numbers of the rows, from 1.
            `find_fields` leaves one column for each field of a song, and `at` for the numbers.
        header: name of each column; empty if there is no header.
        form: of the file, for people.
        encoding: of a text, else None.
        separator: of a CSV, else None.
        left_out: numbers of rows that are no songs, with the reason.
        notes: sentences for people.
        num_rows: rows that are not empty.
        names: the name of the column of each field.
    """

    name: str
    rows: pd.DataFrame
    header: list[str]
    form: str = "table"
    encoding: str | None = None
    separator: str | None = None
    left_out: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    num_rows: int = 0
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_columns(cls, name: str, columns: Mapping[str, object], form: str) -> Table:
        """A table of columns by their names."""
        rows = pd.DataFrame({place: series(column) for place, column in enumerate(columns.values())})
        rows.index = pd.RangeIndex(1, len(rows) + 1)
        return cls(name, rows, list(columns), form)

    @classmethod
    def of_records(cls, name: str, records: Sequence[Mapping[str, str]], form: str) -> Table:
        """A table of records, which may differ in their names."""
        header = list(dict.fromkeys(key for record in records for key in record))
        check_size(name, len(records), len(header))
        return cls.of_columns(name, {key: [record.get(key, "") for record in records] for key in header}, form)

    def keep(self, wanted: npt.ArrayLike, reason: str = "") -> None:
        """Leave out the other rows, and note the reason unless they are named elsewhere."""
        is_wanted = np.asarray(wanted, bool)
        if not is_wanted.all():
            self.left_out += [(row, reason) for row in self.rows["at"][~is_wanted].tolist() if reason]
            self.rows = self.rows[is_wanted]

    def text(self, name: str) -> pd.Series:
        """The cells of a field; empty without its column."""
        return self.rows[name] if name in self.rows else series([""] * len(self.rows), self.rows.index)

    @property
    def is_our_export(self) -> bool:
        """Whether EmoMusic wrote the table: valence and arousal are from -1 to 1."""
        return {key_of(name) for name in self.header} >= _OUR_EXPORT

    @property
    def is_history(self) -> bool:
        """Whether a row is a play of a song."""
        return not {"played", "played_ms"}.isdisjoint(self.names)

    def find_fields(self, finder: Finder) -> None:
        """Keep the columns that hold fields of songs, and leave out rows that are none.

        Raises:
            DatasetError: the table has no rows, or no column of titles, ids or paths.
        """
        is_filled = (self.rows != "").any(axis="columns").to_numpy(bool)
        rows = self.rows if is_filled.all() else self.rows[is_filled]
        self.rows = pd.DataFrame()  # it needs much memory
        if len(rows) == 0:
            raise DatasetError(f"{self.name}: expected songs. Received: a table without rows. Add a row for each song.")
        self.num_rows = len(rows) + len(self.left_out)
        numbers_of_rows, rows = rows.index, rows.reset_index(drop=True)
        columns = columns_of(rows, self.header, finder)
        header = self.header or [""] * rows.shape[1]
        cells = {
            name: _merged(name, rows[places], [header[place] for place in places]) for name, places in columns.items()
        }
        self.names = {name: header[places[0]] for name, places in columns.items()}
        self.rows = pd.DataFrame({"at": numbers_of_rows.to_numpy(np.int64), **cells}, rows.index)
        del rows, cells
        if not {"title", "artist_title", "path"} & columns.keys() and not (track_ids(self.text("id")) != "").any():
            received = listed(self.header) if self.header else f"{len(header)} columns without names"
            raise DatasetError(
                f"{self.name}: expected columns with titles and artists, or Spotify ids. Received: {received}. "
                f"{advice_of(self.header) or 'Name them title and artist.'}"
            )
        if not self.header:
            self.notes.append(f"{self.name} has no header. Its columns are known by their values.")
        self._leave_out_others()

    def _leave_out_others(self) -> None:
        """Leave out rows with enormous cells, episodes, dislikes, short plays, and rows that are not of songs."""
        sizes = [pc.binary_length(pa.array(self.rows[name])) for name in self.names]
        is_short = np.all([pc.less_equal(size, MAX_CELL_BYTES) for size in sizes], axis=0)
        self.keep(is_short, f"a cell of more than {MAX_CELL_BYTES:,} bytes")
        if "id" in self.names:
            self.keep(~self.text("id").str.contains("spotify:episode:|/episode/"), "an episode of a podcast")
        if "type" in self.names:
            self.keep(~self.text("type").str.lower().isin(word_set("types")), "not of type song")
        if "not_song" in self.names:
            flags = self.text("not_song").str.lower()
            is_other = (flags != "") & ~flags.isin(FALSE) & (flags.isin(TRUE) | (self.text("title") == ""))
            self.keep(~is_other, "an episode, an audiobook or a film")
        if "score" in self.names:
            self.keep(~self.text("score").str.startswith("-1"), "a dislike")
        if "played_ms" in self.names:
            self.keep(~(numbers(self.text("played_ms")) < SHORTEST_PLAY_MS), "played for less than 30 s")
        if "service" in self.names:
            self.keep(self.text("service") == "YouTube Music", "not of YouTube Music")


def _merged(field: str, columns: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The cells of a field without spaces around them: of the first column that has one, or of all artists."""
    cells, *others = (series(pc.utf8_trim_whitespace(pa.array(columns[place])), columns.index) for place in columns)
    is_part = [field == "artists" and key_of(name)[-1:].isdigit() for name in names]
    for other, is_next in zip(others, is_part[1:], strict=True) if field not in FEATURES else ():
        if is_part[0] and is_next:
            cells = (cells + ARTIST_SEPARATOR + other).str.strip(ARTIST_SEPARATOR)
        elif (is_empty := cells == "").any():
            cells = cells.where(~is_empty, other)
    return cells


def first_of(names: Sequence[object], separator: str = ", ") -> str:
    """The first names for a sentence, and the number of the others."""
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return separator.join(map(str, names[:_MOST_NAMED])) + more


def over(name: str, limit: str, received: str, advice: str = "its cells") -> DatasetError:
    """The error about a size above its limit."""
    return DatasetError(f"{name}: expected at most {limit}. Received: {received}. Split the table or {advice}.")


def check_size(name: str, num_rows: int, num_columns: int, num_bytes: int = 0) -> None:
    """Raise a `DatasetError` if a table has too many rows or columns, or unpacked bytes."""
    if num_bytes > MAX_UNPACKED_BYTES:
        raise over(name, f"{MAX_UNPACKED_BYTES // 2**20} MB", size_over(num_bytes))
    if num_columns > MAX_COLUMNS:
        raise over(name, f"{MAX_COLUMNS} columns", f"{num_columns:,}", "keep the columns of songs")
    if num_rows > MAX_LINES:
        raise over(name, f"{MAX_LINES:,} rows", f"{num_rows:,}")


def first_line(error: BaseException) -> str:
    """The kind of an error of a library, and the first line of its message."""
    return f"{type(error).__name__}: {error}".strip().splitlines()[0][:200]
