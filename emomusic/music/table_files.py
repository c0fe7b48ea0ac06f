"""Safe reading of CSV and Parquet files into tables of unchecked cells.

pyarrow reads CSV because it refuses rows of the wrong length; pandas pads or shifts them.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emomusic.errors import DatasetError
from emomusic.music.catalogue import ARTIST_SEPARATOR, numbered_row
from emomusic.text import size_over

MAX_UPLOAD_BYTES = 50 * 2**20
"""Largest upload: 2.5 times the largest published table (114,000 tracks, 20 MB)."""

MAX_FILE_BYTES = 500 * 2**20
"""Largest file on disk."""

MAX_ROWS = 2_000_000
"""Limit for Parquet, which compresses large tables into small files."""

MAX_COLUMNS = 1000
"""Limit because pyarrow needs about 11 kB of memory per column, even for an empty one."""


@dataclass(frozen=True, slots=True, eq=False)  # tables have no single truth value
class Cells:
    """Cells of a file.

    Attributes:
        table: columns with the names of the file, rows numbered from 0. CSV cells are text. Parquet cells are numbers,
            booleans or text.
        has_decimal_commas: whether numbers can have decimal commas, because commas do not separate cells.
    """

    table: pd.DataFrame
    has_decimal_commas: bool


def read_cells(source: Path | bytes, name: str) -> Cells:
    """Read a table.

    Args:
        source: path of a CSV or Parquet file, or the bytes of a CSV. CSV is UTF-8, with or without a byte order mark,
            separated by commas, semicolons or tabs.
        name: name in messages.

    Raises:
        DatasetError: the file is unreadable or too large.
    """
    limit = MAX_UPLOAD_BYTES if isinstance(source, bytes) else MAX_FILE_BYTES
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > limit:
            raise DatasetError(
                f"{name}: expected at most {limit // 2**20} MB. Received: {size_over(size)}. "
                "Split the table or keep fewer columns."
            )
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise DatasetError(f"expected a table of songs. Received: {source!s} ({error.strerror})") from error
    # By signature, because file names can be wrong
    if data.startswith(b"PK"):
        raise DatasetError(f"{name}: expected a CSV. Received: a workbook or an archive. Save it as CSV UTF-8.")
    if not data.startswith(b"PAR1"):
        return _read_csv(data, name)
    if isinstance(source, bytes):
        raise DatasetError(f"{name}: expected a CSV. Received: Parquet. Save it as CSV.")
    return Cells(_read_parquet(data, name), has_decimal_commas=False)


def _read_parquet(data: bytes, name: str) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(io.BytesIO(data)) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise DatasetError(f"{name}: expected at most {MAX_ROWS} rows. Received: {file.metadata.num_rows}")
            _check_width(file.metadata.num_columns, name)
            table: pd.DataFrame = file.read().to_pandas()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{name}: expected a Parquet table. Received: {_first_line(error)}") from error
    for column in table.columns:
        if not (pd.api.types.is_numeric_dtype(table[column]) or pd.api.types.is_bool_dtype(table[column])):
            table[column] = table[column].map(_joined).astype("str")
    return table.reset_index(drop=True)


def _read_csv(data: bytes, name: str) -> Cells:
    """Read cells as text. Every row must have as many cells as the header."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text, separator = _decoded(data, name)
    try:
        header = [column.strip() for column in next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])]
    except csv.Error as error:  # a name longer than 131,072 characters
        raise DatasetError(f"{name}: expected a CSV with a header. Received: {_first_line(error)}") from error
    if not any(header):
        raise DatasetError(
            f"{name}: expected a CSV with a header. Received: {'an empty first line' if text else 'an empty file'}. "
            "Put the column names into the first line."
        )
    _check_width(len(header), name)  # again: a quoted name can contain a line break
    invalid_rows: list[tuple[int, int]] = []

    def on_invalid_row(row: Any) -> str:
        invalid_rows.append((row.number, row.actual_columns))
        return "error"

    columns = [f"f{position}" for position in range(len(header))]
    body = data.removeprefix(b"\xef\xbb\xbf") + b"\n"  # pyarrow ignores a header without a line break
    try:
        table: pd.DataFrame = arrow_csv.read_csv(
            io.BytesIO(body),
            # One thread: pyarrow then counts rows. One block: cells can have any length
            read_options=arrow_csv.ReadOptions(
                autogenerate_column_names=True, use_threads=False, block_size=len(body) + 1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=on_invalid_row
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
            ),
        ).to_pandas()
    except (ValueError, pa.ArrowException) as error:
        if invalid_rows:
            number, num_cells = invalid_rows[0]
            raise DatasetError(
                f"{name}, {numbered_row(number - 1)}: expected {len(header)} cells. "
                f"Received: {num_cells}. Quote text that contains the separator or a line break."
            ) from error
        raise DatasetError(f"{name}: expected a CSV. Received: {_first_line(error)}") from error
    if data.count(b'"') % 2 and "\n" in "".join(table.iloc[-1]):
        raise DatasetError(f"{name}: expected closed quotes. Received: an open quote at the end.")
    return Cells(table.iloc[1:].set_axis(header, axis="columns").reset_index(drop=True), separator != ",")


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    """Text of a CSV and its separator."""
    # Only UTF-8: charset-normalizer takes Windows-1252 tables of songs for cp1250 or cp1257, which alters names
    advice = 'Save the table as "CSV UTF-8".'
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DatasetError(f"{name}: expected text in UTF-8. Received: UTF-16. {advice}")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DatasetError(f"{name}, line {line}: expected text. Received: a NUL byte. {advice}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        received = f"the byte 0x{data[error.start]:02x}"
        raise DatasetError(f"{name}, line {line}: expected text in UTF-8. Received: {received}. {advice}") from error
    first_line = re.split("[\r\n]", text, maxsplit=1)[0]
    separator = max(",;\t", key=first_line.count)
    _check_width(first_line.count(separator) + 1, name)
    return text, separator


def _check_width(num_columns: int, name: str) -> None:
    if num_columns > MAX_COLUMNS:
        raise DatasetError(
            f"{name}: expected at most {MAX_COLUMNS} columns. Received: {num_columns}. "
            "Keep the columns of songs and features."
        )


def _joined(cell: Any) -> Any:
    """A list of artists as text with separators."""
    return ARTIST_SEPARATOR.join(map(str, cell)) if isinstance(cell, np.ndarray) else cell


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
