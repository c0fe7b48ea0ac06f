"""Files of song tables as cells of text: CSV, Excel, ODS, Parquet, JSON, XML and playlists, told by their content.

All bytes are of strangers, so sizes are checked before anything is decoded.
"""

from __future__ import annotations

import io
import re
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.media.encodings import as_utf8
from emomusic.songs.names import Finder
from emomusic.songs.tables.columns import columns_of
from emomusic.songs.tables.csv_text import SAMPLE_BYTES, csv_table, shape_of
from emomusic.songs.tables.lines import crate_rows, line_rows, playlist_rows, yaml_rows
from emomusic.songs.tables.table import MAX_LINE_BYTES, MAX_LINES, Table, check_size, first_line, over
from emomusic.songs.tables.trees import tree_rows
from emomusic.text import size_over

MAX_UPLOAD_BYTES = 50 * 2**20
"""Largest table: 2.5 times the largest published one (114,000 tracks, 20 MB)."""

MAX_UNPACKED_CELLS = 6_000_000
"""Limit of workbooks."""


def read_file(data: bytes, name: str, finder: Finder) -> Table:
    """Read the cells of a file.

    Raises:
        DatasetError: the file is too large, damaged, or of another kind.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise over(name, f"{MAX_UPLOAD_BYTES // 2**20} MB", size_over(len(data)), "keep fewer columns")
    if data[:4] in (b"PK\3\4", b"\xd0\xcf\x11\xe0", b"PAR1"):
        try:
            return _parquet(data, name) if data[:4] == b"PAR1" else _workbook(data, name, finder)
        except (DatasetError, KeyboardInterrupt):
            raise
        except BaseException as error:  # parsers raise many types, and panics, on hostile bytes
            raise DatasetError(f"{name}: expected a readable table. Received: {first_line(error)}") from None
    if data.startswith(b"vrsn"):
        return Table.of_records(name, crate_rows(data), "crate")
    if data.startswith(b"SQLite format 3"):
        raise DatasetError(f"{name} is a database. Export a playlist from its program, as M3U, XML or CSV.")
    _check_lines(data, name)
    data, encoding = as_utf8(data)
    if b"\0" in data:
        raise DatasetError(f"{name} is neither text nor a table. Export the list of songs as text, M3U, XML or CSV.")
    table = _read_text(data, name, finder)
    table.encoding = encoding
    return table


def _read_text(data: bytes, name: str, finder: Finder) -> Table:
    """A text: a document, a playlist, a list of lines, or a table with separators."""
    start = data[:SAMPLE_BYTES].decode("utf-8", "ignore").lstrip()
    if start.startswith("<"):
        return Table.of_records(name, tree_rows(data, name), "XML")
    if re.match(r"\{|\[\s*[{\[\"\]]", start) or (start.startswith("[") and name.endswith(".json")):
        return Table.of_records(name, tree_rows(data, name), "JSON")
    if playlist_rows(start, name) is not None:
        return Table.of_records(name, playlist_rows(data.decode(), name) or [], "playlist")
    if re.search(r"^\s*- +\S+:", start, re.MULTILINE) and (rows := yaml_rows(data.decode())) is not None:
        return Table.of_records(name, rows, "YAML")
    if (at := data.find(b"#-----CONTENT-----#")) >= 0:  # AIMP; its folders are lines without cells
        return csv_table(b"\n".join(line for line in data[at:].splitlines() if b"|" in line), name)
    if not shape_of(start)[1] and line_rows(start.splitlines(), finder) is not None:
        return Table.of_records(name, line_rows(data.decode().splitlines(), finder) or [], "list of lines")
    return csv_table(data, name)


def _check_lines(data: bytes, name: str) -> None:
    """Refuse texts with too many or too long lines, except JSON and XML, which need no lines."""
    if data[:100].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:1] in (b"{", b"[", b"<"):
        return
    lines = io.BytesIO(data if b"\n" in data else data.replace(b"\r", b"\n"))
    lengths = list(map(len, lines))
    number, longest = len(lengths), max(lengths, default=0)
    if number > MAX_LINES + 1000:
        raise over(name, f"{MAX_LINES:,} lines", f"{number:,}")
    if longest > MAX_LINE_BYTES + 2:
        raise over(name, f"{MAX_LINE_BYTES:,} bytes in a line", f"{longest:,}")


def _workbook(data: bytes, name: str, finder: Finder) -> Table:
    """The sheet of Excel or ODS that has songs; of several, the first one with titles and artists."""
    if data.startswith(b"PK"):
        data = _checked_workbook(data, name)
    sheets = pd.read_excel(io.BytesIO(data), engine="calamine", header=None, sheet_name=None, keep_default_na=False)
    found: list[tuple[int, str, Table]] = []
    for title, sheet in sheets.items():
        check_size(name, *sheet.shape)
        text = sheet[(sheet != "").any(axis="columns")].to_csv(header=False, index=False)
        if text.strip():
            table = csv_table(b"sep=,\n" + text.encode(), name)
            fields = columns_of(table.rows, table.header, finder).keys()
            found.append((2 * ("title" in fields) + ("artists" in fields), str(title), table))
    if not found:
        raise DatasetError(f"{name}: expected songs. Received: an empty workbook.")
    most, title, table = max(found, key=lambda each: each[0])
    others = [other for has, other, _ in found if has == most == 3 and other != title]
    if len(found) > 1:
        table.notes = [f"Read: the sheet {title!r} of {len(found)}."]
        table.notes += [f"Not read, with songs too: {', '.join(map(repr, others[:5]))}."] if others else []
    table.form, table.separator = "workbook", None
    return table


_REFERENCE = re.compile(rb'\br="([A-Z]{0,3})(\d{1,7})"')
_REPEATED = re.compile(rb'(number-(?:columns-repeated="\d{3,}|rows-repeated="\d+))"')


def _checked_workbook(data: bytes, name: str) -> bytes:
    """A workbook that was unpacked within the limits, and whose cells lie within them."""
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(copy, "w") as checked:
        names = {info.filename for info in archive.infolist()}
        if not names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}:
            raise DatasetError(f"{name} is an archive, not a table. Unpack it and choose one of its files.")
        check_size(name, 0, 0, sum(info.file_size for info in archive.infolist()))
        for info in archive.infolist():
            part = archive.read(info)
            if re.search(rb"<!ENTITY", part[:10_000]):
                raise DatasetError(f"{name}: expected a workbook. Received: XML with entities.")
            if info.filename == "content.xml":
                part = _REPEATED.sub(b'repeated="1"', part)  # empty ends, and rows that are alike
                if sum(map(int, re.findall(rb'columns-repeated="(\d+)"', part))) > MAX_UNPACKED_CELLS:
                    raise over(name, f"{MAX_UNPACKED_CELLS:,} cells", "more")
            elif info.filename.startswith("xl/worksheets/"):
                _check_size(part, name)
            checked.writestr(info.filename, part)
    return copy.getvalue()


def _check_size(sheet: bytes, name: str) -> None:
    """Refuse a sheet whose last cell is far away, as the cells before it need memory, too."""
    rows = columns = 1
    for found in _REFERENCE.finditer(sheet):
        rows = max(rows, int(found[2]))
        if len(found[1]) > 1:
            columns = max(columns, sum(26**place * (code - 64) for place, code in enumerate(reversed(found[1]))))
    if rows > MAX_LINES or rows * max(columns, 26) > max(MAX_UNPACKED_CELLS, 26 * MAX_LINES):
        raise over(name, f"{MAX_LINES:,} rows and {MAX_UNPACKED_CELLS:,} cells", f"{rows:,} rows of {columns:,} cells")


def _parquet(data: bytes, name: str) -> Table:
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(pa.BufferReader(data))
    facts = file.metadata
    size = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    check_size(name, facts.num_rows, facts.num_columns, size)
    read, columns = file.read(), {}
    for column, values in zip(read.column_names, read.itercolumns(), strict=True):
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            values = pc.binary_join(values.cast(pa.list_(pa.string())), ";")
        try:
            columns[column] = values.cast(pa.string()).fill_null("")
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # pictures, maps
            continue
    return Table.of_columns(name, columns, "Parquet")
