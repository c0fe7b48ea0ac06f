"""Text with separators: separator, quoting and header by evidence."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.songs.tables.cells import series
from emomusic.songs.tables.columns import is_header
from emomusic.text import size_over

MAX_COLUMNS = 1000
"""Limit because each column needs memory, even an empty one."""

MAX_LINES, MAX_LINE_BYTES = 250_000, 100_000
"""Limits of the rows and of a line, which are checked before it is decoded."""

MAX_UNPACKED_BYTES = 300 * 2**20
"""Limit of workbooks and Parquet files, which are compressed."""

SAMPLE_BYTES, SAMPLE_ROWS = 2**16, 60
_HEADER_WITHIN = 20  # rows
_DATE = r"\d{1,2} \w{3} \d{4},? \d\d:\d\d"
_DATA = re.compile(rf"[-+]?[\d.,:/ -]*\d|(?:https?|spotify):.*|[0-9A-Za-z]{{22}}|{_DATE}|true|false", re.IGNORECASE)
_UNDER_HEADER = re.compile(
    r"\s*[(\[]?(?:|%|percent|dbfs|db|lufs|bpm|ms|s|sec|seconds|milliseconds|0 ?(?:-|to|\u2013) ?1(?:00)?|:?-+:?)[)\]]?"
    r"\s*",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Cells:
    """The cells of a table.

    Attributes:
        table: columns of text, numbered from 0; the index has the numbers of the rows, from 1.
        header: name of each column; empty if there is no header.
        form: of the file, for people.
        encoding: of a text, else None.
        separator: of a CSV, else None.
        left_out: numbers of rows that have too many cells, with the reason.
        notes: sentences for people.
    """

    table: pd.DataFrame
    header: list[str]
    form: str = "table"
    encoding: str | None = None
    separator: str | None = None
    left_out: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def cells_of(columns: Iterable[object], header: list[str], form: str) -> Cells:
    """The cells of columns under their names."""
    table = pd.DataFrame({place: series(column) for place, column in enumerate(columns)})
    table.index = pd.RangeIndex(1, len(table) + 1)
    return Cells(table, header, form)


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


def csv_cells(data: bytes, name: str) -> Cells:
    """The cells of a text in UTF-8.

    Raises:
        DatasetError: it is empty, has too many columns, or cannot be divided into cells.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    declared = re.match(rb'\s*"?sep=([,;\t|])"?[ ,;\t]*\r?\n', data, re.IGNORECASE)
    if declared:
        data = data[declared.end() :]
    sample = data[:SAMPLE_BYTES].decode("utf-8", "ignore")
    separator = declared[1].decode() if declared else _separator(sample)
    mark = re.escape(separator.encode())
    if re.search(mark + rb' +"', data[:SAMPLE_BYTES]):
        data = re.sub(mark + rb' +"', lambda _: separator.encode() + b'"', data)
        sample = data[:SAMPLE_BYTES].decode("utf-8", "ignore")
    quotes = not _every_line_has_all_cells(data, separator.encode())
    rows, lines = _sample_rows(sample, separator, quotes=quotes)
    if not rows:
        raise DatasetError(f"{name}: expected songs. Received: an empty file.")
    header, skipped = _header(rows)
    width = len(header) or Counter(len(row) for row in rows[skipped:]).most_common(1)[0][0]
    check_size(name, 0, max(map(len, rows)))
    start = 0
    for _ in range(lines[skipped - 1] if skipped else 0):
        start = data.find(b"\n", start) + 1 or len(data)
    following = [row for row in rows[skipped:] if any(row)]
    if header and following and all(len(row) == width + 1 and row[0].strip().isdecimal() for row in following):
        header, width = ["", *header], width + 1  # R writes the numbers of rows without a name
    table, left_out = _parsed(pa.py_buffer(data).slice(start), separator, width, quotes=quotes, name=name)
    return Cells(table, [cell.strip() for cell in header], separator=separator, left_out=left_out)


def _separator(sample: str) -> str:
    """The character that gives most rows the same number of cells."""

    def evidence(separator: str) -> tuple[float, int]:
        rows = [row for row in _sample_rows(sample, separator, quotes=separator != "\t")[0] if any(row)]
        widths = Counter(len(row) for row in rows)
        width, number = max(widths.items(), key=lambda item: (item[0] > 1, item[1])) if widths else (1, 1)
        headed = any(is_header(row) for row in rows[:_HEADER_WITHIN])
        return (headed + number / max(len(rows), 1) if width > 1 else 0.0), width

    return max(",;\t|", key=evidence)


def is_table(sample: str) -> bool:
    """Whether a text has rows of cells: names of columns, or as many cells in each line."""
    for separator in "\t;|,":
        rows = [row for row in _sample_rows(sample, separator, quotes=separator != "\t")[0] if any(row)]
        if any(map(is_header, rows[:_HEADER_WITHIN])):
            return True
        if len(rows) > 1 and len({len(row) for row in rows}) == 1 and len(rows[0]) > 1:
            pairs = sum(" - " in row[0] for row in rows)  # with commas, "Earth, Wind - September" is one cell
            return separator != "," or '"' in sample or pairs > len(rows) / 2 or (not pairs and " - " not in sample)
    return False


def _sample_rows(sample: str, separator: str, *, quotes: bool) -> tuple[list[list[str]], list[int]]:
    """The first rows of a text, and the number of lines up to the end of each."""
    reader = csv.reader(
        io.StringIO(sample, newline=""), delimiter=separator, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    )
    rows, lines = [], []
    try:
        for row in reader:
            rows.append([_without_quotes(cell) for cell in row] if not quotes else row)
            lines.append(reader.line_num)
            if len(rows) >= SAMPLE_ROWS:
                break
    except csv.Error:  # an unclosed cell at the end of the sample
        pass
    return rows, lines


def _without_quotes(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _every_line_has_all_cells(data: bytes, separator: bytes) -> bool:
    """Whether all lines have the same number of separators: then no quotation mark protects one of them."""
    if b'"' not in data:
        return True
    codes = np.frombuffer(data, np.uint8)
    ends = np.append(np.flatnonzero(codes == ord("\n")), len(codes))
    counts = np.diff(np.searchsorted(np.flatnonzero(codes == separator[0]), ends), prepend=0)
    is_filled = np.diff(ends, prepend=-1) > 2
    return bool(counts.any()) and len(set(counts[is_filled].tolist())) == 1


def _header(rows: list[list[str]]) -> tuple[list[str], int]:
    """The names of the columns, of which each may have parts in several rows, and the number of rows up to the data."""
    for at, row in enumerate(rows[:_HEADER_WITHIN]):
        names, end = row, at + 1
        if any(name and name == after for name, after in pairwise(row)) and not is_header(row[:2]):  # "track", "track"
            while (
                end < min(len(rows), at + 3)
                and not _has_data(rows[end])
                and (end == at + 1 or _num_filled(rows[end]) == 1)
            ):
                names = [f"{name} {part}".strip() for name, part in zip_longest(names, rows[end], fillvalue="")]
                end += 1
        if is_header(names):
            while end < len(rows) and _num_filled(rows[end]) and all(map(_UNDER_HEADER.fullmatch, rows[end])):
                names = [
                    f"{name} {unit.strip(' ()[]')}".strip()
                    for name, unit in zip_longest(names, rows[end], fillvalue="")
                ]
                end += 1
            return names, end
    at = _blank_rows(rows)
    if at < len(rows) and len(rows[at]) > 1 and not _has_data(rows[at]):
        # Unknown names in the first row, and cells of another form below them
        others = [_has_data(row) for row in rows[at + 1 :] if any(row)]
        if others and all(others):
            return rows[at], at + 1
    return [], at


def _has_data(row: list[str]) -> bool:
    return any(map(_DATA.fullmatch, map(str.strip, row)))


def _num_filled(row: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _blank_rows(rows: list[list[str]]) -> int:
    return next((at for at, row in enumerate(rows) if any(cell.strip() for cell in row)), len(rows))


def _parsed(
    data: pa.Buffer, separator: str, width: int, *, quotes: bool, name: str
) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    """The table, and the rows with too many cells."""
    from pyarrow import csv as arrow_csv

    others: list[tuple[int, str]] = []

    def keep(row: Any) -> str:
        others.append((row.number, row.text))
        return "skip"

    names = [str(number) for number in range(width)]
    if data.size == 0:
        return pd.DataFrame(columns=range(width), dtype="str"), []
    try:
        read = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=data.size),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator,
                quote_char='"' if quotes else False,
                newlines_in_values=quotes,
                invalid_row_handler=keep,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if not (quotes and "CSV parse" in str(error)):
            raise DatasetError(f"{name}: expected a CSV. Received: {first_line(error)}") from None
        return _parsed(data, separator, width, quotes=False, name=name)  # a quotation mark that nothing closes
    columns = {number: read[name] if quotes else _unquoted(read[name]) for number, name in enumerate(names)}
    table = pd.DataFrame({number: series(column) for number, column in columns.items()})
    is_other = np.zeros(len(table) + len(others), bool)
    is_other[[number - 1 for number, _ in others if number - 1 < len(is_other)]] = True
    table.index = np.flatnonzero(~is_other)[: len(table)] + 1
    return _with_others(table, others, separator)


def _unquoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells without the quotation marks around them."""
    inside = pc.replace_substring(pc.utf8_slice_codeunits(column, 1, -1), '""', '"')
    is_quoted = pc.and_(pc.match_substring_regex(column, '^".*"$'), pc.greater(pc.utf8_length(column), 1))
    return pc.if_else(is_quoted, inside, column)


def _with_others(
    table: pd.DataFrame, others: list[tuple[int, str]], separator: str
) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    """Add the rows with fewer cells, and those that an unclosed quotation mark joined."""
    width, added, left_out = table.shape[1], {}, []
    for number, text in others:
        lines = text.splitlines() or [""]
        for place, line in enumerate(lines):
            row = next(csv.reader([line], delimiter=separator, quoting=csv.QUOTE_NONE if len(lines) > 1 else 0), [])
            row = [_without_quotes(cell) for cell in row]
            while len(row) > width and not row[-1].strip():
                row.pop()
            if len(row) > width:
                left_out.append((number, f"{len(row)} cells under {width} names"))
            elif any(row):
                added[number + place / len(lines)] = row + [""] * (width - len(row))
    if added:
        more = pd.DataFrame(list(added.values()), list(added), range(width), dtype="str")
        table = pd.concat([table, more]).sort_index()
        table.index = table.index.astype(int)
    return table, left_out
