"""Files of song tables as cells of text: CSV, Excel, ODS, Parquet, JSON, XML and playlists, told by their content.

All bytes are of strangers, so a child process decodes them, with limits.
"""

from __future__ import annotations

import contextlib
import csv
import html
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.media.child import read_in_child
from emomusic.media.encodings import as_utf8
from emomusic.songs.names import Finder
from emomusic.songs.tables.cells import DASH, NO_TEXT, check_size, over, series
from emomusic.songs.tables.documents import document_rows, form_of
from emomusic.songs.tables.fields import columns_of, has_word, is_header, is_other, num_known
from emomusic.songs.tables.lines import line_parts, line_rows, split_pairs, text_lines
from emomusic.songs.tables.table import Table
from emomusic.text import size_over

MAX_UPLOAD_BYTES = 50 * 2**20
"""Largest table: 2.5 times the largest published one (114,000 tracks, 20 MB)."""

READER = "emomusic.songs.tables.files:packed_tables"
"""What reads a file in a child process."""

LINES, WORKBOOK = "list of lines", "workbook"  # sources

_NO_TEXT = re.compile(
    rb"SQLite format 3|%PDF-|\{\\rtf"
    rb"|(?:\s*--.*\n)*\s*(?:insert into|create table|drop table|pragma |begin transaction|/\*!)",
    re.IGNORECASE,
)
"""The start of a database or a document, which may look like a list."""

SAMPLE_BYTES, SAMPLE_ROWS = 2**16, 60
_HEADER_WITHIN, _MOST_LINES_OF_A_SONG = 20, 6  # rows; title, artist, album and others may have separate lines
_MOST_SLOW, _BLOCK_ROWS = 2000, 10_000  # lines that Python reads, and rows that it holds
_NO_QUOTES: dict[str, Any] = {"quoting": csv.QUOTE_NONE}

Row = list[str]


def read_file(data: bytes, name: str, finder: Finder, *, in_parts: bool) -> Table:
    """Read the cells of a file.

    Args:
        data: its content.
        name: its name.
        finder: what knows songs.
        in_parts: whether lines are columns of their parts.

    Raises:
        DatasetError: the file is too large, damaged, or of another kind.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise over(name, f"{MAX_UPLOAD_BYTES // 2**20} MB", size_over(len(data)), "keep fewer columns")
    with contextlib.closing(read_in_child(READER, data, name, DatasetError, "list")) as found:
        del data
        tables = map(partial(Table.unpacked, name), found)
        first = next(tables)
        if first.source == LINES:
            lines = first.rows[0].tolist()
            if in_parts:
                return Table.of_records(name, line_parts(lines), LINES)
            others = [
                *tables,
                *(Table.of_lines(name, lines, period, LINES) for period in range(2, _MOST_LINES_OF_A_SONG + 1)),
            ]
            pairs = split_pairs(lines[:SAMPLE_ROWS], finder, are_lines=True).names
            known = [num_known(table.rows, finder) for table in others]
            if max(known) > 2 * sum(finder.has(*pair) for pair in pairs):
                return others[known.index(max(known))]
            return Table.of_records(name, line_rows(lines, name), LINES)
        return _best([first, *tables], finder) if first.source == WORKBOOK else first


def packed_tables(data: bytes, name: str) -> Iterator[bytes]:
    """In a child: the table of a file, those of the sheets of a workbook, or lines and the table that they may be."""
    for table in _tables(data, name):
        check_size(name, len(table.rows), table.rows.shape[1])
        yield table.packed()


def _tables(data: bytes, name: str) -> Iterator[Table]:
    if data.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
        yield from _sheets(data, name)
    elif data.startswith(b"PAR1"):
        yield _parquet(data, name)
    else:
        if data[:100].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:1] not in (b"{", b"[", b"<"):  # these need no lines
            check_size(name, max(map(data.count, (b"\n", b"\r"))), 0)
        text, encoding = as_utf8(data)
        if b"\0" in text or _NO_TEXT.match(text):
            advice = "Export the list of songs as text, M3U, XML or CSV."
            raise DatasetError(f"{name} is not text, or of a database or a document. {advice}")
        for table in _read_text(text, name):
            table.encoding = encoding
            yield table


def _read_text(data: bytes, name: str) -> Iterator[Table]:
    """A text: a document, a playlist, a list of lines, or a table with separators."""
    start = data[:SAMPLE_BYTES].decode("utf-8", "ignore").lstrip()
    if start.startswith("<") and _PAGE.search(start):
        data = _page_text(data, name).encode()
        start = data[:SAMPLE_BYTES].decode("utf-8", "ignore")
    elif form := form_of(start, name):
        yield Table.of_records(name, document_rows(data, form, name), form)
        return
    separator, is_table = shape_of(start)
    if not is_table and (lines := text_lines(data)):
        yield Table.of_columns(name, {LINES: lines}, LINES)
        if not re.search(rf"(?m)^[^{separator}]*$", start.strip()):  # each line has one
            yield csv_table(data, name, separator)
        return
    yield csv_table(data, name, separator)


_PAGE = re.compile(r"<(?:!doctype html|html|tr|li|ol|ul|workbook)\b", re.IGNORECASE)  # Excel 2003 wrote XML
_CODE = re.compile(r"<(script|style)\b.*?(?:</\1>|$)", re.IGNORECASE | re.DOTALL)
_TABLE, _ROW, _CELL, _BLOCK, _PART = (
    re.compile(rf"<(?:{tags})\b[^<>]*>", re.IGNORECASE)
    for tags in ("/?table", "tr|row", "t[dh]|cell", "li|p|div|h\\d|/?table|tr|row|/title", "t[dh]|cell|/?a|br")
)


def _page_text(data: bytes, name: str) -> str:
    """The text of a page: its largest table with names of columns, else its blocks, with tabs between their parts."""
    page = _CODE.sub("", data.decode())
    tables = [[_CELL.split(row)[1:] for row in _ROW.split(table)[1:]] for table in _TABLE.split(page)]
    blocks = _BLOCK.split(page)
    check_size(name, max(len(blocks), *map(len, tables)), 0)
    named = [rows for rows in tables if any(is_header([*map(_plain, row)]) for row in rows[:_HEADER_WITHIN])]
    if named:
        return "\n".join("\t".join(map(_plain, row)) for row in max(named, key=len))
    return "\n".join("\t".join(filter(None, map(_plain, _PART.split(block)))) for block in blocks)


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", "", markup)).split())


def _sheets(data: bytes, name: str) -> Iterator[Table]:
    """The sheets of Excel or ODS that are not empty."""
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum

    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos, names = archive.infolist(), set(archive.namelist())
        if names.isdisjoint(("xl/workbook.xml", "xl/workbook.bin", "content.xml")):
            raise DatasetError(f"{name} is an archive or a document. Unpack it, or export its songs as text or CSV.")
        check_size(name, 0, 0, sum(info.file_size for info in infos))
        if "content.xml" in names:
            data = _without_repetitions(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except PasswordError:
        raise DatasetError(f"{name} is encrypted. Save it without a password.") from None
    is_empty = True
    for about in [about for about in book.sheets_metadata if about.typ is SheetTypeEnum.WorkSheet][:_MOST_SHEETS]:
        sheet = book.get_sheet_by_name(about.name)
        check_size(name, sheet.total_height, sheet.total_width)
        rows = sheet.to_python(skip_empty_area=False)
        for (top, left), (bottom, _) in (sheet.merged_cell_ranges or ())[:_MOST_MERGED]:
            for row in rows[top : min(bottom, top + _MOST_MERGED) + 1]:  # one artist of several songs
                row[left : left + 1] = rows[top][left : left + 1]
        if filled := [_shown(row) for row in rows if any(cell != "" for cell in row)]:
            is_empty = False
            yield replace(_table_of(filled, name), source=WORKBOOK, sheet=about.name)
    if is_empty:
        raise DatasetError(f"{name}: expected songs. Received: an empty workbook.")


def _without_repetitions(data: bytes) -> bytes:
    """An ODS without empty ends, and with one of several rows that are alike."""
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(copy, "w") as changed:
        for part in ("mimetype", "META-INF/manifest.xml", "content.xml"):
            changed.writestr(part, _REPEATED.sub(b'repeated="1"', archive.read(part)))
    return copy.getvalue()


def _shown(row: list[Any]) -> Row:
    """The cells as they are shown: Excel has no whole numbers."""
    return [str(int(cell) if type(cell) is float and cell.is_integer() else cell) for cell in row]


def _best(sheets: list[Table], finder: Finder) -> Table:
    """The sheet that has songs; of several, the first one with titles and artists."""
    scores = []
    for table in sheets:
        fields = columns_of(table.rows, table.header, finder).keys()
        is_unwanted = is_other(table.sheet) or has_word(table.sheet, "disliked")
        scores.append(2 * ("title" in fields) + ("artists" in fields) - 4 * is_unwanted)
    best = sheets[scores.index(max(scores))]
    others = [table.sheet for table, score in zip(sheets, scores, strict=True) if score % 4 == 3 and table is not best]
    if len(sheets) > 1:
        best.notes = [f"Read: the sheet {best.sheet!r} of {len(sheets)}."]
        best.notes += [f"Not read, with songs too: {', '.join(map(repr, others[:5]))}."] if others else []
    return best


_REPEATED = re.compile(rb'(number-(?:columns-repeated="\d{3,}|rows-repeated="\d+))"')
_MOST_SHEETS, _MOST_MERGED = 100, 1000  # cells of a sheet that are one, and rows of each


def _parquet(data: bytes, name: str) -> Table:
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(pa.BufferReader(data))
    facts = file.metadata
    size = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    check_size(name, facts.num_rows, facts.num_columns, size)
    read, columns = file.read(), {}
    for column, values in zip(read.column_names, read.itercolumns(), strict=True):
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            values = pc.binary_join(values.cast(pa.list_(pa.string())), ";")
        try:
            columns[column] = values.cast(pa.string()).fill_null("")
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # pictures, maps
            continue
    return Table.of_columns(name, columns, "Parquet")


def csv_table(data: bytes, name: str, separator: str) -> Table:
    """The cells of a text in UTF-8.

    Raises:
        DatasetError: it is empty, or has too many columns.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    widths = (line.count(separator.encode()) for line in io.BytesIO(data) if line.strip())
    usual = next(widths, 0)
    quotes = not usual or any(width != usual for width in widths)  # where none differs, they protect no separator
    csv.field_size_limit(MAX_UPLOAD_BYTES)
    start = _lines(data[:SAMPLE_BYTES])
    first = [*islice(_rows(start, separator, quotes), SAMPLE_ROWS)]
    width, (header, skipped) = _width(first, name), _header(first)
    is_large = data.count(b"\n") > _MOST_SLOW and skipped < 2 and separator + ' "' not in start[1]
    read = _read_fast(data, width, separator, skipped) if is_large and quotes and start[0].strip() else None
    if read is None:
        table = _table_of(_rows(_lines(data), separator, quotes, width), name)
    else:
        table = Table(name, header=_names(header, width), rows=read.set_axis(pd.RangeIndex(1, len(read) + 1)))
    return replace(table, separator=separator)


def _lines(data: bytes) -> list[str]:
    return io.StringIO(data.decode("utf-8", "ignore"), newline=None).readlines()


def _read_fast(data: bytes, width: int, separator: str, num_skipped: int) -> pd.DataFrame | None:
    """The cells of a large text whose rows all have as many cells, in a sixth of the time; None for others."""
    from pyarrow import csv as arrow_csv

    names = [str(place) for place in range(width)]
    try:
        read = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=num_skipped),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    columns = {}
    for name in names:  # one by one, which needs less memory
        column, read = read[name], read.drop_columns([name])
        columns[int(name)] = series(column)
    return pd.DataFrame(columns)


def _names(header: Row, width: int) -> list[str]:
    """The names of as many columns."""
    return [""] * (width - len(header)) + [*map(str.strip, header)] if header else []


def _rows(lines: list[str], separator: str, quotes: bool, width: int = 0) -> Iterator[Row]:
    """The rows of a text. Lines that an open quotation mark joined are rows of their own, if their cells do not fit."""
    options: dict[str, Any] = {"delimiter": separator, "skipinitialspace": separator != " "}
    reader, before = csv.reader(lines, **options, **({} if quotes else _NO_QUOTES)), 0
    for row in reader:
        end = reader.line_num
        if end > before + 1 and len(row) != width > 0:
            parts = csv.reader(lines[before:end], **options, **_NO_QUOTES)
            yield from ([*map(_without_quotes, part)] for part in parts if part)
        elif row:
            yield row if quotes else [*map(_without_quotes, row)]
        before = end


def _width(rows: list[Row], name: str) -> int:
    """The number of columns that the first rows tell."""
    if not rows:
        raise DatasetError(f"{name}: expected songs. Received: an empty file.")
    check_size(name, 0, max(map(len, rows)))
    header, skipped = _header(rows)
    following = [row for row in rows[skipped:] if any(row)]
    is_numbered = header and following and all(len(row) == len(header) + 1 for row in following)  # R has no name for it
    return len(header) + bool(is_numbered) if header else _usual_width(following)


def _table_of(rows: Iterable[Row], name: str) -> Table:
    """A table of rows of cells: names of columns in one of the first rows, and rows of the usual width."""
    rows = iter(rows)
    first = [*islice(rows, SAMPLE_ROWS)]
    width, (header, skipped) = _width(first, name), _header(first)
    table, kept, numbers = Table(name, header=_names(header, width)), list[Row](), list[int]()
    parts: list[list[pa.Array]] = [[] for _ in range(width)]
    for number, row in enumerate(chain(first[skipped:], rows), 1):
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) > width:
            table.left_out.append((number, f"{len(row)} cells under {width} names"))
            continue
        kept.append(row + [""] * (width - len(row)))
        numbers.append(number)
        if len(kept) == _BLOCK_ROWS:
            _store(kept, parts)
    _store(kept, parts)
    columns = {place: series(pa.chunked_array(part, pa.string())) for place, part in enumerate(parts)}
    table.rows = pd.DataFrame(columns).set_axis(numbers)
    return table


def _store(rows: list[Row], parts: list[list[pa.Array]]) -> None:
    """Move rows to the parts of their columns, which need less memory."""
    for part, cells in zip(parts, zip(*rows, strict=True), strict=False):
        part.append(pa.array(cells, pa.string()))
    rows.clear()


def shape_of(sample: str) -> tuple[str, bool]:
    """The character that gives most rows the same number of cells, and whether the text has rows of cells at all.

    It has, if there are names of columns, or as many cells in each line.
    """
    lines, found = sample.splitlines(keepends=True), []
    for separator in ",;\t|^" + " " * ('" "' in sample):
        rows = [row for row in islice(_rows(lines, separator, separator != "\t"), SAMPLE_ROWS) if any(row)]
        width = _usual_width(rows)
        share = sum(len(row) == width for row in rows) / max(len(rows), 1)
        has_names = any(map(is_header, rows[:_HEADER_WITHIN]))
        found.append(((has_names + share) * (width > 1), width, separator, rows))
    score, width, separator, rows = max(found, key=itemgetter(0, 1))
    has_quotes = re.search(r'(?m)(?:^|,)"[^"\n]*"(?:,|\r?$)', sample)
    is_clear = separator != "," or has_quotes or not DASH.search(sample)
    is_even = len(rows) > 1 and {len(row) for row in rows} == {width} != {1}
    return separator, score > 1 or bool(is_even and is_clear)


def _usual_width(rows: list[Row]) -> int:
    """The number of cells that most rows with several cells have; 1 without such rows."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return widths.most_common(1)[0][0] if widths else 1


def _without_quotes(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _header(rows: list[Row]) -> tuple[Row, int]:
    """The names of the columns, and the number of rows up to the data."""
    for at, row in enumerate(rows[:_HEADER_WITHIN]):
        if is_header(row, "album"):
            return row, at + 1
    width = _usual_width(rows)
    at = next((at for at, row in enumerate(rows) if len(row) == width and any(map(str.strip, row))), len(rows))
    others = [_has_data(row) for row in rows[at + 1 :] if any(row)]
    if others and all(others) and width > 1 and not _has_data(rows[at]):
        return rows[at], at + 1  # unknown names, and cells of another form below them
    return [], at


def _has_data(row: Row) -> bool:
    return any(map(NO_TEXT.fullmatch, map(str.strip, row)))


def _num_filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)
