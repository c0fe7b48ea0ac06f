"""A list of songs while it is read: its cells, then the cells of each field of a song, without rows that are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

MAX_CELL_LETTERS = 5_000
"""Limit of the cells that are used."""

SHORTEST_PLAY_MS = 30_000
"""A shorter play of a history does not count, as in Spotify's own statistics."""

TRUE, FALSE = ("true", "1", "1.0", "yes", "y", "explicit", "e", "x"), ("false", "0", "0.0", "no", "n", "clean")
_OUR_EXPORT = {"mood", "score", "valence", "arousal", "reason"}


@dataclass(slots=True)
class Table:
    """A list of songs.

    Attributes:
        name: of the file.
        rows: columns of text, numbered from 0; the index has the numbers of the rows, from 1. Empty in the end.
        header: name of each column; empty if there is no header.
        form: of the file, for people.
        encoding: of a text, else None.
        separator: of a CSV, else None.
        left_out: numbers of rows that are no songs, with the reason.
        notes: sentences for people.
        num_rows: rows that are not empty.
        numbers: the number of each row that is not left out.
        cells: the cells of each field, under the name of their column, without spaces around them.
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
    numbers: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    cells: dict[str, pd.Series] = field(default_factory=dict)

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

    def keep(self, wanted: npt.ArrayLike, reason: str) -> None:
        """Leave out the other rows."""
        is_wanted = np.asarray(wanted, bool)
        if not is_wanted.all():
            self.leave_out(self.numbers[~is_wanted], reason)
            self.numbers = self.numbers[is_wanted]
            self.cells = {name: cells[is_wanted].reset_index(drop=True) for name, cells in self.cells.items()}

    def leave_out(self, rows: Iterable[int], reason: str) -> None:
        """Note the reason why rows are no songs."""
        self.left_out += [(int(row), reason) for row in rows]

    def text(self, name: str) -> pd.Series:
        """The cells of a field; empty without its column."""
        return self.cells[name] if name in self.cells else series([""] * len(self.numbers))

    @property
    def is_our_export(self) -> bool:
        """Whether EmoMusic wrote the table: valence and arousal are from -1 to 1."""
        return {key_of(name) for name in self.header} >= _OUR_EXPORT

    @property
    def is_history(self) -> bool:
        """Whether a row is a play of a song."""
        return not {"played", "played_ms"}.isdisjoint(self.cells)

    def find_fields(self, finder: Finder) -> None:
        """Find the columns that hold fields of songs, and leave out rows that are none.

        Raises:
            DatasetError: the table has no rows, or no column of titles, ids or paths.
        """
        is_filled = (self.rows != "").any(axis="columns").to_numpy(bool)
        rows = self.rows if is_filled.all() else self.rows[is_filled]
        if len(rows) == 0:
            raise DatasetError(f"{self.name}: expected songs. Received: a table without rows. Add a row for each song.")
        header = self.header or [""] * rows.shape[1]
        columns = columns_of(rows, self.header, finder)
        self.numbers, self.num_rows = rows.index.to_numpy(np.int64), len(rows) + len(self.left_out)
        rows = rows.reset_index(drop=True)
        if parts := columns.pop("artist_parts", None):
            joined = rows[parts].apply(lambda names: ARTIST_SEPARATOR.join(filter(str.strip, names)), axis="columns")
            self.cells["artists"] = series(joined)
        for name, places in columns.items():
            cells = _stripped(rows[places[0]])
            for place in places[1:] if name not in FEATURES else ():
                if (is_empty := cells == "").any():
                    cells = cells.where(~is_empty, _stripped(rows[place]))
            self.cells.setdefault(name, cells.rename(header[places[0]]))
        self.rows = pd.DataFrame()  # it needs much memory
        has_names = {"title", "artist_title", "path"} & self.cells.keys()
        if not has_names and not (track_ids(self.text("id")) != "").any():
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
        is_short = [pc.less_equal(pc.utf8_length(pa.array(cells)), MAX_CELL_LETTERS) for cells in self.cells.values()]
        self.keep(np.all(is_short, axis=0), f"a cell of more than {MAX_CELL_LETTERS:,} letters")
        if "id" in self.cells:
            self.keep(~self.text("id").str.contains("spotify:episode:|/episode/"), "an episode of a podcast")
        if "type" in self.cells:
            self.keep(~self.text("type").str.lower().isin(word_set("types")), "not of type song")
        if "not_song" in self.cells:
            flags = self.text("not_song").str.lower()
            is_other = (flags != "") & ~flags.isin(FALSE) & (flags.isin(TRUE) | (self.text("title") == ""))
            self.keep(~is_other, "an episode, an audiobook or a film")
        if "score" in self.cells:
            self.keep(~self.text("score").str.startswith("-1"), "a dislike")
        if "played_ms" in self.cells:
            self.keep(~(numbers(self.text("played_ms")) < SHORTEST_PLAY_MS), "played for less than 30 s")
        if "service" in self.cells:
            self.keep(self.text("service") == "YouTube Music", "not of YouTube Music")


def _stripped(cells: pd.Series) -> pd.Series:
    has_spaces = pc.any(pc.match_substring_regex(pa.array(cells), r"^\s|\s$")).as_py()
    return cells.str.strip() if has_spaces else cells  # a copy needs much memory


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
