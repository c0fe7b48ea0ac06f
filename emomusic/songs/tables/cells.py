"""Values of the cells of song tables: numbers with their units, ids, lists of artists, and lengths; and limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emomusic.errors import DatasetError
from emomusic.songs.catalogue import ARTIST_SEPARATOR, TRACK_LINK
from emomusic.songs.names import AUDIO_ENDING
from emomusic.text import size_over

MAX_COLUMNS = 1000
"""Limit because each column needs memory, even an empty one."""

MAX_LINES = 250_000
"""Limit of the rows, which is checked before they are decoded."""

MAX_UNPACKED_BYTES = 300 * 2**20
"""Limit of workbooks and Parquet files, which are compressed."""

MAX_CELL_BYTES = 5_000
"""Limit of the cells that are used; texts are cut after one letter more."""

MOST_READ = 300  # lines that tell the form of a text
Floats = npt.NDArray[np.float64]
Row = dict[str, str]
QUOTES = "\"'\u201c\u201d\u201e\u00ab\u00bb "

ABSENT = ("", "-", "na", "n/a", "nan", "null", "none", "undefined")
"""Words, in lower case, of an empty cell in a column of numbers."""

DATE = re.compile(r"\d{4}-\d\d?-\d\d?\b.*|\d{1,2}[./ ](?:\d{1,2}|\w{3,9})[./ ]\d{4}\b.*|\w{3,9} \d{1,2}, \d{4}.*")
"""A date, with or without a time."""

UNITS = "%|percent|dbfs|db|lufs|bpm|milliseconds|ms|seconds|secs?|s"
"""A regular expression of units, in lower case."""

NO_TEXT = re.compile(
    r"[-+]?[\d.,:/\s-]*\d|\d{1,2} \w{3} \d{4},? \d\d:\d\d|\w+:\S+|true|false|[0-9A-Za-z]{22}|[0-9a-f]{8}-[0-9a-f-]{27}",
    re.IGNORECASE,
)
"""A number, a date, a link, an id, or another value that is no name."""

DASH = re.compile(r"(?<!\s)\s+[-\u2010-\u2015\u2212]+\s+|(?<=\w)\u2014(?=\w)")
"""A dash between an artist and a title."""

MOMENT = re.compile(r"^\d{10,13}$|^(?!.*\b00:00).*\d:\d\d")
"""A second or millisecond since 1970, or a date with a time other than midnight."""

PATH = re.compile(rf"(?s).*{AUDIO_ENDING}", re.IGNORECASE)
"""A path or the name of an audio file."""

_FOLDERS = re.compile(
    r"(?!(?!file:)[a-z]{2,}:)(?:file:|[A-Za-z]:\\|[/~.]|[^/\\\n]+[/\\])[^\n]*\.\w{2,4}", re.IGNORECASE
)
_UNIT = rf"(?i)\s*(?:{UNITS})$"
_CLOCK = r"^(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)$"
_LONGEST_SONG_S = 7200
_GROUPED = r"^[+-]?\d{1,3}(?:[.,]\d{3})+$"


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


def series(values: Any, index: pd.Index | None = None) -> pd.Series:
    """Cells as text in Arrow's memory, a fifth of that of Python objects. Halves of letters of JSON become "?"."""
    try:
        return pd.Series(pd.array(values, dtype="str"), index)
    except UnicodeEncodeError:
        return series([cell.encode("utf-8", "replace").decode() for cell in values], index)


def share(cells: pd.Series, fits: Callable[[str], object]) -> float:
    """The share of the cells that fit."""
    return sum(bool(fits(cell.strip())) for cell in cells) / max(len(cells), 1)


def is_path(cell: str) -> bool:
    """Whether a cell is the path of a file."""
    cell = unquote(cell)
    return not cell.startswith("http") and bool(PATH.fullmatch(cell) or _FOLDERS.fullmatch(cell))


def numbers(cells: pd.Series) -> Floats:
    """The numbers of a column without their units; NaN for others. A comma is decimal unless it separates thousands."""
    try:
        filled = cells.replace("", None) if (cells == "").any() else cells
        return np.asarray(pc.cast(pa.array(filled), pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        pass
    texts = cells.fillna("").str.strip().str.replace("\u2212", "-", regex=False).str.replace(_UNIT, "", regex=True)
    texts = texts.str.replace(r"[\s'\u2019]", "", regex=True)
    has_point, has_comma = (texts.str.contains(mark, regex=False) for mark in ".,")
    if (has_point & has_comma).any():  # the last one is decimal: 1,234.5 and 1.234,5
        is_decimal_comma = (texts.str.rfind(",") > texts.str.rfind("."))[has_point & has_comma].mean() > 0.5
        texts = texts.str.replace("." if is_decimal_comma else ",", "", regex=False)
    found = pd.to_numeric(texts.str.replace(",", ".", regex=False), errors="coerce").to_numpy(np.float64)
    return np.asarray(np.where(np.isfinite(found), found, np.nan))


def whole_numbers(cells: pd.Series) -> Floats:
    """As `numbers`, for counts and lengths: 215.000 and 1,412 are thousands if the column has no other fractions."""
    if (is_fraction := cells.str.contains(r"[.,]", regex=True).fillna(False)).any():
        texts = cells.fillna("").str.strip().str.replace(_UNIT, "", regex=True)
        if texts[is_fraction].str.fullmatch(_GROUPED).all():
            cells = texts.str.replace(r"[.,]", "", regex=True)
    return numbers(cells)


def _extracted(cells: pd.Series, pattern: str) -> pd.Series:
    """The group `found` of a pattern in each cell; empty without it."""
    found = pc.struct_field(pc.extract_regex(pa.array(cells), pattern), "found")
    return series(pc.fill_null(found, ""), cells.index)


def track_ids(cells: pd.Series) -> pd.Series:
    """The Spotify ids in cells; empty for others."""
    return _extracted(cells, TRACK_LINK.pattern)


def years(cells: pd.Series) -> Floats:
    """The years in dates of any order; NaN for others."""
    return numbers(_extracted(cells, r"(?:^|\D)(?P<found>(?:1[89]|20)\d\d)(?:\D|$)"))


def lengths_s(cells: pd.Series) -> Floats:
    """Lengths in seconds, of cells such as 215000, 215.0 and 3:35. The values tell milliseconds."""
    if cells.str.contains(":", regex=False).any():
        clock = cells.str.extract(_CLOCK).astype(np.float64)
        seconds = clock[0].fillna(0) * 3600 + clock[1] * 60 + clock[2]
        if seconds.notna().any():  # spreadsheets take 4:26 for hours and minutes
            return (seconds / 60 if seconds.median() > _LONGEST_SONG_S else seconds).to_numpy()
    found = whole_numbers(cells)
    known = found[found > 0]
    return found / 1000 if len(known) and np.median(known) > _LONGEST_SONG_S else found


def each_different(cells: pd.Series, convert: Callable[[str], str]) -> pd.Series:
    """Convert cells; equal ones only once."""
    coded = pa.chunked_array(pa.array(cells)).combine_chunks().dictionary_encode()
    return series(pa.array(map(convert, coded.dictionary.to_pylist()), pa.string()).take(coded.indices), cells.index)


# Lists

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.|"")*\""""
_ITEM = re.compile(rf"\s*({_QUOTED}|[^\s,][^,]*)")
_PLAIN = re.compile(r"""'[^'"\\;]*[^'"\\; ]'(?:, '[^'"\\; ][^'"\\;]*[^'"\\; ]')*""")  # most lists, read at once
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))")
_NAME = re.compile(r"""["'](?:name|#text)["']\s*:\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def _unescaped(name: str) -> str:
    """A name without its quotation marks and escapes."""
    name = name.strip()
    if len(name) < 2 or name[0] != name[-1] or name[0] not in "'\"":
        return name
    found = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3], name[1:-1])
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def list_of(cell: str) -> str:
    """The names of a list as Python, JSON, pandas, DuckDB and PostgreSQL write it, with `ARTIST_SEPARATOR`."""
    if cell[:1] not in ("[", "{"):
        return cell
    inside = cell[1:-1]
    if _PLAIN.fullmatch(inside):
        return inside[1:-1].replace("', '", ARTIST_SEPARATOR)
    items = _NAME.findall(inside) or _ITEM.findall(inside)  # texts of objects, as in answers of Spotify and Last.fm
    found = (_unescaped(item).replace(ARTIST_SEPARATOR, ",").strip() for item in items)
    return ARTIST_SEPARATOR.join(name for name in found if name and name != "NULL")


def lists(cells: pd.Series) -> pd.Series:
    """A column without the brackets of its lists, if most cells are lists."""
    first = cells[cells != ""].head(1000)
    are_lists = first.str.fullmatch(r"\[.*\]|\{.*\}", flags=re.DOTALL).mean() > 0.5
    return each_different(cells, list_of) if are_lists else cells
