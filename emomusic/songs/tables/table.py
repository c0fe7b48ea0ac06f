"""A list of songs while it is read: its cells, then the cells of each field of a song, known by name and by values."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR
from emomusic.songs.names import Finder
from emomusic.songs.song import FEATURES
from emomusic.songs.tables import cells as of_cells
from emomusic.songs.tables.cells import MAX_CELL_BYTES, check_size, numbers, series, share, track_ids
from emomusic.songs.tables.fields import (
    DISLIKES,
    FALSE,
    OTHER_TITLES,
    TRUE,
    advice_of,
    columns_of,
    field_named,
    first_of,
    head_of,
    is_doubtful,
    is_name,
    is_other,
    key_of,
    mood_of_column,
    strengths,
)

SHORTEST_PLAY_MS = 30_000
"""A shorter play of a history does not count, as in Spotify's own statistics."""

_OUR_EXPORT = {"mood", "score", "valence", "arousal", "reason"}

_MOST_SHOWN, _LONGEST_SHOWN = 5, 60  # rows, and letters of cells, that help to choose columns
_WITHOUT_ARTISTS = {"artists", "channel", "valence", "path", "id"}  # each makes a song of a title
_GAP = r"[\s\pZ\x0b\x1c-\x1f\x{85}]{9,}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The columns that a person chose for titles and artists, by name or number; empty for those that are voted.

    The parts of lines are numbered as columns are, from 1.
    """

    title: str = ""
    artist: str = ""


VOTED = Chosen()
"""Names and votes tell the columns."""


class UnknownColumnsError(DatasetError):
    """A list in which neither names nor songs that are known tell title and artist.

    Attributes:
        columns: their names, or their numbers from 1.
        rows: the first rows.
    """

    def __init__(self, message: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Keep what a person needs to choose the columns."""
        super().__init__(message)
        self.columns, self.rows = columns, rows


@dataclass
class Facts:
    """The facts about a list of songs.

    Attributes:
        name: the name of the file.
        source: form of the file, for people.
        encoding: the encoding of a text, else None.
        separator: the separator of a CSV, else None.
        num_rows: rows that are not empty.
        left_out: numbers of rows that are no songs, with the reason.
        notes: sentences for people.
    """

    name: str
    source: str = "table"
    encoding: str | None = None
    separator: str | None = None
    num_rows: int = 0
    left_out: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)


@dataclass
class Table(Facts):
    """A list of songs while it is read.

    Attributes:
        rows: cells of text in columns that are numbered from 0; the index has the numbers of the rows, from 1.
            `find_fields` leaves one column for each field of a song, and `at` for the numbers.
        header: name of each column; empty if there is no header.
        names: the name of the column of each field.
        sheet: the name of the sheet of a workbook.
    """

    rows: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    header: list[str] = dataclasses.field(default_factory=list)
    names: dict[str, str] = dataclasses.field(default_factory=dict)
    sheet: str = ""

    def packed(self) -> bytes:
        """The table for `unpacked`, without letters of cells that are too long for any use, and without long gaps."""
        cells = {}
        for place in self.rows:  # long gaps would take regular expressions the square of their length
            texts = pc.replace_substring_regex(pa.array(self.rows[place]), _GAP, " ")
            cells[str(place)] = series(pc.utf8_slice_codeunits(texts, 0, MAX_CELL_BYTES + 1), self.rows.index)
        rows, sink = pa.Table.from_pandas(pd.DataFrame(cells)), pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        facts = {name: value for name, value in vars(self).items() if name != "rows"}
        return b"\n".join((json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace"), sink.getvalue()))

    @classmethod
    def unpacked(cls, name: str, data: bytes) -> Table:
        """The table with this name that was packed."""
        facts, _, cells = data.partition(b"\n")
        table = cls(**{**json.loads(facts), "name": name})
        table.rows = pa.ipc.open_stream(cells).read_pandas().rename(columns=int)
        table.left_out = [(row, reason) for row, reason in table.left_out]
        return table

    @classmethod
    def of_columns(cls, name: str, columns: Mapping[str, object], form: str) -> Table:
        """A table of columns by their names."""
        rows = pd.DataFrame({place: series(column) for place, column in enumerate(columns.values())})
        rows.index = pd.RangeIndex(1, len(rows) + 1)
        return cls(name, form, rows=rows, header=list(columns))

    @classmethod
    def of_lines(cls, name: str, lines: Sequence[str], period: int, form: str) -> Table:
        """A table of songs whose title and artist have lines of their own, each song as many."""
        size = len(lines) // period
        columns = {str(at): lines[at::period][:size] for at in range(period)}
        return dataclasses.replace(cls.of_columns(name, columns, form), header=[])

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

    def find_fields(self, finder: Finder, chosen: Chosen) -> None:
        """Keep the columns that hold fields of songs, and leave out rows that are none.

        Raises:
            DatasetError: the table has no rows, no column of titles, ids or paths, or none that was chosen.
        """
        is_filled = (self.rows != "").any(axis="columns").to_numpy(bool)
        rows = self.rows if is_filled.all() else self.rows[is_filled]
        self.rows = pd.DataFrame()  # it needs much memory
        if len(rows) == 0:
            raise DatasetError(f"{self.name}: expected songs. Received: a table without rows. Add a row for each song.")
        self.num_rows = len(rows) + len(self.left_out)
        if num_empty := len(is_filled) - len(rows):
            self.notes.append(f"Empty rows: {num_empty:,}, which are skipped.")
        numbers_of_rows, rows = rows.index, rows.reset_index(drop=True)
        if not self.header and not {chosen.title, chosen.artist}.isdisjoint(first := rows.iloc[0].tolist()):
            self.header, rows = first, rows[1:].reset_index(drop=True)
            numbers_of_rows = numbers_of_rows[1:]
        header = self.header or [str(number) for number in range(1, rows.shape[1] + 1)]
        own = {"title": chosen.title, "artists": chosen.artist}
        taken = {field: self._place(header, wanted) for field, wanted in own.items() if wanted}
        columns = {field: [place] for field, place in taken.items()}
        for field, places in columns_of(rows, self.header, finder).items():
            if left := [place for place in places if place not in taken.values()]:
                columns.setdefault(field, left)
        named = {field: [header[place] for place in places] for field, places in columns.items()}
        cells = {field: _merged(field, rows[places], named[field]) for field, places in columns.items()}
        self.names = {field: names[0] for field, names in named.items()}
        if _are_moods("mood", named.get("mood", [])):
            self.notes.append(f"Moods by the largest value of the columns {', '.join(named['mood'])}.")
        others = set() if "mood" in columns else {"valence", "energy", "mood"} - columns.keys()
        if unread := [
            name for place, name in enumerate(self.header) if field_named(name) in others and any(rows[place])
        ]:
            self.notes.append(f"Not used, as their cells are of another kind: {', '.join(unread)}.")
        sample = rows.head(_MOST_SHOWN).map(lambda cell: cell[:_LONGEST_SHOWN]).to_numpy().tolist()
        self.rows = pd.DataFrame({"at": numbers_of_rows.to_numpy(np.int64), **cells}, rows.index)
        has_ids = (track_ids(self.text("id")) != "").any()
        used = {place for places in columns.values() for place in places}
        free = [place for place in rows if place not in used and share(head_of(rows[place]), is_name) > 0.5]
        is_titled = "title" in columns and not (free and _WITHOUT_ARTISTS.isdisjoint(columns))
        if not (has_ids or is_titled or {"artist_title", "path"} & columns.keys() or self._has_pairs()):
            received = first_of([" ".join(name.split())[:_LONGEST_SHOWN] for name in self.header or sample[0]])
            expected = f"{self.name}: expected columns with titles and artists, or Spotify ids. Received: {received}."
            if advice := advice_of(self.header):
                raise DatasetError(f"{expected} {advice}")
            raise UnknownColumnsError(f"{expected} Choose the columns of title and artist.", header, sample)
        pair = [columns[field][0] for field in ("title", "artists") if field in columns]
        is_told = len(pair) == 2 and chosen == VOTED and not self.header and is_doubtful(rows, pair, finder)
        del rows, cells
        if not self.header:
            self.notes.append(f"{self.name} has no header. Its columns are known by their values.")
            self.notes += [OTHER_TITLES] * is_told
        self._leave_out_others()

    def _has_pairs(self) -> bool:
        """Whether some titles may hold the artist, too."""
        return bool(self.text("title").str.contains(r"[-\u2010-\u2015:|]").any())

    def _place(self, header: Sequence[str], wanted: str) -> int:
        """The place of the column that a person chose."""
        names = [key_of(name) or name for name in header]
        if (name := key_of(wanted) or wanted) in names:
            return names.index(name)
        if wanted.isdecimal() and 0 < int(wanted) <= len(header):
            return int(wanted) - 1
        raise DatasetError(f"{self.name}: expected one of the columns {first_of(header)}. Received: {wanted}.")

    def _leave_out_others(self) -> None:
        """Leave out rows with enormous cells, episodes, dislikes, short plays, and rows that are not of songs."""
        sizes = [pc.binary_length(pa.array(self.rows[name])) for name in self.names]
        is_short = np.all([pc.less_equal(size, MAX_CELL_BYTES) for size in sizes], axis=0)
        self.keep(is_short, f"a cell of more than {MAX_CELL_BYTES:,} bytes")
        if "id" in self.names:
            self.keep(~self.text("id").str.contains("spotify:episode:|/episode/"), "an episode of a podcast")
        if "type" in self.names:
            kinds = list(zip(self.text("type"), self.text("album") != "", strict=True))
            others = {kind for kind in set(kinds) if is_other(kind[0], has_album=kind[1])}
            self.keep([kind not in others for kind in kinds], "not of type song")
        if "not_song" in self.names:
            flags = self.text("not_song").str.lower()
            is_set = (flags != "") & ~flags.isin(FALSE) & (flags.isin(TRUE) | (self.text("title") == ""))
            self.keep(~is_set, "an episode, an audiobook, a film or a dislike")
        if "score" in self.names:
            self.keep(~self.text("score").str.lower().isin((*DISLIKES, "false")), "a dislike")
        if "played_ms" in self.names:
            self.keep(~(numbers(self.text("played_ms")) < SHORTEST_PLAY_MS), "played for less than 30 s")
        if "service" in self.names:
            self.keep(self.text("service") == "YouTube Music", "not of YouTube Music")


def _are_moods(field: str, names: Sequence[str]) -> bool:
    """Whether each of several columns of moods tells the strength of one mood."""
    return field == "mood" and len(names) > 1 and all(map(mood_of_column, names))


def _merged(field: str, columns: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The cells of a field without spaces around them: of the first column that has one, or of all artists.

    Of columns for one mood each, the mood of the largest value; empty without one. A word such as "yes" is 1.
    """
    if _are_moods(field, names):
        values = np.stack([np.nan_to_num(strengths(columns[place])) for place in columns])
        moods = np.array([mood_of_column(name) for name in names])
        return series(np.where(values.max(axis=0) > 0, moods[values.argmax(axis=0)], ""), columns.index)
    cells, *others = (series(pc.utf8_trim_whitespace(pa.array(columns[place])), columns.index) for place in columns)
    is_part = [field == "type" or (field == "artists" and key_of(name)[-1:].isdigit()) for name in names]
    for other, is_next in zip(others, is_part[1:], strict=True) if field not in FEATURES else ():
        if is_part[0] and is_next:
            cells = (cells + ARTIST_SEPARATOR + other).str.strip(ARTIST_SEPARATOR)
        elif (is_empty := cells == "").any():
            cells = cells.where(~is_empty, other)
    has_entities = field in ("title", "artists", "artist_title") and cells.str.contains("&amp;|&#").any()
    return of_cells.each_different(cells, html.unescape) if has_entities else cells
