"""Files of song tables as cells of text: CSV, Excel, ODS, Parquet, JSON, XML and playlists, told by their content.

All bytes are of strangers, so sizes are checked before anything is decoded.
"""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.songs.tables.csv_text import (
    MAX_COLUMNS,
    MAX_LINE_BYTES,
    MAX_LINES,
    SAMPLE_BYTES,
    Cells,
    cells_of,
    check_size,
    csv_cells,
    first_line,
    over,
)
from emomusic.songs.tables.playlists import ENDINGS as PLAYLISTS
from emomusic.songs.tables.playlists import playlist_reader, xml_rows
from emomusic.songs.tables.sources import is_header
from emomusic.text import size_over

TABLE_ENDINGS = ("csv", "tsv", "txt", "xlsx", "xls", "ods", "parquet", "json", "jsonl", "xml", "nml", *PLAYLISTS)
"""Usual endings of the files. Their content decides."""

MAX_UPLOAD_BYTES = 50 * 2**20
"""Largest table: 2.5 times the largest published one (114,000 tracks, 20 MB)."""

MAX_UNPACKED_CELLS = 6_000_000
"""Limit of workbooks."""


def read_cells(data: bytes, name: str) -> Cells:
    """Read the cells of a file.

    Raises:
        DatasetError: the file is too large, damaged, or of another kind.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise over(name, f"{MAX_UPLOAD_BYTES // 2**20} MB", size_over(len(data)), "keep fewer columns")
    kinds: dict[bytes, Callable[[bytes, str], Cells]] = {
        b"PK\3\4": _workbook,
        b"\xd0\xcf\x11\xe0": _workbook,
        b"PAR1": _parquet,
    }
    if read := kinds.get(data[:4]):
        try:
            return read(data, name)
        except (DatasetError, KeyboardInterrupt):
            raise
        except BaseException as error:  # parsers raise many types, and panics, on hostile bytes
            raise DatasetError(f"{name}: expected a readable table. Received: {first_line(error)}") from None
    data, encoding = _as_utf8(data, name)
    start = data[:4096].decode("utf-8", "ignore").lstrip()
    if start.startswith("<"):
        return _of_rows(xml_rows(data, name), name, "utf-8")
    if read_rows := playlist_reader(data[:SAMPLE_BYTES].decode("utf-8", "ignore"), name):
        return _of_rows(read_rows(data.decode("utf-8")), name, encoding)
    if re.match(r"\{|\[[{\s]", start) or (start.startswith("[") and name.endswith(".json")):
        return _of_rows(_json_rows(data, name), name, encoding)
    cells = csv_cells(data, name)
    cells.encoding = encoding
    return cells


def _as_utf8(data: bytes, name: str) -> tuple[bytes, str]:
    """The text in UTF-8 without byte order mark, and the name of its encoding."""
    encoding = "utf-8"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data[1:200:2].count(0) > 0.8 * len(data[1:200:2]) > 0:
        encoding = "utf-16-le"
    elif data[:200:2].count(0) > 0.8 * len(data[:200:2]) > 0:
        encoding = "utf-16-be"
    _check_lines(data, name, wide=encoding != "utf-8")
    if encoding == "utf-8":
        try:
            decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(data)
            for start in range(0, len(data) or 1, 2**20):  # a whole text can need four times its bytes
                decoder.decode(view[start : start + 2**20], final=start + 2**20 >= len(data))
        except UnicodeDecodeError:  # Macs write CR only; otherwise it is Western, as rare letters prove little
            encoding = "mac-roman" if b"\n" not in data and b"\r" in data else "windows-1252"
    if encoding != "utf-8":
        data = data.decode(encoding, "replace").encode("utf-8", "replace")
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.startswith((b"SQLite format 3\0", b"vrsn\0")):  # of many programs, and Serato's crates
        raise DatasetError(f"{name} is a database, not a list. Export its songs as a list in the program that made it.")
    if b"\0" in data:
        raise DatasetError(f'{name}: expected text in UTF-8. Received: a NUL byte. Save the table as "CSV UTF-8".')
    return data, encoding.removesuffix("-le").removesuffix("-be")


def _check_lines(data: bytes, name: str, *, wide: bool) -> None:
    """Refuse texts with too many or too long lines, except JSON and XML, which need no lines."""
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero((codes == ord("\n")) | (codes == ord("\r")))
    if data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:1] in (b"{", b"[", b"<"):
        return
    longest = int(np.diff(ends, prepend=-1, append=len(codes)).max()) - 1
    limit = MAX_LINES + 1000 if b"\r\n" not in data[:SAMPLE_BYTES] or wide else 2 * MAX_LINES + 1000
    if len(ends) > limit:
        raise over(name, f"{MAX_LINES:,} lines", f"{len(ends):,}")
    if longest > MAX_LINE_BYTES:
        raise over(name, f"{MAX_LINE_BYTES:,} bytes in a line", f"{longest:,}")


# Other files


def _of_rows(rows: Sequence[dict[str, str]], name: str, encoding: str | None) -> Cells:
    """The cells of records, which may differ in their names."""
    header = list(dict.fromkeys(key for row in rows for key in row))
    check_size(name, len(rows), len(header))
    return cells_of(([row.get(key, "") for row in rows] for key in header), header, encoding)


def _json_rows(data: bytes, name: str) -> list[dict[str, str]]:
    """The records of a JSON document, or of JSON lines."""
    import msgspec

    try:
        try:
            document = msgspec.json.decode(data)
        except msgspec.DecodeError:
            document = [msgspec.json.decode(line) for line in data.splitlines() if line.strip()]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DatasetError(f"{name}: expected a JSON file of songs. Received: {first_line(error)}") from None
    records = _records(document)
    if not records:
        raise DatasetError(f"{name}: expected a JSON list of songs. Received: no list of objects.")
    return [_flatten(record, "", {}) for record in records]


def _records(document: Any, depth: int = 0) -> list[Any]:
    """The longest list of objects in a document."""
    if isinstance(document, list):
        found = [each for each in document if isinstance(each, dict)]
        deeper = [_records(each, depth + 1) for each in found[:100]] if depth < 3 and len(found) < 100 else []
        nested = [inner for each in deeper for inner in each]
        return nested if len(nested) > len(found) and not is_header([*_flatten(found[0], "", {})]) else found
    if isinstance(document, dict) and depth < 4:
        inner = [_records(each, depth + 1) for each in document.values()]
        columns = [each for each in document.values() if isinstance(each, list)]
        if len(columns) > 1 and len(columns) == len(document) and not any(inner):  # columns of a data frame
            return [dict(zip(document, row, strict=False)) for row in zip(*document.values(), strict=False)]
        return max(inner, key=len, default=[])
    return []


def _flatten(value: Any, prefix: str, row: dict[str, str], depth: int = 0) -> dict[str, str]:
    """Put the values of a record into a row, and return it: {"a": {"b": 1}} is "a b"."""
    if isinstance(value, dict) and depth < 5 and len(row) <= MAX_COLUMNS:
        for key, inner in value.items():
            _flatten(inner, f"{prefix} {key}".strip(), row, depth + 1)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        names = [each["name"] for each in value if isinstance(each, dict) and isinstance(each.get("name"), str)]
        row[f"{prefix} name"] = ";".join(name.replace(";", ",") for name in names)
    elif isinstance(value, list):
        row[prefix] = ";".join(str(each).replace(";", ",") for each in value if isinstance(each, str | int | float))
    else:
        row[prefix] = "" if value is None else str(value)
    return row


def _workbook(data: bytes, name: str) -> Cells:
    """The first sheet of Excel or ODS that has a header, or the last one."""
    if data.startswith(b"PK"):
        data = _checked_workbook(data, name)
    sheets = pd.read_excel(io.BytesIO(data), engine="calamine", header=None, sheet_name=None, keep_default_na=False)
    for sheet in sorted(sheets.values(), key=lambda each: each.size == 0):
        check_size(name, *sheet.shape)
        text = sheet[(sheet != "").any(axis="columns")].to_csv(header=False, index=False)
        cells = csv_cells(b"sep=,\n" + text.encode(), name)
        if cells.header:
            break
    cells.separator = None
    return cells


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


def _parquet(data: bytes, name: str) -> Cells:
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(pa.BufferReader(data))
    facts = file.metadata
    size = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    check_size(name, facts.num_rows, facts.num_columns, size)
    read = file.read()
    header, columns = [], []
    for column in read.column_names:
        values = read[column].combine_chunks()
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            values = pc.binary_join(values.cast(pa.list_(pa.string())), ";")
        try:
            columns.append(values.cast(pa.string()).fill_null(""))
            header.append(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # pictures, maps
            continue
    return cells_of(columns, header)
